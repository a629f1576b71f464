/* Error codes and, where a person will read it, the detail that goes with them.
 *
 * Fallible functions return `enum err`, write their results only on ERR_NONE, and put the human detail
 * ("flags.json:3:14: \"state\" must be ENABLED or DISABLED") into a `struct err_detail` of the caller. */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include "common/base.h"

enum err {
    ERR_NONE = 0,
    ERR_INVALID,   /* what was given is wrong: wrong again when tried again */
    ERR_LIMIT,     /* larger, deeper or more than a limit allows */
    ERR_NOT_FOUND, /* there is no such thing */
    ERR_EXISTS,    /* there is such a thing already */
    ERR_DENIED,    /* not permitted */
    ERR_BUSY,      /* held by somebody else, or no room: may work later */
    ERR_TIMEOUT,   /* took longer than it may */
    ERR_CLOSED,    /* the other side, or this one, has ended it */
    ERR_IO,        /* the operating system or a library failed */
    ERR_DAMAGED,   /* what was written once cannot be read any more; the rest may be sound */
    ERR_COUNT
};

/* Room for one sentence; longer ones are cut. Not shared between threads. */
struct err_detail {
    char text[512];
};

/* A short lower-case name ("not found") with static lifetime. */
const char *err_name(enum err err);

/* Writes the detail (which may be NULL) and returns `err`, so that a function can end with it. */
enum err err_set(struct err_detail *detail, enum err err, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " before the detail that is there. */
void err_prefix(struct err_detail *detail, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
