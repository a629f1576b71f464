/* GET /api/parity?since=24h: a length of time, or a moment as RFC 3339. And the verdict as metrics: asked for now and
 * then, because a scrape must not wait for the store. */
#include "proxy/admin/call.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/units.h"
#include "proxy/admin/parity_watch.h"
#include "proxy/flow/parity_ask.h"

enum { DEFAULT_SINCE_MS = 24 * 60 * 60 * 1000 };

static void on_answer(void *arg, const struct parity_answer *answer) {
    struct admin_call *call = arg;
    struct strbuf text = {0};
    if (answer->err != ERR_NONE) {
        answer_problem(call->exchange, 503, "the store does not answer: %s", answer->detail.text);
        return;
    }
    parity_answer_write(answer, &text);
    answer_json(call->exchange, 200, &text); /* the call is gone after it */
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
    (void)parity_ask_new(call->admin->service, call->admin->loop, since_ms, on_answer, call);
}

/* --- metrics */

/* A survey of very many messages takes the store's time: it is asked for the more seldom. */
enum { WATCH_FIRST_MS = 1000, WATCH_MS = 10000, WATCH_REST = 50 };

struct parity_watch {
    const struct service *service;
    struct loop *loop;
    struct loop_timer *timer;
    struct parity_ask *ask; /* under way */
    int64_t began_us;
};

static void set_type(struct counters *counters, const struct verdict_type *type) {
    counters_set_unpaired(counters, type->row.type, GENERATION_RULE, type->row.rule_only);
    counters_set_unpaired(counters, type->row.type, GENERATION_EVENT, type->row.event_only);
}

static void on_watched(void *arg, const struct parity_answer *answer) {
    struct parity_watch *watch = arg;
    struct counters *counters = watch->service->counters;
    int64_t took_ms = (clock_mono_us() - watch->began_us) / 1000;
    watch->ask = NULL;
    if (answer->err == ERR_NONE) {
        const struct verdict_report *report = &answer->report;
        bool legacy_may_be_off = answer->evidence.flags.legacy_may_be_off;
        counters_set_parity(counters, report->verdict == VERDICT_READY,
                            legacy_may_be_off ? report->all.row.unhandled_only : 0);
        for (size_t i = 0; i < report->type_count; i++)
            set_type(counters, &report->types[i]);
    }
    loop_timer_set(watch->timer, took_ms * WATCH_REST > WATCH_MS ? took_ms * WATCH_REST : WATCH_MS);
}

static void on_time(void *arg) {
    struct parity_watch *watch = arg;
    watch->began_us = clock_mono_us();
    watch->ask = parity_ask_new(watch->service, watch->loop, clock_wall_ms() - DEFAULT_SINCE_MS, on_watched, watch);
}

struct parity_watch *parity_watch_new(const struct service *service, struct loop *loop) {
    struct parity_watch *watch = MEM_NEW(struct parity_watch);
    watch->service = service;
    watch->loop = loop;
    watch->timer = loop_timer_new(loop, on_time, watch);
    loop_timer_set(watch->timer, WATCH_FIRST_MS);
    return watch;
}

void parity_watch_free(struct parity_watch *watch) {
    if (watch == NULL)
        return;
    parity_ask_free(watch->ask);
    loop_timer_free(watch->timer);
    mem_free(watch);
}
