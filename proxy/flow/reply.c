#include "proxy/flow/reply.h"

#include "common/json.h"
#include "common/log.h"

static void add_id(struct httpd_exchange *exchange, struct http_header *headers, size_t *count, uint64_t id) {
    if (id != 0)
        headers[(*count)++] =
            (struct http_header){STR("Hookshift-Message-Id"), message_id_format(httpd_arena(exchange), id)};
}

void reply_accepted(struct httpd_exchange *exchange, int status, const char *outcome, uint64_t id, enum state state) {
    struct http_header headers[3] = {{STR("Content-Type"), STR("application/json")},
                                     {STR("Hookshift-Outcome"), str_of(outcome)}};
    size_t count = 2;
    add_id(exchange, headers, &count, id);
    struct str body = ARENA_JOIN(httpd_arena(exchange), STR("{\"id\":\""), headers[2].value, STR("\",\"outcome\":\""),
                                 str_of(outcome), STR("\",\"state\":\""), str_of(state_name(state)), STR("\"}\n"));
    httpd_answer(exchange, status, headers, count, body);
}

void reply_batch(struct httpd_exchange *exchange, int status, const char *outcome, struct str body) {
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")},
                                          {STR("Hookshift-Outcome"), str_of(outcome)}};
    httpd_answer(exchange, status, headers, ARRAY_LEN(headers), body);
}

static void answer_problem(struct httpd_exchange *exchange, int status, const char *detail, int retry_after_s,
                           uint64_t id) {
    struct http_header headers[5] = {{STR("Content-Type"), STR("application/problem+json")},
                                     {STR("Hookshift-Outcome"), STR("rejected")}};
    size_t count = 2;
    add_id(exchange, headers, &count, id);
    if (retry_after_s > 0)
        headers[count++] =
            (struct http_header){STR("Retry-After"), arena_printf(httpd_arena(exchange), "%d", retry_after_s)};
    if (status == 405)
        headers[count++] = (struct http_header){STR("Allow"), STR("POST")};
    if (status == 415)
        headers[count++] = (struct http_header){STR("Accept-Encoding"), STR("gzip, identity")}; /* RFC 9110, 15.5.16 */
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
    httpd_answer(exchange, status, headers, count, strbuf_str(&body));
    strbuf_clear(&body);
}

void reply_rejected(struct httpd_exchange *exchange, int status, const char *detail, int retry_after_s, uint64_t id) {
    if (status != 401) /* verify.c has told why, and not too often */
        LOG(LOG_INFO, "message refused", LOG_INT("status", status), LOG_TEXTZ("why", detail));
    answer_problem(exchange, status, detail, retry_after_s, id);
}

void reply_probe(struct httpd_exchange *exchange) {
    LOG(LOG_DEBUG, "probe answered", LOG_STR("peer", httpd_request(exchange)->peer));
    answer_problem(exchange, 405, "webhooks are sent with POST", 0, 0);
}
