/* What is due, and walks through messages by id. */
#include "proxy/store/sqlite_lists.h"

#include "common/mem.h"
#include "proxy/store/sqlite_rows.h"
#include "proxy/store/sqlite_taken.h"

#include <stdlib.h>

#define UNINDEXED_STATES (1U << STATE_DELIVERED | 1U << STATE_SUPPRESSED)

static enum err take_due(struct query *query, struct due *due, size_t max, size_t *count) {
    size_t found = 0;
    while (found < max && query_row(query)) {
        due[found].id = query_take_u64(query);
        due[found++].due_ms = query_take_i64(query); /* one that cannot be is told when the message is loaded */
    }
    enum err err = query_end(query);
    if (err == ERR_NONE)
        *count = found;
    return err;
}

enum err sqlite_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due, size_t max,
                    size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_DUE);
    query_i64(&query, row_queue(endpoint, state));
    query_limit(&query, max);
    return take_due(&query, due, max, count);
}

enum err sqlite_due_after(struct backend *backend, enum endpoint endpoint, enum state state, const struct due *after,
                          struct due *due, size_t max, size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_DUE_AFTER);
    query_i64(&query, row_queue(endpoint, state));
    query_i64(&query, after->due_ms);
    query_u64(&query, after->id);
    query_limit(&query, max);
    return take_due(&query, due, max, count);
}

static int compare_ids(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum err scan_all(struct sqlite_db *db, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                         size_t *count) {
    struct query query = query_begin(db, SQL_SCAN_STATES);
    query_i64(&query, states | (states >> STATE_PENDING & 1U) << STATE_TAKEN);
    query_u64(&query, after);
    query_limit(&query, max);
    return query_take_ids(&query, ids, max, count);
}

static size_t copy_taken(const struct taken *taken, uint64_t after, uint64_t *ids, size_t max) {
    size_t place = taken_place_after(taken, after), count = taken->count - place < max ? taken->count - place : max;
    if (count > 0)
        memcpy(ids, taken->ids + place, count * sizeof *ids);
    return count;
}

/* The first ids of each state, merged: each state's are in order in the index, all states' are not. Nearly all
 * messages end up delivered or suppressed: these are found by looking at all, as are those of many states. */
enum err sqlite_scan(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                     size_t *count) {
    if ((states & UNINDEXED_STATES) != 0)
        return scan_all(sqlite_db_of(backend), states, after, ids, max, count);
    uint64_t *merged = MEM_ARRAY(max * (STATE_COUNT + 1), uint64_t);
    size_t found = 0;
    if ((states >> STATE_PENDING & 1U) != 0)
        found = copy_taken(sqlite_db_of(backend)->taken, after, merged, max);
    enum err err = ERR_NONE;
    for (int state = 0; state < STATE_COUNT && err == ERR_NONE; state++) {
        if ((states >> state & 1U) == 0)
            continue;
        struct query query = query_begin(sqlite_db_of(backend), SQL_SCAN_STATE);
        query_i64(&query, state);
        query_u64(&query, after);
        query_limit(&query, max);
        size_t more = 0;
        err = query_take_ids(&query, merged + found, max, &more);
        found += more;
    }
    if (err == ERR_NONE) {
        qsort(merged, found, sizeof *merged, compare_ids);
        *count = found < max ? found : max;
        memcpy(ids, merged, *count * sizeof *ids);
    }
    mem_free(merged);
    return err;
}

enum err sqlite_scan_content(struct backend *backend, uint64_t after, uint64_t below, uint64_t *ids, size_t max,
                             size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_SCAN_CONTENT);
    query_u64(&query, after);
    query_i64(&query, below > INT64_MAX ? INT64_MAX : (int64_t)below);
    query_limit(&query, max);
    return query_take_ids(&query, ids, max, count);
}
