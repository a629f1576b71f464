/* GET /api/parity?since=24h: a length of time, or a moment as RFC 3339. */
#include "proxy/admin/call.h"

#include "common/clock.h"
#include "common/units.h"
#include "proxy/flow/verdict.h"

enum { DEFAULT_SINCE_MS = 24 * 60 * 60 * 1000 };

struct parity_call {
    struct admin_call *call;
    struct store_job job;
    struct arena *arena; /* the report's; the exchange's belongs to the loop */
    struct verdict_question question;
};

static enum err run_report(struct ledger *ledger, struct store_job *job) {
    struct parity_call *asked = CONTAINER_OF(job, struct parity_call, job);
    ledger_count(ledger, &asked->question.counts);
    return ledger_parity(ledger, asked->arena, asked->question.since_ms, asked->question.now_ms,
                         &asked->question.parity);
}

/* Off for every message: without targeting, what it says of nobody it says of all. */
static bool new_is_off(const struct service *service, struct arena *arena) {
    struct snapshot *snapshot = snapshot_slot_get(service->snapshots);
    const struct flag_context nobody = {.targeting_key = STR("")};
    bool off = !flags_consumer_is_targeted(snapshot->flags, FLAG_NEW_CONSUMER) &&
               !flags_consumer(snapshot->flags, FLAG_NEW_CONSUMER, &nobody, clock_wall_ms() / 1000, arena).on;
    snapshot_release(snapshot);
    return off;
}

static void on_report(struct store_job *job) {
    struct parity_call *asked = CONTAINER_OF(job, struct parity_call, job);
    struct admin_call *call = asked->call;
    struct arena *arena = asked->arena;
    struct verdict_report report;
    struct strbuf text = {0};
    if (job->err != ERR_NONE) {
        answer_problem(call->exchange, 503, "the store does not answer: %s", job->detail.text);
    } else {
        asked->question.new_is_off = new_is_off(call->admin->service, arena);
        verdict_give(arena, &asked->question, &report);
        verdict_write(arena, &asked->question, &report, &text);
        answer_json(call->exchange, 200, &text); /* the call is gone after it */
    }
    arena_free(arena);
}

static bool read_since(struct str text, int64_t now_ms, int64_t *since_ms) {
    int64_t length_ms = DEFAULT_SINCE_MS;
    if (clock_parse_rfc3339(text, since_ms))
        return *since_ms <= now_ms;
    if (text.at != NULL && !duration_parse(text, &length_ms))
        return false;
    *since_ms = now_ms - length_ms;
    return true;
}

void admin_parity(struct admin_call *call) {
    static const char *const known[] = {"since", NULL};
    struct err_detail detail;
    int64_t now_ms = clock_wall_ms(), since_ms;
    struct str since = query_get(&call->query, STR("since"));
    if (query_check(&call->query, known, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    if (!read_since(since, now_ms, &since_ms)) {
        answer_problem(call->exchange, 400,
                       "since=" STR_FMT ": must be a length of time (\"24h\") or a moment that is past "
                       "(\"2024-09-01T12:00:00Z\")",
                       STR_ARG(since));
        return;
    }
    struct parity_call *asked = ARENA_NEW(call->arena, struct parity_call);
    asked->call = call;
    asked->arena = arena_new(64 * 1024);
    asked->question = (struct verdict_question){.catalog = call->admin->service->catalog,
                                                .settings = call->admin->service->settings,
                                                .since_ms = since_ms,
                                                .now_ms = now_ms};
    asked->job = (struct store_job){.run = run_report, .done = on_report, .loop = call->admin->loop};
    store_submit(call->admin->service->store, &asked->job);
}
