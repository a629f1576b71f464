/* Flags: a case for every sentence on how they are loaded and evaluated, and every kind of bad file. */
#include "tests/unit/flags_fixture.h"

#include <pthread.h>

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

/* --- the flags of the proxy */

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
        {"{\"===\":[{\"var\":\"dataType\"},null]}", true}, /* absent */
        {"{\"==\":[{\"missing\":[\"dataType\",\"type\"]},\"dataType\"]}", true},
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

static void test_a_message_without_company_has_an_empty_key(void **state) {
    (void)state;
    static const char *file =
        "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\","
        "\"targeting\":{\"if\":[{\"===\":[{\"var\":\"targetingKey\"},\"\"]},"
        "{\"fractional\":[[\"on\",1]]},null]}}}}";
    assert_true(consumer(file, FLAG_NEW_CONSUMER, &(struct flag_context){0}).on);
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
        cmocka_unit_test(test_without_a_flag_the_system_is_unmigrated),
        cmocka_unit_test(test_the_message_is_the_context),
        cmocka_unit_test(test_a_message_without_company_has_an_empty_key),
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
