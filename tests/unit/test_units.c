#include "common/nearest.h"
#include "common/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"0", 0},       {"0s", 0},       {"250ms", 250},      {"10s", 10000},
                 {"5m", 300000}, {"2h", 7200000}, {"15d", 1296000000}, {"106751991167d", 9223372036828800000}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = -1;
        assert_true(duration_parse(str_of(cases[i].text), &ms));
        assert_int_equal(ms, cases[i].ms);
    }
    static const char *const wrong[] = {"",    "1",   "s",     "1 s",           " 1s",
                                        "1s ", "-1s", "+1s",   "1.5s",          "1S",
                                        "1w",  "1ss", "1m30s", "106751991168d", "18446744073709551616ms"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        int64_t ms = -1;
        if (duration_parse(str_of(wrong[i]), &ms))
            fail_msg("\"%s\" is no duration", wrong[i]);
        assert_int_equal(ms, -1);
    }
}

static void test_sizes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } cases[] = {{"0", 0}, {"512", 512}, {"64KiB", 65536}, {"1MiB", 1048576}, {"3GiB", 3221225472}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t bytes = 1;
        assert_true(size_parse(str_of(cases[i].text), &bytes));
        assert_int_equal(bytes, cases[i].bytes);
    }
    static const char *const wrong[] = {"", "KiB", "1kib", "1KB", "1K", "-1", "1.5MiB", "17179869184GiB"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        size_t bytes;
        if (size_parse(str_of(wrong[i]), &bytes))
            fail_msg("\"%s\" is no size", wrong[i]);
    }
}

static void test_printing(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0"}, {1, "1ms"}, {1500, "1500ms"}, {90000, "90s"}, {120000, "2m"}, {86400000, "1d"}};
    struct strbuf out = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        duration_print(&out, cases[i].ms);
        assert_string_equal(out.at, cases[i].text);
        strbuf_clear(&out);
    }
    size_print(&out, 0);
    strbuf_append_char(&out, ' ');
    size_print(&out, 65536);
    strbuf_append_char(&out, ' ');
    size_print(&out, 65537);
    assert_string_equal(out.at, "0 64KiB 65537");
    strbuf_clear(&out);
}

static void test_distance(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},       {"", "abc", 3},      {"abc", "ABC", 0},        {"abc", "acb", 1}, {"abc", "ab", 1},
                 {"abc", "axc", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3}, {"ca", "abc", 3}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(edit_distance(str_of(cases[i].a), str_of(cases[i].b)), cases[i].distance);
        assert_int_equal(edit_distance(str_of(cases[i].b), str_of(cases[i].a)), cases[i].distance);
    }
    char longer[66];
    memset(longer, 'a', sizeof longer);
    assert_int_equal(edit_distance(str_slice(longer, 65), STR("a")), SIZE_MAX);
    assert_int_equal(edit_distance(str_slice(longer, 64), STR("a")), 63);
}

static void test_nearest(void **state) {
    (void)state;
    struct nearest nearest;
    nearest_begin(&nearest, STR("serv"));
    nearest_offer(&nearest, STR("sign"));
    assert_null(nearest.best.at);
    nearest_offer(&nearest, STR("serve"));
    nearest_offer(&nearest, STR("serves"));
    assert_true(str_eq(nearest.best, STR("serve")));
    nearest_begin(&nearest, STR("x"));
    nearest_offer(&nearest, STR("yz"));
    assert_null(nearest.best.at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_sizes),   cmocka_unit_test(test_printing),
        cmocka_unit_test(test_distance),  cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
