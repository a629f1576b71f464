#include "proxy/store/sqlite_messages.h"

#include "proxy/store/sqlite_rows.h"

enum err sqlite_last_id(struct backend *backend, uint64_t *id) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_LAST_ID);
    uint64_t last = query_row(&query) ? query_take_u64(&query) : 0;
    enum err err = query_end(&query);
    if (err == ERR_NONE)
        *id = last;
    return err;
}

enum err sqlite_insert(struct backend *backend, const struct record *record, const struct content *content) {
    struct query message = query_begin(sqlite_db_of(backend), SQL_INSERT_MESSAGE);
    row_bind_insert(&message, record);
    enum err err = query_run(&message);
    if (err != ERR_NONE)
        return err;
    struct query row = query_begin(sqlite_db_of(backend), SQL_INSERT_CONTENT);
    query_u64(&row, record->id);
    query_blob(&row, content->headers);
    query_blob(&row, content->body);
    return query_run(&row);
}

static enum err not_found(struct backend *backend, const char *what, uint64_t id) {
    return err_set(&backend->detail, ERR_NOT_FOUND, "no %s %llu", what, (unsigned long long)id);
}

enum err sqlite_update(struct backend *backend, const struct record *record) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_UPDATE_MESSAGE);
    row_bind_update(&query, record);
    enum err err = query_run(&query);
    if (err == ERR_NONE && sqlite3_changes(sqlite_db_of(backend)->handle) == 0)
        err = not_found(backend, "message", record->id);
    return err;
}

enum err sqlite_load(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_LOAD_MESSAGE);
    query_u64(&query, id);
    struct record read;
    bool found = query_row(&query);
    enum err err = found ? row_read(&query, arena, &read) : ERR_NONE, end = query_end(&query);
    if (err == ERR_NONE)
        err = end;
    if (err == ERR_NONE && !found)
        err = not_found(backend, "message", id);
    if (err == ERR_NONE)
        *record = read;
    return err;
}

enum err sqlite_load_content(struct backend *backend, struct arena *arena, uint64_t id, struct content *content) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_LOAD_CONTENT);
    query_u64(&query, id);
    struct content read = {0};
    bool found = query_row(&query);
    if (found) {
        read.headers = query_take_text(&query, arena);
        read.body = query_take_text(&query, arena);
    }
    enum err err = query_end(&query);
    if (err == ERR_NONE && !found)
        err = not_found(backend, "content of message", id);
    if (err == ERR_NONE)
        *content = read;
    return err;
}

enum err sqlite_remove_content(struct backend *backend, uint64_t id) {
    return query_run_id(sqlite_db_of(backend), SQL_REMOVE_CONTENT, id);
}

enum err sqlite_remove(struct backend *backend, uint64_t id) {
    static const enum sql parts[] = {SQL_REMOVE_TWINS_OF_EVENT, SQL_REMOVE_TWINS_OF_RULE, SQL_REMOVE_STEPS,
                                     SQL_REMOVE_CONTENT, SQL_REMOVE_MESSAGE};
    enum err err = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(parts) && err == ERR_NONE; i++)
        err = query_run_id(sqlite_db_of(backend), parts[i], id);
    return err;
}

enum err sqlite_find_identity(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max, size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_FIND_IDENTITY);
    query_u64(&query, hash);
    query_limit(&query, max);
    return query_take_ids(&query, ids, max, count);
}
