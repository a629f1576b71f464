#include "proxy/flow/health.h"

enum { PROBE_MIN_MS = 10, PROBE_MAX_MS = 500 };

/* A probe is a real delivery, and its failure uses an attempt of a real message up; so probes are apart by a tenth of
 * the first wait between attempts, within reason. */
void health_init(struct health *health, uint32_t concurrency, int64_t first_retry_ms) {
    int64_t every = first_retry_ms / 10;
    every = every < PROBE_MIN_MS ? PROBE_MIN_MS : every > PROBE_MAX_MS ? PROBE_MAX_MS : every;
    *health = (struct health){.concurrency = concurrency, .probe_every_ms = every};
}

bool health_is_up(const struct health *health) {
    return atomic_load(&health->failures) < FAILURES_UNTIL_DOWN;
}

bool health_acquire(struct health *health, int64_t now_ms, uint32_t share) {
    uint32_t limit = health->concurrency * share / 8;
    if (now_ms < atomic_load(&health->rests_until_ms))
        return false;
    if (limit == 0)
        limit = 1;
    if (!health_is_up(health)) {
        if (now_ms < atomic_load(&health->probe_at_ms))
            return false;
        limit = 1;
    }
    uint32_t used = atomic_load(&health->in_flight);
    while (used < limit)
        if (atomic_compare_exchange_weak(&health->in_flight, &used, used + 1))
            return true;
    return false;
}

void health_return(struct health *health) {
    atomic_fetch_sub(&health->in_flight, 1);
}

static void put_off(_Atomic int64_t *until_ms, int64_t at_ms) {
    int64_t before = atomic_load(until_ms);
    while (before < at_ms && !atomic_compare_exchange_weak(until_ms, &before, at_ms))
        continue;
}

/* What it asks for is at least as much as failing: after its rest one delivery shows whether it is ready. */
static bool begin_rest(struct health *health, int64_t until_ms) {
    uint32_t failures = atomic_load(&health->failures);
    put_off(&health->rests_until_ms, until_ms);
    while (failures < FAILURES_UNTIL_DOWN &&
           !atomic_compare_exchange_weak(&health->failures, &failures, FAILURES_UNTIL_DOWN))
        continue;
    return failures < FAILURES_UNTIL_DOWN;
}

bool health_release(struct health *health, enum health_sign sign, int64_t rest_ms, int64_t now_ms) {
    bool changed = false;
    switch (sign) {
    case HEALTH_ALIVE:
        changed = atomic_exchange(&health->failures, 0) >= FAILURES_UNTIL_DOWN;
        break;
    case HEALTH_FAILED:
        changed = atomic_fetch_add(&health->failures, 1) + 1 == FAILURES_UNTIL_DOWN;
        atomic_store(&health->probe_at_ms, now_ms + health->probe_every_ms);
        break;
    case HEALTH_RESTS:
        changed = begin_rest(health, now_ms + rest_ms);
        break;
    }
    atomic_fetch_sub(&health->in_flight, 1);
    return changed;
}

int64_t health_wait_ms(const struct health *health, int64_t now_ms) {
    int64_t rest = atomic_load(&health->rests_until_ms) - now_ms;
    int64_t wait = health_is_up(health) ? 0 : atomic_load(&health->probe_at_ms) - now_ms;
    wait = rest > wait ? rest : wait;
    return wait > 0 ? wait : 0;
}
