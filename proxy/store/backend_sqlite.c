/* The embedded store: one SQLite file in WAL mode, one connection, one thread.
 *
 * Exclusive locking has three uses: a second process is turned away at once, the index of the WAL is in memory rather
 * than in a shared file, and no page is ever looked at again because somebody else might have changed it.
 *
 * What a commit costs is the number of pages it touches times their size. So all trees are in the order of ids, and
 * what is looked up by hashes, which are random, is in an index of its own (sqlite_index.h). A small group touches the
 * last page of each tree, and with pages of 4 KiB writes a third of what it would with 16. The log is brought home
 * every 16 MiB: some ten milliseconds each, more seldom only makes them longer. The cache is bounded, and all that is
 * kept in memory: a backlog of a million messages takes no more than one of ten. What is removed is overwritten where
 * its page is written anyway, and else when the page is used again: some builds of SQLite write all of it for that. */
#include "proxy/store/backend.h"

#include "common/mem.h"
#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_links.h"
#include "proxy/store/sqlite_lists.h"
#include "proxy/store/sqlite_messages.h"
#include "proxy/store/sqlite_parity.h"
#include "proxy/store/sqlite_query.h"
#include "proxy/store/sqlite_schema.h"
#include "proxy/store/sqlite_taken.h"

#include <stdio.h>
#include <unistd.h>

enum { PAGE_LEN = 4096, LOG_PAGES = 4096 }; /* as open_file() sets them */

static enum err run(struct sqlite_db *db, enum sql sql) {
    struct query query = query_begin(db, sql);
    return query_run(&query);
}

static void sqlite_close(struct backend *backend) {
    struct sqlite_db *db = sqlite_db_of(backend);
    sqlite_index_close(db);
    bool has_reserve = db->reserve.path != NULL;
    sqlite_db_close(db);
    if (has_reserve) /* the room that the log had, which is gone now, is kept for the next start */
        (void)sqlite_reserve_renew(&db->reserve);
    sqlite_reserve_close(&db->reserve);
    taken_clear(db->taken);
    mem_free(db->taken);
    mem_free(db);
}

static enum err sqlite_begin(struct backend *backend) {
    struct sqlite_db *db = sqlite_db_of(backend);
    taken_kept(db->taken); /* what was changed outside of transactions */
    return run(db, SQL_BEGIN);
}

static void sqlite_rollback(struct backend *backend) {
    struct sqlite_db *db = sqlite_db_of(backend);
    sqlite_index_undo(db);
    cache_drop_all(&db->cache);
    taken_undo(db->taken);
    if (sqlite3_get_autocommit(db->handle) != 0)
        return; /* a full disk and some others end the transaction by themselves */
    struct err_detail cause = backend->detail;
    if (run(db, SQL_ROLLBACK) == ERR_NONE)
        backend->detail = cause; /* what led here says more than that it was undone */
}

/* Afterwards, so that what was committed was committed to a file that will be found again. */
static enum err sqlite_commit(struct backend *backend) {
    struct sqlite_db *db = sqlite_db_of(backend);
    enum err err = sqlite_index_write(db);
    if (err == ERR_NONE)
        err = sqlite_taken_write(db);
    if (err == ERR_NONE)
        err = run(db, SQL_COMMIT);
    if (err == ERR_NONE) {
        sqlite_index_kept(db);
        taken_kept(db->taken);
    } else {
        sqlite_rollback(backend);
    }
    return err != ERR_NONE ? err : sqlite_db_check_place(db);
}

static enum err sqlite_get_meta(struct backend *backend, struct arena *arena, struct str name, struct str *value) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_GET_META);
    query_text(&query, name);
    bool found = query_row(&query);
    struct str read = found ? query_take_text(&query, arena) : STR_NONE;
    enum err err = query_end(&query);
    if (err == ERR_NONE && !found)
        err = err_set(&backend->detail, ERR_NOT_FOUND, "no value \"" STR_FMT "\"", STR_ARG(name));
    if (err == ERR_NONE)
        *value = read;
    return err;
}

static enum err sqlite_put_meta(struct backend *backend, struct str name, struct str value) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_PUT_META);
    query_text(&query, name);
    query_blob(&query, value);
    return query_run(&query);
}

/* Random, because SQLite does not write what would change nothing. */
static enum err sqlite_probe(struct backend *backend) {
    enum err err = run(sqlite_db_of(backend), SQL_PROBE);
    return err != ERR_NONE ? err : sqlite_db_check_place(sqlite_db_of(backend));
}

/* What is taken when the process starts was not recovered where the disk was full. */
static bool is_recovered(struct sqlite_db *db) {
    if (db->recovers_later && sqlite_taken_recover(db) == ERR_NONE)
        db->recovers_later = false;
    return !db->recovers_later;
}

/* Without a reserve the file must not grow: pages in the log that lie behind its end could not be copied into it. */
static void bound_growth(struct sqlite_db *db) {
    char sql[64];
    int64_t pages = UINT32_MAX - 1, set;
    if (!db->reserve.is_held && sqlite_db_number(db, "PRAGMA page_count", &pages) != ERR_NONE)
        return;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)pages);
    if (sqlite_db_number(db, sql, &set) != ERR_NONE)
        return; /* the bound there was stays, and is set the next time */
}

/* Pages that are free inside of the file count as well: the file never shrinks. */
static bool sqlite_has_room(struct backend *backend) {
    struct sqlite_db *db = sqlite_db_of(backend);
    int64_t free_len = 0;
    bool was_held = db->reserve.is_held;
    if (db->reserve.path == NULL) {
        sqlite_reserve_open(&db->reserve, db->path);
        int64_t pages = db->reserve.len / 2 / PAGE_LEN;
        (void)sqlite3_wal_autocheckpoint(db->handle, pages < LOG_PAGES ? (int)pages : LOG_PAGES);
    }
    int64_t available = sqlite_reserve_renew(&db->reserve);
    if (sqlite_db_number(db,
                         "SELECT (SELECT freelist_count FROM pragma_freelist_count) * "
                         "(SELECT page_size FROM pragma_page_size)",
                         &free_len) != ERR_NONE)
        free_len = 0;
    if (!db->reserve.is_held || !was_held)
        bound_growth(db);
    return (db->reserve.is_held ? available : 0) + free_len >= db->reserve.len && is_recovered(db);
}

/* Once the log is copied into the file, it is written again from its beginning, and takes no more room. */
static void sqlite_make_room(struct backend *backend) {
    struct sqlite_db *db = sqlite_db_of(backend);
    if (db->reserve.path != NULL)
        sqlite_reserve_release(&db->reserve);
    (void)sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static const struct backend_ops ops = {
    .waits = true,
    .close = sqlite_close,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .last_id = sqlite_last_id,
    .insert = sqlite_insert,
    .update = sqlite_update,
    .load = sqlite_load,
    .load_content = sqlite_load_content,
    .remove = sqlite_remove,
    .remove_content = sqlite_remove_content,
    .find_identity = sqlite_find_identity,
    .add_fact = sqlite_add_fact,
    .remove_fact = sqlite_remove_fact,
    .find_facts = sqlite_find_facts,
    .add_twin = sqlite_add_twin,
    .find_twins = sqlite_find_twins,
    .add_step = sqlite_add_step,
    .steps = sqlite_steps,
    .due = sqlite_due,
    .due_after = sqlite_due_after,
    .scan = sqlite_scan,
    .scan_content = sqlite_scan_content,
    .list = sqlite_list,
    .add_parity = sqlite_add_parity,
    .each_parity = sqlite_each_parity,
    .remove_parity = sqlite_remove_parity,
    .add_unpaired = sqlite_add_unpaired,
    .remove_unpaired = sqlite_remove_unpaired,
    .scan_unpaired = sqlite_scan_unpaired,
    .get_meta = sqlite_get_meta,
    .put_meta = sqlite_put_meta,
    .probe = sqlite_probe,
    .has_room = sqlite_has_room,
    .make_room = sqlite_make_room,
};

static enum err check_wal(struct sqlite_db *db) {
    int64_t is_wal = 0;
    enum err err = sqlite_db_number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode", &is_wal);
    if (err == ERR_NONE && is_wal == 0)
        err = err_set(&db->backend.detail, ERR_IO, "store %s: SQLite cannot keep a write-ahead log here", db->path);
    return err;
}

static enum err open_file(struct sqlite_db *db, const char *path, enum store_sync sync) {
    static const char *const synchronous[] = {
        [STORE_SYNC_FULL] = "PRAGMA synchronous = FULL", [STORE_SYNC_NORMAL] = "PRAGMA synchronous = NORMAL"};
    enum err err = sqlite_db_open(db, path);
    if (err == ERR_NONE)
        err = sqlite_db_exec(db, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF;"
                                 "PRAGMA cell_size_check = ON; PRAGMA page_size = 4096;"
                                 "PRAGMA secure_delete = FAST;");
    if (err == ERR_NONE) /* apart and later: SQLite divides it by the page size of that moment */
        err = sqlite_db_exec(db, "PRAGMA cache_size = -32768");
    if (err == ERR_NONE)
        err = sqlite_schema_recognise(db);
    if (err == ERR_NONE)
        err = sqlite_db_exec(db, "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864;"
                                 "PRAGMA wal_autocheckpoint = 4096");
    if (err == ERR_NONE)
        err = check_wal(db);
    if (err == ERR_NONE)
        err = sqlite_db_exec(db, synchronous[sync]);
    if (err == ERR_NONE)
        err = sqlite_schema_upgrade(db);
    if (err == ERR_NONE)
        err = sqlite_schema_probe(db);
    if (err == ERR_NONE)
        err = sqlite_db_note_place(db);
    if (err == ERR_NONE)
        err = sqlite_db_prepare(db, (enum sql)0, (enum sql)(SQL_COUNT - 1));
    if (err == ERR_NONE)
        err = sqlite_index_open(db);
    if (err == ERR_NONE)
        err = sqlite_taken_recover(db);
    db->recovers_later = err == ERR_LIMIT; /* on a full disk: the store is opened all the same, to remove from it */
    return db->recovers_later ? ERR_NONE : err;
}

/* An earlier process left the reserve. False: it did not. */
static bool give_reserve_up(const char *path) {
    struct strbuf reserve = {0};
    strbuf_printf(&reserve, "%s-reserve", path);
    bool is_gone = unlink(reserve.at) == 0;
    strbuf_clear(&reserve);
    return is_gone;
}

static enum err open_new(const char *path, enum store_sync sync, struct sqlite_db **db, struct err_detail *detail) {
    struct sqlite_db *made = MEM_NEW(struct sqlite_db);
    made->backend.ops = &ops;
    made->taken = MEM_NEW(struct taken);
    enum err err = open_file(made, path, sync);
    if (err != ERR_NONE) {
        err_set(detail, err, "%s", made->backend.detail.text);
        sqlite_close(&made->backend);
        return err;
    }
    *db = made;
    return ERR_NONE;
}

enum err backend_sqlite_open(const char *path, enum store_sync sync, struct backend **backend,
                             struct err_detail *detail) {
    struct sqlite_db *db = NULL;
    enum err err = open_new(path, sync, &db, detail);
    if (err == ERR_LIMIT && give_reserve_up(path))
        err = open_new(path, sync, &db, detail);
    if (err != ERR_NONE)
        return err;
    db->is_open = true;
    *backend = &db->backend;
    return ERR_NONE;
}
