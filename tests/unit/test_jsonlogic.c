/* JsonLogic against jsonlogic.com's own cases (where their file is there), and a table with a case for every sentence
 * of its pages, and of flagd's about its operators. */
#include "tests/unit/logic_fixture.h"

static struct logic_work work_for(struct arena *arena) {
    return (struct logic_work){arena, UINT32_MAX, 500, SIZE_MAX};
}

static enum err compile(struct arena *arena, const struct json *json, const struct logic_rule **rule) {
    struct logic_compiler compiler = {.arena = arena};
    struct logic_fault fault = {0};
    enum err err = logic_compile(&compiler, json, 0, rule, &fault);
    assert_true(err == ERR_NONE || fault.what[0] != '\0');
    return err;
}

static enum err apply(struct arena *arena, const struct json *json, const struct json *data,
                      struct logic_value *result) {
    const struct logic_rule *rule;
    struct logic_work work = work_for(arena);
    struct logic_context context = {.flag_key = STR("flag"),
                                    .targeting_key = json_string(json_get(data, STR("targetingKey")))};
    enum err err = compile(arena, json, &rule);
    if (err != ERR_NONE)
        return err;
    assert_int_equal(logic_from_json(&work, data, &context.data), ERR_NONE);
    return logic_apply(rule, &context, arena, result);
}

static char *read_whole(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    *len = fread(text, 1, 1 << 20, file);
    assert_true(*len < 1 << 20 && feof(file));
    fclose(file);
    return text;
}

static void test_the_reference_cases_hold(void **state) {
    (void)state;
    size_t len = 0;
    char *text = read_whole(TEST_SOURCE_DIR "/../shared/vectors/jsonlogic.json", &len);
    if (text == NULL) {
        print_message("no ../shared/vectors/jsonlogic.json beside the sources: not run\n");
        skip();
    }
    struct logic_vectors_result result;
    struct strbuf report = {0};
    struct err_detail detail;
    if (logic_vectors_run(str_slice(text, len), &result, &report, &detail) != ERR_NONE)
        fail_msg("%s", detail.text);
    if (result.failed > 0)
        fail_msg("%s", report.at);
    assert_true(result.passed > 200);
    strbuf_clear(&report);
    free(text);
}

static void test_only_objects_with_one_member_are_rules(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{}", "{}", "{}"},
        {"{\"var\":\"a\",\"+\":[1]}", "{\"a\":1}", "{\"var\":\"a\",\"+\":[1]}"},
        {"[{\"+\":[1,1]},{}]", "{}", "[2,{}]"},
        {"{\"nonsense\":[1]}", "{}", "throws"},
        {"{\"if\":[true,1,{\"nonsense\":[]}]}", "{}", "throws"},
        {"{\"Math.abs\":[1]}", "{}", "throws"},
        {"{\"\":[1]}", "{}", "throws"},
        {"{\"$ref\":\"x\"}", "{}", "throws"},
    };
    CHECK_ROWS(rows);
}

static void test_truth_is_jsonlogics(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"!!\":[0]}", "{}", "false"},
        {"{\"!!\":[\"\"]}", "{}", "false"},
        {"{\"!!\":[\"0\"]}", "{}", "true"},
        {"{\"!!\":[[]]}", "{}", "false"},
        {"{\"!!\":[[0]]}", "{}", "true"},
        {"{\"!!\":[null]}", "{}", "false"},
        {"{\"!!\":[{}]}", "{}", "true"},
        {"{\"!!\":[-1]}", "{}", "true"},
        {"{\"!!\":[]}", "{}", "false"},
        {"{\"!\":[]}", "{}", "true"},
        {"{\"!\":{\"var\":\"x\"}}", "{}", "true"},
        {"{\"!!\":[{\"%\":[1,0]}]}", "{}", "false"},
        {"{\"!\":[[[]]]}", "{}", "false"},
        {"{\"!!\":\"false\"}", "{}", "true"},
    };
    CHECK_ROWS(rows);
}

static void test_conditions_apply_what_they_need(void **state) {
    (void)state;
    /* {"*": []} throws, but only where it is reached */
    static const struct row rows[] = {
        {"{\"if\":[true,1,{\"*\":[]}]}", "{}", "1"},
        {"{\"if\":[false,{\"*\":[]},2]}", "{}", "2"},
        {"{\"if\":[{\"*\":[]},1,2]}", "{}", "throws"},
        {"{\"if\":[false,1,true,2,{\"*\":[]}]}", "{}", "2"},
        {"{\"if\":[false,1,false,2]}", "{}", "null"},
        {"{\"if\":[null,\"a\",\"b\"]}", "{}", "\"b\""},
        {"{\"if\":true}", "{}", "true"},
        {"{\"?:\":[0,1,2]}", "{}", "2"},
        {"{\"or\":[1,{\"*\":[]}]}", "{}", "1"},
        {"{\"or\":[0,{\"*\":[]}]}", "{}", "throws"},
        {"{\"and\":[0,{\"*\":[]}]}", "{}", "0"},
        {"{\"and\":[1,\"\",{\"*\":[]}]}", "{}", "\"\""},
        {"{\"and\":[1,2,3]}", "{}", "3"},
        {"{\"or\":[0,\"\",null]}", "{}", "null"},
        {"{\"and\":[]}", "{}", "null"},
        {"{\"or\":[]}", "{}", "null"},
    };
    CHECK_ROWS(rows);
}

static void test_equality_coerces_as_javascript_does(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"==\":[1,\"1\"]}", "{}", "true"},
        {"{\"==\":[1,\" 1 \"]}", "{}", "true"},
        {"{\"==\":[0,\"\"]}", "{}", "true"},
        {"{\"==\":[0,\"a\"]}", "{}", "false"},
        {"{\"==\":[0,false]}", "{}", "true"},
        {"{\"==\":[1,true]}", "{}", "true"},
        {"{\"==\":[2,true]}", "{}", "false"},
        {"{\"==\":[\"1\",true]}", "{}", "true"},
        {"{\"==\":[null,false]}", "{}", "false"},
        {"{\"==\":[null,0]}", "{}", "false"},
        {"{\"==\":[null,null]}", "{}", "true"},
        {"{\"==\":[null]}", "{}", "true"},
        {"{\"===\":[null]}", "{}", "false"},
        {"{\"==\":[]}", "{}", "true"},
        {"{\"==\":[[],0]}", "{}", "true"},
        {"{\"==\":[[],\"\"]}", "{}", "true"},
        {"{\"==\":[[1],1]}", "{}", "true"},
        {"{\"==\":[[1,2],\"1,2\"]}", "{}", "true"},
        {"{\"==\":[[],[]]}", "{}", "false"},
        {"{\"==\":[[1],[1]]}", "{}", "false"},
        {"{\"==\":[{},\"[object Object]\"]}", "{}", "true"},
        {"{\"==\":[{},{}]}", "{}", "false"},
        {"{\"==\":[{},[]]}", "{}", "false"},
        {"{\"==\":[[null],\"\"]}", "{}", "true"},
        {"{\"==\":[\"0x10\",16]}", "{}", "true"},
        {"{\"==\":[\"0b11\",3]}", "{}", "true"},
        {"{\"==\":[\"0o17\",15]}", "{}", "true"},
        {"{\"==\":[\"-0x10\",-16]}", "{}", "false"},
        {"{\"==\":[\"0x\",0]}", "{}", "false"},
        {"{\"==\":[\"1e3\",1000]}", "{}", "true"},
        {"{\"==\":[\".5\",0.5]}", "{}", "true"},
        {"{\"==\":[\"5.\",5]}", "{}", "true"},
        {"{\"==\":[\"+5\",5]}", "{}", "true"},
        {"{\"==\":[\"1_000\",1000]}", "{}", "false"},
        {"{\"==\":[\"\\u00a07\\ufeff\",7]}", "{}", "true"},
        {"{\"==\":[\"1\",\"1.0\"]}", "{}", "false"},
        {"{\"==\":[\"Infinity\",{\"/\":[1,0]}]}", "{}", "true"},
        {"{\"==\":[{\"%\":[1,0]},{\"%\":[1,0]}]}", "{}", "false"},
        {"{\"!=\":[{\"%\":[1,0]},{\"%\":[1,0]}]}", "{}", "true"},
        {"{\"===\":[{\"var\":\"a\"},{\"var\":\"a\"}]}", "{\"a\":[1]}", "true"},
        {"{\"==\":[{\"var\":\"a\"},{\"var\":\"b\"}]}", "{\"a\":[1],\"b\":[1]}", "false"},
        {"{\"===\":[1,1.0]}", "{}", "true"},
        {"{\"===\":[\"1\",1]}", "{}", "false"},
        {"{\"!==\":[1,\"1\"]}", "{}", "true"},
        {"{\"!==\":[\"a\",\"a\"]}", "{}", "false"},
        {"{\"===\":[0,-0]}", "{}", "true"},
        {"{\"==\":[9007199254740993,9007199254740992]}", "{}", "true"},
    };
    CHECK_ROWS(rows);
}

static void test_order_is_by_text_or_by_number(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"<\":[\"10\",\"9\"]}", "{}", "true"},
        {"{\"<\":[\"10\",9]}", "{}", "false"},
        {"{\"<\":[\"a\",\"b\"]}", "{}", "true"},
        {"{\"<\":[\"a\",1]}", "{}", "false"},
        {"{\">\":[\"a\",1]}", "{}", "false"},
        {"{\"<=\":[null,0]}", "{}", "true"},
        {"{\">=\":[null,0]}", "{}", "true"},
        {"{\"<\":[null,1]}", "{}", "true"},
        {"{\"<\":[1]}", "{}", "false"},
        {"{\">=\":[1]}", "{}", "false"},
        {"{\"<\":[]}", "{}", "false"},
        {"{\"<\":[1,2,3]}", "{}", "true"},
        {"{\"<\":[1,2,2]}", "{}", "false"},
        {"{\"<=\":[1,1,1]}", "{}", "true"},
        {"{\"<\":[1,3,null]}", "{}", "false"},
        {"{\"<\":[false,true]}", "{}", "true"},
        {"{\"<\":[[2],[10]]}", "{}", "false"},
        {"{\"<\":[[2],10]}", "{}", "true"},
        {"{\"<\":[\"\",1]}", "{}", "true"},
        {"{\">\":[2,1,5]}", "{}", "true"},
        {"{\"<\":[\"\xF0\x9F\x98\x80\",\"\xEE\x80\x80\"]}", "{}", "true"}, /* by UTF-16 units */
        {"{\"<\":[{\"%\":[1,0]},1]}", "{}", "false"},
        {"{\">=\":[{\"%\":[1,0]},{\"%\":[1,0]}]}", "{}", "false"},
        {"{\"<\":[9007199254740993,9007199254740992]}", "{}", "false"},
        {"{\"<\":[1e400,1]}", "{}", "false"},
    };
    CHECK_ROWS(rows);
}

static void test_arithmetic_is_javascripts(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"+\":[]}", "{}", "0"},
        {"{\"+\":\"3.14\"}", "{}", "3.14"},
        {"{\"+\":[\"3.14abc\",1]}", "{}", "4.140000000000001"},
        {"{\"+\":[\"  2\",1]}", "{}", "3"},
        {"{\"+\":[\"abc\",1]}", "{}", "null"},
        {"{\"+\":[true,1]}", "{}", "null"},
        {"{\"+\":[null,1]}", "{}", "null"},
        {"{\"+\":[[5,6],1]}", "{}", "6"},
        {"{\"+\":[\"0x10\",1]}", "{}", "1"},
        {"{\"+\":[\"1e\",1]}", "{}", "2"},
        {"{\"+\":[\"-.5e1\"]}", "{}", "-5"},
        {"{\"+\":[0.1,0.2]}", "{}", "0.30000000000000004"},
        {"{\"+\":[9007199254740993,1]}", "{}", "9007199254740992"},
        {"{\"*\":[\"2\"]}", "{}", "\"2\""},
        {"{\"*\":[2,\"3x\"]}", "{}", "6"},
        {"{\"*\":[]}", "{}", "throws"},
        {"{\"-\":[\"3\"]}", "{}", "-3"},
        {"{\"-\":[\"5\",\"2\"]}", "{}", "3"},
        {"{\"-\":[\"5x\",2]}", "{}", "null"},
        {"{\"-\":[5,null]}", "{}", "5"},
        {"{\"-\":[]}", "{}", "null"},
        {"{\"-\":[true]}", "{}", "-1"},
        {"{\"-\":[[7],2]}", "{}", "5"},
        {"{\"/\":[1,0]}", "{}", "null"},
        {"{\"/\":[\"6\",\"4\"]}", "{}", "1.5"},
        {"{\"/\":[1]}", "{}", "null"},
        {"{\"/\":[0,0]}", "{}", "null"},
        {"{\"<\":[{\"/\":[-1,0]},0]}", "{}", "true"},
        {"{\"%\":[-5,3]}", "{}", "-2"},
        {"{\"%\":[5,-3]}", "{}", "2"},
        {"{\"%\":[5.5,2]}", "{}", "1.5"},
        {"{\"%\":[5,0]}", "{}", "null"},
        {"{\"%\":[\"7\",4]}", "{}", "3"},
        {"{\"%\":[5]}", "{}", "null"},
        {"{\"max\":[]}", "{}", "null"},
        {"{\"min\":[]}", "{}", "null"},
        {"{\"max\":[1,\"5\",3]}", "{}", "5"},
        {"{\"min\":[1,null]}", "{}", "0"},
        {"{\"max\":[1,\"a\"]}", "{}", "null"},
        {"{\"max\":[true,0]}", "{}", "1"},
        {"{\"max\":[[1,2]]}", "{}", "null"},
        {"{\"max\":[{\"%\":[1,0]},5]}", "{}", "null"},
        {"{\"+\":[1,2,3,4,5,6,7,8,9,10]}", "{}", "55"},
        {"{\"==\":[{\"max\":[]},\"-Infinity\"]}", "{}", "true"},
    };
    CHECK_ROWS(rows);
}

static void test_var_reads_data(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"var\":\"\"}", "{\"a\":1}", "{\"a\":1}"},
        {"{\"var\":[]}", "7", "7"},
        {"{\"var\":null}", "7", "7"},
        {"{\"var\":[\"\",5]}", "null", "null"},
        {"{\"var\":[\"a\",{\"+\":[1,1]}]}", "{}", "2"},
        {"{\"var\":[\"a\",1]}", "{\"a\":null}", "null"},
        {"{\"var\":[\"a.b\",1]}", "{\"a\":null}", "1"},
        {"{\"var\":\"a.1.b\"}", "{\"a\":[0,{\"b\":2}]}", "2"},
        {"{\"var\":1}", "[3,4]", "4"},
        {"{\"var\":\"01\"}", "[3,4]", "null"},
        {"{\"var\":\"-1\"}", "[3,4]", "null"},
        {"{\"var\":\"length\"}", "[3,4]", "2"},
        {"{\"var\":\"a.length\"}", "{\"a\":\"caf\xC3\xA9\"}", "4"},
        {"{\"var\":\"a.0\"}", "{\"a\":\"xyz\"}", "\"x\""},
        {"{\"var\":\"a.b\"}", "{\"a.b\":1}", "null"},
        {"{\"var\":\"a.\"}", "{\"a\":{\"\":9}}", "9"},
        {"{\"var\":{\"cat\":[\"a\",\".\",\"b\"]}}", "{\"a\":{\"b\":3}}", "3"},
        {"{\"var\":{\"cat\":[\"a\",\".\"]}}", "{\"a\":{\"\":9}}", "9"},
        {"{\"var\":[{\"var\":\"name\"},\"none\"]}", "{\"name\":\"x\"}", "\"none\""},
        {"{\"var\":true}", "{\"true\":8}", "8"},
        {"{\"var\":1.5}", "[0,[1,2,3,4,5,6]]", "6"},
        {"{\"var\":\"a\"}", "{\"a\":1,\"a\":2}", "2"},
        {"{\"var\":\"a\"}", "\"text\"", "null"},
        {"{\"var\":\"toString\"}", "{}", "null"},
        {"{\"var\":[\"a\"]}", "{\"a\":false}", "false"},
        {"{\"var\":[[\"a\"],9]}", "{\"a\":1}", "1"},
    };
    CHECK_ROWS(rows);
}

static void test_missing_names_what_is_not_there(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"missing\":[\"a\",\"b\"]}", "{\"a\":\"\",\"b\":null}", "[\"a\",\"b\"]"},
        {"{\"missing\":[\"a\",\"b\"]}", "{\"a\":0,\"b\":false}", "[]"},
        {"{\"missing\":{\"merge\":[\"a\",[\"b\"]]}}", "{\"a\":1}", "[\"b\"]"},
        {"{\"missing\":[[\"a\",\"b\"],\"c\"]}", "{\"a\":1}", "[\"b\"]"},
        {"{\"missing\":[0,1]}", "[5]", "[1]"},
        {"{\"missing\":[\"a\",[\"b\",1],[\"c\"],[]]}", "{\"d\":1}", "[\"a\",[\"c\"]]"},
        {"{\"missing_some\":[1,[\"a\",\"b\"]]}", "{\"b\":1}", "[]"},
        {"{\"missing_some\":[2,[\"a\",\"b\",\"c\"]]}", "{\"b\":1}", "[\"a\",\"c\"]"},
        {"{\"missing_some\":[0,[\"a\"]]}", "{}", "[]"},
        {"{\"missing_some\":[\"1\",[\"a\",\"b\"]]}", "{\"b\":1}", "[]"},
        {"{\"missing_some\":[1]}", "{}", "throws"},
    };
    CHECK_ROWS(rows);
}

static void test_loops_see_one_item_at_a_time(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"map\":[[1,2],{\"var\":\"\"}]}", "{}", "[1,2]"},
        {"{\"map\":[[{\"a\":1,\"b\":1}],{\"var\":\"b\"}]}", "{\"b\":9}", "[1]"},
        {"{\"map\":[5,1]}", "{}", "[]"},
        {"{\"map\":[[1,2]]}", "{}", "[null,null]"},
        {"{\"filter\":[{\"var\":\"x\"},true]}", "{}", "[]"},
        {"{\"filter\":[[1,0,2],{\"var\":\"\"}]}", "{}", "[1,2]"},
        {"{\"filter\":\"x\"}", "{}", "[]"},
        {"{\"all\":[[],true]}", "{}", "false"},
        {"{\"all\":[\"x\",true]}", "{}", "false"},
        {"{\"all\":[[1,2],{\">\":[{\"var\":\"\"},0]}]}", "{}", "true"},
        {"{\"none\":[[],true]}", "{}", "true"},
        {"{\"none\":[null,true]}", "{}", "true"},
        {"{\"some\":[[],true]}", "{}", "false"},
        {"{\"some\":[[0,1],{\"var\":\"\"}]}", "{}", "true"},
        {"{\"some\":[[[1,2],[3]],{\"in\":[3,{\"var\":\"\"}]}]}", "{}", "true"},
        {"{\"reduce\":[[1,2,3],{\"+\":[{\"var\":\"current\"},{\"var\":\"accumulator\"}]},0]}", "{}", "6"},
        {"{\"reduce\":[[1,2],{\"var\":\"accumulator\"}]}", "{}", "null"},
        {"{\"reduce\":[\"x\",1,7]}", "{}", "7"},
        {"{\"reduce\":[null,1]}", "{}", "null"},
        {"{\"reduce\":[[\"a\",\"b\"],{\"cat\":[{\"var\":\"accumulator\"},{\"var\":\"current\"}]},\"\"]}", "{}",
         "\"ab\""},
        {"{\"reduce\":[[1,2],{\"var\":\"\"},0]}", "{}",
         "{\"current\":2,\"accumulator\":{\"current\":1,\"accumulator\":0}}"},
        {"{\"reduce\":[[1],{\"var\":\"outer\"},0]}", "{\"outer\":5}", "null"},
        {"{\"map\":[{\"filter\":[{\"var\":\"l\"},{\">\":[{\"var\":\"\"},1]}]},{\"*\":[{\"var\":\"\"},2]}]}",
         "{\"l\":[1,2,3]}", "[4,6]"},
    };
    CHECK_ROWS(rows);
}

static void test_text_operators(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"cat\":[]}", "{}", "\"\""},
        {"{\"cat\":[null,1,true]}", "{}", "\"1true\""},
        {"{\"cat\":[1.50,\"|\",1e21,\"|\",1e-7,\"|\",100000000000000000000]}", "{}",
         "\"1.5|1e+21|1e-7|100000000000000000000\""},
        {"{\"cat\":[0.1,\" \",123456.789,\" \",-0,\" \",0.000001]}", "{}", "\"0.1 123456.789 0 0.000001\""},
        {"{\"cat\":[5e-324,\" \",1.7976931348623157e308]}", "{}", "\"5e-324 1.7976931348623157e+308\""},
        {"{\"cat\":[[1,[2,null]],{}]}", "{}", "\"1,2,[object Object]\""},
        {"{\"cat\":[{\"%\":[1,0]},{\"/\":[1,0]},{\"/\":[-1,0]}]}", "{}", "\"NaNInfinity-Infinity\""},
        {"{\"in\":[\"\",\"abc\"]}", "{}", "true"},
        {"{\"in\":[\"\",\"\"]}", "{}", "false"},
        {"{\"in\":[1,\"a1b\"]}", "{}", "true"},
        {"{\"in\":[null,\"a null\"]}", "{}", "true"},
        {"{\"in\":[1,[\"1\"]]}", "{}", "false"},
        {"{\"in\":[1,[1]]}", "{}", "true"},
        {"{\"in\":[1,1]}", "{}", "false"},
        {"{\"in\":[\"a\",null]}", "{}", "false"},
        {"{\"in\":[\"a\",{}]}", "{}", "false"},
        {"{\"in\":[\"a\"]}", "{}", "false"},
        {"{\"in\":[null,[null]]}", "{}", "true"},
        {"{\"in\":[[1],[[1]]]}", "{}", "false"},
        {"{\"in\":[\"x\",\"abc\",\"x\"]}", "{}", "false"},
        {"{\"substr\":[\"jsonlogic\",4]}", "{}", "\"logic\""},
        {"{\"substr\":[\"jsonlogic\",-5]}", "{}", "\"logic\""},
        {"{\"substr\":[\"jsonlogic\",-50]}", "{}", "\"jsonlogic\""},
        {"{\"substr\":[\"jsonlogic\",50]}", "{}", "\"\""},
        {"{\"substr\":[\"jsonlogic\",4,-2]}", "{}", "\"log\""},
        {"{\"substr\":[\"jsonlogic\",4,-20]}", "{}", "\"\""},
        {"{\"substr\":[\"jsonlogic\",4,0]}", "{}", "\"\""},
        {"{\"substr\":[\"jsonlogic\",4,null]}", "{}", "\"\""},
        {"{\"substr\":[\"jsonlogic\"]}", "{}", "\"jsonlogic\""},
        {"{\"substr\":[12345,1,2]}", "{}", "\"23\""},
        {"{\"substr\":[\"abc\",\"1\"]}", "{}", "\"bc\""},
        {"{\"substr\":[\"abc\",1.9]}", "{}", "\"bc\""},
        {"{\"substr\":[\"abc\",\"x\"]}", "{}", "\"abc\""},
        {"{\"substr\":[\"abcdef\",1,\"-2\"]}", "{}", "\"\""},
        {"{\"var\":[[],9]}", "{}", "9"},
        {"{\"substr\":[null,0,2]}", "{}", "\"nu\""},
        {"{\"substr\":[\"abcdef\",1,-0.5]}", "{}", "\"bcde\""},
        {"{\"substr\":[\"caf\xC3\xA9s\",3,1]}", "{}", "\"\xC3\xA9\""},
        {"{\"substr\":[\"a\xF0\x9F\x98\x80z\",3]}", "{}", "\"z\""},
        {"{\"substr\":[\"a\xF0\x9F\x98\x80z\",0,2]}", "{}", "\"a\xEF\xBF\xBD\""},
        {"{\"substr\":[\"a\xF0\x9F\x98\x80z\",2]}", "{}", "\"\xEF\xBF\xBDz\""},
        {"{\"log\":\"x\"}", "{}", "\"x\""},
        {"{\"log\":[]}", "{}", "null"},
        {"{\"log\":[1,2]}", "{}", "1"},
        {"{\"merge\":[1,[2,[3]],null]}", "{}", "[1,2,[3],null]"},
        {"{\"merge\":{\"var\":\"l\"}}", "{\"l\":[1,2]}", "[1,2]"},
    };
    CHECK_ROWS(rows);
}

static void test_starts_with_and_ends_with(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"starts_with\":[\"abcdef\",\"abc\"]}", "{}", "true"},
        {"{\"starts_with\":[\"abcdef\",\"bc\"]}", "{}", "false"},
        {"{\"starts_with\":[\"abc\",\"abcd\"]}", "{}", "false"},
        {"{\"starts_with\":[\"abc\",\"\"]}", "{}", "true"},
        {"{\"starts_with\":[{\"var\":\"x\"},\"a\"]}", "{\"x\":\"ab\"}", "true"},
        {"{\"starts_with\":[{\"var\":\"x\"},\"a\"]}", "{}", "null"},
        {"{\"starts_with\":[3,\"3\"]}", "{}", "null"},
        {"{\"starts_with\":[\"3\",3]}", "{}", "null"},
        {"{\"starts_with\":[\"abc\"]}", "{}", "null"},
        {"{\"starts_with\":\"abc\"}", "{}", "null"},
        {"{\"starts_with\":[\"abc\",\"a\",\"b\"]}", "{}", "null"},
        {"{\"starts_with\":[]}", "{}", "null"},
        {"{\"ends_with\":[\"uvwxyz\",\"xyz\"]}", "{}", "true"},
        {"{\"ends_with\":[\"uvwxyz\",\"xy\"]}", "{}", "false"},
        {"{\"ends_with\":[\"z\",\"xyz\"]}", "{}", "false"},
        {"{\"ends_with\":[[\"z\"],\"z\"]}", "{}", "null"},
        {"{\"ends_with\":[\"xyz\"]}", "{}", "null"},
        {"{\"ends_with\":[null,\"z\"]}", "{}", "null"},
    };
    CHECK_ROWS(rows);
}

static void test_sem_ver(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"sem_ver\":[\"2.0.0\",\"=\",\"2.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"2.0.0\",\"!=\",\"2.0.0\"]}", "{}", "false"},
        {"{\"sem_ver\":[\"2.0.1\",\"!=\",\"2.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"2.1.0\",\">\",\"2.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.9.0\",\"<\",\"2.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.10.0\",\">\",\"1.9.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"2.0.0\",\"<=\",\"2.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"2.0.0\",\">=\",\"2.0.1\"]}", "{}", "false"},
        {"{\"sem_ver\":[\"3.0.1\",\"~\",\"3.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"3.1.0\",\"~\",\"3.0.0\"]}", "{}", "false"},
        {"{\"sem_ver\":[\"3.1.0\",\"^\",\"3.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"3.0.0\",\"^\",\"3.9.9\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"4.0.0\",\"^\",\"3.0.0\"]}", "{}", "false"},
        {"{\"sem_ver\":[\"v1.0.0\",\"=\",\"1.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"V1.0.0\",\"=\",\"v1.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1\",\"=\",\"1.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.2\",\"<\",\"1.2.1\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.5.0\",\"^\",\"1\"]}", "{}", "true"},
        {"{\"sem_ver\":[1,\"^\",\"1\"]}", "{}", "true"},
        {"{\"sem_ver\":[1.2,\">\",\"1.1\"]}", "{}", "true"},
        {"{\"sem_ver\":[2,\">\",\"1.1\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"2.0.0-alpha\",\"<\",\"2.0.0\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-alpha\",\"<\",\"1.0.0-alpha.1\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-alpha.1\",\"<\",\"1.0.0-alpha.beta\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-alpha.beta\",\"<\",\"1.0.0-beta\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-beta.2\",\"<\",\"1.0.0-beta.11\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-beta.11\",\"<\",\"1.0.0-rc.1\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0+build\",\"=\",\"1.0.0+other\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"1.0.0-a+b-c\",\"=\",\"1.0.0-a\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"99999999999999999999.0.0\",\">\",\"99999999999999999998.9.9\"]}", "{}", "true"},
        {"{\"sem_ver\":[\"2.0.0.0\",\"=\",\"2.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"01.0.0\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-01\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0-a..b\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0+\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.2-alpha\",\"=\",\"1.2.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"v\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"vv1\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\" 1.0.0\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"not-a-version\",\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0\",\"===\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0\",1,\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0\",\"=\",\"nope\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0\",\"=\"]}", "{}", "null"},
        {"{\"sem_ver\":[\"1.0.0\",\"=\",\"1.0.0\",1]}", "{}", "null"},
        {"{\"sem_ver\":[null,\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":[true,\"=\",\"1.0.0\"]}", "{}", "null"},
        {"{\"sem_ver\":\"x\"}", "{}", "null"},
    };
    CHECK_ROWS(rows);
}

/* (fault 4.6) */
static void test_fractional(void **state) {
    (void)state;
    static const struct row rows[] = {
        /* hashes 0, 1, 2^31-1, 2^31 and 2^32-1 */
        {"{\"fractional\":[{\"var\":\"k\"},[\"low\",50],[\"high\",50]]}", "{\"k\":\"ejOoVL\"}", "\"low\""},
        {"{\"fractional\":[{\"var\":\"k\"},[\"low\",50],[\"high\",50]]}", "{\"k\":\"bY9fO-\"}", "\"low\""},
        {"{\"fractional\":[{\"var\":\"k\"},[\"low\",50],[\"high\",50]]}", "{\"k\":\"SI7p-\"}", "\"low\""},
        {"{\"fractional\":[{\"var\":\"k\"},[\"low\",50],[\"high\",50]]}", "{\"k\":\"6LvT0\"}", "\"high\""},
        {"{\"fractional\":[{\"var\":\"k\"},[\"low\",50],[\"high\",50]]}", "{\"k\":\"ceQdGm\"}", "\"high\""},
        /* the first argument decides what is hashed */
        {"{\"fractional\":[[\"a\",1]]}", "{\"targetingKey\":\"x\"}", "\"a\""},
        {"{\"fractional\":[[\"a\",1]]}", "{\"targetingKey\":\"\"}", "null"},
        {"{\"fractional\":[null,[\"a\",1]]}", "{\"targetingKey\":\"\"}", "null"},
        {"{\"fractional\":[{\"var\":\"none\"},[\"a\",1]]}", "{\"targetingKey\":\"\"}", "null"},
        {"{\"fractional\":[{\"var\":\"targetingKey\"},[\"a\",1]]}", "{\"targetingKey\":\"\"}", "\"a\""},
        {"{\"fractional\":[[\"a\",1]]}", "{}", "null"},
        {"{\"fractional\":[[\"a\",1]]}", "{\"targetingKey\":5}", "null"},
        {"{\"fractional\":[null,[\"a\",1]]}", "{\"targetingKey\":\"x\"}", "\"a\""},
        {"{\"fractional\":[null,[\"a\",1]]}", "{}", "null"},
        {"{\"fractional\":[{\"var\":\"none\"},[\"a\",1]]}", "{}", "null"},
        {"{\"fractional\":[5,[\"a\",1]]}", "{\"targetingKey\":\"x\"}", "null"},
        {"{\"fractional\":[true,[\"a\",1]]}", "{\"targetingKey\":\"x\"}", "null"},
        {"{\"fractional\":[\"\",[\"a\",1]]}", "{}", "\"a\""},
        /* weights */
        {"{\"fractional\":[\"k\",[\"a\",0],[\"b\"]]}", "{}", "\"b\""},
        {"{\"fractional\":[\"k\",[\"a\",0],[\"b\",null]]}", "{}", "\"b\""},
        {"{\"fractional\":[\"k\",[\"a\",-50],[\"b\",100]]}", "{}", "\"b\""},
        {"{\"fractional\":[\"k\",[\"a\",0],[\"b\",0]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",-1]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",1.5]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",-0.5],[\"b\",1]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",\"1\"]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",2147483647]]}", "{}", "\"a\""},
        {"{\"fractional\":[\"k\",[\"a\",2147483648]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",2147483647],[\"b\",1]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",{\"if\":[{\"var\":\"p\"},100,0]}],[\"b\",{\"if\":[{\"var\":\"p\"},0,100]}]]}",
         "{\"p\":true}", "\"a\""},
        {"{\"fractional\":[\"k\",[\"a\",{\"if\":[{\"var\":\"p\"},100,0]}],[\"b\",{\"if\":[{\"var\":\"p\"},0,100]}]]}",
         "{\"p\":false}", "\"b\""},
        /* variants */
        {"{\"fractional\":[\"k\",[{\"var\":\"v\"},1]]}", "{\"v\":\"red\"}", "\"red\""},
        {"{\"fractional\":[\"k\",[{\"var\":\"v\"},1]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[true,1]]}", "{}", "true"},
        {"{\"fractional\":[\"k\",[3,1]]}", "{}", "3"},
        {"{\"fractional\":[\"k\",[[\"a\"],1]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",1,\"and\",\"more\"]]}", "{}", "\"a\""},
        {"{\"if\":[{\"fractional\":[\"k\",[false,0],[true,100]]},\"big\",\"small\"]}", "{}", "\"big\""},
        /* malformed */
        {"{\"fractional\":[]}", "{\"targetingKey\":\"x\"}", "null"},
        {"{\"fractional\":\"k\"}", "{\"targetingKey\":\"x\"}", "null"},
        {"{\"fractional\":[\"k\"]}", "{\"targetingKey\":\"x\"}", "null"},
        {"{\"fractional\":[\"k\",[]]}", "{}", "null"},
        {"{\"fractional\":[\"k\",\"a\"]}", "{}", "null"},
        {"{\"fractional\":[\"k\",[\"a\",1],7]}", "{}", "null"},
        {"{\"fractional\":[\"k\",{\"var\":\"l\"}]}", "{\"l\":[\"z\",5]}", "\"z\""},
    };
    CHECK_ROWS(rows);
}

/* Rules that would run on for ever, or fill the memory, fail. */
static void test_cost_is_bounded(void **state) {
    (void)state;
    static const char *rules[] = {
        /* doubles a text 40 times */
        "{\"reduce\":[{\"var\":\"l\"},{\"cat\":[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}]},\"xxxxxxxx\"]}",
        /* doubles a list 40 times */
        "{\"reduce\":[{\"var\":\"l\"},{\"merge\":[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}]},[1]]}",
        /* 40^4 steps */
        "{\"map\":[{\"var\":\"l\"},{\"map\":[{\"var\":\"\"},1]}]}",
    };
    struct arena *arena = arena_new(0);
    struct strbuf data = {0};
    strbuf_append(&data, STR("{\"l\":["));
    for (int i = 0; i < 600; i++) {
        strbuf_append(&data, i == 0 ? STR("[0") : STR(",[0"));
        for (int j = 0; j < 600; j++)
            strbuf_append(&data, STR(",1"));
        strbuf_append(&data, STR("]"));
    }
    strbuf_append(&data, STR("]}"));
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct logic_value result;
        size_t before = arena_used(arena);
        assert_int_equal(apply(arena, parse(arena, str_of(rules[i])), parse(arena, strbuf_str(&data)), &result),
                         ERR_LIMIT);
        assert_true(arena_used(arena) - before < (size_t)200 << 20);
    }
    strbuf_clear(&data);
    arena_free(arena);
}

static struct str nested(struct strbuf *buf, const char *open, const char *inner, const char *close, int depth) {
    buf->len = 0;
    for (int i = 0; i < depth; i++)
        strbuf_append(buf, str_of(open));
    strbuf_append(buf, str_of(inner));
    for (int i = 0; i < depth; i++)
        strbuf_append(buf, str_of(close));
    return strbuf_str(buf);
}

static void test_depth_is_bounded(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    const struct logic_rule *rule;
    struct logic_value result;
    const struct json *empty = parse(arena, STR("{}"));
    assert_int_equal(apply(arena, parse(arena, nested(&text, "{\"!\":[", "1", "]}", 200)), empty, &result), ERR_NONE);
    assert_true(result.type == LOGIC_BOOL && result.boolean);
    assert_int_equal(compile(arena, parse(arena, nested(&text, "{\"!\":[", "1", "]}", 300)), &rule), ERR_LIMIT);
    assert_int_equal(compile(arena, parse(arena, nested(&text, "[", "1", "]", 300)), &rule), ERR_LIMIT);
    /* values can nest deeper than rules: made text, they count too */
    const struct json *deep = parse(arena, nested(&text, "[", "1", "]", 400));
    assert_int_equal(apply(arena, parse(arena, STR("{\"cat\":{\"var\":\"\"}}")), deep, &result), ERR_LIMIT);
    strbuf_clear(&text);
    arena_free(arena);
}

static void test_many_arguments(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct logic_value result;
    strbuf_append(&text, STR("{\"+\":[0"));
    for (int i = 0; i < 10000; i++)
        strbuf_append(&text, STR(",1"));
    strbuf_append(&text, STR("]}"));
    assert_int_equal(apply(arena, parse(arena, strbuf_str(&text)), parse(arena, STR("{}")), &result), ERR_NONE);
    assert_true(result.number == 10000);
    strbuf_clear(&text);
    arena_free(arena);
}

/* A compiled rule is read only: the same tree gives the same answer over and over. */
static void test_a_rule_is_applied_many_times(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct logic_rule *rule;
    struct logic_work work = work_for(arena);
    assert_int_equal(compile(arena, parse(arena, STR("{\"in\":[{\"var\":\"c\"},[\"a\",\"b\"]]}")), &rule), ERR_NONE);
    for (int i = 0; i < 100; i++) {
        struct logic_context context = {.flag_key = STR("f")};
        struct logic_value result;
        struct arena *scratch = arena_new(0);
        assert_int_equal(
            logic_from_json(&work, parse(arena, i % 2 ? STR("{\"c\":\"a\"}") : STR("{\"c\":\"z\"}")), &context.data),
            ERR_NONE);
        assert_int_equal(logic_apply(rule, &context, scratch, &result), ERR_NONE);
        assert_true(result.type == LOGIC_BOOL && result.boolean == (i % 2 == 1));
        arena_free(scratch);
    }
    arena_free(arena);
}

static void test_a_file_of_cases(void **state) {
    (void)state;
    struct logic_vectors_result result;
    struct strbuf report = {0};
    struct err_detail detail;
    struct str text = STR("[\"a comment\", [{\"+\":[1,2]},{},3], [{\"!\":1},{},true], [{\"?\":1},{},1]]");
    assert_int_equal(logic_vectors_run(text, &result, &report, &detail), ERR_NONE);
    assert_int_equal(result.passed, 1);
    assert_int_equal(result.failed, 2);
    assert_string_equal(report.at, "failed: [{\"!\":1},{},true]: another result\n"
                                   "failed: [{\"?\":1},{},1]: unknown operator \"?\"\n");
    static const char *const wrong[] = {"{}", "[[1,2]]", "[5]", "[", ""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_not_equal(logic_vectors_run(str_of(wrong[i]), &result, &report, &detail), ERR_NONE);
    strbuf_clear(&report);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_reference_cases_hold),
        cmocka_unit_test(test_a_file_of_cases),
        cmocka_unit_test(test_only_objects_with_one_member_are_rules),
        cmocka_unit_test(test_truth_is_jsonlogics),
        cmocka_unit_test(test_conditions_apply_what_they_need),
        cmocka_unit_test(test_equality_coerces_as_javascript_does),
        cmocka_unit_test(test_order_is_by_text_or_by_number),
        cmocka_unit_test(test_arithmetic_is_javascripts),
        cmocka_unit_test(test_var_reads_data),
        cmocka_unit_test(test_missing_names_what_is_not_there),
        cmocka_unit_test(test_loops_see_one_item_at_a_time),
        cmocka_unit_test(test_text_operators),
        cmocka_unit_test(test_starts_with_and_ends_with),
        cmocka_unit_test(test_sem_ver),
        cmocka_unit_test(test_fractional),
        cmocka_unit_test(test_cost_is_bounded),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_a_rule_is_applied_many_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
