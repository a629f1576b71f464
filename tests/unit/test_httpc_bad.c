/* The client against servers that answer badly, slowly or not at all. */
#include "tests/unit/httpc_fixture.h"

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
        {"before the answer", BYTES(""), THEN_HANG, ERR_TIMEOUT, 0, "no answer within 300 ms"},
        {"in the head", BYTES("HTTP/1.1 200 OK\r\nX-A: b\r\n"), THEN_HANG, ERR_TIMEOUT, 0,
         "no whole answer within 300 ms"},
        {"in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), THEN_HANG, ERR_TIMEOUT, 0,
         "no whole answer within 300 ms"},
    };
    struct fixture *fixture = start(1 << 20);
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)netaddr_port(listener_address(fixture->bad)));
    for (size_t i = 0; i < ARRAY_LEN(hangs); i++) {
        fixture->reply = &hangs[i];
        const struct httpc_request request = {
            .method = STR("POST"), .url = str_of(url), .timeout_ms = 300, .connect_timeout_ms = DEADLINE_MS};
        struct result *result = send_request(fixture, &request);
        wait_all(fixture);
        assert_int_equal(result->answer.err, ERR_TIMEOUT);
        assert_int_equal(result->answer.status, 0);
        assert_string_equal(result->answer.what, hangs[i].what);
        assert_true(result->answer.duration_us >= 290000);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_servers_are_survived),
        cmocka_unit_test(what_takes_too_long_is_given_up),
        cmocka_unit_test(a_connection_that_does_not_come_is_given_up),
        cmocka_unit_test(refusal_and_tls_trouble_are_told),
    };
    return cmocka_run_group_tests_name("httpc against bad servers", tests, init_curl, clear_curl);
}
