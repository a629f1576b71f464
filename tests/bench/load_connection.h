/* One keep-alive connection of the load generator: a request out, an answer in, one after the other. */
#ifndef BENCH_LOAD_CONNECTION_H
#define BENCH_LOAD_CONNECTION_H

#include "common/err.h"
#include "common/netaddr.h"

#include <llhttp.h>

struct connection {
    llhttp_t parser;
    int fd;    /* -1: closed */
    int epoll; /* where it is watched */
    char *out; /* owned; room for the longest request */
    size_t out_len, out_sent;
    bool is_busy, is_answered;
    int status;
    int64_t due_us; /* when its request should have gone out */
    struct connection *next;
};

/* A closed connection with room for requests of `out_max` bytes, which opens itself when it is needed. */
void connection_init(struct connection *connection, int epoll, size_t out_max);
void connection_clear(struct connection *connection);

/* Sends what stands in `out`. ERR_CLOSED, ERR_IO: it did not work, and the connection is closed. */
enum err connection_send(struct connection *connection, const struct netaddr *address, size_t out_len,
                         int64_t due_us) MUST_USE;
/* Goes on with writing and reading. ERR_CLOSED, ERR_IO, ERR_INVALID (not HTTP): closed before the answer was there.
 * With ERR_NONE `is_answered` says whether it is. */
enum err connection_continue(struct connection *connection) MUST_USE;

#endif
