/* The three flags that steer the proxy: what they are for a message, for many threads, and what changed in them. */
#include "tests/unit/flags_fixture.h"

#include <pthread.h>

static struct flag_decision consumer(const char *file, enum consumer_flag flag, const struct flag_context *context) {
    struct arena *arena = arena_new(0), *scratch = arena_new(0);
    struct flags *flags = load(arena, file);
    struct flag_decision decision = flags_consumer(flags, flag, context, NOW_S, scratch);
    decision.variant = decision.variant.at == NULL ? STR_NONE : STR("named");
    flags_free(flags);
    arena_free(scratch);
    arena_free(arena);
    return decision;
}

static void test_without_a_flag_the_system_is_unmigrated(void **state) {
    (void)state;
    static const char *files[] = {
        "{\"flags\":{}}",
        /* disabled, though the other way round */
        "{\"flags\":{\"legacy-consumer\":{\"state\":\"DISABLED\"," ON_OFF ",\"defaultVariant\":\"off\"},"
        "\"new-consumer\":{\"state\":\"DISABLED\"," ON_OFF ",\"defaultVariant\":\"on\"},"
        "\"new-consumer-shadow\":{\"state\":\"DISABLED\"," ON_OFF ",\"defaultVariant\":\"on\"}}}",
        /* broken */
        "{\"flags\":{\"legacy-consumer\":5,\"new-consumer\":[],\"new-consumer-shadow\":null}}",
        /* a rule that cannot be understood, one that fails, one that names no variant */
        "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\"," ON_OFF
        ",\"defaultVariant\":\"off\",\"targeting\":{\"x\":1}},"
        "\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\",\"targeting\":{\"*\":[]}},"
        "\"new-consumer-shadow\":{\"state\":\"ENABLED\"," ON_OFF
        ",\"defaultVariant\":\"on\",\"targeting\":{\"cat\":[\"?\"]}}}}",
        /* disabled though a rule would decide, and broken for another reason than the rule */
        "{\"flags\":{\"legacy-consumer\":{\"state\":\"DISABLED\"," ON_OFF ",\"targeting\":{\"if\":[true,\"off\"]}},"
        "\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":[true],\"targeting\":{\"if\":[true,\"on\"]}}}}",
        /* not boolean */
        "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"off\":\"false\"},\"defaultVariant\":"
        "\"off\"},"
        "\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"on\":1},\"defaultVariant\":\"on\"},"
        "\"new-consumer-shadow\":{\"state\":\"ENABLED\",\"variants\":{\"on\":1},\"targeting\":{\"cat\":[\"on\"]}}}}",
        /* no default, and a rule that gives null */
        "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\"," ON_OFF "},"
        "\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":null},"
        "\"new-consumer-shadow\":{\"state\":\"ENABLED\"," ON_OFF ",\"targeting\":{\"var\":\"nothing\"}}}}",
    };
    static const struct flag_context context = {.targeting_key = {"c", 1}};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_true(consumer(files[i], FLAG_LEGACY_CONSUMER, &context).on);
        assert_false(consumer(files[i], FLAG_NEW_CONSUMER, &context).on);
        assert_false(consumer(files[i], FLAG_NEW_CONSUMER_SHADOW, &context).on);
        assert_null(consumer(files[i], FLAG_NEW_CONSUMER_SHADOW, &context).variant.at);
    }
}

/* The rule reads a member of the message; each in turn. */
static void test_the_message_is_the_context(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        bool on;
    } rows[] = {
        {"{\"==\":[{\"var\":\"targetingKey\"},\"co\"]}", true},
        {"{\"==\":[{\"var\":\"companyId\"},\"co\"]}", true},
        {"{\"==\":[{\"var\":\"generation\"},\"rule\"]}", true},
        {"{\"==\":[{\"var\":\"type\"},\"Sync Completed\"]}", true},
        {"{\"==\":[{\"var\":\"connectionId\"},\"conn\"]}", true},
        {"{\"===\":[{\"var\":\"dataTypes\"},null]}", true}, /* absent */
        {"{\"==\":[{\"missing\":[\"other\",\"type\"]},\"other\"]}", true},
        {"{\"==\":[{\"var\":\"$flagd.flagKey\"},\"new-consumer\"]}", true},
        {"{\"==\":[{\"var\":\"$flagd.timestamp\"},1725192000]}", true},
        {"{\"==\":[{\"var\":\"company\"},\"co\"]}", false},
    };
    static const struct flag_context context = {.targeting_key = {"co", 2},
                                                .generation = {"rule", 4},
                                                .type = {"Sync Completed", 14},
                                                .company = {"co", 2},
                                                .connection = {"conn", 4}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char file[500];
        snprintf(file, sizeof file,
                 "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\","
                 "\"targeting\":{\"if\":[%s,\"on\",null]}}}}",
                 rows[i].rule);
        struct flag_decision decision = consumer(file, FLAG_NEW_CONSUMER, &context);
        if (decision.on != rows[i].on || decision.error != FLAG_ERROR_NONE)
            fail_msg("%s", rows[i].rule);
        assert_int_equal(decision.reason, rows[i].on ? FLAG_REASON_TARGETING_MATCH : FLAG_REASON_DEFAULT);
    }
}

/* Nothing to hash: no bucket, the default variant. (fault 4.6) */
static void test_a_message_without_company_has_an_empty_key_and_no_bucket(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        bool on;
    } rows[] = {
        {"{\"if\":[{\"===\":[{\"var\":\"targetingKey\"},\"\"]},\"on\",\"off\"]}", true},
        {"{\"fractional\":[[\"on\",1]]}", false},
        {"{\"fractional\":[{\"var\":\"companyId\"},[\"on\",1]]}", false},
        {"{\"fractional\":[{\"cat\":[\"seed\",{\"var\":\"companyId\"}]},[\"on\",1]]}", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char file[500];
        snprintf(file, sizeof file,
                 "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\","
                 "\"targeting\":%s}}}",
                 rows[i].rule);
        struct flag_decision decision = consumer(file, FLAG_NEW_CONSUMER, &(struct flag_context){0});
        if (decision.on != rows[i].on || decision.error != FLAG_ERROR_NONE)
            fail_msg("%s", rows[i].rule);
    }
}

#define COMPANY_LOWER "5c3d8535-f81a-4478-a6d3-afaa4d51199e"
#define COMPANY_UPPER "5C3D8535-F81A-4478-A6D3-AFAA4D51199E"

/* However the flag file and the two generations write an id, they mean the same. (fault 4.5) */
static void test_ids_are_compared_without_regard_to_case(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        bool on;
    } rows[] = {
        {"{\"==\":[{\"var\":\"companyId\"},\"" COMPANY_UPPER "\"]}", true},
        {"{\"==\":[\"" COMPANY_UPPER "\",{\"var\":\"companyId\"}]}", true},
        {"{\"===\":[{\"var\":\"targetingKey\"},\"" COMPANY_UPPER "\"]}", true},
        {"{\"!=\":[{\"var\":\"companyId\"},\"" COMPANY_UPPER "\"]}", false},
        {"{\"!==\":[{\"var\":\"companyId\"},\"" COMPANY_UPPER "\"]}", false},
        {"{\"in\":[{\"var\":\"companyId\"},[\"x\",\"" COMPANY_UPPER "\"]]}", true},
        {"{\"in\":[{\"var\":\"companyId\"},[\"x\",\"" COMPANY_LOWER "\"]]}", true},
        {"{\"in\":[{\"var\":\"companyId\"},\"x," COMPANY_UPPER ",y\"]}", true},
        {"{\"in\":[\"F81A\",{\"var\":\"companyId\"}]}", true},
        {"{\"in\":[\"CONN\",[{\"var\":\"connectionId\"}]]}", true},
        {"{\"some\":[[\"" COMPANY_UPPER "\"],{\"==\":[{\"var\":\"\"},\"" COMPANY_LOWER "\"]}]}", false},
        {"{\"starts_with\":[{\"var\":\"companyId\"},\"5C3D\"]}", true},
        {"{\"ends_with\":[{\"var\":\"companyId\"},\"199E\"]}", true},
        {"{\"ends_with\":[{\"var\":\"companyId\"},\"x" COMPANY_LOWER "\"]}", false},
        {"{\"==\":[{\"cat\":[{\"var\":\"companyId\"},\"\"]},\"" COMPANY_LOWER "\"]}", true},
        {"{\"==\":[{\"var\":\"connectionId\"},\"conn\"]}", true},
        {"{\"==\":[{\"var\":\"type\"},\"sync completed\"]}", false}, /* no id */
    };
    static const char *const companies[] = {COMPANY_LOWER, COMPANY_UPPER, "5C3d8535-f81a-4478-A6d3-afaa4d51199e"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char file[1000];
        snprintf(file, sizeof file,
                 "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\","
                 "\"targeting\":{\"if\":[%s,\"on\",\"off\"]}}}}",
                 rows[i].rule);
        for (size_t c = 0; c < ARRAY_LEN(companies); c++) {
            struct str company = str_of(companies[c]);
            struct flag_context context = {
                .targeting_key = company, .company = company, .connection = STR("cOnN"), .type = STR("Sync Completed")};
            if (consumer(file, FLAG_NEW_CONSUMER, &context).on != rows[i].on)
                fail_msg("%s of %s", rows[i].rule, companies[c]);
        }
    }
}

/* Both messages of a company fall into one bucket, and `flags eval` says which. (fault 4.5) */
static void test_the_bucket_of_an_id_does_not_depend_on_its_case(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *flags = load(arena, "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF
                                      ",\"targeting\":{\"fractional\":[[\"on\",50],[\"off\",50]]}}}}");
    unsigned on = 0;
    for (int i = 0; i < 200; i++) {
        struct str lower = arena_printf(arena, "company-%x-af", i), upper = arena_printf(arena, "COMPANY-%X-AF", i);
        struct flag_context a = {.targeting_key = lower, .company = lower},
                            b = {.targeting_key = upper, .company = upper};
        bool is_on = flags_consumer(flags, FLAG_NEW_CONSUMER, &a, NOW_S, arena).on;
        assert_int_equal(is_on, flags_consumer(flags, FLAG_NEW_CONSUMER, &b, NOW_S, arena).on);
        struct str context = arena_printf(arena, "{\"targetingKey\":\"" STR_FMT "\"}", STR_ARG(upper));
        struct flag_outcome outcome;
        flags_eval(flags, STR("new-consumer"), parse(arena, context.at), NULL, FLAG_TYPE_ANY, NOW_S, arena, &outcome);
        assert_int_equal(is_on, outcome.value->boolean);
        on += is_on;
    }
    assert_true(on > 50 && on < 150);
    flags_free(flags);
    arena_free(arena);
}

/* When may the outcome of a rule be another one? (fault 4.4) */
static void test_when_time_alone_may_change_an_outcome(void **state) {
    (void)state;
    static const struct {
        const char *condition;
        int64_t from_s, to_s;
        bool may;
    } rows[] = {
        {"{\">=\":[{\"var\":\"$flagd.timestamp\"},1000]}", 998, 999, false},
        {"{\">=\":[{\"var\":\"$flagd.timestamp\"},1000]}", 999, 1000, true},
        {"{\">=\":[{\"var\":\"$flagd.timestamp\"},1000]}", 1000, 999, true}, /* the clock was set back */
        {"{\">=\":[{\"var\":\"$flagd.timestamp\"},1000]}", 1001, 5000, false},
        {"{\">\":[{\"var\":[\"$flagd.timestamp\"]},1000]}", 1000, 1001, true},
        {"{\"<=\":[{\"var\":\"$flagd.timestamp\"},999.5]}", 999, 1000, true},
        {"{\"<\":[500,{\"var\":\"$flagd.timestamp\"},1000]}", 499, 500, true},
        {"{\"<\":[500,{\"var\":\"$flagd.timestamp\"},1000]}", 502, 998, false},
        {"{\"<\":[500,{\"var\":\"$flagd.timestamp\"},1000]}", 502, 2000, true},
        {"{\"==\":[{\"var\":\"$flagd.timestamp\"},1000]}", 1000, 1001, true},
        {"{\">\":[{\"var\":\"$flagd.timestamp\"},1e400]}", 1, 2, true},
        {"{\">\":[{\"var\":\"$flagd.timestamp\"},\"1000\"]}", 1, 2, true},
        {"{\">\":[{\"%\":[{\"var\":\"$flagd.timestamp\"},86400]},1000]}", 1, 2, true},
        {"{\">\":[{\"var\":\"$flagd\"},1000]}", 1, 2, true},
        {"{\">\":[{\"var\":\"\"},1000]}", 1, 2, true},
        {"{\">\":[{\"var\":[{\"cat\":[\"a\"]}]},1000]}", 1, 2, true},
        {"{\"$ref\":\"later\"}", 1, 999, false},
        {"{\"$ref\":\"later\"}", 1, 1000, true},
        {"{\"and\":[true,{\"!\":{\">=\":[{\"var\":\"$flagd.timestamp\"},1000]}}]}", 999, 1000, true},
        {"{\"==\":[{\"var\":\"companyId\"},\"a\"]}", 0, INT32_MAX, false},
        {"{\">\":[5,3]}", 0, INT32_MAX, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct str file = arena_printf(
            arena,
            "{\"$evaluators\":{\"later\":{\">=\":[{\"var\":\"$flagd.timestamp\"},1000]}},\"flags\":{\"new-consumer\":{"
            "\"state\":\"ENABLED\"," ON_OFF ",\"targeting\":{\"if\":[%s,\"on\",\"off\"]}}}}",
            rows[i].condition);
        struct flags *flags = load(arena, file.at);
        if (flags_may_change_between(flags, rows[i].from_s, rows[i].to_s) != rows[i].may)
            fail_msg("%s from %lld to %lld", rows[i].condition, (long long)rows[i].from_s, (long long)rows[i].to_s);
        assert_false(flags_may_change_between(flags, rows[i].to_s, rows[i].to_s));
        flags_free(flags);
        arena_free(arena);
    }
}

/* Raising the weight of "on" only ever adds companies. */
static void test_a_ramp_never_flips_a_company_back(void **state) {
    (void)state;
    enum { COMPANIES = 500 };
    bool was_on[COMPANIES] = {false};
    for (int percent = 0; percent <= 100; percent += 5) {
        struct arena *arena = arena_new(0);
        struct flags *flags = load(arena, arena_printf(arena,
                                                       "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF
                                                       ",\"defaultVariant\":\"off\","
                                                       "\"targeting\":{\"fractional\":[[\"on\",%d],[\"off\",%d]]}}}}",
                                                       percent, 100 - percent)
                                              .at);
        unsigned on = 0;
        for (int i = 0; i < COMPANIES; i++) {
            struct str company = arena_printf(arena, "company-%d", i);
            struct flag_context context = {.targeting_key = company, .company = company};
            bool is_on = flags_consumer(flags, FLAG_NEW_CONSUMER, &context, NOW_S, arena).on;
            assert_true(is_on || !was_on[i]);
            was_on[i] = is_on;
            on += is_on;
        }
        assert_true(percent != 0 || on == 0);
        assert_true(percent != 100 || on == COMPANIES);
        assert_true(on + COMPANIES / 20 > (unsigned)percent * COMPANIES / 100);
        assert_true(on < (unsigned)percent * COMPANIES / 100 + COMPANIES / 20);
        flags_free(flags);
        arena_free(arena);
    }
}

static void test_what_does_not_depend_on_the_message(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *flags = load(arena, CONSUMERS("\"defaultVariant\":\"off\",\"targeting\":{}",
                                                "\"defaultVariant\":\"off\",\"targeting\":{\"!\":[1]}"));
    assert_false(flags_consumer_is_targeted(flags, FLAG_LEGACY_CONSUMER));
    assert_true(flags_consumer_is_targeted(flags, FLAG_NEW_CONSUMER));
    assert_false(flags_consumer_is_targeted(flags, FLAG_NEW_CONSUMER_SHADOW));
    flags_free(flags);
    arena_free(arena);
}

/* --- one set, many readers */

struct reader {
    const struct flags *flags;
    unsigned on;
};

static void *read_flags(void *arg) {
    struct reader *reader = arg;
    struct arena *scratch = arena_new(0);
    for (int i = 0; i < 2000; i++) {
        struct str company = arena_printf(scratch, "company-%d", i);
        struct flag_context context = {.targeting_key = company, .company = company};
        reader->on += flags_consumer(reader->flags, FLAG_NEW_CONSUMER, &context, NOW_S, scratch).on;
        arena_reset(scratch);
    }
    arena_free(scratch);
    return NULL;
}

static void test_threads_read_one_set(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *flags =
        load(arena, CONSUMERS("\"defaultVariant\":\"on\"",
                              "\"defaultVariant\":\"off\",\"targeting\":{\"if\":[{\"in\":[{\"var\":"
                              "\"companyId\"},[\"company-1\"]]},\"on\",{\"fractional\":[[\"on\",30],[\"off\",70]]}]}"));
    struct reader readers[4];
    pthread_t threads[ARRAY_LEN(readers)];
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        readers[i] = (struct reader){flags, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, read_flags, &readers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(readers[i].on, readers[0].on);
    }
    assert_true(readers[0].on > 500 && readers[0].on < 700);
    flags_free(flags);
    arena_free(arena);
}

/* --- what changed */

static void assert_change(const struct flag_change *change, const char *key, const char *before, const char *after) {
    assert_true(str_eq(change->key, str_of(key)));
    assert_int_equal(change->before.at == NULL, before == NULL);
    assert_int_equal(change->after.at == NULL, after == NULL);
    if (before != NULL && !str_eq(change->before, str_of(before)))
        fail_msg("before: " STR_FMT, STR_ARG(change->before));
    if (after != NULL && !str_eq(change->after, str_of(after)))
        fail_msg("after: " STR_FMT, STR_ARG(change->after));
}

static void test_changes_between_two_sets(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *old =
        load(arena, "{\"flags\":{\"a\":{\"state\":\"ENABLED\"},\"b\":{\"state\":\"ENABLED\"},"
                    "\"gone\":{\"state\":\"ENABLED\"},\"r\":{\"state\":\"ENABLED\",\"targeting\":{\"$ref\":\"x\"}}},"
                    "\"$evaluators\":{\"x\":{\"$ref\":\"y\"},\"y\":{\"var\":\"q\"},\"z\":1}}");
    struct flags *new = load(arena, "{\"flags\":[{\"key\":\"added\",\"state\":\"ENABLED\"}, // moved\n"
                                    "{\"key\":\"r\",\"state\":\"ENABLED\",\"targeting\":{\"$ref\":\"x\"}},\n"
                                    "{\"key\":\"b\", \"state\" : \"DISABLED\"},{\"key\":\"a\",\"state\":\"ENABLED\"}],"
                                    "\"$evaluators\":{\"x\":{\"$ref\":\"y\"},\"y\":{\"var\":\"changed\"},\"z\":2}}");
    const struct flag_change *changes;
    assert_int_equal(flags_changes(old, new, arena, &changes), 4);
    assert_change(&changes[0], "added", NULL, "{\"state\":\"ENABLED\"}");
    assert_change(&changes[1], "b", "{\"state\":\"ENABLED\"}", "{\"state\":\"DISABLED\"}");
    assert_change(&changes[2], "gone", "{\"state\":\"ENABLED\"}", NULL);
    assert_change(
        &changes[3], "r",
        "{\"state\":\"ENABLED\",\"targeting\":{\"$ref\":\"x\"}} with {\"x\":{\"$ref\":\"y\"},\"y\":{\"var\":\"q\"}}",
        "{\"state\":\"ENABLED\",\"targeting\":{\"$ref\":\"x\"}} with "
        "{\"x\":{\"$ref\":\"y\"},\"y\":{\"var\":\"changed\"}}");
    assert_int_equal(flags_changes(new, new, arena, &changes), 0);
    assert_int_equal(flags_changes(NULL, new, arena, &changes), 4);
    assert_change(&changes[0], "a", NULL, "{\"state\":\"ENABLED\"}");
    flags_free(old);
    flags_free(new);
    arena_free(arena);
}

/* What is broken, and what leads to no evaluator, differs by how it is written. */
static void test_changes_of_what_is_broken(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *old = load(arena, "{\"flags\":{\"a\":5,\"b\":6,\"c\":{\"targeting\":{\"!\":[1]}}}}");
    struct flags *new = load(arena, "{\"flags\":{\"a\":5,\"b\":[7],\"c\":{\"targeting\":{\"!\":[2]}},"
                                    "\"d\":{\"targeting\":{\"$ref\":\"none\"}}},\"$evaluators\":{\"x\":1}}");
    const struct flag_change *changes;
    assert_int_equal(flags_changes(old, new, arena, &changes), 3);
    assert_change(&changes[0], "b", "6", "[7]");
    assert_change(&changes[1], "c", "{\"targeting\":{\"!\":[1]}}", "{\"targeting\":{\"!\":[2]}}");
    assert_change(&changes[2], "d", NULL, "{\"targeting\":{\"$ref\":\"none\"}}");
    flags_free(old);
    flags_free(new);
    arena_free(arena);
}

/* What decides is the evaluators that a rule leads to, each once, whatever else stands in it. */
static void test_changes_behind_a_reference(void **state) {
    (void)state;
    static const char *const files[] = {
        "{\"flags\":{\"d\":{\"state\":\"ENABLED\",\"targeting\":{\"if\":[{\"$ref\":\"x\"},{\"$ref\":\"y\"},"
        "{\"$ref\":\"x\"}]}},\"e\":{\"state\":\"ENABLED\",\"targeting\":{\"in\":[1,[{},{\"a\":{\"$ref\":\"gone\"},"
        "\"b\":{\"$ref\":5}}]]}},\"z\":{\"state\":\"ENABLED\"}},"
        "\"$evaluators\":{\"x\":{\"var\":\"a\"},\"y\":{\"var\":\"b\"}}}",
        "{\"flags\":{\"d\":{\"state\":\"ENABLED\",\"targeting\":{\"if\":[{\"$ref\":\"x\"},{\"$ref\":\"y\"},"
        "{\"$ref\":\"x\"}]}},\"e\":{\"state\":\"ENABLED\",\"targeting\":{\"in\":[1,[{},{\"a\":{\"$ref\":\"gone\"},"
        "\"b\":{\"$ref\":5}}]]}}},"
        "\"$evaluators\":{\"x\":{\"var\":\"a\"},\"y\":{\"var\":\"c\"}}}",
    };
    struct arena *arena = arena_new(0);
    struct flags *old = load(arena, files[0]), *new = load(arena, files[1]);
    const struct flag_change *changes;
    assert_int_equal(flags_changes(old, new, arena, &changes), 2);
    assert_true(str_eq(changes[0].key, STR("d")));
    assert_true(str_ends_with(changes[0].after, STR(" with {\"x\":{\"var\":\"a\"},\"y\":{\"var\":\"c\"}}")));
    assert_change(&changes[1], "z", "{\"state\":\"ENABLED\"}", NULL);
    flags_free(old);
    flags_free(new);
    arena_free(arena);
}

static void test_views(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *flags = load(arena, "{\"flags\":{\"z\":{\"state\":\"DISABLED\"},\"a\":{\"state\":\"ENABLED\"," ON_OFF
                                      ",\"defaultVariant\":\"on\",\"targeting\":{\"?\":1}}}}");
    assert_int_equal(flags_count(flags), 2);
    struct flag_view a = flags_at(flags, 0), z = flags_at(flags, 1);
    assert_true(str_eq(a.key, STR("a")) && a.is_broken && !a.is_disabled && a.variants->count == 2);
    assert_true(str_eq(a.default_variant, STR("on")) && a.targeting != NULL);
    assert_true(str_eq(z.key, STR("z")) && z.is_disabled && !z.is_broken && z.default_variant.at == NULL);
    flags_free(flags);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_flag_the_system_is_unmigrated),
        cmocka_unit_test(test_the_message_is_the_context),
        cmocka_unit_test(test_a_message_without_company_has_an_empty_key_and_no_bucket),
        cmocka_unit_test(test_ids_are_compared_without_regard_to_case),
        cmocka_unit_test(test_the_bucket_of_an_id_does_not_depend_on_its_case),
        cmocka_unit_test(test_when_time_alone_may_change_an_outcome),
        cmocka_unit_test(test_a_ramp_never_flips_a_company_back),
        cmocka_unit_test(test_what_does_not_depend_on_the_message),
        cmocka_unit_test(test_threads_read_one_set),
        cmocka_unit_test(test_changes_between_two_sets),
        cmocka_unit_test(test_changes_of_what_is_broken),
        cmocka_unit_test(test_changes_behind_a_reference),
        cmocka_unit_test(test_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
