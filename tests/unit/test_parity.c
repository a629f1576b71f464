/* What parity counts: over both stores, by notes as the ledger writes them, and through the ledger itself. */
#include "tests/unit/ledger_fixture.h"

#include "proxy/store/parity.h"

enum { PERIOD_MS = HOUR_MS_ };

static struct parity_row row_since(struct world *world, struct str type, int64_t since_ms) {
    struct parity_row *rows;
    size_t count;
    ledger_parity(world->ledger, world->arena, since_ms, world->now_ms, &rows, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || str_compare(rows[i - 1].type, rows[i].type) < 0);
        if (str_eq(rows[i].type, type))
            return rows[i];
    }
    return (struct parity_row){0};
}

static struct parity_row counted(struct world *world) {
    return row_since(world, STR("DataSyncCompleted"), world->now_ms - PERIOD_MS);
}

static uint32_t pairs_in_bins(struct parity_row row) {
    uint32_t count = 0;
    for (size_t i = 0; i < PARITY_SKEW_BINS; i++)
        count += row.sum.skew[i];
    return count;
}

#define assert_counts(row, rules_, rules_paired_, events_, events_paired_)                                             \
    do {                                                                                                               \
        assert_int_equal((row).sum.rules, rules_);                                                                     \
        assert_int_equal((row).sum.rules_paired, rules_paired_);                                                       \
        assert_int_equal((row).sum.events, events_);                                                                   \
        assert_int_equal((row).sum.events_paired, events_paired_);                                                     \
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
    assert_int_equal(seen.sum.rule_first, 1);
    assert_int_equal(seen.sum.event_first, 0);
    assert_int_equal(seen.sum.skew_max_ms, 3000);
    assert_int_equal(seen.sum.skew[12], 1); /* 2048 to 4095 ms */
    reads(world, "b");
    advance(world, 10);
    alert(world, "b");
    seen = counted(world);
    assert_counts(seen, 2, 2, 2, 2);
    assert_int_equal(seen.sum.rule_first, 1);
    assert_int_equal(seen.sum.event_first, 1);
    assert_int_equal(seen.sum.skew[4], 1);
    assert_int_equal(pairs_in_bins(seen), 2);
    assert_int_equal(seen.young_rules + seen.young_events, 0);
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
    assert_int_equal(counted(world).sum.rule_first, 2);
    assert_int_equal(counted(world).sum.event_first, 3);
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
    assert_counts(other, 2, 2, 0, 1);
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
    assert_int_equal(counted(world).sum.event_first, 2);
    assert_int_equal(counted(world).sum.rule_first, 1);
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
    assert_int_equal(counted(world).young_rules, 1);
    assert_int_equal(counted(world).young_events, 1);
    assert_int_equal(counted(world).unpaired[0], 0);
    int64_t came_ms = world->now_ms;
    advance(world, 10 * MINUTE_MS_);
    assert_int_equal(counted(world).young_rules, 1);
    advance(world, 1);
    struct parity_row seen = counted(world);
    assert_int_equal(seen.young_rules, 0);
    assert_int_equal(seen.young_events, 0);
    assert_int_equal(seen.unpaired[0], rule);
    assert_int_equal(seen.unpaired[1], 0); /* an event alone does no harm */
    assert_int_equal(seen.unpaired_since_ms, came_ms);
    assert_counts(seen, 1, 0, 1, 0);
    assert_int_equal(row_since(world, STR("DataSyncCompleted"), came_ms + 1).unpaired[0], 0);
}

/* Twins by an exact fact can come later than that. */
static void what_is_paired_late_is_unpaired_no_more(void **state) {
    struct world *world = *state;
    uint64_t first = TELL(world, .items = {"x:write/1"}), second = TELL(world, .items = {"x:write/2"});
    advance(world, 20 * MINUTE_MS_);
    assert_int_equal(counted(world).unpaired[0], second);
    assert_int_equal(counted(world).unpaired[1], first);
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/2"});
    struct parity_row seen = counted(world);
    assert_int_equal(seen.unpaired[0], first);
    assert_int_equal(seen.unpaired[1], 0);
    assert_counts(seen, 2, 1, 1, 1);
}

static void the_last_unpaired_are_kept_newest_first(void **state) {
    enum { MANY = PARITY_UNPAIRED_IDS + 3 };
    struct world *world = *state;
    uint64_t ids[MANY];
    for (int i = 0; i < MANY; i++) {
        ids[i] = alert(world, "a");
        advance(world, SECOND_MS);
    }
    advance(world, 10 * MINUTE_MS_);
    struct parity_row seen = counted(world);
    for (int i = 0; i < PARITY_UNPAIRED_IDS; i++)
        assert_int_equal(seen.unpaired[i], ids[MANY - 1 - i]);
}

/* Nobody asks for months: what is remembered of young messages does not grow with that. */
static void the_young_are_forgotten_without_being_asked_for(void **state) {
    struct world *world = *state;
    uint64_t last = 0;
    for (int i = 0; i < 700; i++) {
        last = alert(world, "a");
        advance(world, 2 * SECOND_MS);
    }
    assert_int_equal(counted(world).young_rules, 300);
    advance(world, 30 * MINUTE_MS_);
    assert_int_equal(counted(world).young_rules, 0);
    assert_int_equal(counted(world).unpaired[0], last);
}

static void types_without_a_replacement_are_counted_apart(void **state) {
    struct world *world = *state;
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    advance(world, SECOND_MS);
    TELL(world, .no_counterpart = true, .endpoint = ENDPOINT_LEGACY, .type = "SyncStarted");
    struct parity_row seen = row_since(world, STR("SyncStarted"), world->now_ms - PERIOD_MS);
    assert_int_equal(seen.sum.unreplaced, 2);
    assert_counts(seen, 0, 0, 0, 0);
    assert_int_equal(seen.last_unreplaced_ms, world->now_ms);
    assert_int_equal(seen.young_rules, 0);
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
        assert_int_equal(counted(world).young_rules, 1);
        attempt(world, rule, ATTEMPT_FAILED);
        assert_counts(counted(world), 0, 0, 0, 0);
        assert_int_equal(counted(world).young_rules, 0);
    }
    advance(world, HOUR_MS_);
    assert_int_equal(counted(world).unpaired[0], 0);
}

static void what_is_forgotten_leaves_its_twin_unpaired(void **state) {
    struct world *world = *state;
    uint64_t rule = TELL(world, .webhook_id = "m", .lease = true, .waits = true, .items = {"read/a"});
    reads(world, "a");
    assert_counts(counted(world), 1, 1, 1, 1);
    attempt(world, rule, ATTEMPT_FAILED);
    assert_counts(counted(world), 0, 0, 1, 0);
    assert_int_equal(counted(world).young_events, 1);
    assert_int_equal(pairs_in_bins(counted(world)), 0);
    assert_int_equal(counted(world).sum.rule_first, 0);
    TELL(world, .webhook_id = "m", .items = {"read/a"});
    assert_counts(counted(world), 1, 1, 1, 1);
    assert_int_equal(counted(world).sum.event_first, 1);
    assert_int_equal(counted(world).young_events, 0);
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
    assert_int_equal(counted(world).young_rules, 2);
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
    assert_int_equal(row_since(world, type, world->now_ms).sum.rules, 1);
    assert_int_equal(row_since(world, type, world->now_ms - 4 * MINUTE_MS_).sum.rules, 1);
    assert_int_equal(row_since(world, type, world->now_ms - 5 * MINUTE_MS_).sum.rules, 2);
    assert_int_equal(row_since(world, type, world->now_ms - 4 * HOUR_MS_).sum.rules, 2);
    assert_int_equal(row_since(world, type, world->now_ms - 5 * HOUR_MS_).sum.rules, 2);
    assert_int_equal(row_since(world, type, world->now_ms - 23 * HOUR_MS_).sum.rules, 2);
    assert_int_equal(row_since(world, type, world->now_ms - 24 * HOUR_MS_ - 5 * MINUTE_MS_).sum.rules, 3);
    assert_int_equal(row_since(world, type, 0).sum.rules, 3);
}

/* A ring is as long as it is: a new cell takes the place of what is too old, and what is older than that is let go. */
static void rings_forget_what_is_too_old(void **state) {
    struct world *world = *state;
    const struct str type = STR("DataSyncCompleted");
    alert(world, "a");
    advance(world, (int64_t)512 * HOUR_MS_);
    alert(world, "b");
    assert_int_equal(row_since(world, type, 0).sum.rules, 1);
    advance(world, (int64_t)-512 * HOUR_MS_);
    alert(world, "c");
    advance(world, (int64_t)512 * HOUR_MS_);
    assert_int_equal(row_since(world, type, 0).sum.rules, 1);
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
    assert_int_equal(before.young_rules, 1);
    world_reopen(world);
    struct parity_row after = counted(world);
    assert_memory_equal(&before.sum, &after.sum, sizeof before.sum);
    assert_int_equal(after.young_rules, 0); /* counts as unpaired: the careful side */
    int64_t last_ms = row_since(world, STR("SyncStarted"), 0).last_unreplaced_ms;
    assert_int_equal(last_ms, told_ms - told_ms % MINUTE_MS_);
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
    assert_int_equal(counted(world).young_rules, 2);
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
    assert_int_equal(counted(world).unpaired[0], late);
    for (int i = 0; i < 2; i++) {
        admit_without_commit(world, (struct telling){.generation = GENERATION_EVENT, .items = {"x:write/1"}});
        admit_without_commit(world, (struct telling){.generation = GENERATION_EVENT, .items = {"x:write/2"}});
        admit_without_commit(world, told);
        assert_counts(counted(world), 2, 0, 0, 0);
        assert_int_equal(counted(world).unpaired[0], late);
        assert_int_equal(counted(world).young_rules, 1);
        assert_int_equal(counted(world).young_events, 0);
        assert_int_equal(row_since(world, STR("SyncStarted"), 0).sum.unreplaced, 1);
        assert_int_equal(row_since(world, STR("SyncStarted"), 0).last_unreplaced_ms, last_ms);
    }
    TELL(world, .generation = GENERATION_EVENT, .items = {"x:write/1"});
    assert_counts(counted(world), 2, 1, 1, 1);
    assert_int_equal(counted(world).unpaired[0], 0);
    advance(world, 10 * MINUTE_MS_ + 1);
    assert_int_equal(counted(world).unpaired[0], young);
}

static void note_something(struct parity *parity, uint64_t number) {
    static const struct str types[] = {{"A", 1}, {"B", 1}, {"C", 1}};
    struct str type = types[number / 7 % ARRAY_LEN(types)];
    int64_t at_ms = START_MS + (int64_t)number * 1000;
    switch (number % 7) {
    case 0:
        parity_note_rule(parity, type, number, at_ms, false);
        break;
    case 1:
    case 2:
        parity_note_rule(parity, type, number, at_ms, true);
        break;
    case 3:
        parity_note_event(parity, type, number, at_ms);
        break;
    case 4:
        parity_note_pair(parity, &(struct parity_pair){.type = type,
                                                       .rule = number - 2,
                                                       .event = number - 1,
                                                       .rule_ms = at_ms - 2000,
                                                       .event_ms = at_ms - 1000,
                                                       .is_first_of_rule = true,
                                                       .is_first_of_event = number % 2 == 0});
        break;
    case 5:
        parity_note_forgotten(parity, number - 4);
        break;
    default:
        if (number % 2 == 0)
            parity_note_parting(parity, &(struct parity_pair){.type = type,
                                                              .rule = number - 4,
                                                              .event = number - 3,
                                                              .rule_ms = at_ms - 4000,
                                                              .event_ms = at_ms - 3000,
                                                              .is_first_of_rule = true});
        break;
    }
}

static void expect_same_sums(struct world *world, struct parity *kept, struct parity *read) {
    struct parity_row *x, *y;
    size_t n, m;
    for (int by_hours = 0; by_hours < 2; by_hours++) {
        int64_t since_ms = by_hours ? 0 : START_MS - START_MS % MINUTE_MS_;
        parity_report(kept, world->arena, since_ms, START_MS + 2 * HOUR_MS_, &x, &n);
        parity_report(read, world->arena, since_ms, START_MS + 2 * HOUR_MS_, &y, &m);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++)
            assert_memory_equal(&x[i].sum, &y[i].sum, sizeof x[i].sum);
    }
}

/* Cells are written now and then, and what was counted since then is told by a log: whenever the process ends, what
 * is read is what was committed. Groups of one to five notes; some of them fail to be committed. */
static void what_is_read_is_what_was_committed_at_any_moment(void **state) {
    struct world *world = *state;
    struct parity *kept = parity_new(10 * MINUTE_MS_);
    uint64_t number = 1;
    for (int group = 0; group < 300; group++) {
        bool fails = group % 11 == 10; /* not before each type has been committed once: rows stay once they are there */
        OK(world->ops.begin(world->backend));
        for (uint64_t last = number + (uint64_t)group % 5; number <= last; number++)
            note_something(kept, number);
        OK(parity_write(kept, world->backend));
        if (fails) {
            world->ops.rollback(world->backend);
            parity_drop(kept);
        } else {
            OK(world->ops.commit(world->backend));
            parity_kept(kept);
        }
        struct parity *read = parity_new(10 * MINUTE_MS_);
        OK(parity_read(read, world->backend, world->arena));
        expect_same_sums(world, kept, read);
        parity_free(read);
        arena_reset(world->arena);
    }
    parity_free(kept);
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
        struct telling telling = {.type = arena_printf(world->arena, "Type%d", 1000 + i).at};
        struct admit_request request = telling_request(world, &telling);
        OK(ledger_admit(world->ledger, world->arena, &request, &world->admission));
    }
    OK(ledger_commit(world->ledger));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(row_since(world, STR("Type1000"), 0).sum.rules, 1);
        assert_int_equal(row_since(world, STR("Type1255"), 0).sum.rules, 1);
        assert_int_equal(row_since(world, STR("Type1256"), 0).sum.rules, 0);
        assert_int_equal(row_since(world, STR("other"), 0).sum.rules, 40);
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
            assert_int_equal(row_since(world, types[i], 0).sum.unreplaced, 2);
        if (world->place.path[0] != '\0')
            world_reopen(world);
    }
}

/* Names that cannot be read (a damaged store) end the list; what stands before them is kept. */
static void damaged_names_are_no_reason_to_fail(void **state) {
    static const char *const damaged[] = {"4:Some17:DataSyncCompleted99:x",
                                          "17:DataSyncCompletedx:", "17:DataSyncCompleted", "", "x"};
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        GROUP(world, world->ops.put_meta(world->backend, STR("parity:types"), str_of(damaged[i])));
        world_reopen(world);
        alert(world, "a");
        assert_int_equal(counted(world).sum.rules, i < 3 ? i + 1 : 1);
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
        {{(int64_t)1 << 40, -1}, 1, UINT32_MAX},
    };
    struct world *world = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct parity *parity = parity_new(1000);
        struct parity_row *rows;
        size_t count;
        for (size_t k = 0; cases[i].skews[k] >= 0; k++)
            parity_note_pair(parity, &(struct parity_pair){.type = STR("T"),
                                                           .rule = 1,
                                                           .event = 2,
                                                           .rule_ms = START_MS,
                                                           .event_ms = START_MS + cases[i].skews[k]});
        OK(parity_write(parity, world->backend));
        parity_report(parity, world->arena, 0, START_MS * 2, &rows, &count);
        if (count == 0)
            assert_int_equal(parity_skew_ms(&(struct parity_cell){0}, cases[i].share), cases[i].bound);
        else
            assert_int_equal(parity_skew_ms(&rows[0].sum, cases[i].share), cases[i].bound);
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
        ON_BOTH(the_last_unpaired_are_kept_newest_first),
        ON_BOTH(the_young_are_forgotten_without_being_asked_for),
        ON_BOTH(types_without_a_replacement_are_counted_apart),
        ON_BOTH(what_is_not_admitted_is_not_counted),
        ON_BOTH(what_is_forgotten_was_never_counted),
        ON_BOTH(what_is_forgotten_leaves_its_twin_unpaired),
        ON_BOTH(a_forgotten_event_leaves_its_rules_unpaired),
        ON_BOTH(a_twin_that_stays_keeps_its_partner_paired),
        ON_BOTH(periods_are_summed_over_minutes_or_hours),
        ON_BOTH(rings_forget_what_is_too_old),
        ON_SQLITE(counts_survive_a_restart),
        ON_BOTH(notes_of_a_group_that_is_rolled_back_do_not_count),
        ON_BOTH(counts_of_a_commit_that_fails_are_taken_back),
        ON_SQLITE(what_is_read_is_what_was_committed_at_any_moment),
        ON_SQLITE(a_type_whose_first_commit_failed_survives_a_restart),
        ON_BOTH(types_past_a_bound_share_a_row),
        ON_BOTH(types_that_differ_behind_a_nul_are_two),
        ON_SQLITE(damaged_names_are_no_reason_to_fail),
        ON_BOTH(skews_are_told_by_the_bound_below_which_they_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
