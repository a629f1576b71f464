/* How many deliveries to one origin (scheme, host, port) of an endpoint may run, in all workers together, and whether
 * it seems to be up.
 *
 *   up ──(FAILURES_UNTIL_DOWN failures in a row)──► down: one delivery at a time, some time apart
 *   up ◄──────────────(one sign of life)─────────── down
 *   up, down ────────(it asks to be left alone)───► rests: nothing for so long, then down
 *
 * Atomics inside; any thread. Time is monotonic, in milliseconds: that of people may be set back by hours. */
#ifndef PROXY_FLOW_HEALTH_H
#define PROXY_FLOW_HEALTH_H

#include "common/base.h"

#include <stdatomic.h>

enum { FAILURES_UNTIL_DOWN = 5, HEALTH_SHARE_ALL = 8, HEALTH_SHARE_RETRIES = 6 };

enum health_sign {
    HEALTH_ALIVE, /* it has answered, and may have refused the message: that says nothing about others */
    HEALTH_FAILED,
    HEALTH_RESTS /* it asked to be left alone for a time */
};

struct health {
    uint32_t concurrency;
    int64_t probe_every_ms; /* between two deliveries while it is down */
    _Atomic uint32_t in_flight;
    _Atomic uint32_t failures;   /* in a row */
    _Atomic int64_t probe_at_ms; /* not before, while down */
    _Atomic int64_t rests_until_ms;
    _Atomic uint32_t waiting; /* deliveries that a sender waits for and that found no room */
};

void health_init(struct health *health, uint32_t concurrency, int64_t first_retry_ms);
bool health_is_up(const struct health *health);

/* Takes one of the places; false where there is none now. Every place taken is given back by health_release() or,
 * where nothing was sent, by health_return(). `share` in eighths: of how many of the places the caller may be the
 * user of the last one (8: all), so that retries leave room for what has just arrived. */
bool health_acquire(struct health *health, int64_t now_ms, uint32_t share);
void health_return(struct health *health);
/* Writes down how the delivery went; `rest_ms` for HEALTH_RESTS. True where that changed up to down or back. */
bool health_release(struct health *health, enum health_sign sign, int64_t rest_ms, int64_t now_ms);
/* Milliseconds until health_acquire() can succeed again where it rests or is down, else 0. */
int64_t health_wait_ms(const struct health *health, int64_t now_ms);

#endif
