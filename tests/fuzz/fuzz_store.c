/* A good store with some messages in every state is damaged as the input says, byte by byte or value by value, and
 * opened again: it is refused with a reason, or it is worked with until some call fails with a reason. No damage may do
 * more than that.
 *
 *     first byte   even: edits of bytes, [position x3, xor]; odd: edits of values, [column, row, kind, parameter] */
#include "common/mem.h"
#include "proxy/admin/record_json.h"
#include "proxy/admin/story.h"
#include "proxy/decide/catalog.h"
#include "proxy/decide/classify.h"
#include "proxy/store/ledger.h"
#include "proxy/store/sqlite_index.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EDIT_LEN = 4, EDITS_MOST = 64, NOW_MS = 1725192854, PATH_LEN = 128, STEPS_MOST = 24 };
enum { MESSAGES = 45, MESSAGES_IN_GROUP = 3, ROWS_APART = 10 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];
static struct str good; /* the file, undamaged */
static bool is_on[ENDPOINT_COUNT];

static void require(bool holds) {
    if (!holds)
        abort();
}

static bool flag(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms, struct arena *arena,
                 struct str *why) {
    (void)flags, (void)record, (void)now_ms;
    if (why != NULL)
        *why = arena_str(arena, is_on[endpoint] ? STR("on") : STR("off"));
    return is_on[endpoint];
}

static enum prefer prefer(void *arg, struct str counterpart) {
    (void)arg, (void)counterpart;
    return PREFER_FIRST;
}

static double jitter(void *arg) {
    (void)arg;
    return 0;
}

static const int64_t retry_ms[] = {1000};
static const struct ledger_policy policy = {.window_ms = 600000,
                                            .park_for_ms = 3600000,
                                            .retention_ms = 86400000,
                                            .body_retention_ms = 7200000,
                                            .retry_ms = retry_ms,
                                            .retry_count = 1,
                                            .trim = true,
                                            .backlog_max = 1000,
                                            .prefer = prefer,
                                            .jitter = jitter};

static void store_path(char path[PATH_LEN]) {
    snprintf(path, PATH_LEN, "%s/store.db", directory);
}

static void remove_store(void) {
    static const char *const endings[] = {"", "-wal", "-journal", "-shm"};
    char path[PATH_LEN], whole[PATH_LEN + 16];
    store_path(path);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        snprintf(whole, sizeof whole, "%s%s", path, endings[i]);
        unlink(whole);
    }
}

static void remove_directory(void) {
    remove_store();
    rmdir(directory);
}

/* NULL, with a reason, where the store is refused. */
static struct ledger *open_ledger(void) {
    char path[PATH_LEN];
    struct backend *backend;
    struct ledger *ledger;
    struct err_detail detail = {""};
    store_path(path);
    enum err err = backend_sqlite_open(path, STORE_SYNC_NORMAL, &backend, &detail);
    if (err == ERR_NONE)
        err = ledger_open(backend, &policy, flag, NULL, &ledger, &detail);
    require(err == ERR_NONE || detail.text[0] != '\0');
    return err == ERR_NONE ? ledger : NULL;
}

/* Rules and events about three occurrences, so that there are twins, a part that is covered, and some alone. */
static enum err admit_one(struct ledger *ledger, struct arena *arena, unsigned number, int64_t now_ms,
                          struct admission *admission) {
    static struct catalog *catalog;
    if (catalog == NULL)
        catalog = catalog_builtin();
    struct str rule = arena_printf(arena,
                                   "{\"RuleType\":\"Data sync completed\",\"AlertId\":\"a%u\",\"CompanyId\":\"c\","
                                   "\"DataConnectionId\":\"k\",\"Data\":{\"dataType\":\"d%u\"}}",
                                   number, number % 3);
    struct str event = arena_printf(arena,
                                    "{\"id\":\"e%u\",\"eventType\":\"read.completed\",\"payload\":{"
                                    "\"referenceCompany\":{\"id\":\"c\"},\"dataTypes\":["
                                    "{\"connectionId\":\"k\",\"dataType\":\"d%u\"},"
                                    "{\"connectionId\":\"k\",\"dataType\":\"x%u\"}]}}",
                                    number, number % 3, number);
    struct message *message = ARENA_NEW(arena, struct message);
    struct str body = number % 2 == 0 ? rule : event;
    message->webhook_id = number % 4 == 0 ? STR_NONE : arena_printf(arena, "msg_%u", number);
    message->received_ms = message->time_ms = now_ms;
    message->target = STR("/hooks");
    require(classify(catalog, body, arena, message, NULL) == ERR_NONE);
    struct admit_request request = {.message = message,
                                    .content = {STR("A: b\n"), body},
                                    .now_ms = now_ms,
                                    .lease = number % 3 == 0,
                                    .promise = true};
    return ledger_admit(ledger, arena, &request, admission);
}

static enum err settle_one(struct ledger *ledger, uint64_t id, int64_t now_ms) {
    static const enum attempt_result results[] = {ATTEMPT_DELIVERED, ATTEMPT_FAILED, ATTEMPT_GONE, ATTEMPT_INTERRUPTED};
    struct attempt attempt = {
        .id = id, .result = results[id % ARRAY_LEN(results)], .retry_after_ms = -1, .what = STR("tried")};
    struct settlement settlement;
    return ledger_settle(ledger, &attempt, now_ms, &settlement);
}

/* The flag of the one side is off and then on; the last ones find it off again, so that they stay parked. */
static void admit_group(struct ledger *ledger, struct arena *arena, unsigned from, unsigned to) {
    require(ledger_begin(ledger) == ERR_NONE);
    for (unsigned i = from; i < to; i++) {
        struct admission admission;
        is_on[ENDPOINT_NEW] = i > MESSAGES / 8 && i < MESSAGES - MESSAGES / 8;
        require(admit_one(ledger, arena, i, NOW_MS + i, &admission) == ERR_NONE);
        if (admission.leased)
            require(settle_one(ledger, admission.id, NOW_MS + i) == ERR_NONE);
    }
    require(ledger_commit(ledger) == ERR_NONE);
}

/* Nothing that the format has may be missing from what is damaged, or damage of it is never tried. */
static void require_every_part(void) {
    static const char *const parts[] = {
        "SELECT 1 FROM run WHERE level = 0",
        "SELECT 1 FROM run WHERE level > 0 AND pages > 1",
        "SELECT 1 FROM recent",
        "SELECT 1 FROM twin",
        "SELECT 1 FROM step WHERE attempt > 0",
        "SELECT 1 FROM meta",
        "SELECT 1 FROM message WHERE state = 0",
        "SELECT 1 FROM message WHERE state = 2",
    };
    char path[PATH_LEN];
    sqlite3 *handle;
    store_path(path);
    require(sqlite3_open(path, &handle) == SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        sqlite3_stmt *statement;
        require(sqlite3_prepare_v2(handle, parts[i], -1, &statement, NULL) == SQLITE_OK);
        require(sqlite3_step(statement) == SQLITE_ROW);
        sqlite3_finalize(statement);
    }
    require(sqlite3_close(handle) == SQLITE_OK);
}

static void make_good(void) {
    struct arena *arena = arena_new(0);
    char path[PATH_LEN];
    snprintf(directory, sizeof directory, "%s/hookshift-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    require(mkdtemp(directory) != NULL && atexit(remove_directory) == 0);
    is_on[ENDPOINT_LEGACY] = true;
    sqlite_index_limit(30, 2); /* so that there are runs, and merges of them */
    struct ledger *ledger = open_ledger();
    require(ledger != NULL);
    for (unsigned i = 0; i < MESSAGES; i += MESSAGES_IN_GROUP)
        admit_group(ledger, arena, i, i + MESSAGES_IN_GROUP);
    ledger_close(ledger);
    require_every_part();
    store_path(path);
    char *bytes = mem_alloc(1 << 20);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, 1 << 20);
    require(len > 0 && len < 1 << 20 && close(fd) == 0);
    good = str_slice(bytes, (size_t)len);
    arena_free(arena);
}

static void write_store(struct str bytes) {
    char path[PATH_LEN];
    store_path(path);
    remove_store();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len && close(fd) == 0);
}

static void damage_bytes(const uint8_t *edits, size_t count) {
    char *bytes = mem_copy(good.at, good.len);
    for (size_t i = 0; i < count; i++, edits += EDIT_LEN) {
        size_t position = ((size_t)edits[0] << 16 | (size_t)edits[1] << 8 | edits[2]) % good.len;
        bytes[position] = (char)(bytes[position] ^ edits[3]);
    }
    write_store(str_slice(bytes, good.len));
    mem_free(bytes);
}

/* Every column of every table, with what tells its rows apart, and what it is set to where that is not the value
 * itself. */
static const struct {
    const char *table, *column, *row, *value;
} columns[] = {
    {"message", "state", "id", "?1"},
    {"message", "due_ms", "id", "?1"},
    {"message", "changed_ms", "id", "?1"},
    {"message", "attempts", "id", "?1"},
    {"message", "tries", "id", "?1"},
    {"message", "marks", "id", "?1"},
    {"message", "trimmed", "id", "?1"},
    {"message", "queue", "id", "?1"},
    {"message", "endpoint", "id", "?1"},
    {"message", "fixed", "id", "?1"},
    {"message", "id", "id", "?1"},
    {"content", "headers", "id", "?1"},
    {"content", "body", "id", "?1"},
    {"content", "id", "id", "?1"},
    {"recent", "entries", "number", "?1"},
    {"run", "fences", "number", "?1"},
    {"run", "pages", "number", "?1"},
    {"run_page", "entries", "id", "?1"},
    {"twin", "event", "event", "?1"},
    {"twin", "item", "event", "?1"},
    {"twin", "rule", "event", "?1"},
    {"twin", "rule_group", "event", "?1"},
    {"step", "state", "message", "?1"},
    {"step", "attempt", "message", "?1"},
    {"step", "status", "message", "?1"},
    {"step", "why", "message", "?1"},
    {"step", "number", "message", "?1"},
    {"parity", "start_ms", "length(type)", "?1"},
    {"parity", "type", "length(type)", "?1"},
    {"parity", "rules", "length(type)", "?1"},
    {"parity", "rules_paired", "length(type)", "?1"},
    {"parity", "last_unreplaced_ms", "length(type)", "?1"},
    {"parity_skew", "below_ms", "length(type)", "?1"},
    {"parity_skew", "pairs", "length(type)", "?1"},
    {"unpaired", "received_ms", "message", "?1"},
    {"unpaired", "message", "message", "?1"},
    {"unpaired", "type", "message", "?1"},
    {"meta", "value", "length(name)", "?1"},
    {"meta", "name", "length(name)", "?1"},
    {"run", "filter", "number", "?1"},
    {"run", "level", "number", "?1"},
    {"run", "hashes", "number", "?1"},
    {"run", "number", "number", "?1"},
    {"run_page", "id", "id", "?1"},
    {"recent", "number", "number", "?1"},
    {"message", "fixed", "id",
     "substr(fixed, 1, 0) || CAST(?1 AS BLOB) || substr(fixed, 1 + length(CAST(?1 AS BLOB)))"},
    {"message", "fixed", "id",
     "substr(fixed, 1, 8) || CAST(?1 AS BLOB) || substr(fixed, 9 + length(CAST(?1 AS BLOB)))"},
    {"message", "fixed", "id",
     "substr(fixed, 1, 16) || CAST(?1 AS BLOB) || substr(fixed, 17 + length(CAST(?1 AS BLOB)))"},
    {"message", "fixed", "id",
     "substr(fixed, 1, 24) || CAST(?1 AS BLOB) || substr(fixed, 25 + length(CAST(?1 AS BLOB)))"},
    {"message", "fixed", "id",
     "substr(fixed, 1, 32) || CAST(?1 AS BLOB) || substr(fixed, 33 + length(CAST(?1 AS BLOB)))"},
    {"message", "fixed", "id",
     "substr(fixed, 1, 36) || CAST(?1 AS BLOB) || substr(fixed, 37 + length(CAST(?1 AS BLOB)))"},
    {"message", "fixed", "id", "substr(fixed, 1, 40) || CAST(?1 AS BLOB) || substr(fixed, 41)"},
    {"message", "fixed", "id", "substr(fixed, 1, length(fixed) - length(CAST(?1 AS BLOB)) % 200)"},
    {"message", "fixed", "id", "fixed || ?1"},
    {"message", "fixed", "id", "replace(fixed, '{', ?1)"},
};

static void bind_value(sqlite3_stmt *statement, uint8_t kind, uint8_t parameter) {
    static const int64_t numbers[] = {0, -1, INT64_MAX, INT64_MIN, (int64_t)1 << 32, NOW_MS, 1 << 16, -NOW_MS};
    static const char *const texts[] = {
        "",           "{",       "w6:read/a;",         "x99999999999:a;", "{\"items\":-1}",
        "\xff\xfe\n", "A: b\nC", "{\"covered\":[{}]}", "w1:;w0:;w9:x"};
    switch (kind % 5) {
    case 0:
        sqlite3_bind_int64(statement, 1, parameter);
        break;
    case 1:
        sqlite3_bind_int64(statement, 1, numbers[parameter % ARRAY_LEN(numbers)]);
        break;
    case 2:
        sqlite3_bind_text(statement, 1, texts[parameter % ARRAY_LEN(texts)], -1, SQLITE_STATIC);
        break;
    case 3:
        sqlite3_bind_zeroblob(statement, 1, parameter);
        break;
    default:
        sqlite3_bind_double(statement, 1, parameter * 1e300);
    }
}

static void damage_values(const uint8_t *edits, size_t count) {
    char path[PATH_LEN], sql[320];
    sqlite3 *handle;
    write_store(good);
    store_path(path);
    require(sqlite3_open(path, &handle) == SQLITE_OK);
    for (size_t i = 0; i < count; i++, edits += EDIT_LEN) {
        sqlite3_stmt *statement;
        size_t which = edits[0] % ARRAY_LEN(columns);
        snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s = %s WHERE %s %% %d = ?2", columns[which].table,
                 columns[which].column, columns[which].value, columns[which].row, ROWS_APART);
        require(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK);
        bind_value(statement, edits[2], edits[3]);
        sqlite3_bind_int(statement, 2, edits[1] % ROWS_APART);
        (void)sqlite3_step(statement); /* what a constraint refuses stays as it is */
        sqlite3_finalize(statement);
    }
    require(sqlite3_close(handle) == SQLITE_OK);
}

static enum err look(struct ledger *ledger, struct arena *arena) {
    struct filter all = {.state = -1, .generation = -1, .limit = 100};
    struct record *records;
    struct strbuf out = {0};
    struct json_writer json;
    size_t count;
    struct parity_report parity;
    enum err err = ledger_list(ledger, arena, &all, &records, &count);
    for (size_t i = 0; err == ERR_NONE && i < count; i++) {
        struct story story;
        struct story_lines lines;
        err = ledger_story(ledger, arena, records[i].id, &story);
        if (err != ERR_NONE)
            break;
        out.len = 0;
        json_begin(&json, &out);
        story_json(&json, arena, &story, true);
        story_tell(arena, &story, &lines);
    }
    strbuf_clear(&out);
    return err != ERR_NONE ? err : ledger_parity(ledger, arena, 0, NOW_MS, &parity);
}

static enum err work(struct ledger *ledger, struct arena *arena, unsigned step, int64_t now_ms) {
    struct admission admission;
    struct lease leases[4];
    size_t count;
    bool more;
    if (step % 4 == 0)
        return admit_one(ledger, arena, step, now_ms, &admission);
    if (step % 4 == 1)
        return ledger_sweep(ledger, now_ms, 3, &more);
    if (step % 4 == 2) {
        enum err err = ledger_replay(ledger, step / 4, step / 4 % 2 == 0, now_ms);
        return err == ERR_NOT_FOUND || err == ERR_INVALID || err == ERR_BUSY || err == ERR_EXISTS ? ERR_NONE : err;
    }
    enum err err = ledger_lease(ledger, arena, (enum endpoint)(step / 4 % ENDPOINT_COUNT), 4, now_ms, leases, &count);
    for (size_t i = 0; err == ERR_NONE && i < count; i++)
        err = settle_one(ledger, leases[i].record.id, now_ms);
    return err;
}

static void use(struct ledger *ledger) {
    struct arena *arena = arena_new(0);
    int64_t now_ms = NOW_MS + 1000;
    if (look(ledger, arena) != ERR_NONE)
        require(ledger_error(ledger)[0] != '\0');
    for (unsigned step = 0; step < STEPS_MOST; step++, now_ms += 3600000) {
        is_on[ENDPOINT_NEW] = step % 16 < 8;
        if (step % 8 == 0)
            ledger_set_flags(ledger, NULL);
        enum err err = ledger_begin(ledger);
        if (err == ERR_NONE && (err = work(ledger, arena, step, now_ms)) != ERR_NONE)
            ledger_rollback(ledger);
        else if (err == ERR_NONE)
            err = ledger_commit(ledger);
        require(err == ERR_NONE || ledger_error(ledger)[0] != '\0');
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (good.at == NULL)
        make_good();
    if (size == 0)
        return 0;
    size_t count = (size - 1) / EDIT_LEN < EDITS_MOST ? (size - 1) / EDIT_LEN : EDITS_MOST;
    if (data[0] % 2 == 0)
        damage_bytes(data + 1, count);
    else
        damage_values(data + 1, count);
    is_on[ENDPOINT_LEGACY] = is_on[ENDPOINT_NEW] = true;
    struct ledger *ledger = open_ledger();
    if (ledger != NULL) {
        use(ledger);
        ledger_close(ledger);
    }
    return 0;
}
