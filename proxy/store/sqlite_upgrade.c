#include "proxy/store/sqlite_upgrade.h"

#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_rows.h"

enum { WRITE_EVERY = 1000 }; /* rows: then the index may write a run, or go on merging */

static enum err add_facts_of_row(struct sqlite_db *db, sqlite3_stmt *row) {
    return sqlite_index_add(db, &(struct fact_row){.hash = (uint64_t)sqlite3_column_int64(row, 0),
                                                   .time_ms = sqlite3_column_int64(row, 1),
                                                   .message = (uint64_t)sqlite3_column_int64(row, 2),
                                                   .item = (uint32_t)sqlite3_column_int64(row, 3)});
}

static struct str column_text(sqlite3_stmt *row, int column) {
    const void *at = sqlite3_column_blob(row, column);
    size_t len = (size_t)sqlite3_column_bytes(row, column);
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return STR_NONE;
    return at == NULL ? STR("") : str_slice(at, len);
}

static enum err add_keys_of_row(struct sqlite_db *db, sqlite3_stmt *row) {
    uint64_t keys[ROW_KEYS];
    size_t count = row_keys((enum generation)(sqlite3_column_int(row, 1) & 3), (uint64_t)sqlite3_column_int64(row, 2),
                            column_text(row, 3), column_text(row, 4), keys);
    enum err err = ERR_NONE;
    for (size_t i = 0; i < count && err == ERR_NONE; i++)
        err = sqlite_index_add(db,
                               &(struct fact_row){.hash = keys[i], .message = (uint64_t)sqlite3_column_int64(row, 0)});
    return err;
}

static enum err write_index(struct sqlite_db *db) {
    enum err err = sqlite_index_write(db);
    if (err == ERR_NONE)
        sqlite_index_kept(db);
    return err;
}

typedef enum err upgrade_fn(struct sqlite_db *db, sqlite3_stmt *row);

/* `now_and_then`, where not NULL, is called after every so many rows. */
static enum err for_each_row(struct sqlite_db *db, const char *sql, upgrade_fn *add,
                             enum err (*now_and_then)(struct sqlite_db *db)) {
    sqlite3_stmt *row = NULL;
    enum err err = ERR_NONE;
    size_t count = 0;
    int result = sqlite3_prepare_v2(db->handle, sql, -1, &row, NULL);
    while (result == SQLITE_OK && err == ERR_NONE && (result = sqlite3_step(row)) == SQLITE_ROW) {
        result = SQLITE_OK;
        err = add(db, row);
        if (err == ERR_NONE && now_and_then != NULL && ++count % WRITE_EVERY == 0)
            err = now_and_then(db);
    }
    if (err == ERR_NONE && result != SQLITE_DONE)
        err = sqlite_db_fail(db, result);
    sqlite3_finalize(row);
    return err;
}

enum err sqlite_upgrade_index(struct sqlite_db *db) {
    enum err err = sqlite_db_prepare(db, SQL_READ_RECENT, SQL_REMOVE_PAGES);
    if (err == ERR_NONE)
        err = sqlite_index_open(db);
    if (err == ERR_NONE)
        err = for_each_row(db, "SELECT hash, time_ms, message, item FROM fact", add_facts_of_row, write_index);
    if (err == ERR_NONE)
        err = for_each_row(db, "SELECT id, generation, identity_hash, type, company FROM message", add_keys_of_row,
                           write_index);
    return err != ERR_NONE ? err : write_index(db);
}

static enum err insert_message(struct sqlite_db *db, const struct record *record) {
    row_encode(record, &db->fixed);
    struct query query = query_begin(db, SQL_INSERT_MESSAGE);
    row_bind_insert(&query, record, strbuf_str(&db->fixed));
    return query_run(&query);
}

/* Numbers that no version has written are left for whoever reads the message to find, but for those that have no place
 * in the new row. */
static enum err convert_message(struct sqlite_db *db, sqlite3_stmt *row) {
    struct record record = {.id = (uint64_t)sqlite3_column_int64(row, 0),
                            .state = (enum state)(sqlite3_column_int(row, 1) & 7),
                            .due_ms = sqlite3_column_int64(row, 2),
                            .changed_ms = sqlite3_column_int64(row, 3),
                            .attempts = (uint32_t)sqlite3_column_int64(row, 4),
                            .tries = (uint32_t)sqlite3_column_int64(row, 5),
                            .marks = (uint32_t)sqlite3_column_int64(row, 6),
                            .trimmed = column_text(row, 7),
                            .generation = (enum generation)(sqlite3_column_int(row, 8) & 3),
                            .endpoint = (enum endpoint)(sqlite3_column_int(row, 9) & 1),
                            .received_ms = sqlite3_column_int64(row, 10),
                            .time_ms = sqlite3_column_int64(row, 11),
                            .item_count = (uint32_t)sqlite3_column_int64(row, 12),
                            .identity_hash = (uint64_t)sqlite3_column_int64(row, 13),
                            .group = (uint64_t)sqlite3_column_int64(row, 14)};
    struct str *texts[] = {&record.identity,     &record.type,      &record.counterpart, &record.company,
                           &record.connection,   &record.data_type, &record.rule_id,     &record.target,
                           &record.trace_parent, &record.facts,     &record.admission};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = column_text(row, 15 + (int)i);
    return insert_message(db, &record);
}

enum err sqlite_upgrade_messages(struct sqlite_db *db) {
    enum err err = sqlite_db_prepare(db, SQL_INSERT_MESSAGE, SQL_INSERT_MESSAGE);
    if (err != ERR_NONE)
        return err;
    return for_each_row(db,
                        "SELECT id, state, due_ms, changed_ms, attempts, tries, marks, trimmed, generation, endpoint,"
                        " received_ms, time_ms, item_count, identity_hash, rule_group, identity, type, counterpart,"
                        " company, connection, data_type, rule_id, target, trace_parent, facts, admission"
                        " FROM message_of_columns ORDER BY id",
                        convert_message, NULL);
}
