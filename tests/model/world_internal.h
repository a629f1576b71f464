/* What the files of the world share. */
#ifndef TESTS_MODEL_WORLD_INTERNAL_H
#define TESTS_MODEL_WORLD_INTERNAL_H

#include "tests/model/world.h"

/* world_store.c: the process and its store */
enum err store_start(struct world *world) MUST_USE; /* opens the ledger */
bool store_restart(struct world *world);            /* false: see failure */
bool group_begin(struct world *world);              /* false: the store failed as ordered, or see failure */
bool group_commit(struct world *world);             /* likewise; then the group is undone */
void group_undo(struct world *world);
/* After a call has given `err`: true where it went well. Else the group is undone; an error that nobody ordered is
 * a failure. */
bool group_accepts(struct world *world, enum err err, const char *call) MUST_USE;

/* world_compare.c */
bool compare_all(struct world *world) MUST_USE;        /* model and mirror */
bool compare_with_store(struct world *world) MUST_USE; /* mirror and what the ledger tells about the store */
bool compare_message(const struct model_message *message, const struct mirror_record *record);
const struct mirror_record *mirror_at(const struct world *world, int place);

/* world_check.c: the invariants, on the mirror and what was witnessed */
bool check_invariants(struct world *world, const struct history_step *step) MUST_USE;
/* At the end of calm times: by hidden occurrence, which only the generator knows. */
bool check_occurrences(struct world *world) MUST_USE;
/* Its retention is over: what it handled stays handled for its twins. To be called while it is in the model. */
void witness_retirement(struct world *world, int place);

/* An attempt begins. */
void witness_need(struct world *world, int place);

/* world_adopt.c: in place of the model, where there is none */
int place_of(const struct world *world, uint64_t id);
struct model_arrival adopt_arrival(struct world *world, const struct history_step *step,
                                   const struct admission *admission);
void adopt_leases(struct world *world, const struct lease *leases, size_t count, int *places);
void adopt_removals(struct world *world); /* after a sweep */
void adopt_all(struct world *world);      /* after every step */

/* world_sweep.c: which chores has the ledger done? */
bool sweep_step(struct world *world, size_t budget, bool *more) MUST_USE;

#endif
