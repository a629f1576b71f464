/* What share of the companies the new consumer has, by the flag file. */
#ifndef PROXY_APP_RAMP_SHARE_H
#define PROXY_APP_RAMP_SHARE_H

#include "common/arena.h"
#include "common/err.h"

/* A share, and the companies that have the new consumer besides. */
struct ramp_share {
    int percent; /* 0: off for all others, 100: on for everybody */
    const struct str *companies;
    size_t company_count;
};

/* ERR_INVALID where the file is refused, or new-consumer has a rule that is none of `flags set`: then no share can be
 * told; and the errors of reading it. With detail; texts live in the arena. */
enum err ramp_share_read(const char *path, struct arena *arena, struct ramp_share *share,
                         struct err_detail *detail) MUST_USE;
enum err ramp_share_write(const char *path, const struct ramp_share *share, struct err_detail *detail) MUST_USE;

#endif
