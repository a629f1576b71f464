/* The client against servers that answer badly, slowly or not at all. */
#include "tests/unit/httpc_fixture.h"

#define KIB "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n"

static const struct reply bad_replies[] = {
    {"closes at once", BYTES(""), THEN_CLOSE, ERR_CLOSED, 0, "closed without an answer", NULL},
    {"resets", BYTES(""), THEN_RESET, ERR_CLOSED, 0, "connection broken", NULL},
    {"closes in the head", BYTES("HTTP/1.1 200 O"), THEN_CLOSE, ERR_CLOSED, 0, "closed without an answer", NULL},
    {"closes in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), THEN_CLOSE, ERR_NONE, 200,
     "200 OK", "body cut short: closed in the middle of the answer"},
    {"closes in a chunk", BYTES("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), THEN_CLOSE,
     ERR_NONE, 201, "201 Created", "body cut short: closed in the middle of the answer"},
    {"resets in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), THEN_RESET, ERR_NONE, 200,
     "200 OK", "body cut short: connection broken"},
    {"closes before the body", BYTES("HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n"), THEN_CLOSE, ERR_NONE, 202,
     "202 Accepted", "body cut short: closed in the middle of the answer"},
    {"closes in the body of a refusal", BYTES("HTTP/1.1 410 Gone\r\nContent-Length: 10\r\n\r\nabc"), THEN_CLOSE,
     ERR_NONE, 410, "410 Gone", "body cut short: closed in the middle of the answer"},
    {"garbage", BYTES("220 smtp.example.com ESMTP\r\n"), THEN_CLOSE, ERR_IO, 0, "not an HTTP/1 answer", NULL},
    {"binary garbage", BYTES("\0\1\2\3\r\n\r\n"), THEN_CLOSE, ERR_IO, 0, "not an HTTP/1 answer", NULL},
    {"a body that never ends", BYTES("HTTP/1.1 200 OK\r\n\r\n" KIB KIB KIB KIB), THEN_REPEAT, ERR_NONE, 200, "200 OK",
     "body cut short: answer longer than 64 KiB"},
    {"a failure whose body never ends", BYTES("HTTP/1.1 500 Oh\r\n\r\n" KIB KIB KIB KIB), THEN_REPEAT, ERR_NONE, 500,
     "500", "body cut short: answer longer than 64 KiB"},
    {"headers that never end", BYTES("HTTP/1.1 100 Continue\r\n\r\n"), THEN_REPEAT, ERR_LIMIT, 0,
     "headers longer than 64 KiB", NULL},
    {"a long answer that is told", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"), THEN_CLOSE, ERR_NONE,
     200, "200", NULL},
    {"no length", BYTES("HTTP/1.0 404 Not Found\r\n\r\nabc"), THEN_CLOSE, ERR_NONE, 404, "404 Not Found", NULL},
    {"an unasked 100 first", BYTES("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"),
     THEN_HANG, ERR_NONE, 410, "410 Gone", NULL},
    {"chunk size malformed", BYTES("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab"), THEN_CLOSE,
     ERR_NONE, 200, "200 OK", "body cut short: connection broken"},
};

/* A head that is whole is the answer, also where its body is not. (fault 3.4) */
static void bad_servers_are_survived(void **state) {
    (void)state;
    size_t failed = 0;
    struct fixture *fixture = start(64 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(bad_replies); i++) {
        const struct reply *row = fixture->reply = &bad_replies[i];
        struct result *result = send_to(fixture, netaddr_port(listener_address(fixture->bad)), "/");
        wait_all(fixture);
        const struct httpc_answer *answer = &result->answer;
        bool is_right =
            answer->err == row->err && answer->status == row->status && result->count == 1 &&
            str_starts_with(str_of(answer->what), str_of(row->what)) &&
            (row->note == NULL ? answer->note[0] == '\0' : str_starts_with(str_of(answer->note), str_of(row->note)));
        if (!is_right)
            print_error("%s: %s, %d, \"%s\", \"%s\"\n", row->name, err_name(answer->err), answer->status, answer->what,
                        answer->note);
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
        {"before the answer", BYTES(""), THEN_HANG, ERR_TIMEOUT, 0, "no answer within 300 ms", NULL},
        {"in the head", BYTES("HTTP/1.1 200 OK\r\nX-A: b\r\n"), THEN_HANG, ERR_TIMEOUT, 0,
         "no whole answer within 300 ms", NULL},
        {"in the body", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), THEN_HANG, ERR_NONE, 200, "200 OK",
         "body cut short: it did not end within 300 ms"},
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
        assert_int_equal(result->answer.err, hangs[i].err);
        assert_int_equal(result->answer.status, hangs[i].status);
        assert_string_equal(result->answer.what, hangs[i].what);
        assert_string_equal(result->answer.note, hangs[i].note == NULL ? "" : hangs[i].note);
        assert_true(result->answer.duration_us >= 290000);
    }
    stop(fixture);
}

/* The rest of a body is waited for a moment, not as long as an attempt may take. (fault 3.4) */
static void a_body_that_does_not_end_is_left(void **state) {
    (void)state;
    static const struct reply hang = {
        "hangs", BYTES("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), THEN_HANG, ERR_NONE, 200, "", NULL};
    struct fixture *fixture = start(1 << 20);
    fixture->reply = &hang;
    struct result *result = send_to(fixture, netaddr_port(listener_address(fixture->bad)), "/");
    wait_all(fixture);
    assert_int_equal(result->answer.status, 200);
    assert_string_equal(result->answer.note, "body cut short: it did not end within 1 s");
    assert_true(result->answer.duration_us < (int64_t)DEADLINE_MS * 1000 / 2);
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
    static const struct reply plain = {"not TLS", BYTES("HTTP/1.1 400 Bad Request\r\n\r\n"), THEN_CLOSE, ERR_IO, 0, "",
                                       NULL};
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
        cmocka_unit_test(a_body_that_does_not_end_is_left),
        cmocka_unit_test(a_connection_that_does_not_come_is_given_up),
        cmocka_unit_test(refusal_and_tls_trouble_are_told),
    };
    return cmocka_run_group_tests_name("httpc against bad servers", tests, init_curl, clear_curl);
}
