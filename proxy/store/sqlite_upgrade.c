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

static enum err for_each_row(struct sqlite_db *db, const char *sql,
                             enum err (*add)(struct sqlite_db *db, sqlite3_stmt *row)) {
    sqlite3_stmt *row = NULL;
    enum err err = ERR_NONE;
    size_t count = 0;
    int result = sqlite3_prepare_v2(db->handle, sql, -1, &row, NULL);
    while (result == SQLITE_OK && err == ERR_NONE && (result = sqlite3_step(row)) == SQLITE_ROW) {
        result = SQLITE_OK;
        err = add(db, row);
        if (err == ERR_NONE && ++count % WRITE_EVERY == 0) {
            err = sqlite_index_write(db);
            sqlite_index_kept(db);
        }
    }
    if (err == ERR_NONE && result != SQLITE_DONE)
        err = sqlite_db_fail(db, result);
    sqlite3_finalize(row);
    return err;
}

enum err sqlite_upgrade_index(struct sqlite_db *db) {
    enum err err = sqlite_db_prepare(db);
    if (err == ERR_NONE)
        err = sqlite_index_open(db);
    if (err == ERR_NONE)
        err = for_each_row(db, "SELECT hash, time_ms, message, item FROM fact", add_facts_of_row);
    if (err == ERR_NONE)
        err = for_each_row(db, "SELECT id, generation, identity_hash, type, company FROM message", add_keys_of_row);
    if (err == ERR_NONE)
        err = sqlite_index_write(db);
    if (err == ERR_NONE)
        sqlite_index_kept(db);
    return err;
}
