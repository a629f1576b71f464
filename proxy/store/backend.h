/* What a store must be able to do: look up and write down, nothing else. Every decision is taken above it, by the
 * ledger, so that all stores decide alike.
 *
 * All calls come from one thread at a time. Results are copied into the arena given, but for the texts of records,
 * which may be the backend's own: they are good until the group ends, or the next call outside of one (record_keep()
 * copies them). Writes happen between begin() and commit(); rollback() undoes them all. An error of any call (ERR_IO,
 * also for damage found on the way; ERR_LIMIT for a full disk; ERR_DENIED) makes the ledger roll back; ERR_DAMAGED says
 * that one message cannot be read; lookups that find nothing give ERR_NOT_FOUND or a count of 0. Ids are from 1 to
 * 2^63 - 1; hashes and groups have all 64 bits. */
#ifndef PROXY_STORE_BACKEND_H
#define PROXY_STORE_BACKEND_H

#include "common/arena.h"
#include "common/err.h"
#include "proxy/model/message.h"
#include "proxy/model/parity.h"
#include "proxy/model/settings.h"

#define DUE_NEVER ((int64_t)1 << 62)

enum record_mark {
    RECORD_PROMISED = 1,       /* answered 2xx: must not be forgotten */
    RECORD_REPLAYED = 2,       /* an operator wants it delivered: flags do not stop it */
    RECORD_DELIVERED_ONCE = 4, /* some attempt succeeded */
    RECORD_TYPE_KNOWN = 8,
    RECORD_CONTENT_GONE = 16, /* body and headers are past their retention */
    RECORD_VERIFIED = 128,    /* its signature or authorization was checked, and right */
    RECORD_FORCED = 64,       /* replayed by force: it goes whole, whatever its twins handled */
};

/* A stored message without its content. Below the line: written once. */
struct record {
    uint64_t id;
    enum state state;
    int64_t due_ms;     /* pending: next attempt; held, parked: when that ends; else DUE_NEVER */
    int64_t changed_ms; /* last change of state */
    uint32_t attempts;  /* made in all */
    uint32_t tries;     /* failed since it last became pending: the place in the retry schedule */
    uint32_t marks;     /* enum record_mark */
    /* Bitmap, bit i of byte i / 8: the message does not handle item i; absent: it handles all. A second bitmap of the
     * same length follows while a delivered message is sent once more: the items of that delivery. */
    struct str trimmed;
    /* ---- */
    enum generation generation;
    enum endpoint endpoint;
    int64_t received_ms, time_ms;
    uint32_t item_count;
    uint64_t identity_hash; /* 0 where it has no identity */
    uint64_t group;         /* rule_group() of a rule, else 0 */
    struct str identity, type, counterpart, company, connection, data_type, rule_id, target, trace_parent;
    struct str facts;     /* by item, as ledger_facts_encode() writes them */
    struct str admission; /* how it was decided on arrival: a JSON object */
    /* Pending, and its attempt is under way: until update(), or until the store is opened again, due() need not find
     * it. For insert(), and said by nothing else. */
    bool is_taken;
};

static inline bool record_is_handled(const struct record *record) {
    return state_is_handled(record->state) || (record->marks & RECORD_DELIVERED_ONCE) != 0;
}

/* Nobody handles it at present, neither its own consumer nor, by a twin, the other one. */
static inline bool record_is_unhandled(const struct record *record) {
    return !record_is_handled(record) && record->state != STATE_SUPPRESSED;
}

/* The texts of a record that are written once. */
enum { RECORD_TEXTS = 11 };
void record_texts(struct record *record, struct str *texts[RECORD_TEXTS]);
/* Copies all its texts into the arena. */
void record_keep(struct arena *arena, struct record *record);

struct content {
    struct str headers; /* as headers_encode() writes them */
    struct str body;    /* as received */
};

struct fact_row {
    uint64_t hash; /* fact_hash() of the generation that states it */
    int64_t time_ms;
    uint64_t message;
    uint32_t item;
};

struct twin {
    uint64_t event; /* message of the new generation */
    uint32_t item;  /* which of its items */
    uint64_t rule;  /* message of the old one */
    uint64_t group; /* rule_group() of the rule */
};

/* Something that happened to a message after its admission. */
struct step {
    int64_t at_ms;
    enum state state;    /* after it */
    uint32_t attempt;    /* number of the attempt it was, else 0 */
    int status;          /* HTTP status of the attempt, else 0 */
    int64_t duration_us; /* of the attempt */
    struct str why;      /* for people */
};

struct due {
    uint64_t id;
    int64_t due_ms;
};

/* Messages by id downwards; absent texts and negative numbers do not filter, nor does what is 0. */
struct filter {
    int state, generation;
    struct str type, company; /* the company in any letter case */
    uint64_t before;          /* only ids below; 0: from the newest */
    size_t limit;
    uint64_t after;             /* only ids above */
    int64_t since_ms, until_ms; /* received from the one on, and before the other */
    unsigned endpoints;         /* bit 1 << endpoint */
    bool type_is_prefix;        /* `type` is only the front of it, in any letter case */
    bool unpaired;              /* could have a twin, and has none */
    bool near_miss;             /* a twin that it might have had was too far away in time */
    size_t look_max;            /* so many messages are looked at; 0: all that it takes */
    uint64_t *looked_to;        /* where not NULL: the lowest id looked at where `look_max` ended it, else 0 */
};

/* But for `before`, `after`, `limit` and `unpaired`, which is the store's to know. */
bool filter_passes(const struct filter *filter, const struct record *record);
/* Could the message have a twin? One that nothing replaces, or an event that states nothing, never has. */
bool record_can_pair(const struct record *record);

struct backend;

typedef void each_parity_fn(void *arg, const struct parity_bucket *bucket);

struct backend_ops {
    bool waits; /* for a disk: nothing for the thread of an event loop */
    void (*close)(struct backend *backend);
    enum err (*begin)(struct backend *backend);
    enum err (*commit)(struct backend *backend);
    void (*rollback)(struct backend *backend);

    enum err (*last_id)(struct backend *backend, uint64_t *id); /* 0 where there is none */
    enum err (*insert)(struct backend *backend, const struct record *record,
                       const struct content *content); /* ERR_EXISTS */
    enum err (*update)(struct backend *backend,
                       const struct record *record); /* the part above the line; ERR_NOT_FOUND */
    enum err (*load)(struct backend *backend, struct arena *arena, uint64_t id, struct record *record);
    enum err (*load_content)(struct backend *backend, struct arena *arena, uint64_t id, struct content *content);
    enum err (*remove)(struct backend *backend,
                       uint64_t id); /* with content, steps and twins, not facts; again: no error */
    enum err (*remove_content)(struct backend *backend, uint64_t id);

    /* Ids of messages whose identity has that hash, newest first. */
    enum err (*find_identity)(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max, size_t *count);
    enum err (*add_fact)(struct backend *backend, const struct fact_row *row); /* again: no error, no second row */
    enum err (*remove_fact)(struct backend *backend, const struct fact_row *row);
    /* Rows of that hash with from_ms <= time_ms <= to_ms, latest first (then by message downwards, item upwards). */
    enum err (*find_facts)(struct backend *backend, uint64_t hash, int64_t from_ms, int64_t to_ms,
                           struct fact_row *rows, size_t max, size_t *count);
    /* Of two messages that are there; again: no error, no second row. */
    enum err (*add_twin)(struct backend *backend, const struct twin *twin);
    enum err (*find_twins)(struct backend *backend, struct arena *arena, uint64_t id, struct twin **twins,
                           size_t *count); /* of a rule or an event; by event, item, rule */

    /* Of a message that is there. */
    enum err (*add_step)(struct backend *backend, uint64_t id, const struct step *step);
    enum err (*steps)(struct backend *backend, struct arena *arena, uint64_t id, struct step **steps, size_t *count);

    /* Messages of that endpoint and state (pending, held or parked) by due_ms, then id. */
    enum err (*due)(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due, size_t max,
                    size_t *count);
    /* Those behind that place, which need not be there. */
    enum err (*due_after)(struct backend *backend, enum endpoint endpoint, enum state state, const struct due *after,
                          struct due *due, size_t max, size_t *count);
    /* Ids above `after`, upwards, of messages in a state whose bit (1 << state) is set. */
    enum err (*scan)(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                     size_t *count);
    /* Ids in (after, below), upwards, of messages that have content still. */
    enum err (*scan_content)(struct backend *backend, uint64_t after, uint64_t below, uint64_t *ids, size_t max,
                             size_t *count);
    enum err (*list)(struct backend *backend, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count);

    /* Adds the numbers to the bucket of that type and start; the maxima are kept as such. */
    enum err (*add_parity)(struct backend *backend, const struct parity_bucket *bucket);
    /* Calls `each` for every bucket with from_ms <= start_ms < below_ms, upwards; for one bucket perhaps several times,
     * with parts of its numbers. Skews are there only where `skews` asks for them. */
    enum err (*each_parity)(struct backend *backend, int64_t from_ms, int64_t below_ms, bool skews,
                            each_parity_fn *each, void *arg);
    enum err (*remove_parity)(struct backend *backend, int64_t from_ms, int64_t below_ms);
    /* Messages without a twin, by arrival, then message, then type. Again: no error, no second row. */
    enum err (*add_unpaired)(struct backend *backend, const struct unpaired *row);
    /* Of that message and type, or of any type where the type is absent; `*removed`: there was one. */
    enum err (*remove_unpaired)(struct backend *backend, const struct unpaired *row, bool *removed);
    /* Rows behind `after`, which need not be there, that arrived before below_ms. */
    enum err (*scan_unpaired)(struct backend *backend, struct arena *arena, const struct unpaired *after,
                              int64_t below_ms, struct unpaired *rows, size_t max, size_t *count);

    /* Small named values (counters, the version of the schema); ERR_NOT_FOUND. */
    enum err (*get_meta)(struct backend *backend, struct arena *arena, struct str name, struct str *value);
    enum err (*put_meta)(struct backend *backend, struct str name, struct str value);
    /* Writes something harmless and commits it: is the store writable? Outside begin() and commit(). */
    enum err (*probe)(struct backend *backend);
    /* Both NULL where there is no disk to be full. Outside begin() and commit(). Is there room for new messages? */
    bool (*has_room)(struct backend *backend);
    /* The disk is full: gives up what is held in reserve, so that messages can be removed. Again, while they are. */
    void (*make_room)(struct backend *backend);
};

/* The first member of every backend. */
struct backend {
    const struct backend_ops *ops;
    bool forgets;             /* ends with the process: what is in memory anyway need not be written to it */
    struct err_detail detail; /* of the last error */
};

struct backend *backend_memory_new(void) MUST_USE;
/* ERR_BUSY: another process holds it; ERR_INVALID: damaged, or written by a newer version; ERR_DENIED, ERR_IO. */
enum err backend_sqlite_open(const char *path, enum store_sync sync, struct backend **backend,
                             struct err_detail *detail) MUST_USE;

#endif
