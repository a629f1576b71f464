#include "common/clock.h"
#include "proxy/admin/record_json.h"
#include "proxy/admin/story.h"
#include "proxy/admin/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW = 1000000 };

static const struct record read_event = {
    .id = 1,
    .state = STATE_PENDING,
    .due_ms = NOW,
    .changed_ms = NOW,
    .generation = GENERATION_EVENT,
    .endpoint = ENDPOINT_NEW,
    .received_ms = NOW,
    .time_ms = NOW - 2500,
    .item_count = 2,
    .identity = {"h:msg_1", 7},
    .type = {"read.completed", 14},
    .counterpart = {"read.completed", 14},
    .company = {"c1", 2},
    .target = {"/hooks?key=s3cret", 17},
    .facts = {"w6:read/a;w6:read/bx3:one;", 26},
    .admission =
        {"{\"state\":\"pending\",\"own_flag\":\"new-consumer is on (on, STATIC)\",\"other_flag\":\"legacy-consumer "
         "is on (on, STATIC)\",\"items\":2,\"covered\":1,\"candidates\":[{\"message\":\"0000000000002\",\"item\":0,"
         "\"own_item\":1,\"match\":\"window\",\"apart_ms\":-3000,\"state\":\"delivered\",\"verdict\":\"twin\"},"
         "{\"message\":\"0000000000003\",\"item\":0,\"own_item\":1,\"match\":\"window\",\"apart_ms\":900000,"
         "\"state\":\"parked\",\"verdict\":\"too far apart in time\"}]}",
         0},
};

struct told {
    struct arena *arena;
    struct story story;
    struct strbuf text; /* all lines of the story */
};

static void tell(struct told *told, const struct record *record) {
    struct story_lines lines;
    told->arena = arena_new(0);
    told->story.record = *record;
    told->story.record.admission = str_of(record->admission.at);
    story_tell(told->arena, &told->story, &lines);
    int64_t before_ms = 0;
    for (size_t i = 0; i < lines.count; i++) {
        assert_true(lines.items[i].at_ms >= before_ms);
        before_ms = lines.items[i].at_ms;
        strbuf_printf(&told->text, STR_FMT "\n", STR_ARG(lines.items[i].text));
    }
}

static void clear(struct told *told) {
    arena_free(told->arena);
    strbuf_clear(&told->text);
    *told = (struct told){0};
}

static void assert_holds(const char *text, const char *part) {
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is missing in\n%s", part, text);
}

static void test_span(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *words;
    } cases[] = {
        {0, "0 ms"},
        {999, "999 ms"},
        {1000, "1.0 s"},
        {-2500, "2.5 s"},
        {119999, "119.9 s"},
        {120000, "2 min"},
        {7199999, "119 min"},
        {7200000, "2 h 0 min"},
        {172799999, "47 h 59 min"},
        {172800000, "2 days"},
        {INT64_MIN, "106751991167 days"},
    };
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(str_eq(words_span(arena, cases[i].ms), str_of(cases[i].words)));
    arena_free(arena);
}

static void test_tells_of_a_partial_event(void **state) {
    (void)state;
    struct step steps[] = {
        {.at_ms = NOW + 10,
         .state = STATE_PENDING,
         .attempt = 1,
         .status = 500,
         .duration_us = 4000,
         .why = STR("HTTP 500")},
        {.at_ms = NOW + 20, .state = STATE_SUPPRESSED, .why = STR("its twins are handled")},
    };
    struct told told = {.story = {.steps = steps, .step_count = ARRAY_LEN(steps)}};
    tell(&told, &read_event);
    assert_holds(told.text.at, "An event of type read.completed arrived for company c1. It belongs to new.");
    assert_holds(told.text.at, "Its identity is its webhook-id msg_1.");
    assert_holds(told.text.at, "It says that it happened 2.5 s earlier.");
    assert_holds(told.text.at, "Item 1 of 2 states read/a (recurs).");
    assert_holds(told.text.at, "Item 2 of 2 states read/b (recurs) and one (one occurrence for ever).");
    assert_holds(told.text.at,
                 "Message 0000000000002 states the same as item 2, 3.0 s before. It was delivered then, and "
                 "became its twin.");
    assert_holds(told.text.at, "15 min after. It was parked then, and did not become its twin: too far apart in time.");
    assert_holds(told.text.at, "new-consumer is on (on, STATIC) and legacy-consumer is on (on, STATIC).");
    assert_holds(told.text.at, "1 of 2 items had been handled by twins already: accepted, to deliver the rest to new.");
    assert_holds(told.text.at,
                 "Attempt 1 to deliver it to new: HTTP 500 after 4 ms. To be tried again; it is pending.");
    assert_holds(told.text.at, "It became suppressed: its twins are handled.");
    clear(&told);
}

static void test_tells_each_decision(void **state) {
    (void)state;
    static const struct {
        const char *admission, *words;
    } cases[] = {
        {"{\"state\":\"suppressed\",\"items\":1,\"covered\":1}", "It was handled by a twin already: suppressed"},
        {"{\"state\":\"suppressed\",\"items\":2,\"covered\":2}", "Each of its items was handled"},
        {"{\"state\":\"parked\",\"items\":1,\"covered\":0}", "The new consumer was off: parked"},
        {"{\"state\":\"expired\",\"items\":1,\"covered\":0}", "expired at once"},
        {"{\"state\":\"held\",\"items\":1,\"covered\":0}", "held for a while"},
        {"{\"state\":\"pending\",\"items\":1,\"covered\":0}", "the new consumer was on: accepted for delivery"},
        {"damaged", "cannot be read from the store"},
        {"", "cannot be read from the store"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record record = read_event;
        struct told told = {0};
        record.admission = str_of(cases[i].admission);
        tell(&told, &record);
        assert_holds(told.text.at, cases[i].words);
        clear(&told);
    }
}

static void test_tells_of_odd_messages(void **state) {
    (void)state;
    struct record record = {
        .id = 9, .endpoint = ENDPOINT_LEGACY, .item_count = 1, .admission = STR("{}"), .facts = STR(";")};
    struct told told = {0};
    tell(&told, &record);
    assert_holds(told.text.at, "A message of no known shape arrived. It belongs to legacy. It has no identity");
    assert_holds(told.text.at, "never a twin");
    clear(&told);
    record = read_event;
    record.facts = STR("w99:short;");
    tell(&told, &record);
    assert_holds(told.text.at, "What it states cannot be read");
    clear(&told);
}

static void assert_why(const struct story *story, const char *words) {
    struct arena *arena = arena_new(0);
    struct str why = story_why(arena, story);
    assert_holds(why.at, words);
    arena_free(arena);
}

static void test_why(void **state) {
    (void)state;
    struct step failed = {.state = STATE_PENDING, .attempt = 1, .why = STR("connection refused")};
    struct twin twin = {.event = 1, .rule = 2};
    struct record other = {.id = 2, .type = STR("Rule"), .endpoint = ENDPOINT_LEGACY, .state = STATE_DELIVERED};
    struct story story = {.record = read_event};
    assert_why(&story, "Waits for its delivery to new, due at 1970-01-01T00:16:40.000Z.");
    story.leased = true;
    assert_why(&story, "It is being delivered to new at this moment.");
    story.leased = false;
    story.steps = &failed;
    story.step_count = 1;
    story.record.attempts = story.record.tries = 1;
    assert_why(&story, "Attempt 1 failed (connection refused); the next is due at 1970-01-01T00:16:40.000Z.");
    story.record.state = STATE_DEAD;
    assert_why(&story, "after 1 attempt; the last one: connection refused. It can be replayed.");
    story.record.state = STATE_HELD;
    assert_why(&story, "it waits for its twin until 1970");
    story.record.state = STATE_PARKED;
    assert_why(&story, "The new consumer is off for it, and no twin has handled all of it.");
    story.record.state = STATE_EXPIRED;
    assert_why(&story, "It can be replayed.");
    story.record.state = STATE_DELIVERED;
    story.record.trimmed = STR("\x01");
    assert_why(&story, "by attempt 1. What its twins handle was left out.");
    story.record.state = STATE_SUPPRESSED;
    story.twins = &twin;
    story.twin_records = &other;
    story.twin_count = 1;
    assert_why(&story, "each of its items is handled by its twin: 0000000000002 (Rule, legacy, delivered).");
    story.record.marks = RECORD_REPLAYED;
    assert_why(&story, "Somebody asked for it to be delivered again");
}

static struct json *as_json(struct arena *arena, const struct story *story, bool with_content) {
    const struct json_limits limits = {.depth = 20, .values = 10000, .unique_keys = true};
    struct strbuf text = {0};
    struct json_writer writer;
    struct json *root;
    json_begin(&writer, &text);
    story_json(&writer, arena, story, with_content);
    assert_int_equal(json_parse(arena, arena_str(arena, strbuf_str(&text)), &limits, &root, NULL), ERR_NONE);
    strbuf_clear(&text);
    return root;
}

static void assert_member(const struct json *root, const char *path, const char *expected) {
    const struct json *value = json_path(root, str_of(path));
    if (value == NULL || !str_eq(value->text, str_of(expected)))
        fail_msg("%s is not \"%s\" but \"" STR_FMT "\"", path, expected,
                 STR_ARG(value == NULL ? STR("-") : value->text));
}

static void test_json_hides_secrets(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct story story = {
        .record = read_event,
        .has_content = true,
        .content = {.headers = STR("Authorization:Basic x\nWebhook-Signature:v1,abc\nCookie:a=b\nX-Api-Key:k\n"
                                   "Accept:a\nX-Empty:\naccept:b\n"),
                    .body = STR("{\"id\":1}")}};
    story.record.admission = str_of(read_event.admission.at);
    const struct json *root = as_json(arena, &story, false);
    assert_member(root, "headers.authorization", "(hidden)");
    assert_member(root, "headers.webhook-signature", "(hidden)");
    assert_member(root, "headers.cookie", "(hidden)");
    assert_member(root, "headers.x-api-key", "(hidden)");
    assert_member(root, "headers.accept", "a, b");
    assert_member(root, "headers.x-empty", "");
    assert_member(root, "target", "/hooks?(hidden)");
    assert_null(json_get(root, STR("body")));
    root = as_json(arena, &story, true);
    assert_member(root, "headers.authorization", "(hidden)");
    assert_member(root, "target", "/hooks?key=s3cret");
    assert_member(root, "body", "{\"id\":1}");
    arena_free(arena);
}

static void test_json_members(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct twin twins[] = {{.event = 1, .item = 1, .rule = 2}, {.event = 1, .item = 0, .rule = 3}};
    struct record others[] = {{.id = 2, .state = STATE_DELIVERED, .time_ms = NOW}, {.id = 0}};
    struct step steps[] = {{.at_ms = NOW, .state = STATE_PARKED, .why = STR("w")},
                           {.at_ms = NOW, .state = STATE_PENDING, .attempt = 1, .status = 503, .duration_us = 1500}};
    struct story story = {
        .record = read_event, .twins = twins, .twin_records = others, .twin_count = 2, .steps = steps, .step_count = 2};
    story.record.admission = str_of(read_event.admission.at);
    story.record.trimmed = STR("\x02");
    const struct json *root = as_json(arena, &story, true);
    assert_member(root, "id", "0000000000001");
    assert_member(root, "state", "pending");
    assert_member(root, "generation", "event");
    assert_member(root, "identity", "msg_1");
    assert_member(root, "identity_from", "header");
    assert_int_equal(json_get(root, STR("items"))->count, 2);
    const struct json *second = json_get(root, STR("items"))->first->next;
    assert_true(json_is_true(json_get(second, STR("left_out"))));
    assert_true(str_eq(json_get(second, STR("twins"))->first->text, STR("0000000000002")));
    assert_int_equal(json_get(second, STR("twins"))->count, 1);
    assert_int_equal(json_get(root, STR("twins"))->count, 2);
    assert_null(json_get(json_get(root, STR("twins"))->first->next, STR("state"))); /* it is gone */
    assert_int_equal(json_get(root, STR("attempts"))->count, 1);
    assert_member(json_get(root, STR("attempts"))->first, "status", "503");
    assert_member(json_get(root, STR("attempts"))->first, "duration_ms", "1.5");
    assert_int_equal(json_get(root, STR("history"))->count, 2);
    assert_int_equal(json_path(root, STR("admission.candidates"))->count, 2);
    assert_null(json_get(root, STR("headers"))); /* past its retention */
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_tells_of_a_partial_event),
        cmocka_unit_test(test_tells_each_decision),
        cmocka_unit_test(test_tells_of_odd_messages),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_json_hides_secrets),
        cmocka_unit_test(test_json_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
