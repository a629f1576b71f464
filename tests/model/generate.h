/* Random histories: what happens next, given how things stand. */
#ifndef TESTS_MODEL_GENERATE_H
#define TESTS_MODEL_GENERATE_H

#include "tests/model/history.h"
#include "tests/model/occurrence.h"
#include "tests/model/random.h"

/* In percent of steps where nothing else is said. */
struct mood {
    unsigned fails[ENDPOINT_COUNT]; /* percent of attempts */
    unsigned gone, interrupted;     /* percent of attempts that fail */
    unsigned flips, replays, restarts, crashes, faults, groups, sweeps, leases, waits;
    unsigned promises, leased_at_once; /* percent of arrivals */
    bool flags_by_company;
};

struct generator {
    struct random random;
    struct vendor vendor;
    struct mood mood;
    struct tellings tellings;
    unsigned last_label;
    bool begun;
};

/* Begins a history: draws its settings and how the world shall behave. */
void generator_begin(struct generator *generator, uint64_t seed, struct rules *rules);
/* In calm times: what is on its way still arrives. False where nothing is. */
bool generator_rest(struct generator *generator, const struct model *model, struct history_step *step);
struct history_step generator_next(struct generator *generator, const struct model *model);

#endif
