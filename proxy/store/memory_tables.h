/* The tables of the memory store: rows, what finds them, and a journal that undoes all changes of a group.
 *
 * Rows belong to the tables from the moment they are put in. A row that is taken out stays where it is until the group
 * is committed, so what was read of it can be used until then. On one thread. */
#ifndef PROXY_STORE_MEMORY_TABLES_H
#define PROXY_STORE_MEMORY_TABLES_H

#include "common/map.h"
#include "proxy/store/memory_rows.h"
#include "proxy/store/shelf.h"

enum { OPEN_STATES = STATE_PARKED + 1 }; /* pending, held, parked: they come first */

struct change; /* what was done, and how to undo it */

struct tables {
    struct shelf messages;                        /* by id, marked by state and by having content */
    struct tree due[ENDPOINT_COUNT][OPEN_STATES]; /* by due_ms, id */
    struct map identities;                        /* hash to the root of a tree of messages: ids downwards */
    struct map facts;                             /* hash to the root of a tree: time, message downwards, item */
    struct tree meta;                             /* by name */
    struct tree buckets;                          /* of parity: by start, type */
    struct tree unpaired;                         /* by arrival, message, type */
    uint32_t random;                              /* for the trees of which only roots are kept */
    struct change *journal;                       /* since the last commit */
    size_t change_count, change_capacity;
};

/* Marks of the shelf: bit 1 << state, and: */
enum { MARK_CONTENT = 1 << STATE_COUNT, MARK_ANY = MARK_CONTENT - 1 };

void tables_init(struct tables *tables);
void tables_clear(struct tables *tables);
void tables_commit(struct tables *tables);
void tables_rollback(struct tables *tables);

static inline struct message_row *tables_message(const struct tables *tables, uint64_t id) {
    return shelf_find(&tables->messages, id); /* NULL where there is none */
}

/* False where that id, fact, twin or name is there already: then the caller still owns the row. */
bool tables_put_message(struct tables *tables, struct message_row *row) MUST_USE;
bool tables_put_fact(struct tables *tables, struct fact_entry *entry) MUST_USE;
bool tables_put_twin(struct tables *tables, struct twin_row *row) MUST_USE;
bool tables_put_meta(struct tables *tables, struct meta_row *row) MUST_USE;
bool tables_put_bucket(struct tables *tables, struct bucket_row *row) MUST_USE;
bool tables_put_unpaired(struct tables *tables, struct unpaired_row *row) MUST_USE;
void tables_put_step(struct tables *tables, struct message_row *row, struct step_row *step);

void tables_change_message(struct tables *tables, struct message_row *row, const struct record *record);
void tables_change_meta(struct tables *tables, struct meta_row *row, struct str value); /* which is copied */
void tables_add_counts(struct tables *tables, struct bucket_row *row, const struct parity_counts *counts);

void tables_take_message(struct tables *tables, struct message_row *row); /* with its twins */
void tables_take_content(struct tables *tables, struct message_row *row);
void tables_take_fact(struct tables *tables, struct fact_entry *entry);
void tables_take_bucket(struct tables *tables, struct bucket_row *row);
void tables_take_unpaired(struct tables *tables, struct unpaired_row *row);

/* All messages whose identity has the hash, and all facts with it; to be asked only. */
struct tree tables_identities(const struct tables *tables, uint64_t hash);
struct tree tables_facts(const struct tables *tables, uint64_t hash);
/* Its twins by event, item, rule, on either side. */
struct tree message_twins_as_event(const struct message_row *row);
struct tree message_twins_as_rule(const struct message_row *row);

/* The store that the tables are of. */
struct backend_memory {
    struct backend backend; /* first */
    struct tables tables;
};

static inline struct tables *tables_of(struct backend *backend) {
    return &CONTAINER_OF(backend, struct backend_memory, backend)->tables;
}

#endif
