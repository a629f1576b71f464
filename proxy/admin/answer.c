#include "proxy/admin/answer.h"

#include "common/json.h"

#include <stdarg.h>
#include <stdio.h>

size_t answer_headers(struct http_header *headers, const char *content_type) {
    const struct http_header all[] = {
        {STR("Content-Type"), str_of(content_type)},
        {STR("Cache-Control"), STR("no-store")},
        {STR("X-Content-Type-Options"), STR("nosniff")},
        {STR("X-Frame-Options"), STR("DENY")},
        {STR("Referrer-Policy"), STR("no-referrer")},
        {STR("Cross-Origin-Resource-Policy"), STR("same-origin")},
        {STR("Cross-Origin-Opener-Policy"), STR("same-origin")},
        {STR("Content-Security-Policy"),
         STR("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'")},
    };
    memcpy(headers, all, sizeof all);
    return ARRAY_LEN(all);
}

void answer_text(struct httpd_exchange *exchange, int status, const char *content_type, struct str text) {
    struct http_header headers[ANSWER_HEADER_MAX];
    httpd_answer(exchange, status, headers, answer_headers(headers, content_type), text);
}

/* The buffer may live in the arena of the exchange, which is gone with the answer. */
void answer_json(struct httpd_exchange *exchange, int status, struct strbuf *json) {
    struct strbuf text = *json;
    strbuf_append_char(&text, '\n');
    *json = (struct strbuf){0};
    answer_text(exchange, status, "application/json", strbuf_str(&text));
    strbuf_clear(&text);
}

static void problem(struct httpd_exchange *exchange, int status, const char *detail, struct http_header extra) {
    struct http_header headers[ANSWER_HEADER_MAX];
    size_t count = answer_headers(headers, "application/problem+json");
    struct strbuf body = {0};
    struct json_writer json;
    json_begin(&json, &body);
    json_object_begin(&json);
    json_key(&json, "type");
    json_str(&json, STR("about:blank"));
    json_key(&json, "title");
    json_str(&json, str_of(http_status_text(status)));
    json_key(&json, "status");
    json_int(&json, status);
    json_key(&json, "detail");
    json_str(&json, str_of(detail));
    json_object_end(&json);
    strbuf_append_char(&body, '\n');
    if (extra.name.at != NULL)
        headers[count++] = extra;
    httpd_answer(exchange, status, headers, count, strbuf_str(&body));
    strbuf_clear(&body);
}

void answer_problem(struct httpd_exchange *exchange, int status, const char *format, ...) {
    char detail[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    struct http_header extra = {STR_NONE, STR_NONE};
    if (status == 401)
        extra = (struct http_header){STR("WWW-Authenticate"), STR("Bearer")};
    else if (status == 503)
        extra = (struct http_header){STR("Retry-After"), STR("5")};
    problem(exchange, status, detail, extra);
}

void answer_wrong_method(struct httpd_exchange *exchange, const char *methods) {
    problem(exchange, 405, "this path knows other methods only; see the header Allow",
            (struct http_header){STR("Allow"), str_of(methods)});
}
