/* SQLite checks its trees and indexes, we check what our rows say. Each problem is told as far as it can be seen;
 * damage in the way of a walk ends that walk and not the others. */
#include "proxy/store/sqlite_inspect.h"

#include "common/mem.h"
#include "proxy/store/sqlite_rows.h"
#include "proxy/store/sqlite_schema.h"

#include <sys/stat.h>

struct inspector {
    struct arena *arena;
    struct sqlite_inspection *found;
    sqlite3 *handle;
    const char *path;
};

static void tell(struct inspector *inspector, struct str problem) {
    struct sqlite_inspection *found = inspector->found;
    if (found->problem_count < INSPECT_PROBLEMS_MAX)
        found->problems[found->problem_count++] = problem;
}

static enum err fail(const struct inspector *inspector, int result, struct err_detail *detail) {
    if ((result & 0xFF) == SQLITE_BUSY)
        return err_set(detail, ERR_BUSY, "%s is in use by another process", inspector->path);
    return err_set(detail, ERR_IO, "%s: %s", inspector->path, sqlite3_errmsg(inspector->handle));
}

static bool is_damage(int result) {
    return (result & 0xFF) == SQLITE_CORRUPT || (result & 0xFF) == SQLITE_NOTADB;
}

/* Each row of the statement to `row`; damage is told and ends it. */
typedef void inspect_row_fn(struct inspector *inspector, sqlite3_stmt *row);

static enum err walk(struct inspector *inspector, const char *sql, inspect_row_fn *row, struct err_detail *detail) {
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(inspector->handle, sql, -1, &statement, NULL);
    while (result == SQLITE_OK || result == SQLITE_ROW) {
        result = sqlite3_step(statement);
        if (result == SQLITE_ROW)
            row(inspector, statement);
    }
    enum err err = ERR_NONE;
    if (is_damage(result))
        tell(inspector, arena_printf(inspector->arena, "damaged: %s", sqlite3_errmsg(inspector->handle)));
    else if (result != SQLITE_DONE)
        err = fail(inspector, result, detail);
    sqlite3_finalize(statement);
    return err;
}

static void on_check(struct inspector *inspector, sqlite3_stmt *row) {
    const char *text = (const char *)sqlite3_column_text(row, 0);
    if (text != NULL && !str_eq(str_of(text), STR("ok")))
        tell(inspector, arena_str(inspector->arena, str_of(text)));
}

static void on_message(struct inspector *inspector, sqlite3_stmt *row) {
    struct record record = {0};
    const void *at = sqlite3_column_blob(row, 1);
    const char *wrong = row_decode(str_slice(at == NULL ? "" : at, (size_t)sqlite3_column_bytes(row, 1)), &record);
    inspector->found->messages++;
    if (wrong == NULL)
        return;
    inspector->found->damaged++;
    struct str id = message_id_format(inspector->arena, (uint64_t)sqlite3_column_int64(row, 0));
    tell(inspector, arena_printf(inspector->arena, "message " STR_FMT " is damaged: %s", STR_ARG(id), wrong));
}

static void on_lost_body(struct inspector *inspector, sqlite3_stmt *row) {
    struct str id = message_id_format(inspector->arena, (uint64_t)sqlite3_column_int64(row, 0));
    tell(inspector,
         arena_printf(inspector->arena, "message " STR_FMT " waits for delivery and has no body", STR_ARG(id)));
}

/* ERR_INVALID where it is no store of ours; a head that is damaged is told. */
static enum err check_kind(struct inspector *inspector, int64_t *version, struct err_detail *detail) {
    sqlite3_stmt *statement = NULL;
    int64_t application = 0;
    int result =
        sqlite3_prepare_v2(inspector->handle,
                           "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version, "
                           "(SELECT count(*) FROM sqlite_schema)",
                           -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    *version = -1;
    enum err err = ERR_NONE;
    if (result == SQLITE_ROW) {
        application = sqlite3_column_int64(statement, 0);
        *version = sqlite3_column_int64(statement, 1);
    } else if (is_damage(result)) {
        tell(inspector, arena_printf(inspector->arena, "damaged: %s", sqlite3_errmsg(inspector->handle)));
    } else {
        err = fail(inspector, result, detail);
    }
    if (result == SQLITE_ROW && application != SQLITE_APPLICATION_ID)
        err = err_set(detail, ERR_INVALID, "%s is an SQLite file of another program", inspector->path);
    else if (*version > sqlite_schema_version())
        err = err_set(detail, ERR_INVALID, "%s was written by a newer hookshift", inspector->path);
    sqlite3_finalize(statement);
    return err;
}

/* Rows of an older version, which the next start converts, are not looked into. */
static enum err inspect(struct inspector *inspector, struct err_detail *detail) {
    int64_t version;
    enum err err = check_kind(inspector, &version, detail);
    if (err == ERR_NONE && version >= 0)
        err = walk(inspector, "PRAGMA integrity_check(100)", on_check, detail);
    if (err == ERR_NONE && version == sqlite_schema_version())
        err = walk(inspector, "SELECT id, fixed FROM message", on_message, detail);
    if (err == ERR_NONE && version == sqlite_schema_version())
        err = walk(inspector, "SELECT id FROM message WHERE state IN (0, 1, 7) AND id NOT IN (SELECT id FROM content)",
                   on_lost_body, detail);
    return err;
}

enum err sqlite_inspect(struct arena *arena, const char *path, struct sqlite_inspection *found,
                        struct err_detail *detail) {
    struct stat file;
    if (stat(path, &file) != 0)
        return err_set(detail, ERR_NOT_FOUND, "there is no file %s", path);
    *found = (struct sqlite_inspection){.problems = ARENA_ARRAY(arena, INSPECT_PROBLEMS_MAX, struct str)};
    struct inspector inspector = {.arena = arena, .found = found, .path = path};
    int result = sqlite3_open_v2(path, &inspector.handle,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    enum err err = result == SQLITE_OK ? inspect(&inspector, detail) : fail(&inspector, result, detail);
    sqlite3_close(inspector.handle);
    return err;
}
