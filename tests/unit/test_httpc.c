/* The client against the server of this program, and against servers that answer badly, slowly or not at all. */
#include "common/clock.h"
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

static void answer_with(struct httpd_exchange *exchange, int status, const char *retry_after) {
    const struct http_header header = {STR("Retry-After"), str_of(retry_after)};
    httpd_answer(exchange, status, &header, retry_after == NULL ? 0 : 1, STR("sorry"));
}

/* The request as it came, one line each. */
static void echo(struct httpd_exchange *exchange) {
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

static void handle(struct httpd_exchange *exchange, void *arg) {
    struct fixture *fixture = arg;
    struct str target = httpd_request(exchange)->target;
    if (httpd_connections(fixture->httpd) > fixture->most_connections)
        fixture->most_connections = httpd_connections(fixture->httpd);
    if (str_eq(target, STR("/seconds")))
        answer_with(exchange, 503, "120");
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

static void bad_repeat(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct bad_conn *conn = arg;
    struct str bytes = conn->fixture->reply->bytes;
    ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        event_del(conn->event);
}

static void bad_end(struct bad_conn *conn) {
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (conn->fixture->reply->then == THEN_RESET)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    event_free(conn->event);
    close(conn->fd);
    conn->event = NULL;
}

static void bad_on_readable(evutil_socket_t fd, short what, void *arg) {
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

static void bad_on_accept(int fd, const struct netaddr *peer, bool refuse, void *arg) {
    (void)peer;
    struct fixture *fixture = arg;
    assert_false(refuse);
    assert_true(fixture->conn_count < MOST_CALLS);
    struct bad_conn *conn = &fixture->conns[fixture->conn_count++];
    *conn = (struct bad_conn){.fixture = fixture, .fd = fd};
    conn->event = event_new(loop_base(fixture->loop), fd, EV_READ | EV_PERSIST, bad_on_readable, conn);
    event_add(conn->event, NULL);
}

static const struct httpd_limits limits = {.body_len = 4 << 20,
                                           .header_len = 16384,
                                           .header_count = 100,
                                           .connections = 1000,
                                           .request_ms = 60000,
                                           .idle_ms = 60000};

static struct fixture *start(size_t max_answer_len) {
    struct fixture *fixture = MEM_NEW(struct fixture);
    fixture->loop = loop_new();
    const struct httpd_options server = {
        .loop = fixture->loop, .listen = "127.0.0.1:0", .limits = limits, .handler = handle, .arg = fixture};
    const struct listener_options bad = {
        .loop = fixture->loop, .address = "127.0.0.1:0", .on_accept = bad_on_accept, .arg = fixture};
    const struct httpc_options client = {
        .loop = fixture->loop, .max_idle_connections = 8, .max_answer_len = max_answer_len, .user_agent = "test/1"};
    assert_int_equal(httpd_new(&server, &fixture->httpd, NULL), ERR_NONE);
    assert_int_equal(listener_open(&bad, &fixture->bad, NULL), ERR_NONE);
    fixture->httpc = httpc_new(&client);
    return fixture;
}

static void stop(struct fixture *fixture) {
    httpc_free(fixture->httpc);
    for (size_t i = 0; i < fixture->conn_count; i++)
        if (fixture->conns[i].event != NULL)
            bad_end(&fixture->conns[i]);
    listener_close(fixture->bad);
    httpd_free(fixture->httpd);
    loop_free(fixture->loop);
    mem_free(fixture);
}

static void on_done(const struct httpc_answer *answer, void *arg) {
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

static struct result *send_request(struct fixture *fixture, const struct httpc_request *request) {
    assert_true(fixture->sent < MOST_CALLS);
    struct result *result = &fixture->results[fixture->sent++];
    result->fixture = fixture;
    result->call = httpc_send(fixture->httpc, request, on_done, result);
    assert_int_equal(result->count, 0);
    return result;
}

static struct result *send_to(struct fixture *fixture, uint16_t port, const char *path) {
    char url[200];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", (unsigned)port, path);
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(url),
                                          .body = STR("{}"),
                                          .timeout_ms = DEADLINE_MS,
                                          .connect_timeout_ms = DEADLINE_MS};
    return send_request(fixture, &request);
}

static bool all_done(void *arg) {
    struct fixture *fixture = arg;
    return fixture->done == fixture->sent;
}

static void wait_all(struct fixture *fixture) {
    assert_true(loop_run_until(fixture->loop, all_done, fixture, DEADLINE_MS));
    assert_int_equal(httpc_in_flight(fixture->httpc), 0);
}

static void a_request_arrives_as_given_and_with_nothing_added(void **state) {
    (void)state;
    struct fixture *fixture = start(1 << 20);
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/a/../b?c=d", (unsigned)httpd_port(fixture->httpd));
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("X-Empty"), STR("")},
        {STR("X-Twice"), STR("1")},
        {STR("X-Twice"), STR(" 2 ")},
        {STR("Content-Length"), STR("999")},
        {STR("Transfer-Encoding"), STR("chunked")},
        {STR("Connection"), STR("close")},
        {STR("Expect"), STR("100-continue")},
    };
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(url),
                                          .headers = headers,
                                          .header_count = ARRAY_LEN(headers),
                                          .body = STR("{\"a\":1}"),
                                          .timeout_ms = DEADLINE_MS,
                                          .connect_timeout_ms = DEADLINE_MS};
    struct result *result = send_request(fixture, &request);
    wait_all(fixture);
    assert_int_equal(result->answer.err, ERR_NONE);
    assert_int_equal(result->answer.status, 200);
    assert_int_equal(result->answer.retry_after_ms, -1);
    assert_true(result->answer.duration_us > 0);
    struct strbuf expected = {0};
    strbuf_printf(&expected,
                  "POST /a/../b?c=d\nHost=127.0.0.1:%u\nUser-Agent=test/1\nContent-Type=application/json\nX-Empty=\n"
                  "X-Twice=1\nX-Twice=2\nContent-Length=7\n{\"a\":1}",
                  (unsigned)httpd_port(fixture->httpd));
    assert_string_equal(result->body, expected.at);
    strbuf_clear(&expected);
    stop(fixture);
}

static void one_handle_serves_all_methods(void **state) {
    (void)state;
    static const struct {
        struct str method, body;
        const char *begins;
    } rows[] = {
        {BYTES("POST"), BYTES("x"), "POST /"}, {BYTES("GET"), {NULL, 0}, "GET /"},
        {BYTES("POST"), {NULL, 0}, "POST /"},  {BYTES("PUT"), BYTES("x"), "PUT /"},
        {BYTES("HEAD"), {NULL, 0}, ""},        {BYTES("DELETE"), {NULL, 0}, "DELETE /"},
        {BYTES("GET"), {NULL, 0}, "GET /"},    {BYTES("PATCH"), BYTES("y"), "PATCH /"},
        {BYTES("POST"), BYTES("z"), "POST /"},
    };
    struct fixture *fixture = start(1 << 20);
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)httpd_port(fixture->httpd));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct httpc_request request = {.method = rows[i].method,
                                              .url = str_of(url),
                                              .body = rows[i].body,
                                              .timeout_ms = DEADLINE_MS,
                                              .connect_timeout_ms = DEADLINE_MS};
        struct result *result = send_request(fixture, &request);
        wait_all(fixture);
        assert_int_equal(result->answer.status, 200);
        assert_true(str_starts_with(result->answer.body, str_of(rows[i].begins)));
        assert_true(str_ends_with(result->answer.body, rows[i].body));
    }
    assert_int_equal(fixture->most_connections, 1);
    stop(fixture);
}

static void connections_are_used_again(void **state) {
    (void)state;
    struct fixture *fixture = start(1 << 20);
    for (int i = 0; i < 20; i++) {
        send_to(fixture, httpd_port(fixture->httpd), "/");
        wait_all(fixture);
    }
    assert_int_equal(fixture->most_connections, 1);
    for (int i = 0; i < 5; i++)
        send_to(fixture, httpd_port(fixture->httpd), "/");
    wait_all(fixture);
    assert_int_equal(fixture->most_connections, 5);
    for (size_t i = 0; i < fixture->sent; i++)
        assert_int_equal(fixture->results[i].answer.status, 200);
    stop(fixture);
}

static void a_large_body_arrives_whole(void **state) {
    (void)state;
    struct fixture *fixture = start(8 << 20);
    char url[100];
    size_t len = 3 << 20;
    char *body = mem_alloc(len);
    memset(body, 'b', len);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)httpd_port(fixture->httpd));
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(url),
                                          .body = str_slice(body, len),
                                          .timeout_ms = DEADLINE_MS,
                                          .connect_timeout_ms = DEADLINE_MS};
    struct result *result = send_request(fixture, &request);
    memset(body, 'x', len);
    mem_free(body);
    wait_all(fixture);
    assert_int_equal(result->answer.status, 200);
    assert_int_equal(result->answer.body.len, HTTPC_BODY_KEPT);
    assert_non_null(strstr(result->body, "Content-Length=3145728\nbbb"));
    stop(fixture);
}

static void retry_after_is_read(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int status;
        int64_t ms;
    } rows[] = {
        {"/seconds", 503, 120000},
        {"/date", 503, 30000},
        {"/past", 503, 0},
        {"/unreadable", 503, -1},
        {"/endless", 429, INT64_C(365) * 24 * 3600 * 1000},
        {"/plain", 500, -1},
        {"/redirect", 302, -1},
    };
    clock_set_wall_ms(INT64_C(1725624000000)); /* 2024-09-06T12:00:00Z */
    struct fixture *fixture = start(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct result *result = send_to(fixture, httpd_port(fixture->httpd), rows[i].path);
        wait_all(fixture);
        assert_int_equal(result->answer.err, ERR_NONE);
        assert_int_equal(result->answer.status, rows[i].status);
        assert_int_equal(result->answer.retry_after_ms, rows[i].ms);
        assert_string_equal(result->body, "sorry");
    }
    clock_set_wall_ms(-1);
    stop(fixture);
}

#define KIB "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"

static const struct reply bad_replies[] = {
    {"closes at once", BYTES(""), THEN_CLOSE, ERR_CLOSED, 0, "closed without an answer"},
    {"resets", BYTES(""), THEN_RESET, ERR_CLOSED, 0, "connection broken"},
    {"closes in the head", BYTES("HTTP/1.1 200 O"), THEN_CLOSE, ERR_CLOSED, 0, "closed without an answer"},
    {"closes in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), THEN_CLOSE, ERR_CLOSED, 0,
     "closed in the middle of the answer"},
    {"closes in a chunk", BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), THEN_CLOSE, ERR_CLOSED,
     0, "closed in the middle of the answer"},
    {"resets in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), THEN_RESET, ERR_CLOSED, 0,
     "connection broken"},
    {"garbage", BYTES("220 smtp.example.com ESMTP\r\n"), THEN_CLOSE, ERR_IO, 0, "not an HTTP/1 answer"},
    {"binary garbage", BYTES("\0\1\2\3\r\n\r\n"), THEN_CLOSE, ERR_IO, 0, "not an HTTP/1 answer"},
    {"a body that never ends", BYTES("HTTP/1.1 200 OK\r\n\r\n" KIB KIB KIB KIB), THEN_REPEAT, ERR_LIMIT, 0,
     "answer longer than 64 KiB"},
    {"headers that never end", BYTES("HTTP/1.1 100 Continue\r\n\r\n"), THEN_REPEAT, ERR_LIMIT, 0,
     "headers longer than 64 KiB"},
    {"a long answer that is told", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"), THEN_CLOSE, ERR_NONE,
     200, "200"},
    {"no length", BYTES("HTTP/1.0 404 Not Found\r\n\r\nabc"), THEN_CLOSE, ERR_NONE, 404, "404 Not Found"},
    {"an unasked 100 first", BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
     THEN_HANG, ERR_NONE, 410, "410 Gone"},
    {"chunk size malformed", BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab"), THEN_CLOSE,
     ERR_CLOSED, 0, "connection broken"},
};

static void bad_servers_are_survived(void **state) {
    (void)state;
    size_t failed = 0;
    struct fixture *fixture = start(64 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(bad_replies); i++) {
        const struct reply *row = fixture->reply = &bad_replies[i];
        struct result *result = send_to(fixture, netaddr_port(listener_address(fixture->bad)), "/");
        wait_all(fixture);
        const struct httpc_answer *answer = &result->answer;
        bool is_right = answer->err == row->err && answer->status == row->status && result->count == 1 &&
                        str_starts_with(str_of(answer->what), str_of(row->what));
        if (!is_right)
            print_error("%s: %s, %d, \"%s\"\n", row->name, err_name(answer->err), answer->status, answer->what);
        failed += is_right ? 0 : 1;
        struct result *good = send_to(fixture, httpd_port(fixture->httpd), "/after");
        wait_all(fixture);
        assert_int_equal(good->answer.status, 200);
    }
    assert_int_equal(failed, 0);
    stop(fixture);
}

static void what_takes_too_long_is_given_up(void **state) {
    (void)state;
    static const struct reply hangs[] = {
        {"before the answer", BYTES(""), THEN_HANG, ERR_TIMEOUT, 0, "no answer within 50 ms"},
        {"in the head", BYTES("HTTP/1.1 200 OK\r\nX-A: b\r\n"), THEN_HANG, ERR_TIMEOUT, 0,
         "no whole answer within 50 ms"},
        {"in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), THEN_HANG, ERR_TIMEOUT, 0,
         "no whole answer within 50 ms"},
    };
    struct fixture *fixture = start(1 << 20);
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)netaddr_port(listener_address(fixture->bad)));
    for (size_t i = 0; i < ARRAY_LEN(hangs); i++) {
        fixture->reply = &hangs[i];
        const struct httpc_request request = {
            .method = STR("POST"), .url = str_of(url), .timeout_ms = 50, .connect_timeout_ms = DEADLINE_MS};
        struct result *result = send_request(fixture, &request);
        wait_all(fixture);
        assert_int_equal(result->answer.err, ERR_TIMEOUT);
        assert_int_equal(result->answer.status, 0);
        assert_string_equal(result->answer.what, hangs[i].what);
        assert_true(result->answer.duration_us >= 40000);
    }
    stop(fixture);
}

/* A listener whose queue is full does not answer to a SYN. */
static void a_connection_that_does_not_come_is_given_up(void **state) {
    (void)state;
    struct fixture *fixture = start(1 << 20);
    struct netaddr address;
    assert_int_equal(netaddr_parse("127.0.0.1:0", &address, NULL), ERR_NONE);
    int listening = socket(AF_INET, SOCK_STREAM, 0), filling[4];
    assert_int_equal(bind(listening, (struct sockaddr *)&address.storage, address.len), 0);
    assert_int_equal(listen(listening, 0), 0);
    getsockname(listening, (struct sockaddr *)&address.storage, &address.len);
    for (size_t i = 0; i < ARRAY_LEN(filling); i++) {
        filling[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int connected = connect(filling[i], (struct sockaddr *)&address.storage, address.len);
        assert_true(connected == 0 || errno == EINPROGRESS);
    }
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)netaddr_port(&address));
    const struct httpc_request request = {
        .method = STR("POST"), .url = str_of(url), .timeout_ms = DEADLINE_MS, .connect_timeout_ms = 60};
    struct result *result = send_request(fixture, &request);
    wait_all(fixture);
    assert_int_equal(result->answer.err, ERR_TIMEOUT);
    assert_string_equal(result->answer.what, "no connection within 60 ms");
    for (size_t i = 0; i < ARRAY_LEN(filling); i++)
        close(filling[i]);
    close(listening);
    stop(fixture);
}

static void refusal_and_tls_trouble_are_told(void **state) {
    (void)state;
    static const struct reply plain = {"not TLS", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), THEN_CLOSE, ERR_IO, 0, ""};
    struct fixture *fixture = start(1 << 20);
    uint16_t bad_port = netaddr_port(listener_address(fixture->bad));
    char url[100];
    fixture->reply = &plain;
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", (unsigned)bad_port);
    const struct httpc_request request = {
        .method = STR("POST"), .url = str_of(url), .timeout_ms = DEADLINE_MS, .connect_timeout_ms = DEADLINE_MS};
    struct result *tls = send_request(fixture, &request);
    wait_all(fixture);
    assert_int_equal(tls->answer.err, ERR_IO);
    assert_true(str_starts_with(str_of(tls->answer.what), STR("TLS: ")));
    listener_close(fixture->bad);
    fixture->bad = NULL;
    struct result *refused = send_to(fixture, bad_port, "/");
    wait_all(fixture);
    assert_int_equal(refused->answer.err, ERR_CLOSED);
    assert_string_equal(refused->answer.what, "connection refused");
    stop(fixture);
}

static void invalid_requests_are_told_later(void **state) {
    (void)state;
    static const struct {
        struct str method, url;
        struct http_header header;
    } rows[] = {
        {BYTES("POST"), BYTES("ftp://127.0.0.1/"), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES("127.0.0.1"), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES(""), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/a b"), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/\r\nX: y"), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/\0"), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://:99999999/"), {BYTES("A"), BYTES("b")}},
        {BYTES("PO ST"), BYTES("http://127.0.0.1/"), {BYTES("A"), BYTES("b")}},
        {BYTES(""), BYTES("http://127.0.0.1/"), {BYTES("A"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/"), {BYTES("A b"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/"), {BYTES("A:"), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/"), {BYTES(""), BYTES("b")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/"), {BYTES("A"), BYTES("b\r\nX: y")}},
        {BYTES("POST"), BYTES("http://127.0.0.1/"), {BYTES("A"), BYTES("b\0")}},
    };
    struct fixture *fixture = start(1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct httpc_request request = {.method = rows[i].method,
                                              .url = rows[i].url,
                                              .headers = &rows[i].header,
                                              .header_count = 1,
                                              .timeout_ms = DEADLINE_MS,
                                              .connect_timeout_ms = DEADLINE_MS};
        struct result *result = send_request(fixture, &request);
        assert_int_equal(httpc_in_flight(fixture->httpc), 1);
        wait_all(fixture);
        assert_int_equal(result->answer.err, ERR_INVALID);
        assert_int_equal(result->count, 1);
        assert_true(result->answer.what[0] != '\0');
    }
    stop(fixture);
}

static void a_cancelled_call_is_not_heard_of_again(void **state) {
    (void)state;
    static const struct reply hang = {"hangs", BYTES(""), THEN_HANG, ERR_NONE, 0, ""};
    struct fixture *fixture = start(1 << 20);
    fixture->reply = &hang;
    struct result *valid = send_to(fixture, netaddr_port(listener_address(fixture->bad)), "/");
    struct result *invalid = send_to(fixture, 1, " ");
    assert_int_equal(httpc_in_flight(fixture->httpc), 2);
    httpc_cancel(valid->call);
    httpc_cancel(invalid->call);
    assert_int_equal(httpc_in_flight(fixture->httpc), 0);
    fixture->sent = 0;
    struct result *good = send_to(fixture, httpd_port(fixture->httpd), "/");
    fixture->sent = 1;
    wait_all(fixture);
    assert_int_equal(good->answer.status, 200);
    assert_int_equal(invalid->count, 0);
    stop(fixture);
}

static void freeing_ends_what_is_in_flight(void **state) {
    (void)state;
    static const struct reply hang = {"hangs", BYTES(""), THEN_HANG, ERR_NONE, 0, ""};
    struct fixture *fixture = start(1 << 20);
    fixture->reply = &hang;
    for (int i = 0; i < 10; i++)
        send_to(fixture, netaddr_port(listener_address(fixture->bad)), i % 3 == 0 ? " " : "/");
    assert_int_equal(httpc_in_flight(fixture->httpc), 10);
    stop(fixture);
}

static void on_done_send_again(const struct httpc_answer *answer, void *arg) {
    struct result *result = arg;
    on_done(answer, arg);
    if (result->fixture->sent < 20)
        send_to(result->fixture, httpd_port(result->fixture->httpd), "/again");
}

static void a_callback_may_send_and_cancel(void **state) {
    (void)state;
    struct fixture *fixture = start(1 << 20);
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)httpd_port(fixture->httpd));
    const struct httpc_request request = {
        .method = STR("POST"), .url = str_of(url), .timeout_ms = DEADLINE_MS, .connect_timeout_ms = DEADLINE_MS};
    for (int i = 0; i < 5; i++) {
        struct result *result = &fixture->results[fixture->sent++];
        result->fixture = fixture;
        result->call = httpc_send(fixture->httpc, &request, on_done_send_again, result);
    }
    wait_all(fixture);
    assert_int_equal(fixture->done, 10);
    stop(fixture);
}

static int init(void **state) {
    (void)state;
    return httpc_global_init() == ERR_NONE ? 0 : -1;
}

static int clear(void **state) {
    (void)state;
    httpc_global_clear();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_as_given_and_with_nothing_added),
        cmocka_unit_test(one_handle_serves_all_methods),
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(retry_after_is_read),
        cmocka_unit_test(bad_servers_are_survived),
        cmocka_unit_test(what_takes_too_long_is_given_up),
        cmocka_unit_test(a_connection_that_does_not_come_is_given_up),
        cmocka_unit_test(refusal_and_tls_trouble_are_told),
        cmocka_unit_test(invalid_requests_are_told_later),
        cmocka_unit_test(a_cancelled_call_is_not_heard_of_again),
        cmocka_unit_test(freeing_ends_what_is_in_flight),
        cmocka_unit_test(a_callback_may_send_and_cancel),
    };
    return cmocka_run_group_tests_name("httpc", tests, init, clear);
}
