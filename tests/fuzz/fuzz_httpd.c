/* The first byte says how the rest is cut into pieces. Requests are read out of it, once whole and once in pieces: both
 * times the same requests, or the same refusal, must come of it, and what is let through must be within the limits and
 * free of all that could be read in two ways. */
#include "common/httpd_parse.h"

#include "common/mem.h"

#include <stdlib.h>

enum { REQUESTS_MOST = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct httpd_limits limits = {.body_len = 1000, .header_len = 500, .header_count = 10};

static void require(bool holds) {
    if (!holds)
        abort();
}

struct outcome {
    struct arena *arena;
    const struct http_request *requests[REQUESTS_MOST];
    size_t count;
    int status; /* of the refusal that ended it */
};

static bool is_printable(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] >= 0x7F)
            return false;
    return text.len > 0;
}

static size_t count_headers(const struct http_request *request, struct str name) {
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        count += str_eq_nocase(request->headers[i].name, name) ? 1 : 0;
    return count;
}

static void check_request(const struct http_request *request) {
    uint64_t length = request->body.len;
    struct str text = http_header_get(request->headers, request->header_count, STR("content-length"));
    require(request->body.len <= limits.body_len && request->header_count <= limits.header_count);
    require(is_printable(request->method) && is_printable(request->target));
    require(request->target.at[0] == '/' || str_eq(request->target, STR("*")));
    for (size_t i = 0; i < request->header_count; i++)
        require(http_name_is_valid(request->headers[i].name) && http_value_is_valid(request->headers[i].value));
    require(count_headers(request, STR("content-length")) + count_headers(request, STR("transfer-encoding")) <= 1);
    require(count_headers(request, STR("host")) <= 1);
    require(text.at == NULL || (str_to_u64(text, &length) && length == request->body.len));
}

static bool read_one(struct outcome *outcome, struct str *rest, size_t piece) {
    struct httpd_parser parser;
    enum httpd_parse result = HTTPD_PARSE_MORE;
    httpd_parser_begin(&parser, &limits, outcome->arena);
    while (result == HTTPD_PARSE_MORE && rest->len > 0) {
        size_t used = 0, len = rest->len < piece ? rest->len : piece;
        char *exact = mem_copy(rest->at, len); /* so that reading past its end is seen */
        result = httpd_parser_feed(&parser, str_slice(exact, len), &used);
        mem_free(exact);
        require(used <= len && (result != HTTPD_PARSE_MORE || used == len));
        *rest = str_from(*rest, used);
    }
    if (result == HTTPD_PARSE_FAILED) {
        require(parser.status >= 400 && parser.status < 500 && parser.what != NULL);
        outcome->status = parser.status;
    }
    if (result != HTTPD_PARSE_DONE)
        return false;
    check_request(parser.request);
    outcome->requests[outcome->count++] = parser.request;
    return outcome->count < REQUESTS_MOST;
}

static struct outcome read_all(struct str data, size_t piece) {
    struct outcome outcome = {.arena = arena_new(0)};
    while (data.len > 0 && read_one(&outcome, &data, piece))
        continue;
    return outcome;
}

static void compare(const struct http_request *a, const struct http_request *b) {
    require(str_eq(a->method, b->method) && str_eq(a->target, b->target) && str_eq(a->body, b->body));
    require(a->header_count == b->header_count);
    for (size_t i = 0; i < a->header_count; i++)
        require(str_eq(a->headers[i].name, b->headers[i].name) && str_eq(a->headers[i].value, b->headers[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str bytes = str_slice((const char *)data + 1, size - 1);
    struct outcome whole = read_all(bytes, SIZE_MAX), pieces = read_all(bytes, 1 + data[0] % 16);
    require(whole.count == pieces.count && (whole.status == 0) == (pieces.status == 0));
    for (size_t i = 0; i < whole.count; i++)
        compare(whole.requests[i], pieces.requests[i]);
    arena_free(whole.arena);
    arena_free(pieces.arena);
    return 0;
}
