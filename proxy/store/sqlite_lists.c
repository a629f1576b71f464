/* Lists for people: messages that pass a filter, the newest first.
 *
 * They go by the part of the filter that leaves least: by the index where that is a company, a type or a generation,
 * by the tree of states where it is a state that few are in for long, and else through all messages. */
#include "proxy/store/sqlite_lists.h"

#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_rows.h"
#include "proxy/store/sqlite_taken.h"

enum { COUNT_MAX = 20000, BATCH = 64 };

struct list {
    struct sqlite_db *db;
    struct arena *arena;
    const struct filter *filter;
    uint64_t before;
    struct record *records;
    size_t count, capacity;
    size_t looked_at;
    uint64_t last; /* the lowest id looked at */
};

/* The list is long enough, or enough was looked at for it. */
static bool is_over(const struct list *list) {
    return list->count >= list->filter->limit ||
           (list->filter->look_max > 0 && list->looked_at >= list->filter->look_max);
}

static enum err has_rows(struct sqlite_db *db, enum sql sql, uint64_t id, bool *has) {
    struct query query = query_begin(db, sql);
    query_u64(&query, id);
    *has = query_row(&query);
    return query_end(&query);
}

static enum err has_twin(struct sqlite_db *db, const struct record *record, bool *has) {
    return has_rows(db, record->generation == GENERATION_EVENT ? SQL_FIND_TWINS_OF_EVENT : SQL_FIND_TWINS_OF_RULE,
                    record->id, has);
}

/* State and endpoint are columns: most messages are passed over without reading what is behind them. */
static bool columns_pass(const struct filter *filter, const struct query *query) {
    enum { STATE_COLUMN = 1, ENDPOINT_COLUMN = 8 };
    int state = sqlite3_column_int(query->statement, STATE_COLUMN);
    int endpoint = sqlite3_column_int(query->statement, ENDPOINT_COLUMN);
    bool state_passes =
        filter->state < 0 || state == filter->state || (state == STATE_TAKEN && filter->state == STATE_PENDING);
    return state_passes && (filter->endpoints == 0 || endpoint < 0 || endpoint >= ENDPOINT_COUNT ||
                            (filter->endpoints >> endpoint & 1U) != 0);
}

/* The row that the query stands on, where it passes. */
static enum err add_row(struct list *list, struct query *query) {
    struct record record;
    struct str fixed;
    list->looked_at++;
    list->last = (uint64_t)sqlite3_column_int64(query->statement, 0);
    if (!columns_pass(list->filter, query))
        return ERR_NONE;
    enum err err = row_peek(query, &record, &fixed);
    if (err == ERR_DAMAGED)
        return ERR_NONE; /* whoever works with it tells of it */
    if (err != ERR_NONE || !filter_passes(list->filter, &record))
        return err;
    bool paired = false;
    if (list->filter->unpaired)
        err = has_twin(list->db, &record, &paired);
    if (err != ERR_NONE || paired)
        return err;
    row_keep(list->arena, &record, fixed);
    list->records = query_grow(list->arena, list->records, list->count, &list->capacity, sizeof *list->records);
    list->records[list->count++] = record;
    return ERR_NONE;
}

/* What the index finds may be of another text with that hash. */
static enum err add_if_it_passes(struct list *list, uint64_t id) {
    struct query query = query_begin(list->db, SQL_LOAD_MESSAGE);
    query_u64(&query, id);
    enum err err = query_row(&query) ? add_row(list, &query) : ERR_NONE, end = query_end(&query);
    return err != ERR_NONE ? err : end;
}

/* Pending messages that no index has, from `*left` of them downwards to those above `id`. */
static enum err add_taken_above(struct list *list, uint64_t id, size_t *left) {
    const uint64_t *ids = list->db->taken->ids;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && *left > 0 && ids[*left - 1] > id && !is_over(list))
        err = add_if_it_passes(list, ids[--*left]);
    return err;
}

/* By the index of states. */
static enum err list_state(struct list *list) {
    struct query query = query_begin(list->db, SQL_LIST_STATE);
    query_u64(&query, list->before);
    query_i64(&query, list->filter->state);
    query_u64(&query, list->filter->after);
    size_t left = list->filter->state == STATE_PENDING ? taken_place_after(list->db->taken, list->before - 1) : 0;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && !is_over(list) && query_row(&query)) {
        err = add_taken_above(list, (uint64_t)sqlite3_column_int64(query.statement, 0), &left);
        if (err == ERR_NONE && !is_over(list))
            err = add_row(list, &query);
    }
    enum err end = query_end(&query);
    if (err == ERR_NONE)
        err = end;
    return err != ERR_NONE ? err : add_taken_above(list, list->filter->after, &left);
}

/* Through all. */
static enum err list_all(struct list *list) {
    struct query query = query_begin(list->db, SQL_LIST);
    query_u64(&query, list->before);
    query_u64(&query, list->filter->after);
    enum err err = ERR_NONE;
    while (err == ERR_NONE && !is_over(list) && query_row(&query))
        err = add_row(list, &query);
    enum err end = query_end(&query);
    return err != ERR_NONE ? err : end;
}

static enum err list_by_key(struct list *list, uint64_t key) {
    struct fact_row first = {.hash = key, .message = list->before - 1}, rows[BATCH];
    size_t found = BATCH;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && found == BATCH && !is_over(list)) {
        err = sqlite_index_find(list->db, &first, 0, rows, BATCH, &found);
        for (size_t i = 0; i < found && err == ERR_NONE && !is_over(list); i++) {
            if (rows[i].message <= list->filter->after)
                return ERR_NONE;
            err = add_if_it_passes(list, rows[i].message);
        }
        uint64_t last = found == 0 ? 0 : rows[found - 1].message;
        if (last == 0 || last > first.message) /* the end, or damage */
            break;
        first.message = last - 1;
    }
    return err;
}

/* How many messages are in a state, up to COUNT_MAX; of the states that have no index: all. */
static enum err count_state(struct list *list, size_t *count) {
    struct query query = query_begin(list->db, SQL_COUNT_STATE);
    query_i64(&query, list->filter->state);
    query_u64(&query, list->before);
    query_i64(&query, COUNT_MAX);
    int64_t counted = query_row(&query) ? query_take_i64(&query) : 0;
    enum err err = query_end(&query);
    if (list->filter->state == STATE_PENDING)
        counted += (int64_t)list->db->taken->count;
    if (err == ERR_NONE)
        *count = (size_t)counted;
    return err;
}

/* The key that leaves least, among those that the filter has; SIZE_MAX: it has none. */
static size_t choose_key(struct list *list, uint64_t *key) {
    const struct filter *filter = list->filter;
    const struct {
        bool given;
        uint64_t key;
    } keys[] = {
        {filter->company.at != NULL, row_company_key(filter->company)},
        {filter->type.at != NULL && !filter->type_is_prefix, row_type_key(filter->type)},
        {filter->generation >= 0, row_generation_key((enum generation)filter->generation)},
    };
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        size_t count = keys[i].given ? sqlite_index_estimate(list->db, keys[i].key) : SIZE_MAX;
        if (count < least) {
            least = count;
            *key = keys[i].key;
        }
    }
    return least;
}

static enum err fill(struct list *list) {
    bool has_index =
        list->filter->state >= 0 && list->filter->state != STATE_DELIVERED && list->filter->state != STATE_SUPPRESSED;
    uint64_t key = 0;
    size_t by_key = choose_key(list, &key), by_state = SIZE_MAX;
    enum err err = has_index ? count_state(list, &by_state) : ERR_NONE;
    if (err != ERR_NONE)
        return err;
    if (by_key == SIZE_MAX && by_state == SIZE_MAX)
        return list_all(list);
    return by_state <= by_key ? list_state(list) : list_by_key(list, key);
}

enum err sqlite_list(struct backend *backend, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) {
    struct list list = {.db = sqlite_db_of(backend), .arena = arena, .filter = filter, .before = filter->before};
    if (list.before == 0 || list.before > INT64_MAX)
        list.before = INT64_MAX;
    enum err err = sqlite_index_refresh(list.db);
    if (err == ERR_NONE)
        err = fill(&list);
    if (err != ERR_NONE)
        return err;
    *records = list.records;
    *count = list.count;
    if (filter->looked_to != NULL) /* where it took all that it may, and the list is not full */
        *filter->looked_to = list.count < filter->limit && is_over(&list) ? list.last : 0;
    return ERR_NONE;
}
