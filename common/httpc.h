/* An HTTP client for deliveries, on a loop: libcurl connects, connections are reused.
 *
 * Nothing but http and https, no redirects followed, no proxy from the environment, no `Expect: 100-continue`; what a
 * server answers is bounded in size and time, and its body is thrown away but for the first bytes.
 *
 * A head that is whole is the answer, whatever becomes of the body behind it: the server has said what it did. Of a
 * body that does not end, so much is read as the limits allow; then the connection is closed. */
#ifndef COMMON_HTTPC_H
#define COMMON_HTTPC_H

#include "common/err.h"
#include "common/http.h"
#include "common/loop.h"
#include "common/str.h"
#include "common/trust.h"

struct httpc;
struct httpc_call;

enum { HTTPC_BODY_KEPT = 4096, HTTPC_BODY_COPIED = 16 * 1024 };

struct httpc_options {
    struct loop *loop;
    uint32_t max_idle_connections; /* kept for reuse */
    size_t max_answer_len;         /* bytes of body after which the rest is not read */
    int64_t connection_age_ms;     /* a connection that is older is not used again; 0: no limit */
    struct trust *trust;           /* held while it is used; NULL: the system's authorities, and no certificate */
    const char *user_agent;        /* NULL: none is sent */
};

struct httpc_request {
    struct str method; /* "POST", "GET" */
    struct str url;
    /* Names must be tokens and values free of control characters, ERR_INVALID otherwise. What frames a message or
     * concerns one connection only (Content-Length, Connection, Expect, ...) is the client's own and is left out. */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    int64_t timeout_ms, connect_timeout_ms; /* 0 is no time at all, not "for ever" */
};

struct httpc_answer {
    /* ERR_NONE: a whole head came. Else why not: ERR_INVALID (the request cannot be sent), ERR_NOT_FOUND (no such
     * host), ERR_CLOSED (refused or broken off), ERR_TIMEOUT, ERR_LIMIT (head too large), ERR_IO (TLS, not HTTP). */
    enum err err;
    int status;             /* HTTP status, 0 where err */
    char what[160];         /* for people: "connection refused", "no answer within 10 s" */
    char note[160];         /* for people, why the body is not whole; empty where it is */
    int64_t retry_after_ms; /* from Retry-After in seconds or as a date; -1 where absent or unreadable */
    int64_t duration_us;
    struct str body; /* at most the first HTTPC_BODY_KEPT bytes; valid during the callback */
};

typedef void httpc_done(const struct httpc_answer *answer, void *arg);

/* Once for the process, before the first thread; ERR_IO. Afterwards nothing of this module may be used. */
enum err httpc_global_init(void) MUST_USE;
void httpc_global_clear(void);

struct httpc *httpc_new(const struct httpc_options *options) MUST_USE;
void httpc_free(
    struct httpc *httpc); /* calls in flight end without their callback; not from inside one. NULL is fine */

/* Another trust from now on, as in the options. Connections over TLS that were made before, and their sessions, carry
 * no further request. */
void httpc_set_trust(struct httpc *httpc, struct trust *trust);

/* Begins a request. All of it is copied but a body of more than HTTPC_BODY_COPIED bytes, which must stay as it is until
 * the call is over. `done` is called exactly once, later, from the loop, unless cancelled; what
 * was returned is valid until then. Trouble with the request itself is told that way, too.
 *
 * A request that was sent over a connection used before, and got not one byte of an answer before that broke, is sent
 * once more over a new one (RFC 9112, 9.3.1): the server may have closed it while it was idle. So is one that is
 * answered by 408 and the end of such a connection. A server that breaks off instead of answering may therefore see a
 * request twice. */
struct httpc_call *httpc_send(struct httpc *httpc, const struct httpc_request *request, httpc_done *done, void *arg);
void httpc_cancel(struct httpc_call *call);
size_t httpc_in_flight(const struct httpc *httpc);

#endif
