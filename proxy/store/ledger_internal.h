/* What the files of the ledger share. */
#ifndef PROXY_STORE_LEDGER_INTERNAL_H
#define PROXY_STORE_LEDGER_INTERNAL_H

#include "proxy/store/idset.h"
#include "proxy/store/ledger.h"
#include "proxy/store/parity.h"

enum { EXACT_MAX = 256, IDENTITY_MAX = 64 };

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum err try_err_ = (call);                                                                                    \
        if (try_err_ != ERR_NONE)                                                                                      \
            return try_err_;                                                                                           \
    } while (0)

/* What is kept in memory and must go back when a group is rolled back. */
struct ledger_memory {
    struct ledger_counts counts;
    struct ledger_stats stats;
    uint64_t last_id;
    int64_t next_due_ms[ENDPOINT_COUNT];
    bool reviewing; /* flags have changed: open messages with ids above review_after are to be looked at */
    uint64_t review_after;
    bool review_again;                        /* from the start, once it is through */
    uint64_t content_after, removal_after;    /* how far retention has come in this pass */
    int64_t content_pass_ms, removal_pass_ms; /* when the next pass begins */
    int64_t parity_merged_ms;                 /* buckets of parity before it are hours */
};

struct lease_change {
    uint64_t id;
    bool added;
};

struct ledger {
    struct backend *backend;
    const struct backend_ops *ops;
    struct ledger_policy policy;
    ledger_flag_fn *flag;
    void *flags;
    struct arena *scratch; /* of one call */
    struct idset leases;
    struct idset set_aside; /* damaged, told of */
    struct parity *parity;
    uint64_t oldest_from[STATE_COUNT][ENDPOINT_COUNT]; /* no message of the endpoint in that state has a lower id */
    struct ledger_memory now, before;                  /* before: as of ledger_begin() */
    struct lease_change *changes;                      /* since ledger_begin() */
    size_t change_count, change_capacity;
};

static inline uint64_t ledger_id_at(int64_t ms) {
    return ms <= 0 ? 0 : (uint64_t)ms << 20;
}

static inline bool record_is_handled(const struct record *record) {
    return state_is_handled(record->state) || (record->marks & RECORD_DELIVERED_ONCE) != 0;
}

/* Nobody handles it at present, neither its own consumer nor, by a twin, the other one. */
static inline bool record_is_unhandled(const struct record *record) {
    return !record_is_handled(record) && record->state != STATE_SUPPRESSED;
}

/* ledger_damage.c: a message that cannot be read, and is passed over from now on. */
bool ledger_is_set_aside(const struct ledger *ledger, uint64_t id);
void ledger_set_aside(struct ledger *ledger, uint64_t id);
/* ERR_DAMAGED: it is set aside. */
enum err ledger_load_own(struct ledger *ledger, struct arena *arena, uint64_t id, struct record *record) MUST_USE;
/* One that a decision about another message looks at, into the scratch arena; ERR_NOT_FOUND also where it is damaged.
 */
enum err ledger_load_other(struct ledger *ledger, uint64_t id, struct record *record) MUST_USE;

void bitmap_set(char *bitmap, size_t index);
size_t bitmap_count(struct str bitmap, size_t bits);

void ledger_lease_add(struct ledger *ledger, uint64_t id);
void ledger_lease_drop(struct ledger *ledger, uint64_t id);
void ledger_note_due(struct ledger *ledger, enum endpoint endpoint, int64_t due_ms);
bool ledger_own_on(struct ledger *ledger, const struct record *record, int64_t now_ms);

/* The items of a stored message that are covered by its twins now, as a bitmap in the scratch arena. */
enum err ledger_coverage(struct ledger *ledger, const struct record *record, struct str *covered,
                         size_t *count) MUST_USE;

/* The one place where a stored message changes its state: counts, due time, history. `step` gives what is known of
 * the cause; its time and state are filled in. */
enum err ledger_move(struct ledger *ledger, struct record *record, enum state state, int64_t due_ms, int64_t now_ms,
                     struct step step) MUST_USE;

/* Decides about a stored message again, by coverage and flags, and moves it; never to held. */
enum err ledger_decide_again(struct ledger *ledger, struct record *record, int64_t now_ms, const char *why) MUST_USE;

/* A message has become handled, or is no longer: its twins may stand differently now. */
enum err ledger_ripple(struct ledger *ledger, uint64_t id, int64_t now_ms, const char *why) MUST_USE;

/* A pending message that leaves items to its twins, whose attempt has not begun: it leaves them those only that are
 * covered still. Replays go whole in any case. `*changed`: its twins are to be looked at. */
enum err ledger_take_items_back(struct ledger *ledger, struct record *record, bool *changed) MUST_USE;

/* What an admission rested on. */
struct trace {
    enum state state; /* that it came to */
    struct standing standing;
    struct str own_why, other_why; /* of the flags */
    int64_t time_ms;               /* of the message */
    struct trace_candidate {
        const struct candidate *candidate;
        enum state state; /* of its message, before */
    } * candidates;
    size_t candidate_count;
};
/* As a JSON object in the arena; of very many candidates the first ones. */
struct str ledger_trace(struct arena *arena, const struct trace *trace);

/* What parity counts (ledger_parity.c): a rule and an event that are twins. */
struct parity_pair ledger_pair(const struct record *rule, const struct record *event);
/* A message has been stored; `twins`: the messages that it met, each once, as they were before. */
enum err ledger_count_arrival(struct ledger *ledger, const struct message *message, const struct record *record,
                              const struct record *const *twins, size_t twin_count) MUST_USE;
/* Its state has changed. */
enum err ledger_count_move(struct ledger *ledger, const struct record *record, bool was_unhandled) MUST_USE;
/* Takes back what parity counted of a message that is about to be erased because its sender comes again. */
enum err ledger_count_forgotten(struct ledger *ledger, const struct record *record) MUST_USE;

/* Takes a message out with all that belongs to it. */
enum err ledger_erase(struct ledger *ledger, const struct record *record) MUST_USE;

#endif
