#include "proxy/store/sqlite_messages.h"

#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_rows.h"
#include "proxy/store/sqlite_taken.h"

enum { IDENTITY_ROWS = 64 /* more of one hash are not looked at */ };

enum err sqlite_last_id(struct backend *backend, uint64_t *id) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_LAST_ID);
    uint64_t last = query_row(&query) ? query_take_u64(&query) : 0;
    enum err err = query_end(&query);
    if (err == ERR_NONE)
        *id = last;
    return err;
}

static enum err add_keys(struct sqlite_db *db, const struct record *record) {
    uint64_t keys[ROW_KEYS];
    size_t count = row_keys(record->generation, record->identity_hash, record->type, record->company, keys);
    enum err err = ERR_NONE;
    for (size_t i = 0; i < count && err == ERR_NONE; i++)
        err = sqlite_index_add(db, &(struct fact_row){.hash = keys[i], .message = record->id});
    return err;
}

/* Of the message as it is stored; of none where there is none. */
static enum err remove_keys(struct sqlite_db *db, uint64_t id) {
    uint64_t keys[ROW_KEYS];
    size_t count = 0;
    struct query query = query_begin(db, SQL_LOAD_MESSAGE);
    query_u64(&query, id);
    struct record record;
    struct str fixed;
    bool found = query_row(&query);
    enum err err = found ? row_peek(&query, &record, &fixed) : ERR_NONE;
    if (found && err == ERR_NONE)
        count = row_keys(record.generation, record.identity_hash, record.type, record.company, keys);
    enum err end = query_end(&query);
    if (err == ERR_NONE)
        err = end;
    for (size_t i = 0; i < count && err == ERR_NONE; i++)
        err = sqlite_index_remove(db, &(struct fact_row){.hash = keys[i], .message = id});
    return err;
}

enum err sqlite_insert(struct backend *backend, const struct record *record, const struct content *content) {
    struct sqlite_db *db = sqlite_db_of(backend);
    row_encode(record, &db->fixed);
    struct query message = query_begin(db, SQL_INSERT_MESSAGE);
    row_bind_insert(&message, record, strbuf_str(&db->fixed));
    enum err err = query_run(&message);
    if (err != ERR_NONE)
        return err;
    struct query row = query_begin(db, SQL_INSERT_CONTENT);
    query_u64(&row, record->id);
    query_blob(&row, content->headers);
    query_blob(&row, content->body);
    err = query_run(&row);
    if (err != ERR_NONE)
        return err;
    cache_put(&db->cache, record, strbuf_str(&db->fixed));
    if (record->is_taken && record->state == STATE_PENDING)
        taken_add(db->taken, record->id);
    else
        taken_pass(db->taken, record->id);
    return add_keys(db, record);
}

static enum err not_found(struct backend *backend, const char *what, uint64_t id) {
    return err_set(&backend->detail, ERR_NOT_FOUND, "no %s %llu", what, (unsigned long long)id);
}

enum err sqlite_update(struct backend *backend, const struct record *record) {
    struct sqlite_db *db = sqlite_db_of(backend);
    struct query query = query_begin(db, SQL_UPDATE_MESSAGE);
    row_bind_update(&query, record);
    enum err err = query_run(&query);
    if (err == ERR_NONE && sqlite3_changes(db->handle) == 0)
        err = not_found(backend, "message", record->id);
    if (err != ERR_NONE)
        return err;
    cache_update(&db->cache, record);
    taken_remove(db->taken, record->id);
    return ERR_NONE;
}

enum err sqlite_load(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) {
    struct sqlite_db *db = sqlite_db_of(backend);
    if (cache_find(&db->cache, arena, id, record))
        return ERR_NONE;
    struct query query = query_begin(db, SQL_LOAD_MESSAGE);
    query_u64(&query, id);
    struct record read;
    struct str fixed;
    bool found = query_row(&query);
    enum err err = found ? row_peek(&query, &read, &fixed) : ERR_NONE;
    if (found && err == ERR_NONE) {
        cache_put(&db->cache, &read, fixed);
        row_keep(arena, &read, fixed);
    }
    enum err end = query_end(&query);
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
    cache_drop(&sqlite_db_of(backend)->cache, id);
    taken_remove(sqlite_db_of(backend)->taken, id);
    enum err err = remove_keys(sqlite_db_of(backend), id);
    for (size_t i = 0; i < ARRAY_LEN(parts) && err == ERR_NONE; i++)
        err = query_run_id(sqlite_db_of(backend), parts[i], id);
    return err;
}

enum err sqlite_find_identity(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max, size_t *count) {
    const struct fact_row first = {.hash = row_identity_key(hash), .message = UINT64_MAX};
    struct fact_row rows[IDENTITY_ROWS];
    size_t found = 0;
    enum err err = hash == 0 ? ERR_NONE
                             : sqlite_index_find(sqlite_db_of(backend), &first, 0, rows,
                                                 max < IDENTITY_ROWS ? max : IDENTITY_ROWS, &found);
    for (size_t i = 0; i < found && err == ERR_NONE; i++)
        ids[i] = rows[i].message;
    if (err == ERR_NONE)
        *count = found;
    return err;
}
