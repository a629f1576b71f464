/* An HTTP client for deliveries: libcurl's multi interface on a loop, connections and handles reused.
 *
 * Nothing but http and https, no redirects followed, no proxy from the environment, no `Expect: 100-continue`; what a
 * server answers is bounded in size and time, and its body is thrown away but for the first bytes. */
#ifndef COMMON_HTTPC_H
#define COMMON_HTTPC_H

#include "common/err.h"
#include "common/http.h"
#include "common/loop.h"
#include "common/str.h"

struct httpc;
struct httpc_call;

struct httpc_options {
    struct loop *loop;
    uint32_t max_idle_connections; /* kept for reuse */
    size_t max_answer_len;         /* bytes of body after which the attempt fails */
    const char *ca_file;           /* NULL: the system's */
    const char *user_agent;
};

struct httpc_request {
    struct str method; /* "POST", "GET" */
    struct str url;
    const struct http_header *headers; /* names and values are checked: no CR, LF, NUL; ERR_INVALID otherwise */
    size_t header_count;
    struct str body;
    int64_t timeout_ms, connect_timeout_ms;
};

struct httpc_answer {
    enum err err;           /* ERR_NONE: there is a status; else why there is none (ERR_TIMEOUT, ERR_CLOSED, ...) */
    int status;             /* HTTP status, 0 where err */
    char what[160];         /* for people: "connection refused", "no answer within 10 s" */
    int64_t retry_after_ms; /* from Retry-After in seconds or as a date; -1 where absent or unreadable */
    int64_t duration_us;
    struct str body; /* at most the first 4096 bytes; valid during the callback */
};

typedef void httpc_done(const struct httpc_answer *answer, void *arg);

struct httpc *httpc_new(const struct httpc_options *options) MUST_USE;
void httpc_free(struct httpc *httpc); /* calls in flight end without their callback */

/* Begins a request; all of it is copied. `done` is called exactly once, later, from the loop, unless cancelled. */
struct httpc_call *httpc_send(struct httpc *httpc, const struct httpc_request *request, httpc_done *done, void *arg);
void httpc_cancel(struct httpc_call *call);
size_t httpc_in_flight(const struct httpc *httpc);

#endif
