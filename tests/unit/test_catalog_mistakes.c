/* What is wrong with a catalogue is told when it is read, all of it and with its place. */
#include "common/file.h"
#include "proxy/decide/catalog_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct str own_catalogue(struct arena *arena) {
    struct str text;
    assert_int_equal(file_read(arena, TEST_SOURCE_DIR "/proxy/decide/catalog.json", 1 << 20, &text, NULL), ERR_NONE);
    return text;
}

struct mistake {
    const char *from, *to; /* what is replaced in the built-in catalogue, once */
    const char *problem;   /* a part of what is said of it */
};

static const struct mistake mistakes[] = {
    {"\"format\": 1", "\"format\": 2", "catalog.json:2:5: \"format\" must be 1"},
    {"\"format\": 1,", "", "\"format\" is missing; it must be a number"},
    {"\"about\": \"", "\"abuot\": \"", "\"abuot\" has no meaning here; did you mean \"about\"?"},
    {"\"about\": \"", "\"whatever this is\": \"",
     "\"whatever this is\" has no meaning here; possible are format, about"},
    {"\"ids\": [\"id\"", "\"ids\": [1", "this must be a string"},
    {"\"ids\": [\"id\"", "\"ids\": [\"\"", "this must not be empty"},
    {"\"Success\": \"successful\"", "\"Success\": true", "\"Success\" must be a string"},
    {"\"changed\": {\n            \"true\": \"changed\"\n        }", "\"changed\": 5", "\"changed\" must be an object"},
    {"\"initial\": {\"key\": \"initial/{company}\", \"match\": \"window\"}", "\"initial\": 5",
     "\"initial\" must be an object"},
    {"\"match\": \"exact\"", "\"match\": \"exactly\"",
     "\"match\" must be \"exact\", \"window\", \"within\" or \"hint\""},
    {"\"key\": \"write/{push}/{outcome}\"", "\"key\": \"write/{pash}/{outcome}\"", "there is no variable {pash} here"},
    {"\"key\": \"write/{push}/{outcome}\"", "\"key\": \"write/{push/{outcome}\"",
     "there is no variable {push/{outcome}"},
    {"\"key\": \"write/{push}/{outcome}\"", "\"key\": \"write/push}\"", "a brace has no counterpart"},
    {"\"key\": \"write/{push}/{outcome}\"", "\"key\": \"write/{push\"", "a brace has no counterpart"},
    {"{\"generation\": \"event\", \"type\": \"eventType\"}", "{\"generation\": \"evnt\", \"type\": \"eventType\"}",
     "\"generation\" must be \"rule\" or \"event\""},
    {"{\"generation\": \"event\", \"type\": \"eventType\"}", "{\"generation\": \"unknown\", \"type\": \"eventType\"}",
     "\"generation\" must be \"rule\" or \"event\""},
    {"{\"generation\": \"event\", \"type\": \"eventType\"}", "7", "this must be an object"},
    {"\"company\": \"CompanyId\"", "\"company\": 7", "a path, a list of paths, or an object"},
    {"\"company\": \"CompanyId\"", "\"company\": \"a..b\"", "\"a..b\" is no path"},
    {"\"company\": \"CompanyId\"", "\"company\": \"a[].b[].c\"", "is no path"},
    {"\"company\": \"CompanyId\"", "\"company\": \"a[]\"", "is no path"},
    {"\"company\": \"CompanyId\"", "\"company\": \"a[0].b\"", "is no path"},
    {"\"company\": \"CompanyId\"", "\"company\": {\"text\": 5}", "\"text\" must be a string"},
    {"\"replaces\": [\"ClientRateLimitReached\"],\n            \"variables\": {\"limit\": {\"text\": \"reached\"}}",
     "\"replaces\": [\"ClientRateLimitReached\"],\n            \"variables\": {\"limit\": {\"text\": \"{rule}\"}}",
     "there is no variable {rule} here; there are {"},
    {"\"company\": \"CompanyId\"", "\"company\": \"a.b.c.d.e.f.g.h.i\"", "8 keys at most"},
    {"\"company\": \"CompanyId\"", "\"company\": []", "a path or a list of paths"},
    {"\"company\": \"CompanyId\"", "\"company\": {}", "\"from\", its path or paths, or \"text\", and not both"},
    {"\"company\": \"CompanyId\"", "\"company\": {\"from\": \"a\", \"text\": \"b\"}", "and not both"},
    {"\"company\": \"CompanyId\"", "\"company\": {\"from\": \"a\", \"map\": \"b\"}", "\"maps\" has no \"b\""},
    {"\"company\": \"CompanyId\"", "\"company\": {\"from\": \"a\", \"if_unmapped\": \"b\"}", "without \"map\""},
    {"\"company\": \"CompanyId\"", "\"rule\": \"CompanyId\"", "\"rule\" is always the name of the rule type"},
    {"\"labels\": [\"Rate Limit Reset\"]", "\"labels\": [\"rate limit reached\"]",
     "\"rate limit reached\" stands for \"ClientRateLimitReached\" already"},
    {"\"labels\": [\"Rate Limit Reset\"]", "\"labels\": [\"(x)\"]", "a type must have a name"},
    {"\"labels\": [\"Rate Limit Reset\"]", "\"labels\": [5]", "this must be a string"},
    {"\"name\": \"SyncConnectionDeleted\",\n            \"counterpart\": \"connection.deleted\",\n            "
     "\"facts\": [\"connection-deleted\", \"same-id\"]",
     "\"name\": \"SyncConnectionDeleted\"", "\"counterpart\" is missing: an event replaces this rule"},
    {"\"counterpart\": \"client.rateLimit.reset\"", "\"counterpart\": \"client.rateLimit.rest\"",
     "\"events\" has no type \"client.rateLimit.rest\""},
    {"\"counterpart\": \"client.rateLimit.reset\",", "", "without \"counterpart\" never has a twin"},
    {"{\"name\": \"SyncStarted\"}", "{\"name\": \"SyncStarted\", \"counterpart\": \"read.completed\"}",
     "no event says that it \"replaces\" this rule"},
    {"\"replaces\": [\"SyncFailed\"]", "\"replaces\": [\"SyncFaild\"]", "\"rules\" has none of the name \"SyncFaild\""},
    {"\"replaces\": [\"SyncFailed\"],", "", "without \"replaces\" never has a twin"},
    {"\"replaces\": [\"SyncFailed\"]", "\"replaces\": [5]", "this must be a string"},
    {"\"replaces\": [\"SyncFailed\"]", "\"replaces\": [{\"if\": {\"sync\": \"x\"}}]", "\"rule\" is missing"},
    {"\"replaces\": [\"SyncFailed\"]",
     "\"replaces\": [\"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", "
     "\"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", \"SyncFailed\", "
     "\"SyncFailed\", \"SyncFailed\", \"SyncFailed\"]",
     "there are 17 facts, which is too many: 16 are possible"},
    {"\"facts\": [\"initial\", \"same-id\"]", "\"facts\": [\"intial\", \"same-id\"]", "\"facts\" has no \"intial\""},
    {"\"variables\": {\"limit\": {\"text\": \"reset\"}}", "\"variables\": {\"eror\": {\"text\": \"error\"}}",
     "nothing uses the variable \"eror\""},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"{a}.{b}\"}", "at most one {x}"},

    {"{\"type\": \"connection.failed\"}", "{\"type\": \"a.}\"}", "at most one {x}"},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"a.{\"}", "at most one {x}"},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"a.{}\"}", "at most one {x}"},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"a.{b}.c}\"}", "at most one {x}"},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"}.{a\"}", "at most one {x}"},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"{rule}.failed\"}", "\"rule\" is always"},
    {"{\"type\": \"connection.failed\"}", "\"connection.failed\"", "this must be an object"},
    {"{\"type\": \"connection.failed\"}", "{\"type\": \"connection.created\"}", "already"},
    {"\"list\": \"payload.dataTypes\"", "\"list\": \"payload.dataTypes[].x\"", "must be like a.b.c"},
    {"\"if\": {\"outcome\": \"unsuccessful\"}", "\"if\": {\"outcom\": \"unsuccessful\"}",
     "\"if\" must name one variable"},
    {"\"list\": \"payload.dataTypes\"", "\"list\": \"payload..dataTypes\"", "is no path"},
    {"\"list\": \"payload.dataTypes\",", "", "\"list\" is missing"},
    {"\"facts\": [\"initial\", \"same-id\"]", "\"facts\": [\"initial\", 5]", "this must be a string"},
    {"\"if\": {\"outcome\": \"unsuccessful\"}", "\"if\": {}", "\"if\" must name one variable"},
    {"\"if\": {\"outcome\": \"unsuccessful\"}", "\"if\": {\"outcome\": 5}", "\"outcome\" must be a string"},
    {"\"format\": 1,", "\"format\": 1, \"format\": 1,", "catalog.json:2:"},
    {"\"format\": 1,", "\"format\": 1", "catalog.json:"},
};

static struct str replaced(struct arena *arena, struct str text, const char *from, const char *to) {
    ptrdiff_t at = str_find(text, str_of(from));
    if (at < 0)
        fail_msg("the catalogue has no %s", from);
    struct str rest = str_from(text, (size_t)at + strlen(from));
    return arena_printf(arena, STR_FMT "%s" STR_FMT, (int)at, text.at, to, STR_ARG(rest));
}

static void test_mistakes_are_told_with_their_place(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct str right = own_catalogue(arena);
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct catalog *catalog = NULL;
        struct strbuf problems = {0};
        struct str wrong = replaced(arena, right, mistakes[i].from, mistakes[i].to);
        assert_int_equal(catalog_load(wrong, "catalog.json", &catalog, &problems), ERR_INVALID);
        assert_null(catalog);
        assert_true(str_starts_with(strbuf_str(&problems), STR("catalog.json:")));
        if (strstr(problems.at, mistakes[i].problem) == NULL)
            fail_msg("%s: expected \"%s\", got\n%s", mistakes[i].to, mistakes[i].problem, problems.at);
        strbuf_clear(&problems);
    }
    arena_free(arena);
}

static void test_all_mistakes_are_told_at_once(void **state) {
    (void)state;
    static const char wrong[] = "{\"format\": 1,\n\"shapes\": 5,\n\"rule\": {\"variables\": {}},\n"
                                "\"event\": {\"variables\": {\"x\": 1}},\n\"rules\": [1, {}],\n\"events\": [{}]}";
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    size_t lines = 0;
    assert_int_equal(catalog_load(str_of(wrong), "x", &catalog, &problems), ERR_INVALID);
    struct str rest = strbuf_str(&problems), line;
    while (str_next(&rest, '\n', &line))
        lines += line.len > 0;
    assert_int_equal(lines, 5);
    assert_non_null(strstr(problems.at, "x:2:1: \"shapes\" must be a list\n"));
    assert_non_null(strstr(problems.at, "x:4:25: "));
    assert_non_null(strstr(problems.at, "x:5:11: this must be an object\n"));
    assert_non_null(strstr(problems.at, "x:5:14: \"name\" is missing; it must be a string\n"));
    assert_non_null(strstr(problems.at, "x:6:12: \"type\" is missing; it must be a string\n"));
    strbuf_clear(&problems);
}

/* Nobody reads on after a hundred. */
static void test_mistakes_without_end_are_cut(void **state) {
    (void)state;
    struct catalog *catalog = NULL;
    struct strbuf text = {0}, problems = {0};
    size_t lines = 0;
    strbuf_append(&text, STR("{\"format\": 1, \"rules\": [1"));
    for (int i = 0; i < 500; i++)
        strbuf_append(&text, STR(", 1"));
    strbuf_append(&text, STR("]}"));
    assert_int_equal(catalog_load(strbuf_str(&text), "x", &catalog, &problems), ERR_INVALID);
    for (size_t i = 0; i < problems.len; i++)
        lines += problems.at[i] == '\n';
    assert_int_equal(lines, 100);
    strbuf_clear(&text);
    strbuf_clear(&problems);
}

static void test_a_variable_may_stand_where_there_are_none(void **state) {
    (void)state;
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    assert_int_equal(
        catalog_load(STR("{\"event\": {\"variables\": {\"a\": {\"text\": \"{b}\"}}}}"), "x", &catalog, &problems),
        ERR_INVALID);
    assert_non_null(strstr(problems.at, "there is no variable {b} here; there are none"));
    strbuf_clear(&problems);
}

static void test_what_is_no_object(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "[]", "5", "{", "nonsense", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct catalog *catalog = NULL;
        struct strbuf problems = {0};
        assert_int_equal(catalog_load(str_of(wrong[i]), "x", &catalog, &problems), ERR_INVALID);
        assert_null(catalog);
        assert_true(str_starts_with(strbuf_str(&problems), STR("x:1:")));
        strbuf_clear(&problems);
    }
}

/* More variables and facts than a message has room for are refused when the catalogue is read, not met later. */
static void test_limits(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct str right = own_catalogue(arena);
    struct strbuf facts = {0}, variables = {0}, problems = {0};
    struct catalog *catalog = NULL;
    strbuf_append(&facts, STR("\"facts\": [\"initial\""));
    strbuf_append(&variables, STR("\"rule_id\": \"RuleId\""));
    for (int i = 0; i < 40; i++) {
        strbuf_append(&facts, STR(", \"initial\""));
        strbuf_printf(&variables, ", \"v%d\": \"a\"", i);
    }
    strbuf_append_char(&facts, ']');
    struct str wrong = replaced(arena, right, "\"facts\": [\"initial\", \"same-id\"]", facts.at);
    assert_int_equal(catalog_load(wrong, "x", &catalog, &problems), ERR_INVALID);
    assert_non_null(strstr(problems.at, "16 are possible"));
    wrong = replaced(arena, right, "\"rule_id\": \"RuleId\"", variables.at);
    assert_int_equal(catalog_load(wrong, "x", &catalog, &problems), ERR_INVALID);
    assert_non_null(strstr(problems.at, "32 are possible"));
    assert_null(catalog);
    strbuf_clear(&facts);
    strbuf_clear(&variables);
    strbuf_clear(&problems);
    arena_free(arena);
}

/* Any part that is cut out makes a problem or a smaller catalogue, and nothing worse. */
static void test_damaged_catalogues(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct str right = own_catalogue(arena);
    size_t loaded = 0;
    for (size_t at = 0; at < right.len; at += 23) {
        struct strbuf text = {0}, problems = {0};
        struct catalog *catalog = NULL;
        strbuf_append(&text, str_slice(right.at, at));
        strbuf_append(&text, str_from(right, at + 1));
        enum err err = catalog_load(strbuf_str(&text), "x", &catalog, &problems);
        assert_true(err == ERR_NONE ? catalog != NULL && problems.len == 0 : catalog == NULL && problems.len > 0);
        loaded += err == ERR_NONE;
        catalog_free(catalog);
        strbuf_clear(&text);
        strbuf_clear(&problems);
    }
    assert_true(loaded > 0);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes_are_told_with_their_place),
        cmocka_unit_test(test_all_mistakes_are_told_at_once),
        cmocka_unit_test(test_mistakes_without_end_are_cut),
        cmocka_unit_test(test_a_variable_may_stand_where_there_are_none),
        cmocka_unit_test(test_what_is_no_object),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_damaged_catalogues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
