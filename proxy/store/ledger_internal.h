/* What the files of the ledger share. */
#ifndef PROXY_STORE_LEDGER_INTERNAL_H
#define PROXY_STORE_LEDGER_INTERNAL_H

#include "proxy/store/idset.h"
#include "proxy/store/ledger.h"
#include "proxy/store/parity.h"

/* A message whose told time and arrival are no further apart than this stands in the index of facts under its told time
 * alone; else under both. Stores depend on it: do not change it. */
enum { NEARLY_SAME_MS = 60 * 1000 };

/* Messages with one hash of identity: repeats are not stored, so hardly more than one. */
enum { IDENTITY_MAX = 64 };

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

/* See ledger_lanes.c. */
struct lane {
    struct due passed; /* nothing of the lane is due up to it */
    int64_t waits_ms;  /* since when something of it is due and was left, as far as is known; DUE_NEVER: nothing */
};
struct lanes {
    struct lane *items;
    size_t count; /* 0: this endpoint has none */
};

struct ledger {
    struct backend *backend;
    const struct backend_ops *ops;
    struct ledger_policy policy;
    ledger_flag_fn *flag;
    void *flags;
    struct arena *scratch;            /* of one call */
    int64_t ahead_ms, ahead_since_ms; /* ledger_clock_ahead() */
    bool is_full;                     /* ledger_set_full() */
    struct idset leases;
    struct idset set_aside; /* damaged, told of */
    struct parity *parity;
    struct refusals *refusals;                         /* NULL: none yet */
    uint64_t oldest_from[STATE_COUNT][ENDPOINT_COUNT]; /* no message of the endpoint in that state has a lower id */
    struct lanes lanes[ENDPOINT_COUNT];
    struct ledger_memory now, before; /* before: as of ledger_begin() */
    struct lease_change *changes;     /* since ledger_begin() */
    size_t change_count, change_capacity;
};

static inline uint64_t ledger_id_at(int64_t ms) {
    return ms <= 0 ? 0 : (uint64_t)ms << 20;
}

static inline size_t record_bitmap_len(const struct record *record) {
    return (record->item_count + 7) / 8;
}

/* The items that a delivered message is sent once more for; absent: it is not. */
static inline struct str record_again(const struct record *record) {
    size_t len = record_bitmap_len(record);
    return record->trimmed.len > len ? str_from(record->trimmed, len) : STR_NONE;
}

/* Delivered with that item, or durably accepted for it. */
static inline bool record_handles(const struct record *record, uint32_t item) {
    if (!record_is_handled(record))
        return false;
    return !bitmap_has(record->trimmed, item) ||
           (record->state == STATE_PENDING && bitmap_has(record_again(record), item));
}

/* Anybody can forge what is not verified: where it is not trusted, it handles nothing in place of what is. */
static inline bool ledger_may_cover(const struct ledger *ledger, const struct record *twin, const struct record *own) {
    return !ledger->policy.distrusts_unverified || (twin->marks & RECORD_VERIFIED) != 0 ||
           (own->marks & RECORD_VERIFIED) == 0;
}

static inline bool record_has_delivered(const struct record *record, uint32_t item) {
    return (record->marks & RECORD_DELIVERED_ONCE) != 0 && !bitmap_has(record->trimmed, item);
}

/* Is it younger than the retention? Ages count from the last change, and what is open has none. */
static inline bool ledger_is_remembered(const struct ledger *ledger, const struct record *record, int64_t now_ms) {
    return !state_is_final(record->state) || record->changed_ms >= now_ms - ledger->policy.retention_ms;
}

/* ledger_lease.c: a message that is due. Taken: it is the caller's to attempt from now on. */
enum lease_fate { LEASE_TAKEN, LEASE_PARKED /* its consumer is off by now */, LEASE_LEFT /* damaged, or moved */ };
enum err ledger_lease_one(struct ledger *ledger, struct arena *arena, uint64_t id, int64_t now_ms, struct lease *lease,
                          enum lease_fate *fate) MUST_USE;

/* ledger_lanes.c */
void ledger_lanes_reset(struct ledger *ledger);                                         /* nothing is known of them */
void ledger_lanes_lower(struct ledger *ledger, enum endpoint endpoint, int64_t due_ms); /* something is due then */
void ledger_lanes_clear(struct ledger *ledger);

/* ledger_damage.c: a message that cannot be read, and is passed over from now on. */
bool ledger_is_set_aside(const struct ledger *ledger, uint64_t id);
void ledger_set_aside(struct ledger *ledger, uint64_t id);
/* ERR_DAMAGED: it is set aside. */
enum err ledger_load_own(struct ledger *ledger, struct arena *arena, uint64_t id, struct record *record) MUST_USE;
/* One that a decision about another message looks at, into the scratch arena; ERR_NOT_FOUND also where it is damaged.
 */
enum err ledger_load_other(struct ledger *ledger, uint64_t id, struct record *record) MUST_USE;

void bitmap_set(char *bitmap, size_t index);
void bitmap_unset(char *bitmap, size_t index);
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

/* A dead or expired message: is it delivered by its twins, or itself, item by item? Then it is dead no more. */
enum err ledger_lay_to_rest(struct ledger *ledger, struct record *record, int64_t now_ms) MUST_USE;

/* A message has become handled, or is no longer: its twins may stand differently now. */
enum err ledger_ripple(struct ledger *ledger, uint64_t id, int64_t now_ms, const char *why) MUST_USE;

/* ledger_items.c: which items go with a message. */

/* As ledger_coverage(), but for the items of an event that a waiting rule tells more of than the rules that are
 * handled: those need the event, where its consumer is on. */
enum err ledger_spare(struct ledger *ledger, const struct record *record, int64_t now_ms, struct str *spare,
                      size_t *count) MUST_USE;
/* A rule of an event's item. */
struct rule_twin {
    uint32_t item;
    const struct record *rule;
};
/* Takes the items out of `spare` that a waiting rule needs the event for; how many. The twins by item. */
size_t ledger_unspare(struct ledger *ledger, const struct record *event, const struct rule_twin *twins, size_t count,
                      char *spare);
/* Does nothing of the message depend on its delivery: is each item delivered with it, or handled by a twin? */
enum err ledger_is_handled(struct ledger *ledger, const struct record *record, bool *handled) MUST_USE;
/* The same, where only what was delivered counts. */
enum err ledger_is_delivered(struct ledger *ledger, const struct record *record, bool *delivered) MUST_USE;
/* A pending message that leaves items to its twins, whose attempt has not begun: it leaves them those only that are
 * covered still. A forced replay goes whole in any case. `*changed`: its twins are to be looked at. */
enum err ledger_take_items_back(struct ledger *ledger, struct record *record, int64_t now_ms, bool *changed) MUST_USE;
/* A delivered message that left items to its twins which are not handled now, and whose consumer is on: it is sent
 * once more, with just these. `*moved`: it is pending again. */
enum err ledger_give_back(struct ledger *ledger, struct record *record, int64_t now_ms, const char *why,
                          bool *moved) MUST_USE;
/* Marks these items for a delivery of their own. */
void ledger_set_again(struct ledger *ledger, struct record *record, struct str items);
/* The items that the next attempt leaves out, in the scratch arena; absent: none. */
struct str ledger_left_out(struct ledger *ledger, const struct record *record);

/* ledger_lease.c: an attempt is about to begin later than it was decided. Off by now: it is decided again, and
 * `*moved`.
 */
enum err ledger_ask_again(struct ledger *ledger, struct record *record, int64_t now_ms, bool *moved) MUST_USE;

/* ledger_refused.c: its sender is told 503, and will come again. `is_lasting`: also after a restart. */
enum err ledger_refused_note(struct ledger *ledger, const struct record *record, bool is_lasting,
                             int64_t now_ms) MUST_USE;
/* Was it refused before, with the same identity and facts? `*first_ms`: when it came first. */
bool ledger_refused_before(struct ledger *ledger, const struct record *record, int64_t now_ms, int64_t *first_ms);
enum err ledger_refused_read(struct ledger *ledger) MUST_USE; /* from the store */
void ledger_refused_begin(struct ledger *ledger);             /* a group begins */
void ledger_refused_undo(struct ledger *ledger);              /* it is rolled back */
void ledger_refused_free(struct ledger *ledger);

/* ledger_repeat.c: the sender repeats a message that was admitted before. */
enum err ledger_repeat(struct ledger *ledger, struct record *first, int64_t now_ms,
                       struct admission *admission) MUST_USE;
bool ledger_backlog_is_full(const struct ledger *ledger);

/* ledger_identity.c */
struct repeat {
    bool found;
    struct record first; /* where found */
    uint64_t namesake;   /* a message of the same identity that states something else; 0: none */
};
/* What a new message is the repeat of. Sets record->identity_hash. */
enum err ledger_find_repeated(struct ledger *ledger, struct record *record, int64_t now_ms,
                              struct repeat *repeat) MUST_USE;
/* The row by which a message with both ids is found by the one in its body; false: it needs none. */
bool ledger_body_row(const struct record *record, struct fact_row *row);
/* A second row where it has that one: for people, who look the id up and do not know what was stated. */
bool ledger_body_id_row(const struct record *record, struct fact_row *row);
uint64_t ledger_body_id_hash(enum generation generation, struct str body);
/* The first hint in the text; absent: there is none. */
struct str ledger_facts_hint(struct str facts);

/* ledger_recurrence.c: of the first items, in the arena. */
enum err ledger_recurrences(struct ledger *ledger, struct arena *arena, const struct record *record,
                            struct recurrence **found, size_t *found_count) MUST_USE;

/* ledger_rows.c: enters a message into the index of facts, by what its record says, or takes it out. */
enum err ledger_add_rows(struct ledger *ledger, const struct record *record) MUST_USE;
enum err ledger_remove_rows(struct ledger *ledger, const struct record *record) MUST_USE;

/* What an admission rested on. */
struct trace {
    enum state state; /* that it came to */
    struct standing standing;
    struct str own_why, other_why; /* of the flags */
    int64_t window_ms;
    struct str notes; /* sentences for people; absent: none */
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
enum err ledger_count_move(struct ledger *ledger, const struct record *record, const struct record *before) MUST_USE;
/* Takes back what parity counted of a message that is about to be erased because its sender comes again. */
enum err ledger_count_forgotten(struct ledger *ledger, const struct record *record) MUST_USE;

/* Takes a message out with all that belongs to it. */
enum err ledger_erase(struct ledger *ledger, const struct record *record) MUST_USE;

#endif
