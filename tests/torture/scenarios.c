#include "tests/torture/scenarios.h"

#include "tests/model/must.h"

#include <sqlite3.h>
#include <stdio.h>

enum { SWEEP_MS = 60, REFUSING_MS = 60 };
#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* ---- letters ---- */

static int push_rule(struct stage *stage, int occurrence, int after) {
    return stage_add(stage, GENERATION_RULE, occurrence, after,
                     "{\"AlertId\":\"alert-%d\",\"RuleType\":\"Push Operation Status Changed()\",\"RuleId\":\"r\","
                     "\"CompanyId\":\"company\",\"DataConnectionId\":\"connection\",\"Message\":\"m\","
                     "\"Data\":{\"dataType\":\"invoices\",\"status\":\"Success\",\"pushOperationKey\":\"push-%d\"}}",
                     occurrence, occurrence);
}

static int push_event(struct stage *stage, int occurrence, int after) {
    return stage_add(stage, GENERATION_EVENT, occurrence, after,
                     "{\"id\":\"event-%d\",\"eventType\":\"invoices.write.successful\",\"payload\":{\"id\":\"push-%d\","
                     "\"type\":\"invoices\",\"referenceCompany\":{\"id\":\"company\"},\"connectionId\":\"connection\","
                     "\"status\":\"Success\"}}",
                     occurrence, occurrence);
}

static int read_rule(struct stage *stage, int occurrence, int after) {
    return stage_add(stage, GENERATION_RULE, occurrence, after,
                     "{\"AlertId\":\"alert-%d\",\"RuleType\":\"Data sync completed\",\"RuleId\":\"r\","
                     "\"CompanyId\":\"company-%d\",\"DataConnectionId\":\"connection\",\"Message\":\"m\","
                     "\"Data\":{\"dataType\":\"invoices\",\"datasetId\":\"d\"}}",
                     occurrence, occurrence);
}

static int read_event(struct stage *stage, int occurrence, int after) {
    static const char element[] =
        "{\"connectionId\":\"connection\",\"dataType\":\"%s\",\"recordsModified\":false,\"status\":\"Complete\"}";
    char invoices[160], bills[160];
    snprintf(invoices, sizeof invoices, element, "invoices");
    snprintf(bills, sizeof bills, element, "bills");
    return stage_add(stage, GENERATION_EVENT, occurrence, after,
                     "{\"id\":\"event-%d\",\"eventType\":\"read.completed\",\"payload\":{"
                     "\"referenceCompany\":{\"id\":\"company-%d\"},\"dataTypes\":[%s,%s]}}",
                     occurrence, occurrence, invoices, bills);
}

/* ---- consumers ---- */

int answer_well(struct stage *stage, enum endpoint endpoint, const struct letter *letter) {
    (void)stage, (void)endpoint, (void)letter;
    return 200;
}

static int fail_first(struct stage *stage, enum endpoint endpoint, const struct letter *letter) {
    (void)stage;
    return letter->attempts[endpoint] == 1 ? 500 : 200;
}

static int legacy_is_gone(struct stage *stage, enum endpoint endpoint, const struct letter *letter) {
    (void)stage, (void)letter;
    return endpoint == ENDPOINT_LEGACY ? 410 : 200;
}

/* ---- plays ---- */

static bool is_quiet(struct stage *stage) {
    return stage_all_acked(stage) && stage_all_handled(stage);
}

static void play_once(struct stage *stage) {
    if (stage_start(stage))
        (void)stage_until(stage, is_quiet, stage->patience_ms);
}

static void prepare_pairs(struct stage *stage) {
    push_event(stage, 1, push_rule(stage, 1, NO_LETTER));
    push_rule(stage, 2, push_event(stage, 2, NO_LETTER));
    push_rule(stage, 3, NO_LETTER);
    push_event(stage, 4, NO_LETTER);
}

static void prepare_delivered(struct stage *stage) {
    stage_set(stage, "acknowledge=delivered");
    prepare_pairs(stage);
}

static void prepare_rules(struct stage *stage) {
    for (int i = 1; i <= 3; i++)
        push_rule(stage, i, NO_LETTER);
    push_event(stage, 4, NO_LETTER);
}

static void prepare_takeover(struct stage *stage) {
    for (int i = 1; i <= 2; i++)
        push_event(stage, i, push_rule(stage, i, NO_LETTER));
}

static void prepare_trim(struct stage *stage) {
    stage_set(stage, "endpoints.new.secrets=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    for (int i = 1; i <= 2; i++)
        read_event(stage, i, read_rule(stage, i, NO_LETTER));
}

/* An event waits, parked, for its consumer to be switched on; a rule for its own. */
static void prepare_flags(struct stage *stage) {
    stage_write_flags(stage, true, false);
    push_event(stage, 1, NO_LETTER);
    push_rule(stage, 2, NO_LETTER);
    push_event(stage, 3, push_rule(stage, 3, NO_LETTER));
}

static void play_flags(struct stage *stage) {
    if (!stage_start(stage) || !stage_until(stage, stage_all_acked, stage->patience_ms))
        return;
    stage_write_flags(stage, true, true);
    (void)stage_until(stage, is_quiet, stage->patience_ms);
}

static void play_restart(struct stage *stage) {
    play_once(stage);
    if (stage->pid > 0 && stage_stop(stage) && stage_start(stage))
        (void)stage_until(stage, is_quiet, stage->patience_ms);
}

static bool never(struct stage *stage) {
    (void)stage;
    return false;
}

/* Sixteen days later: bodies and messages go. */
static void play_retention(struct stage *stage) {
    play_once(stage);
    if (stage->pid == 0 || !stage_stop(stage))
        return;
    stage->clock_shift_ms = 16 * DAY_MS;
    if (stage_start(stage))
        (void)stage_until(stage, never, SWEEP_MS);
}

static bool all_are_replayed(struct stage *stage) {
    for (int i = 0; i < stage->letter_count; i++)
        if (stage->letters[i].delivered[ENDPOINT_LEGACY] + stage->letters[i].delivered[ENDPOINT_NEW] < 2)
            return false;
    return true;
}

static void play_replay(struct stage *stage) {
    play_once(stage);
    if (stage->pid == 0)
        return;
    stage_post(stage, "/api/replay?state=delivered");
    (void)stage_until(stage, all_are_replayed, stage->patience_ms);
}

/* The store's files are removed underneath; then an event comes that has to wait for its consumer, and so for the next
 * life: it must not be answered 2xx by a process whose store nobody will find again. */
static void play_removed(struct stage *stage) {
    stage->is_sending = false;
    if (!stage_start(stage))
        return;
    stage_remove_store(stage);
    stage->is_sending = true;
    (void)stage_until(stage, stage_all_acked, REFUSING_MS);
}

static void prepare_parked(struct stage *stage) {
    stage_write_flags(stage, true, false);
    push_event(stage, 1, NO_LETTER);
}

/* Another process has the store: this one ends, and says why. */
static void play_busy(struct stage *stage) {
    play_once(stage);
    if (stage->pid == 0 || !stage_stop(stage))
        return;
    sqlite3 *other;
    MUST(sqlite3_open(stage->store_path, &other) == SQLITE_OK);
    MUST(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK);
    MUST(!stage_start(stage));
    sqlite3_close(other);
}

const struct scenario scenarios[] = {
    {"admit", prepare_pairs, answer_well, play_once, 0, 0, false, false},
    {"deliver", prepare_delivered, answer_well, play_once, 0, 0, false, false},
    {"retry", prepare_rules, fail_first, play_once, 0, 0, false, false},
    {"takeover", prepare_takeover, legacy_is_gone, play_once, 0, 0, false, false},
    {"trim", prepare_trim, answer_well, play_once, 0, 0, true, false},
    {"flags", prepare_flags, answer_well, play_flags, 0, 0, false, true},
    {"restart", prepare_pairs, answer_well, play_restart, 0, 0, false, false},
    {"retention", prepare_rules, answer_well, play_retention, 16 * DAY_MS, 0, false, false},
    {"replay", prepare_rules, answer_well, play_replay, 0, 4, false, false},
    {"removed", prepare_parked, answer_well, play_removed, 0, 0, false, false},
    {"busy", prepare_pairs, answer_well, play_busy, 0, 0, false, false},
};
const size_t scenario_count = ARRAY_LEN(scenarios);
