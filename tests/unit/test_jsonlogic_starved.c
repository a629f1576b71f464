/* Every rule is applied with too little again and again: too few steps, too little depth, too few bytes. Whatever it
 * runs out of, and wherever, it must fail with ERR_LIMIT and write no result; and with enough of it give the very
 * result that it gives when there is plenty. So no error inside an operator is lost. */
#include "proxy/decide/logic_coerce.h"
#include "tests/unit/logic_fixture.h"

#include <math.h>

enum { ENOUGH = 20000 };
enum part { STEPS, DEPTH, BYTES };

static const char *const data_text =
    "{\"n\":12,\"s\":\"text\",\"l\":[1,[2,3],\"x\",null],\"names\":[\"n\",\"no\"],"
    "\"pairs\":[[\"no\",4]],\"o\":{\"a\":{\"b\":[5,6]}},\"v\":\"1.2.3\",\"f\":1.5,"
    "\"long\":100000000000000000000000000000000000000000000000000000000000000000000,"
    "\"longs\":\"00000000000000000000000000000000000000000000000000000000000000000001\","
    "\"bucket\":[\"b\",50],\"late\":[1,100000000000000000000000000000000000000000000000000000000000000000,2],"
    "\"nested\":[[[[1]]]],\"targetingKey\":\"k\"}";

/* Each operator, with arguments that are computed, texts that are made of lists, and numbers that are read late. */
static const char *const rules[] = {
    "{\"var\":\"o.a.b.1\"}",
    "{\"var\":[\"none\",{\"+\":[{\"var\":\"f\"},1]}]}",
    "{\"var\":{\"cat\":[\"o.a.\",\"b.0\"]}}",
    "{\"var\":[{\"+\":[1,1]},{\"var\":\"long\"}]}",
    "{\"var\":{\"var\":\"f\"}}",
    "{\"var\":\"long\"}",
    "[{\"var\":\"n\"},{\"var\":\"l\"},[{\"var\":\"s\"}]]",
    "{\"missing\":[\"n\",\"none\",{\"var\":\"n\"}]}",
    "{\"missing\":{\"var\":\"names\"}}",
    "{\"missing\":[\"n\",[\"none\",\"else\"],{\"var\":\"pairs.0\"}]}",
    "{\"missing\":{\"var\":\"pairs\"}}",
    "{\"missing_some\":[{\"var\":\"longs\"},{\"var\":\"names\"}]}",
    "{\"missing_some\":[{\"var\":\"n\"},{\"var\":\"names\"}]}",
    "{\"missing_some\":[1,{\"var\":\"f\"}]}",
    "{\"missing_some\":[[[1]],[{\"var\":\"names\"}]]}",
    "{\"if\":[{\"==\":[{\"var\":\"l\"},\"1\"]},1,{\"!\":{\"var\":\"n\"}},2,{\"var\":\"s\"}]}",
    "{\"and\":[{\"var\":\"n\"},{\"var\":\"l\"},{\"cat\":[{\"var\":\"l\"}]}]}",
    "{\"or\":[{\"!\":{\"var\":\"n\"}},{\"var\":\"o\"}]}",
    "{\"==\":[{\"var\":\"l\"},\"1,2,3,x,\"]}",
    "{\"==\":[\"1,2,3,x,\",{\"var\":\"l\"}]}",
    "{\"==\":[12,{\"var\":\"longs\"}]}",
    "{\"==\":[{\"var\":\"longs\"},true]}",
    "{\"!=\":[{\"var\":\"o.a.b\"},{\"var\":\"n\"}]}",
    "{\"===\":[{\"cat\":[{\"var\":\"n\"}]},\"12\"]}",
    "{\"!==\":[{\"cat\":[{\"var\":\"n\"}]},\"12\"]}",
    "{\"<\":[{\"var\":\"longs\"},{\"var\":\"n\"},{\"var\":\"long\"}]}",
    "{\"<=\":[{\"var\":\"n\"},{\"var\":\"longs\"},{\"var\":\"longs\"}]}",
    "{\"<\":[{\"var\":\"l\"},{\"var\":\"o.a.b\"}]}",
    "{\">\":[{\"var\":\"longs\"},{\"var\":\"o.a.b\"}]}",
    "{\">=\":[{\"var\":\"n\"},{\"var\":\"longs\"}]}",
    "{\"max\":[{\"var\":\"longs\"},{\"var\":\"n\"}]}",
    "{\"min\":[{\"var\":\"n\"},{\"var\":\"longs\"},1,2]}",
    "{\"+\":[{\"var\":\"longs\"},{\"var\":\"l\"},1,2,3]}",
    "{\"-\":[{\"var\":\"longs\"},{\"var\":\"longs\"}]}",
    "{\"*\":[{\"var\":\"longs\"},{\"var\":\"o.a.b\"}]}",
    "{\"/\":[{\"var\":\"longs\"},{\"var\":\"longs\"}]}",
    "{\"%\":[{\"var\":\"n\"},{\"var\":\"longs\"}]}",
    "{\"map\":[{\"var\":\"l\"},{\"cat\":[{\"var\":\"\"},\"!\"]}]}",
    "{\"filter\":[{\"var\":\"o.a.b\"},{\">\":[{\"var\":\"\"},5]}]}",
    "{\"all\":[{\"var\":\"o.a.b\"},{\"cat\":{\"var\":\"\"}}]}",
    "{\"none\":[{\"var\":\"o.a.b\"},{\"<\":[{\"var\":\"\"},5]}]}",
    "{\"some\":[{\"var\":\"o.a.b\"},{\"==\":[{\"var\":\"\"},6]}]}",
    "{\"reduce\":[{\"var\":\"o.a.b\"},{\"+\":[{\"var\":\"current\"},{\"var\":\"accumulator\"}]},{\"var\":\"n\"}]}",
    "{\"merge\":[{\"var\":\"l\"},{\"var\":\"n\"},{\"merge\":{\"var\":\"o.a.b\"}}]}",
    "{\"in\":[{\"var\":\"f\"},{\"var\":\"l\"}]}",
    "{\"in\":[{\"var\":\"o.a.b\"},\"5,6,7\"]}",
    "{\"map\":[{\"var\":\"late\"},{\"-\":[{\"var\":\"\"}]}]}",
    "{\"cat\":[{\"var\":\"l\"},{\"var\":\"nested\"},{\"var\":\"n\"},{\"var\":\"s\"}]}",
    "{\"substr\":[{\"var\":\"l\"},{\"var\":\"longs\"},{\"var\":\"longs\"}]}",
    "{\"substr\":[\"\\ud83d\\ude00\",{\"var\":\"longs\"}]}",
    "{\"log\":{\"cat\":[{\"var\":\"l\"},1]}}",
    "{\"starts_with\":[{\"cat\":[{\"var\":\"n\"},\"x\"]},\"1\"]}",
    "{\"ends_with\":[{\"cat\":[{\"var\":\"n\"},\"x\"]},\"x\"]}",
    "{\"sem_ver\":[{\"var\":\"f\"},\"^\",{\"var\":\"v\"}]}",
    "{\"sem_ver\":[{\"var\":\"v\"},\"~\",{\"var\":\"f\"}]}",
    "{\"fractional\":[{\"cat\":[{\"var\":\"s\"},1]},[\"a\",{\"var\":\"n\"}],{\"var\":\"bucket\"}]}",
    "{\"fractional\":[[\"a\",50],{\"var\":\"bucket\"}]}",
};

struct starved {
    const struct logic_rule *rule;
    struct logic_context context;
    struct logic_value plenty; /* the result */
};

static struct logic_work plenty_of(struct arena *arena) {
    return (struct logic_work){arena, LOGIC_STEPS_MAX, LOGIC_DEPTH_MAX, LOGIC_BYTES_MAX};
}

static struct str text_of(struct arena *arena, const struct logic_value *value) {
    struct logic_work work = plenty_of(arena);
    struct str text;
    assert_int_equal(logic_to_string(&work, *value, &text), ERR_NONE);
    return text;
}

/* True once it was enough. */
static bool apply_starved(const struct starved *starved, struct logic_work work, const char *rule) {
    struct logic_value result = logic_string(STR("untouched"));
    uint32_t depth = work.depth_left;
    enum err err = logic_apply_within(starved->rule, &starved->context, &work, &result);
    if (err == ERR_NONE) {
        assert_int_equal(work.depth_left, depth);
        assert_int_equal(result.type, starved->plenty.type);
        assert_true(str_eq(text_of(work.arena, &result), text_of(work.arena, &starved->plenty)));
    } else if (err != ERR_LIMIT || result.type != LOGIC_STRING || !str_eq(result.string, STR("untouched"))) {
        fail_msg("%s: %s with a result of type %d", rule, err_name(err), (int)result.type);
    }
    return err == ERR_NONE;
}

/* With more and more of one part of the work, until it is enough; one more is enough, too. */
static void starve(const struct starved *starved, const char *rule, enum part of) {
    bool enough = false;
    for (uint32_t allowed = 0; !enough; allowed++) {
        struct arena *arena = arena_new(0);
        for (uint32_t more = 0; more <= 1; more++) {
            struct logic_work work = plenty_of(arena);
            if (of == STEPS)
                work.steps_left = allowed + more;
            else if (of == DEPTH)
                work.depth_left = allowed + more;
            else
                work.bytes_left = allowed + more;
            bool was_enough = enough;
            enough = apply_starved(starved, work, rule);
            assert_true(enough || !was_enough);
        }
        arena_free(arena);
        assert_true(allowed < ENOUGH);
    }
}

static void test_every_operator_fails_when_it_has_too_little(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct arena *arena = arena_new(0);
        const struct logic_compiler compiler = {.arena = arena};
        struct starved starved = {.context = {.flag_key = STR("flag"), .targeting_key = STR("k")}};
        struct logic_fault fault = {0};
        struct logic_work work = plenty_of(arena);
        if (logic_compile(&compiler, parse(arena, str_of(rules[i])), 0, &starved.rule, &fault) != ERR_NONE)
            fail_msg("%s: %s", rules[i], fault.what);
        assert_int_equal(logic_from_json(&work, parse(arena, str_of(data_text)), &starved.context.data), ERR_NONE);
        assert_int_equal(logic_apply(starved.rule, &starved.context, arena, &starved.plenty), ERR_NONE);
        starve(&starved, rules[i], STEPS);
        starve(&starved, rules[i], DEPTH);
        starve(&starved, rules[i], BYTES);
        arena_free(arena);
    }
}

/* The conversions by themselves, on values that rules seldom hand to them in that state: lists that are JSON still. */
static void test_conversions_fail_when_they_have_too_little(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json *json = parse(arena, str_of(data_text));
    for (size_t bytes = 0; bytes < 2000; bytes++) {
        struct logic_work work = {arena, 100, 10, bytes};
        struct logic_value list, number;
        double read = 7;
        assert_int_equal(logic_from_json(&work, json_get(json, STR("l")), &list), ERR_NONE);
        enum err err = logic_to_number(&work, list, &read);
        assert_true(err == ERR_NONE ? isnan(read) : err == ERR_LIMIT && read == 7);
        work.bytes_left = bytes;
        err = logic_from_json(&work, json_get(json, STR("long")), &number);
        assert_true(err == ERR_NONE ? number.number == 1e68 : err == ERR_LIMIT);
    }
    arena_free(arena);
}

/* "[1,1,...,1" with so many items. */
static void add_ones(struct strbuf *text, size_t count) {
    strbuf_append(text, STR("[1"));
    for (size_t i = 1; i < count; i++)
        strbuf_append(text, STR(",1"));
}

/* What a rule may cost, comparing its result may cost too, wherever in the result it is too much. */
static void test_a_case_is_compared_within_limits(void **state) {
    (void)state;
    enum { FILLING = LOGIC_BYTES_MAX / sizeof(struct logic_value) }; /* leaves no room for a number of 68 digits */
    static const struct {
        const char *before, *behind;
        size_t count;
    } rows[] = {
        {"", "]", LOGIC_STEPS_MAX + 1},
        {"[1,", "],2]", LOGIC_STEPS_MAX + 1},
        {"{\"a\":", "],\"b\":2}", LOGIC_STEPS_MAX + 1},
        {"[", "],10000000000000000000000000000000000000000000000000000000000000000000]", FILLING - 4},
        {"{\"a\":", "],\"b\":10000000000000000000000000000000000000000000000000000000000000000000}", FILLING},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct strbuf text = {0};
        struct err_detail detail = {.text = ""};
        bool holds = false;
        strbuf_append(&text, str_of(rows[i].before));
        add_ones(&text, rows[i].count);
        strbuf_append(&text, str_of(rows[i].behind));
        const struct json *same = parse(arena, strbuf_str(&text));
        assert_int_equal(logic_case_run(parse(arena, STR("{\"var\":\"\"}")), same, same, &holds, &detail), ERR_LIMIT);
        assert_false(holds);
        assert_non_null(strstr(detail.text, "compared"));
        strbuf_clear(&text);
        arena_free(arena);
    }
}

/* Not even a number may be longer than what a rule may cost. */
static void test_a_number_of_megabytes_is_no_data(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf text = {0};
    struct err_detail detail = {.text = ""};
    bool holds = false;
    strbuf_reserve(&text, LOGIC_BYTES_MAX + 1);
    for (size_t i = 0; i <= LOGIC_BYTES_MAX; i++)
        strbuf_append_char(&text, '1');
    const struct json *data = parse(arena, strbuf_str(&text)), *rule = parse(arena, STR("{\"var\":\"\"}"));
    assert_int_equal(logic_case_run(rule, data, data, &holds, &detail), ERR_LIMIT);
    strbuf_clear(&text);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_operator_fails_when_it_has_too_little),
        cmocka_unit_test(test_conversions_fail_when_they_have_too_little),
        cmocka_unit_test(test_a_case_is_compared_within_limits),
        cmocka_unit_test(test_a_number_of_megabytes_is_no_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
