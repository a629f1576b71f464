/* The SQLite file under the store: opening it, its statements, and what its errors mean.
 *
 * One thread at a time. */
#ifndef PROXY_STORE_SQLITE_DB_H
#define PROXY_STORE_SQLITE_DB_H

#include "proxy/store/backend.h"
#include "proxy/store/sqlite_cache.h"
#include "proxy/store/sqlite_reserve.h"
#include "proxy/store/sqlite_sql.h"

#include <sqlite3.h>

struct sqlite_inode {
    uint64_t device, number;
};

struct sqlite_db {
    struct backend backend; /* first; errors are told in its detail */
    sqlite3 *handle;
    char *path;
    bool is_open; /* else it is being opened */
    char *log_path;
    struct sqlite_inode file, log; /* as they were opened */
    sqlite3_stmt *statements[SQL_COUNT];
    struct sqlite_index *index;
    struct taken *taken;
    struct cache cache;
    struct strbuf fixed; /* of the message that is being written */
    struct sqlite_reserve reserve;
    bool recovers_later; /* sqlite_taken_recover() is still to be done */
};

static inline struct sqlite_db *sqlite_db_of(struct backend *backend) {
    return CONTAINER_OF(backend, struct sqlite_db, backend);
}

/* Opens or creates the file and takes it for this process; no statement is prepared yet. Errors as
 * backend_sqlite_open(); sqlite_db_close() is due also then. */
enum err sqlite_db_open(struct sqlite_db *db, const char *path) MUST_USE;
/* The statements from `first` to `last`; again: no error, nothing is done. */
enum err sqlite_db_prepare(struct sqlite_db *db, enum sql first, enum sql last) MUST_USE;
void sqlite_db_close(struct sqlite_db *db);

/* Notes which files are in use, and later: are they still those that the path leads to? A file that was removed can be
 * written to, but nobody will ever find it again. ERR_IO. */
enum err sqlite_db_note_place(struct sqlite_db *db) MUST_USE;
enum err sqlite_db_check_place(struct sqlite_db *db) MUST_USE;

/* Text without parameters or results, one or more statements. */
enum err sqlite_db_exec(struct sqlite_db *db, const char *sql) MUST_USE;
/* The one number that the text gives. */
enum err sqlite_db_number(struct sqlite_db *db, const char *sql, int64_t *number) MUST_USE;

/* What the handle's last error means, told in the detail. Damage is ERR_INVALID while the file is being opened, and
 * ERR_IO later: to callers a store that fails, never an answer. */
enum err sqlite_db_fail(struct sqlite_db *db, int result) MUST_USE;
enum err sqlite_db_damaged(struct sqlite_db *db, const char *what) MUST_USE;

#endif
