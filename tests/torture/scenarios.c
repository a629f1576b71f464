#include "tests/torture/scenarios.h"

#include "proxy/decide/signature.h"
#include "proxy/flow/health.h"
#include "tests/model/must.h"
#include "tests/torture/certificate.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>

enum { SWEEP_MS = 60, REFUSING_MS = 60, DOWN_FOR = FAILURES_UNTIL_DOWN + 5, PROBED_MS = 15000 };
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

static int attempts_at(const struct stage *stage, enum endpoint endpoint) {
    int attempts = 0;
    for (int i = 0; i < stage->letter_count; i++)
        attempts += stage->letters[i].attempts[endpoint];
    return attempts;
}

/* For longer than it takes to be thought of as down. */
static int legacy_comes_up(struct stage *stage, enum endpoint endpoint, const struct letter *letter) {
    (void)letter;
    return endpoint == ENDPOINT_LEGACY && attempts_at(stage, endpoint) <= DOWN_FOR ? 500 : 200;
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

static bool is_probed(struct stage *stage) {
    return attempts_at(stage, ENDPOINT_LEGACY) > FAILURES_UNTIL_DOWN;
}

/* The clock goes back while a consumer that is down is probed: probes and retries do not wait for it to come again. */
static void play_set_back(struct stage *stage) {
    bool must_go_well = stage->plan->orders[0].name == NULL;
    if (!stage_start(stage))
        return;
    bool goes_well = stage_until(stage, is_probed, stage->patience_ms);
    stage_set_clock_back(stage);
    goes_well = stage_until(stage, is_quiet, must_go_well ? PROBED_MS : stage->patience_ms) && goes_well;
    MUST(goes_well || !must_go_well);
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

/* Each generation with its secret, of which rules change to the next one; what is delivered is signed anew. */
static void prepare_verify(struct stage *stage) {
    static const char event_secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                      rule_secret[] = "whsec_YW4gdW5odXJyaWVkIGtleSBvZiAyNCBi";
    stage_set(stage, "verify.event_secrets=%s", event_secret);
    stage_set(stage, "verify.rule_secrets=%s,%s", event_secret, rule_secret);
    stage_set(stage, "endpoints.new.secrets=%s", rule_secret);
    MUST(signature_key_new(str_of(event_secret), &stage->signs[GENERATION_EVENT], NULL) == ERR_NONE);
    MUST(signature_key_new(str_of(rule_secret), &stage->signs[GENERATION_RULE], NULL) == ERR_NONE);
    prepare_pairs(stage);
}

/* A life with TLS, of which senders that speak none get nothing; its certificate is loaded once more. */
static void prepare_certificate(struct stage *stage) {
    char cert[96], key[96];
    snprintf(cert, sizeof cert, "%s/cert.pem", stage->folder);
    snprintf(key, sizeof key, "%s/key.pem", stage->folder);
    certificate_write(cert, key);
    stage_set(stage, "listen.tls.cert=%s", cert);
    stage_set(stage, "listen.tls.key=%s", key);
    prepare_pairs(stage);
}

static bool some_were_refused(struct stage *stage) {
    return stage->letters[0].refused > 1;
}

static bool was_told_of_twice(struct stage *stage, const char *fact) {
    struct str log = str_from(strbuf_str(&stage->log), stage->log_from);
    ptrdiff_t at = str_find(log, str_of(fact));
    return at >= 0 && str_find(str_from(log, (size_t)at + 1), str_of(fact)) >= 0;
}

static bool was_reloaded(struct stage *stage) {
    return was_told_of_twice(stage, "certificate loaded");
}

static void play_certificate(struct stage *stage) {
    if (stage_start(stage)) {
        (void)stage_until(stage, some_were_refused, stage->patience_ms);
        for (int i = 0; i < 2 && stage->pid > 0; i++) {
            kill(stage->pid, SIGHUP);
            (void)stage_until(stage, was_reloaded, stage->patience_ms / 4);
        }
    }
    stage_unset(stage, "listen.tls.");
}

static bool nobody_asks(struct stage *stage) {
    for (int i = 0; i < PEERS_MAX; i++)
        if (stage->peers[i].fd >= 0 && stage->peers[i].is_sender)
            return false;
    return true;
}

/* All that the private port tells of. */
static void play_admin(struct stage *stage) {
    static const char *const targets[] = {"/healthz",    "/readyz",     "/metrics",
                                          "/",           "/api/status", "/api/flags",
                                          "/api/parity", "/api/access", "/api/messages?limit=2&type=read.completed"};
    play_once(stage);
    for (size_t i = 0; i < ARRAY_LEN(targets) && stage->pid > 0; i++)
        stage_get(stage, targets[i]);
    (void)stage_until(stage, nobody_asks, stage->patience_ms);
    if (stage->pid > 0)
        stage_post(stage, "/api/replay?state=parked");
    (void)stage_until(stage, nobody_asks, stage->patience_ms);
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
    {"verify", prepare_verify, answer_well, play_once, 0, 0, false, false},
    {"certificate", prepare_certificate, answer_well, play_certificate, 0, 0, false, false},
    {"admin", prepare_pairs, answer_well, play_admin, 0, 0, false, false},
    {"set back", prepare_rules, legacy_comes_up, play_set_back, 0, 0, false, false},
    {"busy", prepare_pairs, answer_well, play_busy, 0, 0, false, false},
};
const size_t scenario_count = ARRAY_LEN(scenarios);
