/* An HTTP/1.1 server on libevent with llhttp as its parser.
 *
 * One `struct httpd` is one listener on one loop; several loops may listen on one address (SO_REUSEPORT). Each
 * request is handed to the handler whole, with its body. Every request is answered exactly once, now or later, from
 * the loop's thread; the exchange is safe to answer when its client has gone. Requests of one connection are answered
 * in order, and a further one is not read before the one before it is answered and its answer is on the way. */
#ifndef COMMON_HTTPD_H
#define COMMON_HTTPD_H

#include "common/arena.h"
#include "common/err.h"
#include "common/loop.h"
#include "common/str.h"

struct http_header {
    struct str name, value;
};

struct httpd_limits {
    size_t body_len, header_len; /* bytes; header_len counts the request line and all headers */
    uint32_t header_count;
    uint32_t connections;
    int64_t request_ms; /* a whole request must arrive within, from its first byte */
    int64_t idle_ms;    /* between requests, and for an answer that the client does not read */
};

struct http_request {
    struct str method;                 /* upper case */
    struct str target;                 /* path and query as sent */
    const struct http_header *headers; /* in the order of arrival, values trimmed */
    size_t header_count;
    struct str body;  /* decoded from chunks */
    struct str peer;  /* "127.0.0.1:50312" */
    int64_t began_us; /* clock_mono_us() at its first byte */
};

struct httpd;
struct httpd_exchange;
typedef void httpd_handler(struct httpd_exchange *exchange, void *arg);

/* How an error that the server finds itself (malformed, too large, too slow, too many) is answered: the handler's
 * module writes headers and body for `status`, with httpd_answer(), in its own format. */
typedef void httpd_error_handler(struct httpd_exchange *exchange, int status, const char *what, void *arg);

struct httpd_options {
    struct loop *loop;
    const char *listen; /* "127.0.0.1:8080", "[::1]:0", ":8080"; port 0 picks a free one */
    bool share_port;    /* SO_REUSEPORT */
    struct httpd_limits limits;
    httpd_handler *handler;
    httpd_error_handler *error_handler; /* NULL: a bare answer */
    void *arg;
};

/* ERR_INVALID for an address that cannot be read, ERR_BUSY for one in use, ERR_DENIED, ERR_IO; with detail. */
enum err httpd_new(const struct httpd_options *options, struct httpd **httpd, struct err_detail *detail) MUST_USE;
uint16_t httpd_port(const struct httpd *httpd);
const char *httpd_address(const struct httpd *httpd); /* "127.0.0.1:8080", the port as bound */
size_t httpd_connections(const struct httpd *httpd);
void httpd_stop_listening(struct httpd *httpd); /* new connections are refused; those there go on */
/* Closes idle connections and each other one after its answer ("Connection: close"). */
void httpd_drain(struct httpd *httpd);
void httpd_free(struct httpd *httpd); /* closes everything; exchanges not yet answered stay valid until they are */

const struct http_request *httpd_request(const struct httpd_exchange *exchange);
struct arena *httpd_arena(struct httpd_exchange *exchange); /* lives until the exchange is answered */
/* Takes the arena over, with the request in it: the caller frees it, after the exchange is answered or before. */
struct arena *httpd_take_arena(struct httpd_exchange *exchange);
bool httpd_client_gone(const struct httpd_exchange *exchange);

/* Answers and ends the exchange. Content-Length, Date and Connection are added. `headers` and `body` are copied. */
void httpd_answer(struct httpd_exchange *exchange, int status, const struct http_header *headers, size_t header_count,
                  struct str body);

/* For server-sent events: an answer without an end. The stream is over when on_gone is called or it is closed. */
struct httpd_stream;
typedef void httpd_stream_gone(struct httpd_stream *stream, void *arg);
struct httpd_stream *httpd_answer_stream(struct httpd_exchange *exchange, const struct http_header *headers,
                                         size_t header_count, httpd_stream_gone *on_gone, void *arg);
enum err httpd_stream_write(struct httpd_stream *stream, struct str data); /* ERR_LIMIT: the client does not read */
void httpd_stream_close(struct httpd_stream *stream);

/* The first header of that name (any case), else absent. */
struct str http_header_get(const struct http_header *headers, size_t count, struct str name);
const char *http_status_text(int status);

#endif
