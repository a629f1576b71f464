/* What llhttp leaves open, and once more what it should refuse: a request that a proxy before us, or a consumer behind
 * us, could read differently must not get through (request smuggling; RFC 9112, 3 and 6, and 11.2). */
#include "common/httpd_parse.h"

struct framing {
    uint32_t hosts, lengths, codings;
    struct str host, length, coding, expect;
};

static void note_header(struct framing *framing, const struct http_header *header) {
    if (str_eq_nocase(header->name, STR("host"))) {
        framing->hosts++;
        framing->host = header->value;
    } else if (str_eq_nocase(header->name, STR("content-length"))) {
        framing->lengths++;
        framing->length = header->value;
    } else if (str_eq_nocase(header->name, STR("transfer-encoding"))) {
        framing->codings++;
        framing->coding = header->value;
    } else if (str_eq_nocase(header->name, STR("expect")) && !str_eq_nocase(framing->expect, header->value)) {
        framing->expect = framing->expect.at == NULL ? header->value : STR("several");
    }
}

static bool check_headers(struct httpd_parser *parser, struct framing *framing) {
    for (size_t i = 0; i < parser->request->header_count; i++) {
        const struct http_header *header = &parser->headers[i];
        if (!http_name_is_valid(header->name) || !http_value_is_valid(header->value)) {
            httpd_parser_fail(parser, 400, "a header has characters that it may not have");
            return false;
        }
        note_header(framing, header);
    }
    return true;
}

static bool check_length(struct httpd_parser *parser, const struct framing *framing) {
    if (framing->lengths == 0)
        return true;
    if (framing->lengths > 1 || framing->codings > 0 || !str_to_u64(framing->length, &parser->content_length)) {
        httpd_parser_fail(parser, 400, "Content-Length must be one number, without Transfer-Encoding");
        return false;
    }
    parser->has_content_length = true;
    if (parser->content_length > parser->limits->body_len) {
        httpd_parser_fail(parser, 413, "body too large");
        return false;
    }
    return true;
}

static bool check_coding(struct httpd_parser *parser, const struct framing *framing, bool is_http_1_0) {
    if (framing->codings == 0)
        return true;
    if (framing->codings == 1 && !is_http_1_0 && str_eq_nocase(framing->coding, STR("chunked")))
        return true;
    httpd_parser_fail(parser, 400, "Transfer-Encoding must be \"chunked\", once, in HTTP/1.1");
    return false;
}

static bool is_host_text(struct str host) {
    static const bool is_other[256] = {
        [0x00 ... ' '] = true, [0x7F ... 0xFF] = true, ['/'] = true, ['\\'] = true, ['?'] = true, ['#'] = true,
        ['@'] = true,          [','] = true,           ['"'] = true, ['<'] = true,  ['>'] = true, ['^'] = true,
        ['`'] = true,          ['{'] = true,           ['|'] = true, ['}'] = true,
    };
    for (size_t i = 0; i < host.len; i++)
        if (is_other[(unsigned char)host.at[i]])
            return false;
    return true;
}

static bool check_host(struct httpd_parser *parser, const struct framing *framing, bool is_http_1_0) {
    if (framing->hosts > 1 || (framing->hosts == 0 && !is_http_1_0)) {
        httpd_parser_fail(parser, 400, "there must be one Host header");
        return false;
    }
    if (framing->hosts == 1 && !is_host_text(framing->host)) {
        httpd_parser_fail(parser, 400, "Host is no host");
        return false;
    }
    return true;
}

static bool is_target_text(struct str target) {
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= ' ' || target.at[i] >= 0x7F || target.at[i] == '#')
            return false;
    return target.len > 0;
}

/* "http://host/path?query" becomes "/path?query" where the host is the one in Host (RFC 9112, 3.2.2). */
static bool reduce_absolute_form(struct httpd_parser *parser, const struct framing *framing) {
    struct str target = parser->request->target;
    ptrdiff_t scheme_end = str_find(target, STR("://"));
    struct str scheme = str_slice(target.at, scheme_end < 0 ? 0 : (size_t)scheme_end);
    if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
        return false;
    struct str rest = str_from(target, scheme.len + 3);
    size_t host_len = 0;
    while (host_len < rest.len && rest.at[host_len] != '/' && rest.at[host_len] != '?')
        host_len++;
    if (framing->hosts == 1 && !str_eq_nocase(str_slice(rest.at, host_len), framing->host))
        return false;
    struct str path = str_from(rest, host_len);
    if (path.len == 0 || path.at[0] == '?')
        path = arena_printf(parser->arena, "/" STR_FMT, STR_ARG(path));
    parser->request->target = path;
    return host_len > 0;
}

static bool check_target(struct httpd_parser *parser, const struct framing *framing) {
    struct http_request *request = parser->request;
    if (str_eq(request->method, STR("CONNECT")) || str_eq(request->method, STR("TRACE"))) {
        httpd_parser_fail(parser, 405, "method not supported");
        return false;
    }
    bool for_all = str_eq(request->target, STR("*")) && str_eq(request->method, STR("OPTIONS"));
    if (is_target_text(request->target) &&
        (for_all || request->target.at[0] == '/' || reduce_absolute_form(parser, framing)))
        return true;
    httpd_parser_fail(parser, 400, "the target is neither a path nor a URL of this host");
    return false;
}

/* An expectation counts only where a body follows and the sender can wait for it (RFC 9110, 10.1.1). */
static bool check_expect(struct httpd_parser *parser, const struct framing *framing, bool is_http_1_0) {
    if (framing->expect.at == NULL || is_http_1_0)
        return true;
    if (!str_eq_nocase(framing->expect, STR("100-continue"))) {
        httpd_parser_fail(parser, 417, "unknown expectation");
        return false;
    }
    parser->wants_continue = framing->codings > 0 || parser->content_length > 0;
    return true;
}

/* "METHOD target HTTP/1.1", one space each, to the byte (RFC 9112, 3). */
static bool check_request_line(struct httpd_parser *parser) {
    struct str protocol = str_slice(parser->line_end, sizeof parser->line_end);
    size_t len = parser->request->method.len + 1 + parser->target.len + protocol.len;
    bool is_known = str_eq(protocol, STR(" HTTP/1.0\r")) || str_eq(protocol, STR(" HTTP/1.1\r"));
    if (!is_known || parser->line_len != len)
        httpd_parser_fail(parser, 400, "the request line is not that of HTTP/1.0 or HTTP/1.1");
    return is_known && parser->line_len == len;
}

bool httpd_check_head(struct httpd_parser *parser) {
    struct framing framing = {0};
    bool is_http_1_0 = llhttp_get_http_minor(&parser->llhttp) == 0;
    parser->keep_alive = llhttp_should_keep_alive(&parser->llhttp) != 0;
    return check_request_line(parser) && check_headers(parser, &framing) && check_host(parser, &framing, is_http_1_0) &&
           check_target(parser, &framing) && check_coding(parser, &framing, is_http_1_0) &&
           check_length(parser, &framing) && check_expect(parser, &framing, is_http_1_0);
}
