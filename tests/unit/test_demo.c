#include "common/json.h"
#include "proxy/app/demo_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct json_limits limits = {.depth = 16, .values = 10000, .unique_keys = true};

struct play {
    struct arena *arena;
    struct demo_script *script;
};

static struct play begin(void) {
    struct arena *arena = arena_new(0);
    return (struct play){arena, demo_script_new(arena)};
}

static struct demo_occurrence *add(struct play *play, const char *what) {
    for (size_t kind = 0; kind < demo_script_kinds(play->script); kind++)
        if (str_eq(json_string(json_get(demo_script_kind(play->script, kind), STR("what"))), str_of(what)))
            return demo_script_add(play->script, kind, "phase", DEMO_RULES_FIRST);
    fail_msg("there is no \"%s\"", what);
    return NULL;
}

static void test_bodies_are_whole(void **state) {
    (void)state;
    struct play play = begin();
    for (size_t kind = 0; kind < demo_script_kinds(play.script); kind++) {
        const struct demo_occurrence *each = demo_script_add(play.script, kind, "p", DEMO_EVENT_FIRST);
        struct json *root;
        assert_true(each->rule_count > 0 && each->item_count > 0 && each->what.len > 0);
        for (size_t r = 0; r <= each->rule_count; r++) {
            const struct demo_message *message = r < each->rule_count ? each->rules[r] : each->event;
            assert_int_equal(json_parse(play.arena, message->body, &limits, &root, NULL), ERR_NONE);
            assert_true(str_find(message->body, STR("@")) < 0);
            assert_int_equal(message->key.len, 36);
            assert_true(str_find(message->body, message->key) > 0);
            assert_int_equal(message->webhook_id.at != NULL, message->generation == GENERATION_EVENT);
        }
    }
    arena_free(play.arena);
}

static void test_ids_are_fresh_but_shared(void **state) {
    (void)state;
    struct play play = begin();
    struct demo_occurrence *one = add(&play, "invoice written"), *two = add(&play, "invoice written");
    struct json *rule, *event;
    assert_false(str_eq(one->rules[0]->key, two->rules[0]->key));
    assert_false(str_eq(one->rules[0]->key, one->event->key));
    assert_int_equal(json_parse(play.arena, one->rules[0]->body, &limits, &rule, NULL), ERR_NONE);
    assert_int_equal(json_parse(play.arena, one->event->body, &limits, &event, NULL), ERR_NONE);
    assert_true(str_eq(json_string(json_path(rule, STR("Data.pushOperationKey"))),
                       json_string(json_path(event, STR("payload.id")))));
    assert_ptr_equal(demo_script_first(play.script), one);
    assert_ptr_equal(one->next, two);
    arena_free(play.arena);
}

static void receive(struct play *play, enum endpoint endpoint, const struct demo_message *message) {
    assert_true(demo_script_note(play->script, endpoint, message->body));
}

static void test_verdict_on_a_pair(void **state) {
    (void)state;
    struct play play = begin();
    struct demo_occurrence *by_legacy = add(&play, "expenses synced"), *by_new = add(&play, "expenses synced");
    assert_false(demo_is_handled_once(by_legacy)); /* by nobody */
    receive(&play, ENDPOINT_LEGACY, by_legacy->rules[0]);
    assert_true(demo_is_handled_once(by_legacy));
    receive(&play, ENDPOINT_NEW, by_new->event);
    assert_true(demo_is_handled_once(by_new));
    receive(&play, ENDPOINT_NEW, by_legacy->event);
    assert_false(demo_is_handled_once(by_legacy)); /* by both */
    receive(&play, ENDPOINT_NEW, by_new->event);
    assert_false(demo_is_handled_once(by_new)); /* twice */
    struct demo_occurrence *astray = add(&play, "expenses synced");
    receive(&play, ENDPOINT_NEW, astray->rules[0]);
    assert_false(demo_is_handled_once(astray)); /* by the wrong one */
    assert_false(demo_script_note(play.script, ENDPOINT_NEW, STR("{\"id\":\"unknown\"}")));
    assert_false(demo_script_note(play.script, ENDPOINT_NEW, STR("no JSON")));
    arena_free(play.arena);
}

static void test_verdict_on_several_items(void **state) {
    (void)state;
    struct play play = begin();
    struct demo_occurrence *read = add(&play, "three types read at once");
    assert_int_equal(read->item_count, 3);
    receive(&play, ENDPOINT_LEGACY, read->rules[0]);
    assert_false(demo_is_handled_once(read));
    struct str rest = arena_printf(play.arena,
                                   "{\"id\":\"" STR_FMT "\",\"payload\":{\"dataTypes\":[{\"dataType\":\"suppliers\"},"
                                   "{\"dataType\":\"bills\"}]}}",
                                   STR_ARG(read->event->key));
    assert_true(demo_script_note(play.script, ENDPOINT_NEW, rest));
    assert_true(demo_is_handled_once(read));
    receive(&play, ENDPOINT_LEGACY, read->rules[2]);
    assert_false(demo_is_handled_once(read));
    struct demo_occurrence *whole = add(&play, "three types read at once");
    receive(&play, ENDPOINT_NEW, whole->event);
    assert_true(demo_is_handled_once(whole));
    arena_free(play.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies_are_whole),
        cmocka_unit_test(test_ids_are_fresh_but_shared),
        cmocka_unit_test(test_verdict_on_a_pair),
        cmocka_unit_test(test_verdict_on_several_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
