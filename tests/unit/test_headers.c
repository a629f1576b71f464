/* Which headers of a request go on, how they are kept, and the trace they carry. */
#include "proxy/flow/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>

#define H(name, value)                                                                                                 \
    {                                                                                                                  \
        {name, sizeof(name) - 1}, {                                                                                    \
            value, sizeof(value) - 1                                                                                   \
        }                                                                                                              \
    }

static int make_arena(void **state) {
    *state = arena_new(0);
    return 0;
}

static int drop_arena(void **state) {
    arena_free(*state);
    return 0;
}

/* Encodes, decodes, and compares with the names that should be left, in their order and spelling. */
static void check_passed(struct arena *arena, const struct http_header *headers, size_t count, const char *names) {
    struct header_list list = {0};
    struct strbuf left = {0};
    headers_decode(arena, headers_encode(arena, headers, count, (struct headers_choice){0}), &list);
    for (size_t i = 0; i < list.count; i++)
        strbuf_printf(&left, "%s" STR_FMT, i > 0 ? " " : "", STR_ARG(list.items[i].name));
    assert_string_equal(strbuf_str(&left).at, names);
    strbuf_clear(&left);
}

static void end_to_end_headers_go_on_as_they_came(void **state) {
    static const struct http_header headers[] = {
        H("Content-Type", "application/json; charset=utf-8"),
        H("webhook-id", "msg_1"),
        H("X-Empty", ""),
        H("x-twice", "a"),
        H("X-Twice", "b"),
        H("X-Colons", ":a:b:"),
        H("Authorization", "Basic eA=="),
    };
    struct header_list list = {0};
    struct str text = headers_encode(*state, headers, ARRAY_LEN(headers), (struct headers_choice){0});
    headers_decode(*state, text, &list);
    assert_int_equal(list.count, ARRAY_LEN(headers));
    for (size_t i = 0; i < list.count; i++) {
        assert_true(str_eq(list.items[i].name, headers[i].name));
        assert_true(str_eq(list.items[i].value, headers[i].value));
    }
    assert_int_equal(headers_encode(*state, NULL, 0, (struct headers_choice){0}).len, 0);
}

/* RFC 9110, 7.6.1: what concerns one connection only, and what frames the message; and what only we may say. */
static void headers_of_the_connection_stay_behind(void **state) {
    static const struct http_header headers[] = {
        H("Connection", "close"),
        H("keep-alive", "timeout=5"),
        H("Proxy-Connection", "x"),
        H("PROXY-AUTHENTICATE", "x"),
        H("proxy-authorization", "x"),
        H("TE", "trailers"),
        H("Trailer", "x"),
        H("Upgrade", "h2c"),
        H("Transfer-Encoding", "chunked"),
        H("HOST", "a"),
        H("Content-Length", "2"),
        H("Expect", "100-continue"),
        H("Hookshift-Shadow", "true"),
        H("hookshift-", "x"),
        H("X-Stays", "x"),
        H("Hookshif", "stays"),
        H("Te-x", "stays"),
    };
    check_passed(*state, headers, ARRAY_LEN(headers), "X-Stays Hookshif Te-x");
}

/* RFC 9110, 7.6.1: and each header that Connection names, in any of its fields, in any case. */
static void headers_that_connection_names_stay_behind(void **state) {
    static const struct http_header headers[] = {
        H("X-One", "1"),          H("Connection", "close, X-TWO ,\tx-three"),
        H("X-Two", "2"),          H("x-Three", "3"),
        H("X-Four", "4"),         H("connection", "x-four"),
        H("X-Four-and-more", ""), H("close", "x"),
    };
    check_passed(*state, headers, ARRAY_LEN(headers), "X-One X-Four-and-more");
    static const struct http_header empty[] = {H("Connection", ""), H("X", "1"), H("connection", ",,")};
    check_passed(*state, empty, ARRAY_LEN(empty), "X");
}

/* CGI and WSGI read "_" and other marks as the dash: what would pass for a header of ours there stays behind.
 * (fault 5.6) */
static void names_in_disguise_stay_behind(void **state) {
    static const struct http_header headers[] = {
        H("hookshift_message_id", "x"),
        H("HOOKSHIFT.Attempt", "x"),
        H("webhook_id", "x"),
        H("webhook-id", "stays"),
        H("Webhook_Signature", "x"),
        H("svix_id", "x"),
        H("content_length", "2"),
        H("Content_Type", "x"),
        H("transfer_encoding", "chunked"),
        H("x_forwarded_for", "x"),
        H("X-Forwarded_Host", "x"),
        H("x_api_key", "x"),
        H("user_agent", "x"),
        H("proxy_authorization", "x"),
        H("x_stays", "x"),
        H("Connection", "x-named"),
        H("x_named", "x"),
        H("content!md5", "x"),
        H("accept_encoding", "x"),
        H("keep_alive", "x"),
    };
    check_passed(*state, headers, ARRAY_LEN(headers), "webhook-id x_stays");
    struct header_list list = {0};
    headers_decode(*state, STR("webhook_id:1\nx_stays:2\n"), &list); /* stored by a version that let it pass */
    assert_int_equal(list.count, 1);
    headers_set(*state, &list, STR("X-Stays"), STR("ours"));
    assert_int_equal(list.count, 1);
    assert_true(str_eq(list.items[0].name, STR("X-Stays")));
}

/* A damaged store: what cannot be read is left out, and nothing else. */
static void lines_that_are_none_are_left_out(void **state) {
    struct header_list list = {0};
    headers_decode(*state, STR("A:1\nno colon\n:no name\nB:\n\nC:3"), &list);
    assert_int_equal(list.count, 3);
    assert_true(str_eq(headers_get(&list, STR("a")), STR("1")));
    assert_true(str_eq(list.items[1].name, STR("B")));
    assert_int_equal(list.items[1].value.len, 0);
    assert_true(str_eq(list.items[2].value, STR("3")));
    list.count = 0;
    headers_decode(*state, STR_NONE, &list);
    assert_int_equal(list.count, 0);
}

static void lists_are_added_to_set_and_removed_from(void **state) {
    struct header_list list = {0};
    for (int i = 0; i < 100; i++)
        headers_add(*state, &list, arena_printf(*state, "X-%d", i % 50), arena_printf(*state, "%d", i));
    assert_int_equal(list.count, 100);
    assert_true(str_eq(headers_get(&list, STR("x-7")), STR("7"))); /* the first one */
    headers_set(*state, &list, STR("x-7"), STR("new"));
    assert_int_equal(list.count, 99);
    assert_true(str_eq(headers_get(&list, STR("X-7")), STR("new")));
    headers_remove(&list, STR("X-8"));
    assert_int_equal(list.count, 97);
    assert_null(headers_get(&list, STR("X-8")).at);
    headers_remove(&list, STR("X-8"));
    headers_remove_family(&list, STR("x-1")); /* 1 and 10 to 19, twice each */
    assert_int_equal(list.count, 75);
    assert_null(headers_get(&list, STR("X-15")).at);
    assert_non_null(headers_get(&list, STR("X-21")).at);
    headers_remove_family(&list, STR("X-"));
    assert_int_equal(list.count, 0);
}

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

/* https://www.w3.org/TR/trace-context/#traceparent-header */
static void a_trace_goes_on_where_it_is_one(void **state) {
    static const struct {
        const char *value;
        bool is_valid;
    } cases[] = {
        {"00-" TRACE "-" PARENT "-01", true},
        {"00-" TRACE "-" PARENT "-00", true},
        {"00-" TRACE "-" PARENT "-ff", true},
        {"01-" TRACE "-" PARENT "-01", true},
        {"cc-" TRACE "-" PARENT "-01-what-the-future-will-be-like", true},
        {"cc-" TRACE "-" PARENT "-01-", true},
        {"cc-" TRACE "-" PARENT "-01.what", false},
        {"00-" TRACE "-" PARENT "-01-more", false}, /* version 00 has no more */
        {"00-" TRACE "-" PARENT "-01 ", false},
        {"ff-" TRACE "-" PARENT "-01", false},
        {"fF-" TRACE "-" PARENT "-01", false},
        {"0g-" TRACE "-" PARENT "-01", false},
        {"00-" TRACE "-" PARENT "-0", false},
        {"00-" TRACE "-" PARENT "-0G", false},
        {"00-" TRACE "-" PARENT "-0A", false},
        {"00-00000000000000000000000000000000-" PARENT "-01", false},
        {"00-" TRACE "-0000000000000000-01", false},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false},
        {"00-" TRACE "-00F067AA0BA902B7-01", false},
        {"00-4bf92f3577b34da6a3ce929d0e0e473x-" PARENT "-01", false},
        {"00-" TRACE "-00f067aa0ba902bx-01", false},
        {"00_" TRACE "-" PARENT "-01", false},
        {"00-" TRACE "_" PARENT "-01", false},
        {"00-" TRACE "-" PARENT "_01", false},
        {"", false},
        {"garbage", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct http_header headers[] = {H("X-Other", "x"), {STR("TraceParent"), str_of(cases[i].value)}};
        struct str trace = headers_trace_parent(*state, headers, 2);
        if (str_eq(trace, str_of(cases[i].value)) != cases[i].is_valid)
            fail_msg("\"%s\": went on as " STR_FMT, cases[i].value, STR_ARG(trace));
    }
}

static void a_trace_is_begun_where_there_is_none(void **state) {
    struct str first = headers_trace_parent(*state, NULL, 0), second = headers_trace_parent(*state, NULL, 0);
    const struct http_header header = {STR("traceparent"), first};
    assert_int_equal(first.len, 55);
    assert_true(str_starts_with(first, STR("00-")));
    assert_true(str_ends_with(first, STR("-01")));
    assert_false(str_eq(first, second));
    assert_true(str_eq(headers_trace_parent(*state, &header, 1), first)); /* it is a valid one */
}

#define WITH_ARENA(test)                                                                                               \
    { #test, test, make_arena, drop_arena, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ARENA(end_to_end_headers_go_on_as_they_came),
        WITH_ARENA(headers_of_the_connection_stay_behind),
        WITH_ARENA(headers_that_connection_names_stay_behind),
        WITH_ARENA(lines_that_are_none_are_left_out),
        WITH_ARENA(names_in_disguise_stay_behind),
        WITH_ARENA(lists_are_added_to_set_and_removed_from),
        WITH_ARENA(a_trace_goes_on_where_it_is_one),
        WITH_ARENA(a_trace_is_begun_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
