/* The counts are one step. Whether the flags may be off for a message is known from their definition where they have no
 * targeting; else each message of the period is asked about, some hundred at a time:
 *
 *     counts ─► (new-consumer may be off?) ─► survey ─► survey ─► ... ─► verdict_give() ─► done()
 *
 * Once some are off the answer is no; then a share of many is as good as one of all. */
#include "proxy/flow/parity_ask.h"

#include "common/clock.h"
#include "common/mem.h"

enum { SURVEY_BUDGET = 500, SURVEY_ENOUGH = 50000, LOOKED_AHEAD_S = 10 * 365 * 24 * 3600 };

struct parity_ask {
    const struct service *service;
    struct loop *loop;
    parity_done_fn *done;
    void *arg;
    int64_t now_ms;
    struct store_job job;
    struct ledger_survey survey;
    bool counted, more;
    struct parity_answer answer;
};

static enum err run_step(struct ledger *ledger, struct store_job *job) {
    struct parity_ask *ask = CONTAINER_OF(job, struct parity_ask, job);
    struct verdict_evidence *evidence = &ask->answer.evidence;
    if (ask->counted)
        return ledger_survey(ledger, ask->now_ms, SURVEY_BUDGET, &ask->survey, &ask->more);
    struct ledger_counts counts;
    ledger_count(ledger, &counts);
    evidence->dead_new = (int64_t)counts.in_state[ENDPOINT_NEW][STATE_DEAD];
    return ledger_parity(ledger, ask->answer.arena, evidence->parity.since_ms, ask->now_ms, &evidence->parity);
}

static void ask_definitions(struct parity_ask *ask) {
    struct verdict_flags *flags = &ask->answer.evidence.flags;
    struct snapshot *snapshot = snapshot_slot_get(ask->service->snapshots);
    flags->legacy_may_be_on = flags_consumer_may_be(snapshot->flags, FLAG_LEGACY_CONSUMER, true);
    flags->legacy_may_be_off = flags_consumer_may_be(snapshot->flags, FLAG_LEGACY_CONSUMER, false);
    flags->new_may_be_on = flags_consumer_may_be(snapshot->flags, FLAG_NEW_CONSUMER, true);
    flags->new_may_be_off = flags_consumer_may_be(snapshot->flags, FLAG_NEW_CONSUMER, false);
    int64_t now_s = ask->now_ms / 1000;
    flags->may_change = flags_may_change_between(snapshot->flags, now_s, now_s + LOOKED_AHEAD_S);
    snapshot_release(snapshot);
}

static struct str example_text(struct arena *arena, const struct ledger_example *example) {
    struct str id = message_id_format(arena, example->id);
    struct str company = str_slice(example->company, example->company_len);
    return company.len == 0 ? id : arena_printf(arena, STR_FMT " of company " STR_FMT, STR_ARG(id), STR_ARG(company));
}

static void take_survey(struct parity_ask *ask) {
    struct verdict_flags *flags = &ask->answer.evidence.flags;
    flags->asked = ask->counted && !ask->more;
    flags->new_asked = ask->survey.new_asked;
    flags->new_off = ask->survey.new_off;
    flags->both_off = ask->survey.both_off;
    flags->new_off_example = example_text(ask->answer.arena, &ask->survey.new_off_example);
    flags->both_off_example = example_text(ask->answer.arena, &ask->survey.both_off_example);
}

static bool needs_survey(const struct parity_ask *ask) {
    const struct verdict_flags *flags = &ask->answer.evidence.flags;
    bool is_enough = ask->survey.new_off > 0 && ask->survey.looked_at >= SURVEY_ENOUGH;
    if (atomic_load(&ask->service->stopping)) /* the store may be closed already */
        return false;
    return flags->new_may_be_off && flags->new_may_be_on && ask->more && !is_enough;
}

static void judge(struct parity_ask *ask) {
    struct parity_answer *answer = &ask->answer;
    struct field_evidence *fields;
    answer->fields = ask->service->fields;
    answer->evidence.field_count = fields_evidence_all(answer->fields, answer->arena, &fields);
    answer->evidence.fields = fields;
    verdict_give(answer->arena, &answer->evidence, &answer->report);
}

static void submit(struct parity_ask *ask);

static void on_step(struct store_job *job) {
    struct parity_ask *ask = CONTAINER_OF(job, struct parity_ask, job);
    ask->answer.err = job->err;
    ask->answer.detail = job->detail;
    if (job->err == ERR_NONE) {
        ask->counted = true;
        if (needs_survey(ask)) {
            submit(ask);
            return;
        }
        ask_definitions(ask);
        take_survey(ask);
        judge(ask);
    }
    ask->done(ask->arg, &ask->answer);
    parity_ask_free(ask);
}

static void submit(struct parity_ask *ask) {
    ask->job = (struct store_job){.run = run_step, .done = on_step, .loop = ask->loop};
    store_submit(ask->service->store, &ask->job);
}

struct parity_ask *parity_ask_new(const struct service *service, struct loop *loop, int64_t since_ms,
                                  parity_done_fn *done, void *arg) {
    struct parity_ask *ask = MEM_NEW(struct parity_ask);
    *ask = (struct parity_ask){
        .service = service, .loop = loop, .done = done, .arg = arg, .now_ms = clock_wall_ms(), .more = true};
    ask->answer.arena = arena_new(64 * 1024);
    ask->answer.evidence.catalog = service->catalog;
    ask->answer.evidence.settings = service->settings;
    ask->answer.evidence.parity.since_ms = since_ms;
    ask->survey.after = ledger_survey_begin(since_ms);
    ask_definitions(ask);
    submit(ask);
    return ask;
}

void parity_ask_free(struct parity_ask *ask) {
    if (ask == NULL)
        return;
    arena_free(ask->answer.arena);
    mem_free(ask);
}
