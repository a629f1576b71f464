/* Switching in the text: what changes is one value, and every other byte stays. */
#include "proxy/decide/flags_edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct row {
    const char *before;
    enum consumer_flag flag;
    bool on, force;
    const char *after; /* NULL: refused */
    enum err err;
    const char *why; /* a part of the detail */
};

/* For some only. */
struct some {
    int percent; /* 0: none */
    const struct str *companies;
    size_t company_count;
};

static void check_switch(const struct row *row, struct some some) {
    struct strbuf out = {0};
    struct err_detail detail = {.text = ""};
    const struct flags_switch wanted = {.flag = row->flag,
                                        .on = row->on,
                                        .force = row->force,
                                        .percent = some.percent == 0 ? -1 : some.percent,
                                        .companies = some.companies,
                                        .company_count = some.company_count};
    strbuf_append(&out, STR("kept:"));
    enum err err = flags_edit_switch(str_of(row->before), &wanted, &out, &detail);
    if (err != row->err)
        fail_msg("%s: %s: %s", row->before, err_name(err), detail.text);
    if (row->why != NULL && strstr(detail.text, row->why) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", row->before, detail.text, row->why);
    assert_true(str_starts_with(strbuf_str(&out), STR("kept:")));
    struct str after = str_from(strbuf_str(&out), strlen("kept:"));
    if (!str_eq(after, str_of(row->after == NULL ? "" : row->after)))
        fail_msg("%s\n became\n" STR_FMT "\n and not\n%s", row->before, STR_ARG(after), row->after);
    strbuf_clear(&out);
}

static void check_row(const struct row *row) {
    check_switch(row, (struct some){0});
}

#define CHECK_ROWS(rows)                                                                                               \
    do {                                                                                                               \
        for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                                \
            check_row(&(rows)[i_]);                                                                                    \
    } while (0)

#define ON_OFF "\"variants\":{\"on\":true,\"off\":false}"

static void test_only_the_default_changes(void **state) {
    (void)state;
    static const struct row rows[] = {
        /* order, comments, odd layout, other flags and other members stay */
        {"// who decides\n{\"$schema\" : \"x\", \"flags\":{ /* 1 */\n\t\"other\":{\"state\":\"DISABLED\"},\n"
         "  \"legacy-consumer\" : {\"defaultVariant\" : \"on\" , // yet\n" ON_OFF
         ",\"state\":\"ENABLED\",\"x\":[1,2.50,\"\\u00e9\"]}}}\n\n",
         FLAG_LEGACY_CONSUMER, false, false,
         "// who decides\n{\"$schema\" : \"x\", \"flags\":{ /* 1 */\n\t\"other\":{\"state\":\"DISABLED\"},\n"
         "  \"legacy-consumer\" : {\"defaultVariant\" : \"off\" , // yet\n" ON_OFF
         ",\"state\":\"ENABLED\",\"x\":[1,2.50,\"\\u00e9\"]}}}\n\n",
         ERR_NONE, NULL},
        /* the same in an array */
        {"{\"flags\":[{\"key\":\"new-consumer\",\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"off\"}]}",
         FLAG_NEW_CONSUMER, true, false,
         "{\"flags\":[{\"key\":\"new-consumer\",\"state\":\"ENABLED\"," ON_OFF ",\"defaultVariant\":\"on\"}]}",
         ERR_NONE, NULL},
        /* null becomes a name */
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":null," ON_OFF "}}}", FLAG_NEW_CONSUMER,
         true, false, "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"on\"," ON_OFF "}}}",
         ERR_NONE, NULL},
        /* a byte order mark stays */
        {"\xEF\xBB\xBF{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\"," ON_OFF "}}}",
         FLAG_NEW_CONSUMER, true, false,
         "\xEF\xBB\xBF{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"on\"," ON_OFF "}}}",
         ERR_NONE, NULL},
        /* of two flags with one key the last counts, and of two members */
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\"," ON_OFF "},"
         "\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\",\"defaultVariant\":\"off\"," ON_OFF "}}}",
         FLAG_NEW_CONSUMER, true, false,
         "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\"," ON_OFF "},"
         "\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\",\"defaultVariant\":\"on\"," ON_OFF "}}}",
         ERR_NONE, NULL},
    };
    CHECK_ROWS(rows);
}

static void test_the_variant_is_chosen_by_its_value(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"nein\":false,\"j\\\"a\":true},"
         "\"defaultVariant\":\"nein\"}}}",
         FLAG_NEW_CONSUMER, true, false,
         "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"nein\":false,\"j\\\"a\":true},"
         "\"defaultVariant\":\"j\\\"a\"}}}",
         ERR_NONE, NULL},
        /* it has the value already: nothing changes, though another variant has it too */
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"a\":true,\"b\":true},"
         "\"defaultVariant\":\"b\"}}}",
         FLAG_NEW_CONSUMER, true, false,
         "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"a\":true,\"b\":true},"
         "\"defaultVariant\":\"b\"}}}",
         ERR_NONE, NULL},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"a\":true},\"defaultVariant\":\"a\"}}}",
         FLAG_NEW_CONSUMER, false, false, NULL, ERR_INVALID, "no variant whose value is false"},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"variants\":{\"on\":\"true\"},\"defaultVariant\":\"on\"}"
         "}}",
         FLAG_NEW_CONSUMER, true, false, NULL, ERR_INVALID, "no variant whose value is true"},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\"}}}", FLAG_NEW_CONSUMER, true, false, NULL, ERR_INVALID,
         "no variant"},
    };
    CHECK_ROWS(rows);
}

static void test_what_is_missing_is_added(void **state) {
    (void)state;
#define NEW_FLAG(name)                                                                                                 \
    "{\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, \"defaultVariant\": \"" name "\"}"
    static const struct row rows[] = {
        {"{\"flags\":{}}", FLAG_LEGACY_CONSUMER, false, false, "{\"flags\":{\"legacy-consumer\": " NEW_FLAG("off") "}}",
         ERR_NONE, NULL},
        {"{\"flags\":[]}", FLAG_NEW_CONSUMER, true, false,
         "{\"flags\":[{\"key\": \"new-consumer\", \"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": "
         "false}, "
         "\"defaultVariant\": \"on\"}]}",
         ERR_NONE, NULL},
        {"{\"flags\":{\"a\":{\"state\":\"ENABLED\"}}}", FLAG_NEW_CONSUMER_SHADOW, true, false,
         "{\"flags\":{\"a\":{\"state\":\"ENABLED\"}, \"new-consumer-shadow\": " NEW_FLAG("on") "}}", ERR_NONE, NULL},
        /* on a line of its own, indented like the one before, and behind that one's comment */
        {"{\n  \"flags\": {\n\t  \"a\": {\"state\": \"ENABLED\"} // first\n  }\n}\n", FLAG_NEW_CONSUMER, true, false,
         "{\n  \"flags\": {\n\t  \"a\": {\"state\": \"ENABLED\"}, // first\n\t  \"new-consumer\": " NEW_FLAG(
             "on") "\n  }\n}\n",
         ERR_NONE, NULL},
        {"{\n  \"flags\": {\n    \"a\": {\"state\": \"ENABLED\"} /* one */ /* two */ }\n}\n", FLAG_NEW_CONSUMER, true,
         false,
         "{\n  \"flags\": {\n    \"a\": {\"state\": \"ENABLED\"},\n    \"new-consumer\": " NEW_FLAG(
             "on") " /* one */ /* two */ }\n}\n",
         ERR_NONE, NULL},
        {"{\"flags\": {\r\n  \"a\": {\"state\": \"ENABLED\"}\r\n}}\r\n", FLAG_NEW_CONSUMER, false, false,
         "{\"flags\": {\r\n  \"a\": {\"state\": \"ENABLED\"},\r\n  \"new-consumer\": " NEW_FLAG("off") "\r\n}}\r\n",
         ERR_NONE, NULL},
        /* one comment goes with what stands before it; what only looks like one does not */
        {"{\"flags\": {\n  \"a\": {\"state\": \"ENABLED\"} /* one */ \n}}\n", FLAG_NEW_CONSUMER, false, false,
         "{\"flags\": {\n  \"a\": {\"state\": \"ENABLED\"}, /* one */ \n  \"new-consumer\": " NEW_FLAG("off") "\n}}\n",
         ERR_NONE, NULL},
        {"{\"flags\": {\n  \"a\": {\"state\": \"ENABLED\"} /*/\n one more */\n}}\n", FLAG_NEW_CONSUMER, true, false,
         "{\"flags\": {\n  \"a\": {\"state\": \"ENABLED\"},\n  \"new-consumer\": " NEW_FLAG(
             "on") " /*/\n one more */\n}}\n",
         ERR_NONE, NULL},
        {"{\"flags\": {\n  \"a\": {\"state\": \"ENABLED\"} /* and\n more */\n}}\n", FLAG_NEW_CONSUMER, true, false,
         "{\"flags\": {\n  \"a\": {\"state\": \"ENABLED\"},\n  \"new-consumer\": " NEW_FLAG(
             "on") " /* and\n more */\n}}\n",
         ERR_NONE, NULL},
        {"{\"flags\": [\n  {\"key\": \"a\", \"state\": \"ENABLED\"} ]\n}\n", FLAG_NEW_CONSUMER, false, false,
         "{\"flags\": [\n  {\"key\": \"a\", \"state\": \"ENABLED\"},\n  {\"key\": \"new-consumer\", \"state\": "
         "\"ENABLED\", "
         "\"variants\": {\"on\": true, \"off\": false}, \"defaultVariant\": \"off\"} ]\n}\n",
         ERR_NONE, NULL},
        /* no line ends behind it */
        {"{\"flags\": {\n\t\"a\": {\"state\": \"ENABLED\"}}}", FLAG_NEW_CONSUMER, false, false,
         "{\"flags\": {\n\t\"a\": {\"state\": \"ENABLED\"},\n\t\"new-consumer\": " NEW_FLAG("off") "}}", ERR_NONE,
         NULL},
        /* only the default is missing */
        {"{\"flags\":{\"new-consumer\":{\n \"state\":\"ENABLED\",\n " ON_OFF "\n}}}", FLAG_NEW_CONSUMER, true, false,
         "{\"flags\":{\"new-consumer\":{\n \"state\":\"ENABLED\",\n " ON_OFF ",\n \"defaultVariant\": \"on\"\n}}}",
         ERR_NONE, NULL},
    };
    CHECK_ROWS(rows);
}

#define RULE "\"targeting\":{\"if\":[{\"var\":\"x\"},\"on\",null]}"

static void test_what_would_not_switch_is_refused(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"on\"," ON_OFF "," RULE "}}}",
         FLAG_NEW_CONSUMER, false, false, NULL, ERR_DENIED, "targeting"},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"on\"," ON_OFF "," RULE "}}}",
         FLAG_NEW_CONSUMER, false, true,
         "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\"," ON_OFF "," RULE "}}}",
         ERR_NONE, NULL},
        /* an empty rule decides nothing */
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"on\"," ON_OFF ",\"targeting\":{}}}}",
         FLAG_NEW_CONSUMER, false, false,
         "{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\"," ON_OFF
         ",\"targeting\":{}}}}",
         ERR_NONE, NULL},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"DISABLED\",\"defaultVariant\":\"off\"," ON_OFF "}}}",
         FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID, "DISABLED"},
        {"{\"flags\":{\"new-consumer\":{\"state\":\"ENABLED\",\"defaultVariant\":\"off\"," ON_OFF
         ",\"targeting\":{\"?!\":1}}}}",
         FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID, "broken"},
        {"{\"flags\":{\"new-consumer\":5}}", FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID, "broken"},
        {"{\"flags\":{\n\"new-consumer\":{\"state\":\"ON\"}}}", FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID,
         "2:25: state must be"},
        {"", FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID, "1:1"},
        {"{\"flags\":{\"f\":7}", FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID, NULL},
        {"[]", FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID, "must be an object"},
        /* what refuses the file is told, not what is only wrong with it */
        {"{\"flags\":{\"a\":{},\n\"b\":{\"state\":1}}}", FLAG_NEW_CONSUMER, true, true, NULL, ERR_INVALID,
         "2:14: state must be"},
    };
    CHECK_ROWS(rows);
}

/* A file that may just be read has no room for one flag more: the new text is refused before anybody sees it. */
static void test_a_full_file_stays_as_it_is(void **state) {
    (void)state;
    enum { VALUES_MAX = 2000000 };
    struct strbuf text = {0};
    strbuf_append(&text, STR("{\"flags\":{},\"x\":[1"));
    for (int i = 4; i < VALUES_MAX; i++) /* the file, its flags and the list are values too */
        strbuf_append(&text, STR(",1"));
    strbuf_append(&text, STR("]}"));
    check_row(
        &(struct row){text.at, FLAG_NEW_CONSUMER, true, false, NULL, ERR_INVALID, "the new text would be refused"});
    strbuf_clear(&text);
}

/* Off, on and off again gives the first text back: nothing is worn off by editing. */
static void test_there_and_back(void **state) {
    (void)state;
    struct str text =
        STR("{ // top\n  \"flags\" : {\n    \"legacy-consumer\" :\t{ \"state\": \"ENABLED\",\n"
            "      \"variants\": { \"an\": true, \"aus\": false },\n      \"defaultVariant\": \"aus\" }\n  }\n}");
    const struct flags_switch switch_on = {.flag = FLAG_LEGACY_CONSUMER, .on = true, .percent = -1};
    const struct flags_switch switch_off = {.flag = FLAG_LEGACY_CONSUMER, .percent = -1};
    struct strbuf on = {0}, off = {0};
    assert_int_equal(flags_edit_switch(text, &switch_on, &on, NULL), ERR_NONE);
    assert_false(str_eq(text, strbuf_str(&on)));
    assert_int_equal(flags_edit_switch(strbuf_str(&on), &switch_off, &off, NULL), ERR_NONE);
    assert_true(str_eq(text, strbuf_str(&off)));
    strbuf_clear(&on);
    strbuf_clear(&off);
}

#define FILE_OF(targeting, chosen)                                                                                     \
    "{\"flags\": {\"new-consumer\": {\"state\": \"ENABLED\", \"variants\": {\"on\": true, \"off\": false}, "           \
    "\"defaultVariant\": \"" chosen "\"" targeting "}}}"
#define SHARE(percent, rest)                                                                                           \
    "{\"fractional\": [{\"var\": \"targetingKey\"}, [\"on\", " percent "], [\"off\", " rest "]]}"
#define COMPANIES(list, otherwise) "{\"if\": [{\"in\": [{\"var\": \"companyId\"}, [" list "]]}, \"on\", " otherwise "]}"

/* A share and some companies: a rule is written, and replaced by the next one; everybody takes it away. A rule that
 * somebody else wrote is not. (fault 1.6) */
static void test_some_are_switched_by_a_rule(void **state) {
    (void)state;
    static const struct str two[] = {{"c1", 2}, {"c\"2", 3}};
    static const struct {
        const char *before, *after; /* NULL: refused */
        struct some some;
        bool force;
        enum err err;
        const char *why;
    } rows[] = {
        {FILE_OF("", "on"),
         FILE_OF(", \"targeting\": " SHARE("10", "90"), "off"),
         {10, NULL, 0},
         false,
         ERR_NONE,
         NULL},
        {FILE_OF(", \"targeting\": " SHARE("10", "90"), "off"),
         FILE_OF(", \"targeting\": " SHARE("25", "75"), "off"),
         {25, NULL, 0},
         false,
         ERR_NONE,
         NULL},
        {FILE_OF(", \"targeting\": " SHARE("25", "75"), "off"),
         FILE_OF(", \"targeting\": " COMPANIES("\"c1\", \"c\\\"2\"", "\"off\""), "off"),
         {0, two, 2},
         false,
         ERR_NONE,
         NULL},
        {FILE_OF(", \"targeting\": " COMPANIES("\"c1\"", "\"off\""), "off"),
         FILE_OF(", \"targeting\": " COMPANIES("\"c1\"", SHARE("5", "95")), "off"),
         {5, two, 1},
         false,
         ERR_NONE,
         NULL},
        {FILE_OF(", \"targeting\": " COMPANIES("\"c1\"", SHARE("5", "95")), "off"),
         FILE_OF(", \"targeting\": {}", "on"),
         {0, NULL, 0},
         false,
         ERR_NONE,
         NULL},
        {FILE_OF(", \"targeting\": {\"if\": [true, \"on\"]}", "off"),
         NULL,
         {10, NULL, 0},
         false,
         ERR_DENIED,
         "has targeting"},
        {FILE_OF(", \"targeting\": {\"if\": [true, \"on\"]}", "off"),
         FILE_OF(", \"targeting\": " SHARE("10", "90"), "off"),
         {10, NULL, 0},
         true,
         ERR_NONE,
         NULL},
        {"{\"flags\": {}}",
         FILE_OF(", \"targeting\": " SHARE("50", "50"), "off"),
         {50, NULL, 0},
         false,
         ERR_NONE,
         NULL},
        {"{\"flags\": {\"new-consumer\": {\"state\": \"ENABLED\", \"variants\": {\"on\": true}, "
         "\"defaultVariant\": \"on\"}}}",
         NULL,
         {50, NULL, 0},
         false,
         ERR_INVALID,
         "has no variant whose value is false"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row row = {rows[i].before, FLAG_NEW_CONSUMER, true,       rows[i].force,
                                rows[i].after,  rows[i].err,       rows[i].why};
        check_switch(&row, rows[i].some);
    }
}

/* The same companies: legacy is off for exactly those for which new is on. */
static void test_shares_of_both_flags_are_of_the_same_companies(void **state) {
    (void)state;
    const struct flags_switch wanted[] = {{.flag = FLAG_NEW_CONSUMER, .on = true, .percent = 30},
                                          {.flag = FLAG_LEGACY_CONSUMER, .on = false, .percent = 30}};
    struct strbuf one = {0}, both = {0};
    struct flag_problems problems;
    struct arena *arena = arena_new(0);
    struct flags *flags;
    struct str example;
    unsigned on = 0;
    assert_int_equal(flags_edit_switch(STR("{\"flags\": {}}"), &wanted[0], &one, NULL), ERR_NONE);
    assert_int_equal(flags_edit_switch(strbuf_str(&one), &wanted[1], &both, NULL), ERR_NONE);
    assert_int_equal(flags_load(strbuf_str(&both), arena, &flags, &problems), ERR_NONE);
    for (int i = 0; i < 1000; i++) {
        struct str company = i == 0 ? STR_NONE : arena_printf(arena, "company-%d", i);
        const struct flag_context context = {.targeting_key = company, .company = company};
        bool new_on = flags_consumer(flags, FLAG_NEW_CONSUMER, &context, 0, arena).on;
        assert_int_equal(new_on, !flags_consumer(flags, FLAG_LEGACY_CONSUMER, &context, 0, arena).on);
        on += new_on ? 1 : 0;
    }
    assert_in_range(on, 240, 360);
    assert_false(flags_find_both_off(flags, 0, arena, &example));
    flags_free(flags);
    arena_free(arena);
    strbuf_clear(&one);
    strbuf_clear(&both);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_some_are_switched_by_a_rule),
        cmocka_unit_test(test_shares_of_both_flags_are_of_the_same_companies),
        cmocka_unit_test(test_only_the_default_changes),
        cmocka_unit_test(test_the_variant_is_chosen_by_its_value),
        cmocka_unit_test(test_what_is_missing_is_added),
        cmocka_unit_test(test_what_would_not_switch_is_refused),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_full_file_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
