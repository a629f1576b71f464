/* One history under way: the real ledger on a real store, the model beside it, and a witness who knows what was
 * promised to senders and what consumers were sent.
 *
 * Every step is done by both, then they are compared, and the invariants are checked on what the ledger wrote. */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "proxy/store/ledger.h"
#include "tests/model/history.h"
#include "tests/model/mirror.h"

enum store_kind { STORE_MEMORY, STORE_SQLITE, STORE_KIND_COUNT };

/* What was seen of a message from outside, by place in the array of the model. */
struct witnessed {
    bool promised;      /* its sender was told 2xx */
    bool uncertain;     /* an attempt failed or was cut off, an operator interfered, or a group with it was undone */
    bool sent_whole;    /* though covered: section 5's exception */
    bool retired;       /* removed when its retention was over */
    uint32_t sent;      /* items of the attempt that is under way */
    uint32_t delivered; /* items that its consumer has taken */
    uint32_t vouched;   /* items that a twin handled which was removed when its retention was over */
    uint32_t needed;    /* items that one of several rules waits for */
    uint32_t lapsed;    /* items that a twin kept, dead or expired, until its retention was over */
};

struct world {
    enum store_kind store;
    bool without_model;
    const char *dir; /* for files of a store */
    const struct rules *rules;
    struct ledger_policy policy;
    struct ledger *ledger; /* NULL while the process is down */
    struct arena *arena;   /* of one step */
    struct flags flags[2]; /* the ledger points to one of them */
    unsigned flags_used;
    int64_t now_ms;
    double jitter;
    bool in_group, crashing;
    bool undone;    /* in this step a group was taken back */
    unsigned armed; /* which call of the store fails in the next group; 0: none */
    bool armed_crash;
    size_t step; /* number of the one that is done now */
    struct ledger_counts counts;
    size_t arrived_count;
    struct sketch arrived[MODEL_MESSAGES];               /* all that came, repeats too, for the check by occurrence */
    int64_t chores_seen_ms[MODEL_MESSAGES][CHORE_COUNT]; /* since when it was seen to be due; 0: it is not */
    const char *failure_kind;                            /* its format */
    enum step_kind failure_step;                         /* and the step it came with */
    char failure[1024];                                  /* of the comparison; empty while all is well */
    struct mirror mirror;
    struct mirror_data previous; /* before this step */
    struct model model, saved;
    struct witnessed witnessed[MODEL_MESSAGES], witnessed_before[MODEL_MESSAGES];
};

/* `sizeof(struct world)` is large: keep one and use it again. ERR_* of the store. */
enum err world_open(struct world *world, enum store_kind store, bool without_model, const char *dir,
                    const struct rules *rules) MUST_USE;
void world_close(struct world *world);
/* Does the step, compares, and checks. False: `failure` says what is wrong. */
bool world_step(struct world *world, const struct history_step *step) MUST_USE;
/* Ends a group that is open, lets all chores be done, and compares everything with what the store says. */
bool world_finish(struct world *world) MUST_USE;

/* Says what is wrong, once. Returns false. */
bool world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
