#include "proxy/store/sqlite_lists.h"

#include "common/mem.h"
#include "proxy/store/sqlite_rows.h"

#include <stdlib.h>

enum err sqlite_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due, size_t max,
                    size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_DUE);
    query_i64(&query, row_queue(endpoint, state));
    query_limit(&query, max);
    size_t found = 0;
    while (found < max && query_row(&query)) {
        due[found].id = query_take_u64(&query);
        due[found++].due_ms = query_take_ms(&query);
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

enum { COUNT_MAX = 20000 };

/* How many messages one filter alone leaves, counted up to COUNT_MAX. */
struct path {
    enum sql list, count;
    bool given;
    int64_t number;
    struct str text;
};

static enum err path_count(struct sqlite_db *db, const struct path *path, int64_t before, int64_t *count) {
    struct query query = query_begin(db, path->count);
    if (path->text.at != NULL)
        query_text(&query, path->text);
    else
        query_i64(&query, path->number);
    query_i64(&query, before);
    query_i64(&query, COUNT_MAX);
    int64_t counted = query_row(&query) ? query_take_i64(&query) : 0;
    enum err err = query_end(&query);
    if (err == ERR_NONE)
        *count = counted;
    return err;
}

/* By the filter that leaves least; with a single one, or none, there is nothing to count. */
static enum err choose_path(struct sqlite_db *db, const struct filter *filter, int64_t before, enum sql *list) {
    const struct path paths[] = {
        {SQL_LIST_COMPANY, SQL_COUNT_COMPANY, filter->company.len > 0, row_company_hash(filter->company), STR_NONE},
        {SQL_LIST_STATE, SQL_COUNT_STATE, filter->state >= 0, filter->state, STR_NONE},
        {SQL_LIST_TYPE, SQL_COUNT_TYPE, filter->type.at != NULL, 0, filter->type},
        {SQL_LIST_GENERATION, SQL_COUNT_GENERATION, filter->generation >= 0, filter->generation, STR_NONE},
    };
    int64_t least = INT64_MAX;
    size_t given = 0;
    *list = SQL_LIST;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        given += paths[i].given ? 1 : 0;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        int64_t count = 0;
        enum err err = paths[i].given && given > 1 ? path_count(db, &paths[i], before, &count) : ERR_NONE;
        if (err != ERR_NONE)
            return err;
        if (paths[i].given && count < least) {
            least = count;
            *list = paths[i].list;
        }
    }
    return ERR_NONE;
}

static struct query list_begin(struct sqlite_db *db, enum sql path, const struct filter *filter, int64_t before) {
    struct query query = query_begin(db, path);
    query_i64(&query, before);
    query_limit(&query, filter->limit);
    query_i64(&query, filter->generation);
    query_text(&query, filter->type);
    query_text(&query, filter->company);
    query_i64(&query, filter->state);
    if (path == SQL_LIST_COMPANY)
        query_i64(&query, row_company_hash(filter->company));
    return query;
}

enum err sqlite_list(struct backend *backend, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) {
    struct sqlite_db *db = sqlite_db_of(backend);
    const int64_t before = filter->before == 0 || filter->before > INT64_MAX ? INT64_MAX : (int64_t)filter->before;
    enum sql path;
    enum err err = choose_path(db, filter, before, &path);
    if (err != ERR_NONE)
        return err;
    struct query query = list_begin(db, path, filter, before);
    struct record *list = NULL;
    size_t found = 0, capacity = 0;
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
