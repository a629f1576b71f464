/* The book of all messages: admits them, settles attempts, and decides again when something changes.
 *
 * The life of a message, by the function that moves it:
 *
 *                     ┌── duplicate, refused: not written
 *   ledger_admit() ───┼── suppressed ◄───────────────┐ a twin is handled
 *                     ├── held ──► (time is over)    │
 *                     ├── parked ─► expired          │      ledger_sweep(), ledger_replay()
 *                     └── pending ◄──────────────────┘ a twin is no longer handled
 *                            │ ledger_lease()  an attempt is under way
 *                            ▼
 *                     ledger_settle() ──► delivered | pending again | dead | forgotten
 *
 * Synchronous, over one backend, on one thread; store.h wraps it into a thread with group commit. Every call that
 * writes stands between ledger_begin() and ledger_commit(). After an error the caller rolls back: nothing of the
 * group has happened, in memory neither. Time is an argument: wall time in milliseconds. */
#ifndef PROXY_STORE_LEDGER_H
#define PROXY_STORE_LEDGER_H

#include "proxy/decide/pairing.h"
#include "proxy/store/backend.h"
#include "proxy/store/parity.h"

/* Settings that decisions rest on; constant while the ledger lives. */
struct ledger_policy {
    int64_t window_ms, hold_ms, park_for_ms;
    int64_t retention_ms, body_retention_ms;
    const int64_t *retry_ms; /* waits between attempts */
    size_t retry_count;
    bool trim;                 /* pairing.partial is trim and the endpoint's signature can be renewed */
    bool distrusts_unverified; /* pairing.unverified: a message that was not verified covers none that was */
    uint64_t catalogue;        /* which one facts are read by; 0: nobody asks */
    size_t backlog_max;        /* pending, held and parked in all; beyond: refused */
    /* Called for what decisions cannot know; `arg` is theirs. */
    enum prefer (*prefer)(void *arg, struct str counterpart);
    double (*jitter)(void *arg); /* in [-1, 1] */
    void *arg;
};

/* The flags in force: is the consumer of `endpoint` on for this message? `why`, where not NULL, gets variant and
 * reason for people, in the arena. */
typedef bool ledger_flag_fn(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                            struct arena *arena, struct str *why);

enum admit_outcome {
    ADMIT_ACCEPTED,
    ADMIT_PARTIAL,
    ADMIT_HELD,
    ADMIT_PARKED,
    ADMIT_SUPPRESSED,
    ADMIT_DUPLICATE,
    ADMIT_REFUSED /* backlog or disk full: nothing written */
};

struct admit_request {
    const struct message *message;
    struct content content;
    int64_t now_ms;
    bool lease;   /* the caller can begin the first attempt now */
    bool promise; /* it will be answered 2xx before it is delivered (acknowledge=stored) */
};

/* A pair that would be twins, had they been nearer in time. */
struct near_miss {
    struct str type;  /* of the rule */
    int64_t apart_ms; /* of the other one, after the arriving message */
};

struct admission {
    enum admit_outcome outcome;
    uint64_t id; /* of the message, or of the first one where it is a duplicate */
    enum state state;
    bool leased;               /* pending, and the first attempt is the caller's */
    struct str trimmed;        /* as record.trimmed */
    struct str covered;        /* bitmap of the items that are covered by twins; absent: none */
    struct parity_pair *pairs; /* the twins it met */
    size_t pair_count;
    struct near_miss *near_misses;
    size_t near_miss_count;
    uint64_t namesake; /* a message of the same identity that states something else; 0: none */
};

enum attempt_result { ATTEMPT_DELIVERED, ATTEMPT_FAILED, ATTEMPT_GONE /* 410 */, ATTEMPT_INTERRUPTED /* by us */ };

struct attempt {
    uint64_t id;
    enum attempt_result result;
    int status;             /* HTTP status, 0 without one */
    int64_t retry_after_ms; /* what the consumer asked for, -1 where it did not */
    int64_t duration_us;
    struct str what; /* for people: "HTTP 500", "connection refused" */
};

struct settlement {
    bool forgotten;   /* was not promised, and is no longer there: the sender shall try again */
    enum state state; /* where not forgotten */
    int64_t due_ms;
};

/* What a delivery needs. */
struct lease {
    struct record record;
    struct content content;
    struct str left_out; /* bitmap of the items that do not go with this attempt; absent: all go */
    struct str covered;  /* bitmap of items covered by twins, for the header that names them */
};

struct ledger_counts {
    uint64_t in_state[ENDPOINT_COUNT][STATE_COUNT];
};

struct ledger_stats { /* since the ledger was opened */
    uint64_t takeovers, twins, replays, swept, removed;
    uint64_t expired[ENDPOINT_COUNT][2]; /* of types without a counterpart in the other generation, and with one */
};

struct ledger;

/* Takes the backend over, also when it fails. */
enum err ledger_open(struct backend *backend, const struct ledger_policy *policy, ledger_flag_fn *flag, void *flags,
                     struct ledger **ledger, struct err_detail *detail) MUST_USE;
void ledger_close(struct ledger *ledger);

enum err ledger_begin(struct ledger *ledger) MUST_USE;
enum err ledger_commit(struct ledger *ledger) MUST_USE; /* on an error: rolled back */
void ledger_rollback(struct ledger *ledger);
const char *ledger_error(const struct ledger *ledger); /* detail of the last error */

enum err ledger_admit(struct ledger *ledger, struct arena *arena, const struct admit_request *request,
                      struct admission *admission) MUST_USE;
/* Could so many more messages be open? */
bool ledger_has_room(const struct ledger *ledger, size_t count);
enum err ledger_settle(struct ledger *ledger, const struct attempt *attempt, int64_t now_ms,
                       struct settlement *settlement) MUST_USE;
/* Up to `max` pending messages of the endpoint that are due, oldest due first; each is the caller's to attempt and
 * to settle. */
enum err ledger_lease(struct ledger *ledger, struct arena *arena, enum endpoint endpoint, size_t max, int64_t now_ms,
                      struct lease *leases, size_t *count) MUST_USE;
/* The same where the endpoint's messages go to several lanes (origins of consumers), some of which may have no room.
 * `places` has the room of each lane and loses what was taken; lane_of() runs on the store's thread. */
struct lane_choice {
    size_t count; /* of lanes; always the same for an endpoint */
    size_t (*lane_of)(void *arg, const struct record *record);
    uint32_t *places;
    void *arg;
};
struct lease_batch {
    struct lease *leases;
    size_t max, count;
    bool more; /* there is more to look at now; only a bounded number of messages is */
};
enum err ledger_lease_lanes(struct ledger *ledger, struct arena *arena, enum endpoint endpoint,
                            const struct lane_choice *choice, int64_t now_ms, struct lease_batch *batch) MUST_USE;
/* A leased message whose attempt had to wait, and begins now: does its flag still say so? Where it does not, the lease
 * ends, it is decided again, and `*state` is what it came to; else pending. ERR_NOT_FOUND. */
enum err ledger_resume(struct ledger *ledger, uint64_t id, int64_t now_ms, enum state *state) MUST_USE;
/* When the next pending message that is not leased is due (never later than it really is); DUE_NEVER. Cheap. */
int64_t ledger_next_due(const struct ledger *ledger, enum endpoint endpoint);

/* Delivers again (or at last), whatever the flags say: the items that nobody handles, or, by force, all of them.
 * ERR_NOT_FOUND; ERR_INVALID where the content is past its retention; ERR_BUSY while an attempt is under way;
 * ERR_EXISTS where all of it is handled and `force` is not set. */
enum err ledger_replay(struct ledger *ledger, uint64_t id, bool force, int64_t now_ms) MUST_USE;
/* The same answer, and nothing is written. */
enum err ledger_try_replay(struct ledger *ledger, uint64_t id, bool force) MUST_USE;

/* Writes down how a message fared as shadow traffic; it stays as it is. ERR_NOT_FOUND. */
enum err ledger_note_shadow(struct ledger *ledger, const struct attempt *attempt, int64_t now_ms) MUST_USE;

/* Other flags are in force: from now on for every decision, and in steps for what was decided before. */
void ledger_set_flags(struct ledger *ledger, void *flags);
/* Wall time has gone back: in steps as well, nothing is left waiting for longer than if it had been put off now. */
void ledger_clock_set_back(struct ledger *ledger);
/* Wall time is `ahead_ms` ahead of where it should be, perhaps by mistake, since it was `since_ms`. Until a call with 0
 * nothing that was there before expires or is removed by it. */
void ledger_clock_ahead(struct ledger *ledger, int64_t ahead_ms, int64_t since_ms);
/* The disk is full, or no longer: while it is, nothing is admitted, and what is past its retention is removed at once.
 */
void ledger_set_full(struct ledger *ledger, bool is_full);
/* Notes in the store that it is now, and later: the latest time that was noted, or that a message came; 0: none. */
enum err ledger_note_time(struct ledger *ledger, int64_t now_ms) MUST_USE;
int64_t ledger_time_seen_ms(struct ledger *ledger);
/* One step, of at most `budget` messages of each kind, of what time and flags ask for: holds and parkings that are
 * over, the review after a change of flags, retention. `*more`: there is more to do now. */
enum err ledger_sweep(struct ledger *ledger, int64_t now_ms, size_t budget, bool *more) MUST_USE;

void ledger_count(const struct ledger *ledger, struct ledger_counts *counts);
void ledger_stats(const struct ledger *ledger, struct ledger_stats *stats);

/* A key that recurs, and has done so within the window around a message that states it. */
struct recurrence {
    uint32_t item;
    struct str key;
    size_t count; /* occurrences, the message's own among them */
};

/* Reading, outside a group too. */
struct story {
    struct record record;
    bool has_content, leased;
    struct content content;
    struct twin *twins;
    struct record *twin_records; /* of the other side of each twin; id 0 where it is gone */
    size_t twin_count;
    struct step *steps;
    size_t step_count;
    struct recurrence *recurrences;
    size_t recurrence_count;
    const uint64_t *also; /* of who looked it up: all messages that the id asked for names */
    size_t also_count;
};
enum err ledger_list(struct ledger *ledger, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) MUST_USE;
/* The messages that a text names, the newest first: by our id, or else by webhook-id, by the id in the body, and by the
 * facts with these keys. No error where there is none. */
enum err ledger_lookup(struct ledger *ledger, struct arena *arena, struct str text, const struct str *keys,
                       size_t key_count, uint64_t *ids, size_t max, size_t *count) MUST_USE;
enum err ledger_story(struct ledger *ledger, struct arena *arena, uint64_t id, struct story *story) MUST_USE;

/* Messages with ids above `after`, upwards, of the next `max`. The next call goes on after `*last`; 0: there are no
 * more. ledger_pairs.c */
enum err ledger_records_after(struct ledger *ledger, struct arena *arena, uint64_t after, size_t max,
                              struct record **records, size_t *count, uint64_t *last) MUST_USE;

/* Two messages that are twins, with their bodies; by the first item that they are twins by. */
struct twin_pair {
    uint64_t rule, event;
    uint32_t item;
    struct str rule_type, rule_body, event_body;
};
/* Pairs whose later message has an id above `after`, upwards, or below `before`, downwards. Looks at no more than
 * `looked_at` messages; the next call goes on at `*last` (1: there are none below). A message with more pairs than fit
 * is passed over with those that did. ledger_pairs.c */
enum err ledger_pairs_after(struct ledger *ledger, struct arena *arena, uint64_t after, size_t looked_at,
                            struct twin_pair *pairs, size_t max, size_t *count, uint64_t *last) MUST_USE;
enum err ledger_pairs_before(struct ledger *ledger, struct arena *arena, uint64_t before, size_t looked_at,
                             struct twin_pair *pairs, size_t max, size_t *count, uint64_t *last) MUST_USE;

/* Arrival of the oldest message of the endpoint that is in that state (an open one: pending, held or parked); DUE_NEVER
 * where there is none. Each call looks at a bounded number of messages, so that among very many of the other endpoint
 * it may take some calls to get there. */
enum err ledger_oldest(struct ledger *ledger, enum state state, enum endpoint endpoint, int64_t *received_ms) MUST_USE;

/* parity_report() over what is committed, and outside a group. */
enum err ledger_parity(struct ledger *ledger, struct arena *arena, int64_t since_ms, int64_t now_ms,
                       struct parity_report *report) MUST_USE;

/* What the flags in force say of the messages that are stored. */
struct ledger_example {
    uint64_t id; /* 0: none */
    char company[64];
    size_t company_len;
};
struct ledger_survey {
    uint64_t after;                        /* ids up to here were looked at; at first ledger_survey_begin() */
    int64_t looked_at, new_asked, new_off; /* of the last two: messages for the new endpoint */
    int64_t both_off;                      /* messages of either generation */
    struct ledger_example new_off_example, both_off_example;
};
uint64_t ledger_survey_begin(int64_t since_ms);
/* Looks at up to `budget` messages more, upwards; `*more`: there may be further ones. */
enum err ledger_survey(struct ledger *ledger, int64_t now_ms, size_t budget, struct ledger_survey *survey,
                       bool *more) MUST_USE;

/* Facts by item as one text, and back. */
struct str ledger_facts_encode(struct arena *arena, const struct message *message);
bool ledger_facts_decode(struct arena *arena, struct str facts, struct item **items, size_t *count) MUST_USE;
/* Is the key, in any letter case, among the facts of that item? Not in a text that is damaged before it. */
bool ledger_facts_state(struct str facts, uint32_t item, struct str key);

/* The items that state the key, as a bitmap. */
struct str ledger_facts_items(struct arena *arena, struct str facts, size_t item_count, struct str key);
/* The same keys in the same items, in any letter case? Hints do not count. */
bool ledger_facts_equal(struct str a, struct str b);
/* A number for what ledger_facts_equal() compares; stores keep it. */
uint64_t ledger_facts_digest(struct str facts, uint64_t seed);
/* Do the item and item `index` of the text both state facts of one kind (a key up to its first "/"), and none of these
 * in common? Hints are of no kind. */
bool ledger_facts_differ(const struct item *item, struct str facts, uint32_t index);

static inline bool bitmap_has(struct str bitmap, size_t index) {
    return index / 8 < bitmap.len && ((unsigned)(unsigned char)bitmap.at[index / 8] >> (index % 8) & 1U) != 0;
}

#endif
