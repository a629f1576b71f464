/* Whole histories: random ones, scripts, and the shortest that still fails. */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include "tests/model/history.h"
#include "tests/model/world.h"

struct runner {
    struct world *world; /* owned; large */
    enum store_kind store;
    bool without_model; /* only the invariants are checked */
    const char *dir;
    uint64_t steps, arrivals;       /* done in all */
    uint64_t in_state[STATE_COUNT]; /* messages by the state they ended in */
    uint64_t twins;
};

void runner_begin(struct runner *runner, enum store_kind store, const char *dir);
void runner_end(struct runner *runner);
/* False: it failed; runner->world->failure says how, and `history` holds what was done. */
bool runner_random(struct runner *runner, uint64_t seed, unsigned steps, struct history *history) MUST_USE;
bool runner_script(struct runner *runner, const struct history *history) MUST_USE;
/* Takes steps out of a history that fails, as long as it fails. */
void runner_shrink(struct runner *runner, struct history *history);

#endif
