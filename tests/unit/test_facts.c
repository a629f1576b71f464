/* The facts that messages state: a row for every line of the table of facts, on both sides, with bodies as short as
 * they can be. Numbers are those of tests/pairing.md. */
#include "proxy/decide/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RULE(type, data)                                                                                               \
    "{\"RuleType\":\"" type "\",\"CompanyId\":\"Co\",\"DataConnectionId\":\"Cx\",\"Data\":" data "}"
#define EVENT(type, payload)                                                                                           \
    "{\"eventType\":\"" type "\",\"payload\":{\"referenceCompany\":{\"id\":\"Co\"}," payload "}}"
#define READ(elements) EVENT("read.completed", "\"dataTypes\":[" elements "]")

struct row {
    const char *body;
    const char *facts; /* of each item, apart by spaces; items apart by " | "; "" where there is none */
    enum fact_match match;
};

static const struct row rows[] = {
    /* 2.1 */
    {RULE("Push Operation Status Changed", "{\"pushOperationKey\":\"K\",\"status\":\"Success\"}"), "write/k/successful",
     MATCH_EXACT},
    {RULE("Push Operation Status Changed", "{\"pushOperationGuid\":\"G\",\"status\":\"Failed\"}"),
     "write/g/unsuccessful", MATCH_EXACT},
    {RULE("Push Operation Status Changed",
          "{\"pushOperationKey\":\"K\",\"pushOperationGuid\":\"G\",\"status\":\"TimedOut\"}"),
     "write/k/unsuccessful", MATCH_EXACT},
    {RULE("Push Operation Status Changed", "{\"pushOperationKey\":\"K\",\"status\":\"Pending\"}"), "", MATCH_EXACT},
    {RULE("Push Operation Status Changed", "{\"status\":\"Success\"}"), "", MATCH_EXACT},
    {RULE("Push Operation Timed Out", "{\"pushOperationKey\":\"K\"}"), "write/k/unsuccessful", MATCH_EXACT},
    {EVENT("invoices.write.successful", "\"id\":\"K\""), "write/k/successful", MATCH_EXACT},
    {EVENT("invoices.write.unsuccessful", "\"id\":\"K\""), "write/k/unsuccessful", MATCH_EXACT},
    {EVENT("invoices.write.successful", "\"id\":\"K\",\"status\":\"TimedOut\""), "write/k/unsuccessful", MATCH_EXACT},
    {EVENT("banking-accounts.write.unsuccessful", "\"id\":\"K\",\"status\":\"Success\""), "write/k/successful",
     MATCH_EXACT},
    {EVENT("invoices.write.successful", "\"status\":\"Success\""), "", MATCH_EXACT},
    /* 2.2 */
    {RULE("Sync Completed", "{\"syncId\":\"S\"}"), "expenses-sync/s/successful", MATCH_EXACT},
    {RULE("Sync Failed", "{\"syncId\":\"S\"}"), "expenses-sync/s/unsuccessful", MATCH_EXACT},
    {EVENT("expenses.sync.successful", "\"syncId\":\"S\""), "expenses-sync/s/successful", MATCH_EXACT},
    {EVENT("expenses.sync.unsuccessful", "\"syncId\":\"S\""), "expenses-sync/s/unsuccessful", MATCH_EXACT},
    {RULE("Sync Started", "{\"syncId\":\"S\"}"), "", MATCH_EXACT}, /* 2.12 */
    /* 2.3: by transition; what is none has no fact */
    {RULE("DataConnectionStatusChanged", "{\"newStatus\":\"PendingAuth\"}"), "connection/cx/created", MATCH_WINDOW},
    {RULE("DataConnectionStatusChanged", "{\"oldStatus\":\"PendingAuth\",\"newStatus\":\"Linked\"}"),
     "connection/cx/connected", MATCH_WINDOW},
    {RULE("DataConnectionStatusChanged", "{\"oldStatus\":\"Linked\",\"newStatus\":\"Unlinked\"}"),
     "connection/cx/disconnected", MATCH_WINDOW},
    {RULE("DataConnectionStatusChanged", "{\"oldStatus\":\"Linked\",\"newStatus\":\"Deauthorized\"}"),
     "connection/cx/disconnected", MATCH_WINDOW},
    {RULE("DataConnectionStatusChanged", "{\"oldStatus\":\"Deauthorized\",\"newStatus\":\"Linked\"}"),
     "connection/cx/reconnected", MATCH_WINDOW},
    {RULE("DataConnectionStatusChanged", "{\"oldStatus\":\"-\",\"newStatus\":null}"), "connection/cx/deleted",
     MATCH_WINDOW},
    {RULE("DataConnectionStatusChanged", "{\"oldStatus\":\"Unlinked\",\"newStatus\":\"PendingAuth\"}"), "",
     MATCH_WINDOW},
    {EVENT("connection.created", "\"connection\":{\"id\":\"Cx\"}"), "connection/cx/created", MATCH_WINDOW},
    {EVENT("connection.connected", "\"connection\":{\"id\":\"Cx\"}"), "connection/cx/connected", MATCH_WINDOW},
    {EVENT("connection.disconnected", "\"connection\":{\"id\":\"Cx\"}"), "connection/cx/disconnected", MATCH_WINDOW},
    {EVENT("connection.reconnected", "\"connection\":{\"id\":\"Cx\"}"), "connection/cx/reconnected", MATCH_WINDOW},
    {EVENT("connection.failed", "\"connection\":{\"id\":\"Cx\"}"), "", MATCH_WINDOW}, /* 2.12 */
    /* 2.4: the second fact of the one item */
    {RULE("Sync Connection Deleted", "{}"), "connection-deleted/co", MATCH_WINDOW},
    {EVENT("connection.deleted", "\"connection\":{\"id\":\"Cx\"}"), "connection/cx/deleted connection-deleted/co",
     MATCH_WINDOW},
    /* 2.5, 2.6 and 2.7: element by element */
    {RULE("Data sync completed", "{\"dataType\":\"bills\"}"), "read/co/cx/bills/completed", MATCH_WINDOW},
    {RULE("Dataset data changed", "{\"dataType\":\"bills\"}"), "read/co/cx/bills/changed", MATCH_WINDOW},
    {RULE("Data Sync Status Changed To Error", "{\"dataType\":\"bills\"}"), "read/co/cx/bills/error", MATCH_WINDOW},
    {RULE("Data sync completed", "{}"), "", MATCH_WINDOW},
    {READ("{\"connectionId\":\"Cx\",\"dataType\":\"bills\",\"recordsModified\":false,\"status\":\"Complete\"}"),
     "read/co/cx/bills/completed", MATCH_WINDOW},
    {READ("{\"connectionId\":\"Cx\",\"dataType\":\"bills\",\"recordsModified\":true,\"status\":\"Complete\"},"
          "{\"connectionId\":\"Cy\",\"dataType\":\"items\",\"recordsModified\":true,\"status\":\"AuthError\"}"),
     "read/co/cx/bills/completed read/co/cx/bills/changed | "
     "read/co/cy/items/completed read/co/cy/items/changed read/co/cy/items/error",
     MATCH_WINDOW},
    /* 2.8: one item, whatever its dataTypes */
    {RULE("New company synchronised", "null"), "initial/co", MATCH_WINDOW},
    {EVENT("read.completed.initial", "\"dataTypes\":[{\"dataType\":\"a\"},{\"dataType\":\"b\"}]"), "initial/co",
     MATCH_WINDOW},
    /* 2.9 */
    {RULE("Rate Limit Reached", "{}"), "rate-limit/reached", MATCH_WINDOW},
    {RULE("Rate Limit Reset", "{}"), "rate-limit/reset", MATCH_WINDOW},
    {EVENT("client.rateLimit.reached", "\"dailyQuota\":1"), "rate-limit/reached", MATCH_WINDOW},
    {EVENT("client.rateLimit.reset", "\"dailyQuota\":1"), "rate-limit/reset", MATCH_WINDOW},
    /* 2.12 */
    {RULE("Account Categories Updated", "{}"), "", MATCH_EXACT},
    {RULE("CurrentAssetsCurrentLiabilitiesRatio(>,0)", "{}"), "", MATCH_EXACT},
    {EVENT("something.never.heard.of", "\"id\":\"K\""), "", MATCH_EXACT},
};

/* The facts of each item as a row has them. */
static struct str facts_of(const struct message *message, struct arena *arena, enum fact_match match) {
    struct strbuf text = {0};
    for (size_t i = 0; i < message->item_count; i++) {
        strbuf_append(&text, i > 0 ? STR(" | ") : STR(""));
        for (size_t k = 0; k < message->items[i].fact_count; k++) {
            strbuf_append(&text, k > 0 ? STR(" ") : STR(""));
            strbuf_append(&text, message->items[i].facts[k].key);
            assert_int_equal(message->items[i].facts[k].match, match);
        }
    }
    struct str facts = arena_str(arena, strbuf_str(&text));
    strbuf_clear(&text);
    return facts;
}

static void check(const struct catalog *catalog, const char *body, const char *facts, enum fact_match match) {
    struct arena *arena = arena_new(0);
    struct message message = {0};
    assert_int_equal(classify(catalog, str_of(body), arena, &message, NULL), ERR_NONE);
    struct str actual = facts_of(&message, arena, match);
    if (!str_eq(actual, str_of(facts)))
        fail_msg("%s\n    states \"" STR_FMT "\"\n    not    \"%s\"", body, STR_ARG(actual), facts);
    assert_true(message.generation == GENERATION_EVENT || message.item_count == 1);
    arena_free(arena);
}

/* Both sides state the same text. (pairing 1.6, 1.7, 1.8, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 2.7, 2.8, 2.9, 2.12) */
static void every_row_of_the_table(void **state) {
    (void)state;
    struct catalog *catalog = catalog_builtin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(catalog, rows[i].body, rows[i].facts, rows[i].match);
    catalog_free(catalog);
}

/* Which of the statuses of a data set are errors. (pairing 2.7) */
static void which_statuses_are_errors(void **state) {
    (void)state;
    static const char *const errors[] = {"FetchError",       "MapError",           "InternalError",
                                         "ProcessingError",  "AuthError",          "RateLimitError",
                                         "PermissionsError", "PrerequisiteNotMet", "ValidationError"};
    static const char *const others[] = {"Initial",          "Queued",     "Fetching",         "MapQueued",
                                         "Mapping",          "Complete",   "ProcessingQueued", "Processing",
                                         "ValidationQueued", "Validating", "Cancelled",        "NotSupported",
                                         "never heard of"};
    struct catalog *catalog = catalog_builtin();
    char body[300];
    for (size_t i = 0; i < ARRAY_LEN(errors) + ARRAY_LEN(others); i++) {
        bool is_error = i < ARRAY_LEN(errors);
        snprintf(body, sizeof body, READ("{\"connectionId\":\"Cx\",\"dataType\":\"bills\",\"status\":\"%s\"}"),
                 is_error ? errors[i] : others[i - ARRAY_LEN(errors)]);
        check(catalog, body,
              is_error ? "read/co/cx/bills/completed read/co/cx/bills/error" : "read/co/cx/bills/completed",
              MATCH_WINDOW);
    }
    catalog_free(catalog);
}

/* The id of the body is a second fact, exact whatever the first one is: for a rule under its own type, for an event
 * under each rule type that it replaces, and for none where the event has several items. (pairing 2.10) */
static void ids_are_facts_of_their_own(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *same_ids; /* apart by spaces */
    } cases[] = {
        {"{\"RuleType\":\"Sync Failed\",\"AlertId\":\"I\",\"Data\":{\"syncId\":\"S\"}}", "same-id/SyncFailed/i"},
        {"{\"RuleType\":\"Sync Started\",\"AlertId\":\"I\",\"Data\":{\"syncId\":\"S\"}}", ""},
        {"{\"eventType\":\"expenses.sync.unsuccessful\",\"id\":\"I\",\"payload\":{\"syncId\":\"S\"}}",
         "same-id/SyncFailed/i"},
        {"{\"eventType\":\"connection.deleted\",\"id\":\"I\",\"payload\":{}}",
         "same-id/DataConnectionStatusChanged/i same-id/SyncConnectionDeleted/i"},
        {"{\"eventType\":\"bills.write.successful\",\"id\":\"I\",\"payload\":{\"id\":\"K\"}}",
         "same-id/PushOperationStatusChanged/i"},
        {"{\"eventType\":\"bills.write.unsuccessful\",\"id\":\"I\",\"payload\":{\"id\":\"K\"}}",
         "same-id/PushOperationStatusChanged/i same-id/PushOperationTimedOut/i"},
        {"{\"eventType\":\"read.completed\",\"id\":\"I\",\"payload\":{\"dataTypes\":[{\"dataType\":\"a\"}]}}",
         "same-id/DataSyncCompleted/i same-id/DataSyncStatusChangedToError/i same-id/DatasetDataChanged/i"},
        {"{\"eventType\":\"read.completed\",\"id\":\"I\",\"payload\":{\"dataTypes\":[{\"dataType\":\"a\"},"
         "{\"dataType\":\"b\"}]}}",
         ""},
        {"{\"eventType\":\"company.created\",\"id\":\"I\",\"payload\":{}}", ""},
    };
    struct catalog *catalog = catalog_builtin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0);
        struct message message = {0};
        struct strbuf found = {0};
        assert_int_equal(classify(catalog, str_of(cases[i].body), arena, &message, NULL), ERR_NONE);
        for (size_t k = 0; k < message.item_count; k++)
            for (size_t f = 0; f < message.items[k].fact_count; f++)
                if (str_starts_with(message.items[k].facts[f].key, STR("same-id/"))) {
                    assert_int_equal(message.items[k].facts[f].match, MATCH_HINT);
                    strbuf_append(&found, found.len > 0 ? STR(" ") : STR(""));
                    strbuf_append(&found, message.items[k].facts[f].key);
                }
        if (!str_eq(strbuf_str(&found), str_of(cases[i].same_ids)))
            fail_msg("%s has \"" STR_FMT "\"", cases[i].body, STR_ARG(strbuf_str(&found)));
        strbuf_clear(&found);
        arena_free(arena);
    }
    catalog_free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table),
        cmocka_unit_test(which_statuses_are_errors),
        cmocka_unit_test(ids_are_facts_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
