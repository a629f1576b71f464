/* Two walks over the pages of the old file: messages first, then what belongs to them, so that it can be told whether
 * it does.
 *
 *     copy of the file and its log ─► the log is brought home ─► walk: messages, with facts and keys
 *                                                             └► walk: bodies, twins, steps ─► lost bodies are told
 *
 * A row is what its values say: a message is eleven values of which the last can be decoded, a body three, a step
 * eight, a twin four that name a rule and an event. Rows of indexes are other numbers of values, or name no message. */
#include "proxy/store/sqlite_inspect.h"

#include "common/mem.h"
#include "proxy/store/backend.h"
#include "proxy/store/ledger_internal.h"
#include "proxy/store/sqlite_db.h"
#include "proxy/store/sqlite_pages.h"
#include "proxy/store/sqlite_rows.h"
#include "proxy/store/sqlite_taken.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MESSAGE_VALUES = 11, CONTENT_VALUES = 3, STEP_VALUES = 8, TWIN_VALUES = 4, GROUP = 1000 };

struct salvage {
    struct backend *backend; /* the new store */
    struct arena *arena;     /* of one row */
    struct sqlite_salvage *saved;
    size_t in_group;
    sqlite3_stmt *put_content, *put_step;
};

static sqlite3 *handle_of(const struct salvage *salvage) {
    return sqlite_db_of(salvage->backend)->handle;
}

/* Now and then, so that memory does not grow with the number of messages. */
static enum err next_in_group(struct salvage *salvage) {
    if (++salvage->in_group < GROUP)
        return ERR_NONE;
    salvage->in_group = 0;
    enum err err = salvage->backend->ops->commit(salvage->backend);
    return err == ERR_NONE ? salvage->backend->ops->begin(salvage->backend) : err;
}

static bool is_number_below(const struct page_value *value, int64_t limit) {
    return value->is_number && value->number >= 0 && value->number < limit;
}

static bool take_message(const struct page_row *row, struct record *record) {
    const struct page_value *values = row->values;
    if (!row->has_rowid || row->count != MESSAGE_VALUES || row->rowid <= 0 || !values[0].is_null ||
        !is_number_below(&values[1], STATE_TAKEN + 1) || !values[2].is_number || !values[3].is_number ||
        !is_number_below(&values[9], ENDPOINT_COUNT))
        return false;
    *record = (struct record){.id = (uint64_t)row->rowid,
                              .state = values[1].number == STATE_TAKEN ? STATE_PENDING : (enum state)values[1].number,
                              .due_ms = values[2].number,
                              .changed_ms = values[3].number,
                              .attempts = (uint32_t)values[4].number,
                              .tries = (uint32_t)values[5].number,
                              .marks = (uint32_t)values[6].number,
                              .trimmed = values[7].is_null ? STR_NONE : values[7].bytes,
                              .endpoint = (enum endpoint)values[9].number};
    return row_decode(values[10].bytes, record) == NULL;
}

/* Of a ledger, what stands in the index needs the store alone. */
static enum err put_facts(struct salvage *salvage, const struct record *record) {
    struct ledger ledger = {.backend = salvage->backend, .ops = salvage->backend->ops, .scratch = salvage->arena};
    enum err err = ledger_add_rows(&ledger, record);
    return err == ERR_DAMAGED ? ERR_NONE : err;
}

static enum err on_message(void *arg, const struct page_row *row) {
    struct salvage *salvage = arg;
    struct record record;
    const struct content none = {0};
    if (!take_message(row, &record))
        return ERR_NONE;
    arena_reset(salvage->arena);
    enum err err = salvage->backend->ops->insert(salvage->backend, &record, &none);
    if (err == ERR_EXISTS)
        return ERR_NONE;
    if (err == ERR_NONE)
        err = put_facts(salvage, &record);
    salvage->saved->messages++;
    return err == ERR_NONE ? next_in_group(salvage) : err;
}

static enum err run(struct salvage *salvage, sqlite3_stmt *statement, bool *changed) {
    int result = sqlite3_step(statement);
    enum err err = result == SQLITE_DONE ? ERR_NONE : sqlite_db_fail(sqlite_db_of(salvage->backend), result);
    *changed = err == ERR_NONE && sqlite3_changes(handle_of(salvage)) > 0;
    sqlite3_reset(statement);
    return err;
}

static void bind_bytes(sqlite3_stmt *statement, int place, struct str bytes) {
    sqlite3_bind_blob64(statement, place, bytes.at == NULL ? "" : bytes.at, bytes.len, SQLITE_STATIC);
}

static enum err put_content(struct salvage *salvage, const struct page_row *row) {
    bool changed;
    bind_bytes(salvage->put_content, 1, row->values[1].bytes);
    bind_bytes(salvage->put_content, 2, row->values[2].bytes);
    sqlite3_bind_int64(salvage->put_content, 3, row->rowid);
    return run(salvage, salvage->put_content, &changed);
}

static bool is_of(struct salvage *salvage, int64_t id, enum generation generation) {
    struct record record;
    return id > 0 && salvage->backend->ops->load(salvage->backend, salvage->arena, (uint64_t)id, &record) == ERR_NONE &&
           record.generation == generation;
}

static enum err put_twin(struct salvage *salvage, const struct page_row *row) {
    const struct page_value *values = row->values;
    for (size_t i = 0; i < TWIN_VALUES; i++)
        if (!values[i].is_number)
            return ERR_NONE;
    if (!is_number_below(&values[1], ITEM_MAX) || !is_of(salvage, values[0].number, GENERATION_EVENT) ||
        !is_of(salvage, values[2].number, GENERATION_RULE))
        return ERR_NONE;
    const struct twin twin = {(uint64_t)values[0].number, (uint32_t)values[1].number, (uint64_t)values[2].number,
                              (uint64_t)values[3].number};
    salvage->saved->twins++;
    return salvage->backend->ops->add_twin(salvage->backend, &twin);
}

static enum err put_step(struct salvage *salvage, const struct page_row *row) {
    const struct page_value *values = row->values;
    struct record record;
    bool changed;
    for (int i = 0; i + 1 < STEP_VALUES; i++) {
        if (!values[i].is_number)
            return ERR_NONE;
        sqlite3_bind_int64(salvage->put_step, i + 1, values[i].number);
    }
    if (values[0].number <= 0 || !is_number_below(&values[3], STATE_COUNT) ||
        salvage->backend->ops->load(salvage->backend, salvage->arena, (uint64_t)values[0].number, &record) != ERR_NONE)
        return ERR_NONE;
    sqlite3_bind_text64(salvage->put_step, STEP_VALUES, values[7].bytes.at == NULL ? "" : values[7].bytes.at,
                        values[7].bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    enum err err = run(salvage, salvage->put_step, &changed);
    salvage->saved->steps += changed ? 1 : 0;
    return err;
}

static enum err on_part(void *arg, const struct page_row *row) {
    struct salvage *salvage = arg;
    enum err err = ERR_NONE;
    arena_reset(salvage->arena);
    if (row->has_rowid && row->count == CONTENT_VALUES && row->values[0].is_null && !row->values[2].is_number)
        err = put_content(salvage, row);
    else if (!row->has_rowid && row->count == TWIN_VALUES)
        err = put_twin(salvage, row);
    else if (!row->has_rowid && row->count == STEP_VALUES)
        err = put_step(salvage, row);
    else
        return ERR_NONE;
    return err == ERR_NONE ? next_in_group(salvage) : err;
}

/* What was open and has no body can never be delivered. */
static enum err give_up_body(struct salvage *salvage, uint64_t id) {
    const struct backend_ops *ops = salvage->backend->ops;
    struct record record;
    arena_reset(salvage->arena);
    enum err err = ops->load(salvage->backend, salvage->arena, id, &record);
    if (err == ERR_NONE)
        err = ops->remove_content(salvage->backend, id);
    if (err != ERR_NONE || (record.marks & RECORD_CONTENT_GONE) != 0)
        return err;
    salvage->saved->without_body++;
    record.marks |= RECORD_CONTENT_GONE;
    bool was_open = !state_is_final(record.state);
    if (was_open) {
        record.state = STATE_DEAD;
        record.due_ms = DUE_NEVER;
    }
    err = ops->update(salvage->backend, &record);
    const struct step step = {.at_ms = record.changed_ms, .state = record.state, .why = STR("its body was damaged")};
    return err == ERR_NONE && was_open ? ops->add_step(salvage->backend, id, &step) : err;
}

static enum err find_lost_bodies(struct salvage *salvage) {
    int64_t id = 0;
    enum err err = ERR_NONE;
    while (err == ERR_NONE) {
        char sql[160];
        snprintf(sql, sizeof sql,
                 "SELECT coalesce((SELECT id FROM content WHERE body IS NULL AND id > %lld ORDER BY id LIMIT 1), 0)",
                 (long long)id);
        err = sqlite_db_number(sqlite_db_of(salvage->backend), sql, &id);
        if (err != ERR_NONE || id == 0)
            return err;
        err = give_up_body(salvage, (uint64_t)id);
        if (err == ERR_NONE)
            err = next_in_group(salvage);
    }
    return err;
}

static enum err prepare(struct salvage *salvage) {
    int result = sqlite3_prepare_v2(handle_of(salvage),
                                    "UPDATE content SET headers = ?1, body = ?2 WHERE id = ?3 AND body IS NULL", -1,
                                    &salvage->put_content, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_prepare_v2(handle_of(salvage),
                                    "INSERT OR IGNORE INTO step (message, number, at_ms, state, attempt, status, "
                                    "duration_us, why) VALUES (?,?,?,?,?,?,?,?)",
                                    -1, &salvage->put_step, NULL);
    return result == SQLITE_OK ? ERR_NONE : sqlite_db_fail(sqlite_db_of(salvage->backend), result);
}

static enum err fill(struct salvage *salvage, const struct page_file *file, struct err_detail *detail) {
    const struct backend_ops *ops = salvage->backend->ops;
    enum err err = prepare(salvage);
    if (err == ERR_NONE)
        err = ops->begin(salvage->backend);
    if (err == ERR_NONE)
        err = page_file_walk(file, on_message, salvage);
    if (err == ERR_NONE)
        err = page_file_walk(file, on_part, salvage);
    if (err == ERR_NONE)
        err = find_lost_bodies(salvage);
    if (err == ERR_NONE)
        err = ops->commit(salvage->backend);
    sqlite3_finalize(salvage->put_content);
    sqlite3_finalize(salvage->put_step);
    return err == ERR_NONE ? ERR_NONE : err_set(detail, err, "%s", salvage->backend->detail.text);
}

static char *join(const char *path, const char *ending) {
    size_t len = strlen(path) + strlen(ending) + 1;
    char *joined = mem_alloc(len);
    snprintf(joined, len, "%s%s", path, ending);
    return joined;
}

static enum err copy_bytes(int from, int to, const char *path, struct err_detail *detail) {
    char piece[65536];
    ssize_t len;
    while ((len = read(from, piece, sizeof piece)) > 0)
        for (ssize_t done = 0, written; done < len; done += written) {
            written = write(to, piece + done, (size_t)(len - done));
            if (written < 0)
                return err_set(detail, errno == ENOSPC ? ERR_LIMIT : ERR_IO, "%s: %s", path, strerror(errno));
        }
    return len == 0 ? ERR_NONE : err_set(detail, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
}

/* `must`: it is an error where there is no such file. */
static enum err copy_file(const char *old_path, const char *new_path, bool must, struct err_detail *detail) {
    int from = open(old_path, O_RDONLY | O_CLOEXEC);
    if (from < 0 && errno == ENOENT && !must)
        return ERR_NONE;
    if (from < 0)
        return err_set(detail, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", old_path, strerror(errno));
    int to = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    enum err err =
        to < 0 ? err_set(detail, ERR_IO, "%s: %s", new_path, strerror(errno)) : copy_bytes(from, to, old_path, detail);
    close(from);
    if (to >= 0 && close(to) != 0 && err == ERR_NONE)
        err = err_set(detail, ERR_IO, "%s: %s", new_path, strerror(errno));
    return err;
}

/* The log is a list of pages, and is brought home without a look at what is in them. Where the file is too damaged even
 * for that, it is read without. */
static void bring_log_home(const char *path) {
    sqlite3 *handle = NULL;
    if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        (void)sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    sqlite3_close(handle);
}

static enum err check_unused(const char *path, struct err_detail *detail) {
    sqlite3 *handle = NULL;
    int result = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    sqlite3_close(handle);
    return (result & 0xFF) == SQLITE_BUSY ? err_set(detail, ERR_BUSY, "%s is in use: stop the proxy first", path)
                                          : ERR_NONE;
}

static enum err read_copy(struct salvage *salvage, const char *copy, const char *new_path, struct err_detail *detail) {
    struct page_file *file = NULL;
    bring_log_home(copy);
    enum err err = page_file_open(copy, &file, detail);
    if (err == ERR_NONE)
        err = backend_sqlite_open(new_path, STORE_SYNC_FULL, &salvage->backend, detail);
    if (err == ERR_NONE) {
        err = fill(salvage, file, detail);
        salvage->backend->ops->close(salvage->backend);
    }
    page_file_close(file);
    return err;
}

static void remove_with_log(const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char *each = join(path, endings[i]);
        (void)unlink(each);
        mem_free(each);
    }
}

enum err sqlite_salvage(struct arena *arena, const char *old_path, const char *new_path, struct sqlite_salvage *saved,
                        struct err_detail *detail) {
    struct stat found;
    if (stat(new_path, &found) == 0)
        return err_set(detail, ERR_EXISTS, "%s exists already", new_path);
    *saved = (struct sqlite_salvage){.messages = 0};
    struct salvage salvage = {.arena = arena_new(0), .saved = saved};
    char *copy = join(new_path, ".reading"), *old_log = join(old_path, "-wal"), *copy_log = join(copy, "-wal");
    (void)arena;
    enum err err = check_unused(old_path, detail);
    if (err == ERR_NONE)
        err = copy_file(old_path, copy, true, detail);
    if (err == ERR_NONE)
        err = copy_file(old_log, copy_log, false, detail);
    if (err == ERR_NONE) {
        err = read_copy(&salvage, copy, new_path, detail);
        if (err != ERR_NONE)
            remove_with_log(new_path);
    }
    remove_with_log(copy);
    mem_free(copy);
    mem_free(old_log);
    mem_free(copy_log);
    arena_free(salvage.arena);
    return err;
}
