/* The server against clients that are slow, leave, never read, come in crowds or send too much. */
#include "tests/unit/httpd_fixture.h"

#include "common/clock.h"

#include <sys/resource.h>

static void answers_may_come_later_and_come_in_order(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    client_send(client, STR(GET("/later") GET("/second") GET("/later") GET_CLOSE("/last")));
    struct httpd_exchange *first = wait_for_exchange(&fixture);
    assert_int_equal(fixture.handled, 1);
    assert_int_equal(client->got.len, 0);
    httpd_answer(first, 201, NULL, 0, STR("one"));
    struct httpd_exchange *third = wait_for_exchange(&fixture);
    assert_int_equal(fixture.handled, 3);
    httpd_answer(third, 503, NULL, 0, STR("three"));
    assert_true(client_wait_end(client));
    assert_statuses(client, "201 200 503 200");
    client_close(client);
    stop(&fixture);
}

static void thousands_in_one_breath_cost_no_stack(void **state) {
    (void)state;
    enum { MANY = 20000 };
    struct fixture fixture;
    struct strbuf requests = {0};
    start(&fixture, &default_limits);
    for (int i = 0; i < MANY; i++)
        strbuf_append(&requests, STR(GET("/")));
    strbuf_append(&requests, STR(GET_CLOSE("/last")));
    struct client *client = connect_to(&fixture);
    assert_true(client_send(client, strbuf_str(&requests)));
    assert_true(client_wait_end(client));
    assert_int_equal(fixture.handled, MANY + 1);
    assert_true(got(client, "<GET /last"));
    strbuf_clear(&requests);
    client_close(client);
    stop(&fixture);
}

static void a_client_that_left_can_still_be_answered(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    for (int turns = 0; turns < 2; turns++) {
        struct client *client = connect_to(&fixture);
        client_send(client, STR(GET("/later")));
        struct httpd_exchange *exchange = wait_for_exchange(&fixture);
        assert_false(httpd_client_gone(exchange));
        reset(client);
        if (turns == 1) { /* noticed before the answer; otherwise it is by the answer */
            wait_for_no_connection(&fixture);
            assert_true(httpd_client_gone(exchange));
            assert_true(str_eq(httpd_request(exchange)->target, STR("/later")));
        }
        httpd_answer(exchange, 200, NULL, 0, STR("to nobody"));
        wait_for_no_connection(&fixture);
    }
    ask(&fixture, GET_CLOSE("/good"), "200");
    stop(&fixture);
}

static void half_closed_clients_are_answered(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    client_send(client, STR(GET("/later") GET("/2")));
    shutdown(client->fd, SHUT_WR);
    struct httpd_exchange *exchange = wait_for_exchange(&fixture);
    client_turn(client);
    assert_false(httpd_client_gone(exchange));
    httpd_answer(exchange, 200, NULL, 0, STR("late"));
    assert_true(client_wait_end(client));
    assert_statuses(client, "200 200");
    client_close(client);
    wait_for_no_connection(&fixture);
    stop(&fixture);
}

static void a_request_that_breaks_off_is_not_handled(void **state) {
    (void)state;
    static const char *const parts[] = {"G", "GET / HTTP/1.1\r\nHost: a\r\n",
                                        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc",
                                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"};
    struct fixture fixture;
    start(&fixture, &default_limits);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct client *client = connect_to(&fixture);
        client_send(client, str_of(parts[i]));
        shutdown(client->fd, SHUT_WR);
        assert_true(client_wait_end(client));
        assert_int_equal(client->got.len, 0);
        client_close(client);
    }
    assert_int_equal(fixture.handled, 0);
    stop(&fixture);
}

struct drip {
    struct client *client;
    struct loop_timer *timer;
    struct str rest;
};

static void drip_one(void *arg) {
    struct drip *drip = arg;
    if (drip->rest.len == 0 || send(drip->client->fd, drip->rest.at, 1, MSG_NOSIGNAL) != 1)
        return;
    drip->rest = str_from(drip->rest, 1);
    loop_timer_set(drip->timer, 10);
}

static void a_whole_request_must_arrive_in_time(void **state) {
    (void)state;
    static const char *const slow[] = {
        "GET /a-target-that-takes-its-time-at-one-byte-every-now-and-then HTTP/1.1\r\nHost: a\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nthe body comes slowly, and then slower still",
    };
    struct httpd_limits limits = default_limits;
    limits.request_ms = 150;
    struct fixture fixture;
    start(&fixture, &limits);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        struct drip drip = {.client = connect_to(&fixture), .rest = str_of(slow[i])};
        client_send(drip.client, str_slice(slow[i], i * 52));
        drip.rest = str_from(drip.rest, i * 52);
        drip.timer = loop_timer_new(fixture.loop, drip_one, &drip);
        drip_one(&drip);
        assert_true(client_wait_end(drip.client));
        assert_statuses(drip.client, "408");
        assert_true(got(drip.client, "Connection: close"));
        assert_true(drip.rest.len > 0);
        loop_timer_free(drip.timer);
        client_close(drip.client);
    }
    assert_int_equal(fixture.handled, 0);
    stop(&fixture);
}

static void idle_connections_are_closed_without_a_word(void **state) {
    (void)state;
    struct httpd_limits limits = default_limits;
    limits.idle_ms = 50;
    struct fixture fixture;
    start(&fixture, &limits);
    struct client *silent = connect_to(&fixture), *polite = connect_to(&fixture);
    client_send(polite, STR(GET("/")));
    assert_true(client_wait_end(silent));
    assert_true(client_wait_end(polite));
    assert_int_equal(silent->got.len, 0);
    assert_statuses(polite, "200");
    client_close(silent);
    client_close(polite);
    stop(&fixture);
}

static void one_that_never_reads_costs_one_answer_and_is_cut_off(void **state) {
    (void)state;
    struct httpd_limits limits = default_limits;
    limits.idle_ms = 150;
    struct fixture fixture;
    start(&fixture, &limits);
    struct client *client = connect_to(&fixture);
    event_del(client->event);
    for (int i = 0; i < 100; i++)
        if (!client_send(client, STR(GET("/large"))))
            break;
    wait_for_no_connection(&fixture);
    assert_int_equal(fixture.handled, 1);
    client_close(client);
    ask(&fixture, GET_CLOSE("/good"), "200");
    stop(&fixture);
}

static void a_large_answer_arrives_whole(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    client_send(client, STR(GET("/large") GET_CLOSE("/after")));
    assert_true(client_wait_end(client));
    assert_statuses(client, "200 200");
    assert_true(client->got.len > LARGE_LEN);
    assert_true(got(client, "xxx<GET /after") || got(client, "<GET /after"));
    client_close(client);
    stop(&fixture);
}

static void one_that_resets_amid_a_large_answer_is_forgotten(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    client_send(client, STR(GET("/large")));
    wait_for_len(client, 1);
    reset(client);
    wait_for_no_connection(&fixture);
    stop(&fixture);
}

static void many_connections_are_served(void **state) {
    (void)state;
    enum { MANY = 400 };
    struct client *clients[MANY];
    struct fixture fixture;
    start(&fixture, &default_limits);
    for (int i = 0; i < MANY; i++)
        clients[i] = connect_to(&fixture);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < MANY; i++)
            client_send(clients[i], turn == 0 ? STR(GET("/first")) : STR(GET_CLOSE("/second")));
    for (int i = 0; i < MANY; i++) {
        assert_true(client_wait_end(clients[i]));
        assert_statuses(clients[i], "200 200");
        client_close(clients[i]);
    }
    assert_int_equal(fixture.handled, 2 * MANY);
    wait_for_no_connection(&fixture);
    stop(&fixture);
}

static void connections_over_the_limit_are_refused_in_words(void **state) {
    (void)state;
    struct httpd_limits limits = default_limits;
    limits.connections = 2;
    struct fixture fixture;
    start(&fixture, &limits);
    struct client *first = connect_to(&fixture), *second = connect_to(&fixture), *third = connect_to(&fixture);
    assert_true(client_wait_end(third));
    assert_statuses(third, "503");
    assert_true(got(third, "Retry-After: "));
    client_send(first, STR(GET_CLOSE("/")));
    assert_true(client_wait_end(first));
    assert_statuses(first, "200");
    client_close(first);
    client_close(second);
    client_close(third);
    wait_for_no_connection(&fixture);
    ask(&fixture, GET_CLOSE("/good"), "200");
    stop(&fixture);
}

static int open_descriptors(void) {
    int probe = dup(0);
    close(probe);
    return probe; /* the lowest that is free */
}

static void out_of_descriptors_it_neither_spins_nor_hangs(void **state) {
    (void)state;
    enum { CLIENTS = 4 };
    struct rlimit limit, tight;
    struct fixture fixture;
    struct client *clients[CLIENTS];
    start(&fixture, &default_limits);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(&fixture); /* waits in the queue: the loop has not turned */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    tight = (struct rlimit){.rlim_cur = (rlim_t)open_descriptors(), .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    assert_true(client_wait_end(clients[0]));
    assert_statuses(clients[0], "503");
    uint64_t turns = loop_turns(fixture.loop);
    assert_false(loop_run_until(fixture.loop, client_never, NULL, 60));
    assert_true(loop_turns(fixture.loop) - turns < 30);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    client_send(clients[CLIENTS - 1], STR(GET_CLOSE("/after")));
    assert_true(client_wait_end(clients[CLIENTS - 1]));
    assert_statuses(clients[CLIENTS - 1], "200");
    for (int i = 0; i < CLIENTS; i++)
        client_close(clients[i]);
    ask(&fixture, GET_CLOSE("/good"), "200");
    stop(&fixture);
}

static void a_body_is_asked_for_only_when_it_is_wanted(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    client_send(client, STR("POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
    wait_for_len(client, strlen("HTTP/1.1 100 Continue\r\n\r\n"));
    assert_string_equal(client->got.at, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(client, STR("hi" GET_CLOSE("/")));
    assert_true(client_wait_end(client));
    assert_statuses(client, "100 200 200");
    assert_true(got(client, "[hi]"));
    client_close(client);
    ask(&fixture, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi" GET_CLOSE("/"),
        "200 200");
    stop(&fixture);
}

static void head_has_no_body(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    client_send(client, STR("HEAD /h HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    assert_true(client_wait_end(client));
    assert_true(got(client, "Content-Length: 14\r\n"));
    assert_true(str_ends_with(strbuf_str(&client->got), STR("\r\n\r\n")));
    client_close(client);
    stop(&fixture);
}

/* A request with a piece repeated so many times between its beginning and its end. */
struct sized {
    const char *name, *begin, *piece, *end;
    size_t count;
    const char *status;
};

static const struct sized sized_requests[] = {
    {"body at the limit", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n",
     "0123456789", "", 10000, "200"},
    {"body over it", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n", "0123456789", "", 800000, "413"},
    {"chunks at the limit", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
     "A\r\n0123456789\r\n", "0\r\n\r\n", 10000, "200"},
    {"chunks of one byte", "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
     "1\r\nx\r\n", "0\r\n\r\n", 20000, "200"},
    {"chunks over it", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "A\r\n0123456789\r\n",
     "0\r\n\r\n", 10001, "413"},
    {"headers at the limit", "GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n", "A: b\r\n", "\r\n", 38, "200"},
    {"one more", "GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n", "A: b\r\n", "\r\n", 39, "431"},
    {"one large header", "GET / HTTP/1.1\r\nHost: a\r\nA: ", "0123456789", "\r\n\r\n", 410, "431"},
    {"a header without end", "GET / HTTP/1.1\r\nHost: a\r\nA: ", "0123456789", "", 100000, "431"},
    {"a header name without end", "GET / HTTP/1.1\r\nHost: a\r\n", "0123456789", "", 100000, "431"},
    {"target over the limit", "GET /", "0123456789", " HTTP/1.1\r\nHost: a\r\n\r\n", 410, "414"},
    {"target without end", "GET /", "0123456789", "", 100000, "414"},
    {"empty lines without end", "", "\r\n", "", 100000, "431"},
    {"chunk extension without end",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=", "0123456789", "", 100000, "431"},
    {"trailers without end", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n", "",
     100000, "431"},
    {"chunk size with zeros without end", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "00000",
     "", 100000, "431"},
};

/* Clients send all they have, also after the answer is decided; many look at it only when they are through, and would
 * see nothing but an error of their write if the server had closed. */
static void sizes_have_limits_and_errors_can_be_read(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    for (size_t i = 0; i < ARRAY_LEN(sized_requests); i++) {
        const struct sized *row = &sized_requests[i];
        struct strbuf request = {0};
        char statuses[100];
        strbuf_append(&request, str_of(row->begin));
        for (size_t k = 0; k < row->count; k++)
            strbuf_append(&request, str_of(row->piece));
        strbuf_append(&request, str_of(row->end));
        struct client *client = connect_to(&fixture);
        bool sent = client_send(client, strbuf_str(&request));
        shutdown(client->fd, SHUT_WR);
        bool ended = client_wait_end(client);
        client_statuses(client, statuses, sizeof statuses);
        if (!sent || !ended || strcmp(statuses, row->status) != 0)
            fail_msg("%s: %s%s", row->name, statuses, sent ? "" : ", and cut off while it sent");
        strbuf_clear(&request);
        client_close(client);
    }
    stop(&fixture);
}

static void on_error(struct httpd_exchange *exchange, int status, const char *what, void *arg) {
    struct fixture *fixture = arg;
    struct arena *arena = httpd_arena(exchange);
    const struct http_header header = {STR("X-Method"), httpd_request(exchange)->method};
    assert_true(what[0] != '\0' && httpd_request(exchange)->peer.len > 0);
    fixture->handled += 100;
    httpd_answer(exchange, status, &header, 1, arena_printf(arena, "{%s}", what));
}

static void errors_are_answered_in_the_callers_format(void **state) {
    (void)state;
    struct fixture fixture;
    start_on(&fixture, &default_limits, "127.0.0.1:0", on_error);
    struct client *client = connect_to(&fixture);
    client_send(client, STR("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1,1\r\n\r\n"));
    assert_true(client_wait_end(client));
    assert_statuses(client, "400");
    assert_true(got(client, "X-Method: PUT\r\n"));
    assert_true(got(client, "Connection: close\r\n"));
    assert_int_equal(fixture.handled, 100);
    client_close(client);
    ask(&fixture, "\x01", "400");
    assert_int_equal(fixture.handled, 200);
    stop(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_may_come_later_and_come_in_order),
        cmocka_unit_test(thousands_in_one_breath_cost_no_stack),
        cmocka_unit_test(a_client_that_left_can_still_be_answered),
        cmocka_unit_test(half_closed_clients_are_answered),
        cmocka_unit_test(a_request_that_breaks_off_is_not_handled),
        cmocka_unit_test(a_whole_request_must_arrive_in_time),
        cmocka_unit_test(idle_connections_are_closed_without_a_word),
        cmocka_unit_test(one_that_never_reads_costs_one_answer_and_is_cut_off),
        cmocka_unit_test(a_large_answer_arrives_whole),
        cmocka_unit_test(one_that_resets_amid_a_large_answer_is_forgotten),
        cmocka_unit_test(many_connections_are_served),
        cmocka_unit_test(connections_over_the_limit_are_refused_in_words),
        cmocka_unit_test(out_of_descriptors_it_neither_spins_nor_hangs),
        cmocka_unit_test(a_body_is_asked_for_only_when_it_is_wanted),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(sizes_have_limits_and_errors_can_be_read),
        cmocka_unit_test(errors_are_answered_in_the_callers_format),
    };
    return cmocka_run_group_tests_name("httpd clients", tests, NULL, NULL);
}
