/* What is told about a flag file: what refuses it, what breaks a flag, what flagd's schema forbids, and what endangers
 * a migration; each with its place. */
#include "tests/unit/flags_fixture.h"

static void test_what_refuses_a_file(void **state) {
    (void)state;
    static const struct problem_row rows[] = {
        {"", FLAG_REFUSED, "", ""},
        {"  \n ", FLAG_REFUSED, "", ""},
        {"{\"flags\":{", FLAG_REFUSED, "", ""},
        {"{\"flags\":{}", FLAG_REFUSED, "", ""},
        {"{\"flags\":{\"f\":{\"state\":\"ENAB", FLAG_REFUSED, "", ""},
        {"[]", FLAG_REFUSED, "[", "must be an object"},
        {"null", FLAG_REFUSED, "null", "must be an object"},
        {"{}", FLAG_REFUSED, "{", "\"flags\" must be there"},
        {"{\"flags\":5}", FLAG_REFUSED, "5", "\"flags\" must be there"},
        {"{\"flags\":{}}garbage", FLAG_REFUSED, "garbage", ""},
        {"{\"flags\":{\"f\":{\"state\":\"\xFF\"}}}", FLAG_REFUSED, "", ""},
        {"{\"flags\":{\n \"f\":{\"state\":\"ON\"}}}", FLAG_REFUSED, "\"ON\"", "state must be"},
        {"{\"flags\":{\"f\":{\"state\":null}}}", FLAG_REFUSED, "null", "state must be"},
        {"{\"flags\":{\"f\":{\"state\":\"enabled\"}}}", FLAG_REFUSED, "\"enabled\"", "state must be"},
        {ENABLED(ON_OFF ",\"defaultVariant\":\"of\""), FLAG_REFUSED, "\"of\"", "defaultVariant is not one of"},
        {ENABLED(ON_OFF ",\"defaultVariant\":true"), FLAG_REFUSED, "true", "defaultVariant is not one of"},
        {ENABLED("\"defaultVariant\":\"on\""), FLAG_REFUSED, "\"on\"", "defaultVariant is not one of"},
        {ONE("\"state\":\"DISABLED\",\"defaultVariant\":\"on\""), FLAG_REFUSED, "\"on\"",
         "defaultVariant is not one of"},
        {"{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"of\"}}}", FLAG_REFUSED,
         "\"of\"", "defaultVariant is not one of"},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"on\"}}}", FLAG_REFUSED, "\"on\"",
         "defaultVariant is not one of"},
    };
    CHECK_PROBLEMS(rows);
}

static void test_what_breaks_a_flag(void **state) {
    (void)state;
    static const struct problem_row rows[] = {
        {"{\"flags\":{\"f\":[]}}", FLAG_BROKEN, "[]", "must be an object"},
        {ENABLED("\"variants\":[]"), FLAG_BROKEN, "[]", "variants must be an object"},
        {"{\"flags\":[{\"state\":\"ENABLED\"}]}", FLAG_BROKEN, "{\"state", "needs a \"key\""},
        {"{\"flags\":[7]}", FLAG_BROKEN, "7", "needs a \"key\""},
        {ENABLED(ON_OFF ",\n\"targeting\":{\"if\":[{\"nonsense\":1},\"on\"]}"), FLAG_BROKEN, "{\"nonsense\"",
         "unknown operator \"nonsense\""},
        {ENABLED(ON_OFF ",\n\"targeting\":{\"$ref\":\"gone\"}"), FLAG_BROKEN, "\"gone\"", "no evaluator \"gone\""},
        {WITH_EVALUATORS("\"x\":{\"$ref\":\"x\"}", "{\"$ref\":\"x\"}"), FLAG_BROKEN, "{\"$ref\":\"x\"}",
         "refers to itself"},
        {"{\"$evaluators\":{\"x\":{\"?!\":1}},\"flags\":{\"f\":{\"state\":\"ENABLED\",\"targeting\":{\"$ref\":\"x\"}},"
         "\"g\":{\"state\":\"ENABLED\",\"targeting\":{\"!\":{\"$ref\":\"x\"}}}}}",
         FLAG_BROKEN, "{\"?!\"", "evaluator \"x\" is broken"},
        {TARGETED(
             "{\"an operator whose name is so long that nobody could want to read the whole of it in a message\":1}"),
         FLAG_BROKEN, "{\"an operator", "whole of it\""},
    };
    CHECK_PROBLEMS(rows);
}

static void test_what_the_schema_forbids(void **state) {
    (void)state;
    static const struct problem_row rows[] = {
        {ONE(ON_OFF), FLAG_WARNING, "{\"variants\"", "no state"},
        {ENABLED("\"defaultVariant\":null"), FLAG_WARNING, "{\"state\"", "no variants"},
        {ENABLED("\"variants\":{}"), FLAG_WARNING, "{}", "no variants"},
        {ENABLED("\"variants\":{\"a\":1,\"b\":\"2\"}"), FLAG_WARNING, "\"2\"", "of one type"},
        {ENABLED("\"variants\":{\"a\":null}"), FLAG_WARNING, "null", "a variant is a boolean"},
        {ENABLED("\"variants\":{\"a\":[]}"), FLAG_WARNING, "[]", "a variant is a boolean"},
        {ENABLED("\"variants\":{\"a\":1e999}"), FLAG_WARNING, "1e999", "beyond 2^53"},
        {"{\"flags\":{},\"$evaluators\":{\"\":{}}}", FLAG_WARNING, "{}}}", "needs a name"},
        {ENABLED("\"variants\":{\"a\":9007199254740993}"), FLAG_WARNING, "9007", "beyond 2^53"},
        {ENABLED("\"variants\":{\"\":1}"), FLAG_WARNING, "1}", "needs a name"},
        {ENABLED("\"variants\":{\"a\":1},\"metadata\":5"), FLAG_WARNING, "5", "metadata must be"},
        {ENABLED("\"variants\":{\"a\":1},\"metadata\":{\"x\":[]}"), FLAG_WARNING, "[]", "metadata holds"},
        {ENABLED("\"variants\":{\"a\":1},\"defaultVarient\":\"a\""), FLAG_WARNING, "\"defaultVarient\"",
         "is it \"defaultVariant\"?"},
        {"{\"flags\":{},\"$evaluator\":{}}", FLAG_WARNING, "\"$evaluator\"", "is it \"$evaluators\"?"},
        {"{\"flags\":{},\"$evaluators\":[]}", FLAG_WARNING, "[]", "$evaluators must be"},
        {"{\"flags\":{},\"$evaluators\":{\"x\":{\"==\":[1]}}}", FLAG_WARNING, "[1]", "too few arguments"},
        {"{\"flags\":{},\"$schema\":5}", FLAG_WARNING, "5}", "$schema"},
        {"{\"flags\":{},\"metadata\":[]}", FLAG_WARNING, "[]", "metadata must be"},
        {"{\"flags\":{\"a\":{\"state\":\"ENABLED\"},\"a\":{\"state\":\"ENABLED\"}}}", FLAG_WARNING,
         "{\"state\":\"ENABLED\"},\"a\"", "another flag"},
        {"{\"flags\":{\"\":{\"state\":\"ENABLED\"}}}", FLAG_WARNING, "{\"state\"", "needs a key"},
        {ENABLED("\"variants\":{\"a\":1,\"a\":2}"), FLAG_WARNING, "\"a\":1", "stands here again"},
        {TARGETED("\"a\""), FLAG_WARNING, "\"a\"}", "must be an object"},
        {TARGETED("{\"if\":[true,\"a\"],\"or\":[1]}"), FLAG_WARNING, "{\"if\"", "several members"},
        {TARGETED("{\"log\":[1]}"), FLAG_WARNING, "{\"log\"", "no operator of flagd's schema"},
        {TARGETED("{\"cat\":\"a\"}"), FLAG_WARNING, "\"a\"}", "as a list"},
        {TARGETED("{\"==\":[1,2,3]}"), FLAG_WARNING, "[1,2,3]", "too many arguments"},
        {TARGETED("{\"var\":\"$flagd.time\"}"), FLAG_WARNING, "\"$flagd.time\"", "does not exist"},
        {TARGETED("{\"var\":[5]}"), FLAG_WARNING, "5]", "name as a text"},
        {TARGETED("{\"var\":[\"$flagd.time\",1]}"), FLAG_WARNING, "\"$flagd.time\"", "does not exist"},
        {TARGETED("{\"var\":[]}"), FLAG_WARNING, "[]", "too few arguments"},
        {TARGETED("{\"if\":[{\"$ref\":5},1]}"), FLAG_BROKEN, "5", "name of an evaluator"},
        {TARGETED("{\"missing\":\"a\"}"), FLAG_WARNING, "\"a\"}", "as a list"},
        {TARGETED("{\"missing_some\":\"a\"}"), FLAG_WARNING, "\"a\"}", "as a list"},
        {TARGETED("{\"missing_some\":[1]}"), FLAG_WARNING, "[1]", "too few arguments"},
        {TARGETED("{\"missing_some\":[1,\"a\"]}"), FLAG_WARNING, "[1,\"a\"]", "a number and a list"},
        {TARGETED("{\"missing_some\":[1,[7]]}"), FLAG_WARNING, "7]", "names as texts"},
        {TARGETED("{\"ends_with\":\"a\"}"), FLAG_WARNING, "\"a\"}", "as a list"},
        {TARGETED("{\"sem_ver\":\"1.0.0\"}"), FLAG_WARNING, "\"1.0.0\"}", "as a list"},
        {TARGETED("{\"sem_ver\":[\"1.0.0\",\"=\"]}"), FLAG_WARNING, "[\"1.0.0\"", "too few arguments"},
        {TARGETED("{\"sem_ver\":[\"1.0.0\",5,\"1.0.0\"]}"), FLAG_WARNING, "5,", "compares by"},
        {TARGETED("{\"sem_ver\":[5,\"=\",\"1.0.0\"]}"), FLAG_WARNING, "5,", "takes versions"},
        {TARGETED("{\"fractional\":\"k\"}"), FLAG_WARNING, "\"k\"}", "as a list"},
        {TARGETED("{\"fractional\":[[\"a\",1,2]]}"), FLAG_WARNING, "[\"a\",1,2]", "a variant and a weight"},
        {TARGETED("{\"fractional\":[[\"a\",\"1\"]]}"), FLAG_WARNING, "\"1\"", "weights that are whole"},
        {TARGETED("{\"an operator that stands nowhere and has a name of more than sixty letters\":1}"), FLAG_BROKEN,
         "{\"an operator", "unknown operator"},
        {"{\"flags\":{},\"$evaluators\":{\"x\":{\"an operator that stands nowhere and has a name of more than "
         "sixty\":1}}}",
         FLAG_WARNING, "{\"an operator", "more than \" is no operator"},
        {TARGETED("{\"missing\":[5]}"), FLAG_WARNING, "5]", "names as texts"},
        {TARGETED("{\"missing_some\":[\"a\",[]]}"), FLAG_WARNING, "[\"a\",[]]", "a number and a list"},
        {TARGETED("{\"starts_with\":[5,\"a\"]}"), FLAG_WARNING, "5,", "takes texts"},
        {TARGETED("{\"sem_ver\":[\"1.0.0\",\"==\",\"1.0.0\"]}"), FLAG_WARNING, "\"==\"", "compares by"},
        {TARGETED("{\"sem_ver\":[\"one\",\"=\",{\"var\":\"v\"}]}"), FLAG_WARNING, "\"one\"", "takes versions"},
        {TARGETED("{\"fractional\":[\"k\",\"a\"]}"), FLAG_WARNING, "\"a\"]", "buckets as lists"},
        {TARGETED("{\"fractional\":[[\"a\",1.5]]}"), FLAG_WARNING, "1.5", "weights that are whole"},
        {TARGETED("{\"fractional\":[[\"a\",-1]]}"), FLAG_WARNING, "-1", "weights that are whole"},
        {TARGETED("{\"fractional\":[[]]}"), FLAG_WARNING, "[]", "a variant and a weight"},
    };
    CHECK_PROBLEMS(rows);
}

static void test_what_endangers_a_migration(void **state) {
    (void)state;
    static const struct problem_row rows[] = {
        {CONSUMERS("\"defaultVariant\":\"off\"", "\"defaultVariant\":\"off\""), FLAG_WARNING, "{\"state\"",
         "both consumers are off"},
        {CONSUMERS("\"defaultVariant\":\"off\"",
                   "\"defaultVariant\":\"on\",\"targeting\":{\"if\":[{\"var\":\"x\"},\"off\",\"off\"]}"),
         FLAG_WARNING, "{\"state\"", "both consumers are off"},
        {CONSUMERS("\"defaultVariant\":\"off\"",
                   "\"defaultVariant\":\"off\",\"targeting\":{\"fractional\":[[\"on\",0],[\"off\",100]]}"),
         FLAG_WARNING, "{\"state\"", "both consumers are off"},
        {"{\"flags\":{}}", FLAG_WARNING, NULL, "none of legacy-consumer"},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"on\":\"yes\"},\"defaultVariant\":\"on\"}}"
         "}",
         FLAG_WARNING, "\"yes\"", "must be boolean"},
    };
    CHECK_PROBLEMS(rows);
}

#define NEW_CONSUMER(rule) CONSUMERS("\"defaultVariant\":\"on\"", "\"defaultVariant\":\"off\",\"targeting\":" rule)
#define CONDITION(rule)    NEW_CONSUMER("{\"if\":[" rule ",\"on\",\"off\"]}")
#define FLAG_NAMED(key)                                                                                                \
    "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"},\n"                  \
    "\"" key "\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"}}}"

/* Flags almost like ours, variables and variants that are not there: each with its place and the nearest right one.
 * (fault 6.1) */
static void test_names_that_nothing_answers_to(void **state) {
    (void)state;
    static const struct problem_row rows[] = {
        {FLAG_NAMED("new-cosumer"), FLAG_WARNING, "\"new-cosumer\"", "is it \"new-consumer\"?"},
        {FLAG_NAMED("new_consumer"), FLAG_WARNING, "\"new_consumer\"", "takes the value of an unmigrated system"},
        {FLAG_NAMED("New-Consumer"), FLAG_WARNING, "\"New-Consumer\"", "is it \"new-consumer\"?"},
        {FLAG_NAMED("legacy-consumers"), FLAG_WARNING, "\"legacy-consumers\"", "is it \"legacy-consumer\"?"},
        {FLAG_NAMED("new-consumer-shdaow"), FLAG_WARNING, "\"new-consumer-shdaow\"", "is it \"new-consumer-shadow\"?"},
        {"{\"flags\":[{\"key\":\"new-cosumer\",\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"}]}",
         FLAG_WARNING, "{\"key\"", "is it \"new-consumer\"?"},
        {CONDITION("{\"==\":[{\"var\":\"company\"},\"a\"]}"), FLAG_WARNING, "\"company\"}", "is it \"companyId\"?"},
        {CONDITION("{\"==\":[{\"var\":\"companyid\"},\"a\"]}"), FLAG_WARNING, "\"companyid\"}", "is it \"companyId\"?"},
        {CONDITION("{\"in\":[{\"var\":[\"conection\",1]},[\"a\"]]}"), FLAG_WARNING, "\"conection\"",
         "is it \"connectionId\"?"},
        {CONDITION("{\"==\":[{\"var\":\"data\"},\"a\"]}"), FLAG_WARNING, "\"data\"}", "there are targetingKey,"},
        {CONDITION("{\"==\":[{\"var\":\"email\"},\"a\"]}"), FLAG_WARNING, "\"email\"}", "there are targetingKey,"},
        {CONDITION("{\"missing\":[\"type\",\"companyID\"]}"), FLAG_WARNING, "\"companyID\"", "is it \"companyId\"?"},
        {CONDITION("{\"missing_some\":[1,[\"type\",\"companyID\"]]}"), FLAG_WARNING, "\"companyID\"",
         "is it \"companyId\"?"},
        {CONDITION("{\"some\":[[{\"var\":\"compnyId\"}],{\"var\":\"anything\"}]}"), FLAG_WARNING, "\"compnyId\"",
         "is it \"companyId\"?"},
        {NEW_CONSUMER("{\"fractional\":[{\"var\":\"companyID\"},[\"on\",1],[\"off\",1]]}"), FLAG_WARNING,
         "\"companyID\"", "is it \"companyId\"?"},
        {NEW_CONSUMER("{\"if\":[{\"var\":\"type\"},\"onn\",\"off\"]}"), FLAG_WARNING, "\"onn\"", "is it \"on\"?"},
        {NEW_CONSUMER("{\"if\":[{\"var\":\"type\"},\"on\",\"Off\"]}"), FLAG_WARNING, "\"Off\"", "is it \"off\"?"},
        {NEW_CONSUMER("{\"if\":[{\"var\":\"type\"},true,\"off\"]}"), FLAG_WARNING, "true,", "no variant \"true\""},
        {NEW_CONSUMER("{\"fractional\":[[\"one\",10],[\"off\",90]]}"), FLAG_WARNING, "\"one\"", "is it \"on\"?"},
        {NEW_CONSUMER("{\"fractional\":[[{\"if\":[{\"var\":\"type\"},\"yes\"]},10],[\"off\",90]]}"), FLAG_WARNING,
         "\"yes\"", "no variant \"yes\""},
        {NEW_CONSUMER("{\"or\":[{\"==\":[1,2]},\"enabled\"]}"), FLAG_WARNING, "\"enabled\"", "no variant \"enabled\""},
        {"{\"$evaluators\":{\"e\":{\"if\":[{\"==\":[{\"var\":\"Type\"},1]},\"on\",\"of\"]}},\"flags\":{\"new-"
         "consumer\":"
         "{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\",\"targeting\":{\"$ref\":\"e\"}}}}",
         FLAG_WARNING, "\"of\"", "is it \"off\"?"},
        {"{\"$evaluators\":{\"e\":{\"==\":[{\"var\":\"Type\"},1]}},\"flags\":{\"new-consumer\":"
         "{\"state\":\"ENABLED\"," ON_OFF
         ",\"defaultVariant\":\"off\",\"targeting\":{\"if\":[{\"$ref\":\"e\"},\"on\"]}}}}",
         FLAG_WARNING, "\"Type\"", "is it \"type\"?"},
    };
    CHECK_PROBLEMS(rows);
}

/* May the new consumer be on, and off, for any message at all? "Yes where the rule is not simple enough to tell." */
static void test_what_a_rule_may_give(void **state) {
    (void)state;
    static const struct {
        const char *default_variant, *rule;
        bool on, off;
    } rows[] = {
        {"\"off\"", "{}", false, true},
        {"\"on\"", "{}", true, false},
        {"\"off\"", "null", false, true},
        /* null is the default, which is unmigrated where there is none */
        {"\"on\"", "{\"if\":[{\"var\":\"x\"},null,\"on\"]}", true, false},
        {"null", "{\"if\":[{\"var\":\"x\"},null]}", false, true},
        {"\"on\"", "{\"if\":[{\"var\":\"x\"},\"on\"]}", true, false},
        {"\"off\"", "{\"if\":[{\"var\":\"x\"},\"on\"]}", true, true},
        {"\"off\"", "{\"if\":[{\"var\":\"x\"},\"on\",{\"var\":\"y\"},\"off\",\"on\"]}", true, true},
        {"\"off\"", "{\"?:\":[{\"var\":\"x\"},\"on\",\"on\"]}", true, false},
        {"\"off\"", "{\"if\":\"on\"}", true, true},
        /* names of variants: booleans stand for "true" and "false", and what is none is an error, so unmigrated */
        {"\"off\"", "\"on\"", true, false},
        {"\"on\"", "true", false, true},
        {"\"off\"", "false", true, false},
        {"\"on\"", "\"text\"", false, true},
        {"\"on\"", "{\"if\":[{\"var\":\"x\"},\"none\",\"none\"]}", false, true},
        /* too much to tell */
        {"\"off\"", "5", true, true},
        {"\"off\"", "[\"off\"]", true, true},
        {"\"off\"", "{\"a\":1,\"b\":2}", true, true},
        {"\"off\"", "{\"cat\":[\"off\"]}", true, true},
        /* buckets: the default where there is nothing to hash */
        {"\"off\"", "{\"fractional\":[[\"off\",1],[\"on\",0]]}", false, true},
        {"\"off\"", "{\"fractional\":[[\"off\",1],[\"on\",1]]}", true, true},
        {"\"off\"", "{\"fractional\":[[\"off\"],[\"on\"]]}", true, true},
        {"\"on\"", "{\"fractional\":[{\"var\":\"companyId\"},[\"on\",1],[]]}", true, false},
        {"\"off\"", "{\"fractional\":[[\"on\",{\"var\":\"w\"}]]}", true, true},
        {"\"off\"", "{\"fractional\":\"on\"}", true, true},
        /* references are followed */
        {"\"off\"", "{\"$ref\":\"both\"}", true, true},
        {"\"off\"", "{\"if\":[{\"var\":\"x\"},{\"$ref\":\"never\"},\"off\"]}", false, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct str file = arena_printf(arena,
                                       "{\"$evaluators\":{\"both\":{\"if\":[1,\"on\",\"off\"]},\"never\":\"off\"},"
                                       "\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"on\":true,"
                                       "\"off\":false,\"true\":false,\"false\":true,\"text\":\"on\"},"
                                       "\"defaultVariant\":%s,\"targeting\":%s}}}",
                                       rows[i].default_variant, rows[i].rule);
        struct flags *flags = load(arena, file.at);
        if (flags_consumer_may_be(flags, FLAG_NEW_CONSUMER, true) != rows[i].on ||
            flags_consumer_may_be(flags, FLAG_NEW_CONSUMER, false) != rows[i].off)
            fail_msg("%s, else %s", rows[i].rule, rows[i].default_variant);
        flags_free(flags);
        arena_free(arena);
    }
}

/* Legacy is on where it is unmigrated: with a variant that is no boolean, it cannot be off. */
static void test_what_an_unmigrated_value_is_depends_on_the_flag(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flags *flags = load(arena, "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"off\":0},"
                                      "\"targeting\":{\"if\":[{\"var\":\"x\"},\"off\"]}}}}");
    assert_true(flags_consumer_may_be(flags, FLAG_LEGACY_CONSUMER, true));
    assert_false(flags_consumer_may_be(flags, FLAG_LEGACY_CONSUMER, false));
    flags_free(flags);
    arena_free(arena);
}

/* 2^60 branches if each were followed: a file must not be able to hold up who reads it. */
static void test_branches_that_multiply_are_not_all_followed(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    strbuf_append(&text, STR("{\"$evaluators\":{\"e0\":\"off\""));
    for (int i = 1; i <= 60; i++)
        strbuf_printf(&text, ",\"e%d\":{\"if\":[{\"var\":\"x\"},{\"$ref\":\"e%d\"},{\"$ref\":\"e%d\"}]}", i, i - 1,
                      i - 1);
    strbuf_append(&text, STR("},\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF
                             ",\"targeting\":{\"$ref\":\"e60\"}}}}"));
    struct flags *flags = load(arena, text.at);
    assert_true(flags_consumer_may_be(flags, FLAG_NEW_CONSUMER, true));
    flags_free(flags);
    strbuf_clear(&text);
    arena_free(arena);
}

/* What others find out about a file goes to the same list. */
static void test_problems_may_be_added(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct flag_problems problems = {0};
    flag_problems_add(&problems, arena, FLAG_BROKEN, STR("f"), STR("first"));
    flag_problems_add(&problems, arena, FLAG_WARNING, STR_NONE, STR("second"));
    assert_int_equal(problems.count, 2);
    assert_int_equal(problems.worst, FLAG_BROKEN);
    assert_true(str_eq(problems.first->what, STR("first")) && str_eq(problems.first->flag, STR("f")));
    assert_true(str_eq(problems.last->what, STR("second")) && problems.last->line == 0);
    arena_free(arena);
}

/* A number that is longer than a double's is not read the same anywhere, and is no weight. */
static void test_numbers_of_many_digits(void **state) {
    (void)state;
    static const struct {
        const char *before, *behind, *what;
    } rows[] = {
        {"{\"flags\":{\"f\":{\"state\":\"ENABLED\",\"variants\":{\"a\":", "}}}}", "beyond 2^53"},
        {"{\"flags\":{\"f\":{\"state\":\"ENABLED\",\"variants\":{\"a\":1},\"targeting\":{\"fractional\":[[\"a\",",
         "]]}}}}", "weights that are whole"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct strbuf text = {0};
        strbuf_append(&text, str_of(rows[i].before));
        for (int k = 0; k < 450; k++)
            strbuf_append_char(&text, '7');
        strbuf_append(&text, str_of(rows[i].behind));
        check_problem(&(struct problem_row){text.at, FLAG_WARNING, "777", rows[i].what});
        strbuf_clear(&text);
    }
}

static void test_a_good_file_has_no_problems(void **state) {
    (void)state;
    static const char *files[] = {
        CONSUMERS("\"defaultVariant\":\"on\"", "\"defaultVariant\":\"off\""),
        /* comments; off by default, but on for some */
        "// the migration\n" CONSUMERS(
            "\"defaultVariant\":\"off\"",
            "\"defaultVariant\":\"off\",\"targeting\":{\"if\":[{\"in\":[{\"var\":\"companyId\"},"
            "[\"a\"]]},\"on\",{\"fractional\":[[\"on\",10],[\"off\",90]]}]}"),
        CONSUMERS("\"defaultVariant\":\"on\",\"metadata\":{\"owner\":\"billing\",\"n\":1,\"b\":false},\"targeting\":{}",
                  "\"defaultVariant\":null,\"targeting\":{\"if\":[{\"sem_ver\":[{\"var\":\"type\"},\"^\",\"1.2.3\"]},"
                  "\"on\",\"off\"]}"),
        /* flags of other programs, whose variables are theirs; items of a list have names of their own */
        "{\"flags\":{\"checkout\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\",\"targeting\":{\"if\":["
        "{\"==\":[{\"var\":\"email\"},\"x\"]},\"on\"]}},\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF
        ",\"defaultVariant\":\"off\",\"targeting\":{\"if\":[{\"some\":[[1,2],{\"var\":\"a\"}]},\"on\"]}}}"
        "}",
        /* everything that the schema lets a rule be */
        CONSUMERS("\"defaultVariant\":\"on\",\"targeting\":{\"if\":[{\"missing_some\":[1,[\"type\"]]},\"off\","
                  "{\"missing\":[\"type\"]},\"off\",{\"starts_with\":[{\"var\":[\"type\",\"x\"]},\"a\"]},\"off\","
                  "{\"==\":[{\"var\":\"$flagd.flagKey\"},\"x\"]},\"off\",{\"<\":[{\"var\":\"$flagd.timestamp\"},1]},"
                  "\"off\",{\"!\":{\"var\":\"type\"}},\"off\"]}",
                  "\"defaultVariant\":\"off\",\"targeting\":{\"fractional\":[{\"var\":\"companyId\"},[\"on\"],"
                  "[\"off\",{\"+\":[1]}]]}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct arena *arena = arena_new(0);
        struct flags *flags = NULL;
        struct flag_problems problems;
        assert_int_equal(flags_load(str_of(files[i]), arena, &flags, &problems), ERR_NONE);
        if (problems.count > 0)
            fail_msg("%s: " STR_FMT, files[i], STR_ARG(problems.first->what));
        flags_free(flags);
        arena_free(arena);
    }
}

static void test_problems_without_end_are_cut(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct flags *flags = NULL;
    struct flag_problems problems;
    strbuf_append(&text, STR("{\"flags\":{\"first\":5"));
    for (int i = 0; i < 5000; i++)
        strbuf_printf(&text, ",\"f%d\":5", i);
    strbuf_append(&text, STR(",\"z\":{\"state\":\"ON\"}}}"));
    assert_int_equal(flags_load(strbuf_str(&text), arena, &flags, &problems), ERR_INVALID);
    assert_true(problems.count < 1000 && problems.left_off > 4000);
    bool refusal_told = false;
    for (const struct flag_problem *problem = problems.first; problem != NULL; problem = problem->next)
        refusal_told = refusal_told || problem->severity == FLAG_REFUSED;
    assert_true(refusal_told);
    strbuf_clear(&text);
    arena_free(arena);
}

/* An event has several data types, and is decided once. (fault 1.4) */
static void test_targeting_by_data_type_is_refused(void **state) {
    (void)state;
    static const char *const refused[] = {
        CONDITION("{\"==\":[{\"var\":\"dataType\"},\"invoices\"]}"),
        CONDITION("{\"in\":[{\"var\":[\"dataType\",\"none\"]},[\"invoices\"]]}"),
        CONDITION("{\"missing\":[\"companyId\",\"dataType\"]}"),
        NEW_CONSUMER("{\"fractional\":[{\"var\":\"dataType\"},[\"on\",1],[\"off\",1]]}"),
        NEW_CONSUMER(
            "{\"fractional\":[{\"cat\":[{\"var\":\"targetingKey\"},{\"var\":\"dataType\"}]},[\"on\",1],[\"off\",1]]}"),
        "{\"flags\":{\"new-consumer-shadow\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\",\"targeting\":"
        "{\"$ref\":\"some\"}}},\"$evaluators\":{\"some\":{\"if\":[{\"==\":[{\"var\":\"dataType\"},\"a\"]},\"on\","
        "\"off\"]}}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct arena *arena = arena_new(0);
        struct flags *flags = NULL;
        struct flag_problems problems;
        if (flags_load(str_of(refused[i]), arena, &flags, &problems) != ERR_INVALID)
            fail_msg("not refused: %s", refused[i]);
        const struct flag_problem *problem = problems.first;
        while (problem->severity != FLAG_REFUSED)
            problem = problem->next;
        assert_true(str_starts_with(problem->what, STR("targeting must not read dataType")));
        assert_true(problem->line >= 1 && problem->column > 1);
        arena_free(arena);
    }
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct flag_problems problems;
    struct str other =
        STR("{\"flags\":{\"mine\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\",\"targeting\":"
            "{\"if\":[{\"==\":[{\"var\":\"dataType\"},\"a\"]},\"on\",\"off\"]}}}}");
    assert_int_equal(flags_load(other, arena, &flags, &problems), ERR_NONE); /* a flag of somebody else */
    flags_free(flags);
    arena_free(arena);
}

#define IN(list) "{\"in\":[{\"var\":\"companyId\"},[" list "]]}"
#define RULE(of, rule)                                                                                                 \
    "\"" of "-consumer\":{\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\",\"targeting\":" rule "}"
#define BOTH(legacy, new) "{\"flags\":{" RULE("legacy", legacy) "," RULE("new", new) "}}"

/* (fault 1.3) */
static void test_messages_for_which_both_are_off_are_found(void **state) {
    (void)state;
    static const struct {
        const char *file, *example; /* NULL: none is found */
    } rows[] = {
        {"{\"flags\":{}}", NULL},
        {BOTH("{\"if\":[" IN("\"a\",\"b\"") ",\"off\",\"on\"]}", "{\"if\":[" IN("\"a\",\"b\"") ",\"on\",\"off\"]}"),
         NULL},
        {BOTH("{\"if\":[" IN("\"a\",\"b\"") ",\"off\",\"on\"]}", "{\"if\":[" IN("\"b\",\"c\"") ",\"on\",\"off\"]}"),
         "of company \"a\""},
        {BOTH("{\"if\":[" IN("\"a\"") ",\"on\",\"off\"]}", "{\"if\":[" IN("\"b\"") ",\"on\",\"off\"]}"),
         "without a company"},
        {BOTH("{\"fractional\":[[\"on\",50],[\"off\",50]]}", "{\"fractional\":[[\"on\",50],[\"off\",50]]}"), ""},
        {BOTH("{\"fractional\":[{\"var\":\"targetingKey\"},[\"off\",50],[\"on\",50]]}",
              "{\"fractional\":[{\"var\":\"targetingKey\"},[\"on\",50],[\"off\",50]]}"),
         NULL},
        {BOTH("{\"if\":[{\"starts_with\":[{\"var\":\"companyId\"},\"eu-\"]},\"off\",\"on\"]}",
              "{\"if\":[{\"==\":[{\"var\":\"companyId\"},\"eu-\"]},\"on\",\"off\"]}"),
         "of company \"eu-0\""},
        {BOTH("{\"if\":[{\"==\":[{\"var\":\"type\"},\"x.y\"]},\"off\",\"on\"]}",
              "{\"if\":[{\"==\":[{\"var\":\"type\"},\"z\"]},\"on\",\"off\"]}"),
         "type \"x.y\""},
        {BOTH("{\"if\":[{\"==\":[{\"var\":\"generation\"},\"rule\"]},\"off\",\"on\"]}", "\"off\""),
         "generation \"rule\""},
        {BOTH("\"on\"", "\"off\""), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct flags *flags = NULL;
        struct flag_problems problems;
        struct str example = STR_NONE;
        assert_int_equal(flags_load(str_of(rows[i].file), arena, &flags, &problems), ERR_NONE);
        bool found = flags_find_both_off(flags, 0, arena, &example);
        if (found != (rows[i].example != NULL) || (found && str_find(example, str_of(rows[i].example)) < 0))
            fail_msg("%s: \"" STR_FMT "\"", rows[i].file, STR_ARG(example));
        flags_free(flags);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targeting_by_data_type_is_refused),
        cmocka_unit_test(test_messages_for_which_both_are_off_are_found),
        cmocka_unit_test(test_what_refuses_a_file),
        cmocka_unit_test(test_what_breaks_a_flag),
        cmocka_unit_test(test_what_the_schema_forbids),
        cmocka_unit_test(test_what_endangers_a_migration),
        cmocka_unit_test(test_names_that_nothing_answers_to),
        cmocka_unit_test(test_what_a_rule_may_give),
        cmocka_unit_test(test_what_an_unmigrated_value_is_depends_on_the_flag),
        cmocka_unit_test(test_branches_that_multiply_are_not_all_followed),
        cmocka_unit_test(test_problems_may_be_added),
        cmocka_unit_test(test_numbers_of_many_digits),
        cmocka_unit_test(test_a_good_file_has_no_problems),
        cmocka_unit_test(test_problems_without_end_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
