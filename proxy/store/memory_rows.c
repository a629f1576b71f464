#include "proxy/store/memory_rows.h"

#include "common/mem.h"

#include <assert.h>

struct change {
    bool put; /* else taken */
    struct row *row;
};

#define KEY(node, type, member) ((const type *)(const void *)((const char *)(node)-offsetof(type, member)))

static int by_id(const struct tree_node *a, const struct tree_node *b) {
    return tree_order_u64(KEY(a, struct head, by_id)->record.id, KEY(b, struct head, by_id)->record.id);
}

static int by_identity(const struct tree_node *a, const struct tree_node *b) {
    const struct record *x = &KEY(a, struct head, by_identity)->record, *y = &KEY(b, struct head, by_identity)->record;
    int order = tree_order_u64(x->identity_hash, y->identity_hash);
    return order != 0 ? order : tree_order_u64(y->id, x->id);
}

static int by_due(const struct tree_node *a, const struct tree_node *b) {
    const struct record *x = &KEY(a, struct head, by_due)->record, *y = &KEY(b, struct head, by_due)->record;
    int order = tree_order_u64(x->endpoint, y->endpoint);
    if (order == 0)
        order = tree_order_u64(x->state, y->state);
    if (order == 0)
        order = tree_order_i64(x->due_ms, y->due_ms);
    return order != 0 ? order : tree_order_u64(x->id, y->id);
}

static int by_state(const struct tree_node *a, const struct tree_node *b) {
    const struct record *x = &KEY(a, struct head, by_state)->record, *y = &KEY(b, struct head, by_state)->record;
    int order = tree_order_u64(x->state, y->state);
    return order != 0 ? order : tree_order_u64(x->id, y->id);
}

static int content_by_id(const struct tree_node *a, const struct tree_node *b) {
    return tree_order_u64(KEY(a, struct content_row, by_id)->id, KEY(b, struct content_row, by_id)->id);
}

static int step_by_id(const struct tree_node *a, const struct tree_node *b) {
    const struct step_row *x = KEY(a, struct step_row, by_id), *y = KEY(b, struct step_row, by_id);
    int order = tree_order_u64(x->id, y->id);
    return order != 0 ? order : tree_order_u64(x->number, y->number);
}

static int by_hash(const struct tree_node *a, const struct tree_node *b) {
    const struct fact_row *x = &KEY(a, struct fact_entry, by_hash)->fact,
                          *y = &KEY(b, struct fact_entry, by_hash)->fact;
    int order = tree_order_u64(x->hash, y->hash);
    if (order == 0)
        order = tree_order_i64(y->time_ms, x->time_ms);
    if (order == 0)
        order = tree_order_u64(y->message, x->message);
    return order != 0 ? order : tree_order_u64(x->item, y->item);
}

static int by_event(const struct tree_node *a, const struct tree_node *b) {
    const struct twin *x = &KEY(a, struct twin_row, by_event)->twin, *y = &KEY(b, struct twin_row, by_event)->twin;
    int order = tree_order_u64(x->event, y->event);
    if (order == 0)
        order = tree_order_u64(x->item, y->item);
    return order != 0 ? order : tree_order_u64(x->rule, y->rule);
}

static int by_rule(const struct tree_node *a, const struct tree_node *b) {
    const struct twin *x = &KEY(a, struct twin_row, by_rule)->twin, *y = &KEY(b, struct twin_row, by_rule)->twin;
    int order = tree_order_u64(x->rule, y->rule);
    if (order == 0)
        order = tree_order_u64(x->event, y->event);
    return order != 0 ? order : tree_order_u64(x->item, y->item);
}

static int by_name(const struct tree_node *a, const struct tree_node *b) {
    return str_compare(KEY(a, struct meta_row, by_name)->name, KEY(b, struct meta_row, by_name)->name);
}

void tables_init(struct tables *tables) {
    memset(tables, 0, sizeof *tables);
    tree_init(&tables->heads, by_id);
    tree_init(&tables->due, by_due);
    tree_init(&tables->states, by_state);
    tree_init(&tables->contents, content_by_id);
    tree_init(&tables->steps, step_by_id);
    for (size_t i = 0; i < HASH_SHARDS; i++) {
        tree_init(&tables->identities[i], by_identity);
        tree_init(&tables->facts[i], by_hash);
    }
    tree_init(&tables->twins, by_event);
    tree_init(&tables->rules, by_rule);
    tree_init(&tables->meta, by_name);
}

struct str text_copy(struct str text) {
    return text.at == NULL ? STR_NONE : str_slice(mem_copy(text.at, text.len), text.len);
}

static void text_free(struct str text) {
    mem_free((void *)(uintptr_t)text.at); /* const only to those who read it */
}

struct row *row_new(enum table table, size_t size) {
    struct row *row = mem_zalloc(size);
    row->table = table;
    return row;
}

/* `row` as the row it is: it is the first member of each. */
#define ROW(row, type) ((type *)(void *)(row))

void row_free(struct row *row) {
    switch (row->table) {
    case TABLE_HEAD:
        text_free(ROW(row, struct head)->record.trimmed);
        break;
    case TABLE_STEP:
        text_free(ROW(row, struct step_row)->step.why);
        break;
    case TABLE_META:
        text_free(ROW(row, struct meta_row)->name);
        text_free(ROW(row, struct meta_row)->value);
        break;
    case TABLE_TEXTS:
    case TABLE_CONTENT:
    case TABLE_FACT:
    case TABLE_TWIN:
        break;
    }
    mem_free(row);
}

/* Into a further tree of a row that was new to the first one: the keys of all include those of the first. */
static void index_insert(struct tree *tree, struct tree_node *node) {
    struct tree_node *there = tree_insert(tree, node);
    assert(there == NULL);
    (void)there;
}

static struct tree *identities_of(struct tables *tables, const struct head *head) {
    return &tables->identities[hash_shard(head->record.identity_hash)];
}

static struct tree *facts_of(struct tables *tables, const struct fact_entry *entry) {
    return &tables->facts[hash_shard(entry->fact.hash)];
}

static bool head_link(struct tables *tables, struct head *head) {
    if (tree_insert(&tables->heads, &head->by_id) != NULL)
        return false;
    index_insert(&tables->states, &head->by_state);
    if (head->record.identity_hash != 0)
        index_insert(identities_of(tables, head), &head->by_identity);
    if (!state_is_final(head->record.state))
        index_insert(&tables->due, &head->by_due);
    return true;
}

static void head_unlink(struct tables *tables, struct head *head) {
    tree_remove(&tables->heads, &head->by_id);
    tree_remove(&tables->states, &head->by_state);
    if (head->by_identity.linked)
        tree_remove(identities_of(tables, head), &head->by_identity);
    if (head->by_due.linked)
        tree_remove(&tables->due, &head->by_due);
}

static bool twin_link(struct tables *tables, struct twin_row *twin) {
    if (tree_insert(&tables->twins, &twin->by_event) != NULL)
        return false;
    index_insert(&tables->rules, &twin->by_rule);
    return true;
}

static bool row_link(struct tables *tables, struct row *row) {
    switch (row->table) {
    case TABLE_TEXTS:
        return true;
    case TABLE_HEAD:
        return head_link(tables, ROW(row, struct head));
    case TABLE_CONTENT:
        return tree_insert(&tables->contents, &ROW(row, struct content_row)->by_id) == NULL;
    case TABLE_STEP:
        return tree_insert(&tables->steps, &ROW(row, struct step_row)->by_id) == NULL;
    case TABLE_FACT:
        return tree_insert(facts_of(tables, ROW(row, struct fact_entry)), &ROW(row, struct fact_entry)->by_hash) ==
               NULL;
    case TABLE_TWIN:
        return twin_link(tables, ROW(row, struct twin_row));
    case TABLE_META:
        return tree_insert(&tables->meta, &ROW(row, struct meta_row)->by_name) == NULL;
    }
    return false;
}

static void row_unlink(struct tables *tables, struct row *row) {
    switch (row->table) {
    case TABLE_TEXTS:
        break;
    case TABLE_HEAD:
        head_unlink(tables, ROW(row, struct head));
        break;
    case TABLE_CONTENT:
        tree_remove(&tables->contents, &ROW(row, struct content_row)->by_id);
        break;
    case TABLE_STEP:
        tree_remove(&tables->steps, &ROW(row, struct step_row)->by_id);
        break;
    case TABLE_FACT:
        tree_remove(facts_of(tables, ROW(row, struct fact_entry)), &ROW(row, struct fact_entry)->by_hash);
        break;
    case TABLE_TWIN:
        tree_remove(&tables->twins, &ROW(row, struct twin_row)->by_event);
        tree_remove(&tables->rules, &ROW(row, struct twin_row)->by_rule);
        break;
    case TABLE_META:
        tree_remove(&tables->meta, &ROW(row, struct meta_row)->by_name);
        break;
    }
}

static void journal_add(struct tables *tables, bool put, struct row *row) {
    if (tables->change_count == tables->change_capacity) {
        tables->change_capacity = tables->change_capacity == 0 ? 64 : tables->change_capacity * 2;
        tables->journal = mem_resize(tables->journal, tables->change_capacity * sizeof *tables->journal);
    }
    tables->journal[tables->change_count++] = (struct change){put, row};
}

bool tables_put(struct tables *tables, struct row *row) {
    if (!row_link(tables, row))
        return false;
    journal_add(tables, true, row);
    return true;
}

void tables_take(struct tables *tables, struct row *row) {
    row_unlink(tables, row);
    journal_add(tables, false, row);
}

void tables_commit(struct tables *tables) {
    for (size_t i = 0; i < tables->change_count; i++)
        if (!tables->journal[i].put)
            row_free(tables->journal[i].row);
    tables->change_count = 0;
}

/* Backwards, so that each row finds the trees as they were when it came or went. */
void tables_rollback(struct tables *tables) {
    while (tables->change_count > 0) {
        struct change change = tables->journal[--tables->change_count];
        if (change.put) {
            row_unlink(tables, change.row);
            row_free(change.row);
        } else {
            bool linked = row_link(tables, change.row);
            assert(linked);
            (void)linked;
        }
    }
}

struct head *tables_head(const struct tables *tables, uint64_t id) {
    struct head key = {.record.id = id};
    return ROW_AT(tree_find(&tables->heads, &key.by_id), struct head, by_id);
}

#define FREE_ALL(tables, tree, type, member)                                                                           \
    for (struct tree_node * node; (node = tree_first(tree)) != NULL;)                                                  \
    tables_take((tables), &CONTAINER_OF(node, type, member)->row)

void tables_clear(struct tables *tables) {
    tables_commit(tables);
    for (struct tree_node *node = tree_first(&tables->heads); node != NULL; node = tree_next(node))
        journal_add(tables, false, &CONTAINER_OF(node, struct head, by_id)->texts->row);
    FREE_ALL(tables, &tables->heads, struct head, by_id);
    FREE_ALL(tables, &tables->contents, struct content_row, by_id);
    FREE_ALL(tables, &tables->steps, struct step_row, by_id);
    for (size_t i = 0; i < HASH_SHARDS; i++)
        FREE_ALL(tables, &tables->facts[i], struct fact_entry, by_hash);
    FREE_ALL(tables, &tables->twins, struct twin_row, by_event);
    FREE_ALL(tables, &tables->meta, struct meta_row, by_name);
    tables_commit(tables);
    mem_free(tables->journal);
    tables_init(tables);
}
