/* Whatever cannot fail here is required not to: this is a test. */
#include "tests/model/verdict/stage.h"

#include "tests/model/must.h"

struct str stage_company(unsigned company) {
    static const struct str names[COMPANIES + 1] = {{"alpha", 5}, {"beta", 4},    {"gamma", 5},
                                                    {"delta", 5}, {"epsilon", 7}, {NULL, 0}};
    return names[company];
}

static unsigned company_of(struct str name) {
    for (unsigned i = 0; i < COMPANIES; i++)
        if (str_eq(name, stage_company(i)))
            return i;
    return COMPANIES;
}

static bool flag(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms, struct arena *arena,
                 struct str *why) {
    const struct flag_context context = {.targeting_key = record->company,
                                         .generation = str_of(generation_name(record->generation)),
                                         .type = record->type,
                                         .company = record->company};
    enum consumer_flag which = endpoint == ENDPOINT_LEGACY ? FLAG_LEGACY_CONSUMER : FLAG_NEW_CONSUMER;
    bool on = flags_consumer(((struct stage *)flags)->flags, which, &context, now_ms / 1000, arena).on;
    if (why != NULL)
        *why = on ? STR("on") : STR("off");
    return on;
}

static enum prefer prefer(void *arg, struct str counterpart) {
    (void)arg;
    (void)counterpart;
    return PREFER_FIRST;
}

static double jitter(void *arg) {
    (void)arg;
    return 0;
}

static void load(struct stage *stage, struct str text) {
    struct flag_problems problems;
    flags_free(stage->flags);
    stage->text = arena_str(stage->arena, text);
    MUST(flags_load(stage->text, stage->arena, &stage->flags, &problems) == ERR_NONE);
}

void stage_open(struct stage *stage, const char *path) {
    struct err_detail detail;
    *stage = (struct stage){.arena = arena_new(0), .retry_ms = {SECOND_MS}, .now_ms = START_MS};
    const struct ledger_policy policy = {.window_ms = WINDOW_MS,
                                         .hold_ms = 30 * SECOND_MS,
                                         .park_for_ms = 30 * MINUTE_MS,
                                         .retention_ms = 15 * 24 * 60 * MINUTE_MS,
                                         .body_retention_ms = 3 * 24 * 60 * MINUTE_MS,
                                         .retry_ms = stage->retry_ms,
                                         .retry_count = 1,
                                         .backlog_max = 100000,
                                         .prefer = prefer,
                                         .jitter = jitter};
    load(stage, STR("{\"flags\": {}}"));
    if (path == NULL)
        stage->backend = backend_memory_new();
    else
        MUST(backend_sqlite_open(path, STORE_SYNC_NORMAL, &stage->backend, &detail) == ERR_NONE);
    MUST(ledger_open(stage->backend, &policy, flag, stage, &stage->ledger, &detail) == ERR_NONE);
}

void stage_close(struct stage *stage) {
    ledger_close(stage->ledger);
    flags_free(stage->flags);
    arena_free(stage->arena);
}

static void sweep(struct stage *stage) {
    for (bool more = true; more;) {
        MUST(ledger_begin(stage->ledger) == ERR_NONE);
        MUST(ledger_sweep(stage->ledger, stage->now_ms, 100, &more) == ERR_NONE);
        MUST(ledger_commit(stage->ledger) == ERR_NONE);
    }
}

static size_t deliver_due(struct stage *stage, enum endpoint endpoint) {
    struct lease leases[32];
    size_t count;
    MUST(ledger_begin(stage->ledger) == ERR_NONE);
    MUST(ledger_lease(stage->ledger, stage->arena, endpoint, ARRAY_LEN(leases), stage->now_ms, leases, &count) ==
         ERR_NONE);
    for (size_t i = 0; i < count; i++) {
        bool fails = stage->fails[endpoint][company_of(leases[i].record.company)];
        struct settlement settlement;
        if (fails && endpoint == ENDPOINT_NEW)
            stage->died_ms[company_of(leases[i].record.company)] = leases[i].record.received_ms;
        struct attempt attempt = {.id = leases[i].record.id,
                                  .result = fails ? ATTEMPT_GONE : ATTEMPT_DELIVERED,
                                  .status = fails ? 410 : 200,
                                  .retry_after_ms = -1,
                                  .what = STR("tried")};
        MUST(ledger_settle(stage->ledger, &attempt, stage->now_ms, &settlement) == ERR_NONE);
    }
    MUST(ledger_commit(stage->ledger) == ERR_NONE);
    return count;
}

static void settle_down(struct stage *stage) {
    size_t delivered;
    do {
        sweep(stage);
        delivered = deliver_due(stage, ENDPOINT_LEGACY);
        delivered += deliver_due(stage, ENDPOINT_NEW);
    } while (delivered > 0);
}

void stage_switch(struct stage *stage, struct flags_switch wanted) {
    struct strbuf out = {0};
    MUST(flags_edit_switch(stage->text, &wanted, &out, NULL) == ERR_NONE);
    load(stage, strbuf_str(&out));
    strbuf_clear(&out);
    ledger_set_flags(stage->ledger, stage);
    settle_down(stage);
}

uint64_t stage_admit(struct stage *stage, struct message *message) {
    struct admission admission;
    message->received_ms = message->time_ms = stage->now_ms;
    const struct admit_request request = {
        .message = message, .content = {STR(""), STR("{}")}, .now_ms = stage->now_ms, .promise = true};
    MUST(ledger_begin(stage->ledger) == ERR_NONE);
    MUST(ledger_admit(stage->ledger, stage->arena, &request, &admission) == ERR_NONE);
    MUST(ledger_commit(stage->ledger) == ERR_NONE);
    settle_down(stage);
    return admission.id;
}

void stage_advance(struct stage *stage, int64_t to_ms) {
    stage->now_ms = to_ms > stage->now_ms ? to_ms : stage->now_ms;
    settle_down(stage);
}

enum state stage_state(struct stage *stage, uint64_t id) {
    struct story story;
    MUST(ledger_story(stage->ledger, stage->arena, id, &story) == ERR_NONE);
    return story.record.state;
}

void stage_ask(struct stage *stage, const struct catalog *catalog, const struct settings *settings, int64_t since_ms,
               struct verdict_report *report) {
    struct verdict_evidence evidence = {.catalog = catalog, .settings = settings};
    struct ledger_survey survey = {.after = ledger_survey_begin(since_ms)};
    struct ledger_counts counts;
    struct verdict_flags *flags = &evidence.flags;
    MUST(ledger_parity(stage->ledger, stage->arena, since_ms, stage->now_ms, &evidence.parity) == ERR_NONE);
    for (bool more = true; more;)
        MUST(ledger_survey(stage->ledger, stage->now_ms, 7, &survey, &more) == ERR_NONE);
    ledger_count(stage->ledger, &counts);
    evidence.dead_new = (int64_t)counts.in_state[ENDPOINT_NEW][STATE_DEAD];
    flags->legacy_may_be_on = flags_consumer_may_be(stage->flags, FLAG_LEGACY_CONSUMER, true);
    flags->legacy_may_be_off = flags_consumer_may_be(stage->flags, FLAG_LEGACY_CONSUMER, false);
    flags->new_may_be_on = flags_consumer_may_be(stage->flags, FLAG_NEW_CONSUMER, true);
    flags->new_may_be_off = flags_consumer_may_be(stage->flags, FLAG_NEW_CONSUMER, false);
    flags->asked = true;
    flags->new_asked = survey.new_asked;
    flags->new_off = survey.new_off;
    flags->both_off = survey.both_off;
    verdict_give(stage->arena, &evidence, report);
}
