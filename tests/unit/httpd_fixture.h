/* A server on a loop, with a handler that echoes, waits, streams or answers at length, as the target says. */
#ifndef TESTS_HTTPD_FIXTURE_H
#define TESTS_HTTPD_FIXTURE_H

#include "common/httpd.h"
#include "tests/unit/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>

enum { LARGE_LEN = 8 << 20 };

struct fixture {
    struct loop *loop;
    struct httpd *httpd;
    struct httpd_exchange *waiting[64]; /* of "/later": answered when the test says so */
    size_t waiting_count;
    struct httpd_stream *stream;
    bool stream_gone;
    size_t handled;
};

static inline void echo(struct httpd_exchange *exchange) {
    const struct http_request *request = httpd_request(exchange);
    struct strbuf body = {0};
    strbuf_printf(&body, "<" STR_FMT " " STR_FMT " %zu [" STR_FMT "]", STR_ARG(request->method),
                  STR_ARG(request->target), request->header_count, STR_ARG(request->body));
    for (size_t i = 0; i < request->header_count; i++)
        if (str_starts_with(request->headers[i].name, STR("X-")))
            strbuf_printf(&body, " " STR_FMT "=" STR_FMT, STR_ARG(request->headers[i].name),
                          STR_ARG(request->headers[i].value));
    strbuf_append_char(&body, '>');
    const struct http_header header = {STR("Content-Type"), STR("text/plain")};
    httpd_answer(exchange, 200, &header, 1, strbuf_str(&body));
    strbuf_clear(&body);
}

static inline void on_stream_gone(struct httpd_stream *stream, void *arg) {
    struct fixture *fixture = arg;
    assert_ptr_equal(stream, fixture->stream);
    fixture->stream_gone = true;
    fixture->stream = NULL;
}

static inline void handle(struct httpd_exchange *exchange, void *arg) {
    struct fixture *fixture = arg;
    struct str target = httpd_request(exchange)->target;
    fixture->handled++;
    if (str_eq(target, STR("/later"))) {
        assert_true(fixture->waiting_count < ARRAY_LEN(fixture->waiting));
        fixture->waiting[fixture->waiting_count++] = exchange;
    } else if (str_eq(target, STR("/large"))) {
        struct strbuf body = {0};
        strbuf_reserve(&body, LARGE_LEN);
        memset(body.at, 'x', LARGE_LEN);
        httpd_answer(exchange, 200, NULL, 0, str_slice(body.at, LARGE_LEN));
        strbuf_clear(&body);
    } else if (str_eq(target, STR("/none"))) {
        httpd_answer(exchange, 204, NULL, 0, STR("never sent"));
    } else if (str_eq(target, STR("/split"))) {
        const struct http_header header = {STR("X-Text"), STR("one\r\nX-Two: two")};
        httpd_answer(exchange, 200, &header, 1, STR_NONE);
    } else if (str_eq(target, STR("/stream"))) {
        const struct http_header header = {STR("Content-Type"), STR("text/event-stream")};
        fixture->stream = httpd_answer_stream(exchange, &header, 1, on_stream_gone, fixture);
    } else {
        echo(exchange);
    }
}

static const struct httpd_limits default_limits = {
    .body_len = 100000,
    .header_len = 4096,
    .header_count = 40,
    .connections = 1000,
    .request_ms = 60000,
    .idle_ms = 60000,
};

static inline void start_on(struct fixture *fixture, const struct httpd_limits *limits, const char *listen,
                            httpd_error_handler *error_handler) {
    struct err_detail detail = {""};
    *fixture = (struct fixture){.loop = loop_new()};
    const struct httpd_options options = {.loop = fixture->loop,
                                          .listen = listen,
                                          .limits = *limits,
                                          .handler = handle,
                                          .error_handler = error_handler,
                                          .arg = fixture};
    if (httpd_new(&options, &fixture->httpd, &detail) != ERR_NONE)
        fail_msg("%s", detail.text);
}

static inline void start(struct fixture *fixture, const struct httpd_limits *limits) {
    start_on(fixture, limits, "127.0.0.1:0", NULL);
}

static inline void stop(struct fixture *fixture) {
    httpd_free(fixture->httpd);
    loop_free(fixture->loop);
}

static inline struct client *connect_to(struct fixture *fixture) {
    return client_open(fixture->loop, httpd_port(fixture->httpd));
}

#define GET(path)       "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static inline void assert_statuses(const struct client *client, const char *expected) {
    char statuses[400];
    client_statuses(client, statuses, sizeof statuses);
    assert_string_equal(statuses, expected);
}

static inline bool got(const struct client *client, const char *text) {
    return str_find(strbuf_str(&client->got), str_of(text)) >= 0;
}

static inline void wait_for_len(struct client *client, size_t len) {
    client->wanted = len;
    assert_true(loop_run_until(client->loop, client_has_wanted, client, CLIENT_DEADLINE_MS));
    assert_false(client->ended);
}

static inline bool has_waiting(void *arg) {
    return ((struct fixture *)arg)->waiting_count > 0;
}

static inline struct httpd_exchange *wait_for_exchange(struct fixture *fixture) {
    assert_true(loop_run_until(fixture->loop, has_waiting, fixture, CLIENT_DEADLINE_MS));
    return fixture->waiting[--fixture->waiting_count];
}

static inline bool has_no_connection(void *arg) {
    return httpd_connections(((struct fixture *)arg)->httpd) == 0;
}

static inline void wait_for_no_connection(struct fixture *fixture) {
    assert_true(loop_run_until(fixture->loop, has_no_connection, fixture, CLIENT_DEADLINE_MS));
}

static inline void reset(struct client *client) {
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_close(client);
}

static inline void ask(struct fixture *fixture, const char *request, const char *statuses) {
    struct client *client = connect_to(fixture);
    assert_true(client_send(client, str_of(request)));
    assert_true(client_wait_end(client));
    assert_statuses(client, statuses);
    client_close(client);
}

#endif
