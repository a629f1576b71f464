#include "proxy/decide/trim.h"

#include "common/json.h"
#include "proxy/decide/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static const struct json_limits limits = {64, 200000, false, false, false};

/* The items of the list that begins at the first bracket. */
static size_t items_of(struct arena *arena, struct str body, struct item *items) {
    struct json *root;
    size_t count = 0;
    assert_int_equal(json_parse(arena, body, &limits, &root, NULL), ERR_NONE);
    const struct json *list = json_get(root, STR("l"));
    for (const struct json *element = list->first; element != NULL; element = element->next)
        items[count++] = (struct item){.start = element->start, .end = element->end};
    return count;
}

struct example {
    const char *body, *covered, *trimmed; /* covered: one digit for each element */
};

static const struct example examples[] = {
    {"{\"l\":[1,2,3]}", "100", "{\"l\":[2,3]}"},
    {"{\"l\":[1,2,3]}", "010", "{\"l\":[1,3]}"},
    {"{\"l\":[1,2,3]}", "001", "{\"l\":[1,2]}"},
    {"{\"l\":[1,2,3]}", "101", "{\"l\":[2]}"},
    {"{\"l\":[1,2,3]}", "110", "{\"l\":[3]}"},
    {"{\"l\":[1,2,3]}", "011", "{\"l\":[1]}"},
    {"{\"l\":[1,2,3]}", "111", "{\"l\":[]}"},
    {"{\"l\":[1,2,3]}", "000", "{\"l\":[1,2,3]}"},
    {"{\"l\": [\n  1,\n  2,\n  3\n]}", "100", "{\"l\": [\n  2,\n  3\n]}"},
    {"{\"l\": [\n  1,\n  2,\n  3\n]}", "010", "{\"l\": [\n  1,\n  3\n]}"},
    {"{\"l\": [\n  1,\n  2,\n  3\n]}", "001", "{\"l\": [\n  1,\n  2\n]}"},
    {"{\"l\": [\n  1,\n  2,\n  3\n]}", "101", "{\"l\": [\n  2\n]}"},
    {"{\"l\":[ {\"a\":\"],\"} , [1,2] ,\"x,y\" ]}", "010", "{\"l\":[ {\"a\":\"],\"} , \"x,y\" ]}"},
    {"{\"l\":[1 , 2\t,3], \"z\" : 9 }\n", "011", "{\"l\":[1], \"z\" : 9 }\n"},
};

/* (pairing 5.1) */
static void test_examples(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        struct arena *arena = arena_new(0);
        struct item items[8];
        bool covered[8] = {0};
        struct str trimmed;
        size_t count = items_of(arena, str_of(examples[i].body), items);
        assert_int_equal(count, strlen(examples[i].covered));
        for (size_t k = 0; k < count; k++)
            covered[k] = examples[i].covered[k] == '1';
        assert_int_equal(trim_body(str_of(examples[i].body), items, count, covered, arena, &trimmed), ERR_NONE);
        if (!str_eq(trimmed, str_of(examples[i].trimmed)))
            fail_msg("%s without %s is " STR_FMT, examples[i].body, examples[i].covered, STR_ARG(trimmed));
        arena_free(arena);
    }
}

static void test_ranges_that_cannot_be(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct str body = STR("{\"l\":[1,2,3]}");
    const bool covered[3] = {true, false, false};
    struct str trimmed = STR("untouched");
    const struct item cases[][3] = {
        {{.start = 0, .end = 0}, {.start = 8, .end = 9}, {.start = 10, .end = 11}}, /* the body is the item */
        {{.start = 6, .end = 7}, {.start = 8, .end = 9}, {.start = 10, .end = 99}}, /* past the end */
        {{.start = 8, .end = 9}, {.start = 6, .end = 7}, {.start = 10, .end = 11}}, /* out of order */
        {{.start = 6, .end = 8}, {.start = 8, .end = 9}, {.start = 10, .end = 11}}, /* no room for a comma */
        {{.start = 6, .end = 7}, {.start = 9, .end = 8}, {.start = 10, .end = 11}}, /* backwards */
        {{.start = 6, .end = 6}, {.start = 8, .end = 9}, {.start = 10, .end = 11}}, /* empty */
        {{.start = 6, .end = 7}, {.start = 8, .end = 9}, {.start = 10, .end = 13}}, /* nothing behind it */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(trim_body(body, cases[i], 3, covered, arena, &trimmed), ERR_INVALID);
    assert_int_equal(trim_body(body, cases[0], 0, covered, arena, &trimmed), ERR_INVALID);
    assert_true(str_eq(trimmed, STR("untouched")));
    arena_free(arena);
}

/* ---- random bodies ---- */

static uint64_t random_state;

static uint32_t pick(uint32_t below) {
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(random_state >> 33) % below;
}

static void add_space(struct strbuf *out) {
    static const char spaces[] = " \t\r\n";
    for (uint32_t i = pick(3); i > 0; i--)
        strbuf_append_char(out, spaces[pick(4)]);
}

static void add_value(struct strbuf *out) {
    static const char *const values[] = {"1",
                                         "-2.5e3",
                                         "null",
                                         "true",
                                         "\"]},{[\"",
                                         "\"\\\"\\\\\"",
                                         "{}",
                                         "[]",
                                         "[ 1 , [ ] ]",
                                         "{ \"l\" : [ 1 , 2 ] }",
                                         "\"\xC3\xA9\"",
                                         "\"\""};
    strbuf_append(out, str_of(values[pick(ARRAY_LEN(values))]));
}

static size_t add_body(struct strbuf *out) {
    size_t count = 1 + pick(9);
    strbuf_append(out, STR("{\"before\":[1,2],"));
    add_space(out);
    strbuf_append(out, STR("\"l\":"));
    add_space(out);
    strbuf_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_append_char(out, ',');
        add_space(out);
        add_value(out);
        add_space(out);
    }
    strbuf_append(out, STR("],\"after\":{\"l\":[3,4]}}"));
    return count;
}

/* The trimmed body parses, its list is the list without the covered elements, byte for byte, and all around the list
 * is as it was. */
static void check_trimmed(struct arena *arena, struct str body, struct str trimmed, const struct item *items,
                          size_t count, const bool *covered) {
    struct json *root, *before;
    assert_int_equal(json_parse(arena, trimmed, &limits, &root, NULL), ERR_NONE);
    assert_int_equal(json_parse(arena, body, &limits, &before, NULL), ERR_NONE);
    const struct json *list = json_get(root, STR("l")), *old_list = json_get(before, STR("l"));
    const struct json *element = list->first;
    for (size_t i = 0; i < count; i++) {
        if (covered[i])
            continue;
        assert_non_null(element);
        struct str old = str_slice(body.at + items[i].start, items[i].end - items[i].start);
        assert_true(str_eq(str_slice(trimmed.at + element->start, element->end - element->start), old));
        element = element->next;
    }
    assert_null(element);
    assert_int_equal(list->start, old_list->start);
    assert_memory_equal(trimmed.at, body.at, list->start);
    assert_true(str_eq(str_from(trimmed, list->end), str_from(body, old_list->end)));
}

/* (pairing 5.1) */
static void test_random_bodies(void **state) {
    (void)state;
    const char *given = getenv("HOOKSHIFT_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("HOOKSHIFT_SEED=%llu\n", (unsigned long long)seed);
    random_state = seed;
    for (int run = 0; run < 3000; run++) {
        struct arena *arena = arena_new(0);
        struct strbuf body = {0};
        struct item items[16];
        bool covered[16];
        struct str trimmed;
        size_t count = add_body(&body);
        assert_int_equal(items_of(arena, strbuf_str(&body), items), count);
        for (size_t i = 0; i < count; i++)
            covered[i] = pick(2) == 1;
        assert_int_equal(trim_body(strbuf_str(&body), items, count, covered, arena, &trimmed), ERR_NONE);
        check_trimmed(arena, strbuf_str(&body), trimmed, items, count, covered);
        strbuf_clear(&body);
        arena_free(arena);
    }
}

/* classify() gives the very ranges that trim_body() wants. (pairing 5.1) */
static void test_items_of_a_message(void **state) {
    (void)state;
    const struct str body = STR("{\"id\":\"e\",\"eventType\":\"read.completed\",\"payload\":{\"dataTypes\":[\n"
                                " {\"dataType\":\"bills\",\"connectionId\":\"c\"},\n"
                                " {\"dataType\":\"items\",\"connectionId\":\"c\"}\n]}}");
    const struct str expected = STR("{\"id\":\"e\",\"eventType\":\"read.completed\",\"payload\":{\"dataTypes\":[\n"
                                    " {\"dataType\":\"items\",\"connectionId\":\"c\"}\n]}}");
    const bool covered[2] = {true, false};
    struct catalog *catalog = catalog_builtin();
    struct arena *arena = arena_new(0);
    struct message message = {0};
    struct str trimmed;
    assert_int_equal(classify(catalog, body, arena, &message, NULL), ERR_NONE);
    assert_int_equal(message.item_count, 2);
    assert_true(str_eq(message.items[1].data_type, STR("items")));
    assert_int_equal(trim_body(body, message.items, message.item_count, covered, arena, &trimmed), ERR_NONE);
    assert_true(str_eq(trimmed, expected));
    arena_free(arena);
    catalog_free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_ranges_that_cannot_be),
        cmocka_unit_test(test_random_bodies),
        cmocka_unit_test(test_items_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
