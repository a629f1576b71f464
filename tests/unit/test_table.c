/* Tables in terminals of every width, and lists for programs. */
#include "proxy/app/message_list.h"
#include "proxy/app/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct table *sample(struct arena *arena) {
    struct table *table =
        table_new(arena, (const char *const[]){"TYPE", ">RULES SEEN", "?>SKEW", "LAST UNPAIRED", NULL});
    table_add(table, (const struct str[]){STR("read.completed"), STR("12"), STR("1.5 s"), STR("01J8QVK92F0000")});
    table_add(table, (const struct str[]){STR("größer"), STR("3"), STR(""), STR("")});
    return table;
}

static void expect(size_t columns, const char *text) {
    struct arena *arena = arena_new(0);
    struct strbuf out = {0};
    table_print_within(sample(arena), columns, &out);
    assert_string_equal(out.at, text);
    strbuf_clear(&out);
    arena_free(arena);
}

static void takes_what_it_needs(void **state) {
    (void)state;
    const char *whole = "TYPE            RULES SEEN   SKEW  LAST UNPAIRED\n"
                        "read.completed          12  1.5 s  01J8QVK92F0000\n"
                        "größer                   3\n";
    expect(0, whole);
    expect(200, whole);
    expect(49, whole);
}

static void gets_narrower(void **state) {
    (void)state;
    expect(48, "TYPE            RULES   SKEW  LAST\n"
               "                 SEEN         UNPAIRED\n"
               "read.completed     12  1.5 s  01J8QVK92F0000\n"
               "größer              3\n");
    expect(40, "TYPE            RULES  LAST\n"
               "                 SEEN  UNPAIRED\n"
               "read.completed     12  01J8QVK92F0000\n"
               "größer              3\n"
               "(too narrow for: SKEW)\n");
    expect(33, "TYPE            RULES  LAST\n"
               "                 SEEN  UNPAIRED\n"
               "read.completed     12  01J8QVK92…\n"
               "größer              3\n"
               "(too narrow for: SKEW)\n");
    expect(20, "TYPE           read…\n"
               "RULES SEEN     12\n"
               "SKEW           1.5 s\n"
               "LAST UNPAIRED  01J8…\n"
               "\n"
               "TYPE           größ…\n"
               "RULES SEEN     3\n");
}

static void shows_no_control_characters(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
        size_t width;
    } cases[] = {
        {"a\x1b[31mb\tc\x7f", "a?[31mb?c?", 0},
        {"\xc2\x9b"
         "31m",
         "?31m", 0},
        {"\xe2\x80\xae"
         "cba",
         "?cba", 0},
        {"ä€𝄞", "ä€𝄞", 3},
        {"ä€𝄞", "ä…", 2},
        {"abc", "…", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf out = {0};
        table_append_text(&out, str_of(cases[i].text), cases[i].width);
        assert_string_equal(out.at, cases[i].shown);
        strbuf_clear(&out);
    }
}

static void csv_holds_no_formula(void **state) {
    (void)state;
    struct strbuf out = {0};
    const struct str cells[] = {STR("=1"), STR("+1"),   STR("-1"),   STR("@a"), STR("\tx"), STR("\rx"),
                                STR("a"),  STR("a,\""), STR("a\nb"), STR_NONE,  STR(""),    STR("1=2")};
    csv_append_row(&out, cells, ARRAY_LEN(cells));
    assert_string_equal(out.at, "\"'=1\",\"'+1\",\"'-1\",\"'@a\",\"'\tx\",\"'\rx\",a,\"a,\"\"\",\"a\nb\",,,1=2\r\n");
    strbuf_clear(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_it_needs),
        cmocka_unit_test(gets_narrower),
        cmocka_unit_test(shows_no_control_characters),
        cmocka_unit_test(csv_holds_no_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
