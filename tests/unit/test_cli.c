#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"
#include "proxy/app/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ARGUMENT_MAX = 12 };

struct parsed {
    bool flag;
    const char *text;
    struct cli_list list;
    int status, rest_count;
    const char *rest[ARGUMENT_MAX];
};

static void parse(struct parsed *parsed, const char *const *arguments) {
    char *argv[ARGUMENT_MAX];
    int argc = 0, first;
    *parsed = (struct parsed){0};
    const struct cli_option options[] = {
        {"flag", CLI_FLAG, &parsed->flag}, {"text", CLI_TEXT, &parsed->text}, {"list", CLI_LIST, &parsed->list}};
    for (; arguments[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)arguments[argc];
    argv[argc] = NULL;
    parsed->status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    for (int i = first; parsed->status == CLI_GO_ON && i < argc; i++)
        parsed->rest[parsed->rest_count++] = argv[i];
}

static void test_options_anywhere(void **state) {
    (void)state;
    struct parsed parsed;
    parse(&parsed,
          (const char *const[]){"sink", "a", "--list", "x", "--flag", "b", "--text=t", "--list=y", "--", "--c", NULL});
    assert_int_equal(parsed.status, CLI_GO_ON);
    assert_true(parsed.flag);
    assert_string_equal(parsed.text, "t");
    assert_int_equal(parsed.list.count, 2);
    assert_string_equal(parsed.list.items[0], "x");
    assert_string_equal(parsed.list.items[1], "y");
    assert_int_equal(parsed.rest_count, 3);
    assert_string_equal(parsed.rest[0], "a");
    assert_string_equal(parsed.rest[1], "b");
    assert_string_equal(parsed.rest[2], "--c");
    cli_list_clear(&parsed.list);
}

static void test_wrong_options(void **state) {
    (void)state;
    static const char *const wrong[] = {"--nothing", "--flog", "--text", "--flag=1", "-x", "--="};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct parsed parsed;
        parse(&parsed, (const char *const[]){"sink", wrong[i], NULL});
        if (parsed.status != CLI_USAGE)
            fail_msg("%s was taken", wrong[i]);
    }
}

static void test_commands(void **state) {
    (void)state;
    static const struct {
        const char *arguments[4];
        int status;
    } cases[] = {
        {{"hookshift", NULL}, CLI_USAGE},
        {{"hookshift", "nothing", NULL}, CLI_USAGE},
        {{"hookshift", "help", "nothing", NULL}, CLI_USAGE},
        {{"hookshift", "version", "x", NULL}, CLI_USAGE},
        {{"hookshift", "sink", "--status", NULL}, CLI_USAGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *argv[4];
        int argc = 0;
        for (; cases[i].arguments[argc] != NULL; argc++)
            argv[argc] = (char *)(uintptr_t)cases[i].arguments[argc];
        argv[argc] = NULL;
        assert_int_equal(cli_run(argc, argv), cases[i].status);
    }
}

static void test_table(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct table *table = table_new(arena, (const char *const[]){"name", ">n", "more", NULL});
    table_add(table, (const struct str[]){STR("\xc3\xa9\xc3\xa9"), STR("7"), STR("x")});
    table_add(table, (const struct str[]){STR("longer"), STR("1234"), STR_NONE});
    table_add(table, (const struct str[]){STR("a\x1b[2J"), STR_NONE, STR("y")});
    struct strbuf out = {0};
    table_print(table, &out);
    assert_string_equal(out.at, "name       n  more\n"
                                "\xc3\xa9\xc3\xa9         7  x\n"
                                "longer  1234\n"
                                "a?[2J         y\n");
    strbuf_clear(&out);
    arena_free(arena);
}

static void test_admin_address(void **state) {
    (void)state;
    static const struct {
        const char *listen, *url;
    } cases[] = {
        {"127.0.0.1:9090", "http://127.0.0.1:9090"},
        {"0.0.0.0:9090", "http://127.0.0.1:9090"},
        {":9090", "http://127.0.0.1:9090"},
        {"[::]:9090", "http://[::1]:9090"},
        {"[::1]:1", "http://[::1]:1"},
        {"proxy.local:9090", "http://proxy.local:9090"},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(str_eq(admin_client_url(arena, str_of(cases[i].listen)), str_of(cases[i].url)));
    struct admin_client client;
    struct err_detail detail;
    assert_int_equal(setenv("HOOKSHIFT_ADMIN_TOKEN", "from-env", 1), 0);
    assert_int_equal(admin_client_init(&client, arena, "http://h:1//", NULL, &detail), ERR_NONE);
    assert_true(str_eq(client.url, STR("http://h:1")));
    assert_true(str_eq(client.token, STR("from-env")));
    assert_int_equal(admin_client_init(&client, arena, "http://h:1", "given", &detail), ERR_NONE);
    assert_true(str_eq(client.token, STR("given")));
    assert_int_equal(unsetenv("HOOKSHIFT_ADMIN_TOKEN"), 0);
    assert_int_equal(setenv("HOOKSHIFT_ADMIN_TOKEN_FILE", "/nonexistent/token", 1), 0);
    assert_int_equal(admin_client_init(&client, arena, NULL, NULL, &detail), ERR_NOT_FOUND);
    assert_non_null(strstr(detail.text, "/nonexistent/token"));
    assert_int_equal(unsetenv("HOOKSHIFT_ADMIN_TOKEN_FILE"), 0);
    assert_int_equal(admin_client_init(&client, arena, "ftp://h", NULL, &detail), ERR_INVALID);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_anywhere), cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_commands),         cmocka_unit_test(test_table),
        cmocka_unit_test(test_admin_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
