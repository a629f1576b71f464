/* An immutable set of flags that somebody uses: the store decides with it, workers ask it about shadow traffic, the
 * admin port shows it. Counted, so that the old one lives as long as anybody looks at it. */
#ifndef PROXY_FLOW_SNAPSHOT_H
#define PROXY_FLOW_SNAPSHOT_H

#include "common/err.h"
#include "proxy/decide/flags.h"
#include "proxy/store/ledger.h"

/* Evaluations of each flag that failed, of all snapshots; the value of an unmigrated system was taken. Atomics. */
struct flag_failures {
    struct {
        _Atomic uint64_t count;
        _Atomic int64_t last_ms; /* wall time */
        _Atomic int last;        /* enum flag_error */
    } of[CONSUMER_FLAG_COUNT];
};

struct snapshot {
    struct flags *flags;
    struct str text;   /* the file as it was read */
    int64_t loaded_ms; /* when */
    uint64_t number;   /* 1, 2, ... in the life of the process */
    _Atomic int users;
    struct flag_failures *failures; /* may be NULL */
};

/* Takes the flags over. One user: the caller. `failures`, which may be NULL, outlives it. */
struct snapshot *snapshot_new(struct flags *flags, struct str text, int64_t loaded_ms, uint64_t number,
                              struct flag_failures *failures) MUST_USE;
struct snapshot *snapshot_hold(struct snapshot *snapshot);
void snapshot_release(struct snapshot *snapshot); /* from any thread; the last one frees */

/* The ledger's question: `flags` is a struct snapshot. A ledger_flag_fn. */
bool snapshot_consumer_on(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                          struct arena *arena, struct str *why);
/* Is shadow traffic to `new` wanted for it? */
bool snapshot_shadow_on(const struct snapshot *snapshot, const struct record *record, int64_t now_ms,
                        struct arena *arena);

/* The snapshot in force, shared between threads. */
struct snapshot_slot;
struct snapshot_slot *snapshot_slot_new(struct snapshot *first) MUST_USE;  /* takes the caller's use over */
struct snapshot *snapshot_slot_get(struct snapshot_slot *slot) MUST_USE;   /* held for the caller */
void snapshot_slot_set(struct snapshot_slot *slot, struct snapshot *next); /* takes the caller's use over */
void snapshot_slot_free(struct snapshot_slot *slot);

#endif
