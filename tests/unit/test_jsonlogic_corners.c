/* The corners of JsonLogic: what its reference (json-logic-js) does because JavaScript does it. The section of ECMA-262
 * (2023) stands with each table. Results are compared as JSON has them, so what must be told from null is compared to
 * it by "===" inside the rule. */
#include "tests/unit/logic_fixture.h"

/* 7.1.4.1.1 StringToNumber: white space goes, then a decimal or one of three prefixes, else NaN. */
static void test_texts_become_numbers(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"==\":[\"0xff\",255]}", "{}", "true"},
        {"{\"==\":[\"0XfF\",255]}", "{}", "true"},
        {"{\"==\":[\"0xfg\",15]}", "{}", "false"},
        {"{\"==\":[\"0xA0\",160]}", "{}", "true"},
        {"{\"==\":[\"0x1/\",1]}", "{}", "false"},
        {"{\"==\":[\"0x1:\",1]}", "{}", "false"},
        {"{\"==\":[\"0x1[\",1]}", "{}", "false"},
        {"{\"==\":[\"0x1{\",1]}", "{}", "false"},
        {"{\"==\":[\"0b2\",2]}", "{}", "false"},
        {"{\"==\":[\"0o8\",8]}", "{}", "false"},
        {"{\"==\":[\"012\",12]}", "{}", "true"}, /* not octal */
        {"{\"==\":[\"0z1\",1]}", "{}", "false"},
        {"{\"==\":[\"1E2\",100]}", "{}", "true"},
        {"{\"==\":[\"1e+2\",100]}", "{}", "true"},
        {"{\"==\":[\"1e-2\",0.01]}", "{}", "true"},
        {"{\"==\":[\"1e+\",1]}", "{}", "false"},
        {"{\"==\":[\"-Infinity\",{\"/\":[-1,0]}]}", "{}", "true"},
        {"{\"==\":[\"infinity\",{\"/\":[1,0]}]}", "{}", "false"},
        {"{\"==\":[\"\\t\\n\\u000b\\f\\r 7\",7]}", "{}", "true"},
        {"{\"==\":[\"\\u000e7\",7]}", "{}", "false"},
        {"{\"==\":[\"\\u1680\\u2000\\u200a7\\u2028\\u2029\\u202f\\u205f\\u3000\",7]}", "{}", "true"},
        {"{\"==\":[\"\\u200b7\",7]}", "{}", "false"}, /* zero width is no white space */
        {"{\"==\":[\"7 7\",77]}", "{}", "false"},
        /* a number of more than 63 characters */
        {"{\"==\":[{\"var\":\"a\"},1e70]}",
         "{\"a\":10000000000000000000000000000000000000000000000000000000000000000000000}", "true"},
        {"{\"==\":[\"1.00000000000000000000000000000000000000000000000000000000000000000000000\",1]}", "{}", "true"},
    };
    CHECK_ROWS(rows);
}

/* 19.2.4 parseFloat: the longest prefix that is a decimal. */
static void test_sums_read_the_front_of_a_text(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"+\":[\"\"]}", "{}", "null"},  {"{\"+\":[\".\"]}", "{}", "null"},
        {"{\"+\":[\"-\"]}", "{}", "null"}, {"{\"+\":[\"1.e\"]}", "{}", "1"},
        {"{\"+\":[\"1e-\"]}", "{}", "1"},  {"{\"+\":[\"1E1x\"]}", "{}", "10"},
        {"{\"+\":[\"+7up\"]}", "{}", "7"}, {"{\"<\":[0,{\"+\":[\"Infinityx\"]}]}", "{}", "true"},
        {"{\"+\":[-0]}", "{}", "0"},       {"{\"*\":[[],1]}", "{}", "null"},
    };
    CHECK_ROWS(rows);
}

/* 6.1.6.1.20 Number::toString: the fewest digits that read back as the number. */
static void test_numbers_become_texts(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"cat\":[0.1,\" \",{\"+\":[0.1,0.2]}]}", "{}", "\"0.1 0.30000000000000004\""},
        {"{\"cat\":[5e-324,\" \",1.5e-323,\" \",2.2250738585072014e-308]}", "{}",
         "\"5e-324 1.5e-323 2.2250738585072014e-308\""},
        {"{\"cat\":[9007199254740993,\" \",123456789012345680000]}", "{}",
         "\"9007199254740992 123456789012345680000\""},
        {"{\"cat\":[-1e21,\" \",-1.5e-7]}", "{}", "\"-1e+21 -1.5e-7\""},
        {"{\"cat\":[true,false]}", "{}", "\"truefalse\""},
    };
    CHECK_ROWS(rows);
}

/* 7.2.14 IsLooselyEqual and 7.2.15 IsStrictlyEqual: null equals undefined and nothing else; arrays and objects equal
 * themselves only. {"and": []} is undefined. */
static void test_equality(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"==\":[0,null]}", "{}", "false"},
        {"{\"==\":[\"\",null]}", "{}", "false"},
        {"{\"==\":[null,{\"and\":[]}]}", "{}", "true"},
        {"{\"==\":[{\"and\":[]},null]}", "{}", "true"},
        {"{\"===\":[null,{\"and\":[]}]}", "{}", "false"},
        {"{\"===\":[{\"and\":[]},{\"or\":[]}]}", "{}", "true"},
        {"{\"===\":[{\"merge\":[1]},{\"var\":\"l\"}]}", "{\"l\":[1]}", "false"},
        {"{\"===\":[{\"var\":\"l\"},{\"merge\":[1]}]}", "{\"l\":[1]}", "false"},
        {"{\"===\":[{\"merge\":[]},{\"merge\":[]}]}", "{}", "false"},
        {"{\"===\":[{\"missing_some\":[0,[\"a\"]]},{\"missing_some\":[0,[\"a\"]]}]}", "{}", "false"},
        {"{\"reduce\":[[1],{\"===\":[{\"var\":\"\"},{\"var\":\"\"}]},0]}", "{}", "true"},
        {"{\"reduce\":[[1,1],{\"===\":[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}]},{\"merge\":[]}]}", "{}",
         "true"},
        {"{\"===\":[true,true]}", "{}", "true"},
        {"{\"===\":[true,false]}", "{}", "false"},
        {"{\"==\":[true,\"1\"]}", "{}", "true"},
        {"{\"==\":[{\"var\":\"o\"},\"[object Object]\"]}", "{\"o\":{\"a\":1}}", "true"},
    };
    CHECK_ROWS(rows);
}

/* 7.2.13 IsLessThan: two texts by their UTF-16 units, all else as numbers; with a third argument, "between". */
static void test_order(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"<\":[\"a\",\"ab\"]}", "{}", "true"},
        {"{\"<\":[\"ab\",\"a\"]}", "{}", "false"},
        {"{\"<\":[\"ab\",\"ac\"]}", "{}", "true"},
        {"{\"<\":[\"ac\",\"ab\"]}", "{}", "false"},
        {"{\"<\":[\"a\",\"a\"]}", "{}", "false"},
        {"{\"<=\":[\"a\",\"a\"]}", "{}", "true"},
        {"{\"<=\":[\"a\",\"b\"]}", "{}", "true"},
        {"{\"<=\":[\"b\",\"a\"]}", "{}", "false"},
        {"{\"<=\":[\"a\",\"b\",\"c\"]}", "{}", "true"},
        /* U+E000 is behind the surrogates of U+1F600, though before it as a character */
        {"{\"<\":[\"\\ue000\",\"\\ud83d\\ude00\"]}", "{}", "false"},
        {"{\"<\":[\"\\ud83d\\ude00\",\"\\ue000\"]}", "{}", "true"},
        {"{\"<\":[\"\\ud83d\\ude00\",\"\\udbff\\udfff\"]}", "{}", "true"},
        {"{\"<\":[\"\\ue000\",\"\\uf900\"]}", "{}", "true"},
        {"{\"<\":[\"\\ud7ff\",\"\\ue000\"]}", "{}", "true"},
        {"{\"<\":[\"\\ue000\",\"a\"]}", "{}", "false"},
        {"{\"<\":[\"a\",\"\\ue000\"]}", "{}", "true"},
        {"{\"<\":[1,2,\"x\"]}", "{}", "false"},
        {"{\"<\":[2,1,{\"*\":[]}]}", "{}", "throws"}, /* arguments come first */
    };
    CHECK_ROWS(rows);
}

/* 13.7.1: what is divided by nothing is infinite, NaN stays NaN. */
static void test_division(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"cat\":{\"/\":[\"x\",0]}}", "{}", "\"NaN\""},
        {"{\"cat\":{\"/\":[0,\"\"]}}", "{}", "\"NaN\""},
        {"{\"cat\":{\"/\":[1,-0.0]}}", "{}", "\"-Infinity\""},
        {"{\"cat\":{\"/\":[-1,-0.0]}}", "{}", "\"Infinity\""},
    };
    CHECK_ROWS(rows);
}

/* Texts are counted in UTF-16 units; the half of a pair that a cut leaves has no UTF-8 and becomes U+FFFD. */
static void test_texts_are_cut_between_units(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"substr\":[\"\",0]}", "{}", "\"\""},
        {"{\"substr\":[\"\",-3,2]}", "{}", "\"\""},
        {"{\"substr\":[]}", "{}", "\"undefined\""},
        {"{\"substr\":[\"\\u20acuro\",1]}", "{}", "\"uro\""},
        {"{\"substr\":[\"\\u20acuro\",0,1]}", "{}", "\"\\u20ac\""},
        {"{\"substr\":[\"\\ud83d\\ude00\",0,1]}", "{}", "\"\\ufffd\""},
        {"{\"substr\":[\"\\ud83d\\ude00\",1]}", "{}", "\"\\ufffd\""},
        {"{\"substr\":[\"\\ud83d\\ude00\",1,0]}", "{}", "\"\""},
        {"{\"substr\":[\"\\ud83d\\ude00\\ud83d\\ude00\",1,2]}", "{}", "\"\\ufffd\\ufffd\""},
        {"{\"var\":\"a.0\"}", "{\"a\":\"\\ud83d\\ude00\"}", "\"\\ufffd\""},
        {"{\"var\":\"a.1\"}", "{\"a\":\"\\ud83d\\ude00\"}", "\"\\ufffd\""},
        {"{\"var\":\"a.2\"}", "{\"a\":\"\\ud83d\\ude00\"}", "null"},
        {"{\"var\":\"a.b\"}", "{\"a\":\"xyz\"}", "null"},
        {"{\"in\":[{\"and\":[]},\"undefined\"]}", "{}", "true"},
        {"{\"cat\":[{\"and\":[]},\"x\",{\"map\":[[1,2]]}]}", "{}", "\"x,\""}, /* join leaves undefined empty */
    };
    CHECK_ROWS(rows);
}

/* json-logic-js, "var": the data itself for undefined, "" and null, else the default where a step leads nowhere. */
static void test_var(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"var\":{\"cat\":[\"no\",\"ne\"]}}", "{\"a\":1}", "null"},
        {"{\"var\":[{\"cat\":[\"no\",\"ne\"]},{\"and\":[]}]}", "{\"a\":1}", "null"},
        {"{\"===\":[{\"var\":[\"none\",{\"and\":[]}]},null]}", "{}", "true"},
        {"{\"===\":[{\"var\":[{\"cat\":\"none\"},{\"and\":[]}]},null]}", "{}", "true"},
        {"{\"var\":{\"cat\":[]}}", "{\"a\":1}", "{\"a\":1}"},
        /* the items of this list are undefined: so is all of the data */
        {"{\"map\":[{\"map\":[[1]]},{\"===\":[{\"var\":\"\"},null]}]}", "{}", "[false]"},
        {"{\"map\":[{\"map\":[[1]]},{\"===\":[{\"var\":[\"\",5]},5]}]}", "{}", "[false]"},
        {"{\"map\":[{\"map\":[[1]]},{\"===\":[{\"var\":{\"cat\":[]}},null]}]}", "{}", "[false]"},
        {"{\"var\":1}", "[3,4]", "4"},
        {"{\"var\":[7,\"none\"]}", "[3,4]", "\"none\""},
        {"{\"var\":\"4294967294\"}", "[3,4]", "null"},
        {"{\"var\":\"4294967295\"}", "[3,4]", "null"},
        {"{\"var\":\"18446744073709551617\"}", "[3,4]", "null"},
        {"{\"var\":\"\\u002e\"}", "{\"\":{\"\":5}}", "5"},
        /* of a list that a rule has made */
        {"{\"reduce\":[[1],{\"var\":\"accumulator.1\"},{\"merge\":[7,8]}]}", "{}", "8"},
        {"{\"reduce\":[[1],{\"var\":\"accumulator.length\"},{\"merge\":[7,8]}]}", "{}", "2"},
        {"{\"reduce\":[[1],{\"var\":\"accumulator.2\"},{\"merge\":[7,8]}]}", "{}", "null"},
    };
    CHECK_ROWS(rows);
}

/* json-logic-js, "missing_some": options.length is what it counts, whatever the options are. */
static void test_missing_some_counts_by_length(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"missing_some\":[1,null]}", "{}", "throws"},
        {"{\"missing_some\":[]}", "{}", "throws"},
        {"{\"missing_some\":[1,\"a\"]}", "{}", "[\"a\"]"},
        {"{\"missing_some\":[1,\"ab\"]}", "{}", "[]"},
        {"{\"missing_some\":[0,7]}", "{}", "[7]"}, /* a number has no length, and nothing is >= NaN */
        {"{\"missing_some\":[\"x\",[\"a\"]]}", "{\"a\":1}", "[]"},
        {"{\"missing_some\":[1,[[\"a\",\"b\"]]]}", "{\"a\":1}", "[\"b\"]"},
    };
    CHECK_ROWS(rows);
}

/* json-logic-js, loops: what is no array has no items, and no argument is none. */
static void test_loops_over_little_or_nothing(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"map\":[]}", "{}", "[]"},
        {"{\"filter\":[]}", "{}", "[]"},
        {"{\"reduce\":[]}", "{}", "null"},
        {"{\"all\":[]}", "{}", "false"},
        {"{\"none\":[]}", "{}", "true"},
        {"{\"some\":[]}", "{}", "false"},
        {"{\"filter\":[[1,2]]}", "{}", "[]"},
        {"{\"some\":[[1,2]]}", "{}", "false"},
        {"{\"all\":[[1,-1,1],{\">\":[{\"var\":\"\"},0]}]}", "{}", "false"},
        {"{\"none\":[[-1,1],{\">\":[{\"var\":\"\"},0]}]}", "{}", "false"},
        {"{\"map\":[{\"var\":\"none\"},1]}", "{\"none\":[]}", "[]"},
        {"{\"all\":[{\"var\":\"none\"},1]}", "{\"none\":[]}", "false"},
    };
    CHECK_ROWS(rows);
}

/* flagd.dev, fractional operation: what is no weight makes it malformed, and malformed gives null. */
static void test_fractional_refuses_what_is_malformed(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"fractional\":[{\"and\":[]},[\"a\",1]]}", "{\"targetingKey\":\"x\"}", "\"a\""},
        {"{\"fractional\":[\"k\",[\"a\",{\"and\":[]}]]}", "{}", "\"a\""},
        {"{\"fractional\":[\"k\",[\"a\",{\"/\":[1,0]}]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[{\"a\":1,\"b\":2},1]]}", "{}", "null"},
        /* hashes 2^31 - 1, 2^31 and 2^32 - 1: the second, third and fourth quarter */
        {"{\"fractional\":[\"SI7p-\",[\"a\",1],[\"b\",1],[\"c\",1],[\"d\",1]]}", "{}", "\"b\""},
        {"{\"fractional\":[\"6LvT0\",[\"a\",1],[\"b\",1],[\"c\",1],[\"d\",1]]}", "{}", "\"c\""},
        {"{\"fractional\":[\"ceQdGm\",[\"a\",1],[\"b\",1],[\"c\",1],[\"d\",1]]}", "{}", "\"d\""},
    };
    CHECK_ROWS(rows);
}

/* semver.org, 2.0.0: 9 and 10 say what identifiers are made of, 11 how they order. */
static void test_versions(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"sem_ver\":[\"1.0.0-aZ.09-x\",\"=\",\"1.0.0-aZ.09-x\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-0\",\"<\",\"1.0.0-10\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-a_b\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-a[b\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-a{b\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-a/b\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-a:b\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0+01\",\"=\",\"1.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-rc\",\">\",\"1.0.0-99\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-99\",\"<\",\"1.0.0-rc\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-a.b.c\",\">\",\"1.0.0-a.b\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-a.b\",\"<\",\"1.0.0-a.b.c\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-a.b\",\">=\",\"1.0.0-a.b\"]}", "{}", "true"},
    };
    CHECK_ROWS(rows);
}

/* An operator of any length is told as unknown. */
static void test_unknown_operators_are_named(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct logic_compiler compiler = {.arena = arena};
    const struct logic_rule *rule;
    struct logic_fault fault;
    struct strbuf text = {0};
    strbuf_append(&text, STR("{\""));
    for (int i = 0; i < 100; i++)
        strbuf_append_char(&text, (char)('a' + i % 26));
    strbuf_append(&text, STR("\":1}"));
    assert_int_equal(logic_compile(&compiler, parse(arena, strbuf_str(&text)), 0, &rule, &fault), ERR_INVALID);
    assert_non_null(strstr(fault.what, "unknown operator \"abc"));
    assert_true(strlen(fault.what) < 100);
    strbuf_clear(&text);
    arena_free(arena);
}

/* Results are compared as JSON has them. */
static void test_results_that_differ_are_told(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"merge\":[1,2]}", "{}", "[1]"},
        {"{\"merge\":[1,2]}", "{}", "[1,3]"},
        {"{\"var\":\"\"}", "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}"},
        {"{\"var\":\"\"}", "{\"a\":1,\"b\":2}", "{\"a\":3,\"b\":2}"},
        {"{\"var\":\"\"}", "{\"a\":1}", "{\"b\":null}"},
        {"{\"var\":\"\"}", "{\"a\":1}", "[1]"},
        {"1", "{}", "\"1\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct err_detail detail;
        bool holds = true;
        assert_int_equal(logic_case_run(parse(arena, str_of(rows[i].rule)), parse(arena, str_of(rows[i].data)),
                                        parse(arena, str_of(rows[i].expected)), &holds, &detail),
                         ERR_NONE);
        if (holds)
            fail_msg("%s of %s is taken for %s", rows[i].rule, rows[i].data, rows[i].expected);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_become_numbers),
        cmocka_unit_test(test_sums_read_the_front_of_a_text),
        cmocka_unit_test(test_numbers_become_texts),
        cmocka_unit_test(test_equality),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_division),
        cmocka_unit_test(test_texts_are_cut_between_units),
        cmocka_unit_test(test_var),
        cmocka_unit_test(test_missing_some_counts_by_length),
        cmocka_unit_test(test_loops_over_little_or_nothing),
        cmocka_unit_test(test_fractional_refuses_what_is_malformed),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_unknown_operators_are_named),
        cmocka_unit_test(test_results_that_differ_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
