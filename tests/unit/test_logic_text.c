/* JavaScript's view of text: what is white space, and that no step leaves the text, whatever bytes it is made of. Texts
 * stand at the end of blocks of their own, so that the sanitizer sees a step too far. */
#include "proxy/decide/logic_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Calls `check` with a copy of the text that ends where its block ends. */
static void with_tight(struct str text, void (*check)(struct str)) {
    char *tight = malloc(text.len == 0 ? 1 : text.len);
    assert_non_null(tight);
    memcpy(tight, text.at, text.len);
    check(str_slice(tight, text.len));
    free(tight);
}

/* ECMA-262, 12.2 and 12.3: U+2000 to U+200A are white space, their neighbours and their pieces are not. */
static void test_what_is_trimmed(void **state) {
    (void)state;
    static const struct {
        const char *text, *trimmed;
    } rows[] = {
        {"", ""},
        {"  ", ""},
        {" a b ", "a b"},
        {"\xE2\x80\x80x\xE2\x80\x8A", "x"},
        {"\xE2\x80\x8Bx", "\xE2\x80\x8Bx"},
        {"\xE2\x80\xA8x\xE2\x80\xA9", "x"},
        {"\xE2\x80\xA7x", "\xE2\x80\xA7x"},
        {"\xE2\x80", "\xE2\x80"},
        {"\xE2\x80 x", "\xE2\x80 x"},
        {"\xE2\x80x", "\xE2\x80x"},
        {"\xEF\xBB\xBFx\xC2\xA0", "x"},
        {"x\xC2", "x\xC2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str trimmed = logic_trim(str_of(rows[i].text));
        if (!str_eq(trimmed, str_of(rows[i].trimmed)))
            fail_msg("row %zu is trimmed to \"" STR_FMT "\"", i, STR_ARG(trimmed));
    }
}

static void check_inside(struct str text) {
    size_t units = logic_utf16_len(text);
    struct str trimmed = logic_trim(text);
    double number;
    uint32_t index;
    assert_true(units <= 2 * text.len && (units > 0) == (text.len > 0));
    assert_true(trimmed.at >= text.at && trimmed.at + trimmed.len <= text.at + text.len);
    assert_true(logic_decimal_prefix(text) <= text.len);
    assert_int_equal(logic_utf16_compare(text, text), 0);
    (void)logic_radix_number(text, &number);
    (void)logic_array_index(text, &index);
    for (size_t start = 0; start <= units; start++)
        for (size_t count = 0; count <= units - start; count++) {
            bool cut_start, cut_end;
            struct str slice = logic_utf16_slice(text, start, count, &cut_start, &cut_end);
            assert_true(slice.at >= text.at && slice.at + slice.len <= text.at + text.len);
            if (text.len < 4 && str_is_utf8(text)) /* the halves make up for what is not there */
                assert_int_equal(logic_utf16_len(slice) + cut_start + (cut_end && count > 0), count);
        }
}

/* All texts of one, two and three bytes out of those that mean something. */
static void test_no_step_leaves_the_text(void **state) {
    (void)state;
    static const unsigned char bytes[] = {' ',  '0',  '1',  'x',  'e',  '.',  '-',  'a',  0x00, 0x80, 0x8A,
                                          0xA8, 0xBF, 0xC2, 0xE2, 0xED, 0xEE, 0xEF, 0xF0, 0xF4, 0xFF};
    enum { COUNT = ARRAY_LEN(bytes) };
    for (size_t len = 0, most = 1; len <= 3; len++, most *= COUNT)
        for (size_t k = 0; k < most; k++) {
            char text[3];
            for (size_t i = 0, rest = k; i < len; i++, rest /= COUNT)
                text[i] = (char)bytes[rest % COUNT];
            with_tight(str_slice(text, len), check_inside);
        }
    with_tight(STR("a\xF0\x9F\x98\x80\xE2\x82\xACz\xF0\x9F\x98"), check_inside);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_trimmed),
        cmocka_unit_test(test_no_step_leaves_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
