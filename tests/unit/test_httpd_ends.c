/* How a server begins and ends: addresses, draining, streams, exchanges that outlive it. */
#include "tests/unit/httpd_fixture.h"

static void draining_finishes_what_has_begun(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *idle = connect_to(&fixture), *reading = connect_to(&fixture), *waiting = connect_to(&fixture),
                  *queued = NULL;
    client_send(idle, STR(GET("/")));
    wait_for_len(idle, 100);
    client_send(reading, STR("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab"));
    client_send(waiting, STR(GET("/later") GET("/not-any-more")));
    struct httpd_exchange *exchange = wait_for_exchange(&fixture);
    queued = connect_to(&fixture);
    httpd_stop_listening(fixture.httpd);
    httpd_drain(fixture.httpd);
    assert_true(client_wait_end(idle));
    assert_statuses(idle, "200");
    httpd_answer(exchange, 202, NULL, 0, STR_NONE);
    assert_true(client_wait_end(waiting));
    assert_statuses(waiting, "202");
    assert_true(got(waiting, "Connection: close"));
    client_send(reading, STR("cd"));
    assert_true(client_wait_end(reading));
    assert_true(got(reading, "[abcd]"));
    client_close(idle);
    client_close(reading);
    client_close(waiting);
    client_close(queued);
    wait_for_no_connection(&fixture);
    stop(&fixture);
}

static void what_waits_to_be_accepted_is_not_lost_by_closing(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = connect_to(&fixture);
    ssize_t sent = send(client->fd, GET_CLOSE("/"), strlen(GET_CLOSE("/")), MSG_NOSIGNAL);
    assert_true(sent > 0);
    httpd_stop_listening(fixture.httpd); /* the loop has not turned yet */
    assert_true(client_wait_end(client));
    assert_statuses(client, "200");
    client_close(client);
    stop(&fixture);
}

static void exchanges_outlive_the_server(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *first = connect_to(&fixture), *second = connect_to(&fixture);
    client_send(first, STR(GET("/later")));
    struct httpd_exchange *one = wait_for_exchange(&fixture);
    client_send(second, STR("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"));
    struct httpd_exchange *two = wait_for_exchange(&fixture);
    struct arena *arena = httpd_take_arena(two);
    const struct http_request *request = httpd_request(two);
    httpd_free(fixture.httpd);
    assert_true(client_wait_end(first));
    assert_true(client_wait_end(second));
    assert_true(httpd_client_gone(one));
    httpd_answer(one, 200, NULL, 0, STR("to nobody"));
    httpd_answer(two, 200, NULL, 0, STR("to nobody"));
    assert_true(str_eq(request->body, STR("body")));
    assert_true(str_starts_with(request->peer, STR("127.0.0.1:")));
    arena_free(arena);
    client_close(first);
    client_close(second);
    loop_free(fixture.loop);
}

static bool has_stream(void *arg) {
    return ((struct fixture *)arg)->stream != NULL;
}

static bool has_lost_stream(void *arg) {
    return ((struct fixture *)arg)->stream_gone;
}

static struct client *open_stream(struct fixture *fixture) {
    struct client *client = connect_to(fixture);
    fixture->stream = NULL;
    fixture->stream_gone = false;
    client_send(client, STR(GET("/stream")));
    assert_true(loop_run_until(fixture->loop, has_stream, fixture, CLIENT_DEADLINE_MS));
    return client;
}

static void wait_until_stream_is_lost(struct fixture *fixture) {
    assert_true(loop_run_until(fixture->loop, has_lost_stream, fixture, CLIENT_DEADLINE_MS));
}

static void streams_go_on_until_somebody_ends_them(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = open_stream(&fixture);
    assert_int_equal(httpd_stream_write(fixture.stream, STR("data: 1\n\n")), ERR_NONE);
    assert_int_equal(httpd_stream_write(fixture.stream, STR("data: 2\n\n")), ERR_NONE);
    httpd_stream_close(fixture.stream);
    assert_true(client_wait_end(client));
    assert_true(got(client, "Content-Type: text/event-stream\r\n\r\ndata: 1\n\ndata: 2\n\n"));
    assert_false(got(client, "Content-Length"));
    assert_false(fixture.stream_gone);
    client_close(client);

    client = open_stream(&fixture);
    client_close(client);
    wait_until_stream_is_lost(&fixture);

    client = open_stream(&fixture);
    httpd_drain(fixture.httpd);
    wait_until_stream_is_lost(&fixture);
    assert_true(client_wait_end(client));
    client_close(client);
    wait_for_no_connection(&fixture);
    stop(&fixture);
}

static void a_stream_nobody_reads_is_bounded_and_ends(void **state) {
    (void)state;
    char block[4096];
    struct httpd_limits limits = default_limits;
    struct fixture fixture;
    limits.idle_ms = 100;
    start(&fixture, &limits);
    struct client *client = open_stream(&fixture);
    event_del(client->event);
    memset(block, 'x', sizeof block);
    size_t written = 0;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && written < 64 << 20) {
        err = httpd_stream_write(fixture.stream, str_slice(block, sizeof block));
        written += sizeof block;
    }
    assert_int_equal(err, ERR_LIMIT);
    wait_until_stream_is_lost(&fixture);
    client_close(client);
    stop(&fixture);
}

static void a_stream_tells_of_its_loss_later_than_its_write(void **state) {
    (void)state;
    struct fixture fixture;
    start(&fixture, &default_limits);
    struct client *client = open_stream(&fixture);
    reset(client);
    enum err err = ERR_NONE;
    for (int i = 0; i < 10 && err == ERR_NONE; i++)
        err = httpd_stream_write(fixture.stream, STR("x"));
    assert_int_equal(err, ERR_CLOSED);
    assert_false(fixture.stream_gone);
    httpd_stream_close(fixture.stream);
    fixture.stream = NULL;
    wait_for_no_connection(&fixture);
    assert_false(fixture.stream_gone);
    stop(&fixture);
}

static void addresses_are_read_and_told(void **state) {
    (void)state;
    static const struct {
        const char *listen, *begins;
    } good[] = {
        {"127.0.0.1:0", "127.0.0.1:"}, {"[::1]:0", "[::1]:"},     {":0", ""},
        {"localhost:0", ""},           {"0.0.0.0:0", "0.0.0.0:"},
    };
    static const char *const bad[] = {
        "",      "127.0.0.1",    "127.0.0.1:",  "127.0.0.1:x", "127.0.0.1:65536", "::1:80",
        "[::1]", "127.0.0.1:-1", "256.0.0.1:0", "192.0.2.1:0", "example.com:0"};
    struct fixture fixture;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        start_on(&fixture, &default_limits, good[i].listen, NULL);
        assert_true(httpd_port(fixture.httpd) != 0);
        assert_true(str_starts_with(str_of(httpd_address(fixture.httpd)), str_of(good[i].begins)));
        stop(&fixture);
    }
    struct loop *loop = loop_new();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err_detail detail = {""};
        struct httpd *httpd;
        const struct httpd_options options = {.loop = loop, .listen = bad[i], .limits = default_limits};
        assert_int_equal(httpd_new(&options, &httpd, &detail), ERR_INVALID);
        assert_true(detail.text[0] != '\0');
    }
    loop_free(loop);
}

static void a_port_is_shared_only_when_asked(void **state) {
    (void)state;
    struct loop *loop = loop_new();
    struct httpd *first, *second;
    struct err_detail detail = {""};
    for (int shared = 0; shared < 2; shared++) {
        struct httpd_options options = {
            .loop = loop, .listen = "127.0.0.1:0", .share_port = shared == 1, .limits = default_limits};
        assert_int_equal(httpd_new(&options, &first, &detail), ERR_NONE);
        options.listen = httpd_address(first);
        assert_int_equal(httpd_new(&options, &second, &detail), shared == 1 ? ERR_NONE : ERR_BUSY);
        if (shared == 1)
            httpd_free(second);
        else
            assert_non_null(strstr(detail.text, "in use"));
        httpd_free(first);
    }
    loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draining_finishes_what_has_begun),
        cmocka_unit_test(what_waits_to_be_accepted_is_not_lost_by_closing),
        cmocka_unit_test(exchanges_outlive_the_server),
        cmocka_unit_test(streams_go_on_until_somebody_ends_them),
        cmocka_unit_test(a_stream_nobody_reads_is_bounded_and_ends),
        cmocka_unit_test(a_stream_tells_of_its_loss_later_than_its_write),
        cmocka_unit_test(addresses_are_read_and_told),
        cmocka_unit_test(a_port_is_shared_only_when_asked),
    };
    return cmocka_run_group_tests_name("httpd, beginning and end", tests, NULL, NULL);
}
