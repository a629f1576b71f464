/* What each table and index costs is paid by every message, so there are no more of them than lookups need, and their
 * rows are narrow: integer row ids, and hashes of 64 bits in place of texts (a hash finds, the text decides).
 *
 *     message   one row each, without the content: what decisions and lists read; what never changes is one value
 *     content   headers and body, apart because they are large, read once and removed earlier
 *     twin, step   in the order of their keys and nothing besides
 *     recent, run, run_page   what finds messages by hashes: see sqlite_index.h
 *     parity, parity_skew, unpaired   counts by rule type and time, messages without a twin: see parity.h
 *     message_due   message.queue is endpoint and open state as one number, NULL for final messages: the index holds
 *                   what waits, and its entries come and go with the work
 *     message_state   not for delivered and suppressed messages, which nearly all are in the end, nor for those whose
 *                     attempt began when they were stored (state 7, sqlite_taken.h). For a list of three states SQLite
 *                     would make a table in memory with every change of a message
 *
 * The version is PRAGMA user_version. A version that was released never changes: further ones are appended. */
#include "proxy/store/sqlite_schema.h"

#include "common/mem.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *const migrations[] = {
    /* 1 */
    "CREATE TABLE message ("
    " id INTEGER PRIMARY KEY,"
    " state INTEGER NOT NULL, due_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, tries INTEGER NOT NULL, marks INTEGER NOT NULL, trimmed BLOB, queue INTEGER,"
    " endpoint INTEGER NOT NULL, fixed BLOB);"
    "CREATE INDEX message_due ON message (queue, due_ms) WHERE queue IS NOT NULL;"
    "CREATE INDEX message_state ON message (state) WHERE state NOT IN (3, 4) AND state < 7;"
    "CREATE TABLE content (id INTEGER PRIMARY KEY, headers BLOB, body BLOB);"
    "CREATE TABLE twin ("
    " event INTEGER NOT NULL, item INTEGER NOT NULL, rule INTEGER NOT NULL, rule_group INTEGER NOT NULL,"
    " PRIMARY KEY (event, item, rule)) WITHOUT ROWID;"
    "CREATE INDEX twin_rule ON twin (rule);"
    "CREATE TABLE step ("
    " message INTEGER NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL, state INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, status INTEGER NOT NULL, duration_us INTEGER NOT NULL, why TEXT,"
    " PRIMARY KEY (message, number)) WITHOUT ROWID;"
    "CREATE TABLE recent (number INTEGER PRIMARY KEY, entries BLOB);"
    "CREATE TABLE run (number INTEGER PRIMARY KEY, level INTEGER NOT NULL, hashes INTEGER NOT NULL,"
    " pages INTEGER NOT NULL, filter BLOB, fences BLOB);"
    "CREATE TABLE run_page (id INTEGER PRIMARY KEY, entries BLOB);"
    "CREATE TABLE parity ("
    " start_ms INTEGER NOT NULL, type TEXT NOT NULL,"
    " rules INTEGER NOT NULL, events INTEGER NOT NULL, events_again INTEGER NOT NULL,"
    " rules_paired INTEGER NOT NULL, events_paired INTEGER NOT NULL, events_paired_again INTEGER NOT NULL,"
    " unhandled INTEGER NOT NULL, unhandled_paired INTEGER NOT NULL,"
    " rule_first INTEGER NOT NULL, event_first INTEGER NOT NULL,"
    " unreplaced INTEGER NOT NULL, near_misses INTEGER NOT NULL, died INTEGER NOT NULL,"
    " skew_max_ms INTEGER NOT NULL, last_unreplaced_ms INTEGER NOT NULL,"
    " PRIMARY KEY (start_ms, type)) WITHOUT ROWID;"
    "CREATE TABLE parity_skew ("
    " start_ms INTEGER NOT NULL, type TEXT NOT NULL, below_ms INTEGER NOT NULL, pairs INTEGER NOT NULL,"
    " PRIMARY KEY (start_ms, type, below_ms)) WITHOUT ROWID;"
    "CREATE TABLE unpaired ("
    " received_ms INTEGER NOT NULL, message INTEGER NOT NULL, type TEXT NOT NULL, is_rule INTEGER NOT NULL,"
    " PRIMARY KEY (received_ms, message, type)) WITHOUT ROWID;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
    "INSERT INTO meta (name, value) VALUES ('taken_from', 0);",
};

int sqlite_schema_version(void) {
    return (int)ARRAY_LEN(migrations);
}

/* A whole number of pages, unless there is a log to complete it from. */
static enum err check_length(struct sqlite_db *db) {
    struct stat file, log;
    int64_t page_len;
    char *log_path = mem_alloc(strlen(db->path) + sizeof "-wal");
    sprintf(log_path, "%s-wal", db->path);
    bool has_log = stat(log_path, &log) == 0 && log.st_size > 0;
    mem_free(log_path);
    if (has_log || stat(db->path, &file) != 0 || file.st_size == 0)
        return ERR_NONE;
    enum err err = sqlite_db_number(db, "PRAGMA page_size", &page_len);
    if (err == ERR_NONE && file.st_size % page_len != 0)
        err = sqlite_db_damaged(db, "it is cut short");
    return err;
}

enum err sqlite_schema_recognise(struct sqlite_db *db) {
    int64_t application, version, objects;
    enum err err = sqlite_db_number(db, "SELECT count(*) FROM sqlite_schema", &objects);
    if (err == ERR_NONE)
        err = check_length(db);
    if (err == ERR_NONE)
        err = sqlite_db_number(db, "PRAGMA application_id", &application);
    if (err == ERR_NONE)
        err = sqlite_db_number(db, "PRAGMA user_version", &version);
    if (err != ERR_NONE)
        return err;
    if (application == 0 && version == 0 && objects == 0)
        return ERR_NONE;
    if (application != SQLITE_APPLICATION_ID || version < 1)
        return err_set(&db->backend.detail, ERR_INVALID, "store %s is an SQLite file of another program", db->path);
    if (version > sqlite_schema_version())
        return err_set(&db->backend.detail, ERR_INVALID,
                       "store %s was written by a newer hookshift (its version is %lld, this program knows up to %d)",
                       db->path, (long long)version, sqlite_schema_version());
    return ERR_NONE;
}

static enum err migrate(struct sqlite_db *db, int64_t version) {
    char stamp[96];
    snprintf(stamp, sizeof stamp, "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT",
             SQLITE_APPLICATION_ID, (long long)version + 1);
    enum err err = sqlite_db_exec(db, "BEGIN IMMEDIATE");
    if (err == ERR_NONE)
        err = sqlite_db_exec(db, migrations[version]);
    return err != ERR_NONE ? err : sqlite_db_exec(db, stamp); /* closing the file rolls back */
}

enum err sqlite_schema_upgrade(struct sqlite_db *db) {
    int64_t version;
    enum err err = sqlite_db_number(db, "PRAGMA user_version", &version);
    for (; err == ERR_NONE && version < sqlite_schema_version(); version++)
        err = migrate(db, version);
    return err;
}

enum err sqlite_schema_probe(struct sqlite_db *db) {
    static const char *const paths[] = {
        "message NOT INDEXED WHERE 1 ORDER BY id",
        "message INDEXED BY message_due WHERE queue IS NOT NULL ORDER BY queue",
        "message INDEXED BY message_state WHERE state NOT IN (3, 4) AND state < 7 ORDER BY state",
        "content WHERE 1 ORDER BY id",
        "recent WHERE 1 ORDER BY number",
        "run WHERE 1 ORDER BY number",
        "run_page WHERE 1 ORDER BY id",
        "twin WHERE 1 ORDER BY event",
        "twin INDEXED BY twin_rule WHERE 1 ORDER BY rule",
        "step WHERE 1 ORDER BY message",
        "parity WHERE 1 ORDER BY start_ms",
        "parity_skew WHERE 1 ORDER BY start_ms",
        "unpaired WHERE 1 ORDER BY received_ms",
        "meta WHERE 1 ORDER BY name",
    };
    enum err err = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(paths) && err == ERR_NONE; i++) {
        char sql[512];
        int64_t found;
        snprintf(sql, sizeof sql,
                 "SELECT (SELECT count(*) FROM (SELECT 1 FROM %s LIMIT 1))"
                 " + (SELECT count(*) FROM (SELECT 1 FROM %s DESC LIMIT 1))",
                 paths[i], paths[i]);
        err = sqlite_db_number(db, sql, &found);
    }
    return err;
}
