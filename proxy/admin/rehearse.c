/* A rehearsal runs on the main loop, a page at a time, so that it never holds up the admin port, and reads the store in
 * small jobs between the groups of others. One at a time; its report stays until the next one.
 *
 *   POST /api/rehearse ─► read a page (store) ─► admit it (scratch ledger) ─┐
 *                              ▲                                           │
 *                              └───────────────────────────────────────────┤ no more
 *                                                                          ▼
 *   GET /api/rehearse ◄── report ◄── audit of the real ledger ◄── audit of the scratch ledger */
#include "proxy/admin/rehearse.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/units.h"
#include "proxy/admin/call.h"
#include "proxy/flow/rehearsal.h"
#include "proxy/flow/snapshot.h"
#include "proxy/model/settings_what_if.h"

enum { PAGE = 64, AUDIT_PAGE = 200, TYPES_MAX = 512, EXAMPLES_MAX = 20, DEFAULT_SINCE_MS = 24 * 60 * 60 * 1000 };

enum phase { IDLE, READING, AUDITING_SCRATCH, AUDITING_REAL, DONE, FAILED };

enum fate_of { BY_LEGACY, BY_NEW, BY_BOTH, BY_NOBODY, STILL_OPEN, FATE_OF_COUNT };

static const char *const fate_names[FATE_OF_COUNT] = {"legacy", "new", "both", "nobody", "waiting"};

struct tally {
    struct str type;
    uint64_t rehearsed[FATE_OF_COUNT], really[FATE_OF_COUNT];
};

struct example {
    uint64_t id; /* in the real store */
    struct str type, key;
    enum fate_of fate;
};

struct rehearse {
    struct service *service;
    struct loop_timer *timer;
    struct store_job job;
    enum phase phase;
    bool is_busy; /* a job of the store is under way */
    bool is_cancelled;
    struct arena *arena; /* of the whole run: settings, tallies, examples */
    struct arena *page_arena;
    struct settings settings;
    struct ledger_policy policy;
    struct snapshot *snapshot;
    struct rehearsal *rehearsal;
    int64_t since_ms, until_ms, began_us, took_us;
    uint64_t after, last; /* how far reading has come; last: of the page, 0 where it is the last one */
    struct record *records;
    size_t record_count;
    struct filter filter;
    struct audit_page audit;
    struct tally *tallies;
    size_t tally_count;
    struct example examples[EXAMPLES_MAX];
    size_t example_count;
    struct err_detail why; /* of FAILED */
};

static void next_page(void *arg);

struct rehearse *rehearse_new(struct service *service, struct loop *loop) {
    struct rehearse *rehearse = MEM_NEW(struct rehearse);
    rehearse->service = service;
    rehearse->timer = loop_timer_new(loop, next_page, rehearse);
    rehearse->job.loop = loop;
    return rehearse;
}

static void clear(struct rehearse *rehearse) {
    rehearsal_free(rehearse->rehearsal);
    if (rehearse->snapshot != NULL)
        snapshot_release(rehearse->snapshot);
    arena_free(rehearse->page_arena);
    rehearse->rehearsal = NULL;
    rehearse->snapshot = NULL;
    rehearse->page_arena = NULL;
}

void rehearse_free(struct rehearse *rehearse) {
    if (rehearse == NULL)
        return;
    clear(rehearse);
    arena_free(rehearse->arena);
    loop_timer_free(rehearse->timer);
    mem_free(rehearse);
}

static void end(struct rehearse *rehearse, enum phase phase) {
    rehearse->phase = phase;
    rehearse->took_us = clock_mono_us() - rehearse->began_us;
    clear(rehearse);
}

static void fail(struct rehearse *rehearse, const struct err_detail *detail) {
    rehearse->why = *detail;
    end(rehearse, FAILED);
}

/* ---- counting ---- */

static struct tally *find_tally(struct rehearse *rehearse, struct str type) {
    for (size_t i = 0; i < rehearse->tally_count; i++)
        if (str_eq(rehearse->tallies[i].type, type))
            return &rehearse->tallies[i];
    if (rehearse->tally_count == TYPES_MAX)
        return NULL;
    struct tally *tally = &rehearse->tallies[rehearse->tally_count++];
    *tally = (struct tally){.type = arena_str(rehearse->arena, type)};
    return tally;
}

static enum fate_of fate_of(const struct occurrence *occurrence) {
    switch (occurrence_handling(occurrence)) {
    case HANDLED_BY_BOTH:
        return BY_BOTH;
    case HANDLED_BY_NOBODY:
        return BY_NOBODY;
    case HANDLED_WAITING:
        return STILL_OPEN;
    default:
        break;
    }
    if (occurrence->handled_by[ENDPOINT_LEGACY] + occurrence->handled_by[ENDPOINT_NEW] ==
        0) /* by a twin that is gone */
        return occurrence->messages[0].endpoint == ENDPOINT_LEGACY ? BY_NEW : BY_LEGACY;
    return occurrence->handled_by[ENDPOINT_LEGACY] > 0 ? BY_LEGACY : BY_NEW;
}

static void add_example(struct rehearse *rehearse, const struct occurrence *occurrence, enum fate_of fate) {
    if (rehearse->example_count == EXAMPLES_MAX)
        return;
    rehearse->examples[rehearse->example_count++] =
        (struct example){.id = rehearsal_real_id(rehearse->rehearsal, occurrence->messages[0].id),
                         .type = arena_str(rehearse->arena, occurrence->messages[0].type),
                         .key = arena_str(rehearse->arena, occurrence->key),
                         .fate = fate};
}

static void count_page(struct rehearse *rehearse, bool is_real) {
    for (size_t i = 0; i < rehearse->audit.count; i++) {
        const struct occurrence *occurrence = &rehearse->audit.occurrences[i];
        enum fate_of fate = fate_of(occurrence);
        struct tally *tally = find_tally(rehearse, occurrence->messages[0].type);
        if (tally != NULL)
            (is_real ? tally->really : tally->rehearsed)[fate]++;
        if (!is_real && (fate == BY_BOTH || fate == BY_NOBODY || fate == STILL_OPEN))
            add_example(rehearse, occurrence, fate);
    }
}

/* ---- pages ---- */

static enum err run_read(struct ledger *ledger, struct store_job *job) {
    struct rehearse *rehearse = CONTAINER_OF(job, struct rehearse, job);
    arena_reset(rehearse->page_arena);
    return ledger_records_after(ledger, rehearse->page_arena, rehearse->after, PAGE, &rehearse->records,
                                &rehearse->record_count, &rehearse->last);
}

static void begin_audit(struct rehearse *rehearse, enum phase phase) {
    rehearse->phase = phase;
    rehearse->filter = (struct filter){.state = -1,
                                       .generation = -1,
                                       .since_ms = rehearse->since_ms,
                                       .until_ms = rehearse->until_ms,
                                       .look_max = AUDIT_PAGE,
                                       .limit = AUDIT_PAGE};
}

static bool admit_page(struct rehearse *rehearse) {
    struct err_detail detail;
    for (size_t i = 0; i < rehearse->record_count; i++) {
        const struct record *record = &rehearse->records[i];
        if (rehearsal_admit(rehearse->rehearsal, record, &detail) != ERR_NONE) {
            fail(rehearse, &detail);
            return false;
        }
    }
    rehearse->after = rehearse->last;
    if (rehearse->last != 0)
        return true;
    if (rehearsal_finish(rehearse->rehearsal, &detail) != ERR_NONE) {
        fail(rehearse, &detail);
        return false;
    }
    begin_audit(rehearse, AUDITING_SCRATCH);
    return true;
}

static void on_page(struct store_job *job) {
    struct rehearse *rehearse = CONTAINER_OF(job, struct rehearse, job);
    rehearse->is_busy = false;
    if (rehearse->is_cancelled) {
        struct err_detail detail;
        (void)err_set(&detail, ERR_CLOSED, "interrupted");
        fail(rehearse, &detail);
    } else if (job->err != ERR_NONE) {
        fail(rehearse, &job->detail);
    } else if (rehearse->phase == READING) {
        if (admit_page(rehearse))
            loop_timer_set(rehearse->timer, 0);
    } else {
        count_page(rehearse, true);
        rehearse->filter.before = rehearse->audit.looked_to;
        if (rehearse->audit.looked_to == 0)
            end(rehearse, DONE);
        else
            loop_timer_set(rehearse->timer, 0);
    }
}

static enum err run_audit(struct ledger *ledger, struct store_job *job) {
    struct rehearse *rehearse = CONTAINER_OF(job, struct rehearse, job);
    arena_reset(rehearse->page_arena);
    return ledger_audit(ledger, rehearse->page_arena, &rehearse->filter, &rehearse->audit);
}

static void audit_scratch(struct rehearse *rehearse) {
    struct err_detail detail;
    struct ledger *ledger = rehearsal_ledger(rehearse->rehearsal);
    arena_reset(rehearse->page_arena);
    enum err err = ledger_audit(ledger, rehearse->page_arena, &rehearse->filter, &rehearse->audit);
    if (err != ERR_NONE) {
        (void)err_set(&detail, err, "%s", ledger_error(ledger));
        fail(rehearse, &detail);
        return;
    }
    count_page(rehearse, false);
    rehearse->filter.before = rehearse->audit.looked_to;
    if (rehearse->audit.looked_to == 0)
        begin_audit(rehearse, AUDITING_REAL);
    loop_timer_set(rehearse->timer, 0);
}

static void next_page(void *arg) {
    struct rehearse *rehearse = arg;
    if (rehearse->is_busy || rehearse->phase == IDLE || rehearse->phase >= DONE)
        return;
    if (rehearse->phase == AUDITING_SCRATCH && !rehearse->is_cancelled) {
        audit_scratch(rehearse);
        return;
    }
    rehearse->is_busy = true;
    rehearse->job.run = rehearse->phase == READING ? run_read : run_audit;
    rehearse->job.done = on_page;
    store_submit(rehearse->service->store, &rehearse->job);
}

/* ---- requests ---- */

static enum prefer prefer_of(void *arg, struct str counterpart) {
    return settings_prefer(arg, counterpart);
}

static double no_jitter(void *arg) {
    (void)arg;
    return 0;
}

static void set_policy(struct rehearse *rehearse) {
    const struct settings *settings = &rehearse->settings;
    rehearse->policy = (struct ledger_policy){
        .window_ms = settings->pairing_window_ms,
        .hold_ms = settings->pairing_hold_ms,
        .park_for_ms = settings->pairing_park_for_ms,
        .retention_ms = settings->store_retention_ms,
        .body_retention_ms = settings->store_body_retention_ms,
        .retry_ms = settings->retry_schedule.ms,
        .retry_count = settings->retry_schedule.count,
        .trim = settings->pairing_partial == PARTIAL_TRIM && rehearse->service->signing[ENDPOINT_NEW].count > 0,
        .distrusts_unverified = settings->pairing_unverified == UNVERIFIED_NEVER,
        .prefer = prefer_of,
        .jitter = no_jitter,
        .arg = &rehearse->settings,
    };
}

static enum err load_flags(struct rehearse *rehearse, struct str text, struct err_detail *detail) {
    struct flag_problems problems = {0};
    struct flags *flags;
    if (text.at == NULL)
        return err_set(detail, ERR_INVALID, "\"flags\" is missing: the text of a flag file");
    if (flags_load(text, rehearse->arena, &flags, &problems) == ERR_NONE) {
        rehearse->snapshot = snapshot_new(flags, text, clock_wall_ms(), 1, NULL);
        return ERR_NONE;
    }
    const struct flag_problem *problem = problems.first;
    while (problem != NULL && problem->severity != FLAG_REFUSED)
        problem = problem->next;
    if (problem == NULL)
        return err_set(detail, ERR_INVALID, "the flag file is refused");
    return err_set(detail, ERR_INVALID, "the flag file is refused: line %u, column %u: " STR_FMT, problem->line,
                   problem->column, STR_ARG(problem->what));
}

static enum err read_since(struct rehearse *rehearse, struct str text, struct err_detail *detail) {
    int64_t now_ms = clock_wall_ms(), length_ms = DEFAULT_SINCE_MS;
    /* What came last may still meet its twin. */
    rehearse->until_ms = now_ms - rehearse->settings.pairing_window_ms;
    if (text.at != NULL && clock_parse_rfc3339(text, &rehearse->since_ms) && rehearse->since_ms < now_ms)
        return ERR_NONE;
    if (text.at != NULL && !duration_parse(text, &length_ms))
        return err_set(detail, ERR_INVALID,
                       "since=" STR_FMT ": must be a length of time (\"24h\") or a moment that is past", STR_ARG(text));
    rehearse->since_ms = now_ms - length_ms;
    return ERR_NONE;
}

static enum err begin(struct rehearse *rehearse, const struct query *query, struct err_detail *detail) {
    arena_free(rehearse->arena);
    rehearse->arena = arena_new(64 * 1024);
    rehearse->page_arena = arena_new(256 * 1024);
    rehearse->tallies = ARENA_ARRAY(rehearse->arena, TYPES_MAX, struct tally);
    rehearse->tally_count = rehearse->example_count = 0;
    rehearse->is_cancelled = false;
    struct str tried = query_get(query, STR("settings"));
    enum err err = settings_what_if(rehearse->arena, rehearse->service->settings, tried.at == NULL ? STR("") : tried,
                                    &rehearse->settings, detail);
    if (err == ERR_NONE)
        err = read_since(rehearse, query_get(query, STR("since")), detail);
    if (err == ERR_NONE)
        err = load_flags(rehearse, query_get(query, STR("flags")), detail);
    if (err != ERR_NONE)
        return err;
    set_policy(rehearse);
    const struct rehearsal_options options = {.policy = &rehearse->policy,
                                              .flag = snapshot_consumer_on,
                                              .flags = rehearse->snapshot,
                                              .messages_max = (size_t)rehearse->service->settings->rehearse_messages};
    rehearse->rehearsal = rehearsal_new(&options);
    if (rehearse->rehearsal == NULL)
        return err_set(detail, ERR_IO, "no scratch ledger could be made");
    /* Twins of the first messages may have come a window earlier. */
    int64_t from_ms = rehearse->since_ms - rehearse->settings.pairing_window_ms;
    rehearse->after = from_ms <= 0 ? 0 : (uint64_t)from_ms << 20;
    rehearse->began_us = clock_mono_us();
    rehearse->phase = READING;
    loop_timer_set(rehearse->timer, 0);
    return ERR_NONE;
}

static bool is_running(const struct rehearse *rehearse) {
    return rehearse->phase == READING || rehearse->phase == AUDITING_SCRATCH || rehearse->phase == AUDITING_REAL;
}

static void write_fates(struct json_writer *json, const char *key, const uint64_t counts[FATE_OF_COUNT]) {
    json_key(json, key);
    json_object_begin(json);
    for (int fate = 0; fate < FATE_OF_COUNT; fate++) {
        json_key(json, fate_names[fate]);
        json_int(json, (int64_t)counts[fate]);
    }
    json_object_end(json);
}

static void write_report(struct json_writer *json, const struct rehearse *rehearse, struct arena *arena) {
    struct tally all = {.type = STR("all")};
    json_key(json, "since");
    json_str(json, clock_format_rfc3339(arena, rehearse->since_ms));
    json_key(json, "until");
    json_str(json, clock_format_rfc3339(arena, rehearse->until_ms));
    json_key(json, "types");
    json_array_begin(json);
    for (size_t i = 0; i < rehearse->tally_count; i++) {
        const struct tally *tally = &rehearse->tallies[i];
        json_object_begin(json);
        json_key(json, "type");
        json_str(json, tally->type);
        write_fates(json, "rehearsed", tally->rehearsed);
        write_fates(json, "really", tally->really);
        json_object_end(json);
        for (int fate = 0; fate < FATE_OF_COUNT; fate++) {
            all.rehearsed[fate] += tally->rehearsed[fate];
            all.really[fate] += tally->really[fate];
        }
    }
    json_array_end(json);
    write_fates(json, "rehearsed", all.rehearsed);
    write_fates(json, "really", all.really);
    json_key(json, "good");
    json_bool(json, all.rehearsed[BY_BOTH] + all.rehearsed[BY_NOBODY] + all.rehearsed[STILL_OPEN] == 0);
    json_key(json, "examples");
    json_array_begin(json);
    for (size_t i = 0; i < rehearse->example_count; i++) {
        const struct example *example = &rehearse->examples[i];
        json_object_begin(json);
        json_key(json, "id");
        json_str(json, message_id_format(arena, example->id));
        json_key(json, "type");
        json_str(json, example->type);
        json_key(json, "key");
        json_str(json, example->key);
        json_key(json, "by");
        json_str(json, str_of(fate_names[example->fate]));
        json_object_end(json);
    }
    json_array_end(json);
    json_key(json, "took_ms");
    json_int(json, rehearse->took_us / 1000);
}

static void answer_state(struct admin_call *call, int status) {
    const struct rehearse *rehearse = call->admin->rehearse;
    struct strbuf text = {0};
    struct json_writer json;
    json_begin(&json, &text);
    json_object_begin(&json);
    json_key(&json, "state");
    json_str(&json, rehearse->phase == IDLE     ? STR("none")
                    : rehearse->phase == DONE   ? STR("done")
                    : rehearse->phase == FAILED ? STR("failed")
                                                : STR("running"));
    if (rehearse->rehearsal != NULL) {
        json_key(&json, "messages");
        json_int(&json, (int64_t)rehearsal_message_count(rehearse->rehearsal));
    }
    if (rehearse->phase == FAILED) {
        json_key(&json, "why");
        json_str(&json, str_of(rehearse->why.text));
    }
    if (rehearse->phase == DONE)
        write_report(&json, rehearse, call->arena);
    json_object_end(&json);
    answer_json(call->exchange, status, &text);
}

void admin_rehearse_begin(struct admin_call *call) {
    static const char *const known[] = {"flags", "since", "settings", NULL};
    struct rehearse *rehearse = call->admin->rehearse;
    struct err_detail detail;
    if (query_check(&call->query, known, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
    } else if (is_running(rehearse)) {
        answer_problem(call->exchange, 409, "a rehearsal is running; GET /api/rehearse tells how far it is");
    } else if (begin(rehearse, &call->query, &detail) != ERR_NONE) {
        clear(rehearse);
        rehearse->phase = IDLE;
        answer_problem(call->exchange, 400, "%s", detail.text);
    } else {
        answer_state(call, 202);
    }
}

void admin_rehearse_show(struct admin_call *call) {
    answer_state(call, 200);
}

void admin_rehearse_cancel(struct admin_call *call) {
    if (is_running(call->admin->rehearse))
        call->admin->rehearse->is_cancelled = true;
    answer_state(call, 202);
}
