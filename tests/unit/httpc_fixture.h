/* A client on a loop, with two servers: the program's own, which echoes, and one that does as bad as a row says. */
#ifndef TESTS_HTTPC_FIXTURE_H
#define TESTS_HTTPC_FIXTURE_H

#include "common/httpc.h"
#include "common/httpd.h"
#include "common/listener.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 20000, MOST_CALLS = 64 };

#define BYTES(literal)                                                                                                 \
    { (literal), sizeof(literal) - 1 }

/* What a bad server does once it has seen a request. */
enum then { THEN_CLOSE, THEN_RESET, THEN_HANG, THEN_REPEAT };

struct reply {
    const char *name;
    struct str bytes;
    enum then then;
    enum err err;
    int status;
    const char *what; /* the answer's `what` begins so */
    const char *note; /* and its `note`; NULL: there is none */
};

struct bad_conn {
    struct fixture *fixture;
    struct event *event;
    int fd;
};

struct result {
    struct fixture *fixture;
    struct httpc_call *call;
    int count;
    struct httpc_answer answer;
    char body[HTTPC_BODY_KEPT + 1];
};

struct fixture {
    struct loop *loop;
    struct httpd *httpd;
    struct httpc *httpc;
    struct listener *bad;
    const struct reply *reply;
    struct bad_conn conns[MOST_CALLS];
    size_t conn_count;
    struct result results[MOST_CALLS];
    size_t sent, done;
    size_t most_connections;
};

static inline void answer_with(struct httpd_exchange *exchange, int status, const char *retry_after) {
    const struct http_header header = {STR("Retry-After"), str_of(retry_after)};
    httpd_answer(exchange, status, &header, retry_after == NULL ? 0 : 1, STR("sorry"));
}

/* The request as it came, one line each. */
static inline void echo(struct httpd_exchange *exchange) {
    const struct http_request *request = httpd_request(exchange);
    struct strbuf text = {0};
    strbuf_printf(&text, STR_FMT " " STR_FMT "\n", STR_ARG(request->method), STR_ARG(request->target));
    for (size_t i = 0; i < request->header_count; i++)
        strbuf_printf(&text, STR_FMT "=" STR_FMT "\n", STR_ARG(request->headers[i].name),
                      STR_ARG(request->headers[i].value));
    strbuf_append(&text, request->body);
    httpd_answer(exchange, 200, NULL, 0, strbuf_str(&text));
    strbuf_clear(&text);
}

static inline void handle(struct httpd_exchange *exchange, void *arg) {
    struct fixture *fixture = arg;
    struct str target = httpd_request(exchange)->target;
    if (httpd_connections(fixture->httpd) > fixture->most_connections)
        fixture->most_connections = httpd_connections(fixture->httpd);
    if (str_eq(target, STR("/seconds")))
        answer_with(exchange, 503, "120");
    else if (str_eq(target, STR("/fraction")))
        answer_with(exchange, 503, "120.1");
    else if (str_eq(target, STR("/no-fraction")))
        answer_with(exchange, 503, "120.0");
    else if (str_eq(target, STR("/half-a-fraction")))
        answer_with(exchange, 503, "120.x");
    else if (str_eq(target, STR("/date")))
        answer_with(exchange, 503, "Fri, 06 Sep 2024 12:00:30 GMT");
    else if (str_eq(target, STR("/past")))
        answer_with(exchange, 503, "Fri, 06 Sep 2024 11:00:00 GMT");
    else if (str_eq(target, STR("/unreadable")))
        answer_with(exchange, 503, "soon");
    else if (str_eq(target, STR("/endless")))
        answer_with(exchange, 429, "99999999999999");
    else if (str_eq(target, STR("/plain")))
        answer_with(exchange, 500, NULL);
    else if (str_eq(target, STR("/redirect")))
        answer_with(exchange, 302, NULL);
    else
        echo(exchange);
}

static inline void bad_repeat(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct bad_conn *conn = arg;
    struct str bytes = conn->fixture->reply->bytes;
    ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        event_del(conn->event);
}

static inline void bad_end(struct bad_conn *conn) {
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (conn->fixture->reply->then == THEN_RESET)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    event_free(conn->event);
    close(conn->fd);
    conn->event = NULL;
}

static inline void bad_on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct bad_conn *conn = arg;
    const struct reply *reply = conn->fixture->reply;
    char bytes[65536];
    if (recv(fd, bytes, sizeof bytes, 0) <= 0) {
        bad_end(conn);
        return;
    }
    if (reply->then == THEN_REPEAT) {
        event_del(conn->event);
        event_assign(conn->event, loop_base(conn->fixture->loop), fd, EV_WRITE | EV_PERSIST, bad_repeat, conn);
        event_add(conn->event, NULL);
        return;
    }
    ssize_t sent = send(fd, reply->bytes.at, reply->bytes.len, MSG_NOSIGNAL);
    assert_int_equal(sent, reply->bytes.len);
    if (reply->then != THEN_HANG)
        bad_end(conn);
}

static inline void bad_on_accept(int fd, const struct netaddr *peer, bool refuse, void *arg) {
    (void)peer;
    struct fixture *fixture = arg;
    assert_false(refuse);
    assert_true(fixture->conn_count < MOST_CALLS);
    struct bad_conn *conn = &fixture->conns[fixture->conn_count++];
    *conn = (struct bad_conn){.fixture = fixture, .fd = fd};
    conn->event = event_new(loop_base(fixture->loop), fd, EV_READ | EV_PERSIST, bad_on_readable, conn);
    event_add(conn->event, NULL);
}

static const struct httpd_limits server_limits = {.body_len = 4 << 20,
                                                  .header_len = 16384,
                                                  .header_count = 100,
                                                  .connections = 1000,
                                                  .request_ms = 60000,
                                                  .idle_ms = 60000};

static inline struct fixture *start(size_t max_answer_len) {
    struct fixture *fixture = MEM_NEW(struct fixture);
    fixture->loop = loop_new();
    const struct httpd_options server = {
        .loop = fixture->loop, .listen = "127.0.0.1:0", .limits = server_limits, .handler = handle, .arg = fixture};
    const struct listener_options bad = {
        .loop = fixture->loop, .address = "127.0.0.1:0", .on_accept = bad_on_accept, .arg = fixture};
    const struct httpc_options client = {
        .loop = fixture->loop, .max_idle_connections = 8, .max_answer_len = max_answer_len, .user_agent = "test/1"};
    assert_int_equal(httpd_new(&server, &fixture->httpd, NULL), ERR_NONE);
    assert_int_equal(listener_open(&bad, &fixture->bad, NULL), ERR_NONE);
    fixture->httpc = httpc_new(&client);
    return fixture;
}

static inline void stop(struct fixture *fixture) {
    httpc_free(fixture->httpc);
    for (size_t i = 0; i < fixture->conn_count; i++)
        if (fixture->conns[i].event != NULL)
            bad_end(&fixture->conns[i]);
    listener_close(fixture->bad);
    httpd_free(fixture->httpd);
    loop_free(fixture->loop);
    mem_free(fixture);
}

static inline void on_done(const struct httpc_answer *answer, void *arg) {
    struct result *result = arg;
    result->count++;
    result->answer = *answer;
    assert_true(answer->body.len <= HTTPC_BODY_KEPT);
    memcpy(result->body, answer->body.at, answer->body.len);
    result->body[answer->body.len] = '\0';
    result->answer.body = str_slice(result->body, answer->body.len);
    result->call = NULL;
    result->fixture->done++;
}

static inline struct result *send_request(struct fixture *fixture, const struct httpc_request *request) {
    assert_true(fixture->sent < MOST_CALLS);
    struct result *result = &fixture->results[fixture->sent++];
    result->fixture = fixture;
    result->call = httpc_send(fixture->httpc, request, on_done, result);
    assert_int_equal(result->count, 0);
    return result;
}

static inline struct result *send_to(struct fixture *fixture, uint16_t port, const char *path) {
    char url[200];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)port, path);
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(url),
                                          .body = STR("{}"),
                                          .timeout_ms = DEADLINE_MS,
                                          .connect_timeout_ms = DEADLINE_MS};
    return send_request(fixture, &request);
}

static inline bool all_done(void *arg) {
    struct fixture *fixture = arg;
    return fixture->done == fixture->sent;
}

static inline void wait_all(struct fixture *fixture) {
    assert_true(loop_run_until(fixture->loop, all_done, fixture, DEADLINE_MS));
    assert_int_equal(httpc_in_flight(fixture->httpc), 0);
}

static inline int init_curl(void **state) {
    (void)state;
    return httpc_global_init() == ERR_NONE ? 0 : -1;
}

static inline int clear_curl(void **state) {
    (void)state;
    httpc_global_clear();
    return 0;
}

#endif
