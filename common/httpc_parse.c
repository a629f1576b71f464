/* llhttp reads; this file decides. A consumer that took a message and says so in a slightly odd way (lines that end in
 * LF alone, a control character in a header, both framings at once) must not be sent the message again, so llhttp is
 * told to be lenient: what is read here decides about one delivery and is shown to nobody else. What frames an answer
 * in two ways is read as RFC 9112, 6.3 says, and its connection is not used again. */
#include "common/httpc_parse.h"

#include "common/clock.h"

#include <curl/curl.h>

enum { FRAMING_PER_BYTE = 8 }; /* a chunk of one byte has five around it */
static const int64_t RETRY_AFTER_MOST_MS = INT64_C(365) * 24 * 3600 * 1000;

static int fail(struct httpc_parser *parser, enum httpc_fault fault, const char *reason) {
    if (parser->fault == HTTPC_FAULT_NONE) {
        parser->fault = fault;
        parser->reason = reason;
    }
    return -1;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpc_parser *parser = llhttp->data;
    if (parser->name_len + len <= sizeof parser->name)
        memcpy(parser->name + parser->name_len, at, len);
    parser->name_len += len;
    return 0;
}

static bool is_retry_after(const struct httpc_parser *parser) {
    const struct str name = STR("retry-after");
    return parser->name_len == name.len && str_eq_nocase(str_slice(parser->name, parser->name_len), name);
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpc_parser *parser = llhttp->data;
    if (parser->has_head || parser->has_retry_after || !is_retry_after(parser))
        return 0;
    if (parser->retry_after_len + len <= HTTPC_RETRY_AFTER_MOST)
        memcpy(parser->retry_after + parser->retry_after_len, at, len);
    parser->retry_after_len += len;
    return 0;
}

static int on_header_value_complete(llhttp_t *llhttp) {
    struct httpc_parser *parser = llhttp->data;
    parser->has_retry_after |= !parser->has_head && is_retry_after(parser);
    parser->name_len = 0;
    return 0;
}

/* 1: no body follows, whatever the headers say (RFC 9112, 6.3). */
static int on_headers_complete(llhttp_t *llhttp) {
    struct httpc_parser *parser = llhttp->data;
    int status = llhttp->status_code;
    if (llhttp->http_major != 1)
        return fail(parser, HTTPC_FAULT_HEAD, "another version");
    if (status < 100)
        return fail(parser, HTTPC_FAULT_HEAD, "no status");
    if (status == 101)
        return fail(parser, HTTPC_FAULT_HEAD, "switches to a protocol that nobody asked for");
    llhttp->upgrade = 0;
    parser->status = status;
    parser->has_head = status > 199;
    return parser->answers_head || status < 200 || status == 204 || status == 304 ? 1 : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpc_parser *parser = llhttp->data;
    size_t room = parser->body_len < sizeof parser->body ? sizeof parser->body - parser->body_len : 0;
    if (len > parser->body_most - parser->body_len)
        return fail(parser, HTTPC_FAULT_BODY_LEN, NULL);
    if (room > 0)
        memcpy(parser->body + parser->body_len, at, len < room ? len : room);
    parser->body_len += len;
    return 0;
}

static int on_message_complete(llhttp_t *llhttp) {
    struct httpc_parser *parser = llhttp->data;
    bool is_framed_twice = (llhttp->flags & F_CONTENT_LENGTH) != 0 && (llhttp->flags & F_TRANSFER_ENCODING) != 0;
    parser->is_whole = parser->has_head;
    parser->keeps_alive = llhttp_should_keep_alive(llhttp) == 1 && !is_framed_twice;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void begin_message(struct httpc_parser *parser) {
    llhttp_init(&parser->llhttp, HTTP_RESPONSE, &settings);
    parser->llhttp.data = parser;
    llhttp_set_lenient_headers(&parser->llhttp, 1);
    llhttp_set_lenient_chunked_length(&parser->llhttp, 1);
    parser->name_len = parser->retry_after_len = 0;
    parser->has_retry_after = false;
}

void httpc_parser_begin(struct httpc_parser *parser, size_t body_most, bool answers_head) {
    parser->body_most = body_most;
    parser->answers_head = answers_head;
    parser->total_len = parser->body_len = 0;
    parser->has_head = parser->is_whole = parser->keeps_alive = false;
    parser->status = 0;
    parser->fault = HTTPC_FAULT_NONE;
    parser->reason = NULL;
    begin_message(parser);
}

/* Runs llhttp over one message; true where it ended within `data`. */
static bool run(struct httpc_parser *parser, struct str data, size_t *used) {
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, data.at, data.len);
    *used = error == HPE_PAUSED ? (size_t)(llhttp_get_error_pos(&parser->llhttp) - data.at) : data.len;
    parser->total_len += *used;
    if (error != HPE_OK && error != HPE_PAUSED) {
        const char *reason = llhttp_get_error_reason(&parser->llhttp);
        fail(parser, parser->has_head ? HTTPC_FAULT_BODY : HTTPC_FAULT_HEAD,
             reason != NULL && reason[0] != '\0' ? reason : llhttp_errno_name(error));
    } else if (parser->total_len - parser->body_len > HTTPC_HEAD_MOST + FRAMING_PER_BYTE * parser->body_len) {
        fail(parser, HTTPC_FAULT_HEAD_LEN, NULL);
    }
    return error == HPE_PAUSED;
}

enum httpc_parse httpc_parser_feed(struct httpc_parser *parser, struct str data, size_t *used) {
    *used = 0;
    while (*used < data.len) {
        size_t len = 0;
        bool has_ended = run(parser, str_from(data, *used), &len);
        *used += len;
        if (parser->fault != HTTPC_FAULT_NONE)
            return HTTPC_PARSE_FAILED;
        if (parser->is_whole)
            return HTTPC_PARSE_DONE;
        if (has_ended)
            begin_message(parser); /* an interim answer; the next one stands on its own, also after "close" */
    }
    return HTTPC_PARSE_MORE;
}

enum httpc_parse httpc_parser_end(struct httpc_parser *parser) {
    (void)llhttp_finish(&parser->llhttp); /* on_message_complete() says how it went */
    if (parser->is_whole) {
        parser->keeps_alive = false;
        return HTTPC_PARSE_DONE;
    }
    fail(parser, parser->has_head ? HTTPC_FAULT_END_BODY : HTTPC_FAULT_END_HEAD, NULL);
    return HTTPC_PARSE_FAILED;
}

struct str httpc_parser_body(const struct httpc_parser *parser) {
    return str_slice(parser->body, parser->body_len < sizeof parser->body ? parser->body_len : sizeof parser->body);
}

/* Whole seconds (RFC 9110 section 10.2.3); some senders write fractions, which count as begun seconds. */
static bool read_delay(struct str text, uint64_t *seconds) {
    ptrdiff_t point = str_find(text, STR("."));
    struct str whole = point < 0 ? text : str_slice(text.at, (size_t)point);
    struct str fraction = point < 0 ? STR_NONE : str_from(text, (size_t)point + 1);
    uint64_t read, begun = 0;
    if (!str_to_u64(whole, &read) || (point >= 0 && !str_to_u64(fraction, &begun)))
        return false;
    *seconds = read < UINT64_MAX && begun > 0 ? read + 1 : read;
    return true;
}

int64_t httpc_parser_retry_after_ms(const struct httpc_parser *parser) {
    uint64_t seconds;
    if (!parser->has_retry_after || parser->retry_after_len > HTTPC_RETRY_AFTER_MOST)
        return -1;
    struct str text = str_trim(str_slice(parser->retry_after, parser->retry_after_len));
    if (read_delay(text, &seconds))
        return seconds < (uint64_t)RETRY_AFTER_MOST_MS / 1000 ? (int64_t)seconds * 1000 : RETRY_AFTER_MOST_MS;
    char date_text[HTTPC_RETRY_AFTER_MOST + 1] = "";
    memcpy(date_text, text.at, text.len);
    time_t date = curl_getdate(date_text, NULL);
    if (date < 0)
        return -1;
    int64_t after_ms = (int64_t)date * 1000 - clock_wall_ms();
    if (after_ms > RETRY_AFTER_MOST_MS)
        return RETRY_AFTER_MOST_MS;
    return after_ms < 0 ? 0 : after_ms;
}
