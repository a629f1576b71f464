/* What parity counts, through the ledger, over both stores. */
#include "tests/unit/ledger_fixture.h"

enum { PERIOD_MS = HOUR_MS_ };

static struct parity_report report_since(struct world *world, int64_t since_ms) {
    struct parity_report report;
    OK(ledger_parity(world->ledger, world->arena, since_ms, world->now_ms, &report));
    for (size_t i = 1; i < report.row_count; i++)
        assert_true(str_compare(report.rows[i - 1].type, report.rows[i].type) < 0);
    return report;
}

static struct parity_row row_since(struct world *world, struct str type, int64_t since_ms) {
    struct parity_report report = report_since(world, since_ms);
    for (size_t i = 0; i < report.row_count; i++)
        if (str_eq(report.rows[i].type, type))
            return report.rows[i];
    return (struct parity_row){0};
}

static struct parity_row counted(struct world *world) {
    return row_since(world, STR("DataSyncCompleted"), world->now_ms - PERIOD_MS);
}

static int64_t pairs_in_bins(struct parity_row row) {
    int64_t count = 0;
    for (size_t i = 0; i < PARITY_SKEW_BINS; i++)
        count += row.sum.skew[i];
    return count;
}

#define assert_counts(row, rules_, rules_paired_, events_, events_paired_)                                             \
    do {                                                                                                               \
        assert_int_equal((row).sum.n[PARITY_RULES], rules_);                                                           \
        assert_int_equal((row).sum.n[PARITY_RULES_PAIRED], rules_paired_);                                             \
        assert_int_equal((row).sum.n[PARITY_EVENTS], events_);                                                         \
        assert_int_equal((row).sum.n[PARITY_EVENTS_PAIRED], events_paired_);                                           \
    } while (0)

static void a_pair_is_counted_with_who_came_first_and_how_far_apart(void **state) {
    struct world *world = *state;
    alert(world, "a");
    advance(world, 3000);
    assert_int_equal(world->admission.pair_count, 0);
    reads(world, "a");
    assert_int_equal(world->admission.pair_count, 1);
    assert_true(str_eq(world->admission.pairs[0].type, STR("DataSyncCompleted")));
    assert_int_equal(world->admission.pairs[0].event_ms - world->admission.pairs[0].rule_ms, 3000);
    struct parity_row seen = counted(world);
    assert_counts(seen, 1, 1, 1, 1);
    assert_int_equal(seen.sum.n[PARITY_RULE_FIRST], 1);
    assert_int_equal(seen.sum.n[PARITY_EVENT_FIRST], 0);
    assert_int_equal(seen.sum.skew_max_ms, 3000);
    assert_int_equal(seen.sum.skew[12], 1); /* 2048 to 4095 ms */
    reads(world, "b");
    advance(world, 10);
    alert(world, "b");
    seen = counted(world);
    assert_counts(seen, 2, 2, 2, 2);
    assert_int_equal(seen.sum.n[PARITY_RULE_FIRST], 1);
    assert_int_equal(seen.sum.n[PARITY_EVENT_FIRST], 1);
    assert_int_equal(seen.sum.skew[4], 1);
    assert_int_equal(pairs_in_bins(seen), 2);
    assert_int_equal(seen.rules_waiting + seen.events_waiting, 0);
}

/* One event of five data types is one event, whichever side comes first. */
static void an_event_is_paired_once_by_each_rule_type(void **state) {
    struct world *world = *state;
    reads(world, "a b c");
    alert(world, "a");
    alert(world, "b");
    alert(world, "c");
    assert_counts(counted(world), 3, 3, 1, 1);
    alert(world, "d");
    alert(world, "e");
    reads(world, "d e");
    assert_counts(counted(world), 5, 5, 2, 2);
    assert_int_equal(counted(world).sum.n[PARITY_RULE_FIRST], 2);
    assert_int_equal(counted(world).sum.n[PARITY_EVENT_FIRST], 3);
}

/* Two rules of one type with different RuleId, and alerts of two types, for one event. */
static void rules_of_several_groups_pair_an_event_once_by_type(void **state) {
    struct world *world = *state;
    reads(world, "a");
    TELL(world, .rule_id = "1", .items = {"read/a"});
    TELL(world, .rule_id = "2", .items = {"read/a"});
    TELL(world, .type = "DatasetDataChanged", .rule_id = "1", .items = {"read/a"});
    TELL(world, .type = "DatasetDataChanged", .rule_id = "3", .items = {"read/a"});
    assert_counts(counted(world), 2, 2, 1, 1);
    struct parity_row other = row_since(world, STR("DatasetDataChanged"), world->now_ms - PERIOD_MS);
    assert_counts(other, 2, 2, 0, 0); /* it replaces no such alerts, and is counted under none */
}

/* A rule with two events that state its exact fact was paired once. */
static void a_rule_is_paired_once(void **state) {
    struct world *world = *state;
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
    TELL(world, .items = {"x:write/k"});
    assert_counts(counted(world), 1, 1, 2, 2);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
    assert_counts(counted(world), 1, 1, 3, 3);
    assert_int_equal(counted(world).sum.n[PARITY_EVENT_FIRST], 2);
    assert_int_equal(counted(world).sum.n[PARITY_RULE_FIRST], 1);
}

/* Two messages are one pair, though they are twins by two items. */
static void twins_by_two_items_are_one_pair(void **state) {
    struct world *world = *state;
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k", "x:write/k"});
    TELL(world, .items = {"x:write/k"});
    assert_counts(counted(world), 1, 1, 1, 1);
    assert_int_equal(pairs_in_bins(counted(world)), 1);
    TELL(world, .items = {"x:write/m"}, .lease = true, .waits = true);
    uint64_t rule = world->admission.id;
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/m", "x:write/m"});
    assert_counts(counted(world), 2, 2, 2, 2);
    attempt(world, rule, ATTEMPT_FAILED);
    assert_counts(counted(world), 1, 1, 2, 1);
    assert_int_equal(pairs_in_bins(counted(world)), 1);
}

/* What is younger than the window may be paired yet; what is older is unpaired, and known by its id. */
static void what_is_older_than_the_window_is_unpaired(void **state) {
    struct world *world = *state;
    uint64_t rule = alert(world, "a");
    reads(world, "b");
    assert_int_equal(counted(world).rules_waiting, 1);
    assert_int_equal(counted(world).events_waiting, 1);
    assert_int_equal(counted(world).last_unpaired, 0);
    int64_t came_ms = world->now_ms;
    advance(world, 10 * MINUTE_MS_);
    assert_int_equal(counted(world).rules_waiting, 1);
    advance(world, 1);
    struct parity_row seen = counted(world);
    assert_int_equal(seen.rules_waiting, 0);
    assert_int_equal(seen.events_waiting, 0);
    assert_int_equal(seen.last_unpaired, rule);
    assert_int_equal(seen.rule_only, 1);
    assert_int_equal(seen.event_only, 1);
    assert_int_equal(seen.unpaired_since_ms, came_ms);
    assert_counts(seen, 1, 0, 1, 0);
    assert_int_equal(row_since(world, STR("DataSyncCompleted"), came_ms + MINUTE_MS_).last_unpaired, 0);
}

/* Twins by an exact fact can come later than that. */
static void what_is_paired_late_is_unpaired_no_more(void **state) {
    struct world *world = *state;
    uint64_t first = TELL(world, .items = {"x:write/1"}), second = TELL(world, .items = {"x:write/2"});
    advance(world, 20 * MINUTE_MS_);
    assert_int_equal(counted(world).last_unpaired, second);
    assert_int_equal(counted(world).rule_only, 2);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/2"});
    struct parity_row seen = counted(world);
    assert_int_equal(seen.last_unpaired, first);
    assert_int_equal(seen.rule_only, 1);
    assert_counts(seen, 2, 1, 1, 1);
}

/* The first one and the last one, whether they are in the bucket of the edge or in buckets long merged. */
static void the_first_and_the_last_unpaired_are_told(void **state) {
    struct world *world = *state;
    int64_t first_ms = world->now_ms;
    uint64_t first = alert(world, "a"), last = first;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(counted(world).rule_only, i == 0 ? 0 : i + 1);
        advance(world, 7 * SECOND_MS);
        last = alert(world, "b");
        alert(world, "c");
        reads(world, "c");
        advance(world, 10 * MINUTE_MS_ + 1);
        struct parity_row seen = counted(world);
        assert_int_equal(seen.rule_only, i + 2);
        assert_int_equal(seen.last_unpaired, last);
        assert_int_equal(seen.unpaired_since_ms, first_ms);
        assert_int_equal(seen.rules_waiting, 0);
    }
    advance(world, 5 * HOUR_MS_);
    sweep(world);
    struct parity_row seen = row_since(world, STR("DataSyncCompleted"), 0);
    assert_counts(seen, 11, 5, 5, 5);
    assert_int_equal(seen.rule_only, 6);
    assert_int_equal(seen.last_unpaired, last);
    assert_int_equal(seen.unpaired_since_ms, first_ms);
}

static void what_waits_is_exact_to_the_millisecond(void **state) {
    struct world *world = *state;
    uint64_t last = 0;
    for (int i = 0; i < 700; i++) {
        last = alert(world, "a");
        advance(world, 2 * SECOND_MS);
    }
    assert_int_equal(counted(world).rules_waiting, 300);
    assert_int_equal(counted(world).rule_only, 400);
    advance(world, 30 * MINUTE_MS_);
    assert_int_equal(counted(world).rules_waiting, 0);
    assert_int_equal(counted(world).last_unpaired, last);
}

static void types_without_a_replacement_are_counted_apart(void **state) {
    struct world *world = *state;
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    advance(world, SECOND_MS);
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    struct parity_row seen = row_since(world, STR("SyncStarted"), world->now_ms - PERIOD_MS);
    assert_int_equal(seen.sum.n[PARITY_UNREPLACED], 2);
    assert_counts(seen, 0, 0, 0, 0);
    assert_int_equal(seen.sum.last_unreplaced_ms, world->now_ms);
    assert_int_equal(seen.rules_waiting, 0);
}

/* Duplicates and what is refused are not messages. A message in no known shape is of no generation. */
static void what_is_not_admitted_is_not_counted(void **state) {
    struct world *world = *state;
    TELL(world, .webhook_id = "m");
    TELL(world, .webhook_id = "m");
    TELL(world, .unknown = true);
    assert_counts(counted(world), 1, 0, 0, 0);
}

/* acknowledge=delivered, and the consumer fails: the sender comes again, and it is one message all the same. */
static void what_is_forgotten_was_never_counted(void **state) {
    struct world *world = *state;
    for (int i = 0; i < 3; i++) {
        uint64_t rule = TELL(world, .webhook_id = "m", .lease = true, .waits = true, .items = {"read/a"});
        assert_counts(counted(world), 1, 0, 0, 0);
        assert_int_equal(counted(world).rules_waiting, 1);
        attempt(world, rule, ATTEMPT_FAILED);
        assert_counts(counted(world), 0, 0, 0, 0);
        assert_int_equal(counted(world).rules_waiting, 0);
    }
    advance(world, HOUR_MS_);
    assert_int_equal(counted(world).last_unpaired, 0);
}

static void what_is_forgotten_leaves_its_twin_unpaired(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .webhook_id = "m", .lease = true, .waits = true, .items = {"read/a"});
    reads(world, "a");
    assert_counts(counted(world), 1, 1, 1, 1);
    attempt(world, rule, ATTEMPT_FAILED);
    assert_counts(counted(world), 0, 0, 1, 0);
    assert_int_equal(counted(world).events_waiting, 1);
    assert_int_equal(pairs_in_bins(counted(world)), 0);
    assert_int_equal(counted(world).sum.n[PARITY_RULE_FIRST], 0);
    TELL(world, .webhook_id = "m", .items = {"read/a"});
    assert_counts(counted(world), 1, 1, 1, 1);
    assert_int_equal(counted(world).sum.n[PARITY_EVENT_FIRST], 1);
    assert_int_equal(counted(world).events_waiting, 0);
}

static void a_forgotten_event_leaves_its_rules_unpaired(void **state) {
    struct world *world = *state;
    world->on[ENDPOINT_LEGACY] = false;
    uint64_t event;
    TELL(world, .rule_id = "1", .items = {"x:write/k"});
    TELL(world, .rule_id = "2", .items = {"x:write/k"});
    event = TELL(world, .generation = GENERATION_EVENT, .lease = true, .waits = true, .items = {"x:write/k"});
    assert_counts(counted(world), 2, 2, 1, 1);
    attempt(world, event, ATTEMPT_GONE);
    assert_counts(counted(world), 2, 0, 0, 0);
    assert_int_equal(counted(world).rules_waiting, 2);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
    assert_counts(counted(world), 2, 2, 1, 1);
}

/* One of two twins is forgotten: the other still is one. */
static void a_twin_that_stays_keeps_its_partner_paired(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .lease = true, .waits = true, .rule_id = "1", .items = {"x:write/k"});
    TELL(world, .rule_id = "2", .items = {"x:write/k"});
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/k"});
    attempt(world, rule, ATTEMPT_FAILED);
    assert_counts(counted(world), 1, 1, 1, 1);
    uint64_t event = TELL(world, .generation = GENERATION_EVENT, .items = {"x:other/k"}, .lease = true, .waits = true);
    TELL(world, .items = {"x:other/k"});
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:other/k"});
    assert_counts(counted(world), 2, 2, 3, 3);
    attempt(world, event, ATTEMPT_FAILED);
    assert_counts(counted(world), 2, 2, 2, 2);
}

/* Minutes for the last hours, hours for longer; the cell in which the period begins counts whole. */
static void periods_are_summed_over_minutes_or_hours(void **state) {
    struct world *world = *state;
    world->now_ms = START_MS - START_MS % HOUR_MS_ + 30 * MINUTE_MS_;
    const struct str type = STR("DataSyncCompleted");
    alert(world, "a");
    advance(world, DAY_MS);
    alert(world, "b");
    advance(world, 5 * MINUTE_MS_);
    alert(world, "c");
    assert_int_equal(row_since(world, type, world->now_ms).sum.n[PARITY_RULES], 1);
    assert_int_equal(row_since(world, type, world->now_ms - 4 * MINUTE_MS_).sum.n[PARITY_RULES], 1);
    assert_int_equal(row_since(world, type, world->now_ms - 5 * MINUTE_MS_).sum.n[PARITY_RULES], 2);
    assert_int_equal(row_since(world, type, world->now_ms - 4 * HOUR_MS_).sum.n[PARITY_RULES], 2);
    assert_int_equal(row_since(world, type, world->now_ms - 5 * HOUR_MS_).sum.n[PARITY_RULES], 2);
    assert_int_equal(row_since(world, type, world->now_ms - 23 * HOUR_MS_).sum.n[PARITY_RULES], 2);
    assert_int_equal(row_since(world, type, world->now_ms - 24 * HOUR_MS_ - 5 * MINUTE_MS_).sum.n[PARITY_RULES], 3);
    assert_int_equal(row_since(world, type, 0).sum.n[PARITY_RULES], 3);
}

/* Counts are kept for as long as messages are; what is older is removed in passing. */
static void counts_past_the_retention_are_removed(void **state) {
    struct world *world = *state;
    const struct str type = STR("DataSyncCompleted");
    alert(world, "a");
    advance(world, 15 * DAY_MS - HOUR_MS_);
    alert(world, "b");
    sweep(world);
    assert_int_equal(row_since(world, type, 0).sum.n[PARITY_RULES], 2);
    advance(world, 2 * HOUR_MS_);
    sweep(world);
    assert_int_equal(row_since(world, type, 0).sum.n[PARITY_RULES], 1);
    assert_int_equal(row_since(world, type, 0).rule_only, 1);
}

/* What is merged into hours tells the same sums as before, for periods that begin with an hour. */
static void merging_minutes_changes_no_sum(void **state) {
    struct world *world = *state;
    const struct str type = STR("DataSyncCompleted");
    for (int i = 0; i < 40; i++) {
        const char *name = arena_printf(world->arena, "d%d", i).at;
        if (i % 3 > 0)
            alert(world, name);
        advance(world, 4 * SECOND_MS * i);
        if (i % 3 < 2)
            reads(world, name);
        advance(world, 5 * MINUTE_MS_);
    }
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    advance(world, 3 * HOUR_MS_);
    struct parity_row before = row_since(world, type, 0), other = row_since(world, STR("SyncStarted"), 0);
    sweep(world);
    advance(world, 11 * MINUTE_MS_); /* the next pass of retention */
    sweep(world);
    struct parity_row after = row_since(world, type, 0);
    assert_memory_equal(&before.sum, &after.sum, sizeof before.sum);
    assert_int_equal(before.rule_only, after.rule_only);
    assert_int_equal(before.event_only, after.event_only);
    assert_int_equal(before.last_unpaired, after.last_unpaired);
    after = row_since(world, STR("SyncStarted"), 0);
    assert_memory_equal(&other.sum, &after.sum, sizeof other.sum);
}

/* Alerts that nobody handles, by whether they have a twin: parked, decided again, replayed. */
static void what_nobody_handles_is_counted_as_it_moves(void **state) {
    struct world *world = *state;
    switch_flags(world, false, false);
    uint64_t paired = alert(world, "a"), single = alert(world, "b");
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED], 2);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED_PAIRED], 0);
    reads(world, "a");
    assert_state(world, paired, STATE_PARKED);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED_PAIRED], 1);
    assert_int_equal(counted(world).proven, 0);
    reads(world, "c");
    alert(world, "c");
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED], 3);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED_PAIRED], 2);
    switch_flags(world, false, true); /* the events are delivered, and cover the alerts */
    assert_state(world, paired, STATE_SUPPRESSED);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED], 1);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED_PAIRED], 0);
    assert_int_equal(counted(world).proven, 2);
    advance(world, DAY_MS);
    sweep(world);
    assert_state(world, single, STATE_EXPIRED);
    assert_int_equal(row_since(world, STR("DataSyncCompleted"), 0).sum.n[PARITY_UNHANDLED], 1);
    OK(replay(world, single));
    assert_int_equal(row_since(world, STR("DataSyncCompleted"), 0).sum.n[PARITY_UNHANDLED], 0);
}

/* A dead alert whose event takes over is handled; one without is not. */
static void a_dead_alert_is_unhandled_until_its_event_takes_over(void **state) {
    struct world *world = *state;
    uint64_t taken_over = alert(world, "a"), dead = alert(world, "b");
    uint64_t event = reads(world, "a");
    assert_state(world, event, STATE_SUPPRESSED);
    kill_message(world, dead);
    assert_int_equal(row_since(world, STR("DataSyncCompleted"), 0).sum.n[PARITY_UNHANDLED], 1);
    kill_message(world, taken_over);
    assert_state(world, event, STATE_PENDING);
    attempt(world, event, ATTEMPT_DELIVERED);
    struct parity_row seen = row_since(world, STR("DataSyncCompleted"), 0);
    assert_counts(seen, 2, 1, 1, 1);
}

static struct message *event_of_two_types(struct world *world) {
    static const struct str replaces[] = {{"DataSyncCompleted", 17}, {"DatasetDataChanged", 18}};
    struct telling telling = {.generation = GENERATION_EVENT, .items = {"read/a"}};
    struct message *message = telling_message(world, &telling);
    message->replaces = replaces;
    message->replaces_count = 2;
    return message;
}

static uint64_t admit(struct world *world, struct message *message, bool waits) {
    struct admit_request request = {.message = message,
                                    .content = {STR(""), STR("{}")},
                                    .now_ms = world->now_ms,
                                    .lease = waits,
                                    .promise = !waits};
    GROUP(world, ledger_admit(world->ledger, world->arena, &request, &world->admission));
    return world->admission.id;
}

/* (fault 1.7) An event that replaces two rule types is one event in all, whichever of them it met. */
static void an_event_that_replaces_two_types_is_one_in_all(void **state) {
    struct world *world = *state;
    const struct str other = STR("DatasetDataChanged");
    admit(world, event_of_two_types(world), false);
    struct parity_report report = report_since(world, 0);
    assert_int_equal(report.row_count, 2);
    assert_int_equal(report.events_waiting, 1);
    assert_int_equal(report.rows[0].sum.n[PARITY_EVENTS] + report.rows[1].sum.n[PARITY_EVENTS], 2);
    assert_int_equal(report.rows[0].sum.n[PARITY_EVENTS_AGAIN] + report.rows[1].sum.n[PARITY_EVENTS_AGAIN], 1);
    advance(world, 10 * MINUTE_MS_ + 1);
    report = report_since(world, 0);
    assert_int_equal(report.events_waiting, 0);
    assert_int_equal(report.events_only, 1);
    advance(world, HOUR_MS_);
    assert_int_equal(report_since(world, 0).events_only, 1);
    admit(world, event_of_two_types(world), false);
    alert(world, "a");
    assert_int_equal(report_since(world, 0).events_waiting, 0);
    TELL(world, .type = "DatasetDataChanged", .rule_id = "1", .items = {"read/a"});
    report = report_since(world, 0);
    assert_int_equal(report.events_waiting, 0);
    assert_int_equal(row_since(world, other, 0).sum.n[PARITY_EVENTS_PAIRED], 1);
    assert_int_equal(row_since(world, other, 0).sum.n[PARITY_EVENTS_PAIRED_AGAIN], 1);
    advance(world, HOUR_MS_);
    assert_int_equal(report_since(world, 0).events_only, 1);
    assert_int_equal(row_since(world, other, 0).event_only, 1);
}

static void a_forgotten_event_of_two_types_was_never_counted(void **state) {
    struct world *world = *state;
    switch_flags(world, false, true);
    alert(world, "a");
    uint64_t event = admit(world, event_of_two_types(world), true);
    assert_counts(counted(world), 1, 1, 1, 1);
    attempt(world, event, ATTEMPT_GONE);
    assert_counts(counted(world), 1, 0, 0, 0);
    struct parity_row other = row_since(world, STR("DatasetDataChanged"), 0);
    assert_counts(other, 0, 0, 0, 0);
    assert_int_equal(other.sum.n[PARITY_EVENTS_AGAIN], 0);
    assert_int_equal(report_since(world, 0).events_waiting, 0);
    assert_int_equal(counted(world).rules_waiting, 1);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED], 1);
    assert_int_equal(counted(world).sum.n[PARITY_UNHANDLED_PAIRED], 0);
}

/* Nothing replaces what has no known shape, and legacy gets it. */
static void unrecognised_messages_for_legacy_are_counted_as_unreplaced(void **state) {
    struct world *world = *state;
    TELL(world, .unknown = true, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY);
    TELL(world, .unknown = true, .no_counterpart = true, .endpoint = ENDPOINT_NEW);
    TELL(world, .generation = GENERATION_EVENT, .type = "bankFeeds.x", .no_counterpart = true,
         .endpoint = ENDPOINT_LEGACY);
    TELL(world, .generation = GENERATION_EVENT, .type = "bankFeeds.y", .no_counterpart = true,
         .endpoint = ENDPOINT_NEW);
    assert_int_equal(row_since(world, STR(PARITY_UNRECOGNISED), 0).sum.n[PARITY_UNREPLACED], 1);
    assert_int_equal(row_since(world, STR("bankFeeds.x"), 0).sum.n[PARITY_UNREPLACED], 1);
    assert_int_equal(report_since(world, 0).row_count, 2);
}

static void counts_survive_a_restart(void **state) {
    struct world *world = *state;
    alert(world, "a");
    advance(world, 100);
    reads(world, "a");
    alert(world, "z");
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    struct parity_row before = counted(world);
    int64_t told_ms = world->now_ms;
    assert_int_equal(before.rules_waiting, 1);
    world_reopen(world);
    struct parity_row after = counted(world);
    assert_memory_equal(&before.sum, &after.sum, sizeof before.sum);
    assert_int_equal(after.rules_waiting, 1);
    assert_int_equal(row_since(world, STR("SyncStarted"), 0).sum.last_unreplaced_ms, told_ms);
    reads(world, "z");
    assert_counts(counted(world), 2, 2, 2, 2);
}

static void notes_of_a_group_that_is_rolled_back_do_not_count(void **state) {
    struct world *world = *state;
    alert(world, "a");
    struct telling telling = {.items = {"read/b"}};
    struct admit_request request = telling_request(world, &telling);
    OK(ledger_begin(world->ledger));
    OK(ledger_admit(world->ledger, world->arena, &request, &world->admission));
    ledger_rollback(world->ledger);
    assert_counts(counted(world), 1, 0, 0, 0);
    alert(world, "c");
    assert_counts(counted(world), 2, 0, 0, 0);
    assert_int_equal(counted(world).rules_waiting, 2);
}

static enum err commit_fails(struct backend *backend) {
    return err_set(&backend->detail, ERR_IO, "disk gone");
}

static void admit_without_commit(struct world *world, struct telling telling) {
    struct backend_ops working = world->ops;
    struct admit_request request = telling_request(world, &telling);
    world->ops.commit = commit_fails;
    OK(ledger_begin(world->ledger));
    OK(ledger_admit(world->ledger, world->arena, &request, &world->admission));
    assert_int_equal(ledger_commit(world->ledger), ERR_IO);
    world->ops = working;
}

/* The counts of a group whose commit fails were counted already: they are undone, each of them. */
static void counts_of_a_commit_that_fails_are_taken_back(void **state) {
    struct world *world = *state;
    struct telling told = {.type = "SyncStarted", .no_counterpart = true};
    uint64_t late = TELL(world, .items = {"x:write/1"});
    tell(world, told);
    int64_t last_ms = world->now_ms;
    advance(world, 11 * MINUTE_MS_);
    uint64_t young = TELL(world, .items = {"x:write/2"});
    assert_int_equal(counted(world).last_unpaired, late);
    for (int i = 0; i < 2; i++) {
        admit_without_commit(world, (struct telling){.generation = GENERATION_EVENT, .items = {"x:write/1"}});
        admit_without_commit(world, (struct telling){.generation = GENERATION_EVENT, .items = {"x:write/2"}});
        admit_without_commit(world, told);
        assert_counts(counted(world), 2, 0, 0, 0);
        assert_int_equal(counted(world).last_unpaired, late);
        assert_int_equal(counted(world).rules_waiting, 1);
        assert_int_equal(counted(world).events_waiting, 0);
        assert_int_equal(row_since(world, STR("SyncStarted"), 0).sum.n[PARITY_UNREPLACED], 1);
        assert_int_equal(row_since(world, STR("SyncStarted"), 0).sum.last_unreplaced_ms, last_ms);
    }
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/1"});
    assert_counts(counted(world), 2, 1, 1, 1);
    assert_int_equal(counted(world).last_unpaired, 0);
    advance(world, 10 * MINUTE_MS_ + 1);
    assert_int_equal(counted(world).last_unpaired, young);
}

/* The first message of a type fails to be committed, the second one does not: the type is known after a restart. */
static void a_type_whose_first_commit_failed_survives_a_restart(void **state) {
    struct world *world = *state;
    admit_without_commit(world, (struct telling){.items = {"read/b"}});
    alert(world, "a");
    world_reopen(world);
    assert_counts(counted(world), 1, 0, 0, 0);
}

/* What senders invent as types shares one row past a bound, and no row is lost or mixed up by a restart. */
static void types_past_a_bound_share_a_row(void **state) {
    enum { MANY = PARITY_TYPE_MAX + 40 };
    struct world *world = *state;
    OK(ledger_begin(world->ledger));
    for (int i = 0; i < MANY; i++) {
        struct telling telling = {.type = arena_printf(world->arena, "Type%d", 1000 + i).at, .no_counterpart = true};
        struct admit_request request = telling_request(world, &telling);
        OK(ledger_admit(world->ledger, world->arena, &request, &world->admission));
    }
    OK(ledger_commit(world->ledger));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(row_since(world, STR("Type1000"), 0).sum.n[PARITY_UNREPLACED], 1);
        assert_int_equal(row_since(world, STR("Type1255"), 0).sum.n[PARITY_UNREPLACED], 1);
        assert_int_equal(row_since(world, STR("Type1256"), 0).sum.n[PARITY_UNREPLACED], 0);
        assert_int_equal(row_since(world, STR("other"), 0).sum.n[PARITY_UNREPLACED], 40);
        if (world->place.path[0] != '\0')
            world_reopen(world);
    }
}

/* Types are what senders write, a NUL in them included. */
static void types_that_differ_behind_a_nul_are_two(void **state) {
    struct world *world = *state;
    struct telling telling = {.no_counterpart = true};
    static const struct str types[] = {{"Odd\0one", 7}, {"Odd\0two", 7}, {"Odd", 3}};
    for (size_t i = 0; i < 2 * ARRAY_LEN(types); i++) {
        struct admit_request request = telling_request(world, &telling);
        ((struct message *)(uintptr_t)request.message)->type = types[i / 2];
        GROUP(world, ledger_admit(world->ledger, world->arena, &request, &world->admission));
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
            assert_int_equal(row_since(world, types[i], 0).sum.n[PARITY_UNREPLACED], 2);
        if (world->place.path[0] != '\0')
            world_reopen(world);
    }
}

static void skews_are_told_by_the_bound_below_which_they_lie(void **state) {
    static const struct {
        int64_t skews[6]; /* ends in -1 */
        double share;
        int64_t bound;
    } cases[] = {
        {{-1}, 0.5, -1},
        {{0, -1}, 0.5, 0},
        {{5, -1}, 0.5, 5},
        {{5, 100, -1}, 0.5, 8},
        {{5, 100, -1}, 0.99, 100},
        {{5, 100, 3000, -1}, 0.5, 128},
        {{1, 1, 1, 1, 3000, -1}, 0.8, 2},
        {{1, 1, 1, 1, 3000, -1}, 0.81, 3000},
        {{1, 3000, -1}, 0, 2},
        {{(int64_t)1 << 40, -1}, 1, (int64_t)1 << 40},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parity *parity = parity_new(1000);
        struct parity_report report;
        OK(world->ops.begin(world->backend));
        for (size_t k = 0; cases[i].skews[k] >= 0; k++)
            parity_count_pair(parity,
                              &(struct parity_pair){.type = STR("T"),
                                                    .rule = 1,
                                                    .event = 2,
                                                    .rule_ms = START_MS,
                                                    .event_ms = START_MS + cases[i].skews[k]},
                              1);
        OK(parity_write(parity, world->backend));
        OK(parity_report(parity, world->backend, world->arena, 0, START_MS * 2, &report));
        struct parity_counts none = {0};
        assert_int_equal(parity_skew_ms(report.row_count == 0 ? &none : &report.rows[0].sum, cases[i].share),
                         cases[i].bound);
        world->ops.rollback(world->backend);
        parity_free(parity);
    }
    parity_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_pair_is_counted_with_who_came_first_and_how_far_apart),
        ON_BOTH(an_event_is_paired_once_by_each_rule_type),
        ON_BOTH(rules_of_several_groups_pair_an_event_once_by_type),
        ON_BOTH(a_rule_is_paired_once),
        ON_BOTH(twins_by_two_items_are_one_pair),
        ON_BOTH(what_is_older_than_the_window_is_unpaired),
        ON_BOTH(what_is_paired_late_is_unpaired_no_more),
        ON_BOTH(the_first_and_the_last_unpaired_are_told),
        ON_BOTH(what_waits_is_exact_to_the_millisecond),
        ON_BOTH(types_without_a_replacement_are_counted_apart),
        ON_BOTH(what_is_not_admitted_is_not_counted),
        ON_BOTH(what_is_forgotten_was_never_counted),
        ON_BOTH(what_is_forgotten_leaves_its_twin_unpaired),
        ON_BOTH(a_forgotten_event_leaves_its_rules_unpaired),
        ON_BOTH(a_twin_that_stays_keeps_its_partner_paired),
        ON_BOTH(periods_are_summed_over_minutes_or_hours),
        ON_BOTH(counts_past_the_retention_are_removed),
        ON_BOTH(merging_minutes_changes_no_sum),
        ON_BOTH(what_nobody_handles_is_counted_as_it_moves),
        ON_BOTH(a_dead_alert_is_unhandled_until_its_event_takes_over),
        ON_BOTH(an_event_that_replaces_two_types_is_one_in_all),
        ON_BOTH(a_forgotten_event_of_two_types_was_never_counted),
        ON_BOTH(unrecognised_messages_for_legacy_are_counted_as_unreplaced),
        ON_SQLITE(counts_survive_a_restart),
        ON_BOTH(notes_of_a_group_that_is_rolled_back_do_not_count),
        ON_BOTH(counts_of_a_commit_that_fails_are_taken_back),
        ON_SQLITE(a_type_whose_first_commit_failed_survives_a_restart),
        ON_BOTH(types_past_a_bound_share_a_row),
        ON_BOTH(types_that_differ_behind_a_nul_are_two),
        ON_BOTH(skews_are_told_by_the_bound_below_which_they_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
