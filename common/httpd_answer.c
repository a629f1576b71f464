/* Answers: put together in one buffer and sent with one write. The lines are appended by hand because printf would
 * cost more than all the rest of an answer. */
#include "common/httpd_conn.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdlib.h>
#include <time.h>

enum { OUTPUT_KEPT = 256 * 1024 };

static void append_number(struct strbuf *out, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    strbuf_append(out, str_slice(digits + at, sizeof digits - at));
}

static void append_date(struct httpd *httpd, struct strbuf *out) {
    int64_t now_s = clock_wall_ms() / 1000;
    if (now_s != httpd->date_s) {
        time_t seconds = (time_t)now_s;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(httpd->date, sizeof httpd->date, "%a, %d %b %Y %H:%M:%S GMT", &tm); /* RFC 9110, 5.6.7 */
        httpd->date_s = now_s;
    }
    strbuf_append(out, str_of(httpd->date));
}

/* A value may hold text of a sender: what would end the line becomes a space. */
static void append_header(struct strbuf *out, const struct http_header *header) {
    strbuf_append(out, header->name);
    strbuf_append(out, STR(": "));
    size_t from = out->len;
    strbuf_append(out, header->value);
    if (!http_value_is_valid(header->value))
        for (size_t i = from; i < out->len; i++)
            if (!http_value_is_valid(str_slice(out->at + i, 1)))
                out->at[i] = ' ';
    strbuf_append(out, STR("\r\n"));
}

static bool has_length(int status) {
    return status != 204 && status != 304; /* RFC 9110, 8.6 */
}

void httpd_write_head(struct httpd *httpd, struct strbuf *out, int status, const struct http_header *headers,
                      size_t header_count, int64_t body_len, bool keep_alive) {
    strbuf_append(out, STR("HTTP/1.1 "));
    append_number(out, (uint64_t)status);
    strbuf_append(out, STR(" "));
    strbuf_append(out, str_of(http_status_text(status)));
    strbuf_append(out, STR("\r\nDate: "));
    append_date(httpd, out);
    strbuf_append(out, keep_alive ? STR("\r\nConnection: keep-alive\r\n") : STR("\r\nConnection: close\r\n"));
    if (body_len >= 0 && has_length(status)) {
        strbuf_append(out, STR("Content-Length: "));
        append_number(out, (uint64_t)body_len);
        strbuf_append(out, STR("\r\n"));
    }
    for (size_t i = 0; i < header_count; i++)
        append_header(out, &headers[i]);
    strbuf_append(out, STR("\r\n"));
}

struct httpd_exchange *httpd_exchange_begin(struct httpd_conn *conn) {
    struct httpd_exchange *exchange = MEM_NEW(struct httpd_exchange);
    exchange->loop = conn->httpd->options.loop;
    exchange->conn = conn;
    exchange->arena = conn->arena;
    exchange->request = conn->parser.request;
    exchange->is_head = str_eq(exchange->request->method, STR("HEAD"));
    conn->arena = NULL;
    conn->exchange = exchange;
    httpd_conn_enter(conn, HTTPD_HANDLING);
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
        arena_free(exchange->arena);
    mem_free(exchange);
    if (conn != NULL)
        httpd_conn_advance(conn);
}

void httpd_answer_error(struct httpd_conn *conn, int status, const char *what) {
    const struct httpd_options *options = &conn->httpd->options;
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
