/* An HTTP/1.1 server on libevent with llhttp as its parser.
 *
 * One `struct httpd` is one listener on one loop; several loops may listen on one address (SO_REUSEPORT). Each
 * request is handed to the handler whole, with its body. Every request is answered exactly once, now or later, from
 * the loop's thread; the exchange is safe to answer when its client has gone. Requests of one connection are answered
 * in order, and a further one is not read before the one before it is answered and its answer is on the way. */
#ifndef COMMON_HTTPD_H
#define COMMON_HTTPD_H

#include "common/arena.h"
#include "common/budget.h"
#include "common/crowd.h"
#include "common/err.h"
#include "common/http.h"
#include "common/loop.h"
#include "common/str.h"
#include "common/tls.h"

struct httpd_limits {
    size_t body_len, header_len; /* bytes; header_len counts the request line and all headers */
    uint32_t header_count;
    uint32_t connections;        /* of this server; not looked at where a crowd is given */
    uint32_t connections_of_one; /* likewise, from one address; 0: as many as there may be in all */
    int64_t request_ms;          /* a whole request must arrive within, from its first byte */
    int64_t idle_ms;             /* between requests, and for an answer that the client does not read */
    size_t body_rate;         /* bytes a second, over some seconds: a body that comes more slowly is cut off; 0: none */
    int64_t stranger_idle_ms; /* instead of it, until httpd_trust() was called; 0: idle_ms */
};

struct http_request {
    struct str method;                 /* upper case; never CONNECT or TRACE, which are answered with 405 */
    struct str target;                 /* path and query as sent, or "*" with OPTIONS */
    const struct http_header *headers; /* in the order of arrival, values trimmed */
    size_t header_count;
    struct str body;  /* decoded from chunks */
    struct str peer;  /* "127.0.0.1:50312" */
    bool is_tls;      /* it came inside TLS, to us or to the balancer that sent a PROXY header */
    bool is_trusted;  /* from one of the addresses in options.trusted */
    int64_t began_us; /* clock_mono_us() at its first byte */
};

struct httpd;
struct httpd_exchange;
typedef void httpd_handler(struct httpd_exchange *exchange, void *arg);

/* How an error that the server finds itself (malformed, too large, too slow) is answered: the handler's module writes
 * headers and body for `status`, with httpd_answer(), in its own format. The request holds what was read of it: maybe
 * no method, no target and no headers. The connection ends after the answer. */
typedef void httpd_error_handler(struct httpd_exchange *exchange, int status, const char *what, void *arg);

struct httpd_options {
    struct loop *loop;
    const char *listen;      /* "127.0.0.1:8080", "[::1]:0", ":8080"; port 0 picks a free one */
    bool share_port;         /* SO_REUSEPORT */
    struct tls_context *tls; /* held while it is used; NULL: none */
    struct httpd_limits limits;
    /* Of all servers that share it; NULL: one of its own. Who finds no room is answered with a bare 503, or inside TLS
     * not at all, and closed. */
    struct crowd *crowd;
    /* Requests under way, and those the handler took over the arenas of, are counted there. Where there is no room, a
     * large body that stands still is ended for it, or the request is answered with 503; one address gets half of it
     * for large bodies. Outlives the server; NULL: nothing is counted. */
    struct budget *budget;
    bool has_proxy_header; /* each connection begins with a header of the PROXY protocol, version 2, or is closed */
    const struct netaddr_range *trusted; /* outlive the server */
    size_t trusted_count;
    /* Where there is no room, the connection closes that has waited the longest for a request, or for its client to
     * read, so that a newcomer gets in; only where all are being answered is the newcomer refused. */
    bool makes_room;
    httpd_handler *handler;
    httpd_error_handler *error_handler; /* NULL: a bare answer */
    void *arg;
};

/* ERR_INVALID for an address that cannot be read, ERR_BUSY for one in use, ERR_DENIED, ERR_IO; with detail. */
enum err httpd_new(const struct httpd_options *options, struct httpd **httpd, struct err_detail *detail) MUST_USE;
uint16_t httpd_port(const struct httpd *httpd);
const char *httpd_address(const struct httpd *httpd); /* "127.0.0.1:8080", the port as bound */
/* New connections use that context from now on; those there keep theirs. */
void httpd_set_tls(struct httpd *httpd, struct tls_context *tls);
size_t httpd_connections(const struct httpd *httpd);
void httpd_stop_listening(struct httpd *httpd); /* new connections are refused; those there go on */
/* From now on each answer is the last one of its connection and says so ("Connection: close"): clients leave before
 * httpd_drain() closes on them. */
void httpd_announce_end(struct httpd *httpd);
/* Closes idle connections and each other one after its answer ("Connection: close"). */
void httpd_drain(struct httpd *httpd);
/* Closes everything; exchanges not yet answered stay valid until they are, and streams until on_gone. NULL is fine. */
void httpd_free(struct httpd *httpd);

const struct http_request *httpd_request(const struct httpd_exchange *exchange);
struct arena *httpd_arena(struct httpd_exchange *exchange); /* lives until the exchange is answered */
/* Takes the arena over, with the request in it: the caller frees it, but not before the exchange is answered. */
struct arena *httpd_take_arena(struct httpd_exchange *exchange);
void httpd_trust(struct httpd_exchange *exchange); /* its connection may be idle for as long as limits.idle_ms */
bool httpd_client_gone(const struct httpd_exchange *exchange);

/* Answers and ends the exchange. Content-Length, Date and Connection are added, and must not be given. `headers` and
 * `body` are copied; control characters in values become spaces. `status` is from 200 to 599. The body goes out in one
 * piece: a client that takes none of it for idle_ms is cut off. */
void httpd_answer(struct httpd_exchange *exchange, int status, const struct http_header *headers, size_t header_count,
                  struct str body);

/* For server-sent events: an answer (200) without an end; Date and `Connection: close` are added. The stream is over,
 * and its handle no longer valid, when on_gone was called (from the loop; the client has left, does not read, or the
 * server drains) or when it was closed by its owner. */
struct httpd_stream;
typedef void httpd_stream_gone(struct httpd_stream *stream, void *arg);
struct httpd_stream *httpd_answer_stream(struct httpd_exchange *exchange, const struct http_header *headers,
                                         size_t header_count, httpd_stream_gone *on_gone, void *arg);
/* ERR_LIMIT: the client does not read, and nothing of `data` was kept; ERR_CLOSED: on_gone is on its way. */
enum err httpd_stream_write(struct httpd_stream *stream, struct str data) MUST_USE;
void httpd_stream_close(struct httpd_stream *stream);

#endif
