#include "tests/power/work.h"

#include "common/mem.h"
#include "proxy/store/group.h"
#include "tests/model/must.h"
#include "tests/model/random.h"
#include "tests/power/tale.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
enum { GROUP_JOBS = 10, SWEPT_AT_ONCE = 200, LEASED_AT_ONCE = 4 };
#define START_MS ((int64_t)1725192854015)

enum job_kind { JOB_ADMIT, JOB_SETTLE, JOB_LEASE, JOB_REPLAY };

struct job {
    struct store_job job;
    struct work *work;
    enum job_kind kind;
    struct tale tale;
    bool lease, promise;
    struct attempt attempt; /* and what is to be replayed */
    enum endpoint endpoint;
    struct admission admission;
    struct settlement settlement;
    struct lease leases[LEASED_AT_ONCE];
    size_t lease_count;
};

struct list {
    uint64_t *ids;
    size_t count, capacity;
};

struct work {
    struct ledger *ledger;
    struct random random;
    struct arena *arena; /* of a group */
    int64_t now_ms;
    uint64_t occurrences;
    struct tale unsent[64], sent[256];
    size_t unsent_count, sent_count;
    struct list leased, dead;
    struct book *book;
    struct disk_log *log;
    disk_fails_fn *fails;
    struct work_result result;
};

/* Flags, the wrapped calls of the backend and what they touched: of the one store that is open. */
static struct {
    bool on[ENDPOINT_COUNT];
    struct backend_ops real, ops;
    struct list touched;
} store;

static void list_add(struct list *list, uint64_t id) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        list->ids = mem_resize(list->ids, list->capacity * sizeof *list->ids);
    }
    list->ids[list->count++] = id;
}

static uint64_t list_take(struct list *list, struct random *random) {
    size_t place = random_below(random, (unsigned)list->count);
    uint64_t id = list->ids[place];
    list->ids[place] = list->ids[--list->count];
    return id;
}

/* ---- the store, and what is written into it ---- */

static enum err note_insert(struct backend *backend, const struct record *record, const struct content *content) {
    list_add(&store.touched, record->id);
    return store.real.insert(backend, record, content);
}

static enum err note_update(struct backend *backend, const struct record *record) {
    list_add(&store.touched, record->id);
    return store.real.update(backend, record);
}

static enum err note_remove(struct backend *backend, uint64_t id) {
    struct arena *arena = arena_new(0);
    struct twin *twins;
    size_t count;
    list_add(&store.touched, id);
    enum err err = store.real.find_twins(backend, arena, id, &twins, &count);
    for (size_t i = 0; err == ERR_NONE && i < count; i++) /* they go with it */
        list_add(&store.touched, twins[i].rule == id ? twins[i].event : twins[i].rule);
    arena_free(arena);
    return err != ERR_NONE ? err : store.real.remove(backend, id);
}

static enum err note_remove_content(struct backend *backend, uint64_t id) {
    list_add(&store.touched, id);
    return store.real.remove_content(backend, id);
}

static enum err note_twin(struct backend *backend, const struct twin *twin) {
    list_add(&store.touched, twin->event);
    list_add(&store.touched, twin->rule);
    return store.real.add_twin(backend, twin);
}

static enum err note_step(struct backend *backend, uint64_t id, const struct step *step) {
    list_add(&store.touched, id);
    return store.real.add_step(backend, id, step);
}

static bool is_on(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms, struct arena *arena,
                  struct str *why) {
    (void)flags, (void)record, (void)now_ms, (void)arena;
    if (why != NULL)
        *why = STR("STATIC");
    return store.on[endpoint];
}

static enum prefer prefer(void *arg, struct str counterpart) {
    (void)arg;
    return str_eq(counterpart, STR("read.completed")) ? PREFER_NEW : PREFER_FIRST;
}

static double no_jitter(void *arg) {
    (void)arg;
    return 0;
}

enum err work_open(const char *path, enum store_sync sync, struct ledger **ledger, struct err_detail *detail) {
    static const int64_t retry_ms[] = {5 * SECOND, 30 * SECOND};
    static const struct ledger_policy policy = {
        .window_ms = 10 * MINUTE,
        .hold_ms = 30 * SECOND,
        .park_for_ms = 2 * HOUR,
        .retention_ms = 24 * HOUR,
        .body_retention_ms = 4 * HOUR,
        .retry_ms = retry_ms,
        .retry_count = ARRAY_LEN(retry_ms),
        .trim = true,
        .backlog_max = 1000000,
        .prefer = prefer,
        .jitter = no_jitter,
    };
    struct backend *backend;
    enum err err = backend_sqlite_open(path, sync, &backend, detail);
    if (err != ERR_NONE)
        return err;
    store.real = store.ops = *backend->ops;
    store.ops.insert = note_insert;
    store.ops.update = note_update;
    store.ops.remove = note_remove;
    store.ops.remove_content = note_remove_content;
    store.ops.add_twin = note_twin;
    store.ops.add_step = note_step;
    backend->ops = &store.ops;
    store.touched.count = 0;
    return ledger_open(backend, &policy, is_on, NULL, ledger, detail);
}

/* ---- what happens and is told ---- */

/* A further occurrence: all that will be told of it waits to be sent. */
static void occur(struct work *work) {
    uint64_t number = work->occurrences++;
    unsigned parts = tale_is_read(number) ? TALE_PARTS : 1;
    for (unsigned part = 0; part < parts; part++)
        if (random_chance(&work->random, 90))
            work->unsent[work->unsent_count++] = (struct tale){number, GENERATION_RULE, part};
    if (random_chance(&work->random, 90))
        work->unsent[work->unsent_count++] = (struct tale){number, GENERATION_EVENT, 0};
}

static struct tale next_tale(struct work *work) {
    if (work->sent_count > 0 && random_chance(&work->random, 4))
        return work->sent[random_below(&work->random, (unsigned)work->sent_count)];
    while (work->unsent_count < 12)
        occur(work);
    size_t place = random_below(&work->random, (unsigned)work->unsent_count);
    struct tale tale = work->unsent[place];
    work->unsent[place] = work->unsent[--work->unsent_count];
    size_t kept = work->sent_count < ARRAY_LEN(work->sent)
                      ? work->sent_count++
                      : random_below(&work->random, (unsigned)ARRAY_LEN(work->sent));
    work->sent[kept] = tale;
    return tale;
}

/* ---- groups of jobs ---- */

static enum err run_job(struct ledger *ledger, struct store_job *store_job) {
    struct job *job = CONTAINER_OF(store_job, struct job, job);
    struct work *work = job->work;
    switch (job->kind) {
    case JOB_ADMIT: {
        struct message message = tale_message(work->arena, &job->tale, work->now_ms);
        struct admit_request request = {.message = &message,
                                        .content = tale_content(work->arena, &job->tale),
                                        .now_ms = work->now_ms,
                                        .lease = job->lease,
                                        .promise = job->promise};
        return ledger_admit(ledger, work->arena, &request, &job->admission);
    }
    case JOB_SETTLE:
        return ledger_settle(ledger, &job->attempt, work->now_ms, &job->settlement);
    case JOB_LEASE:
        return ledger_lease(ledger, work->arena, job->endpoint, LEASED_AT_ONCE, work->now_ms, job->leases,
                            &job->lease_count);
    case JOB_REPLAY:
        break;
    }
    return ledger_replay(ledger, job->attempt.id, true, work->now_ms);
}

static void choose_attempt(struct work *work, struct job *job) {
    unsigned luck = random_below(&work->random, 100);
    job->kind = JOB_SETTLE;
    job->attempt = (struct attempt){.id = list_take(&work->leased, &work->random),
                                    .result = luck < 75   ? ATTEMPT_DELIVERED
                                              : luck < 92 ? ATTEMPT_FAILED
                                              : luck < 97 ? ATTEMPT_GONE
                                                          : ATTEMPT_INTERRUPTED,
                                    .retry_after_ms = -1,
                                    .duration_us = 12000,
                                    .what = STR("tried")};
    job->attempt.status = job->attempt.result == ATTEMPT_DELIVERED ? 200 : 500;
}

static void choose_job(struct work *work, struct job *job) {
    unsigned luck = random_below(&work->random, 100);
    *job = (struct job){.work = work, .job = {.run = run_job}};
    if (luck < 35 && work->leased.count > 0) {
        choose_attempt(work, job);
    } else if (luck < 45) {
        job->kind = JOB_LEASE;
        job->endpoint = random_chance(&work->random, 50) ? ENDPOINT_NEW : ENDPOINT_LEGACY;
    } else if (luck < 47 && work->dead.count > 0) {
        job->kind = JOB_REPLAY;
        job->attempt.id = list_take(&work->dead, &work->random);
    } else {
        job->kind = JOB_ADMIT;
        job->tale = next_tale(work);
        job->promise = random_chance(&work->random, 80);
        job->lease = !job->promise || random_chance(&work->random, 60);
    }
}

static void count_admission(struct work *work, const struct job *job) {
    const struct admission *admission = &job->admission;
    if (admission->outcome == ADMIT_DUPLICATE || admission->outcome == ADMIT_REFUSED)
        return;
    work->result.messages++;
    work->result.suppressed += admission->outcome == ADMIT_SUPPRESSED ? 1 : 0;
    if (admission->leased)
        list_add(&work->leased, admission->id);
}

static void count_job(struct work *work, const struct job *job) {
    MUST(job->job.err == ERR_NONE || job->job.err == ERR_NOT_FOUND || job->job.err == ERR_INVALID ||
         job->job.err == ERR_BUSY);
    if (job->job.err != ERR_NONE)
        return;
    switch (job->kind) {
    case JOB_ADMIT:
        count_admission(work, job);
        break;
    case JOB_SETTLE:
        work->result.messages -= job->settlement.forgotten ? 1 : 0;
        work->result.delivered += !job->settlement.forgotten && job->settlement.state == STATE_DELIVERED ? 1 : 0;
        if (!job->settlement.forgotten && job->settlement.state == STATE_DEAD) {
            work->result.dead++;
            list_add(&work->dead, job->attempt.id);
        }
        break;
    case JOB_LEASE:
        for (size_t i = 0; i < job->lease_count; i++)
            list_add(&work->leased, job->leases[i].record.id);
        break;
    case JOB_REPLAY:
        break;
    }
}

/* The commit went through: from here on senders may have been told so. */
static void write_page(struct work *work) {
    book_write(work->book, work->ledger, store.touched.ids, store.touched.count);
    store.touched.count = 0;
    disk_mark(work->log, (int64_t)work->book->count - 1);
    work->result.groups++;
}

/* Nothing of the job has happened. */
static void take_back(struct work *work, const struct job *job) {
    switch (job->kind) {
    case JOB_ADMIT:
        work->unsent[work->unsent_count++] = job->tale;
        break;
    case JOB_SETTLE:
        list_add(&work->leased, job->attempt.id);
        break;
    case JOB_REPLAY:
        list_add(&work->dead, job->attempt.id);
        break;
    case JOB_LEASE:
        break;
    }
}

static void do_group(struct work *work) {
    static const struct store_hooks no_hooks;
    struct job jobs[GROUP_JOBS];
    struct err_detail detail;
    size_t count = 1 + random_below(&work->random, GROUP_JOBS);
    for (size_t i = 0; i < count; i++) {
        choose_job(work, &jobs[i]);
        if (i > 0)
            jobs[i - 1].job.next = &jobs[i].job;
    }
    disk_fail_by(work->fails);
    enum err err = group_run(work->ledger, &no_hooks, &jobs[0].job, count, &detail);
    disk_fail_by(NULL);
    MUST(err == ERR_NONE || (err == ERR_IO && work->fails != NULL));
    if (err == ERR_NONE)
        write_page(work);
    else
        work->result.failed++;
    for (size_t i = 0; i < count; i++)
        (err == ERR_NONE ? count_job : take_back)(work, &jobs[i]);
    arena_reset(work->arena);
}

static void do_sweep(struct work *work) {
    bool more = true;
    while (more) {
        MUST(ledger_begin(work->ledger) == ERR_NONE);
        MUST(ledger_sweep(work->ledger, work->now_ms, SWEPT_AT_ONCE, &more) == ERR_NONE);
        MUST(ledger_commit(work->ledger) == ERR_NONE);
        write_page(work);
    }
}

static void flip_flag(struct work *work) {
    enum endpoint endpoint = random_chance(&work->random, 50) ? ENDPOINT_NEW : ENDPOINT_LEGACY;
    store.on[endpoint] = !store.on[endpoint];
    ledger_set_flags(work->ledger, NULL);
}

static void keep_stats(struct work *work) {
    struct ledger_stats stats;
    ledger_stats(work->ledger, &stats);
    work->result.removed += stats.removed;
}

static void restart(struct work *work, const char *path, enum store_sync sync) {
    struct err_detail detail;
    keep_stats(work);
    ledger_close(work->ledger);
    MUST(work_open(path, sync, &work->ledger, &detail) == ERR_NONE);
    work->leased.count = 0;
    work->result.restarts++;
}

static void pass_time(struct work *work) {
    unsigned luck = random_below(&work->random, 100);
    work->now_ms += luck < 3 ? HOUR : luck < 20 ? MINUTE : random_below(&work->random, 2 * SECOND);
}

struct work_result work_run(const char *path, enum store_sync sync, uint64_t seed, size_t messages, struct book *book,
                            struct disk_log *log, disk_fails_fn *fails) {
    struct work work = {
        .random = {seed}, .now_ms = START_MS, .book = book, .log = log, .fails = fails, .arena = arena_new(0)};
    struct err_detail detail;
    store.on[ENDPOINT_LEGACY] = store.on[ENDPOINT_NEW] = true;
    disk_record(log, path);
    MUST(work_open(path, sync, &work.ledger, &detail) == ERR_NONE);
    while (work.result.messages < messages) {
        do_group(&work);
        pass_time(&work);
        if (random_chance(&work.random, 3))
            flip_flag(&work);
        if (random_chance(&work.random, 15))
            do_sweep(&work);
        if (random_below(&work.random, 250) == 0)
            restart(&work, path, sync);
    }
    keep_stats(&work);
    ledger_close(work.ledger);
    disk_record(NULL, NULL);
    arena_free(work.arena);
    mem_free(work.leased.ids);
    mem_free(work.dead.ids);
    mem_free(store.touched.ids);
    store.touched = (struct list){0};
    return work.result;
}

/* ---- afterwards ---- */

static enum err admit_again(struct ledger *ledger, struct arena *arena, const struct record *record) {
    struct tale tale = {.generation = record->generation};
    struct message message = tale_message(arena, &tale, record->received_ms + 1);
    struct admission admission;
    message.type = record->type;
    message.company = record->company;
    message.rule_id = record->rule_id;
    message.webhook_id = str_from(identity_header(record->identity), 2); /* without "h:" */
    message.body_id = str_from(identity_body(record->identity), 2);
    if (!ledger_facts_decode(arena, record->facts, &message.items, &message.item_count))
        return ERR_DAMAGED;
    struct admit_request request = {.message = &message, .content = {STR(""), STR("{}")}, .promise = true};
    request.now_ms = message.received_ms;
    enum err err = ledger_admit(ledger, arena, &request, &admission);
    return err != ERR_NONE ? err : admission.id == record->id ? ERR_NONE : ERR_EXISTS; /* one that died is reopened */
}

static enum err admit_new(struct ledger *ledger, struct arena *arena, int64_t now_ms, uint64_t *id) {
    struct tale tale = {.occurrence = 1000000001, .generation = GENERATION_RULE};
    struct message message = tale_message(arena, &tale, now_ms);
    struct admit_request request = {
        .message = &message, .content = tale_content(arena, &tale), .now_ms = now_ms, .lease = true, .promise = true};
    struct admission admission;
    enum err err = ledger_admit(ledger, arena, &request, &admission);
    if (err == ERR_NONE && admission.outcome == ADMIT_DUPLICATE)
        err = ERR_EXISTS;
    if (err == ERR_NONE)
        *id = admission.leased ? admission.id : 0;
    return err;
}

static enum err go_on(struct ledger *ledger, struct arena *arena, uint64_t id) {
    struct story story = {.record = {.received_ms = START_MS}};
    struct settlement settlement;
    uint64_t fresh = 0;
    enum err err = id == 0 ? ERR_NONE : ledger_story(ledger, arena, id, &story);
    if (err == ERR_NONE && id != 0)
        err = admit_again(ledger, arena, &story.record);
    if (err == ERR_NONE)
        err = admit_new(ledger, arena, story.record.received_ms + 1, &fresh);
    struct attempt attempt = {.id = fresh, .result = ATTEMPT_DELIVERED, .status = 200, .retry_after_ms = -1};
    if (err == ERR_NONE && fresh != 0)
        err = ledger_settle(ledger, &attempt, story.record.received_ms + 2, &settlement);
    return err;
}

enum err work_go_on(struct ledger *ledger, uint64_t id) {
    struct arena *arena = arena_new(0);
    enum err err = ledger_begin(ledger);
    if (err == ERR_NONE) {
        err = go_on(ledger, arena, id);
        if (err == ERR_NONE)
            err = ledger_commit(ledger);
        else
            ledger_rollback(ledger);
    }
    arena_free(arena);
    return err;
}
