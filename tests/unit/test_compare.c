#include "proxy/decide/compare.h"

#include "proxy/decide/translate.h"

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

static const char event[] =
    "{\"id\":\"e\",\"eventType\":\"client.rateLimit.reset\",\"payload\":{\"dailyQuota\":1000,\"quotaRemaining\":1000,"
    "\"expiryDate\":\"2025-05-03T00:00:00Z\"}}";
static const char read[] = "{\"id\":\"e\",\"eventType\":\"read.completed\",\"payload\":{\"referenceCompany\":{\"id\":"
                           "\"8A210B68-6988-11ED-A1EB-0242AC120002\"},\"dataTypes\":[{\"connectionId\":\"D\","
                           "\"dataType\":\"bills\",\"status\":"
                           "\"FetchError\"}]}}";

/* What is found out about one member of a rule, beside its event. */
static const struct {
    const char *event, *rule, *member;
    enum leaf_result result;
} cases[] = {
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"DailyQuota\":1000}}", "Data.DailyQuota", LEAF_EQUAL},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"DailyQuota\":1e3}}", "Data.DailyQuota", LEAF_EQUAL},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"data\":{\"dailyquota\":\"1000\"}}", "data.dailyquota", LEAF_EQUAL},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"DailyQuota\":1001}}", "Data.DailyQuota", LEAF_DIFFERS},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"DailyQuota\":[1000]}}", "Data.DailyQuota", LEAF_DIFFERS},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"ExpiresUtc\":\"2025-05-03T02:00:00.0000000+02:00\"}}",
     "Data.ExpiresUtc", LEAF_EQUAL},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"ExpiresUtc\":\"2025-05-03T00:00:01Z\"}}", "Data.ExpiresUtc",
     LEAF_DIFFERS},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":{\"ResetReason\":\"new day\"}}", "Data.ResetReason",
     LEAF_NOT_REPLACED},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Message\":\"whatever\"}", "Message", LEAF_NOT_REPLACED},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"AlertId\":\"another\"}", "AlertId", LEAF_NOT_REPLACED},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"ClientName\":\"Acme\"}", "ClientName", LEAF_NOT_REPLACED},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Region\":\"eu\"}", "Region", LEAF_ONLY_RULE},
    {event, "{\"RuleType\":\"Rate Limit Reset\",\"Data\":null}", "Data.QuotaRemaining", LEAF_ONLY_EVENT},
    {event, "{\"RuleType\":\"ClientRateLimitReset\"}", "RuleType", LEAF_EQUAL},
    {event, "{\"RuleType\":\"rate limit reset(x)\"}", "RuleType", LEAF_EQUAL},
    {event, "{\"RuleType\":\"Rate Limit Reached\"}", "RuleType", LEAF_DIFFERS},
    {read, "{\"RuleType\":\"DataSyncStatusChangedToError\",\"CompanyId\":\"8a210b68-6988-11ed-a1eb-0242ac120002\"}",
     "CompanyId", LEAF_EQUAL},
    {read, "{\"RuleType\":\"DataSyncStatusChangedToError\",\"CompanyId\":\"8a210b68-6988-11ed-a1eb-0242ac120003\"}",
     "CompanyId", LEAF_DIFFERS},
    {read, "{\"RuleType\":\"DataSyncStatusChangedToError\",\"DataConnectionId\":\"d\"}", "DataConnectionId",
     LEAF_DIFFERS},
    {read, "{\"RuleType\":\"DataSyncStatusChangedToError\",\"Data\":{\"datasetStatus\":\"MapError\"}}",
     "Data.datasetStatus", LEAF_DIFFERS},
    {read, "{\"RuleType\":\"DataSyncStatusChangedToError\",\"Data\":{\"datasetId\":\"x\"}}", "Data.datasetId",
     LEAF_NOT_REPLACED},
};

static size_t compare(struct arena *arena, const char *event_text, const char *rule_text,
                      struct leaf leaves[LEAF_MAX]) {
    const struct json_limits limits = {.depth = 64, .values = 1000};
    struct json *rule, *written_root;
    struct translate_request request = {.catalog = catalog, .body = str_of(event_text), .arrived_ms = -1};
    struct translations written;
    struct err_detail detail;
    assert_int_equal(json_parse(arena, str_of(rule_text), &limits, &rule, NULL), ERR_NONE);
    if (strstr(event_text, "read.completed") != NULL)
        request.only_type = STR("DataSyncStatusChangedToError");
    assert_int_equal(translate(&request, arena, &written, &detail), ERR_NONE);
    assert_int_equal(json_parse(arena, written.items[0].body, &limits, &written_root, NULL), ERR_NONE);
    const struct catalog_type *type = catalog_find(catalog, GENERATION_RULE, written.items[0].type);
    return compare_bodies(catalog, type->body, rule, written_root, arena, leaves);
}

static void members_are_compared(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        struct leaf leaves[LEAF_MAX];
        size_t count = compare(arena, cases[i].event, cases[i].rule, leaves), found = 0;
        for (size_t k = 0; k < count; k++)
            if (str_eq(leaves[k].member, str_of(cases[i].member))) {
                found++;
                if (leaves[k].result != cases[i].result)
                    fail_msg("%s: %s is %s", cases[i].rule, cases[i].member, leaf_result_name(leaves[k].result));
            }
        if (found != 1)
            fail_msg("%s: %zu times %s", cases[i].rule, found, cases[i].member);
        arena_free(arena);
    }
}

/* The two of a pair whose values agree show no difference, whatever the order of their members. */
static void what_agrees_shows_no_difference(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct leaf leaves[LEAF_MAX];
    size_t count =
        compare(arena, event,
                "{\"Data\":{\"QuotaRemaining\":1000.0,\"ExpiresUtc\":\"2025-05-03T00:00:00.000Z\",\"DailyQuota\":"
                "1000},\"RuleType\":\"Rate Limit Reset\",\"RuleId\":null,\"AlertId\":\"a\"}",
                leaves);
    size_t equal = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(leaves[i].result == LEAF_EQUAL || leaves[i].result == LEAF_NOT_REPLACED);
        equal += leaves[i].result == LEAF_EQUAL ? 1 : 0;
    }
    assert_int_equal(equal, 4);
    arena_free(arena);
}

static void very_many_members_are_cut_off(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct leaf leaves[LEAF_MAX];
    struct strbuf rule = {0};
    strbuf_printf(&rule, "{\"RuleType\":\"Rate Limit Reset\"");
    for (int i = 0; i < 300; i++)
        strbuf_printf(&rule, ",\"m%d\":1", i);
    strbuf_printf(&rule, "}");
    assert_int_equal(compare(arena, event, rule.at, leaves), LEAF_MAX);
    strbuf_clear(&rule);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_compared),
        cmocka_unit_test(what_agrees_shows_no_difference),
        cmocka_unit_test(very_many_members_are_cut_off),
    };
    return cmocka_run_group_tests(tests, make_catalog, free_catalog);
}
