/* Bytes in, one request out: llhttp with limits, and with a check of everything that two parsers could read
 * differently. Knows nothing of sockets. Part of httpd. */
#ifndef COMMON_HTTPD_PARSE_H
#define COMMON_HTTPD_PARSE_H

#include "common/httpd.h"

#include <llhttp.h>

enum httpd_parse {
    HTTPD_PARSE_MORE,  /* all bytes are used up and the request is not whole */
    HTTPD_PARSE_DONE,  /* the request is whole; what was not used belongs to the next one */
    HTTPD_PARSE_FAILED /* `status` and `what` say why; no byte that follows can be trusted */
};

/* Text that may arrive in pieces. */
struct httpd_text {
    const char *at;
    size_t len, capacity;
    char *own; /* room of its own in the arena; NULL: it stands in the bytes being parsed */
};

/* Grows in the arena. */
struct httpd_body {
    char *at;
    size_t len, capacity;
};

struct httpd_parser {
    llhttp_t llhttp;
    const struct httpd_limits *limits;
    struct arena *arena;          /* the caller's */
    struct http_request *request; /* in the arena; filled as far as parsing has come */
    struct http_header *headers;
    size_t header_capacity;
    size_t kept_count; /* headers that no longer stand in the bytes being parsed */
    struct httpd_text target, name, value;
    struct httpd_body body;
    size_t line_len;    /* bytes of the request line, its CR included */
    size_t head_len;    /* bytes of the request line and headers */
    size_t framing_len; /* bytes of a chunked body that are not data: sizes, extensions, trailers */
    uint64_t content_length;
    const char *framing_from; /* what is before it in the bytes being parsed was checked, or is data */
    bool has_content_length, in_body, keep_alive, wants_continue;
    bool after_cr, at_line_start, has_line;
    char line_end[10]; /* the last bytes of the request line: " HTTP/1.1\r" */
    int status;
    const char *what; /* static lifetime */
};

/* Begins a request whose text will live in `arena`. The limits must outlive the parser. */
void httpd_parser_begin(struct httpd_parser *parser, const struct httpd_limits *limits, struct arena *arena);

/* `*used` bytes of `data` need not be shown again. */
enum httpd_parse httpd_parser_feed(struct httpd_parser *parser, struct str data, size_t *used) MUST_USE;

/* Ends parsing with an error answer; returns -1, for llhttp's callbacks. */
int httpd_parser_fail(struct httpd_parser *parser, int status, const char *what);

/* httpd_check.c: judges a complete head and fills in what follows from it. False: httpd_parser_fail() was called. */
bool httpd_check_head(struct httpd_parser *parser) MUST_USE;

#endif
