/* Bytes in, one answer out: llhttp with limits. Knows nothing of sockets. Part of httpc. */
#ifndef COMMON_HTTPC_PARSE_H
#define COMMON_HTTPC_PARSE_H

#include "common/httpc.h"

#include <llhttp.h>

enum {
    HTTPC_HEAD_MOST = 64 * 1024, /* bytes of status lines and headers, those of interim answers included */
    HTTPC_RETRY_AFTER_MOST = 64  /* bytes of a Retry-After that are looked at; a date has 29 */
};

enum httpc_parse {
    HTTPC_PARSE_MORE,  /* all bytes are used up and the answer is not whole */
    HTTPC_PARSE_DONE,  /* the answer is whole; bytes that were not used are none of it */
    HTTPC_PARSE_FAILED /* `fault` says why; no byte that follows can be trusted */
};

enum httpc_fault {
    HTTPC_FAULT_NONE,
    HTTPC_FAULT_HEAD_LEN, /* more than HTTPC_HEAD_MOST */
    HTTPC_FAULT_BODY_LEN, /* more than `body_most` */
    HTTPC_FAULT_HEAD,     /* not HTTP/1; `reason` says more */
    HTTPC_FAULT_BODY,     /* chunks that are none; likewise */
    HTTPC_FAULT_END_HEAD, /* ended before status and headers were whole */
    HTTPC_FAULT_END_BODY  /* ended within the body */
};

struct httpc_parser {
    llhttp_t llhttp;
    size_t body_most;
    bool answers_head;       /* the request was HEAD: no body follows, whatever is announced */
    size_t total_len;        /* bytes seen, interim answers included; 0: nothing was answered yet */
    size_t body_len;         /* of these, data */
    bool has_head, is_whole; /* of the answer itself, not of interim ones */
    bool keeps_alive;        /* where whole: another request may follow on this connection */
    int status;
    enum httpc_fault fault;
    const char *reason; /* static lifetime; or NULL */
    char name[sizeof "retry-after"];
    size_t name_len; /* of the header being read; more than `name` has room for: none that matters */
    char retry_after[HTTPC_RETRY_AFTER_MOST + 1];
    size_t retry_after_len; /* likewise */
    bool has_retry_after;
    char body[HTTPC_BODY_KEPT]; /* the first bytes of it */
};

/* Begins an answer of at most `body_most` bytes of body. */
void httpc_parser_begin(struct httpc_parser *parser, size_t body_most, bool answers_head);

/* `*used` bytes of `data` belong to the answer. Interim answers (1xx) are read over. */
enum httpc_parse httpc_parser_feed(struct httpc_parser *parser, struct str data, size_t *used) MUST_USE;

/* The server has ended the connection: DONE where that is how the body ends (RFC 9112, 6.3), else FAILED. */
enum httpc_parse httpc_parser_end(struct httpc_parser *parser) MUST_USE;

/* What is kept of the body. */
struct str httpc_parser_body(const struct httpc_parser *parser);

/* Retry-After: seconds, or a date (RFC 9110, 10.2.3), at most a year; -1 where there is none that can be read. */
int64_t httpc_parser_retry_after_ms(const struct httpc_parser *parser);

#endif
