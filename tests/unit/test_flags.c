/* Flags: a case for every sentence on how they are loaded and evaluated, and every kind of bad file. */
#include "tests/unit/flags_fixture.h"

static void test_without_targeting_the_default_variant_counts(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ENABLED(ON_OFF ",\"defaultVariant\":\"on\""), "f", NULL, NULL, NULL,
         "{\"value\":true,\"variant\":\"on\",\"reason\":\"STATIC\"}"},
        {ENABLED(ON_OFF ",\"defaultVariant\":\"off\",\"targeting\":{}"), "f", "boolean", "{\"a\":1}", "true",
         "{\"value\":false,\"variant\":\"off\",\"reason\":\"STATIC\"}"},
        {ENABLED(ON_OFF ",\"defaultVariant\":\"off\",\"targeting\":null"), "f", NULL, NULL, NULL,
         "{\"value\":false,\"variant\":\"off\",\"reason\":\"STATIC\"}"},
        {ENABLED("\"variants\":{\"x\":{\"a\":[1]},\"y\":{}},\"defaultVariant\":\"x\""), "f", "object", NULL, NULL,
         "{\"value\":{\"a\":[1]},\"variant\":\"x\",\"reason\":\"STATIC\"}"},
        {"{\"flags\":[{\"key\":\"f\",\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"}]}", "f", NULL, NULL,
         NULL, "{\"value\":true,\"variant\":\"on\",\"reason\":\"STATIC\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_without_a_default_variant_the_callers_default_counts(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ENABLED(ON_OFF ",\"defaultVariant\":null"), "f", "boolean", NULL, "true",
         "{\"value\":true,\"reason\":\"DEFAULT\"}"},
        {ENABLED(ON_OFF), "f", "boolean", NULL, "false", "{\"value\":false,\"reason\":\"DEFAULT\"}"},
        {ENABLED(ON_OFF), "f", NULL, NULL, NULL, "{\"reason\":\"DEFAULT\"}"},
        {ENABLED(ON_OFF ",\"targeting\":{\"if\":[{\"var\":\"x\"},\"on\"]}"), "f", NULL, "{}", "7",
         "{\"value\":7,\"reason\":\"DEFAULT\"}"},
        {ENABLED(ON_OFF ",\"targeting\":{\"if\":[{\"var\":\"x\"},\"on\"]}"), "f", NULL, "{\"x\":1}", "7",
         "{\"value\":true,\"variant\":\"on\",\"reason\":\"TARGETING_MATCH\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_targeting_names_a_variant(void **state) {
    (void)state;
    static const struct row rows[] = {
        {TARGETED("{\"if\":[{\"==\":[{\"var\":\"x\"},1]},\"a\",null]}"), "f", NULL, "{\"x\":1}", NULL,
         "{\"value\":\"A\",\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
        {TARGETED("{\"if\":[{\"==\":[{\"var\":\"x\"},1]},\"a\",null]}"), "f", NULL, "{\"x\":2}", NULL,
         "{\"value\":\"B\",\"variant\":\"b\",\"reason\":\"DEFAULT\"}"},
        {TARGETED("{\"!\":[false]}"), "f", NULL, NULL, NULL,
         "{\"value\":\"T\",\"variant\":\"true\",\"reason\":\"TARGETING_MATCH\"}"},
        {TARGETED("{\"+\":[1]}"), "f", NULL, NULL, NULL,
         "{\"value\":\"one\",\"variant\":\"1\",\"reason\":\"TARGETING_MATCH\"}"},
        {TARGETED("{\"!\":[true]}"), "f", NULL, NULL, "\"z\"",
         "{\"value\":\"z\",\"reason\":\"ERROR\",\"errorCode\":\"GENERAL\"}"},
        {TARGETED("{\"cat\":[\"no\",\"ne\"]}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"GENERAL\"}"},
        {TARGETED("{\"merge\":[1]}"), "f", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"GENERAL\"}"},
        {TARGETED("{\"var\":\"\"}"), "f", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"GENERAL\"}"},
        {TARGETED("{\"/\":[0,0]}"), "f", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"GENERAL\"}"},
        {TARGETED("{\"sem_ver\":[{\"var\":\"v\"},\"=\",\"1.0.0\"]}"), "f", NULL, "{\"v\":\"nonsense\"}", NULL,
         "{\"value\":\"B\",\"variant\":\"b\",\"reason\":\"DEFAULT\"}"},
        {TARGETED("{\"fractional\":[[\"a\",1]]}"), "f", NULL, "{}", NULL,
         "{\"value\":\"B\",\"variant\":\"b\",\"reason\":\"DEFAULT\"}"},
        {TARGETED("{\"fractional\":[[\"a\",1]]}"), "f", NULL, "{\"targetingKey\":\"c\"}", NULL,
         "{\"value\":\"A\",\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
        {TARGETED("\"a\""), "f", NULL, NULL, NULL,
         "{\"value\":\"A\",\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_flagd_properties_are_in_the_context(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"flags\":{\"a\":{\"state\":\"ENABLED\",\"variants\":{\"a\":1},\"targeting\":{\"var\":\"$flagd.flagKey\"}}}"
         "}",
         "a", NULL, NULL, NULL, "{\"value\":1,\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
        {TARGETED("{\"if\":[{\"===\":[{\"var\":\"$flagd.timestamp\"},1725192000]},\"a\",\"b\"]}"), "f", NULL,
         "{\"$flagd\":{\"timestamp\":5}}", NULL, "{\"value\":\"A\",\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
        {TARGETED("{\"if\":[{\"var\":\"$flagd.other\"},\"a\",\"b\"]}"), "f", NULL, "{}", NULL,
         "{\"value\":\"B\",\"variant\":\"b\",\"reason\":\"TARGETING_MATCH\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_disabled_has_no_value(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ONE("\"state\":\"DISABLED\"," ON_OFF ",\"defaultVariant\":\"on\""), "f", "boolean", NULL, "false",
         "{\"value\":false,\"reason\":\"DISABLED\"}"},
        {ONE("\"state\":\"DISABLED\"," ON_OFF ",\"defaultVariant\":\"on\",\"targeting\":{\"bad\":1}"), "f", NULL, NULL,
         NULL, "{\"reason\":\"DISABLED\"}"},
        {ONE("\"state\":\"DISABLED\"," ON_OFF ",\"targeting\":{\"if\":[true,\"on\"]}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"DISABLED\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_errors(void **state) {
    (void)state;
    static const struct row rows[] = {
        {ENABLED(ON_OFF), "g", NULL, NULL, "1", "{\"value\":1,\"reason\":\"ERROR\",\"errorCode\":\"FLAG_NOT_FOUND\"}"},
        {"{\"flags\":{}}", "", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"FLAG_NOT_FOUND\"}"},
        {TARGETED("{\"nonsense\":[1]}"), "f", NULL, NULL, "1",
         "{\"value\":1,\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {TARGETED("{\"*\":[]}"), "f", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {"{\"flags\":{\"f\":5}}", "f", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {ENABLED("\"variants\":[1]"), "f", NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {ENABLED("\"variants\":[1],\"targeting\":{\"if\":[true,\"on\"]}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {TARGETED(
             "{\"reduce\":[{\"var\":\"l\"},{\"cat\":[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}]},\"x\"]}"),
         "f", NULL, "{\"l\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"GENERAL\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_types(void **state) {
    (void)state;
    static const char *values[] = {"true", "\"text\"", "10", "10.0", "0.5", "{}", "9007199254740991"};
    static const struct {
        const char *type, *fits; /* one letter for each value */
    } types[] = {
        {"boolean", "y......"}, {"string", ".y....."}, {"number", "..yyy.y"},
        {"integer", "..yy..y"}, {"float", "..yyy.y"},  {"object", ".....y."},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        for (size_t j = 0; j < ARRAY_LEN(types); j++) {
            char file[200];
            struct flag_outcome outcome;
            enum flag_type type;
            snprintf(file, sizeof file, ENABLED("\"variants\":{\"v\":%s},\"defaultVariant\":\"v\""), values[i]);
            struct flags *flags = load(arena, file);
            assert_true(flag_type_parse(str_of(types[j].type), &type));
            flags_eval(flags, STR("f"), NULL, NULL, type, NOW_S, arena, &outcome);
            bool fits = outcome.error == FLAG_ERROR_NONE && outcome.value != NULL;
            if (fits != (types[j].fits[i] == 'y'))
                fail_msg("%s as %s", values[i], types[j].type);
            assert_true(fits || (outcome.error == FLAG_ERROR_TYPE_MISMATCH && outcome.reason == FLAG_REASON_ERROR &&
                                 outcome.variant.at == NULL));
            flags_free(flags);
        }
    }
    enum flag_type type;
    assert_false(flag_type_parse(STR("Boolean"), &type));
    arena_free(arena);
    static const struct row rows[] = {
        {ENABLED("\"variants\":{\"v\":10.0},\"defaultVariant\":\"v\""), "f", "integer", NULL, NULL,
         "{\"value\":10,\"variant\":\"v\",\"reason\":\"STATIC\"}"},
        {ENABLED("\"variants\":{\"v\":10000000000000000.0},\"defaultVariant\":\"v\""), "f", "integer", NULL, NULL,
         "{\"value\":10000000000000000.0,\"variant\":\"v\",\"reason\":\"STATIC\"}"}, /* past 2^53: as written */
        {ENABLED("\"variants\":{\"v\":10.0},\"defaultVariant\":\"v\""), "f", "float", NULL, NULL,
         "{\"value\":10.0,\"variant\":\"v\",\"reason\":\"STATIC\"}"},
        {ENABLED("\"variants\":{\"v\":0.5},\"defaultVariant\":\"v\""), "f", "integer", NULL, "3",
         "{\"value\":3,\"reason\":\"ERROR\",\"errorCode\":\"TYPE_MISMATCH\"}"},
    };
    CHECK_ROWS(rows);
}

static void test_metadata_of_set_and_flag_are_merged(void **state) {
    (void)state;
    static const char *file = "{\"flags\":{\"f\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\","
                              "\"metadata\":{\"b\":\"flag\",\"c\":1.5,\"d\":null}},"
                              "\"g\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"},"
                              "\"h\":{\"state\":\"DISABLED\"}},"
                              "\"metadata\":{\"a\":true,\"b\":\"set\",\"d\":4}}";
    const struct row rows[] = {
        {file, "f", NULL, NULL, NULL,
         "{\"value\":true,\"variant\":\"on\",\"reason\":\"STATIC\",\"metadata\":{\"a\":true,\"d\":4,\"b\":\"flag\","
         "\"c\":1.5}}"},
        {file, "g", NULL, NULL, NULL,
         "{\"value\":true,\"variant\":\"on\",\"reason\":\"STATIC\",\"metadata\":{\"a\":true,\"b\":\"set\",\"d\":4}}"},
        {file, "h", NULL, NULL, NULL, "{\"reason\":\"DISABLED\",\"metadata\":{\"a\":true,\"b\":\"set\",\"d\":4}}"},
        {file, "i", NULL, NULL, NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"FLAG_NOT_FOUND\",\"metadata\":{\"a\":true,\"b\":\"set\",\"d\":4}}"},
        {ENABLED("\"metadata\":{}"), "f", NULL, NULL, NULL, "{\"reason\":\"DEFAULT\"}"},
        {ENABLED("\"metadata\":{\"a\":null}"), "f", NULL, NULL, NULL, "{\"reason\":\"DEFAULT\"}"},
        {ENABLED("\"metadata\":{\"a\":null,\"b\":1,\"b\":2}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"DEFAULT\",\"metadata\":{\"b\":2}}"},
    };
    CHECK_ROWS(rows);
}

static void test_references_stand_for_evaluators(void **state) {
    (void)state;
    static const struct row rows[] = {
        {WITH_EVALUATORS("\"x\":{\"==\":[{\"var\":\"e\"},1]}", "{\"if\":[{\"$ref\" : \"x\"},\"a\",null]}"), "f", NULL,
         "{\"e\":1}", NULL, "{\"value\":1,\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
        {WITH_EVALUATORS("\"x\":{\"==\":[{\"var\":\"e\"},1]}", "{\"$ref\":\"x\"}"), "f", NULL, "{\"e\":1}", NULL,
         "{\"value\":3,\"variant\":\"true\",\"reason\":\"TARGETING_MATCH\"}"},
        {WITH_EVALUATORS(
             "\"x\":{\"and\":[{\"$ref\":\"y\"},{\"$ref\":\"z\"}]},\"y\":{\"!\":{\"$ref\":\"z\"}},\"z\":{\"var\":\"e\"}",
             "{\"if\":[{\"or\":[{\"$ref\":\"x\"},{\"$ref\":\"y\"}]},\"a\",null]}"),
         "f", NULL, "{\"e\":0}", NULL, "{\"value\":1,\"variant\":\"a\",\"reason\":\"TARGETING_MATCH\"}"},
        {WITH_EVALUATORS("", "{\"if\":[{\"$ref\":\"x\"},\"a\",null]}"), "f", NULL, NULL, "9",
         "{\"value\":9,\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {WITH_EVALUATORS("\"x\":{\"$ref\":\"x\"}", "{\"$ref\":\"x\"}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {WITH_EVALUATORS("\"x\":{\"!\":{\"$ref\":\"y\"}},\"y\":{\"!\":{\"$ref\":\"x\"}}", "{\"$ref\":\"y\"}"), "f",
         NULL, NULL, NULL, "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {WITH_EVALUATORS("\"x\":{\"bad\":1}", "{\"if\":[true,\"a\",{\"$ref\":\"x\"}]}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
        {WITH_EVALUATORS("\"x\":1", "{\"$ref\":5}"), "f", NULL, NULL, NULL,
         "{\"reason\":\"ERROR\",\"errorCode\":\"PARSE_ERROR\"}"},
    };
    CHECK_ROWS(rows);
}

/* "Of several with one key the last counts", evaluators too. */
static void test_the_last_of_several_evaluators_counts(void **state) {
    (void)state;
    static const struct row rows[] = {
        {WITH_EVALUATORS("\"x\":{\"!\":[1]},\"a\":1,\"x\":{\"!\":[0]}", "{\"$ref\":\"x\"}"), "f", NULL, NULL, NULL,
         "{\"value\":3,\"variant\":\"true\",\"reason\":\"TARGETING_MATCH\"}"},
        {WITH_EVALUATORS("\"a\":1,\"b\":{\"!\":[1]},\"b\":{\"!\":[0]}", "{\"$ref\":\"b\"}"), "f", NULL, NULL, NULL,
         "{\"value\":3,\"variant\":\"true\",\"reason\":\"TARGETING_MATCH\"}"},
    };
    CHECK_ROWS(rows);
}

/* A number of 400 digits and more is no double's, so it is not whole either. */
static void test_numbers_without_end_are_no_integers(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct flag_outcome outcome;
    strbuf_append(&text, STR("{\"flags\":{\"f\":{\"state\":\"ENABLED\",\"defaultVariant\":\"v\",\"variants\":{\"v\":"));
    for (int i = 0; i < 450; i++)
        strbuf_append_char(&text, '7');
    strbuf_append(&text, STR("}}}}"));
    struct flags *flags = load(arena, text.at);
    flags_eval(flags, STR("f"), NULL, NULL, FLAG_TYPE_INTEGER, NOW_S, arena, &outcome);
    assert_int_equal(outcome.error, FLAG_ERROR_TYPE_MISMATCH);
    flags_eval(flags, STR("f"), NULL, NULL, FLAG_TYPE_NUMBER, NOW_S, arena, &outcome);
    assert_int_equal(outcome.error, FLAG_ERROR_NONE);
    flags_free(flags);
    strbuf_clear(&text);
    arena_free(arena);
}

/* 2^60 rules if each reference were a copy; 60 if they are shared. */
static void test_references_do_not_multiply(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct flag_outcome outcome;
    strbuf_append(&text, STR("{\"$evaluators\":{\"e0\":true"));
    for (int i = 1; i <= 60; i++)
        strbuf_printf(&text, ",\"e%d\":{\"and\":[{\"$ref\":\"e%d\"},{\"$ref\":\"e%d\"}]}", i, i - 1, i - 1);
    strbuf_append(&text, STR("},\"flags\":{\"f\":{\"state\":\"ENABLED\",\"variants\":{\"true\":1},"
                             "\"targeting\":{\"$ref\":\"e60\"}}}}"));
    struct flags *flags = load(arena, text.at);
    flags_eval(flags, STR("f"), NULL, NULL, FLAG_TYPE_ANY, NOW_S, arena, &outcome);
    assert_int_equal(outcome.error, FLAG_ERROR_GENERAL); /* applied, they do multiply, and that is bounded */
    flags_free(flags);
    strbuf_clear(&text);
    arena_free(arena);
}

/* A long chain of references is nested rules: it breaks the flag, not the program. */
static void test_long_chains_of_references_break_the_flag(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct flag_outcome outcome;
    strbuf_append(&text, STR("{\"$evaluators\":{\"e0\":true"));
    for (int i = 1; i <= 20000; i++)
        strbuf_printf(&text, ",\"e%d\":{\"!\":{\"$ref\":\"e%d\"}}", i, i - 1);
    strbuf_append(&text, STR("},\"flags\":{\"f\":{\"state\":\"ENABLED\",\"variants\":{\"true\":1},"
                             "\"targeting\":{\"$ref\":\"e20000\"}}}}"));
    struct flags *flags = load(arena, text.at);
    flags_eval(flags, STR("f"), NULL, NULL, FLAG_TYPE_ANY, NOW_S, arena, &outcome);
    assert_int_equal(outcome.error, FLAG_ERROR_PARSE);
    const struct flag_change *changes;
    assert_int_equal(flags_changes(NULL, flags, arena, &changes), 1);
    flags_free(flags);
    strbuf_clear(&text);
    arena_free(arena);
}

/* --- bad input */

static void test_a_byte_order_mark_is_passed_over(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *flags = load(arena, "\xEF\xBB\xBF" ENABLED(ON_OFF ",\"defaultVariant\":\"on\""));
    assert_int_equal(flags_count(flags), 1);
    flags_free(flags);
    arena_free(arena);
}

static void test_every_prefix_of_a_file_is_refused(void **state) {
    (void)state;
    static const char *file =
        CONSUMERS("\"defaultVariant\":\"off\"", "\"defaultVariant\":\"off\",\"targeting\":{\"!\":[1]}");
    for (size_t len = 0; len < strlen(file); len++) {
        struct arena *arena = arena_new(0);
        struct flags *flags = NULL;
        struct flag_problems problems;
        assert_int_not_equal(flags_load(str_slice(file, len), arena, &flags, &problems), ERR_NONE);
        assert_null(flags);
        assert_int_equal(problems.worst, FLAG_REFUSED);
        arena_free(arena);
    }
}

static void test_a_megabyte_of_brackets_is_refused(void **state) {
    (void)state;
    enum { LEN = 1 << 20 };
    static const char *const openings[] = {"[", "{\"flags\":", "{\"flags\":{\"f\":{\"targeting\":{\"!\":["};
    char *text = malloc(LEN);
    assert_non_null(text);
    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        struct arena *arena = arena_new(0);
        struct flags *flags = NULL;
        struct flag_problems problems;
        memset(text, '[', LEN);
        memcpy(text, openings[i], strlen(openings[i]));
        assert_int_not_equal(flags_load(str_slice(text, LEN), arena, &flags, &problems), ERR_NONE);
        assert_int_equal(problems.worst, FLAG_REFUSED);
        arena_free(arena);
    }
    free(text);
}

static void test_ten_thousand_flags(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct flag_problems problems;
    struct flags *flags = NULL;
    strbuf_append(&text,
                  STR("{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"}"));
    for (int i = 0; i < 10000; i++)
        strbuf_printf(&text,
                      ",\"flag-%d\":{\"state\":\"ENABLED\",\"variants\":{\"a\":%d,\"b\":-1},\"defaultVariant\":\"a\","
                      "\"targeting\":{\"if\":[{\"==\":[{\"var\":\"n\"},%d]},\"b\",null]}}",
                      i, i, i);
    strbuf_append(&text, STR("}}"));
    assert_int_equal(flags_load(strbuf_str(&text), arena, &flags, &problems), ERR_NONE);
    assert_int_equal(problems.count, 0);
    assert_int_equal(flags_count(flags), 10001);
    for (int i = 0; i < 10000; i += 37) {
        struct flag_outcome outcome;
        flags_eval(flags, arena_printf(arena, "flag-%d", i), parse(arena, "{\"n\":37}"), NULL, FLAG_TYPE_ANY, NOW_S,
                   arena, &outcome);
        assert_int_equal(outcome.reason, i == 37 ? FLAG_REASON_TARGETING_MATCH : FLAG_REASON_DEFAULT);
        int64_t number;
        assert_true(str_to_i64(outcome.value->text, &number) && number == (i == 37 ? -1 : i));
    }
    flags_free(flags);
    strbuf_clear(&text);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_targeting_the_default_variant_counts),
        cmocka_unit_test(test_without_a_default_variant_the_callers_default_counts),
        cmocka_unit_test(test_targeting_names_a_variant),
        cmocka_unit_test(test_flagd_properties_are_in_the_context),
        cmocka_unit_test(test_disabled_has_no_value),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_metadata_of_set_and_flag_are_merged),
        cmocka_unit_test(test_references_stand_for_evaluators),
        cmocka_unit_test(test_the_last_of_several_evaluators_counts),
        cmocka_unit_test(test_numbers_without_end_are_no_integers),
        cmocka_unit_test(test_references_do_not_multiply),
        cmocka_unit_test(test_long_chains_of_references_break_the_flag),
        cmocka_unit_test(test_a_byte_order_mark_is_passed_over),
        cmocka_unit_test(test_every_prefix_of_a_file_is_refused),
        cmocka_unit_test(test_a_megabyte_of_brackets_is_refused),
        cmocka_unit_test(test_ten_thousand_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
