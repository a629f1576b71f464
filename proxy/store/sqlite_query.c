#include "proxy/store/sqlite_query.h"

#include "common/fault.h"

#include <errno.h>

struct query query_begin(struct sqlite_db *db, enum sql sql) {
    return (struct query){.db = db, .statement = db->statements[sql], .result = SQLITE_OK};
}

static void keep(struct query *query, int result) {
    if (query->result == SQLITE_OK)
        query->result = result;
}

void query_i64(struct query *query, int64_t value) {
    keep(query, sqlite3_bind_int64(query->statement, ++query->parameter, value));
}

void query_u64(struct query *query, uint64_t value) {
    query_i64(query, (int64_t)value);
}

void query_or_null(struct query *query, int64_t value, bool there) {
    if (there)
        query_i64(query, value);
    else
        keep(query, sqlite3_bind_null(query->statement, ++query->parameter));
}

void query_text(struct query *query, struct str value) {
    int parameter = ++query->parameter;
    keep(query, sqlite3_bind_text64(query->statement, parameter, value.at, value.len, SQLITE_STATIC, SQLITE_UTF8));
}

void query_blob(struct query *query, struct str value) {
    keep(query, sqlite3_bind_blob64(query->statement, ++query->parameter, value.at, value.len, SQLITE_STATIC));
}

bool query_row(struct query *query) {
    if (query->result != SQLITE_OK && query->result != SQLITE_ROW)
        return false;
    errno = 0; /* what sqlite_db_fail() finds there is of this step */
    query->result = FAULT("store.step", EIO) ? SQLITE_IOERR : sqlite3_step(query->statement);
    query->column = 0;
    return query->result == SQLITE_ROW;
}

int64_t query_take_i64(struct query *query) {
    return sqlite3_column_int64(query->statement, query->column++);
}

uint64_t query_take_u64(struct query *query) {
    return (uint64_t)query_take_i64(query);
}

int64_t query_take_ms(struct query *query) {
    const int64_t furthest = (int64_t)1 << 53;
    int64_t ms = query_take_i64(query);
    if ((ms >= -furthest && ms <= furthest) || ms == DUE_NEVER)
        return ms;
    query->damage = "a time that cannot be";
    return 0;
}

struct str query_peek_text(struct query *query) {
    int column = query->column++;
    if (sqlite3_column_type(query->statement, column) == SQLITE_NULL)
        return STR_NONE;
    const void *at = sqlite3_column_blob(query->statement, column);
    int len = sqlite3_column_bytes(query->statement, column);
    return at == NULL ? STR("") : str_slice(at, (size_t)len);
}

struct str query_take_text(struct query *query, struct arena *arena) {
    return arena_str(arena, query_peek_text(query));
}

enum err query_end(struct query *query) {
    int result = query->result;
    bool failed = result != SQLITE_OK && result != SQLITE_ROW && result != SQLITE_DONE;
    enum err err = failed ? sqlite_db_fail(query->db, result) : ERR_NONE;
    sqlite3_reset(query->statement); /* repeats the error told above */
    return err == ERR_NONE && query->damage != NULL ? sqlite_db_damaged(query->db, query->damage) : err;
}

enum err query_run(struct query *query) {
    while (query_row(query))
        continue;
    return query_end(query);
}

enum err query_run_id(struct sqlite_db *db, enum sql sql, uint64_t id) {
    struct query query = query_begin(db, sql);
    query_u64(&query, id);
    return query_run(&query);
}

void query_limit(struct query *query, size_t max) {
    query_i64(query, max > INT64_MAX ? INT64_MAX : (int64_t)max); /* a negative one would mean none */
}

enum err query_take_ids(struct query *query, uint64_t *ids, size_t max, size_t *count) {
    size_t found = 0;
    while (found < max && query_row(query))
        ids[found++] = query_take_u64(query);
    enum err err = query_end(query);
    if (err == ERR_NONE)
        *count = found;
    return err;
}

/* Doubling: in all no more is left behind in the arena than the last one takes. */
void *query_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return array;
    *capacity = *capacity == 0 ? 8 : *capacity * 2;
    void *larger = arena_alloc(arena, *capacity * size);
    if (count > 0)
        memcpy(larger, array, count * size);
    return larger;
}
