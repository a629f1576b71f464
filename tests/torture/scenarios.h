/* What is played on the stage while faults are made. */
#ifndef TESTS_TORTURE_SCENARIOS_H
#define TESTS_TORTURE_SCENARIOS_H

#include "tests/torture/stage.h"

struct scenario {
    const char *name;
    void (*prepare)(struct stage *stage); /* settings, flags, letters */
    stage_answer_fn *answer;
    void (*play)(struct stage *stage); /* may leave the proxy running, or find it ended */
    int64_t clock_shift_ms;            /* of the lives after it */
    int replayed;                      /* letters that are delivered once more on request */
    bool rests_on_time;                /* its twins are twins because they are near in time */
    bool flips;                        /* a flag may be switched off while an attempt is under way */
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

/* A consumer in good health. */
int answer_well(struct stage *stage, enum endpoint endpoint, const struct letter *letter);

#endif
