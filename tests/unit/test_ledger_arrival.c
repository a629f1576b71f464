/* What becomes of a message when it arrives, on both stores. Sections are those of the pairing rules: 1 words, 2 facts,
 * 3 on arrival. */
#include "tests/unit/ledger_fixture.h"

#include <string.h>

/* 3: the table, cell by cell; park_for of 0 makes a third column of the second one.
 * (pairing 3.3a, 3.3b, 3.3c, 3.3d, 3.3e, 3.3f) */
static void each_cell_of_the_table(void **state) {
    static const struct {
        const char *rules; /* arrive first, and are handled */
        bool own_on, parks;
        enum admit_outcome outcome;
        enum state state;
    } cells[] = {
        {"a b", true, true, ADMIT_SUPPRESSED, STATE_SUPPRESSED},
        {"a b", false, true, ADMIT_SUPPRESSED, STATE_SUPPRESSED},
        {"a b", false, false, ADMIT_SUPPRESSED, STATE_SUPPRESSED},
        {"a", true, true, ADMIT_PARTIAL, STATE_PENDING},
        {"a", false, true, ADMIT_PARKED, STATE_PARKED},
        {"a", false, false, ADMIT_PARKED, STATE_EXPIRED},
        {"other", true, true, ADMIT_ACCEPTED, STATE_PENDING},
        {"other", false, true, ADMIT_PARKED, STATE_PARKED},
        {"other", false, false, ADMIT_PARKED, STATE_EXPIRED},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
        world->policy.park_for_ms = cells[i].parks ? DAY_MS : 0;
        world_reopen(world);
        switch_flags(world, true, cells[i].own_on);
        advance(world, HOUR_MS_); /* apart from what the cell before has left in the file */
        struct str name, rest = str_of(cells[i].rules);
        while (str_next(&rest, ' ', &name))
            alert(world, arena_str(world->arena, name).at);
        uint64_t id = reads(world, "a b");
        assert_int_equal(world->admission.outcome, cells[i].outcome);
        assert_int_equal(world->admission.state, cells[i].state);
        assert_false(world->admission.leased);
        assert_state(world, id, cells[i].state);
        int64_t due = cells[i].state == STATE_PENDING  ? world->now_ms
                      : cells[i].state == STATE_PARKED ? world->now_ms + DAY_MS
                                                       : DUE_NEVER;
        assert_int_equal(story_of(world, id).record.due_ms, due);
    }
}

/* 3.2: "An item is covered when its twin is handled": not by one that is parked. (pairing 1.11, 3.2) */
static void a_twin_that_is_not_handled_covers_nothing(void **state) {
    struct world *world = *state;
    switch_flags(world, false, true);
    uint64_t rule = alert(world, "a");
    assert_state(world, rule, STATE_PARKED);
    uint64_t event = reads(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_state(world, event, STATE_PENDING);
    assert_state(world, rule, STATE_SUPPRESSED); /* 3.4 */
}

/* 3.2: a suppressed message names its twins. (pairing 3.3g) */
static void a_suppressed_message_names_its_twins(void **state) {
    struct world *world = *state;
    uint64_t first = alert(world, "a"), second = alert(world, "b"), event = reads(world, "a b");
    struct story story = story_of(world, event);
    assert_int_equal(story.record.state, STATE_SUPPRESSED);
    assert_int_equal(story.twin_count, 2);
    assert_int_equal(story.twins[0].rule, first);
    assert_int_equal(story.twins[0].item, 0);
    assert_int_equal(story.twins[1].rule, second);
    assert_int_equal(story.twins[1].item, 1);
    assert_int_equal(story.twin_records[1].id, second);
    assert_non_null(strstr(story.record.admission.at, "\"verdict\":\"twin\""));
    assert_non_null(strstr(story.record.admission.at, "\"own_flag\":\"new is on\""));
}

/* 1: "the webhook-id header [...] where there is one, else AlertId or id from the body, else none"
 * (pairing 1.2, 1.3, 1.4, 1.5, 3.8d) */
static void the_identity_is_the_header_else_the_id_in_the_body(void **state) {
    static const struct {
        const char *shows;
        struct telling first, second;
        bool is_duplicate;
    } cases[] = {
        {"same webhook-id", {.webhook_id = "m1"}, {.webhook_id = "m1"}, true},
        {"same webhook-id, other body id",
         {.webhook_id = "m2", .body_id = "1"},
         {.webhook_id = "m2", .body_id = "2"},
         true},
        {"the send-example button: same body id, fresh webhook-id",
         {.webhook_id = "m3", .body_id = "3"},
         {.webhook_id = "m4", .body_id = "3"},
         false},
        {"same body id, no header", {.no_id = true, .body_id = "ab4"}, {.no_id = true, .body_id = "AB4"}, true},
        {"one with header, one without", {.webhook_id = "m5", .body_id = "5"}, {.no_id = true, .body_id = "5"}, true},
        {"one without header, one with",
         {.no_id = true, .body_id = "5a"},
         {.webhook_id = "m5a", .body_id = "5A"},
         true},
        {"one with header, one without, other facts",
         {.webhook_id = "m5b", .body_id = "5b", .items = {"x:write/5/successful"}},
         {.no_id = true, .body_id = "5b", .items = {"x:write/6/successful"}},
         false},
        {"same webhook-id, other facts",
         {.webhook_id = "m5c", .items = {"x:write/7/successful"}},
         {.webhook_id = "m5c", .items = {"x:write/8/successful"}},
         false},
        {"same body id, other facts",
         {.no_id = true, .body_id = "5d", .items = {"w:read/1/completed"}},
         {.no_id = true, .body_id = "5d", .items = {"w:read/2/completed"}},
         false},
        {"same body id, other type",
         {.no_id = true, .body_id = "5e", .type = "SyncStarted"},
         {.no_id = true, .body_id = "5e", .type = "AccountCategoriesUpdated"},
         false},
        {"same body id, other RuleId",
         {.no_id = true, .body_id = "5f", .rule_id = "r1"},
         {.no_id = true, .body_id = "5f", .rule_id = "r2"},
         false},
        {"placeholders are no ids", {.no_id = true, .body_id = "-"}, {.no_id = true, .body_id = "-"}, false},
        {"a placeholder in the header: the body's id",
         {.webhook_id = "-", .body_id = "5g"},
         {.no_id = true, .body_id = "5g"},
         true},
        {"webhook-ids are compared as they are", {.webhook_id = "m6"}, {.webhook_id = "M6"}, false},
        {"none at all", {.no_id = true}, {.no_id = true}, false},
        {"identities are compared within one generation",
         {.webhook_id = "m7"},
         {.webhook_id = "m7", .generation = GENERATION_EVENT},
         false},
        {"no known shape: by webhook-id",
         {.unknown = true, .webhook_id = "m8"},
         {.unknown = true, .webhook_id = "m8"},
         true},
        {"no known shape: by webhook-id alone",
         {.unknown = true, .no_id = true, .body_id = "9"},
         {.unknown = true, .no_id = true, .body_id = "9"},
         false},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t first = tell(world, cases[i].first);
        uint64_t second = tell(world, cases[i].second);
        if ((world->admission.outcome == ADMIT_DUPLICATE) != cases[i].is_duplicate)
            fail_msg("%s: %s", cases[i].shows, cases[i].is_duplicate ? "taken as new" : "taken as a duplicate");
        assert_int_equal(first == second, cases[i].is_duplicate);
    }
}

/* 3.1: "Same identity seen in this generation within retention": an identity that is older is new again.
 * (pairing 3.1) */
static void an_identity_is_remembered_for_the_retention(void **state) {
    struct world *world = *state;
    uint64_t first = TELL(world, .webhook_id = "old");
    advance(world, 16 * DAY_MS); /* what is open does not age */
    assert_int_equal(TELL(world, .webhook_id = "old"), first);
    assert_int_equal(world->admission.outcome, ADMIT_DUPLICATE);
    assert_int_equal(world->admission.state, STATE_PENDING);
    attempt(world, first, ATTEMPT_DELIVERED);
    advance(world, 15 * DAY_MS);
    assert_int_equal(TELL(world, .webhook_id = "old"), first);
    assert_int_equal(world->admission.outcome, ADMIT_DUPLICATE);
    assert_string_equal(why(world, first), "repeated by its sender");
    advance(world, 1);
    assert_int_not_equal(TELL(world, .webhook_id = "old"), first);
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 3.1: a duplicate is answered 200, so the first one, whose sender was promised nothing, must not be forgotten. */
static void a_duplicate_promises_what_the_first_one_did_not(void **state) {
    struct world *world = *state;
    uint64_t first = TELL(world, .webhook_id = "m", .lease = true, .waits = true);
    assert_int_equal(story_of(world, first).record.marks & RECORD_PROMISED, 0);
    TELL(world, .webhook_id = "m", .lease = true, .waits = true);
    assert_int_equal(world->admission.outcome, ADMIT_DUPLICATE);
    assert_false(world->admission.leased);
    assert_int_not_equal(story_of(world, first).record.marks & RECORD_PROMISED, 0);
    TELL(world, .webhook_id = "m");
    attempt(world, first, ATTEMPT_FAILED);
    assert_false(world->settlement.forgotten);
    assert_state(world, first, STATE_PENDING);
}

/* 2, exact: however far apart, within retention; a timed-out push raises two rules for one event.
 * (pairing 2.13, 2.14) */
static void exact_facts_make_twins_of_all_that_state_them(void **state) {
    struct world *world = *state;
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .type = "invoices.write.unsuccessful",
                          .items = {"x:write/k1/unsuccessful"});
    advance(world, 14 * DAY_MS);
    uint64_t changed = TELL(world, .type = "PushOperationStatusChanged", .items = {"x:write/k1/unsuccessful"});
    uint64_t timed_out = TELL(world, .type = "PushOperationTimedOut", .items = {"x:write/k1/unsuccessful"});
    assert_state(world, changed, STATE_SUPPRESSED);
    assert_state(world, timed_out, STATE_SUPPRESSED);
    assert_int_equal(story_of(world, event).twin_count, 2);
    TELL(world, .type = "PushOperationStatusChanged", .items = {"x:write/k1/successful"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 2: within retention; what is older states nothing any more. (pairing 2.13) */
static void facts_past_the_retention_state_nothing(void **state) {
    struct world *world = *state;
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k1/successful"});
    attempt(world, event, ATTEMPT_DELIVERED);
    advance(world, 15 * DAY_MS + 1);
    TELL(world, .items = {"x:write/k1/successful"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 2, window: "at most pairing.window apart, by generatedDate for events [...] and by arrival for rules"
 * (pairing 2.15, 2.16) */
static void windowed_facts_must_be_near_in_time(void **state) {
    struct world *world = *state;
    alert(world, "a");
    advance(world, 10 * MINUTE_MS_);
    reads(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    alert(world, "b");
    advance(world, 10 * MINUTE_MS_ + 1);
    uint64_t late = reads(world, "b");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_non_null(strstr(story_of(world, late).record.admission.at, "near miss"));
    alert(world, "b2");
    advance(world, 40 * MINUTE_MS_ + 1);
    late = reads(world, "b2");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_non_null(strstr(story_of(world, late).record.admission.at, "too far apart in time"));
    alert(world, "c");
    advance(world, HOUR_MS_);
    struct telling told = reads_telling(world, "c");
    told.happened_ms = world->now_ms - HOUR_MS_;
    tell(world, told);
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* 2, window: one-to-one; "a second, real occurrence inside the window is never swallowed" (pairing 2.20) */
static void a_second_occurrence_in_the_window_is_not_swallowed(void **state) {
    struct world *world = *state;
    alert(world, "a");
    advance(world, SECOND_MS);
    assert_int_equal(reads(world, "a") != 0, true);
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    advance(world, SECOND_MS);
    uint64_t again = reads(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    assert_non_null(strstr(story_of(world, again).record.admission.at, "has its twin already"));
    advance(world, SECOND_MS);
    alert(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED); /* the second alert's twin is the second event */
    advance(world, SECOND_MS);
    alert(world, "a");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 2, window: "at most one rule per (rule type, RuleId)": one event serves an alert of each rule. (pairing 2.17) */
static void two_rules_of_one_type_are_twins_of_one_event(void **state) {
    struct world *world = *state;
    reads(world, "a");
    TELL(world, .rule_id = "rule-1", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    TELL(world, .rule_id = "rule-2", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    TELL(world, .rule_id = "rule-2", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    TELL(world, .type = "DatasetDataChanged", .rule_id = "rule-2", .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* 2: "Ids are compared without regard to letter case"; "an item may carry several facts, any of which identifies it"
 * (pairing 1.9, 2.11) */
static void any_fact_of_an_item_identifies_it(void **state) {
    struct world *world = *state;
    TELL(world, .generation = GENERATION_EVENT,
         .items = {"connection/C1/deleted connection-deleted/COMPANY x:same-id/Z"});
    TELL(world, .type = "SyncConnectionDeleted", .items = {"connection-deleted/company"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    TELL(world, .type = "DataConnectionStatusChanged", .items = {"connection/c1/deleted x:same-id/z"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    TELL(world, .type = "Another", .items = {"x:same-id/z"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    TELL(world, .type = "Another", .items = {"x:same-id/y"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* 1: twins are two messages of different generations: two of one generation tell of two occurrences, whatever they
 * share. (pairing 1.10) */
static void one_generation_has_no_twins(void **state) {
    static const struct telling both[] = {
        {.generation = GENERATION_RULE, .items = {"read/a"}},
        {.generation = GENERATION_EVENT, .items = {"read/b"}},
        {.generation = GENERATION_RULE, .items = {"x:write/k1/successful"}},
        {.generation = GENERATION_EVENT, .items = {"x:write/k2/successful"}},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        tell(world, both[i]);
        uint64_t second = tell(world, both[i]);
        assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
        assert_int_equal(story_of(world, second).twin_count, 0);
    }
}

/* 2: a windowed fact that two share, and an exact one besides: they are twins once, and exactly. (pairing 1.9) */
static void of_several_shared_facts_the_exact_one_counts(void **state) {
    struct world *world = *state;
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"rate-limit/reset x:same-id/1"});
    advance(world, HOUR_MS_);
    TELL(world, .items = {"rate-limit/reset x:same-id/1"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    assert_int_equal(story_of(world, event).twin_count, 1);
    uint64_t other = TELL(world, .items = {"x:same-id/2 rate-limit/reset"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:same-id/2 rate-limit/reset"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    assert_non_null(strstr(story_of(world, other).record.admission.at, "\"covered\":0"));
}

/* 2: "A type with no row has no fact and never has a twin." 3: neither has a message in no known shape.
 * (pairing 2.12, 3.8c) */
static void without_facts_there_is_no_twin(void **state) {
    struct world *world = *state;
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    TELL(world, .generation = GENERATION_EVENT, .no_counterpart = true, .endpoint = ENDPOINT_NEW,
         .type = "company.created");
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    alert(world, "a");
    TELL(world, .unknown = true, .items = {"read/a"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
    TELL(world, .generation = GENERATION_EVENT, .items = {"read/b"});
    TELL(world, .items = {"read/b"});
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
}

/* 3: "A type the vendor never replaced can be given to the other endpoint", under that side's flag. (pairing 3.9) */
static void a_message_without_counterpart_is_under_the_flag_of_its_endpoint(void **state) {
    struct world *world = *state;
    switch_flags(world, true, false);
    uint64_t assigned =
        TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_NEW, .type = "AccountCategoriesUpdated");
    assert_state(world, assigned, STATE_PARKED);
    switch_flags(world, false, true);
    assert_state(world, assigned, STATE_PENDING);
    assert_int_equal(story_of(world, assigned).record.endpoint, ENDPOINT_NEW);
    uint64_t odd = TELL(world, .unknown = true);
    assert_state(world, odd, STATE_PARKED);
}

/* Beyond store limits nothing is written: the sender is told to come again. */
static void a_full_backlog_refuses_what_would_wait(void **state) {
    struct world *world = *state;
    world->policy.backlog_max = 2;
    world_reopen(world);
    uint64_t rule = alert(world, "a");
    alert(world, "b");
    TELL(world, .webhook_id = "again", .items = {"read/c"});
    assert_int_equal(world->admission.outcome, ADMIT_REFUSED);
    assert_int_equal(world->admission.id, 0);
    reads(world, "a"); /* waits for nothing */
    assert_int_equal(world->admission.outcome, ADMIT_SUPPRESSED);
    attempt(world, rule, ATTEMPT_DELIVERED);
    TELL(world, .webhook_id = "again", .items = {"read/c"});
    assert_int_equal(world->admission.outcome, ADMIT_ACCEPTED);
}

/* The worker that admits may begin at once, where it has room. */
static void the_first_attempt_is_leased_to_whom_admits(void **state) {
    struct world *world = *state;
    uint64_t id = TELL(world, .lease = true);
    struct lease leases[2];
    assert_true(world->admission.leased);
    assert_true(story_of(world, id).leased);
    assert_int_equal(ledger_next_due(world->ledger, ENDPOINT_LEGACY), DUE_NEVER);
    assert_int_equal(lease(world, ENDPOINT_LEGACY, 2, leases), 0);
    switch_flags(world, false, true);
    TELL(world, .lease = true);
    assert_int_equal(world->admission.outcome, ADMIT_PARKED);
    assert_false(world->admission.leased);
}

/* Ids go up, whatever the clock does. */
static void ids_go_up_when_the_clock_goes_back(void **state) {
    struct world *world = *state;
    uint64_t first = alert(world, "a");
    uint64_t second = alert(world, "a");
    advance(world, -HOUR_MS_);
    uint64_t third = alert(world, "a");
    assert_true(first < second && second < third);
}

/* More candidates than are told of, and more than a list of them begins with. */
static void an_event_has_as_many_twins_as_rules_state_its_fact(void **state) {
    enum { RULES = 60 };
    struct world *world = *state;
    switch_flags(world, false, true);
    uint64_t rules[RULES];
    for (int i = 0; i < RULES; i++)
        rules[i] = TELL(world, .items = {"x:write/k/successful"});
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k/successful"});
    assert_int_equal(story_of(world, event).twin_count, RULES);
    for (int i = 0; i < RULES; i++)
        assert_state(world, rules[i], STATE_SUPPRESSED);
    struct ledger_stats stats;
    ledger_stats(world->ledger, &stats);
    assert_int_equal(stats.twins, RULES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(each_cell_of_the_table),
        ON_BOTH(a_twin_that_is_not_handled_covers_nothing),
        ON_BOTH(a_suppressed_message_names_its_twins),
        ON_BOTH(the_identity_is_the_header_else_the_id_in_the_body),
        ON_BOTH(an_identity_is_remembered_for_the_retention),
        ON_BOTH(a_duplicate_promises_what_the_first_one_did_not),
        ON_BOTH(exact_facts_make_twins_of_all_that_state_them),
        ON_BOTH(facts_past_the_retention_state_nothing),
        ON_BOTH(windowed_facts_must_be_near_in_time),
        ON_BOTH(a_second_occurrence_in_the_window_is_not_swallowed),
        ON_BOTH(two_rules_of_one_type_are_twins_of_one_event),
        ON_BOTH(any_fact_of_an_item_identifies_it),
        ON_BOTH(one_generation_has_no_twins),
        ON_BOTH(of_several_shared_facts_the_exact_one_counts),
        ON_BOTH(without_facts_there_is_no_twin),
        ON_BOTH(a_message_without_counterpart_is_under_the_flag_of_its_endpoint),
        ON_BOTH(a_full_backlog_refuses_what_would_wait),
        ON_BOTH(the_first_attempt_is_leased_to_whom_admits),
        ON_BOTH(ids_go_up_when_the_clock_goes_back),
        ON_BOTH(an_event_has_as_many_twins_as_rules_state_its_fact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
