/* The verdict as a table: what was counted and what the flags may say, against the answer and its reasons. */
#include "common/mem.h"
#include "proxy/decide/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_MS    ((int64_t)1725192854015) /* 2024-09-01T12:14:14Z */
#define MINUTE_MS ((int64_t)60 * 1000)
#define DAY_MS    (24 * 60 * MINUTE_MS)

#define COMPLETED "DataSyncCompleted"
#define PUSH      "PushOperationStatusChanged"

struct given_row {
    const char *type;
    int rules, paired, paired_unhandled, alone, waiting; /* alerts: of `rules`, the rest */
    int unhandled;                                       /* alerts without an event that nobody handles */
    int events, again, event_only;
    int unreplaced, near, died;
    int seen, proven; /* 0: as in the period */
    int64_t until_ms; /* of the youngest that waits */
};

/* What is left out of the flags: both consumers on for everybody. */
struct given_flags {
    bool legacy_off, new_off, legacy_targeted, new_targeted, unasked, changes;
    int asked, off, both;
};

struct sample {
    const char *name;
    struct given_row rows[4];
    struct given_flags flags;
    const char *ignore;
    int dead, evidence; /* 0: the default, 3 */
    enum verdict verdict;
    enum verdict_stage stage;
    const char *reasons[5]; /* each is a part of the reason in its place */
};

static const struct sample samples[] = {
    {.name = "nothing came", .verdict = VERDICT_NO_DATA, .stage = STAGE_BOTH, .reasons = {"no rule that an event"}},
    {.name = "events alone prove nothing",
     .rows = {{.type = COMPLETED, .events = 5, .event_only = 5}},
     .verdict = VERDICT_NO_DATA,
     .stage = STAGE_BOTH,
     .reasons = {"no rule that an event"}},
    {.name = "all paired",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 30}},
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "events without an alert and near misses do no harm",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 40, .event_only = 10, .near = 4}},
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "199 alerts are younger than the window",
     .rows = {{.type = COMPLETED, .rules = 200, .paired = 1, .waiting = 199, .events = 1, .until_ms = 10 * MINUTE_MS}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"199 alerts are younger than the window, ask again at 12:25 UTC"}},
    {.name = "one alert is young, of another type than those that are ready",
     .rows = {{.type = COMPLETED, .rules = 20, .paired = 20, .events = 20},
              {.type = PUSH, .rules = 4, .paired = 3, .waiting = 1, .events = 3, .until_ms = 1 * MINUTE_MS}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"1 alert is younger than the window, ask again at 12:16 UTC"}},
    {.name = "a window of days: the date is told",
     .rows = {{.type = COMPLETED, .rules = 4, .paired = 3, .waiting = 1, .events = 3, .until_ms = 3 * DAY_MS}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"ask again at 12:15 UTC on 2024-09-04"}},
    {.name = "an alert is past the window",
     .rows = {{.type = PUSH, .rules = 30, .paired = 28, .alone = 2, .events = 28}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"2 " PUSH " since 2024-09-01T12:13:14.015Z had no write.successful or write.unsuccessful"}},
    {.name = "pairs that nobody handled",
     .rows = {{.type = COMPLETED, .rules = 200, .paired = 200, .paired_unhandled = 16, .events = 200}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"16 " COMPLETED " had their event, and nobody handled either"}},
    {.name = "too few proofs for what legacy saw",
     .rows = {{.type = COMPLETED, .rules = 2, .paired = 2, .events = 2, .seen = 500, .proven = 2}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"2 of 500 " COMPLETED " so far had an event, one of the two handled; parity.evidence asks for 3"}},
    {.name = "a rare type needs one proof for each alert",
     .rows = {{.type = COMPLETED, .rules = 1, .paired = 1, .events = 1}},
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "a rare type that was proved before the period",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = PUSH, .seen = 4, .proven = 4}},
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "a rare type that legacy saw and no event proved",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = PUSH, .seen = 4, .proven = 1}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"1 of 4 " PUSH " so far"}},
    {.name = "parity.evidence asks for more",
     .rows = {{.type = COMPLETED, .rules = 50, .paired = 50, .events = 50, .seen = 1000, .proven = 50}},
     .evidence = 100,
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"50 of 1000 " COMPLETED}},
    {.name = "new is off for everybody",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}},
     .flags = {.new_off = true},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_EXPAND,
     .reasons = {"new-consumer is off: with legacy off too"}},
    {.name = "new is on for a tenth",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 30}},
     .flags = {.new_targeted = true, .asked = 30, .off = 26},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"new-consumer is off for 26 of 30 messages for it (87 %), for example message X of company c1"}},
    {.name = "new has targeting, and is on for all that came",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 30}},
     .flags = {.new_targeted = true, .asked = 30},
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "new has targeting, and nobody looked",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 30}},
     .flags = {.new_targeted = true, .unasked = true},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"new-consumer has targeting"}},
    {.name = "new is on for all that came, and its rule reads the time",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 30}},
     .flags = {.new_targeted = true, .asked = 30, .changes = true},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"the targeting of a consumer flag changes with time"}},
    {.name = "both are off for some",
     .rows = {{.type = COMPLETED, .rules = 30, .paired = 30, .events = 30}},
     .flags = {.new_targeted = true, .legacy_targeted = true, .asked = 200, .off = 16, .both = 32},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"new-consumer is off for 16 of 200", "both consumers are off for 32 messages seen, for example"}},
    {.name = "legacy is off, two alerts wait",
     .rows = {{.type = COMPLETED, .rules = 2, .waiting = 2, .unhandled = 2, .until_ms = MINUTE_MS}},
     .flags = {.legacy_off = true},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_CONTRACT,
     .reasons = {"Legacy is off; 2 alerts wait for their event"}},
    {.name = "legacy is off, an alert waits for longer than the window",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 8, .alone = 1, .unhandled = 1, .events = 8}},
     .flags = {.legacy_off = true},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_CONTRACT,
     .reasons = {"1 " COMPLETED " since", "Legacy is off; 1 alert waits for its event"}},
    {.name = "legacy is off, and nothing waits",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}},
     .flags = {.legacy_off = true},
     .verdict = VERDICT_READY,
     .stage = STAGE_CONTRACT},
    {.name = "messages died at the new consumer",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}},
     .dead = 1,
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"1 message for the new endpoint could not be delivered (state dead)"}},
    {.name = "events died at the new consumer, and legacy took over",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = PARITY_NEW_SIDE, .died = 3}},
     .dead = 1,
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"2 events failed for good at the new consumer in this period, and legacy handled what they told",
                 "1 message for the new endpoint could not be delivered"}},
    {.name = "a type that nothing replaces",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = "SyncStarted", .unreplaced = 2}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"2 SyncStarted came, a type that nothing replaces"}},
    {.name = "the same, acknowledged",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = "SyncStarted", .unreplaced = 2}},
     .ignore = "Sync Started",
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "a replaced type told what no event tells",
     .rows = {{.type = PUSH, .rules = 9, .paired = 9, .events = 9, .unreplaced = 3}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"add \"" PUSH ":other\" to parity.ignore"}},
    {.name = "the same, acknowledged as such",
     .rows = {{.type = PUSH, .rules = 9, .paired = 9, .events = 9, .unreplaced = 3}},
     .ignore = PUSH ":other",
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
    {.name = "ignoring a replaced type has no effect",
     .rows = {{.type = PUSH, .rules = 9, .paired = 8, .alone = 1, .events = 8}},
     .ignore = PUSH,
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"1 " PUSH " since"}},
    {.name = "unrecognised messages went to legacy",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = "unrecognised", .unreplaced = 1}},
     .verdict = VERDICT_NOT_READY,
     .stage = STAGE_BOTH,
     .reasons = {"1 message in no known shape went to legacy"}},
    {.name = "unrecognised messages, acknowledged",
     .rows = {{.type = COMPLETED, .rules = 9, .paired = 9, .events = 9}, {.type = "unrecognised", .unreplaced = 1}},
     .ignore = "unrecognised",
     .verdict = VERDICT_READY,
     .stage = STAGE_BOTH},
};

static struct parity_row row_of(const struct given_row *given) {
    struct parity_row row = {.type = str_of(given->type),
                             .rule_only = given->alone,
                             .event_only = given->event_only,
                             .rules_waiting = given->waiting,
                             .seen = given->seen != 0 ? given->seen : given->rules,
                             .proven = given->seen != 0 ? given->proven : given->paired - given->paired_unhandled,
                             .waiting_until_ms = given->waiting > 0 ? NOW_MS + given->until_ms : 0,
                             .unpaired_since_ms = given->alone > 0 ? NOW_MS - MINUTE_MS : 0};
    int64_t *n = row.sum.n;
    n[PARITY_RULES] = given->rules;
    n[PARITY_RULES_PAIRED] = given->paired;
    n[PARITY_UNHANDLED_PAIRED] = given->paired_unhandled;
    n[PARITY_UNHANDLED] = given->paired_unhandled + given->unhandled;
    n[PARITY_EVENTS] = given->events;
    n[PARITY_EVENTS_AGAIN] = given->again;
    n[PARITY_UNREPLACED] = given->unreplaced;
    n[PARITY_NEAR_MISSES] = given->near;
    n[PARITY_DIED] = given->died;
    return row;
}

static struct verdict_flags flags_of(const struct given_flags *given) {
    return (struct verdict_flags){.legacy_may_be_on = !given->legacy_off,
                                  .legacy_may_be_off = given->legacy_off || given->legacy_targeted,
                                  .new_may_be_on = !given->new_off,
                                  .new_may_be_off = given->new_off || given->new_targeted,
                                  .asked = !given->unasked,
                                  .may_change = given->changes,
                                  .new_asked = given->asked,
                                  .new_off = given->off,
                                  .both_off = given->both,
                                  .new_off_example = STR("X of company c1"),
                                  .both_off_example = STR("Y")};
}

static void judge(struct arena *arena, const struct catalog *catalog, const struct sample *sample,
                  struct verdict_report *report) {
    struct settings settings = {.parity_evidence = sample->evidence != 0 ? sample->evidence : 3};
    struct str ignored = str_of(sample->ignore);
    struct parity_row rows[ARRAY_LEN(sample->rows)];
    struct verdict_evidence evidence = {
        .catalog = catalog, .settings = &settings, .flags = flags_of(&sample->flags), .dead_new = sample->dead};
    if (sample->ignore != NULL)
        settings.parity_ignore = (struct opt_list){.items = &ignored, .count = 1};
    evidence.parity = (struct parity_report){
        .since_ms = NOW_MS - DAY_MS, .until_ms = NOW_MS, .window_ms = 10 * MINUTE_MS, .rows = rows};
    while (evidence.parity.row_count < ARRAY_LEN(rows) && sample->rows[evidence.parity.row_count].type != NULL) {
        rows[evidence.parity.row_count] = row_of(&sample->rows[evidence.parity.row_count]);
        evidence.parity.row_count++;
    }
    verdict_give(arena, &evidence, report);
}

/* (fault 1.1, 1.2, 1.3, 1.5, 1.7) */
static void the_verdict_is_a_function_of_the_evidence(void **state) {
    struct arena *arena = arena_new(0);
    struct catalog *catalog = catalog_builtin();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct sample *sample = &samples[i];
        struct verdict_report report;
        size_t wanted = 0;
        judge(arena, catalog, sample, &report);
        while (wanted < ARRAY_LEN(sample->reasons) && sample->reasons[wanted] != NULL)
            wanted++;
        for (size_t r = 0; r < report.reason_count && r < wanted; r++) {
            if (str_find(report.reasons[r], str_of(sample->reasons[r])) < 0)
                fail_msg("%s: \"%s\" instead of \"%s\"", sample->name, report.reasons[r].at, sample->reasons[r]);
            if (str_find(report.reasons[r], STR("{")) >= 0)
                fail_msg("%s: a pattern in \"%s\"", sample->name, report.reasons[r].at);
        }
        if (report.reason_count != wanted || report.verdict != sample->verdict || report.stage != sample->stage)
            fail_msg("%s: %s, %s, with %zu reasons (first: %s)", sample->name, verdict_name(report.verdict),
                     verdict_stage_name(report.stage), report.reason_count,
                     report.reason_count > 0 ? report.reasons[0].at : "none");
    }
    catalog_free(catalog);
    arena_free(arena);
}

/* Another doubt never makes a yes of a no: every sample that is not ready stays so with each other one's rows added. */
static void no_further_row_makes_it_ready(void **state) {
    struct arena *arena = arena_new(0);
    struct catalog *catalog = catalog_builtin();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        for (size_t k = 0; k < ARRAY_LEN(samples); k++) {
            struct sample both = samples[i];
            struct verdict_report report;
            if (samples[i].verdict != VERDICT_NOT_READY || samples[k].rows[0].type == NULL)
                continue;
            both.rows[2] = samples[k].rows[0];
            both.rows[2].type = "SyncFailed";
            both.rows[2].unreplaced = 0;
            if (both.rows[1].type == NULL)
                both.rows[1] = (struct given_row){.type = "SyncCompleted", .rules = 5, .paired = 5, .events = 5};
            judge(arena, catalog, &both, &report);
            if (report.verdict != VERDICT_NOT_READY)
                fail_msg("%s and %s are %s", samples[i].name, samples[k].name, verdict_name(report.verdict));
        }
    catalog_free(catalog);
    arena_free(arena);
}

static void the_question_is_another_one_without_legacy(void **state) {
    struct arena *arena = arena_new(0);
    struct catalog *catalog = catalog_builtin();
    struct verdict_report report;
    (void)state;
    judge(arena, catalog, &(struct sample){.flags = {.legacy_off = true}}, &report);
    assert_true(str_starts_with(report.question, STR("Legacy is off")));
    judge(arena, catalog, &(struct sample){.name = ""}, &report);
    assert_true(str_eq(report.question, STR("May legacy be switched off?")));
    catalog_free(catalog);
    arena_free(arena);
}

/* (fault 1.9) */
static void what_parity_ignore_names_is_checked(void **state) {
    static const struct {
        const char *name, *wrong; /* NULL: it is right */
    } cases[] = {
        {"SyncStarted", NULL},
        {"sync started", NULL},
        {"AccountCategoriesUpdated", NULL},
        {"unrecognised", NULL},
        {PUSH ":other", NULL},
        {"CurrentAssetsCurrentLiabilitiesRatio(>,0)", NULL},
        {"SyncStartd", "did you mean \"SyncStarted\"?"},
        {"NoSuchThing", "is no rule type that the catalogue lists"},
        {PUSH, "is replaced by an event, so ignoring it has no effect"},
        {"Data sync completed", "\"" COMPLETED "\" is replaced by an event"},
        {"SyncStarted:other", "nothing replaces this type"},
        {"SyncStartd:other", "did you mean \"SyncStarted\"?"},
        {"unrecognized", "did you mean \"unrecognised\"?"},
    };
    struct arena *arena = arena_new(0);
    struct catalog *catalog = catalog_builtin();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *wrong = verdict_check_ignored(arena, catalog, str_of(cases[i].name));
        if ((wrong == NULL) != (cases[i].wrong == NULL) || (wrong != NULL && strstr(wrong, cases[i].wrong) == NULL))
            fail_msg("%s: %s", cases[i].name, wrong == NULL ? "nothing wrong" : wrong);
    }
    catalog_free(catalog);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_verdict_is_a_function_of_the_evidence),
        cmocka_unit_test(no_further_row_makes_it_ready),
        cmocka_unit_test(the_question_is_another_one_without_legacy),
        cmocka_unit_test(what_parity_ignore_names_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
