/* A file beside the store that only takes room. On a full disk it is given up, so that what is past its retention can
 * be removed: SQLite needs room in its log to remove anything.
 *
 * One thread at a time. */
#ifndef PROXY_STORE_SQLITE_RESERVE_H
#define PROXY_STORE_SQLITE_RESERVE_H

#include "common/base.h"

struct sqlite_reserve {
    char *path;   /* PATH-reserve */
    int64_t len;  /* bytes, by the size of the file system */
    bool is_held; /* the file is there */
};

/* For the store at `path`: takes the reserve where there is room for half of it at least. */
void sqlite_reserve_open(struct sqlite_reserve *reserve, const char *path);
void sqlite_reserve_release(struct sqlite_reserve *reserve); /* gives it up */
/* Takes it again where there is room. Returns the bytes that are free on the disk then. */
int64_t sqlite_reserve_renew(struct sqlite_reserve *reserve);
void sqlite_reserve_close(struct sqlite_reserve *reserve); /* the file stays */

#endif
