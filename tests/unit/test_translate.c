#include "proxy/decide/translate.h"

#include "common/file.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/translate_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct catalog *catalog;

static int make_catalog(void **state) {
    (void)state;
    catalog = catalog_builtin();
    return 0;
}

static int free_catalog(void **state) {
    (void)state;
    catalog_free(catalog);
    return 0;
}

enum { WRITTEN_MAX = 4 };

/* What each rule type becomes, and what each event becomes: bodies of their own, with values that fit no other. */
static const struct {
    const char *body;
    const char *written[WRITTEN_MAX];
} cases[] = {
    {"{\"AlertId\":\"a1\",\"RuleType\":\"Rate Limit Reached\",\"RuleId\":\"r\",\"ClientId\":\"c\",\"Message\":\"m\","
     "\"Data\":{\"DailyQuota\":1e3,\"ExpiresUtc\":\"2025-01-02T00:00:00Z\"}}",
     {"{\"id\":\"a1\",\"eventType\":\"client.rateLimit.reached\",\"payload\":{\"dailyQuota\":1e3,"
      "\"expiryDate\":\"2025-01-02T00:00:00Z\"}}"}},
    {"{\"AlertId\":\"a2\",\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"DailyQuota\":1000,\"QuotaRemaining\":"
     "123456789012345678901234567890,\"ResetReason\":\"new day\"}}",
     {"{\"id\":\"a2\",\"eventType\":\"client.rateLimit.reset\",\"payload\":{\"dailyQuota\":1000,\"quotaRemaining\":"
      "123456789012345678901234567890}}"}},
    {"{\"AlertId\":\"a3\",\"RuleType\":\"DataConnectionStatusChanged\",\"CompanyId\":\"C1\",\"DataConnectionId\":"
     "\"D1\","
     "\"Data\":{\"dataConnectionId\":\"D1\",\"newStatus\":\"Deauthorized\",\"oldStatus\":\"Linked\",\"platformKey\":"
     "\"k\"}}",
     {"{\"id\":\"a3\",\"eventType\":\"connection.disconnected\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},"
      "\"connection\":{\"id\":\"D1\",\"integrationKey\":\"k\",\"status\":\"Deauthorized\"}}}"}},
    {"{\"AlertId\":\"a4\",\"RuleType\":\"Data sync completed\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D1\","
     "\"Data\":{\"dataType\":\"bills\",\"datasetId\":\"s\"}}",
     {"{\"id\":\"a4\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},\"dataTypes\":"
      "[{\"connectionId\":\"D1\",\"dataType\":\"bills\",\"status\":\"Complete\"}]}}"}},
    {"{\"AlertId\":\"a5\",\"RuleType\":\"Data Sync Status Changed To Error\",\"CompanyId\":\"C1\",\"DataConnectionId\":"
     "\"D1\",\"Data\":{\"dataType\":\"bills\",\"datasetStatus\":\"mapError\"}}",
     {"{\"id\":\"a5\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},\"dataTypes\":"
      "[{\"connectionId\":\"D1\",\"dataType\":\"bills\",\"status\":\"MapError\"}]}}"}},
    {"{\"AlertId\":\"a6\",\"RuleType\":\"Dataset data changed\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D1\","
     "\"Data\":{\"dataType\":\"bills\"}}",
     {"{\"id\":\"a6\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},\"dataTypes\":"
      "[{\"connectionId\":\"D1\",\"dataType\":\"bills\",\"recordsModified\":true,\"status\":\"Complete\"}]}}"}},
    {"{\"AlertId\":\"a7\",\"RuleType\":\"New company synchronised\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D1\"}",
     {"{\"id\":\"a7\",\"eventType\":\"read.completed.initial\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},"
      "\"dataTypes\":[]}}"}},
    {"{\"AlertId\":\"a8\",\"RuleType\":\"Push Operation Status Changed()\",\"CompanyId\":\"C1\",\"DataConnectionId\":"
     "\"D1\",\"Data\":{\"dataType\":\"banking-accounts\",\"status\":\"Success\",\"pushOperationKey\":\"P1\"}}",
     {"{\"id\":\"a8\",\"eventType\":\"banking-accounts.write.successful\",\"payload\":{\"id\":\"P1\","
      "\"referenceCompany\":"
      "{\"id\":\"C1\"},\"connectionId\":\"D1\",\"status\":\"Success\"}}"}},
    {"{\"AlertId\":\"a9\",\"RuleType\":\"Push Operation Timed Out\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D1\","
     "\"Data\":{\"dataType\":\"bills\",\"pushOperationGuid\":\"P2\"}}",
     {"{\"id\":\"a9\",\"eventType\":\"bills.write.unsuccessful\",\"payload\":{\"id\":\"P2\",\"referenceCompany\":{"
      "\"id\":"
      "\"C1\"},\"connectionId\":\"D1\",\"status\":\"TimedOut\"}}"}},
    {"{\"AlertId\":\"a10\",\"RuleType\":\"Sync "
     "Completed\",\"CompanyId\":\"C1\",\"Data\":{\"syncId\":\"S1\",\"syncType\":"
     "\"x\"}}",
     {"{\"id\":\"a10\",\"eventType\":\"expenses.sync.successful\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},"
      "\"syncId\":\"S1\"}}"}},
    {"{\"AlertId\":\"a11\",\"RuleType\":\"Sync Failed\",\"CompanyId\":\"C1\",\"Data\":{\"syncId\":\"S2\"}}",
     {"{\"id\":\"a11\",\"eventType\":\"expenses.sync.unsuccessful\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},"
      "\"syncId\":\"S2\"}}"}},
    {"{\"AlertId\":\"a12\",\"RuleType\":\"Sync Connection Deleted\",\"CompanyId\":\"C1\",\"Data\":{}}",
     {"{\"id\":\"a12\",\"eventType\":\"connection.deleted\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"}}}"}},

    {"{\"id\":\"e1\",\"eventType\":\"client.rateLimit.reached\",\"payload\":{\"dailyQuota\":\"1000\","
     "\"quotaRemaining\":0}}",
     {"{\"AlertId\":\"e1\",\"RuleType\":\"Rate Limit Reached\",\"Message\":\"The daily limit of requests has been "
      "reached.\",\"Data\":{\"DailyQuota\":\"1000\"}}"}},
    {"{\"id\":\"e2\",\"eventType\":\"connection.deleted\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},"
     "\"connection\":"
     "{\"id\":\"D1\",\"status\":\"Linked\"}}}",
     {"{\"AlertId\":\"e2\",\"RuleType\":\"DataConnectionStatusChanged\",\"CompanyId\":\"C1\",\"DataConnectionId\":"
      "\"D1\","
      "\"Message\":\"The status of connection D1 of company C1 has changed.\",\"Data\":{\"dataConnectionId\":\"D1\"}}",
      "{\"AlertId\":\"e2\",\"RuleType\":\"Sync Connection Deleted\",\"CompanyId\":\"C1\",\"Message\":\"The sync "
      "connection "
      "of company C1 was deleted\"}"}},
    {"{\"id\":\"e3\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},\"dataTypes\":["
     "{\"connectionId\":\"D1\",\"dataType\":\"bills\",\"recordsModified\":true,\"status\":\"FetchError\"},"
     "{\"connectionId\":\"D2\",\"dataType\":\"items\",\"recordsModified\":false,\"status\":\"Complete\"}]}}",
     {"{\"AlertId\":\"e3\",\"RuleType\":\"Data sync "
      "completed\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D1\",\"Message\":"
      "\"Data sync of type bills completed for company C1\",\"Data\":{\"dataType\":\"bills\"}}",
      "{\"AlertId\":\"e3\",\"RuleType\":\"Data Sync Status Changed To "
      "Error\",\"CompanyId\":\"C1\",\"DataConnectionId\":"
      "\"D1\",\"Message\":\"Data sync of type bills failed for company C1\",\"Data\":{\"dataType\":\"bills\","
      "\"datasetStatus\":\"FetchError\"}}",
      "{\"AlertId\":\"e3\",\"RuleType\":\"Dataset data "
      "changed\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D1\",\"Message\":"
      "\"Data of type bills has changed for company C1\",\"Data\":{\"dataType\":\"bills\"}}",
      "{\"AlertId\":\"e3\",\"RuleType\":\"Data sync "
      "completed\",\"CompanyId\":\"C1\",\"DataConnectionId\":\"D2\",\"Message\":"
      "\"Data sync of type items completed for company C1\",\"Data\":{\"dataType\":\"items\"}}"}},
    {"{\"id\":\"e4\",\"eventType\":\"bills.write.unsuccessful\",\"payload\":{\"id\":\"P1\",\"status\":\"Failed\"}}",
     {"{\"AlertId\":\"e4\",\"RuleType\":\"Push Operation Status Changed()\",\"Message\":\"The push P1 of bills ended: "
      "Failed\",\"Data\":{\"dataType\":\"bills\",\"status\":\"Failed\",\"pushOperationKey\":\"P1\"}}"}},
    {"{\"id\":\"e5\",\"eventType\":\"bills.write.successful\",\"payload\":{\"id\":\"P1\",\"status\":\"TimedOut\"}}",
     {"{\"AlertId\":\"e5\",\"RuleType\":\"Push Operation Status Changed()\",\"Message\":\"The push P1 of bills ended: "
      "TimedOut\",\"Data\":{\"dataType\":\"bills\",\"status\":\"TimedOut\",\"pushOperationKey\":\"P1\"}}",
      "{\"AlertId\":\"e5\",\"RuleType\":\"Push Operation Timed Out\",\"Message\":\"The push P1 of bills did not end in "
      "time\",\"Data\":{\"dataType\":\"bills\",\"pushOperationKey\":\"P1\",\"pushOperationGuid\":\"P1\"}}"}},
    {"{\"id\":\"e6\",\"eventType\":\"expenses.sync.unsuccessful\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"},"
     "\"syncId\":\"S1\"}}",
     {"{\"AlertId\":\"e6\",\"RuleType\":\"Sync Failed\",\"CompanyId\":\"C1\",\"Message\":\"Sync S1 of company C1 "
      "failed\","
      "\"Data\":{\"syncId\":\"S1\"}}"}},
    {"{\"id\":\"e7\",\"eventType\":\"read.completed.initial\",\"payload\":{\"referenceCompany\":{\"id\":\"C1\"}}}",
     {"{\"AlertId\":\"e7\",\"RuleType\":\"New company synchronized\",\"CompanyId\":\"C1\",\"Message\":\"Company C1 was "
      "synchronized for the first time\"}"}},
};

static void bodies_are_written_as_the_other_generation(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        const struct translate_request request = {.catalog = catalog, .body = str_of(cases[i].body), .arrived_ms = -1};
        struct translations written;
        struct err_detail detail;
        size_t wanted = 0;
        if (translate(&request, arena, &written, &detail) != ERR_NONE)
            fail_msg("%s: %s", cases[i].body, detail.text);
        while (wanted < WRITTEN_MAX && cases[i].written[wanted] != NULL)
            wanted++;
        for (size_t k = 0; k < wanted && k < written.count; k++)
            assert_string_equal(written.items[k].body.at, cases[i].written[k]);
        assert_int_equal(written.count, wanted);
        arena_free(arena);
    }
}

static size_t fact_count(const struct message *message) {
    size_t count = 0;
    for (size_t i = 0; i < message->item_count; i++)
        count += message->items[i].fact_count;
    return count;
}

static bool states(const struct message *message, struct str key) {
    for (size_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            if (str_eq_nocase(message->items[i].facts[f].key, key))
                return true;
    return false;
}

static struct message read_body(struct arena *arena, struct str body) {
    struct message message = {0};
    assert_int_equal(classify(catalog, body, arena, &message, NULL), ERR_NONE);
    return message;
}

/* Whatever a body became, it states a fact that the body states: the two are twins. */
static void what_is_written_is_a_twin(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        const struct translate_request request = {.catalog = catalog, .body = str_of(cases[i].body), .arrived_ms = 0};
        struct message source = read_body(arena, request.body);
        struct translations written;
        struct err_detail detail;
        assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
        for (size_t k = 0; k < written.count; k++) {
            struct message target = read_body(arena, written.items[k].body);
            bool is_rule = source.generation == GENERATION_RULE;
            const struct message *rule = is_rule ? &source : &target, *event = is_rule ? &target : &source;
            assert_int_equal(target.generation, is_rule ? GENERATION_EVENT : GENERATION_RULE);
            assert_true(fact_count(rule) > 0);
            for (size_t f = 0; f < rule->items[0].fact_count; f++)
                if (!str_starts_with(rule->items[0].facts[f].key, STR("same-id/")) &&
                    !states(event, rule->items[0].facts[f].key))
                    fail_msg("%s: " STR_FMT, cases[i].body, STR_ARG(rule->items[0].facts[f].key));
        }
        arena_free(arena);
    }
}

static const char some_event[] =
    "{\"id\":\"e\",\"eventType\":\"expenses.sync.successful\",\"payload\":{\"referenceCompany\":{\"id\":\"C\"},"
    "\"syncId\":\"S\"}}";

static const struct json *newest(void *arg, enum generation generation, struct str type) {
    assert_int_equal(generation, GENERATION_RULE);
    assert_true(str_eq(type, STR("SyncCompleted")));
    return arg;
}

static void members_come_from_the_newest_message_or_the_settings(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    const struct json_limits limits = {.depth = 8, .values = 100};
    struct json *last, *settings;
    assert_int_equal(json_parse(arena, STR("{\"ruleid\":\"R7\",\"ClientId\":null}"), &limits, &last, NULL), ERR_NONE);
    assert_int_equal(json_parse(arena, STR("{\"ClientId\":\"C7\",\"RuleId\":\"not this\"}"), &limits, &settings, NULL),
                     ERR_NONE);
    const struct translate_request request = {.catalog = catalog,
                                              .body = str_of(some_event),
                                              .arrived_ms = -1,
                                              .settings = settings,
                                              .last = newest,
                                              .arg = last,
                                              .with_notes = true};
    struct translations written;
    struct err_detail detail;
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
    assert_int_equal(written.count, 1);
    assert_true(str_find(written.items[0].body, STR("\"RuleId\":\"R7\",\"ClientId\":\"C7\",\"CompanyId\"")) > 0);
    static const struct {
        const char *member;
        enum body_source source;
        const char *value;
    } notes[] = {
        {"AlertId", BODY_VARIABLE, "\"e\""},
        {"RuleType", BODY_CONSTANT, "\"Sync Completed\""},
        {"RuleId", BODY_LAST, "\"R7\""},
        {"ClientId", BODY_SETTING, "\"C7\""},
        {"ClientName", BODY_NOWHERE, NULL},
        {"CompanyId", BODY_VARIABLE, "\"C\""},
        {"Message", BODY_VARIABLE, "\"Sync S of company C completed\""},
        {"Data.syncId", BODY_VARIABLE, "\"S\""},
        {"Data.syncType", BODY_NOT_REPLACED, NULL},
    };
    assert_int_equal(written.items[0].notes.count, ARRAY_LEN(notes));
    for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
        const struct body_note *note = &written.items[0].notes.items[i];
        assert_string_equal(note->member.at, notes[i].member);
        assert_int_equal(note->source, notes[i].source);
        if (notes[i].value == NULL)
            assert_null(note->value.at);
        else
            assert_string_equal(note->value.at, notes[i].value);
    }
    arena_free(arena);
}

static bool only_changed(void *arg, struct str rule_type) {
    (void)arg;
    return str_eq(rule_type, STR("DatasetDataChanged"));
}

static void only_what_is_wanted_is_written(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct translate_request request = {
        .catalog = catalog, .body = str_of(cases[14].body), .arrived_ms = -1, .is_wanted = only_changed};
    struct translations written;
    struct err_detail detail;
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
    assert_int_equal(written.count, 1);
    assert_string_equal(written.items[0].type.at, "DatasetDataChanged");
    request.is_wanted = NULL;
    request.only_type = STR("data sync completed");
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
    assert_int_equal(written.count, 2);
    assert_int_equal(written.items[1].item, 1);
    request.only_type = STR("SyncFailed");
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NOT_FOUND);
    assert_string_equal(detail.text, "this \"read.completed\" does not tell of a \"SyncFailed\"");
    arena_free(arena);
}

static void what_cannot_be_written_says_why(void **state) {
    static const struct {
        const char *body;
        enum err err;
        const char *why;
    } bad[] = {
        {"{\"id\":1", ERR_INVALID, "line 1, column 8: "},
        {"[]", ERR_INVALID, "line 1, column 1: this must be an object"},
        {"{\"a\":1}", ERR_INVALID, "the body has the shape of neither generation"},
        {"{\"RuleType\":\"Sync Started\"}", ERR_INVALID, "nothing corresponds to \"SyncStarted\""},
        {"{\"RuleType\":\"Ratio(>,0)\"}", ERR_INVALID,
         "nothing corresponds to \"Ratio(>,0)\", a type that the catalogue does not list"},
        {"{\"eventType\":\"read.completed\",\"payload\":{\"dataTypes\":[]}}", ERR_NOT_FOUND,
         "this \"read.completed\" tells of nothing that the other generation has"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena *arena = arena_new(0);
        const struct translate_request request = {.catalog = catalog, .body = str_of(bad[i].body), .arrived_ms = -1};
        struct translations written;
        struct err_detail detail;
        assert_int_equal(translate(&request, arena, &written, &detail), bad[i].err);
        assert_true(str_starts_with(str_of(detail.text), str_of(bad[i].why)));
        arena_free(arena);
    }
}

/* An array where a text stood, and 1,024 elements: written, never a crash. */
static void odd_values_have_a_defined_result(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf body = {0};
    struct translations written;
    struct err_detail detail;
    strbuf_printf(&body,
                  "{\"id\":\"e\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":\"C\"},"
                  "\"dataTypes\":[");
    for (int i = 0; i < 1100; i++)
        strbuf_printf(&body, "%s{\"connectionId\":\"D\",\"dataType\":\"t%d\",\"status\":[1,{\"a\":2}]}",
                      i > 0 ? "," : "", i);
    strbuf_printf(&body, "]}}");
    struct translate_request request = {.catalog = catalog, .body = strbuf_str(&body), .arrived_ms = -1};
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
    assert_int_equal(written.count, ITEM_MAX);
    strbuf_clear(&body);
    request.body =
        STR("{\"AlertId\":\"a\",\"RuleType\":\"Rate Limit Reached\",\"Data\":{\"DailyQuota\":[1,{\"b\":null}],"
            "\"ExpiresUtc\":{}}}");
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
    assert_string_equal(written.items[0].body.at,
                        "{\"id\":\"a\",\"eventType\":\"client.rateLimit.reached\",\"payload\":"
                        "{\"dailyQuota\":[1,{\"b\":null}],\"expiryDate\":{}}}");
    arena_free(arena);
}

/* ---- the check of templates ---- */

static const char small[] =
    "{\"format\":1,\"ids\":[\"key\"],\"facts\":{\"thing\":{\"key\":\"thing/{key}/{what}\",\"match\":\"exact\"}},\n"
    "\"maps\":{\"what\":{\"Made\":\"made\",\"Gone\":\"gone\"}},\n"
    "\"shapes\":[{\"generation\":\"rule\",\"type\":\"kind\"},{\"generation\":\"event\",\"type\":\"type\"}],\n"
    "\"rule\":{\"variables\":{\"key\":\"key\",\"what\":{\"from\":\"what\",\"map\":\"what\"}}},\n"
    "\"event\":{\"variables\":{\"key\":\"data.key\",\"what\":{\"from\":\"data.what\",\"map\":\"what\"}}},\n"
    "\"rules\":[{\"name\":\"Old\",\"counterpart\":\"new\",\"facts\":[\"thing\"],\n"
    "\"body\":%s}],\n"
    "\"events\":[{\"type\":\"new\",\"replaces\":[\"Old\"],\"facts\":[\"thing\"],\n"
    "\"body\":%s}]}";

static const char good_rule[] = "{\"kind\":\"Old\",\"key\":\"{key}\",\"what\":{\"from\":\"data.what\"}}";
static const char good_event[] = "{\"type\":\"{type}\",\"data\":{\"key\":\"{key}\",\"what\":{\"from\":\"what\"}}}";

static const struct {
    const char *rule, *event, *problem; /* problem: absent where there is none */
} templates[] = {
    {good_rule, good_event, NULL},
    {"{\"kind\":\"Old\",\"key\":\"{key}\",\"what\":{\"text\":\"{what}\",\"map\":{\"made\":\"Made\",\"gone\":\"gone\"}}"
     "}",
     good_event, NULL},
    {"{\"kind\":\"Old\",\"key\":\"{kee}\",\"what\":{\"from\":\"data.what\"}}", good_event,
     "f:7:22: what this is written from has no variable {kee}; there are {key}, {type}, {arrived}\n"},
    {"{\"kind\":\"Old\",\"key\":\"{key}\",\"what\":{\"from\":\"data.waht\"}}", good_event,
     "f:7:1: written from \"new\" it does not say again \"thing/made-up-1/made\"\n"},
    {"{\"kind\":\"Old\",\"key\":\"{key}\",\"what\":\"Made\"}", good_event,
     "f:7:1: written from \"new\" it does not say again \"thing/made-up-1/gone\"\n"},
    {"{\"kind\":\"Older\",\"key\":\"{key}\",\"what\":\"Made\"}", good_event,
     "f:7:1: written from \"new\" it is not read as \"Old\" again: "
     "{\"kind\":\"Older\",\"key\":\"made-up-1\",\"what\":\"Made\"}\n"},
    {good_rule, "{\"type\":\"{type}\",\"data\":{\"key\":\"x\",\"what\":{\"from\":\"what\"}}}",
     "f:9:1: written from \"Old\" it does not say again \"thing/made-up-1/made\"\n"},
    {good_rule, "{\"type\":\"{type}\",\"data\":{\"key\":\"{type}\",\"what\":{\"from\":\"what\"}}}",
     "f:9:1: written from \"Old\" it does not say again \"thing/made-up-1/made\"\n"},
};

static void templates_must_say_what_facts_say(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        struct arena *arena = arena_new(0);
        struct str text = arena_printf(arena, small, templates[i].rule, templates[i].event);
        struct catalog *made;
        struct strbuf problems = {0};
        enum err err = catalog_load(text, "f", &made, &problems);
        if (err != ERR_NONE)
            fail_msg("%s", problems.at);
        assert_int_equal(translate_check(made, text, "f", &problems), templates[i].problem == NULL ? 0 : 1);
        if (templates[i].problem != NULL)
            assert_string_equal(problems.at, templates[i].problem);
        catalog_free(made);
        strbuf_clear(&problems);
        arena_free(arena);
    }
}

static const struct {
    const char *body, *problem;
} mistakes[] = {
    {"{\"kind\":\"{key\"}", "f:7:9: \"{key\": a brace has no counterpart\n"},
    {"{\"kind\":{\"from\":\"a..b\"}}", NULL},
    {"{\"kind\":{\"text\":5}}", NULL},
    {"{\"kind\":{\"text\":\"{key}\",\"map\":\"no\"}}", "f:7:32: \"maps\" has no \"no\"\n"},
    {"{\"kind\":{\"text\":\"{key}\",\"map\":7}}",
     "f:7:32: \"map\" must be the name of a map, or an object of values\n"},
    {"{\"kind\":{\"text\":\"{key}\",\"mapp\":\"what\"}}", NULL},
    {"{\"kind\":{\"last\":\"a[].b\"}}", "f:7:17: \"last\" must be a path like A.b, without a list\n"},
    {"{\"kind\":{\"not_replaced\":false}}", "f:7:17: \"not_replaced\" is true, or is not there\n"},
    {"{\"kind\":{\"from\":[]}}", "f:7:17: this must be a path or a list of paths\n"},
    {"[1]", NULL},
};

/* NULL: the words are those of the reader of paths or members; that there is exactly one problem counts. */
static void mistakes_in_templates_are_told(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        struct arena *arena = arena_new(0);
        struct str text = arena_printf(arena, small, mistakes[i].body, good_event);
        struct catalog *made;
        struct strbuf problems = {0};
        assert_int_equal(catalog_load(text, "f", &made, &problems), ERR_INVALID);
        if (mistakes[i].problem != NULL)
            assert_string_equal(problems.at, mistakes[i].problem);
        assert_true(str_starts_with(strbuf_str(&problems), STR("f:7:")));
        assert_int_equal(str_find(str_from(strbuf_str(&problems), 1), STR("\nf:")), -1);
        strbuf_clear(&problems);
        arena_free(arena);
    }
}

/* The catalogue that is built in passes its own check. */
static void the_built_in_templates_are_good(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct strbuf problems = {0};
    struct err_detail detail;
    struct str text;
    if (file_read(arena, TEST_SOURCE_DIR "/proxy/decide/catalog.json", 1 << 20, &text, &detail) != ERR_NONE)
        fail_msg("%s", detail.text);
    if (translate_check(catalog, text, "catalog.json", &problems) != 0)
        fail_msg("%s", problems.at);
    strbuf_clear(&problems);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_written_as_the_other_generation),
        cmocka_unit_test(what_is_written_is_a_twin),
        cmocka_unit_test(members_come_from_the_newest_message_or_the_settings),
        cmocka_unit_test(only_what_is_wanted_is_written),
        cmocka_unit_test(what_cannot_be_written_says_why),
        cmocka_unit_test(odd_values_have_a_defined_result),
        cmocka_unit_test(templates_must_say_what_facts_say),
        cmocka_unit_test(mistakes_in_templates_are_told),
        cmocka_unit_test(the_built_in_templates_are_good),
    };
    return cmocka_run_group_tests(tests, make_catalog, free_catalog);
}
