/* Where only equality is asked, a map finds it; where order is asked among what is equal, the map has the root of a
 * small tree. Most such trees are of one node; a hash that many messages have, by chance, by nature (a recurring fact)
 * or because somebody wants it, costs the logarithm of their number. */
#include "proxy/store/memory_links.h"

#include "common/random.h"

#include <assert.h>
#include <string.h>

#define KEY(node, type, member) ((const type *)(const void *)((const char *)(node)-offsetof(type, member)))

_Static_assert((int)MARK_CONTENT < 1 << SHELF_MARKS, "a mark for each state, and one for content");

static int by_identity(const struct tree_node *a, const struct tree_node *b) {
    return tree_order_u64(KEY(b, struct message_row, by_identity)->record.id,
                          KEY(a, struct message_row, by_identity)->record.id);
}

static int by_due(const struct tree_node *a, const struct tree_node *b) {
    const struct record *x = &KEY(a, struct message_row, by_due)->record,
                        *y = &KEY(b, struct message_row, by_due)->record;
    int order = tree_order_i64(x->due_ms, y->due_ms);
    return order != 0 ? order : tree_order_u64(x->id, y->id);
}

static int by_hash(const struct tree_node *a, const struct tree_node *b) {
    const struct fact_row *x = &KEY(a, struct fact_entry, by_hash)->fact,
                          *y = &KEY(b, struct fact_entry, by_hash)->fact;
    int order = tree_order_i64(y->time_ms, x->time_ms);
    if (order == 0)
        order = tree_order_u64(y->message, x->message);
    return order != 0 ? order : tree_order_u64(x->item, y->item);
}

static int compare_twins(const struct twin *x, const struct twin *y) {
    int order = tree_order_u64(x->event, y->event);
    if (order == 0)
        order = tree_order_u64(x->item, y->item);
    return order != 0 ? order : tree_order_u64(x->rule, y->rule);
}

static int by_event(const struct tree_node *a, const struct tree_node *b) {
    return compare_twins(&KEY(a, struct twin_row, by_event)->twin, &KEY(b, struct twin_row, by_event)->twin);
}

static int by_rule(const struct tree_node *a, const struct tree_node *b) {
    return compare_twins(&KEY(a, struct twin_row, by_rule)->twin, &KEY(b, struct twin_row, by_rule)->twin);
}

static int by_name(const struct tree_node *a, const struct tree_node *b) {
    return str_compare(KEY(a, struct meta_row, by_name)->name, KEY(b, struct meta_row, by_name)->name);
}

static int by_start(const struct tree_node *a, const struct tree_node *b) {
    const struct parity_bucket *x = &KEY(a, struct bucket_row, by_start)->bucket,
                               *y = &KEY(b, struct bucket_row, by_start)->bucket;
    int order = tree_order_i64(x->start_ms, y->start_ms);
    return order != 0 ? order : str_compare(x->type, y->type);
}

static int by_arrival(const struct tree_node *a, const struct tree_node *b) {
    const struct unpaired *x = &KEY(a, struct unpaired_row, by_arrival)->unpaired,
                          *y = &KEY(b, struct unpaired_row, by_arrival)->unpaired;
    int order = tree_order_i64(x->received_ms, y->received_ms);
    if (order == 0)
        order = tree_order_u64(x->message, y->message);
    return order != 0 ? order : str_compare(x->type, y->type);
}

void links_init(struct tables *tables) {
    uint64_t seeds[2];
    random_bytes(seeds, sizeof seeds);
    *tables = (struct tables){.random = (uint32_t)(seeds[0] >> 32) | 1};
    map_init(&tables->identities, seeds[0]);
    map_init(&tables->facts, seeds[1]);
    for (int endpoint = 0; endpoint < ENDPOINT_COUNT; endpoint++)
        for (int state = 0; state < OPEN_STATES; state++)
            tree_init(&tables->due[endpoint][state], by_due);
    tree_init(&tables->meta, by_name);
    tree_init(&tables->buckets, by_start);
    tree_init(&tables->unpaired, by_arrival);
}

struct tree tables_identities(const struct tables *tables, uint64_t hash) {
    return tree_of(by_identity, map_get(&tables->identities, hash), tables->random);
}

struct tree tables_facts(const struct tables *tables, uint64_t hash) {
    return tree_of(by_hash, map_get(&tables->facts, hash), tables->random);
}

struct tree message_twins_as_event(const struct message_row *row) {
    return tree_of(by_event, row->as_event, 1);
}

struct tree message_twins_as_rule(const struct message_row *row) {
    return tree_of(by_rule, row->as_rule, 1);
}

static bool root_link(struct tables *tables, struct tree_node **root, tree_compare *compare, struct tree_node *node) {
    struct tree tree = tree_of(compare, *root, tables->random);
    if (tree_insert(&tree, node) != NULL)
        return false;
    tables->random = tree.random;
    *root = tree.root;
    return true;
}

static void root_unlink(struct tree_node **root, tree_compare *compare, struct tree_node *node) {
    struct tree tree = tree_of(compare, *root, 1);
    tree_remove(&tree, node);
    *root = tree.root;
}

/* Into one of the trees behind a map; false where the key is there already. */
static bool map_link(struct tables *tables, struct map *map, uint64_t hash, tree_compare *compare,
                     struct tree_node *node) {
    void **place = map_place(map, hash, node);
    struct tree_node *root = *place == node ? NULL : *place;
    if (!root_link(tables, &root, compare, node))
        return false;
    *place = root;
    return true;
}

static void map_unlink(struct map *map, uint64_t hash, tree_compare *compare, struct tree_node *node) {
    struct tree_node *before = map_get(map, hash), *root = before;
    root_unlink(&root, compare, node);
    if (root == NULL)
        map_remove(map, hash);
    else if (root != before)
        *map_place(map, hash, root) = root;
}

/* Into a further place of a row that was new to the first one: its key there includes that of the first. */
static void must(bool linked) {
    assert(linked);
    (void)linked;
}

static uint8_t marks_of(const struct message_row *row) {
    return (uint8_t)(1U << row->record.state | (row->content == NULL ? 0U : (unsigned)MARK_CONTENT));
}

void due_link(struct tables *tables, struct message_row *row) {
    const struct record *record = &row->record;
    if (!state_is_final(record->state))
        must(tree_insert(&tables->due[record->endpoint][record->state], &row->by_due) == NULL);
}

void due_unlink(struct tables *tables, struct message_row *row) {
    if (row->by_due.linked)
        tree_remove(&tables->due[row->record.endpoint][row->record.state], &row->by_due);
}

bool message_link(struct tables *tables, struct message_row *row) {
    const struct record *record = &row->record;
    if (!shelf_add(&tables->messages, record->id, marks_of(row), row))
        return false;
    if (record->identity_hash != 0)
        must(map_link(tables, &tables->identities, record->identity_hash, by_identity, &row->by_identity));
    due_link(tables, row);
    return true;
}

void message_unlink(struct tables *tables, struct message_row *row) {
    shelf_remove(&tables->messages, row->record.id);
    if (row->by_identity.linked)
        map_unlink(&tables->identities, row->record.identity_hash, by_identity, &row->by_identity);
    due_unlink(tables, row);
}

bool twin_link(struct tables *tables, struct twin_row *row) {
    if (!root_link(tables, &row->event->as_event, by_event, &row->by_event))
        return false;
    must(root_link(tables, &row->rule->as_rule, by_rule, &row->by_rule));
    return true;
}

void twin_unlink(struct twin_row *row) {
    root_unlink(&row->event->as_event, by_event, &row->by_event);
    root_unlink(&row->rule->as_rule, by_rule, &row->by_rule);
}

bool fact_link(struct tables *tables, struct fact_entry *entry) {
    return map_link(tables, &tables->facts, entry->fact.hash, by_hash, &entry->by_hash);
}

void fact_unlink(struct tables *tables, struct fact_entry *entry) {
    map_unlink(&tables->facts, entry->fact.hash, by_hash, &entry->by_hash);
}

bool meta_link(struct tables *tables, struct meta_row *row) {
    return tree_insert(&tables->meta, &row->by_name) == NULL;
}

void meta_unlink(struct tables *tables, struct meta_row *row) {
    tree_remove(&tables->meta, &row->by_name);
}

bool bucket_link(struct tables *tables, struct bucket_row *row) {
    return tree_insert(&tables->buckets, &row->by_start) == NULL;
}

void bucket_unlink(struct tables *tables, struct bucket_row *row) {
    tree_remove(&tables->buckets, &row->by_start);
}

bool unpaired_link(struct tables *tables, struct unpaired_row *row) {
    return tree_insert(&tables->unpaired, &row->by_arrival) == NULL;
}

void unpaired_unlink(struct tables *tables, struct unpaired_row *row) {
    tree_remove(&tables->unpaired, &row->by_arrival);
}

void message_mark(struct tables *tables, const struct message_row *row) {
    shelf_mark(&tables->messages, row->record.id, marks_of(row));
}
