/* Counts of parity, and messages without a twin, in the memory store: two trees in the order that reports ask for. */
#include "proxy/store/memory_parity.h"

#include "common/mem.h"

enum err memory_add_parity(struct backend *backend, const struct parity_bucket *bucket) {
    struct tables *tables = tables_of(backend);
    struct bucket_row key = {.bucket = {.start_ms = bucket->start_ms, .type = bucket->type}};
    struct bucket_row *row = ROW_AT(tree_find(&tables->buckets, &key.by_start), struct bucket_row, by_start);
    if (row != NULL) {
        tables_add_counts(tables, row, &bucket->counts);
        return ERR_NONE;
    }
    row = bucket_row_new(bucket);
    if (tables_put_bucket(tables, row))
        return ERR_NONE;
    mem_free(row);
    return err_set(&backend->detail, ERR_EXISTS, "bucket exists already");
}

static struct bucket_row *first_bucket(struct backend *backend, int64_t from_ms) {
    struct bucket_row key = {.bucket = {.start_ms = from_ms, .type = STR("")}};
    return ROW_AT(tree_at_least(&tables_of(backend)->buckets, &key.by_start), struct bucket_row, by_start);
}

static struct bucket_row *next_bucket(const struct bucket_row *row) {
    return ROW_AT(tree_next(&row->by_start), struct bucket_row, by_start);
}

enum err memory_each_parity(struct backend *backend, int64_t from_ms, int64_t below_ms, bool skews,
                            each_parity_fn *each, void *arg) {
    for (struct bucket_row *row = first_bucket(backend, from_ms); row != NULL && row->bucket.start_ms < below_ms;
         row = next_bucket(row)) {
        struct parity_bucket bucket = row->bucket;
        if (!skews)
            memset(bucket.counts.skew, 0, sizeof bucket.counts.skew);
        each(arg, &bucket);
    }
    return ERR_NONE;
}

enum err memory_remove_parity(struct backend *backend, int64_t from_ms, int64_t below_ms) {
    struct bucket_row *row = first_bucket(backend, from_ms), *next;
    for (; row != NULL && row->bucket.start_ms < below_ms; row = next) {
        next = next_bucket(row);
        tables_take_bucket(tables_of(backend), row);
    }
    return ERR_NONE;
}

enum err memory_add_unpaired(struct backend *backend, const struct unpaired *unpaired) {
    struct unpaired_row *row = unpaired_row_new(unpaired);
    if (!tables_put_unpaired(tables_of(backend), row))
        mem_free(row);
    return ERR_NONE;
}

static struct unpaired_row *at_or_behind(struct backend *backend, const struct unpaired *unpaired) {
    struct unpaired_row key = {.unpaired = *unpaired};
    return ROW_AT(tree_at_least(&tables_of(backend)->unpaired, &key.by_arrival), struct unpaired_row, by_arrival);
}

static int order_unpaired(const struct unpaired *a, const struct unpaired *b) {
    int order = tree_order_i64(a->received_ms, b->received_ms);
    if (order == 0)
        order = tree_order_u64(a->message, b->message);
    return order != 0 ? order : str_compare(a->type, b->type);
}

enum err memory_remove_unpaired(struct backend *backend, const struct unpaired *unpaired, bool *removed) {
    struct unpaired first = *unpaired;
    bool any_type = unpaired->type.at == NULL;
    struct unpaired_row *row, *next;
    *removed = false;
    if (any_type)
        first.type = STR("");
    for (row = at_or_behind(backend, &first); row != NULL && row->unpaired.message == unpaired->message &&
                                              row->unpaired.received_ms == unpaired->received_ms;
         row = next) {
        next = ROW_AT(tree_next(&row->by_arrival), struct unpaired_row, by_arrival);
        if (!any_type && !str_eq(row->unpaired.type, unpaired->type))
            break;
        tables_take_unpaired(tables_of(backend), row);
        *removed = true;
    }
    return ERR_NONE;
}

enum err memory_scan_unpaired(struct backend *backend, struct arena *arena, const struct unpaired *after,
                              int64_t below_ms, struct unpaired *rows, size_t max, size_t *count) {
    struct unpaired_row *row = at_or_behind(backend, after);
    size_t found = 0;
    if (row != NULL && order_unpaired(&row->unpaired, after) == 0)
        row = ROW_AT(tree_next(&row->by_arrival), struct unpaired_row, by_arrival);
    for (; row != NULL && row->unpaired.received_ms < below_ms && found < max;
         row = ROW_AT(tree_next(&row->by_arrival), struct unpaired_row, by_arrival)) {
        rows[found] = row->unpaired;
        rows[found++].type = arena_str(arena, row->unpaired.type);
    }
    *count = found;
    return ERR_NONE;
}
