#include "proxy/decide/catalog.h"

#include "proxy/decide/catalog_load.h"
#include "proxy/decide/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- the one that is built in ---- */

static void test_built_in_types(void **state) {
    (void)state;
    static const char *const unreplaced[] = {"AccountCategoriesUpdated", "SyncStarted"};
    struct catalog *catalog = catalog_builtin();
    size_t without = 0;
    assert_true(catalog_about(catalog).len > 0);
    assert_int_equal(catalog_type_count(catalog, GENERATION_RULE), 14);
    for (size_t i = 0; i < 14; i++) {
        const struct catalog_type *type = catalog_type_at(catalog, GENERATION_RULE, i);
        assert_int_equal(type->generation, GENERATION_RULE);
        assert_ptr_equal(catalog_find(catalog, GENERATION_RULE, type->name), type);
        if (!catalog_has_replacement(type))
            assert_true(str_eq(type->name, str_of(unreplaced[without++])));
    }
    assert_int_equal(without, 2);
    for (size_t i = 0; i < catalog_type_count(catalog, GENERATION_EVENT); i++) {
        const struct catalog_type *type = catalog_type_at(catalog, GENERATION_EVENT, i);
        assert_ptr_equal(catalog_find(catalog, GENERATION_EVENT, type->name), type);
        assert_true(type->fact_max <= ITEM_FACT_MAX);
    }
    catalog_free(catalog);
    catalog_free(NULL);
}

static void test_finding_types(void **state) {
    (void)state;
    static const struct {
        enum generation generation;
        const char *text, *name;
    } cases[] = {
        {GENERATION_RULE, "Rate Limit Reached", "ClientRateLimitReached"},
        {GENERATION_RULE, "clientratelimitREACHED", "ClientRateLimitReached"},
        {GENERATION_RULE, "Push Operation Status Changed()", "PushOperationStatusChanged"},
        {GENERATION_RULE, "push\toperation  status changed(a)(b)", "PushOperationStatusChanged"},
        {GENERATION_RULE, "New company synchronised", "NewCompanySynchronized"},
        {GENERATION_RULE, "New company synchronized", "NewCompanySynchronized"},
        {GENERATION_RULE, "rate\r\nlimit\n reached\r", "ClientRateLimitReached"},
        {GENERATION_RULE, "Data connection status", NULL},
        {GENERATION_RULE, "", NULL},
        {GENERATION_RULE, "()", NULL},
        {GENERATION_RULE, "read.completed", NULL},
        {GENERATION_EVENT, "read.completed", "read.completed"},
        {GENERATION_EVENT, "x.read.completed", "{product}.read.completed"},
        {GENERATION_EVENT, "read.completed.initial", "read.completed.initial"},
        {GENERATION_EVENT, "x.read.completed.initial", "{product}.read.completed.initial"},
        {GENERATION_EVENT, "a-b.write.unsuccessful", "{data_type}.write.unsuccessful"},
        {GENERATION_EVENT, ".write.unsuccessful", NULL},
        {GENERATION_EVENT, "write.unsuccessful", NULL},
        {GENERATION_EVENT, "read . completed", NULL},
        {GENERATION_EVENT, "read.completed.later", NULL},
        {GENERATION_EVENT, "Sync Failed", NULL},
    };
    struct catalog *catalog = catalog_builtin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct catalog_type *type = catalog_find(catalog, cases[i].generation, str_of(cases[i].text));
        struct str name = type == NULL ? STR_NONE : type->name;
        if (!str_eq(name, str_of(cases[i].name)))
            fail_msg("\"%s\" is found as \"" STR_FMT "\"", cases[i].text, STR_ARG(name));
    }
    catalog_free(catalog);
}

static void test_same_types(void **state) {
    (void)state;
    static const struct {
        enum generation generation;
        const char *a, *b;
        bool same;
    } cases[] = {
        {GENERATION_RULE, "Sync started", "SyncStarted", true},
        {GENERATION_RULE, "A Ratio(>,0)", "aratio", true},
        {GENERATION_RULE, "ARatio(>,0)", "ARatio(<,5)", true},
        {GENERATION_RULE, "ARatio", "ARatios", false},
        {GENERATION_RULE, "(a)", "(b)", false},
        {GENERATION_RULE, "(a)", "(A)", true},
        {GENERATION_EVENT, "a.b", "A.B", true},
        {GENERATION_EVENT, "a.b(c)", "a.b", false},
        {GENERATION_EVENT, "a b", "ab", false},
    };
    struct catalog *catalog = catalog_builtin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (catalog_is_same(catalog, cases[i].generation, str_of(cases[i].a), str_of(cases[i].b)) != cases[i].same)
            fail_msg("\"%s\" and \"%s\"", cases[i].a, cases[i].b);
    catalog_free(catalog);
}

/* ---- another vendor ---- */

static const char other_vendor[] =
    "{\"format\": 1, /* of parcels */\n"
    " \"ids\": [\"parcel\"],\n"
    " \"maps\": {\"stage\": {\"DONE\": \"delivered\"}},\n"
    " \"facts\": {\"parcel\": {\"key\": \"parcel/{parcel}/{stage}\", \"match\": \"exact\"}},\n"
    " \"shapes\": [{\"generation\": \"event\", \"type\": \"kind\", \"with\": [\"v\"]},\n"
    "            {\"generation\": \"rule\", \"type\": \"kind\"}],\n"
    " \"rule\": {\"variables\": {\"id\": \"nr\"}},\n"
    " \"event\": {\"variables\": {\"company\": \"who.id\", \"generated\": \"at\"}},\n"
    " \"rules\": [{\"name\": \"Arrived\", \"counterpart\": \"parcel.changed\",\n"
    "   \"variables\": {\"parcel\": \"box\", \"stage\": {\"text\": \"delivered\"}}, \"facts\": [\"parcel\"]}],\n"
    " \"events\": [{\"type\": \"parcel.changed\", \"replaces\": [\"Arrived\"],\n"
    "   \"items\": {\"list\": \"boxes\", \"facts\": [\"parcel\"],\n"
    "     \"variables\": {\"parcel\": \"nr\", \"stage\": {\"from\": [\"new.stage\", \"stage\"], \"map\": "
    "\"stage\"}}}}]}";

static struct str fact_of(const struct message *message, size_t item) {
    return message->items[item].fact_count == 1 ? message->items[item].facts[0].key : STR_NONE;
}

/* Nothing of the program knows a vendor: another catalogue makes another migration. */
static void test_another_vendor(void **state) {
    (void)state;
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    struct arena *arena = arena_new(0);
    struct message rule = {0}, event = {0};
    if (catalog_load(str_of(other_vendor), "parcels.json", &catalog, &problems) != ERR_NONE)
        fail_msg("%s", problems.at);
    assert_int_equal(problems.len, 0);
    assert_int_equal(classify(catalog, STR("{\"kind\":\"arrived\",\"nr\":\"7\",\"box\":\"B-1\"}"), arena, &rule, NULL),
                     ERR_NONE);
    assert_int_equal(rule.generation, GENERATION_RULE);
    assert_true(str_eq(fact_of(&rule, 0), STR("parcel/b-1/delivered")));
    assert_true(str_eq(rule.counterpart, STR("parcel.changed")));
    const struct str body = STR("{\"v\":2,\"kind\":\"parcel.changed\",\"who\":{\"id\":\"w\"},\"boxes\":["
                                "{\"nr\":\"B-1\",\"stage\":\"done\"},{\"nr\":\"B-2\",\"new\":{\"stage\":\"lost\"}}]}");
    assert_int_equal(classify(catalog, body, arena, &event, NULL), ERR_NONE);
    assert_int_equal(event.generation, GENERATION_EVENT);
    assert_int_equal(event.item_count, 2);
    assert_true(str_eq(fact_of(&event, 0), STR("parcel/b-1/delivered")));
    assert_null(fact_of(&event, 1).at);
    assert_true(str_eq(event.company, STR("w")));
    catalog_free(catalog);
    /* What a message says does not need the catalogue any more. */
    assert_true(str_eq(event.type, STR("parcel.changed")));
    assert_true(str_eq(event.label, STR("parcel.changed")));
    assert_true(str_eq(rule.counterpart, STR("parcel.changed")));
    arena_free(arena);
    strbuf_clear(&problems);
}

/* A vendor may have no rules left, and name the whole of a counterpart in the body; an item may have a fact for each
 * rule that its event replaces, and what is replaced may be so without a condition. */
static void test_unusual_catalogues(void **state) {
    (void)state;
    static const struct {
        const char *rules, *events, *body, *type, *fact;
    } rows[] = {
        {"", "", "{\"kind\":\"a\"}", "a", NULL},
        {"{\"name\": \"A\", \"counterpart\": \"{becomes}\", \"variables\": {\"becomes\": \"to\", \"same\": "
         "{\"text\": \"{becomes}\"}}, \"facts\": [\"same\"]}",
         "{\"type\": \"b\", \"replaces\": [{\"rule\": \"A\"}], \"variables\": {\"same\": \"x\"}, \"facts\": "
         "[\"same\"]}",
         "{\"kind\":\"A\",\"to\":\"b/%\\u007f\\u001fC\"}", "A", "same/b%2F%25%7F%1FC"},
        {"{\"name\": \"A\", \"counterpart\": \"b\"}, {\"name\": \"B\", \"counterpart\": \"b\"}",
         "{\"type\": \"b\", \"replaces\": [\"A\", {\"rule\": \"B\"}], \"items\": {\"list\": \"l\", \"variables\": "
         "{\"nr\": \"nr\"}, \"facts\": [\"per-rule\"]}}",
         "{\"kind\":\"b\",\"v\":1,\"l\":[{\"nr\":7}]}", "b", "B/7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct catalog *catalog = NULL;
        struct strbuf problems = {0};
        struct message message = {0};
        struct str text =
            arena_printf(arena,
                         "{\"format\": 1, \"facts\": {\"same\": {\"key\": \"same/{same}\", \"match\": \"exact\"}, "
                         "\"per-rule\": {\"key\": \"{rule}/{nr}\", \"match\": \"window\"}}, \"shapes\": ["
                         "{\"generation\": \"event\", \"type\": \"kind\", \"with\": [\"v\"]}, "
                         "{\"generation\": \"rule\", \"type\": \"kind\"}], \"rule\": {\"variables\": {}}, "
                         "\"event\": {\"variables\": {}}, \"rules\": [%s], \"events\": [%s]}",
                         rows[i].rules, rows[i].events);
        if (catalog_load(text, "x", &catalog, &problems) != ERR_NONE)
            fail_msg("%s", problems.at);
        assert_int_equal(classify(catalog, str_of(rows[i].body), arena, &message, NULL), ERR_NONE);
        assert_true(str_eq(message.type, str_of(rows[i].type)));
        const struct item *item = &message.items[0];
        struct str last = item->fact_count == 0 ? STR_NONE : item->facts[item->fact_count - 1].key;
        if (!str_eq(last, str_of(rows[i].fact)))
            fail_msg("row %zu: %zu facts, the last is " STR_FMT, i, item->fact_count, STR_ARG(last));
        catalog_free(catalog);
        strbuf_clear(&problems);
        arena_free(arena);
    }
}

static void add_letters(struct strbuf *text, size_t count) {
    for (size_t i = 0; i < count; i++)
        strbuf_append_char(text, 'x');
}

/* A key has FACT_KEY_MAX bytes at most, whether it is the catalogue or the body that has more to say. */
static void test_keys_without_room(void **state) {
    (void)state;
    static const struct {
        size_t before, value, behind; /* letters of the catalogue, of the body, of the catalogue */
        bool fits;
    } rows[] = {
        {FACT_KEY_MAX - 1, 1, 0, true}, {FACT_KEY_MAX, 1, 0, false},     {FACT_KEY_MAX + 1, 1, 0, false},
        {1, FACT_KEY_MAX - 2, 1, true}, {1, FACT_KEY_MAX - 1, 1, false}, {1, FACT_KEY_MAX + 1, 1, false},
        {1, 1, FACT_KEY_MAX - 2, true}, {1, 1, FACT_KEY_MAX - 1, false}, {1, 1, FACT_KEY_MAX + 1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena *arena = arena_new(0);
        struct catalog *catalog = NULL;
        struct strbuf text = {0}, body = {0}, problems = {0};
        struct message message = {0};
        strbuf_append(&text,
                      STR("{\"format\": 1, \"shapes\": [{\"generation\": \"rule\", \"type\": \"kind\"}], \"rule\": "
                          "{\"variables\": {}}, \"event\": {\"variables\": {}}, \"rules\": [{\"name\": \"A\", "
                          "\"counterpart\": \"b\", \"variables\": {\"v\": \"v\"}, \"facts\": [\"f\"]}], "
                          "\"events\": [{\"type\": \"b\", \"replaces\": [\"A\"]}], "
                          "\"facts\": {\"f\": {\"match\": \"exact\", \"key\": \""));
        add_letters(&text, rows[i].before);
        strbuf_append(&text, STR("{v}"));
        add_letters(&text, rows[i].behind);
        strbuf_append(&text, STR("\"}}}"));
        strbuf_append(&body, STR("{\"kind\":\"A\",\"v\":\""));
        add_letters(&body, rows[i].value);
        strbuf_append(&body, STR("\"}"));
        if (catalog_load(strbuf_str(&text), "x", &catalog, &problems) != ERR_NONE)
            fail_msg("%s", problems.at);
        assert_int_equal(classify(catalog, strbuf_str(&body), arena, &message, NULL), ERR_NONE);
        assert_int_equal(message.items[0].fact_count, rows[i].fits ? 1 : 0);
        if (rows[i].fits)
            assert_int_equal(message.items[0].facts[0].key.len, FACT_KEY_MAX);
        catalog_free(catalog);
        strbuf_clear(&text);
        strbuf_clear(&body);
        strbuf_clear(&problems);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_in_types),     cmocka_unit_test(test_finding_types),
        cmocka_unit_test(test_same_types),         cmocka_unit_test(test_another_vendor),
        cmocka_unit_test(test_unusual_catalogues), cmocka_unit_test(test_keys_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
