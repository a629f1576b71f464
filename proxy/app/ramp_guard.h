/* Is the new consumer well? Asked of the running proxy again and again while a step of a ramp is watched. */
#ifndef PROXY_APP_RAMP_GUARD_H
#define PROXY_APP_RAMP_GUARD_H

#include "proxy/app/admin_client.h"

struct ramp_guard {
    const struct admin_client *client;
    double max_errors; /* share of the attempts, and of the alerts, from 0 to 1 */
    /* ramp_guard's own: */
    int64_t since_ms;                 /* the step's beginning, wall time */
    uint64_t delivered, failed, dead; /* as of then */
    int64_t unseen_since_us;          /* monotonic; 0: the proxy answered the last time */
};

/* From now on: what was before does not count. The errors of asking, with detail. */
enum err ramp_guard_begin(struct ramp_guard *guard, struct err_detail *detail) MUST_USE;
/* ERR_NONE: all is well. ERR_DENIED: it is not, and the detail says what, in a sentence. */
enum err ramp_guard_look(struct ramp_guard *guard, struct err_detail *detail) MUST_USE;

#endif
