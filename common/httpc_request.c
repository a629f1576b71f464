/* A request is put together in one buffer and sent with one write. How long it gets at most is counted first, so that
 * its parts are copied and nothing else. */
#include "common/httpc_conn.h"

#include "common/mem.h"
#include "common/url.h"

#include <stdio.h>

enum { FIXED_LEN = 128, OUT_KEPT = 64 * 1024 }; /* what is not of the request: version, names of our own headers */

struct parts {
    struct url url;
    struct str host, user_agent; /* absent: ours */
    size_t len;                  /* no less than all of it has */
};

static enum err refuse(struct httpc_call *call, const char *what) {
    snprintf(call->answer.what, sizeof call->answer.what, "%s", what);
    return ERR_INVALID;
}

static bool is_clients_own(struct str name) {
    static const struct str names[] = {
        {"Connection", 10},
        {"Content-Length", 14},
        {"Expect", 6},
        {"HTTP2-Settings", 14},
        {"Keep-Alive", 10},
        {"Proxy-Authorization", 19},
        {"Proxy-Connection", 16},
        {"TE", 2},
        {"Trailer", 7},
        {"Transfer-Encoding", 17},
        {"Upgrade", 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, names[i]))
            return true;
    return false;
}

static enum err look_at_headers(struct httpc_call *call, const struct httpc_request *request, struct parts *parts) {
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (!http_name_is_valid(header->name) || !http_value_is_valid(header->value))
            return refuse(call, "a header has characters that it may not have");
        if (parts->host.at == NULL && str_eq_nocase(header->name, STR("Host")))
            parts->host = str_trim(header->value);
        else if (parts->user_agent.at == NULL && str_eq_nocase(header->name, STR("User-Agent")))
            parts->user_agent = header->value;
        parts->len += header->name.len + header->value.len + 4;
    }
    return ERR_NONE;
}

static char *put_header(char *to, struct str name, struct str value) {
    to = str_put(to, name);
    to = str_put(to, STR(": "));
    to = str_put(to, value);
    return str_put(to, STR("\r\n"));
}

static char *put_request_line(char *to, const struct httpc_request *request, const struct parts *parts) {
    to = str_put(to, request->method);
    to = str_put(to, STR(" "));
    to = str_put(to, parts->url.path.len > 0 ? parts->url.path : STR("/"));
    to = str_put(to, parts->url.query);
    return str_put(to, STR(" HTTP/1.1\r\n"));
}

static char *put_length(char *to, const struct httpc_request *request) {
    char digits[I64_TEXT_LEN];
    if (request->body.len == 0 && !str_eq(request->method, STR("POST")))
        return to;
    return put_header(to, STR("Content-Length"), str_of_i64((int64_t)request->body.len, digits));
}

/* Host comes first (RFC 9110, 7.2). */
static char *put_headers(char *to, const struct httpc_call *call, const struct httpc_request *request,
                         const struct parts *parts) {
    const char *user_agent = call->httpc->options.user_agent;
    to = put_header(to, STR("Host"), parts->host.len > 0 ? parts->host : str_of(call->origin->host));
    if (parts->user_agent.at == NULL && user_agent != NULL)
        to = put_header(to, STR("User-Agent"), str_of(user_agent));
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;
        if (!is_clients_own(name) && !str_eq_nocase(name, STR("Host")))
            to = put_header(to, name, str_trim(request->headers[i].value));
    }
    to = put_length(to, request);
    return str_put(to, STR("\r\n"));
}

enum err httpc_request_write(struct httpc_call *call, const struct httpc_request *request) {
    struct parts parts = {.host = STR_NONE, .user_agent = STR_NONE};
    const char *user_agent = call->httpc->options.user_agent;
    const char *wrong = url_split(request->url, &parts.url);
    if (wrong != NULL) {
        snprintf(call->answer.what, sizeof call->answer.what, "the URL %s", wrong);
        return ERR_INVALID;
    }
    if (!http_name_is_valid(request->method))
        return refuse(call, "not a method");
    enum err err = look_at_headers(call, request, &parts);
    if (err != ERR_NONE)
        return err;
    call->origin = httpc_origin_hold(call->httpc, &parts.url);
    if (call->origin == NULL)
        return refuse(call, "not a URL that can be sent to");
    call->is_head = str_eq(request->method, STR("HEAD"));
    if (call->out.capacity > OUT_KEPT)
        strbuf_clear(&call->out);
    bool is_copied = request->body.len <= HTTPC_BODY_COPIED;
    call->body = is_copied ? STR_NONE : request->body;
    call->out.len = 0;
    strbuf_reserve(&call->out, FIXED_LEN + request->method.len + request->url.len + strlen(call->origin->host) +
                                   (user_agent == NULL ? 0 : strlen(user_agent)) + parts.len +
                                   (is_copied ? request->body.len : 0));
    char *end = put_request_line(call->out.at, request, &parts);
    end = put_headers(end, call, request, &parts);
    call->head_len = (size_t)(end - call->out.at);
    if (is_copied)
        end = str_put(end, request->body);
    call->out.len = (size_t)(end - call->out.at);
    return ERR_NONE;
}
