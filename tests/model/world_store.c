/* Starting, ending, grouping and failing, on a store that is thrown away afterwards. */
#include "common/mem.h"
#include "proxy/store/sqlite_index.h"
#include "tests/model/world_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool real_flag(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                      struct arena *arena, struct str *why) {
    uint64_t company = 0;
    (void)now_ms;
    if (str_starts_with(record->company, STR("company-")))
        (void)str_to_u64(str_from(record->company, strlen("company-")), &company);
    if (why != NULL)
        *why = arena_printf(arena, "company %u", (unsigned)company);
    return model_flag(flags, endpoint, (unsigned)company);
}

static enum prefer real_prefer(void *arg, struct str counterpart) {
    const struct world *world = arg;
    for (unsigned i = 1; i < EVENT_TYPE_COUNT; i++)
        if (str_eq(counterpart, str_of(sketch_type_name(GENERATION_EVENT, i))))
            return (enum prefer)world->rules->prefer[i];
    return PREFER_FIRST;
}

static double real_jitter(void *arg) {
    return ((const struct world *)arg)->jitter;
}

static struct str path_of(struct arena *arena, const struct world *world, const char *name, const char *suffix) {
    return arena_printf(arena, "%s/%s.db%s", world->dir, name, suffix);
}

static bool copy_file(const char *from, const char *to) {
    char block[65536];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return unlink(to) == 0 || access(to, F_OK) != 0; /* absent here, absent there */
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count = -1;
    while (out >= 0 && (count = read(in, block, sizeof block)) > 0)
        if (write(out, block, (size_t)count) != count) {
            count = -1;
            break;
        }
    if (out >= 0)
        close(out);
    close(in);
    return count == 0;
}

/* Copies what a power cut would leave behind. */
static void copy_store(struct world *world, const char *from, const char *to) {
    struct arena *arena = arena_new(0);
    static const char *const suffixes[] = {"", "-wal"};
    unlink(path_of(arena, world, to, "-shm").at);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (!copy_file(path_of(arena, world, from, suffixes[i]).at, path_of(arena, world, to, suffixes[i]).at)) {
            fprintf(stderr, "cannot copy %s/%s.db%s to %s.db\n", world->dir, from, suffixes[i], to);
            abort();
        }
    arena_free(arena);
}

static void on_store_failure(void *arg) {
    struct world *world = arg;
    if (world->armed_crash && world->store == STORE_SQLITE) {
        copy_store(world, "run", "crash");
        world->crashing = true;
    }
}

static enum err open_store(struct world *world, const char *name, struct backend **backend, struct err_detail *detail) {
    sqlite_index_limit(40, 2); /* so that even a short history writes and merges runs */
    if (world->store == STORE_SQLITE)
        return backend_sqlite_open(path_of(world->arena, world, name, "").at, STORE_SYNC_NORMAL, backend, detail);
    *backend = backend_memory_new();
    return ERR_NONE;
}

/* An empty store is made once and copied for each history: the schema takes longer than the history. */
static enum err make_template(struct world *world, struct err_detail *detail) {
    struct backend *backend;
    if (world->store != STORE_SQLITE || access(path_of(world->arena, world, "empty", "").at, F_OK) == 0)
        return ERR_NONE;
    enum err err = open_store(world, "empty", &backend, detail);
    if (err == ERR_NONE)
        backend->ops->close(backend);
    return err;
}

enum err store_start(struct world *world) {
    struct backend *inner;
    struct err_detail detail = {""};
    enum err err = open_store(world, "run", &inner, &detail);
    if (err != ERR_NONE) {
        world_fail(world, "the store does not open: %s: %s", err_name(err), detail.text);
        return err;
    }
    mirror_attach(&world->mirror, inner);
    mirror_arm(&world->mirror, world->armed);
    world->armed = 0;
    err = ledger_open(&world->mirror.base, &world->policy, real_flag, &world->flags[world->flags_used], &world->ledger,
                      &detail);
    bool ordered = world->mirror.failed;
    mirror_arm(&world->mirror, 0);
    if (err == ERR_NONE && ordered)
        world_fail(world, "ledger_open swallowed an error of the store");
    if (err != ERR_NONE && !ordered)
        world_fail(world, "ledger_open: %s: %s", err_name(err), detail.text);
    if (err != ERR_NONE)
        world->ledger = NULL;
    return err;
}

static struct ledger_policy policy_of(struct world *world) {
    const struct rules *rules = world->rules;
    return (struct ledger_policy){
        .window_ms = rules->window_ms,
        .hold_ms = rules->hold_ms,
        .park_for_ms = rules->park_for_ms,
        .retention_ms = rules->retention_ms,
        .body_retention_ms = rules->body_retention_ms,
        .retry_ms = rules->retry_ms,
        .retry_count = rules->retry_count,
        .trim = rules->trim,
        .distrusts_unverified = rules->verified != GENERATION_UNKNOWN,
        .backlog_max = rules->backlog_max,
        .prefer = real_prefer,
        .jitter = real_jitter,
        .arg = world,
    };
}

enum err world_open(struct world *world, enum store_kind store, bool without_model, const char *dir,
                    const struct rules *rules) {
    world->store = store;
    world->without_model = without_model;
    world->dir = dir;
    world->rules = rules;
    world->policy = policy_of(world);
    world->arena = arena_new(64 * 1024);
    world->flags[0] = (struct flags){{UINT8_MAX, 0}};
    world->now_ms = 1725192854015; /* 2024-09-01 */
    world->in_group = world->crashing = world->armed_crash = world->undone = false;
    world->armed = 0;
    world->flags_used = 0;
    world->step = 0;
    world->arrived_count = 0;
    world->failure[0] = '\0';
    world->mirror.on_fail = on_store_failure;
    world->mirror.arg = world;
    mirror_clear(&world->mirror);
    mirror_copy(&world->previous, &world->mirror.now);
    world->model.message_count = world->model.twin_count = world->model.refusal_count = 0;
    world->model.rules = *rules;
    world->model.flags = world->flags[0];
    memset(world->chores_seen_ms, 0, sizeof world->chores_seen_ms);
    memset(world->witnessed, 0, sizeof world->witnessed);
    struct err_detail detail;
    enum err err = make_template(world, &detail);
    if (err != ERR_NONE) {
        world_fail(world, "%s", detail.text);
        return err;
    }
    if (store == STORE_SQLITE)
        copy_store(world, "empty", "run");
    return store_start(world);
}

void world_close(struct world *world) {
    if (world->ledger != NULL && world->in_group)
        ledger_rollback(world->ledger);
    if (world->ledger != NULL)
        ledger_close(world->ledger);
    world->ledger = NULL;
    arena_free(world->arena);
    world->arena = NULL;
}

/* Ends the process, and begins again with what the store holds: all but what was under way. */
bool store_restart(struct world *world) {
    if (world->store == STORE_MEMORY)
        return true;
    if (world->ledger != NULL)
        ledger_close(world->ledger);
    world->ledger = NULL;
    if (world->crashing)
        copy_store(world, "crash", "run");
    world->crashing = false;
    for (int i = 0; i < world->model.message_count; i++)
        world->witnessed[i].uncertain = world->witnessed[i].uncertain || world->model.messages[i].under_way;
    model_crash(&world->model);
    world->now_ms++; /* it takes its time */
    world->model.now_ms = world->now_ms;
    enum err err = store_start(world);
    if (err != ERR_NONE && world->failure[0] == '\0')
        err = store_start(world); /* it failed as ordered */
    return err == ERR_NONE && world->failure[0] == '\0';
}

/* ---- groups ---- */

bool group_begin(struct world *world) {
    model_copy(&world->saved, &world->model);
    memcpy(world->witnessed_before, world->witnessed, (size_t)world->model.message_count * sizeof *world->witnessed);
    mirror_arm(&world->mirror, world->armed);
    world->armed = 0;
    enum err err = ledger_begin(world->ledger);
    if (err == ERR_NONE) {
        world->in_group = true;
        return true;
    }
    bool ordered = world->mirror.failed;
    mirror_arm(&world->mirror, 0);
    return ordered ? false : world_fail(world, "ledger_begin: %s: %s", err_name(err), ledger_error(world->ledger));
}

/* The group has not happened. An attempt that was to be settled in it has been made all the same, so how often its
 * consumer saw the message is no longer sure. */
static void forget_group(struct world *world) {
    struct witnessed *witnessed = world->witnessed;
    size_t before = (size_t)world->saved.message_count;
    memcpy(witnessed, world->witnessed_before, before * sizeof *witnessed);
    for (size_t i = 0; i < before; i++)
        if (world->saved.messages[i].attempts != world->model.messages[i].attempts)
            witnessed[i].uncertain = true;
    for (size_t i = before; i < (size_t)world->model.message_count; i++)
        witnessed[i] = (struct witnessed){0};
    model_copy(&world->model, &world->saved);
    world->undone = true;
    world->in_group = false;
    mirror_arm(&world->mirror, 0);
}

void group_undo(struct world *world) {
    ledger_rollback(world->ledger);
    if (world->mirror.in_group)
        world_fail(world, "ledger_rollback did not reach the store");
    forget_group(world);
}

bool group_accepts(struct world *world, enum err err, const char *call) {
    bool ordered = world->mirror.failed;
    if (err == ERR_NONE)
        return ordered ? world_fail(world, "%s swallowed an error of the store", call) : true;
    if (!ordered)
        world_fail(world, "%s: %s: %s", call, err_name(err), ledger_error(world->ledger));
    group_undo(world);
    return false;
}

bool group_commit(struct world *world) {
    enum err err = ledger_commit(world->ledger);
    bool ordered = world->mirror.failed;
    if (err != ERR_NONE) {
        if (!ordered)
            world_fail(world, "ledger_commit: %s: %s", err_name(err), ledger_error(world->ledger));
        if (world->mirror.in_group)
            world_fail(world, "ledger_commit failed, and did not roll back");
        forget_group(world);
        return false;
    }
    mirror_arm(&world->mirror, 0);
    world->in_group = false;
    return ordered ? world_fail(world, "ledger_commit swallowed an error of the store") : true;
}
