/* Do other loops turn? Each is asked once a second to say so; one that keeps silent for too long hangs.
 *
 * Belongs to one loop. */
#ifndef PROXY_ADMIN_PULSE_H
#define PROXY_ADMIN_PULSE_H

#include "common/loop.h"

struct pulse;

/* `loops` is copied; they must outlive it, and may no longer run when it is freed. */
struct pulse *pulse_new(struct loop *own, struct loop *const *loops, size_t count) MUST_USE;
/* The index of the first loop that has not turned for `within_ms`; -1 where all have. */
int pulse_find_silent(const struct pulse *pulse, int64_t within_ms);
void pulse_free(struct pulse *pulse); /* NULL is fine */

#endif
