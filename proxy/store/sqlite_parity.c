/* The tables are for people with an SQL prompt too: a counter is a column, a bin of the skew is a row that says below
 * how many milliseconds. Both are in the order of time, so that what is written now is on the last pages. */
#include "proxy/store/sqlite_parity.h"

#include "proxy/store/sqlite_query.h"

static enum err add_skew(struct sqlite_db *db, const struct parity_bucket *bucket, size_t bin) {
    struct query query = query_begin(db, SQL_ADD_SKEW);
    query_i64(&query, bucket->start_ms);
    query_text(&query, bucket->type);
    query_i64(&query, (int64_t)1 << bin);
    query_i64(&query, bucket->counts.skew[bin]);
    return query_run(&query);
}

enum err sqlite_add_parity(struct backend *backend, const struct parity_bucket *bucket) {
    struct sqlite_db *db = sqlite_db_of(backend);
    struct query query = query_begin(db, SQL_ADD_PARITY);
    query_i64(&query, bucket->start_ms);
    query_text(&query, bucket->type);
    for (size_t i = 0; i < PARITY_NUMBERS; i++)
        query_i64(&query, bucket->counts.n[i]);
    query_i64(&query, bucket->counts.skew_max_ms);
    query_i64(&query, bucket->counts.last_unreplaced_ms);
    enum err err = query_run(&query);
    for (size_t bin = 0; bin < PARITY_SKEW_BINS && err == ERR_NONE; bin++)
        if (bucket->counts.skew[bin] != 0)
            err = add_skew(db, bucket, bin);
    return err;
}

static struct query range_begin(struct backend *backend, enum sql sql, int64_t from_ms, int64_t below_ms) {
    struct query query = query_begin(sqlite_db_of(backend), sql);
    query_i64(&query, from_ms);
    query_i64(&query, below_ms);
    return query;
}

static void take_counts(struct query *query, struct parity_counts *counts) {
    for (size_t i = 0; i < PARITY_NUMBERS; i++)
        counts->n[i] = query_take_i64(query);
    counts->skew_max_ms = query_take_ms(query);
    counts->last_unreplaced_ms = query_take_ms(query);
}

/* A bin that no version has written belongs to none. */
static void take_skew(struct query *query, struct parity_counts *counts) {
    int64_t below_ms = query_take_i64(query), pairs = query_take_i64(query);
    for (size_t bin = 0; bin < PARITY_SKEW_BINS; bin++)
        if (below_ms == (int64_t)1 << bin)
            counts->skew[bin] = pairs;
}

enum err sqlite_each_parity(struct backend *backend, int64_t from_ms, int64_t below_ms, bool skews,
                            each_parity_fn *each, void *arg) {
    enum err err = ERR_NONE;
    for (int part = 0; part < (skews ? 2 : 1) && err == ERR_NONE; part++) {
        struct query query = range_begin(backend, part == 0 ? SQL_EACH_PARITY : SQL_EACH_SKEW, from_ms, below_ms);
        while (query_row(&query)) {
            struct parity_bucket bucket = {.start_ms = query_take_ms(&query)};
            bucket.type = query_peek_text(&query);
            if (part == 0)
                take_counts(&query, &bucket.counts);
            else
                take_skew(&query, &bucket.counts);
            each(arg, &bucket);
        }
        err = query_end(&query);
    }
    return err;
}

enum err sqlite_remove_parity(struct backend *backend, int64_t from_ms, int64_t below_ms) {
    struct query query = range_begin(backend, SQL_REMOVE_PARITY, from_ms, below_ms);
    enum err err = query_run(&query);
    if (err != ERR_NONE)
        return err;
    query = range_begin(backend, SQL_REMOVE_SKEW, from_ms, below_ms);
    return query_run(&query);
}

enum err sqlite_add_unpaired(struct backend *backend, const struct unpaired *row) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_ADD_UNPAIRED);
    query_i64(&query, row->received_ms);
    query_u64(&query, row->message);
    query_text(&query, row->type);
    query_i64(&query, row->is_rule);
    return query_run(&query);
}

enum err sqlite_remove_unpaired(struct backend *backend, const struct unpaired *row, bool *removed) {
    struct sqlite_db *db = sqlite_db_of(backend);
    bool any_type = row->type.at == NULL;
    struct query query = query_begin(db, any_type ? SQL_REMOVE_UNPAIRED_MESSAGE : SQL_REMOVE_UNPAIRED);
    query_i64(&query, row->received_ms);
    query_u64(&query, row->message);
    if (!any_type)
        query_text(&query, row->type);
    enum err err = query_run(&query);
    *removed = err == ERR_NONE && sqlite3_changes(db->handle) > 0;
    return err;
}

enum err sqlite_scan_unpaired(struct backend *backend, struct arena *arena, const struct unpaired *after,
                              int64_t below_ms, struct unpaired *rows, size_t max, size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_SCAN_UNPAIRED);
    size_t found = 0;
    query_i64(&query, after->received_ms);
    query_u64(&query, after->message);
    query_text(&query, after->type);
    query_i64(&query, below_ms);
    query_limit(&query, max);
    while (found < max && query_row(&query)) {
        struct unpaired *row = &rows[found++];
        row->received_ms = query_take_ms(&query);
        row->message = query_take_u64(&query);
        row->type = query_take_text(&query, arena);
        row->is_rule = query_take_i64(&query) != 0;
    }
    enum err err = query_end(&query);
    if (err == ERR_NONE)
        *count = found;
    return err;
}
