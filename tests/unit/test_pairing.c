/* Which candidates are twins, and what becomes of a message whose twins are known: every sentence of it as a case. The
 * sections are those of the pairing rules: 2 facts, 3 on arrival, 6 ownership while both sides are on. */
#include "proxy/decide/pairing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CANDIDATES = 6,
    WINDOW_MS = 600,
    NOW_MS = 10000,
    LONG_AGO_MS = 0 /* before any window: only told times count */
};
enum { GROUP_B = 8 }; /* the other one is 0 */

struct choice {
    const char *shows;
    enum generation arriving;
    size_t count;
    struct candidate candidates[CANDIDATES]; /* in the order of the answer, with the verdict that is expected */
};

#define NEAR(id, apart, ...)                                                                                           \
    { .message = (id), .moment = {NOW_MS + (apart), LONG_AGO_MS}, .match = MATCH_WINDOW, __VA_ARGS__ }
#define ARRIVED(id, told, apart, ...)                                                                                  \
    { .message = (id), .moment = {NOW_MS + (told), NOW_MS + (apart)}, .match = MATCH_WINDOW, __VA_ARGS__ }
#define HINT(id, apart, ...)                                                                                           \
    { .message = (id), .moment = {NOW_MS + (apart), LONG_AGO_MS}, .match = MATCH_HINT, __VA_ARGS__ }
#define EXACT(id, apart, ...)                                                                                          \
    { .message = (id), .moment = {NOW_MS + (apart), LONG_AGO_MS}, .match = MATCH_EXACT, __VA_ARGS__ }

#define WITHIN(id, apart, ...)                                                                                         \
    { .message = (id), .moment = {NOW_MS + (apart), LONG_AGO_MS}, .match = MATCH_WITHIN, __VA_ARGS__ }

static const struct choice choices[] = {
    /* within: what several rules told, one event tells */
    {"within: an event takes every free rule that is near, of one group too",
     GENERATION_EVENT,
     4,
     {WITHIN(1, 1, .verdict = MATCH_TWIN), WITHIN(2, -2, .verdict = MATCH_TWIN),
      WITHIN(3, 3, .taken = true, .verdict = MATCH_TAKEN), WITHIN(4, WINDOW_MS + 1, .verdict = MATCH_TOO_FAR)}},
    {"within: a rule joins an event that has its twin of that group",
     GENERATION_RULE,
     1,
     {WITHIN(1, 5, .taken = true, .verdict = MATCH_TWIN)}},
    {"within: a rule takes the nearest event only",
     GENERATION_RULE,
     2,
     {WITHIN(1, 5, .taken = true, .verdict = MATCH_TWIN), WITHIN(2, 6, .verdict = MATCH_FARTHER)}},

    {"2: no candidate, no twin", GENERATION_RULE, 0, {NEAR(0, 0)}},

    /* 2, exact: "any two messages of different generations with the key are twins, however far apart" */
    {"2 exact: however far apart",
     GENERATION_RULE,
     2,
     {EXACT(1, -WINDOW_MS * 1000, .verdict = MATCH_TWIN), EXACT(2, WINDOW_MS * 5000, .verdict = MATCH_TWIN)}},
    /* 2, exact: "several rules may be twins of one event (a timed-out push raises two)" */
    {"2 exact: an event has several rules",
     GENERATION_EVENT,
     3,
     {EXACT(1, 0, .verdict = MATCH_TWIN), EXACT(2, 1, .verdict = MATCH_TWIN),
      EXACT(3, 2, .verdict = MATCH_TWIN, .group = GROUP_B)}},
    {"2 exact: a rule joins an event that has its twin of that group",
     GENERATION_RULE,
     1,
     {EXACT(1, 5, .taken = true, .verdict = MATCH_TWIN)}},
    {"2 exact: a rule is twin to several events",
     GENERATION_RULE,
     2,
     {EXACT(1, 0, .verdict = MATCH_TWIN), EXACT(2, 1, .verdict = MATCH_TWIN)}},

    /* 2, window: "at most pairing.window apart" */
    {"2 window: exactly the window apart, before", GENERATION_RULE, 1, {NEAR(1, -WINDOW_MS, .verdict = MATCH_TWIN)}},
    {"2 window: exactly the window apart, after", GENERATION_RULE, 1, {NEAR(1, WINDOW_MS, .verdict = MATCH_TWIN)}},
    {"2 window: one millisecond more, before",
     GENERATION_RULE,
     1,
     {NEAR(1, -WINDOW_MS - 1, .verdict = MATCH_NEAR_MISS)}},
    {"2 window: one millisecond more, after",
     GENERATION_EVENT,
     1,
     {NEAR(1, WINDOW_MS + 1, .verdict = MATCH_NEAR_MISS)}},

    /* 2, window: "Among several candidates the nearest in time wins" */
    {"2 window: a rule takes the nearest event",
     GENERATION_RULE,
     3,
     {NEAR(2, 10, .verdict = MATCH_TWIN), NEAR(1, -20, .verdict = MATCH_FARTHER),
      NEAR(3, 30, .verdict = MATCH_FARTHER)}},
    {"2 window: as near, the older message wins",
     GENERATION_RULE,
     2,
     {NEAR(1, 10, .verdict = MATCH_TWIN), NEAR(2, -10, .verdict = MATCH_FARTHER)}},
    {"2 window: as near and of one event, the first element wins",
     GENERATION_RULE,
     2,
     {NEAR(1, 10, .item = 0, .verdict = MATCH_TWIN), NEAR(1, 10, .item = 1, .verdict = MATCH_FARTHER)}},
    {"2 window: the nearest may be too far, then there is none",
     GENERATION_RULE,
     2,
     {NEAR(2, WINDOW_MS + 1, .verdict = MATCH_NEAR_MISS), NEAR(1, WINDOW_MS + 2, .verdict = MATCH_TOO_FAR)}},

    /* 2, window: "an item of an event is twin to at most one rule per (rule type, RuleId)" */
    {"2 window: an item takes one rule of a group, the nearest",
     GENERATION_EVENT,
     2,
     {NEAR(2, -1, .verdict = MATCH_TWIN), NEAR(1, -2, .verdict = MATCH_FARTHER)}},
    {"2 window: an item takes one rule of each group",
     GENERATION_EVENT,
     2,
     {NEAR(2, -1, .verdict = MATCH_TWIN), NEAR(1, -2, .group = GROUP_B, .verdict = MATCH_TWIN)}},
    {"2 window: the item of an event has its rule of this group, so the next nearest event is it",
     GENERATION_RULE,
     2,
     {NEAR(1, 1, .taken = true, .verdict = MATCH_TAKEN), NEAR(2, 2, .verdict = MATCH_TWIN)}},

    /* 2, window: "and a rule to at most one item" */
    {"2 window: the rule has its item elsewhere",
     GENERATION_EVENT,
     1,
     {NEAR(1, 0, .taken = true, .verdict = MATCH_TAKEN)}},
    {"2 window: a rule that two elements state goes to the first of them",
     GENERATION_EVENT,
     2,
     {NEAR(1, 0, .own_item = 0, .verdict = MATCH_TWIN), NEAR(1, 0, .own_item = 1, .verdict = MATCH_FARTHER)}},
    {"2 window: two elements, two rules of one group, each its own",
     GENERATION_EVENT,
     4,
     {NEAR(1, 1, .own_item = 0, .verdict = MATCH_TWIN), NEAR(1, 1, .own_item = 1, .verdict = MATCH_FARTHER),
      NEAR(2, 2, .own_item = 0, .verdict = MATCH_FARTHER), NEAR(2, 2, .own_item = 1, .verdict = MATCH_TWIN)}},
    /* 2, window: "a second, real occurrence inside the window is never swallowed" */
    {"2 window: what was passed over does not stand in the way",
     GENERATION_EVENT,
     3,
     {NEAR(1, 1, .taken = true, .verdict = MATCH_TAKEN), NEAR(2, 2, .verdict = MATCH_TWIN),
      NEAR(3, 3, .group = GROUP_B, .verdict = MATCH_TWIN)}},

    /* 2, window: "by either clock" */
    {"2 window: near by arrival alone",
     GENERATION_RULE,
     1,
     {ARRIVED(1, -WINDOW_MS * 100, WINDOW_MS, .verdict = MATCH_TWIN)}},
    {"2 window: what is near by told times comes before what is so by arrival, however near",
     GENERATION_RULE,
     2,
     {ARRIVED(2, WINDOW_MS, WINDOW_MS * 9, .verdict = MATCH_TWIN),
      ARRIVED(1, WINDOW_MS * 9, 0, .verdict = MATCH_FARTHER)}},
    {"2 window: by arrival the nearest, too",
     GENERATION_EVENT,
     2,
     {ARRIVED(2, -WINDOW_MS * 9, 5, .verdict = MATCH_TWIN), ARRIVED(1, WINDOW_MS * 8, -6, .verdict = MATCH_FARTHER)}},

    /* 2, window: "a pair a little outside (up to four windows) is a near miss" */
    {"2 near miss: exactly four windows", GENERATION_RULE, 1, {NEAR(1, -WINDOW_MS * 4, .verdict = MATCH_NEAR_MISS)}},
    {"2 near miss: one millisecond more", GENERATION_RULE, 1, {NEAR(1, -WINDOW_MS * 4 - 1, .verdict = MATCH_TOO_FAR)}},
    {"2 near miss: by the clock by which it is nearer",
     GENERATION_EVENT,
     1,
     {ARRIVED(1, -WINDOW_MS * 9, -WINDOW_MS * 3, .verdict = MATCH_NEAR_MISS)}},
    {"2 near miss: none of who has a twin",
     GENERATION_RULE,
     2,
     {NEAR(1, 0, .verdict = MATCH_TWIN), NEAR(2, WINDOW_MS * 2, .verdict = MATCH_TOO_FAR)}},
    {"2 near miss: none with one that has its twin",
     GENERATION_RULE,
     1,
     {NEAR(1, WINDOW_MS * 2, .taken = true, .verdict = MATCH_TOO_FAR)}},
    {"2 near miss: the other group is free",
     GENERATION_EVENT,
     2,
     {NEAR(1, 0, .verdict = MATCH_TWIN), NEAR(2, WINDOW_MS * 2, .group = GROUP_B, .verdict = MATCH_NEAR_MISS)}},

    /* 2: "same-id is a hint: it makes twins only where the two state no differing facts of one kind" */
    {"2 hint: twins, however far apart", GENERATION_RULE, 1, {HINT(1, WINDOW_MS * 99, .verdict = MATCH_TWIN)}},
    {"2 hint: not where they state differing facts",
     GENERATION_RULE,
     2,
     {HINT(1, 0, .differs = true, .verdict = MATCH_DIFFERS), NEAR(2, 1, .verdict = MATCH_TWIN)}},
    {"2 hint: beside a window fact it comes first, and knows no window",
     GENERATION_EVENT,
     2,
     {HINT(1, WINDOW_MS * 99, .recurs = true, .verdict = MATCH_TWIN), NEAR(2, 0, .verdict = MATCH_FARTHER)}},
    {"2 hint: beside a window fact it is one-to-one",
     GENERATION_RULE,
     2,
     {HINT(1, 0, .recurs = true, .taken = true, .verdict = MATCH_TAKEN), NEAR(2, 1, .verdict = MATCH_TWIN)}},
    {"2 hint: without a window fact it comes first",
     GENERATION_EVENT,
     2,
     {HINT(1, 500, .verdict = MATCH_TWIN), HINT(2, 0, .recurs = true, .verdict = MATCH_FARTHER)}},
    {"2 hint: the same two by another fact are twins once",
     GENERATION_RULE,
     2,
     {HINT(1, 0, .verdict = MATCH_TWIN), NEAR(1, 0, .verdict = MATCH_SAME)}},

    /* 2: one item may carry several facts; an exact twin is a rule's twin in the window, too */
    {"2: an exact twin comes first, and takes the rule's place for a windowed one",
     GENERATION_RULE,
     2,
     {EXACT(1, WINDOW_MS * 9, .verdict = MATCH_TWIN), NEAR(2, 0, .verdict = MATCH_FARTHER)}},
    {"2: an exact twin of another item leaves the windowed rules of this one alone",
     GENERATION_EVENT,
     2,
     {EXACT(1, 0, .own_item = 0, .verdict = MATCH_TWIN), NEAR(2, 0, .own_item = 1, .verdict = MATCH_TWIN)}},
};

static void choose(struct arena *arena, struct candidates *list, enum generation arriving) {
    const struct pairing pairing = {
        .arena = arena, .arriving = arriving, .now = {NOW_MS, NOW_MS}, .window_ms = WINDOW_MS};
    assert_int_equal(pairing_choose(&pairing, list), ERR_NONE);
}

static void turn_round(struct candidate *candidates, size_t count) {
    for (size_t i = 0; i < count / 2; i++) {
        struct candidate other = candidates[count - 1 - i];
        candidates[count - 1 - i] = candidates[i];
        candidates[i] = other;
    }
}

static void check_choice(const struct choice *choice, bool reversed) {
    struct candidate given[CANDIDATES];
    for (size_t i = 0; i < choice->count; i++) {
        given[i] = choice->candidates[i];
        given[i].verdict = MATCH_FARTHER; /* whatever stood there before */
    }
    if (reversed)
        turn_round(given, choice->count);
    struct arena *arena = arena_new(0);
    struct candidates list = {choice->count == 0 ? NULL : given, choice->count};
    choose(arena, &list, choice->arriving);
    arena_free(arena);
    for (size_t i = 0; i < choice->count; i++) {
        const struct candidate *wanted = &choice->candidates[i];
        if (given[i].message == wanted->message && given[i].item == wanted->item &&
            given[i].own_item == wanted->own_item && given[i].verdict == wanted->verdict)
            continue;
        fail_msg("%s: place %zu has message %d, items %u and %u, \"%s\"", choice->shows, i, (int)given[i].message,
                 given[i].item, given[i].own_item, match_verdict_text(given[i].verdict));
    }
}

/* (pairing 2.13, 2.14, 2.15, 2.17, 2.18, 2.19, 2.20) */
static void twins_are_chosen_as_the_rules_say(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(choices); i++)
        check_choice(&choices[i], false);
}

/* 2: "Among several candidates the nearest in time wins", whichever a store finds first. (pairing 2.19) */
static void the_order_in_which_candidates_are_found_does_not_matter(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(choices); i++)
        check_choice(&choices[i], true);
}

/* 2: one-to-one, for any candidates at all. (pairing 2.17, 2.18) */
static void no_windowed_twin_is_ever_used_twice(void **state) {
    enum { MANY = 24, ROUNDS = 2000 };
    (void)state;
    srand(20240901);
    for (int round = 0; round < ROUNDS; round++) {
        struct candidate candidates[MANY];
        size_t count = (size_t)rand() % MANY;
        enum generation arriving = rand() % 2 == 0 ? GENERATION_RULE : GENERATION_EVENT;
        for (size_t i = 0; i < count; i++)
            candidates[i] = (struct candidate){.message = (uint64_t)(rand() % 5),
                                               .item = arriving == GENERATION_RULE ? (uint32_t)(rand() % 3) : 0,
                                               .own_item = arriving == GENERATION_EVENT ? (uint32_t)(rand() % 3) : 0,
                                               .match = rand() % 6 == 0 ? MATCH_EXACT : MATCH_WINDOW,
                                               .moment = {NOW_MS + rand() % 1500 - 750, NOW_MS + rand() % 1500 - 750},
                                               .group = (uint64_t)(rand() % 2),
                                               .taken = rand() % 4 == 0};
        struct arena *arena = arena_new(0);
        struct candidates list = {candidates, count};
        choose(arena, &list, arriving);
        arena_free(arena);
        for (size_t i = 0; i < count; i++)
            for (size_t k = i + 1; k < count; k++) {
                if (candidates[i].verdict != MATCH_TWIN || candidates[k].verdict != MATCH_TWIN ||
                    candidates[k].match == MATCH_EXACT)
                    continue;
                assert_true(arriving == GENERATION_EVENT);                          /* a rule has one item */
                assert_int_not_equal(candidates[i].message, candidates[k].message); /* a rule serves one item */
                assert_false(candidates[i].own_item == candidates[k].own_item &&    /* and an item one rule */
                             candidates[i].group == candidates[k].group);           /* of a group */
            }
    }
}

static void verdicts_are_told_in_words(void **state) {
    (void)state;
    assert_string_equal(match_verdict_text(MATCH_TWIN), "twin");
    assert_string_equal(match_verdict_text(MATCH_TOO_FAR), "too far apart in time");
    assert_string_equal(match_verdict_text(MATCH_TAKEN), "has its twin already");
    assert_string_equal(match_verdict_text(MATCH_FARTHER), "another one is nearer");
    assert_string_equal(match_verdict_text(MATCH_NEAR_MISS), "near miss");
    assert_string_equal(match_verdict_text(MATCH_DIFFERS), "only the ids are the same, what they state differs");
    assert_string_equal(match_verdict_text(MATCH_SAME), "is its twin by another fact");
}

/* Own items that state one key are one list: each rule takes the lowest that is free for its group, without looking at
 * each pair. (pairing 2.17) (fault 2.9) */
static void own_items_of_a_key_are_taken_one_by_one(void **state) {
    enum { ITEMS = 1024, RULES = 10000, GROUPS = 2 };
    struct arena *arena = arena_new(0);
    uint32_t items[ITEMS];
    struct candidate *rules = ARENA_ARRAY(arena, RULES, struct candidate);
    (void)state;
    for (uint32_t i = 0; i < ITEMS; i++)
        items[i] = i;
    for (size_t i = 0; i < RULES; i++)
        rules[i] = (struct candidate){.message = i + 1,
                                      .own_items = items,
                                      .own_item_count = ITEMS,
                                      .match = MATCH_WINDOW,
                                      .moment = {NOW_MS - (int64_t)i / 100, LONG_AGO_MS},
                                      .group = i % GROUPS};
    struct candidates list = {rules, RULES};
    choose(arena, &list, GENERATION_EVENT);
    assert_int_equal(list.count, RULES);
    for (size_t i = 0; i < RULES; i++) {
        bool is_twin = i < (size_t)ITEMS * GROUPS;
        assert_int_equal(list.at[i].message, i + 1);
        assert_int_equal(list.at[i].verdict, is_twin ? MATCH_TWIN : MATCH_FARTHER);
        if (is_twin)
            assert_int_equal(list.at[i].own_item, i / GROUPS);
    }
    arena_free(arena);
}

/* An exact fact that several own items state makes each of them the candidate's twin. (pairing 2.14) */
static void exact_facts_are_spread_over_own_items(void **state) {
    static const uint32_t items[] = {0, 2, 5};
    struct candidate one = {.message = 7, .own_items = items, .own_item_count = 3, .match = MATCH_EXACT};
    struct arena *arena = arena_new(0);
    struct candidates list = {&one, 1};
    (void)state;
    choose(arena, &list, GENERATION_EVENT);
    assert_int_equal(list.count, 3);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.at[i].verdict, MATCH_TWIN);
        assert_int_equal(list.at[i].own_item, items[i]);
    }
    arena_free(arena);
}

static void a_near_miss_is_told_in_words(void **state) {
    static const struct {
        int64_t apart_ms, window_ms;
        const char *text;
    } cases[] = {
        {-19 * 60000, 600000, "stated the same 19 min apart; pairing.window is 10m"},
        {1500, 1000, "stated the same 1500 ms apart; pairing.window is 1s"},
        {90000, 60000, "stated the same 90 s apart; pairing.window is 1m"},
        {-(int64_t)4 * 3600000, 3600000, "stated the same 4 h apart; pairing.window is 1h"},
    };
    struct arena *arena = arena_new(0);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(pairing_near_miss(arena, cases[i].apart_ms, cases[i].window_ms).at, cases[i].text);
    arena_free(arena);
}

struct decision {
    const char *shows;
    struct standing standing; /* items, covered, own on, other on, may hold, may expire at once */
    enum fate fate;
};

static const struct decision decisions[] = {
    /* 3, the table, row "all": suppressed whatever the own flag says */
    {"3: all covered, own on", {1, 1, true, true, false, false}, FATE_SUPPRESS},
    {"3: all covered, own off", {1, 1, false, true, false, false}, FATE_SUPPRESS},
    {"3: all of several covered", {5, 5, true, false, false, false}, FATE_SUPPRESS},
    {"3: all covered, although it might be held", {1, 1, true, true, true, false}, FATE_SUPPRESS},
    {"3: all covered, although it might expire", {2, 2, false, false, false, true}, FATE_SUPPRESS},
    /* 3, row "some": the rest is delivered, or all is parked */
    {"3: some covered, own on", {5, 1, true, true, false, false}, FATE_DELIVER_REST},
    {"3: all but one covered, own on", {5, 4, true, false, false, false}, FATE_DELIVER_REST},
    {"3: some covered, own off", {5, 1, false, true, false, false}, FATE_PARK},
    {"3: some covered is no matter for holding", {2, 1, true, true, true, false}, FATE_DELIVER_REST},
    /* 3, row "none": pending, held where 6 says so, or parked */
    {"3: none covered, own on", {1, 0, true, true, false, false}, FATE_DELIVER},
    {"3: none covered, only own on", {1, 0, true, false, false, false}, FATE_DELIVER},
    {"3: none covered, own off", {1, 0, false, true, false, false}, FATE_PARK},
    {"3: none covered, both off", {1, 0, false, false, false, false}, FATE_PARK},
    /* 3: pairing.park_for of 0 is not at all: expired at once */
    {"3: none covered, own off, parked for no time", {1, 0, false, true, false, true}, FATE_EXPIRE},
    {"3: some covered, own off, parked for no time", {3, 2, false, true, false, true}, FATE_EXPIRE},
    {"3: own on, parked for no time", {1, 0, true, false, false, true}, FATE_DELIVER},
    /* 6: held up to pairing.hold for its twin, "while both sides are on" */
    {"6: none covered, may be held", {1, 0, true, true, true, false}, FATE_HOLD},
    {"6: the preferred side is off, so nothing to wait for", {1, 0, true, false, true, false}, FATE_DELIVER},
    {"6: own off is parked, not held", {1, 0, false, true, true, false}, FATE_PARK},
};

/* (pairing 3.3a, 3.3b, 3.3c, 3.3d, 3.3e, 3.3f, 6.7) */
static void a_message_is_decided_by_the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(decisions); i++)
        if (pairing_decide(&decisions[i].standing) != decisions[i].fate)
            fail_msg("%s: got fate %d", decisions[i].shows, (int)pairing_decide(&decisions[i].standing));
}

/* 6: "first: whichever arrives first is handled. new: a rule that has a replacement is held [...] legacy: an event
 * with a counterpart is held likewise" (pairing 6.2, 6.3, 6.5) */
static void only_the_side_that_is_not_preferred_may_be_held(void **state) {
    static const struct {
        enum prefer prefer;
        enum generation generation;
        bool has_counterpart, may;
    } cases[] = {
        {PREFER_FIRST, GENERATION_RULE, true, false},     {PREFER_FIRST, GENERATION_EVENT, true, false},
        {PREFER_NEW, GENERATION_RULE, true, true},        {PREFER_NEW, GENERATION_EVENT, true, false},
        {PREFER_NEW, GENERATION_RULE, false, false},      {PREFER_LEGACY, GENERATION_EVENT, true, true},
        {PREFER_LEGACY, GENERATION_RULE, true, false},    {PREFER_LEGACY, GENERATION_EVENT, false, false},
        {PREFER_LEGACY, GENERATION_UNKNOWN, true, false}, {PREFER_NEW, GENERATION_UNKNOWN, false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct message message = {.generation = cases[i].generation,
                                  .counterpart = cases[i].has_counterpart ? STR("read.completed") : STR_NONE};
        if (pairing_may_hold(cases[i].prefer, &message) != cases[i].may)
            fail_msg("case %zu: %s", i, cases[i].may ? "is not held" : "is held");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twins_are_chosen_as_the_rules_say),
        cmocka_unit_test(the_order_in_which_candidates_are_found_does_not_matter),
        cmocka_unit_test(no_windowed_twin_is_ever_used_twice),
        cmocka_unit_test(own_items_of_a_key_are_taken_one_by_one),
        cmocka_unit_test(exact_facts_are_spread_over_own_items),
        cmocka_unit_test(a_near_miss_is_told_in_words),
        cmocka_unit_test(verdicts_are_told_in_words),
        cmocka_unit_test(a_message_is_decided_by_the_table),
        cmocka_unit_test(only_the_side_that_is_not_preferred_may_be_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
