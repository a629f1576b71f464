/* Answers: put together in one buffer and sent with one write. The lines are appended by hand because printf would
 * cost more than all the rest of an answer. */
#include "common/httpd_conn.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdlib.h>
#include <time.h>

enum { OUTPUT_KEPT = 256 * 1024, FIXED_LEN = 256 /* the status line and our own headers, at most */ };

static struct str date_now(struct httpd *httpd) {
    int64_t now_s = clock_wall_ms() / 1000;
    if (now_s != httpd->date_s) {
        time_t seconds = (time_t)now_s;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        httpd->date_len = strftime(httpd->date, sizeof httpd->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        httpd->date_s = now_s; /* RFC 9110, 5.6.7 */
    }
    return str_slice(httpd->date, httpd->date_len);
}

static bool has_length(int status) {
    return status != 204 && status != 304; /* RFC 9110, 8.6 */
}

static char *put_number(char *to, int64_t number) {
    char digits[I64_TEXT_LEN];
    return str_put(to, str_of_i64(number, digits));
}

static char *put_status_line(char *to, int status) {
    to = str_put(to, STR("HTTP/1.1 "));
    to = put_number(to, status);
    to = str_put(to, STR(" "));
    return str_put(to, str_of(http_status_text(status)));
}

/* A value may hold text of a sender: what would end the line becomes a space. */
static char *put_header(char *to, const struct http_header *header) {
    to = str_put(to, header->name);
    to = str_put(to, STR(": "));
    char *value = to;
    to = str_put(to, header->value);
    if (!http_value_is_valid(header->value))
        for (char *at = value; at < to; at++)
            if (!http_value_is_valid(str_slice(at, 1)))
                *at = ' ';
    return str_put(to, STR("\r\n"));
}

void httpd_write_head(struct httpd *httpd, struct strbuf *out, int status, const struct http_header *headers,
                      size_t header_count, int64_t body_len, bool keep_alive) {
    size_t most = FIXED_LEN;
    for (size_t i = 0; i < header_count; i++)
        most += headers[i].name.len + headers[i].value.len + 4;
    strbuf_reserve(out, most);
    char *to = put_status_line(out->at + out->len, status);
    to = str_put(to, STR("\r\nDate: "));
    to = str_put(to, date_now(httpd));
    to = str_put(to, keep_alive ? STR("\r\nConnection: keep-alive\r\n") : STR("\r\nConnection: close\r\n"));
    if (keep_alive)
        to = str_put(to, str_of(httpd->keep_alive_line));
    if (body_len >= 0 && has_length(status)) {
        to = str_put(to, STR("Content-Length: "));
        to = put_number(to, body_len);
        to = str_put(to, STR("\r\n"));
    }
    for (size_t i = 0; i < header_count; i++)
        to = put_header(to, &headers[i]);
    to = str_put(to, STR("\r\n"));
    *to = '\0';
    out->len = (size_t)(to - out->at);
}

struct httpd_exchange *httpd_exchange_begin(struct httpd_conn *conn) {
    struct httpd_exchange *exchange = ARENA_NEW(conn->arena, struct httpd_exchange);
    exchange->loop = conn->httpd->options.loop;
    exchange->conn = conn;
    exchange->arena = conn->arena;
    exchange->request = conn->parser.request;
    exchange->is_head = str_eq(exchange->request->method, STR("HEAD"));
    conn->arena = NULL;
    conn->exchange = exchange;
    conn->state = HTTPD_HANDLING; /* for as long as it takes */
    return exchange;
}

const struct http_request *httpd_request(const struct httpd_exchange *exchange) {
    return exchange->request;
}

struct arena *httpd_arena(struct httpd_exchange *exchange) {
    return exchange->arena;
}

struct arena *httpd_take_arena(struct httpd_exchange *exchange) {
    exchange->arena_taken = true;
    return exchange->arena;
}

void httpd_trust(struct httpd_exchange *exchange) {
    if (exchange->conn != NULL)
        exchange->conn->is_trusted = true;
}

bool httpd_client_gone(const struct httpd_exchange *exchange) {
    return exchange->conn == NULL;
}

static void send_answer(struct httpd_conn *conn, const struct httpd_exchange *exchange, int status,
                        const struct http_header *headers, size_t header_count, struct str body) {
    struct strbuf *out = &conn->httpd->output;
    out->len = 0;
    httpd_write_head(conn->httpd, out, status, headers, header_count, (int64_t)body.len, conn->keep_alive);
    if (!exchange->is_head && has_length(status))
        strbuf_append(out, body);
    httpd_conn_send(conn, strbuf_str(out));
    if (out->capacity > OUTPUT_KEPT)
        strbuf_clear(out);
}

void httpd_answer(struct httpd_exchange *exchange, int status, const struct http_header *headers, size_t header_count,
                  struct str body) {
    struct httpd_conn *conn = exchange->conn;
    if (status < 200 || status > 599)
        abort(); /* an answer that no client could make sense of */
    if (conn != NULL) {
        conn->exchange = NULL;
        conn->keep_alive = exchange->keep_alive && !conn->httpd->draining;
        httpd_conn_enter(conn, HTTPD_ANSWERED);
        send_answer(conn, exchange, status, headers, header_count, body);
    }
    if (!exchange->arena_taken)
        arena_free(exchange->arena); /* the exchange is in it */
    if (conn != NULL)
        httpd_conn_advance(conn);
}

void httpd_answer_error(struct httpd_conn *conn, int status, const char *what) {
    const struct httpd_options *options = &conn->httpd->options;
    httpd_memory_count(conn, true);
    struct httpd_exchange *exchange = httpd_exchange_begin(conn);
    exchange->keep_alive = false;
    if (options->error_handler != NULL) {
        options->error_handler(exchange, status, what, options->arg);
        return;
    }
    const struct http_header type = {STR("Content-Type"), STR("text/plain; charset=utf-8")};
    struct str text = arena_printf(exchange->arena, "%s\n", what);
    httpd_answer(exchange, status, &type, 1, text);
}
