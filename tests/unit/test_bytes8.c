/* What looks at eight bytes at a time finds what looking at each would: every byte, at every place, in texts of all
 * lengths around eight and sixteen, among neighbours that could be taken for it. */
#include "common/bytes8.h"

#include "common/http.h"
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>

enum { LONGEST = 20 };

/* Calls `check` for every byte at every place of texts that else are made of `rest`. */
static void for_every_byte(const char *rest, void (*check)(struct str text)) {
    for (size_t len = 1; len <= LONGEST; len++)
        for (size_t place = 0; place < len; place++)
            for (int byte = 0; byte < 256; byte++) {
                char text[LONGEST];
                for (size_t i = 0; i < len; i++)
                    text[i] = rest[i % strlen(rest)];
                text[place] = (char)byte;
                check(str_slice(text, len));
            }
}

static void for_all(void (*check)(struct str text)) {
    static const char *const rests[] = {"a", "Z", " ", "\x7E", "\xC3\xA9", "AZaz@[`{", "\x01x"};
    for (size_t i = 0; i < ARRAY_LEN(rests); i++)
        for_every_byte(rests[i], check);
}

static char lower_of(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void check_lower(struct str text) {
    char lower[LONGEST + 1];
    lower[text.len] = '!';
    str_lower_into(lower, text);
    for (size_t i = 0; i < text.len; i++)
        assert_int_equal(lower[i], lower_of(text.at[i]));
    assert_int_equal(lower[text.len], '!');
    assert_true(str_eq_nocase(str_slice(lower, text.len), text));
}

static void letters_become_lower(void **state) {
    (void)state;
    for_all(check_lower);
}

/* The text with one bit flipped at each place is the same without case only where that bit is a letter's case. */
static void check_nocase(struct str text) {
    char other[LONGEST];
    memcpy(other, text.at, text.len);
    for (size_t i = 0; i < text.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            other[i] = (char)(text.at[i] ^ (1 << bit));
            bool same = lower_of(other[i]) == lower_of(text.at[i]);
            assert_int_equal(str_eq_nocase(str_slice(other, text.len), text), same);
        }
        other[i] = text.at[i];
    }
}

static void only_the_case_of_letters_does_not_count(void **state) {
    (void)state;
    for_every_byte("a", check_nocase);
    for_every_byte("[", check_nocase);
}

static void check_value(struct str text) {
    bool is_valid = true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        is_valid = is_valid && (c >= 0x20 || c == '\t') && c != 0x7F;
    }
    assert_int_equal(http_value_is_valid(text), is_valid);
}

static void control_characters_are_found(void **state) {
    (void)state;
    for_all(check_value);
}

static void check_plain(struct str text) {
    bool is_plain = true;
    for (size_t i = 0; i < text.len; i++)
        is_plain = is_plain && text.at[i] >= ' ' && text.at[i] <= '~' && text.at[i] != '"' && text.at[i] != '\\';
    assert_int_equal(str_is_plain(text), is_plain);
}

static void what_json_has_to_escape_is_found(void **state) {
    (void)state;
    for_all(check_plain);
}

static void check_quoted(struct str text) {
    struct strbuf out = {0};
    struct json_writer writer;
    struct arena *arena = arena_new(0);
    const struct json_limits limits = {.depth = 1, .values = 1};
    struct json *read;
    json_begin(&writer, &out);
    json_str(&writer, text);
    assert_int_equal(json_parse(arena, strbuf_str(&out), &limits, &read, NULL), ERR_NONE);
    if (str_is_utf8(text))
        assert_true(str_eq(read->text, text));
    arena_free(arena);
    strbuf_clear(&out);
}

static void what_is_quoted_is_read_back(void **state) {
    (void)state;
    for_every_byte("a", check_quoted);
    for_every_byte("\"", check_quoted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_become_lower),         cmocka_unit_test(only_the_case_of_letters_does_not_count),
        cmocka_unit_test(control_characters_are_found), cmocka_unit_test(what_json_has_to_escape_is_found),
        cmocka_unit_test(what_is_quoted_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
