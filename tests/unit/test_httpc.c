/* The client: what it sends, what it reads, how it reuses, and how its calls end. */
#include "tests/unit/httpc_fixture.h"

#include "common/clock.h"

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

/* What is small is the caller's again at once; what is large, when the answer is there. */
static void check_body_of(size_t len, bool is_copied) {
    struct fixture *fixture = start(8 << 20);
    char url[100], shown[100];
    char *body = mem_alloc(len);
    memset(body, 'b', len);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)httpd_port(fixture->httpd));
    const struct httpc_request request = {.method = STR("POST"),
                                          .url = str_of(url),
                                          .body = str_slice(body, len),
                                          .timeout_ms = DEADLINE_MS,
                                          .connect_timeout_ms = DEADLINE_MS};
    struct result *result = send_request(fixture, &request);
    if (is_copied)
        memset(body, 'x', len);
    wait_all(fixture);
    mem_free(body);
    assert_int_equal(result->answer.status, 200);
    assert_int_equal(result->answer.body.len, HTTPC_BODY_KEPT);
    snprintf(shown, sizeof shown, "Content-Length=%zu\nbbb", len);
    assert_non_null(strstr(result->body, shown));
    stop(fixture);
}

static void a_large_body_arrives_whole(void **state) {
    (void)state;
    check_body_of(HTTPC_BODY_COPIED, true);
    check_body_of(HTTPC_BODY_COPIED + 1, false);
    check_body_of(3 << 20, false);
}

static void retry_after_is_read(void **state) {
    (void)state;
    static const struct {
        const char *path;
        int status;
        int64_t ms;
    } rows[] = {
        {"/seconds", 503, 120000},     {"/fraction", 503, 121000},
        {"/no-fraction", 503, 120000}, {"/half-a-fraction", 503, -1},
        {"/date", 503, 30000},         {"/past", 503, 0},
        {"/unreadable", 503, -1},      {"/endless", 429, INT64_C(365) * 24 * 3600 * 1000},
        {"/plain", 500, -1},           {"/redirect", 302, -1},
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
    static const struct reply hang = {"hangs", BYTES(""), THEN_HANG, ERR_NONE, 0, "", NULL};
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
    static const struct reply hang = {"hangs", BYTES(""), THEN_HANG, ERR_NONE, 0, "", NULL};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_as_given_and_with_nothing_added),
        cmocka_unit_test(one_handle_serves_all_methods),
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(retry_after_is_read),
        cmocka_unit_test(invalid_requests_are_told_later),
        cmocka_unit_test(a_cancelled_call_is_not_heard_of_again),
        cmocka_unit_test(freeing_ends_what_is_in_flight),
        cmocka_unit_test(a_callback_may_send_and_cancel),
    };
    return cmocka_run_group_tests_name("httpc", tests, init_curl, clear_curl);
}
