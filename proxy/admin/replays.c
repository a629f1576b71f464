/* Delivering again on request.
 *
 * One message is one job. Many are worked off in steps of some, newest first, each in its own group, so that neither
 * receiving nor other requests wait for all of them:
 *
 *     admin_replay_many ─► submit ─► run_step (store's thread) ─► on_step ──┬─► submit again, from where it stopped
 *                                                                          └─► answer, when none are left */
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "proxy/admin/call.h"
#include "proxy/admin/filters.h"

enum { STEP = 100, LOOK_MAX = 2000 /* messages looked at in a step, for the few that pass */ };

/* How to replay: by force also what is handled; a dry run only says what would be done. */
struct replay_manner {
    bool force, is_dry_run;
};

struct replay {
    struct store_job job;
    struct admin_call *call;
    struct replay_manner manner;
    uint64_t id;
};

/* Takes a member that is true or false out of the query, for the filters know nothing of it. */
static enum err take_flag(struct query *query, struct str name, bool *value, struct err_detail *detail) {
    size_t left = 0;
    for (size_t i = 0; i < query->count; i++) {
        struct query_pair pair = query->pairs[i];
        if (!str_eq(pair.name, name)) {
            query->pairs[left++] = pair;
            continue;
        }
        *value = str_eq(pair.value, STR("true")) || str_eq(pair.value, STR("1"));
        if (!*value && !str_eq(pair.value, STR("false")) && !str_eq(pair.value, STR("0")))
            return err_set(detail, ERR_INVALID, STR_FMT " is \"" STR_FMT "\", but must be true or false", STR_ARG(name),
                           STR_ARG(pair.value));
    }
    query->count = left;
    return ERR_NONE;
}

/* False: answered. */
static bool read_manner(struct admin_call *call, struct replay_manner *manner) {
    struct err_detail detail;
    *manner = (struct replay_manner){false, false};
    enum err err = take_flag(&call->query, STR("force"), &manner->force, &detail);
    if (err == ERR_NONE)
        err = take_flag(&call->query, STR("dry_run"), &manner->is_dry_run, &detail);
    if (err != ERR_NONE)
        answer_problem(call->exchange, 400, "%s", detail.text);
    return err == ERR_NONE;
}

static enum err replay_message(struct ledger *ledger, uint64_t id, const struct replay_manner *manner) {
    return manner->is_dry_run ? ledger_try_replay(ledger, id, manner->force)
                              : ledger_replay(ledger, id, manner->force, clock_wall_ms());
}

static enum err run_one(struct ledger *ledger, struct store_job *job) {
    struct replay *replay = CONTAINER_OF(job, struct replay, job);
    return replay_message(ledger, replay->id, &replay->manner);
}

static void answer_one(struct admin_call *call, const struct replay *replay) {
    struct strbuf text = {0};
    struct str id = message_id_format(call->arena, replay->id);
    if (replay->manner.is_dry_run) {
        strbuf_printf(&text, "{\"id\":\"" STR_FMT "\",\"dry_run\":true}", STR_ARG(id));
        answer_json(call->exchange, 200, &text);
        return;
    }
    LOG(LOG_INFO, "message replayed", LOG_STR("message", id), LOG_TEXTZ(replay->manner.force ? "by" : NULL, "force"));
    strbuf_printf(&text, "{\"id\":\"" STR_FMT "\",\"state\":\"pending\"}", STR_ARG(id));
    answer_json(call->exchange, 202, &text);
}

static void on_one(struct store_job *job) {
    struct replay *replay = CONTAINER_OF(job, struct replay, job);
    struct admin_call *call = replay->call;
    if (job->err == ERR_NOT_FOUND) {
        answer_problem(call->exchange, 404, "there is no message " STR_FMT, STR_ARG(call->id));
    } else if (job->err == ERR_BUSY || job->err == ERR_INVALID || job->err == ERR_EXISTS) {
        answer_problem(call->exchange, 409, "%s", job->detail.text);
    } else if (job->err != ERR_NONE) {
        answer_problem(call->exchange, 503, "the store cannot write: %s", job->detail.text);
    } else {
        answer_one(call, replay);
    }
}

void admin_replay_one(struct admin_call *call) {
    struct replay *replay = ARENA_NEW(call->arena, struct replay);
    replay->call = call;
    if (!message_id_parse(call->id, &replay->id)) {
        answer_problem(call->exchange, 404, "\"" STR_FMT "\" is no id of a message", STR_ARG(call->id));
        return;
    }
    if (!read_manner(call, &replay->manner))
        return;
    replay->job = (struct store_job){.run = run_one, .done = on_one, .loop = call->admin->loop};
    store_submit(call->admin->service->store, &replay->job);
}

struct tally {
    uint64_t replayed, under_way, content_gone, handled;
};

struct bulk {
    struct store_job job;
    struct admin_call *call;
    struct service *service;
    struct replay_manner manner;
    struct filter filter; /* `before` and `limit` are where it has come to */
    bool limited;
    struct arena *scratch;
    struct tally done, step; /* step: of the one under way, which may be run again */
    uint64_t last;           /* the oldest id that the step looked at */
    size_t looked_at;
    uint64_t looked_to; /* where the step gave up looking; 0: it did not */
};

static enum err replay_record(struct ledger *ledger, const struct record *record, const struct replay_manner *manner,
                              struct tally *tally) {
    enum err err = replay_message(ledger, record->id, manner);
    if (err == ERR_NONE)
        tally->replayed++;
    else if (err == ERR_BUSY)
        tally->under_way++;
    else if (err == ERR_INVALID)
        tally->content_gone++;
    else if (err == ERR_EXISTS)
        tally->handled++;
    else
        return err;
    return ERR_NONE;
}

static enum err run_step(struct ledger *ledger, struct store_job *job) {
    struct bulk *bulk = CONTAINER_OF(job, struct bulk, job);
    struct record *records;
    struct filter filter = bulk->filter;
    bulk->step = (struct tally){0};
    bulk->looked_at = 0;
    arena_reset(bulk->scratch);
    filter.limit = filter.limit < STEP ? filter.limit : STEP;
    filter.look_max = LOOK_MAX;
    filter.looked_to = &bulk->looked_to;
    enum err err = ledger_list(ledger, bulk->scratch, &filter, &records, &bulk->looked_at);
    for (size_t i = 0; i < bulk->looked_at && err == ERR_NONE; i++) {
        err = replay_record(ledger, &records[i], &bulk->manner, &bulk->step);
        bulk->last = records[i].id;
    }
    return err;
}

static void answer_bulk(struct bulk *bulk, bool complete) {
    struct strbuf text = {0};
    strbuf_printf(&text,
                  "{\"replayed\":%llu,\"skipped\":{\"handled\":%llu,\"under_way\":%llu,\"content_gone\":%llu},"
                  "\"dry_run\":%s,\"complete\":%s}",
                  (unsigned long long)bulk->done.replayed, (unsigned long long)bulk->done.handled,
                  (unsigned long long)bulk->done.under_way, (unsigned long long)bulk->done.content_gone,
                  bulk->manner.is_dry_run ? "true" : "false", complete ? "true" : "false");
    if (!bulk->manner.is_dry_run)
        LOG(LOG_INFO, "messages replayed", LOG_INT("count", bulk->done.replayed));
    arena_free(bulk->scratch);
    answer_json(bulk->call->exchange, 200, &text);
}

static void on_step(struct store_job *job) {
    struct bulk *bulk = CONTAINER_OF(job, struct bulk, job);
    if (job->err != ERR_NONE) {
        arena_free(bulk->scratch);
        answer_problem(bulk->call->exchange, 503, "the store failed after %llu messages: %s",
                       (unsigned long long)bulk->done.replayed, job->detail.text);
        return;
    }
    bulk->done.replayed += bulk->step.replayed;
    bulk->done.under_way += bulk->step.under_way;
    bulk->done.content_gone += bulk->step.content_gone;
    bulk->done.handled += bulk->step.handled;
    bulk->filter.before = bulk->looked_to != 0 ? bulk->looked_to : bulk->last;
    if (bulk->limited)
        bulk->filter.limit -= bulk->looked_at;
    if ((bulk->looked_at < STEP && bulk->looked_to == 0) || bulk->filter.limit == 0)
        answer_bulk(bulk, true);
    else if (atomic_load(&bulk->service->stopping))
        answer_bulk(bulk, false);
    else
        store_submit(bulk->service->store, &bulk->job);
}

void admin_replay_many(struct admin_call *call) {
    struct bulk *bulk = ARENA_NEW(call->arena, struct bulk);
    struct err_detail detail;
    bulk->call = call;
    bulk->service = call->admin->service;
    if (!read_manner(call, &bulk->manner))
        return;
    if (filter_from_query(&call->query, &bulk->filter, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    filter_settle_type(&bulk->filter, bulk->service->catalog);
    if (!filter_is_narrow(&bulk->filter)) {
        answer_problem(call->exchange, 400,
                       "say which messages: by state, generation, type or company, such as ?state=dead");
        return;
    }
    bulk->limited = query_get(&call->query, STR("limit")).at != NULL;
    if (!bulk->limited)
        bulk->filter.limit = SIZE_MAX;
    bulk->scratch = arena_new(0);
    bulk->job = (struct store_job){.run = run_step, .done = on_step, .loop = call->admin->loop};
    store_submit(call->admin->service->store, &bulk->job);
}
