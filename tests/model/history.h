/* One run as data: the settings, and what happens step by step. Can be written as a script and read back.
 *
 *   rules window=600000 hold=30000 park_for=86400000 retention=… body_retention=… retry=5000,30000 trim=1 …
 *   flags 1f 00                       consumers on: bit c for company c; legacy, new
 *   arrive 3 rule legacy type=DataSyncCompleted for=read.completed company=1 rule=2 … item=completed:1:1:4
 *   settle 3 failed retry_after=-1 jitter=20
 *
 * "calm" at the end of the rules: both consumers are healthy and every message is seen, so that at the end the check by
 * occurrence is made; "occurrence=7 happened=…" of an arrival says what it tells of.
 *
 * A step that makes no sense any more, because others were taken out, does nothing. */
#ifndef TESTS_MODEL_HISTORY_H
#define TESTS_MODEL_HISTORY_H

#include "common/err.h"
#include "tests/model/model.h"

#include <stdio.h>

enum step_kind {
    STEP_ARRIVE,  /* label, sketch, lease, promise */
    STEP_WAIT,    /* number: ms */
    STEP_LEASE,   /* endpoint; number: at most */
    STEP_SETTLE,  /* label, attempt */
    STEP_FLAGS,   /* flags */
    STEP_SWEEP,   /* number: budget; 0: until nothing is left to do */
    STEP_REPLAY,  /* label, force */
    STEP_RESTART, /* the process ends in order and begins again */
    STEP_BEGIN,   /* from here to commit or abort: one group */
    STEP_COMMIT,
    STEP_ABORT,
    STEP_RESUME, /* label: an attempt that had to wait begins */
    STEP_FAIL,   /* number: which call of the store will fail, counted from here */
    STEP_CRASH,  /* likewise, and the process ends there without a word */
    STEP_KIND_COUNT
};

struct history_step {
    enum step_kind kind;
    unsigned label;
    int64_t number;
    enum endpoint endpoint;
    struct flags flags;
    struct model_attempt attempt;
    bool lease, promise, force;
    struct sketch sketch;
};

struct history {
    uint64_t seed;
    struct rules rules;
    struct history_step *steps; /* owned */
    size_t count, capacity;
};

void history_clear(struct history *history);
void history_add(struct history *history, const struct history_step *step);
void history_write(const struct history *history, FILE *file);
void history_write_step(const struct history_step *step, FILE *file);
/* ERR_INVALID names the line. */
enum err history_read(struct history *history, FILE *file, struct err_detail *detail) MUST_USE;

#endif
