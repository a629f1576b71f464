/* Putting texts together, with and without printf, and UTF-8 at every offset. */
#include "common/arena.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_numbers_are_written_as_printf_writes_them(void **state) {
    (void)state;
    const int64_t values[] = {0, 1, -1, 9, 10, -10, 99, 100, 1234567890, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char text[I64_TEXT_LEN], expected[32];
        struct strbuf buf = {0};
        snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        assert_true(str_eq(str_of_i64(values[i], text), str_of(expected)));
        assert_true(str_eq(arena_i64(arena, values[i]), str_of(expected)));
        strbuf_append_i64(&buf, values[i]);
        assert_string_equal(buf.at, expected);
        strbuf_clear(&buf);
    }
    arena_free(arena);
}

static void test_texts_are_joined(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    assert_string_equal(ARENA_JOIN(arena, STR("a"), STR(""), STR_NONE, STR("bc")).at, "abc");
    struct str with_nul = ARENA_JOIN(arena, STR("a\0b"), STR("c"));
    assert_int_equal(with_nul.len, 4);
    assert_memory_equal(with_nul.at, "a\0bc", 5);
    struct str empty = ARENA_JOIN(arena, STR_NONE);
    assert_int_equal(empty.len, 0);
    assert_string_equal(empty.at, "");
    arena_free(arena);
}

/* Around the lengths where printing takes another way. */
static void test_printing_keeps_every_byte(void **state) {
    (void)state;
    char text[600];
    memset(text, 'x', sizeof text);
    struct arena *arena = arena_new(0);
    for (int len = 0; len < (int)sizeof text; len++) {
        struct strbuf buf = {0};
        struct str printed = arena_printf(arena, "%.*s!", len, text);
        assert_int_equal(printed.len, len + 1);
        assert_memory_equal(printed.at, text, (size_t)len);
        assert_string_equal(printed.at + len, "!");
        for (int times = 0; times < 3; times++)
            strbuf_printf(&buf, "%.*s!", len, text);
        assert_int_equal(buf.len, 3 * (len + 1));
        assert_memory_equal(buf.at + 2 * (len + 1), text, (size_t)len);
        assert_string_equal(buf.at + buf.len - 1, "!");
        strbuf_clear(&buf);
    }
    arena_free(arena);
}

static void test_printing_nothing_leaves_the_buffer_as_it_is(void **state) {
    (void)state;
    struct strbuf buf = {0};
    strbuf_printf(&buf, "%s", "");
    assert_int_equal(buf.len, 0);
    strbuf_append_char(&buf, 'a');
    strbuf_printf(&buf, "%s", "");
    assert_string_equal(buf.at, "a");
    strbuf_clear(&buf);
}

/* At every place in a longer text: eight bytes are looked at in one step where they are ASCII. */
static void test_utf8_is_measured_at_every_offset(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {{"\xC3\xA9", true},  {"\xE2\x82\xAC", true},  {"\xF0\x9F\x98\x80", true},  {"\x7F", true},
                 {"\xC0\x80", false}, {"\xED\xA0\x80", false}, {"\xF4\x90\x80\x80", false}, {"\xE2\x82", false},
                 {"\x80", false},     {"\xFF", false},         {"\xF0\x9F\x98", false},     {"\xC3", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t before = 0; before < 20; before++)
            for (size_t after = 0; after < 20; after++) {
                char text[64];
                struct str middle = str_of(cases[i].text);
                memset(text, 'a', sizeof text);
                memcpy(text + before, middle.at, middle.len);
                struct str all = str_slice(text, before + middle.len + after);
                assert_int_equal(str_utf8_len(all), cases[i].is_good ? all.len : before);
                assert_int_equal(str_is_utf8(all), cases[i].is_good);
            }
    assert_int_equal(str_utf8_len(STR_NONE), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_written_as_printf_writes_them),
        cmocka_unit_test(test_texts_are_joined),
        cmocka_unit_test(test_printing_keeps_every_byte),
        cmocka_unit_test(test_printing_nothing_leaves_the_buffer_as_it_is),
        cmocka_unit_test(test_utf8_is_measured_at_every_offset),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
