#include "proxy/store/sqlite_lists.h"

#include "common/mem.h"
#include "proxy/store/sqlite_rows.h"

#include <stdlib.h>

enum err sqlite_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due, size_t max,
                    size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_DUE);
    query_i64(&query, endpoint);
    query_i64(&query, state);
    query_limit(&query, max);
    size_t found = 0;
    while (found < max && query_row(&query)) {
        due[found].id = query_take_u64(&query);
        due[found++].due_ms = query_take_i64(&query);
    }
    enum err err = query_end(&query);
    if (err == ERR_NONE)
        *count = found;
    return err;
}

static int compare_ids(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The first ids of each state, merged: each state's are in order in the index, all states' are not. */
enum err sqlite_scan(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                     size_t *count) {
    uint64_t *merged = MEM_ARRAY(max * STATE_COUNT, uint64_t);
    size_t found = 0;
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

/* By the filter that leaves least, as far as one can tell without counting: most messages end up delivered or
 * suppressed, and are of few types. */
static enum sql list_path(const struct filter *filter) {
    bool by_state = filter->state >= 0;
    if (by_state && filter->state != STATE_DELIVERED && filter->state != STATE_SUPPRESSED)
        return SQL_LIST_STATE;
    if (filter->company.len > 0)
        return SQL_LIST_COMPANY;
    if (filter->type.at != NULL)
        return SQL_LIST_TYPE;
    return by_state ? SQL_LIST_STATE : SQL_LIST;
}

enum err sqlite_list(struct backend *backend, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) {
    enum sql path = list_path(filter);
    struct query query = query_begin(sqlite_db_of(backend), path);
    query_i64(&query, filter->before == 0 || filter->before > INT64_MAX ? INT64_MAX : (int64_t)filter->before);
    query_limit(&query, filter->limit);
    query_i64(&query, filter->generation);
    query_text(&query, filter->type);
    query_text(&query, filter->company);
    query_i64(&query, filter->state);
    if (path == SQL_LIST_COMPANY)
        query_i64(&query, row_company_hash(filter->company));
    struct record *list = NULL;
    size_t found = 0, capacity = 0;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && query_row(&query)) {
        list = query_grow(arena, list, found, &capacity, sizeof *list);
        err = row_read(&query, arena, &list[found++]);
    }
    enum err end = query_end(&query);
    if (err == ERR_NONE)
        err = end;
    if (err == ERR_NONE) {
        *records = list;
        *count = found;
    }
    return err;
}
