/* Slices of text, numbers in them, UTF-8, and the growing buffer. */
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <float.h>
#include <math.h>

#define S(text)                                                                                                        \
    { text, sizeof(text) - 1 }

static void slices_are_of_what_they_were_made_of(void **state) {
    (void)state;
    assert_int_equal(STR("abc").len, 3);
    assert_int_equal(STR("a\0c").len, 3);
    assert_null(STR_NONE.at);
    assert_null(str_of(NULL).at);
    assert_int_equal(str_of(NULL).len, 0);
    assert_int_equal(str_of("xyz").len, 3);
    assert_int_equal(str_slice("xyz", 2).len, 2);
}

static void texts_are_compared_by_bytes_and_without_case(void **state) {
    static const struct {
        struct str a, b;
        bool eq, eq_nocase;
        int order;
    } cases[] = {
        {S("abc"), S("abc"), true, true, 0},
        {S("abc"), S("abd"), false, false, -1},
        {S("abc"), S("ABC"), false, true, 1},
        {S("ab"), S("abc"), false, false, -1},
        {S("b"), S("abc"), false, false, 1},
        {S(""), {NULL, 0}, true, true, 0},
        {S(""), S("a"), false, false, -1},
        {S("a\0b"), S("a\0c"), false, false, -1},
        {S("@["), S("`{"), false, false, -1},
        {S("\xC3\x84"), S("\xC3\xA4"), false, false, -1}, /* bytes are unsigned, and only ASCII has a case */
        {S("\x80"), S("\x7F"), false, false, 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int order = str_compare(cases[i].a, cases[i].b), back = str_compare(cases[i].b, cases[i].a);
        assert_int_equal(str_eq(cases[i].a, cases[i].b), cases[i].eq);
        assert_int_equal(str_eq_nocase(cases[i].a, cases[i].b), cases[i].eq_nocase);
        assert_int_equal((order > 0) - (order < 0), cases[i].order);
        assert_int_equal((back > 0) - (back < 0), -cases[i].order);
    }
}

static void ends_are_looked_at(void **state) {
    (void)state;
    assert_true(str_starts_with(STR("abc"), STR("ab")));
    assert_true(str_starts_with(STR("abc"), STR("")));
    assert_true(str_starts_with(STR_NONE, STR_NONE));
    assert_false(str_starts_with(STR("abc"), STR("abcd")));
    assert_false(str_starts_with(STR("abc"), STR("b")));
    assert_true(str_ends_with(STR("abc"), STR("bc")));
    assert_true(str_ends_with(STR("abc"), STR("abc")));
    assert_true(str_ends_with(STR("abc"), STR("")));
    assert_false(str_ends_with(STR("bc"), STR("abc")));
    assert_false(str_ends_with(STR("abc"), STR("ab")));
}

static void blanks_are_trimmed_at_both_ends(void **state) {
    static const struct {
        struct str text, trimmed;
    } cases[] = {{S(" \t\r\na b\n\r\t "), S("a b")},
                 {S("ab"), S("ab")},
                 {S(" \t"), S("")},
                 {S(""), S("")},
                 {S("\va\f"), S("\va\f")}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(str_eq(str_trim(cases[i].text), cases[i].trimmed));
}

static void texts_are_found_in_texts(void **state) {
    (void)state;
    assert_int_equal(str_find(STR("abcabc"), STR("ca")), 2);
    assert_int_equal(str_find(STR("abcabc"), STR("abc")), 0);
    assert_int_equal(str_find(STR("abc"), STR("x")), -1);
    assert_int_equal(str_find(STR("abc"), STR("")), 0);
    assert_int_equal(str_find(STR_NONE, STR("")), 0);
    assert_int_equal(str_find(STR_NONE, STR("a")), -1);
    assert_int_equal(str_find(STR("a\0b"), STR("\0b")), 1);
    assert_true(str_eq(str_from(STR("abc"), 1), STR("bc")));
    assert_true(str_eq(str_from(STR("abc"), 3), STR("")));
    assert_true(str_eq(str_from(STR("abc"), 9), STR("")));
    assert_null(str_from(STR_NONE, 1).at);
}

static void pieces_come_one_by_one(void **state) {
    static const struct {
        struct str text;
        size_t count;
        struct str pieces[4];
    } cases[] = {
        {S("a,,b"), 3, {S("a"), S(""), S("b")}},
        {S("a"), 1, {S("a")}},
        {S(""), 1, {S("")}},
        {S(","), 2, {S(""), S("")}},
        {S("a,"), 2, {S("a"), S("")}},
        {{NULL, 0}, 0, {S("")}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str rest = cases[i].text, piece = STR("none");
        for (size_t k = 0; k < cases[i].count; k++) {
            assert_true(str_next(&rest, ',', &piece));
            assert_true(str_eq(piece, cases[i].pieces[k]));
        }
        assert_false(str_next(&rest, ',', &piece));
    }
}

static void whole_numbers_are_digits_and_fit(void **state) {
    static const struct {
        struct str text;
        bool is_u64, is_i64;
        uint64_t u64;
        int64_t i64;
    } cases[] = {
        {S("0"), true, true, 0, 0},
        {S("007"), true, true, 7, 7},
        {S("18446744073709551615"), true, false, UINT64_MAX, 0},
        {S("18446744073709551616"), false, false, 0, 0},
        {S("99999999999999999999"), false, false, 0, 0},
        {S("9223372036854775807"), true, true, INT64_MAX, INT64_MAX},
        {S("9223372036854775808"), true, false, (uint64_t)INT64_MAX + 1, 0},
        {S("-9223372036854775808"), false, true, 0, INT64_MIN},
        {S("-9223372036854775809"), false, false, 0, 0},
        {S("-0"), false, true, 0, 0},
        {S("-12"), false, true, 0, -12},
        {S("-"), false, false, 0, 0},
        {S("--1"), false, false, 0, 0},
        {S("+1"), false, false, 0, 0},
        {S(""), false, false, 0, 0},
        {{NULL, 0}, false, false, 0, 0},
        {S("1 "), false, false, 0, 0},
        {S(" 1"), false, false, 0, 0},
        {S("1.0"), false, false, 0, 0},
        {S("0x1"), false, false, 0, 0},
        {S("1\0"), false, false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t u64 = 77;
        int64_t i64 = 77;
        assert_int_equal(str_to_u64(cases[i].text, &u64), cases[i].is_u64);
        assert_int_equal(str_to_i64(cases[i].text, &i64), cases[i].is_i64);
        assert_true(u64 == (cases[i].is_u64 ? cases[i].u64 : 77));
        assert_true(i64 == (cases[i].is_i64 ? cases[i].i64 : 77));
    }
}

static void numbers_are_as_in_json(void **state) {
    static const struct {
        struct str text;
        double value;
    } good[] = {{S("0"), 0},         {S("-0.5"), -0.5},      {S("1e3"), 1000}, {S("1E-2"), 0.01},
                {S("12.25"), 12.25}, {S("1e999"), HUGE_VAL}, {S("-7"), -7}};
    static const struct str bad[] = {S(""),    S("-"),     S("x"),    S(" 1"),   S("1 "),       S("+1"),  S(".5"),
                                     S("0x1"), S("-0x1"),  S("-0X1"), S("0X1"),  S("inf"),      S("nan"), S("-inf"),
                                     S("1e"),  S("1.2.3"), S("1\0"),  {NULL, 0}, S("infinity"), S("1e+")};
    char digits[401];
    double value;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(str_to_double(good[i].text, &value));
        assert_true(value >= good[i].value && value <= good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (str_to_double(bad[i], &value))
            fail_msg("\"" STR_FMT "\" was read as a number", STR_ARG(bad[i]));
    memset(digits, '1', sizeof digits);
    assert_true(str_to_double(str_slice(digits, 300), &value));
    assert_false(str_to_double(str_slice(digits, sizeof digits), &value));
}

/* RFC 3629: the table of well-formed sequences, and one beside each of its bounds. */
static void utf8_is_what_the_rfc_says(void **state) {
    static const struct {
        struct str text;
        size_t good; /* bytes at the front */
    } cases[] = {
        {S(""), 0},
        {{NULL, 0}, 0},
        {S("a\0\x7F"), 3},
        {S("\x80"), 0},
        {S("\xBF"), 0},
        {S("\xC0\x80"), 0},
        {S("\xC1\xBF"), 0},
        {S("\xC2\x80\xDF\xBF"), 4},
        {S("\xC2"), 0},
        {S("\xC2\x7F"), 0},
        {S("\xC2\xC0"), 0},
        {S("\xE0\x9F\xBF"), 0},
        {S("\xE0\xA0\x80\xEC\xBF\xBF"), 6},
        {S("\xED\x9F\xBF"), 3},
        {S("\xED\xA0\x80"), 0}, /* a surrogate */
        {S("\xED\xBF\xBF"), 0},
        {S("\xEE\x80\x80\xEF\xBF\xBF"), 6},
        {S("\xE1\x80"), 0},
        {S("\xE1\x80\x41"), 0},
        {S("\xF0\x8F\xBF\xBF"), 0},
        {S("\xF0\x90\x80\x80\xF3\xBF\xBF\xBF"), 8},
        {S("\xF4\x8F\xBF\xBF"), 4},
        {S("\xF4\x90\x80\x80"), 0}, /* past U+10FFFF */
        {S("\xF5\x80\x80\x80"), 0},
        {S("\xFF"), 0},
        {S("\xF1\x80\x80"), 0},
        {S("\xF1\x80\x80\x41"), 0},
        {S("ab\xC3\xA4\xFFz"), 4},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(str_utf8_len(cases[i].text), cases[i].good);
        assert_int_equal(str_is_utf8(cases[i].text), cases[i].good == cases[i].text.len);
    }
}

static void a_buffer_grows_and_ends_in_a_nul(void **state) {
    struct strbuf buf = {0};
    (void)state;
    assert_string_equal(strbuf_str(&buf).at, "");
    strbuf_append(&buf, STR_NONE);
    assert_string_equal(buf.at, "");
    for (int i = 0; i < 1000; i++) {
        strbuf_append(&buf, STR("ab"));
        strbuf_append_char(&buf, '\0');
        strbuf_printf(&buf, "%d", i % 10);
        assert_int_equal(buf.at[buf.len], '\0');
        assert_true(buf.capacity > buf.len);
    }
    assert_int_equal(buf.len, 4000);
    assert_memory_equal(buf.at + 3996, "ab\0009", 4);
    strbuf_printf(&buf, "%s", "");
    assert_int_equal(strbuf_str(&buf).len, 4000);
    strbuf_printf(&buf, "%*s", 5000, "x");
    assert_int_equal(buf.len, 9000);
    strbuf_reserve(&buf, 100000);
    assert_true(buf.capacity > 109000);
    strbuf_clear(&buf);
    assert_null(buf.at);
    strbuf_append_char(&buf, 'x');
    assert_string_equal(buf.at, "x");
    strbuf_clear(&buf);
}

/* Every byte at every place of a text that is longer than what is looked at at once. */
static void bytes_are_judged_wherever_they_stand(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t at = 0; at < 19; at++) {
            char text[19], other[19], lower[19];
            memset(text, 'x', sizeof text);
            text[at] = (char)byte;
            bool is_capital = byte >= 'A' && byte <= 'Z', is_letter = is_capital || (byte >= 'a' && byte <= 'z');
            bool is_plain = byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
            str_lower_into(lower, str_slice(text, sizeof text));
            assert_int_equal((unsigned char)lower[at], is_capital ? byte + 32 : byte);
            lower[at] = 'x';
            assert_memory_equal(lower, "xxxxxxxxxxxxxxxxxxx", sizeof lower);
            assert_int_equal(str_is_plain(str_slice(text, sizeof text)), is_plain);
            memcpy(other, text, sizeof other);
            other[at] = (char)(byte ^ 32);
            assert_int_equal(str_same_nocase(text, other, sizeof text), is_letter);
            other[at] = text[at];
            assert_true(str_same_nocase(text, other, sizeof text));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_judged_wherever_they_stand),
        cmocka_unit_test(slices_are_of_what_they_were_made_of),
        cmocka_unit_test(texts_are_compared_by_bytes_and_without_case),
        cmocka_unit_test(ends_are_looked_at),
        cmocka_unit_test(blanks_are_trimmed_at_both_ends),
        cmocka_unit_test(texts_are_found_in_texts),
        cmocka_unit_test(pieces_come_one_by_one),
        cmocka_unit_test(whole_numbers_are_digits_and_fit),
        cmocka_unit_test(numbers_are_as_in_json),
        cmocka_unit_test(utf8_is_what_the_rfc_says),
        cmocka_unit_test(a_buffer_grows_and_ends_in_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
