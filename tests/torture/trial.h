/* One trial: a scenario with one or two faults, the recovery after it, and the judgement. */
#ifndef TESTS_TORTURE_TRIAL_H
#define TESTS_TORTURE_TRIAL_H

#include "tests/torture/scenarios.h"

struct trial {
    const struct scenario *scenario;
    struct fault_order faults[FAULT_ORDERS_MAX];
    bool kills; /* the faulty life ends by SIGKILL, not in order */
};

struct tally {
    size_t runs, faults, ended, bad; /* ended: lives that the faults ended */
    size_t acked, repeated, lost, doubled;
};

struct measured { /* what a scenario passes where nothing fails */
    struct fault_point points[FAULT_POINTS_MAX];
    uint32_t at_start[FAULT_POINTS_MAX]; /* how much of that before it listened */
    size_t count;
};

/* True where all demands are met; else the story is told on standard error. `measured`, where not NULL, gets what was
 * passed before the recovery. */
bool trial_run(const struct trial *trial, struct tally *tally, struct measured *measured);

#endif
