/* The tables of the memory store: rows that never change once they are in, in the trees that find them.
 *
 * A change is a row taken out and a row put in, so that two kinds of entries in one journal undo everything. Rows
 * belong to the tables from tables_put() on; a row that was taken is freed when the group is committed. */
#ifndef PROXY_STORE_MEMORY_ROWS_H
#define PROXY_STORE_MEMORY_ROWS_H

#include "common/tree.h"
#include "proxy/store/backend.h"

enum table { TABLE_TEXTS, TABLE_HEAD, TABLE_CONTENT, TABLE_STEP, TABLE_FACT, TABLE_TWIN, TABLE_META };

struct row { /* the first member of each */
    enum table table;
};

struct texts { /* what a message's records point to; in no tree, found through its head */
    struct row row;
    char bytes[];
};

struct head {
    struct row row;
    struct tree_node by_id, by_identity, by_due, by_state;
    struct record record; /* `trimmed` is the head's own, the other texts are in `texts` */
    struct texts *texts;
};

struct content_row {
    struct row row;
    struct tree_node by_id;
    uint64_t id;
    struct content content; /* which is in `bytes` */
    char bytes[];
};

struct step_row {
    struct row row;
    struct tree_node by_id;
    uint64_t id, number;
    struct step step;
};

struct fact_entry {
    struct row row;
    struct tree_node by_hash;
    struct fact_row fact;
};

struct twin_row {
    struct row row;
    struct tree_node by_event, by_rule;
    struct twin twin;
};

struct meta_row {
    struct row row;
    struct tree_node by_name;
    struct str name, value;
};

struct change; /* a row put or taken */

/* Trees by hash are many small ones: what a lookup costs is the cache misses on its way down. */
enum { HASH_SHARDS = 16384 };

static inline size_t hash_shard(uint64_t hash) {
    return hash % HASH_SHARDS;
}

struct tables {
    struct tree heads;                   /* by id */
    struct tree identities[HASH_SHARDS]; /* by hash, then id downwards; without those that have none */
    struct tree due;                     /* of open states: by endpoint, state, due_ms, id */
    struct tree states;                  /* by state, id */
    struct tree contents;                /* by id */
    struct tree steps;                   /* by id, number */
    struct tree facts[HASH_SHARDS];      /* by hash, time downwards, message downwards, item */
    struct tree twins;                   /* by event, item, rule */
    struct tree rules;                   /* by rule, event, item */
    struct tree meta;                    /* by name */
    struct change *journal;              /* since begin */
    size_t change_count, change_capacity;
};

void tables_init(struct tables *tables);
void tables_clear(struct tables *tables);

/* A cleared row of that size, not in the tables yet. */
struct row *row_new(enum table table, size_t size) MUST_USE;
#define ROW_NEW(table, type) ((type *)(void *)row_new((table), sizeof(type)))
/* With `more` bytes at its end. */
#define ROW_NEW_WITH(table, type, more) ((type *)(void *)row_new((table), sizeof(type) + (more)))
void row_free(struct row *row);
struct str text_copy(struct str text); /* on the heap, as rows own theirs; absent stays absent */

/* False where the table has a row with that key: then the caller still owns `row`. */
bool tables_put(struct tables *tables, struct row *row) MUST_USE;
void tables_take(struct tables *tables, struct row *row);
void tables_commit(struct tables *tables);
void tables_rollback(struct tables *tables);

struct head *tables_head(const struct tables *tables, uint64_t id); /* NULL where there is none */

#define ROW_AT(node, type, member) ((node) == NULL ? NULL : CONTAINER_OF((node), type, member))

#endif
