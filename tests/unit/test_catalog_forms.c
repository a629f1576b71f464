/* Where a catalogue may look for types, generations and ids: small catalogues of one form each. */
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD "{\"format\": 1, \"facts\": {\"f\": {\"key\": \"f/{f}\", \"match\": \"exact\"}}, "
#define TAIL                                                                                                           \
    ", \"rule\": {\"variables\": {\"id\": \"id\"}}, \"event\": {\"variables\": {\"id\": \"id\"}}, "                    \
    "\"rules\": [{\"name\": \"a.b\"}], \"events\": [{\"type\": \"c.d\"}]}"
#define SHAPES(list) HEAD "\"shapes\": [" list "]" TAIL

static struct catalog *load(struct str text) {
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    if (catalog_load(text, "x", &catalog, &problems) != ERR_NONE)
        fail_msg("%s", problems.at);
    strbuf_clear(&problems);
    return catalog;
}

static const struct http_header headers[] = {{{"X-Kind", 6}, {"c.d", 3}}, {{"X-Empty", 7}, {"", 0}}};

struct row {
    const char *catalogue, *body;
    enum generation generation;
    const char *type;
};

static const struct row rows[] = {
    /* a path */
    {SHAPES("{\"generation\": \"event\", \"type\": \"event.kind\"}"), "{\"event\":{\"kind\":\"c.d\"}}",
     GENERATION_EVENT, "c.d"},
    {SHAPES("{\"generation\": \"event\", \"type\": \"event.kind\"}"), "{\"Event\":{\"KIND\":\"C.D\"}}",
     GENERATION_EVENT, "c.d"},
    {SHAPES("{\"generation\": \"event\", \"type\": \"event.kind\"}"), "{\"event\":{\"kind\":7}}", GENERATION_UNKNOWN,
     NULL},
    {SHAPES("{\"generation\": \"event\", \"type\": \"event.kind\"}"), "{\"event.kind\":\"c.d\"}", GENERATION_UNKNOWN,
     NULL},
    /* the one value of a list */
    {SHAPES("{\"generation\": \"rule\", \"type\": \"list[].kind\"}"), "{\"list\":[{\"kind\":\"a.b\"}]}",
     GENERATION_RULE, "a.b"},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"list[].kind\"}"), "{\"list\":[]}", GENERATION_UNKNOWN, NULL},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"list[].kind\"}"),
     "{\"list\":[{\"kind\":\"a.b\"},{\"kind\":\"e\"}]}", GENERATION_UNKNOWN, NULL},
    /* several members */
    {SHAPES("{\"generation\": \"rule\", \"type\": \"{meta.action}.{meta.entity}\"}"),
     "{\"meta\":{\"action\":\"a\",\"entity\":\"b\"}}", GENERATION_RULE, "a.b"},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"{meta.action}.{meta.entity}\"}"),
     "{\"meta\":{\"action\":\"a\",\"entity\":5}}", GENERATION_RULE, "a.5"},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"{meta.action}.{meta.entity}\"}"), "{\"meta\":{\"action\":\"a\"}}",
     GENERATION_UNKNOWN, NULL},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"{a}\"}"), "{\"a\":\"a.b\"}", GENERATION_RULE, "a.b"},
    /* by value: all of them */
    {SHAPES("{\"generation\": \"event\", \"type\": \"t\", \"with\": {\"o\": \"new\"}}, "
            "{\"generation\": \"rule\", \"type\": \"t\", \"with\": {\"o\": [\"old\", \"older\"], \"v\": \"true\"}}"),
     "{\"t\":\"c.d\",\"o\":\"NEW\"}", GENERATION_EVENT, "c.d"},
    {SHAPES("{\"generation\": \"event\", \"type\": \"t\", \"with\": {\"o\": \"new\"}}, "
            "{\"generation\": \"rule\", \"type\": \"t\", \"with\": {\"o\": [\"old\", \"older\"], \"v\": \"true\"}}"),
     "{\"t\":\"a.b\",\"o\":\"older\",\"v\":true}", GENERATION_RULE, "a.b"},
    {SHAPES("{\"generation\": \"event\", \"type\": \"t\", \"with\": {\"o\": \"new\"}}, "
            "{\"generation\": \"rule\", \"type\": \"t\", \"with\": {\"o\": [\"old\", \"older\"], \"v\": \"true\"}}"),
     "{\"t\":\"a.b\",\"o\":\"old\",\"v\":false}", GENERATION_UNKNOWN, NULL},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"t\", \"with\": {\"v\": \"2\"}}"), "{\"t\":\"a.b\",\"v\":2}",
     GENERATION_RULE, "a.b"},
    /* a list: one of them, null as well */
    {SHAPES("{\"generation\": \"rule\", \"type\": \"t\", \"with\": [\"p.q\", \"r\"]}"),
     "{\"t\":\"a.b\",\"p\":{\"q\":null}}", GENERATION_RULE, "a.b"},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"t\", \"with\": [\"p.q\", \"r\"]}"), "{\"t\":\"a.b\",\"p\":{}}",
     GENERATION_UNKNOWN, NULL},
    /* the request */
    {SHAPES("{\"generation\": \"event\", \"type\": \"header:x-kind\"}"), "{}", GENERATION_EVENT, "c.d"},
    {SHAPES("{\"generation\": \"event\", \"type\": \"header:x-other\"}"), "{}", GENERATION_UNKNOWN, NULL},
    {SHAPES("{\"generation\": \"event\", \"type\": \"header:x-empty\"}"), "{}", GENERATION_UNKNOWN, NULL},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"{path:2}.{path:3}\"}"), "{}", GENERATION_RULE, "a.b"},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"{path:2}.{path:4}\"}"), "{}", GENERATION_UNKNOWN, NULL},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"t\", \"with\": [\"header:X-Kind\"]}"), "{\"t\":\"a.b\"}",
     GENERATION_RULE, "a.b"},
    {SHAPES("{\"generation\": \"rule\", \"type\": \"t\", \"with\": {\"path:1\": \"hooks\"}}"), "{\"t\":\"a.b\"}",
     GENERATION_RULE, "a.b"},
};

static void test_types_and_generations(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct catalog *catalog = load(str_of(rows[i].catalogue));
        struct message message = {0};
        const struct classify_input input = {str_of(rows[i].body), headers, ARRAY_LEN(headers),
                                             STR("/hooks/a/b?c=/d/e")};
        assert_int_equal(classify_request(catalog, &input, arena, &message, NULL), ERR_NONE);
        if (message.generation != rows[i].generation || !str_eq(message.type, str_of(rows[i].type)))
            fail_msg("row %zu: %s " STR_FMT, i, generation_name(message.generation), STR_ARG(message.type));
        catalog_free(catalog);
        arena_free(arena);
    }
}

/* An unlisted type that a pattern names on both sides is no reason to handle its occurrence twice: counterpart, what
 * is replaced, and facts follow the pattern. */
static void test_patterns_on_both_sides(void **state) {
    (void)state;
    static const char text[] =
        HEAD "\"shapes\": [{\"generation\": \"event\", \"type\": \"new\"}, {\"generation\": \"rule\", \"type\": "
             "\"old\"}], \"rule\": {\"variables\": {\"f\": \"id\"}}, \"event\": {\"variables\": {\"f\": \"of\"}}, "
             "\"rules\": [{\"name\": \"special\", \"counterpart\": \"v1.special\", \"facts\": [\"f\"]}, {\"name\": "
             "\"{type}\", \"counterpart\": \"v1.{type}\", \"facts\": [\"f\"]}], \"events\": [{\"type\": "
             "\"v1.{kind}\", \"replaces\": [\"{kind}\"], \"facts\": [\"f\"]}, {\"type\": \"v1.special\", "
             "\"replaces\": [\"special\"], \"facts\": [\"f\"]}]}";
    static const struct {
        const char *body, *type, *counterpart, *replaces;
    } cases[] = {
        {"{\"old\":\"Some.Thing\",\"id\":\"1\"}", "Some.Thing", "v1.Some.Thing", NULL},
        {"{\"new\":\"V1.Some.Thing\",\"of\":\"1\"}", "v1.Some.Thing", "v1.Some.Thing", "Some.Thing"},
        {"{\"old\":\"special\",\"id\":\"1\"}", "special", "v1.special", NULL},
        {"{\"new\":\"v1.special\",\"of\":\"1\"}", "v1.special", "v1.special", "special"},
    };
    struct catalog *catalog = load(str_of(text));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        struct message message = {0};
        assert_int_equal(classify(catalog, str_of(cases[i].body), arena, &message, NULL), ERR_NONE);
        assert_true(message.type_known);
        assert_true(str_eq(message.type, str_of(cases[i].type)));
        assert_true(str_eq(message.counterpart, str_of(cases[i].counterpart)));
        assert_int_equal(message.replaces_count, cases[i].replaces == NULL ? 0 : 1);
        if (cases[i].replaces != NULL)
            assert_true(str_eq(message.replaces[0], str_of(cases[i].replaces)));
        assert_int_equal(message.items[0].fact_count, 1);
        assert_true(str_eq(message.items[0].facts[0].key, STR("f/1")));
        arena_free(arena);
    }
    catalog_free(catalog);
}

static void test_paths_that_cannot_be(void **state) {
    (void)state;
    static const struct {
        const char *path, *problem;
    } cases[] = {
        {"a..b", "is no path"},
        {"header:", "names no header"},
        {"header:a b", "names no header"},
        {"header:Authorization", "names no header that may be read"},
        {"header:COOKIE", "names no header that may be read"},
        {"path:0", "is no segment"},
        {"path:x", "is no segment"},
        {"path:33", "is no segment"},
        {"path:", "is no segment"},
        {"[]", "is no path"},
        {"a[].b[].c", "is no path"},
        {"{a", "brace has no counterpart"},
        {"{a..b}", "is no path"},
        {"{}", "is no path"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf problems = {0}, text = {0};
        struct catalog *catalog = NULL;
        strbuf_printf(&text, HEAD "\"shapes\": [{\"generation\": \"rule\", \"type\": \"%s\"}]" TAIL, cases[i].path);
        assert_int_equal(catalog_load(strbuf_str(&text), "x", &catalog, &problems), ERR_INVALID);
        if (strstr(problems.at, cases[i].problem) == NULL)
            fail_msg("%s: %s", cases[i].path, problems.at);
        strbuf_clear(&problems);
        strbuf_clear(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_and_generations),
        cmocka_unit_test(test_patterns_on_both_sides),
        cmocka_unit_test(test_paths_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
