/* What is kept of a decision is JSON, whatever the texts of flags hold and however many candidates there were. */
#include "common/json.h"
#include "proxy/store/ledger_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>

static const struct candidate near = {
    .message = 1ULL << 60, .item = 3, .own_item = 1, .match = MATCH_EXACT, .apart_ms = -100, .verdict = MATCH_TWIN};

static void a_decision_is_told_in_full(void **state) {
    struct arena *arena = arena_new(0);
    struct trace_candidate candidates[] = {{&near, STATE_PENDING}};
    struct trace trace = {.state = STATE_SUPPRESSED,
                          .standing = {.item_count = 2, .covered_count = 1},
                          .own_why = STR("STATIC on"),
                          .other_why = STR_NONE,
                          .candidates = candidates,
                          .candidate_count = 1};
    (void)state;
    assert_string_equal(ledger_trace(arena, &trace).at,
                        "{\"state\":\"suppressed\",\"own_flag\":\"STATIC on\",\"other_flag\":null,\"items\":2,"
                        "\"covered\":1,\"candidates\":[{\"message\":\"1000000000000\",\"item\":3,\"own_item\":1,"
                        "\"match\":\"exact\",\"apart_ms\":-100,\"state\":\"pending\",\"verdict\":\"twin\"}]}");
    struct candidate missed = near;
    missed.match = MATCH_WINDOW;
    missed.verdict = MATCH_NEAR_MISS;
    missed.apart_ms = -19 * 60000;
    candidates[0].candidate = &missed;
    trace.window_ms = 600000;
    trace.notes = STR("It is odd.");
    assert_string_equal(
        ledger_trace(arena, &trace).at,
        "{\"state\":\"suppressed\",\"own_flag\":\"STATIC on\",\"other_flag\":null,\"items\":2,"
        "\"covered\":1,\"notes\":\"It is odd.\",\"candidates\":[{\"message\":\"1000000000000\",\"item\":3,"
        "\"own_item\":1,\"match\":\"window\",\"apart_ms\":-1140000,\"state\":\"pending\",\"verdict\":"
        "\"near miss\",\"told\":\"stated the same 19 min apart; pairing.window is 10m\"}]}");
    trace.notes = STR_NONE;
    trace.candidate_count = 0;
    trace.own_why = STR("");
    trace.other_why = STR("a \"b\"\n\xFF");
    assert_string_equal(ledger_trace(arena, &trace).at,
                        "{\"state\":\"suppressed\",\"own_flag\":\"\",\"other_flag\":\"a \\\"b\\\"\\n\xEF\xBF\xBD\","
                        "\"items\":2,\"covered\":1}");
    arena_free(arena);
}

static void of_very_many_candidates_the_first_are_told(void **state) {
    enum { MANY = 50, TOLD = 40 };
    struct arena *arena = arena_new(0);
    struct trace_candidate candidates[MANY];
    const struct json_limits limits = {.depth = 8, .values = 10000};
    struct json *root;
    (void)state;
    for (size_t i = 0; i < MANY; i++)
        candidates[i] = (struct trace_candidate){&near, STATE_PARKED};
    for (size_t count = 1; count <= MANY; count++) {
        struct trace trace = {.own_why = STR("x"), .candidates = candidates, .candidate_count = count};
        assert_int_equal(json_parse(arena, ledger_trace(arena, &trace), &limits, &root, NULL), ERR_NONE);
        size_t told = 0;
        for (const struct json *one = json_get(root, STR("candidates"))->first; one != NULL; one = one->next)
            told++;
        assert_int_equal(told, count < TOLD ? count : TOLD);
    }
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_is_told_in_full),
        cmocka_unit_test(of_very_many_candidates_the_first_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
