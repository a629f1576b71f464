/* llhttp reads; this file decides. The parser pauses at two places, so that decisions are taken between its runs and
 * not inside its callbacks:
 *
 *     httpd_parser_feed ─► feed_head ──(pause: headers complete)──► httpd_check_head ─► feed_body ──(pause: message
 *                                                                                                   complete)──► DONE
 *
 * llhttp 8.1 takes folded headers, a lone LF before the request line and one at the end of the head; its releases
 * before 8.1.1 take a lone CR (CVE-2023-30589), which Debian has mended. So every byte that frames (the head, and all
 * of a chunked body but its data) is looked at once more by check_framing(). */
#include "common/httpd_parse.h"

enum { FIRST_HEADERS = 24, FIRST_BODY = 4096, EAGER_BODY = 64 * 1024, BODY_STEP = 128 * 1024, FRAMING_PER_BYTE = 8 };

int httpd_parser_fail(struct httpd_parser *parser, int status, const char *what) {
    if (parser->status == 0) {
        parser->status = status;
        parser->what = what;
    }
    return -1;
}

/* A text is shown where it stands in the bytes being parsed, and only if more of it comes does it get room of its own.
 */
static void text_append(struct httpd_text *text, struct arena *arena, const char *at, size_t len) {
    if (text->at == NULL) {
        *text = (struct httpd_text){.at = at, .len = len};
        return;
    }
    if (text->len + len > text->capacity) {
        text->capacity = 2 * (text->len + len);
        text->own = arena_take(arena, text->capacity);
        memcpy(text->own, text->at, text->len);
        text->at = text->own;
    }
    memcpy(text->own + text->len, at, len);
    text->len += len;
}

static struct str text_take(struct httpd_text *text) {
    struct str taken = text->at == NULL ? STR("") : str_slice(text->at, text->len);
    *text = (struct httpd_text){0};
    return taken;
}

static void text_keep(struct httpd_text *text, struct arena *arena) {
    if (text->at == NULL || text->own != NULL)
        return;
    text->own = arena_copy(arena, text->at, text->len);
    text->at = text->own;
    text->capacity = text->len;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpd_parser *parser = llhttp->data;
    text_append(&parser->target, parser->arena, at, len);
    parser->request->method = str_of(llhttp_method_name((llhttp_method_t)llhttp_get_method(llhttp)));
    return parser->target.len > parser->limits->header_len ? httpd_parser_fail(parser, 414, "target too long") : 0;
}

static int on_header_field(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpd_parser *parser = llhttp->data;
    if (!parser->in_body) /* trailers are read over */
        text_append(&parser->name, parser->arena, at, len);
    return 0;
}

static int on_header_value(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpd_parser *parser = llhttp->data;
    if (!parser->in_body)
        text_append(&parser->value, parser->arena, at, len);
    return 0;
}

static void more_header_room(struct httpd_parser *parser) {
    size_t capacity = parser->header_capacity == 0 ? FIRST_HEADERS : parser->header_capacity * 2;
    struct http_header *larger = ARENA_ARRAY(parser->arena, capacity, struct http_header);
    if (parser->headers != NULL)
        memcpy(larger, parser->headers, parser->header_capacity * sizeof *larger);
    parser->headers = larger;
    parser->request->headers = larger;
    parser->header_capacity = capacity;
}

static int on_header_value_complete(llhttp_t *llhttp) {
    struct httpd_parser *parser = llhttp->data;
    struct http_request *request = parser->request;
    if (parser->in_body)
        return 0;
    if (request->header_count >= parser->limits->header_count)
        return httpd_parser_fail(parser, 431, "too many headers");
    if (request->header_count == parser->header_capacity)
        more_header_room(parser);
    parser->headers[request->header_count++] =
        (struct http_header){.name = text_take(&parser->name), .value = str_trim(text_take(&parser->value))};
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp) {
    llhttp->upgrade = 0; /* an Upgrade is an offer, and nobody here takes it (RFC 9110, 7.8) */
    return HPE_PAUSED;
}

static int on_message_complete(llhttp_t *llhttp) {
    (void)llhttp;
    return HPE_PAUSED;
}

/* Every CR is followed by LF, every LF preceded by CR, and no line begins with a blank (RFC 9112, 2.2 and 5.2). */
static void check_framing(struct httpd_parser *parser, const char *from, const char *to) {
    while (from < to) {
        const char *lf = memchr(from, '\n', (size_t)(to - from)), *end = lf != NULL ? lf : to;
        const char *cr = memchr(from, '\r', (size_t)(end - from));
        if (parser->at_line_start && (*from == ' ' || *from == '\t'))
            httpd_parser_fail(parser, 400, "a line must not begin with a blank");
        bool after_cr = cr != NULL || (parser->after_cr && from == end);
        if ((cr != NULL && cr + 1 != end) || (parser->after_cr && from != end) || (lf != NULL && !after_cr))
            httpd_parser_fail(parser, 400, "a line must end in CR LF");
        parser->after_cr = lf == NULL && after_cr;
        parser->at_line_start = lf != NULL;
        from = lf != NULL ? lf + 1 : to;
    }
}

/* llhttp reads RTSP and ICE as well, and more than one space, and does not say so: length and end of the request line
 * are kept for httpd_check_head(). */
static void note_request_line(struct httpd_parser *parser, const char *from, const char *to) {
    const size_t size = sizeof parser->line_end;
    if (parser->line_len == 0) /* empty lines may come before */
        while (from < to && (*from == '\r' || *from == '\n'))
            from++;
    if (parser->has_line || from == to)
        return;
    const char *lf = memchr(from, '\n', (size_t)(to - from));
    const char *end = lf != NULL ? lf : to;
    size_t len = (size_t)(end - from) < size ? (size_t)(end - from) : size;
    memmove(parser->line_end, parser->line_end + len, size - len);
    memcpy(parser->line_end + size - len, end - len, len);
    parser->line_len += (size_t)(end - from);
    parser->has_line = lf != NULL;
}

/* How much room comes next: twice what there was while that is little, then a quarter more. */
static size_t next_body_capacity(const struct httpd_parser *parser, size_t need) {
    size_t before = parser->body.capacity, more = before / 4 > BODY_STEP ? before / 4 : BODY_STEP;
    size_t capacity = before < EAGER_BODY ? 2 * before : before + more;
    if (capacity < FIRST_BODY)
        capacity = FIRST_BODY;
    if (capacity < need)
        capacity = need;
    bool is_known = parser->has_content_length && parser->content_length <= SIZE_MAX;
    if (is_known && (parser->content_length <= EAGER_BODY || capacity > parser->content_length))
        capacity = (size_t)parser->content_length;
    return capacity;
}

/* Room grows with what has come, not with what was announced: a large Content-Length alone costs nothing. What is large
 * grows in place, or a body would be there twice while it moves. */
static bool more_body_room(struct httpd_parser *parser, size_t need) {
    struct httpd_body *body = &parser->body;
    size_t capacity = next_body_capacity(parser, need);
    char *larger;
    if (!arena_has_room(parser->arena, capacity - body->capacity))
        return false;
    if (capacity <= EAGER_BODY) {
        larger = arena_take(parser->arena, capacity);
        if (body->len > 0)
            memcpy(larger, body->at, body->len);
    } else {
        larger = arena_grow(parser->arena, body->at, body->len, capacity);
    }
    if (larger == NULL)
        return false;
    body->at = larger;
    body->capacity = capacity;
    return true;
}

/* Looked at before the data that it frames is counted, so that it does not matter in which pieces both came. */
static int check_framing_len(struct httpd_parser *parser) {
    if (parser->framing_len <= parser->limits->header_len + FRAMING_PER_BYTE * parser->body.len)
        return 0;
    return httpd_parser_fail(parser, 431, "chunk extensions or trailers too large");
}

static int on_body(llhttp_t *llhttp, const char *at, size_t len) {
    struct httpd_parser *parser = llhttp->data;
    struct httpd_body *body = &parser->body;
    check_framing(parser, parser->framing_from, at);
    parser->framing_len += (size_t)(at - parser->framing_from);
    parser->framing_from = at + len;
    parser->at_line_start = false;
    if (check_framing_len(parser) != 0)
        return -1;
    if (len > parser->limits->body_len - body->len)
        return httpd_parser_fail(parser, 413, "body too large");
    if (body->len + len > body->capacity && !more_body_room(parser, body->len + len))
        return httpd_parser_fail(parser, 503, "no memory for more bodies at the moment; send it again");
    memcpy(body->at + body->len, at, len);
    body->len += len;
    return parser->status == 0 ? 0 : -1;
}

static int on_chunk_header(llhttp_t *llhttp) {
    struct httpd_parser *parser = llhttp->data;
    if (llhttp->content_length > parser->limits->body_len - parser->body.len)
        return httpd_parser_fail(parser, 413, "body too large");
    return 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_message_complete = on_message_complete,
};

void httpd_parser_begin(struct httpd_parser *parser, const struct httpd_limits *limits, struct arena *arena) {
    *parser = (struct httpd_parser){.limits = limits, .arena = arena};
    llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
    parser->llhttp.data = parser;
    parser->request = ARENA_NEW(arena, struct http_request);
    parser->request->body = STR("");
}

/* `copy`: all of `data`, in the arena; NULL: there is none. */
static struct str kept(struct arena *arena, struct str text, struct str data, const char *copy) {
    if ((uintptr_t)text.at - (uintptr_t)data.at >= data.len)
        return text;
    return copy != NULL ? str_slice(copy + (text.at - data.at), text.len) : arena_str(arena, text);
}

/* What was read of the head outlasts the bytes it was read from. The rest of a head is kept as it is, in one piece; of
 * one that comes in many pieces only what it says, or each of them would cost room of its own. */
static void keep_head(struct httpd_parser *parser, struct str data, bool is_rest) {
    struct http_request *request = parser->request;
    const char *copy = is_rest ? arena_copy(parser->arena, data.at, data.len) : NULL;
    for (; parser->kept_count < request->header_count; parser->kept_count++) {
        struct http_header *header = &parser->headers[parser->kept_count];
        header->name = kept(parser->arena, header->name, data, copy);
        header->value = kept(parser->arena, header->value, data, copy);
    }
    text_keep(&parser->name, parser->arena);
    text_keep(&parser->value, parser->arena);
    text_keep(&parser->target, parser->arena);
    request->target = str_slice(parser->target.at, parser->target.len);
}

/* Runs llhttp over `data`: MORE (all of it used), DONE at a pause (`*used` bytes of it) or FAILED. */
static enum httpd_parse run(struct httpd_parser *parser, struct str data, size_t *used) {
    llhttp_errno_t error = llhttp_execute(&parser->llhttp, data.at, data.len);
    *used = data.len;
    if (error == HPE_OK)
        return HTTPD_PARSE_MORE;
    if (error == HPE_PAUSED) {
        *used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - data.at);
        return HTTPD_PARSE_DONE;
    }
    const char *reason = llhttp_get_error_reason(&parser->llhttp);
    httpd_parser_fail(parser, 400, reason != NULL ? reason : llhttp_errno_name(error));
    return HTTPD_PARSE_FAILED;
}

static enum httpd_parse feed_head(struct httpd_parser *parser, struct str data, size_t *used) {
    enum httpd_parse result = run(parser, data, used);
    parser->head_len += *used;
    keep_head(parser, str_slice(data.at, *used), result == HTTPD_PARSE_DONE);
    if (result == HTTPD_PARSE_FAILED)
        return result;
    check_framing(parser, data.at, data.at + *used);
    note_request_line(parser, data.at, data.at + *used);
    if (parser->head_len > parser->limits->header_len && !parser->has_line && parser->target.len > 0)
        httpd_parser_fail(parser, 414, "target too long"); /* in whatever pieces it came */
    else if (parser->head_len > parser->limits->header_len)
        httpd_parser_fail(parser, 431, "headers too large");
    if (parser->status != 0 || (result == HTTPD_PARSE_DONE && !httpd_check_head(parser)))
        return HTTPD_PARSE_FAILED;
    return result;
}

static enum httpd_parse feed_body(struct httpd_parser *parser, struct str data, size_t *used) {
    parser->framing_from = data.at;
    enum httpd_parse result = run(parser, data, used);
    if (result == HTTPD_PARSE_FAILED)
        return result;
    check_framing(parser, parser->framing_from, data.at + *used);
    parser->framing_len += (size_t)(data.at + *used - parser->framing_from);
    if (check_framing_len(parser) != 0 || parser->status != 0)
        return HTTPD_PARSE_FAILED;
    if (result == HTTPD_PARSE_DONE && parser->body.at != NULL)
        parser->request->body = str_slice(parser->body.at, parser->body.len);
    return result;
}

enum httpd_parse httpd_parser_feed(struct httpd_parser *parser, struct str data, size_t *used) {
    size_t head_used = 0;
    if (!parser->in_body) {
        enum httpd_parse result = feed_head(parser, data, used);
        if (result != HTTPD_PARSE_DONE)
            return result;
        head_used = *used;
        parser->in_body = true;
        parser->at_line_start = false;
        llhttp_resume(&parser->llhttp);
    }
    enum httpd_parse result = feed_body(parser, str_slice(data.at + head_used, data.len - head_used), used);
    *used += head_used;
    return result;
}
