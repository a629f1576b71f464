/* A listening TCP socket on a loop: hands each new connection to its owner, and keeps calm when the process is out of
 * descriptors. */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include "common/loop.h"
#include "common/netaddr.h"

struct listener;

/* The callee owns `fd`, which does not block. `refuse`: there was no descriptor to spare; it should close at once. */
typedef void listener_accept(int fd, const struct netaddr *peer, bool refuse, void *arg);

struct listener_options {
    struct loop *loop;
    const char *address; /* see netaddr_parse() */
    bool share_port;     /* SO_REUSEPORT: several listeners, one address */
    listener_accept *on_accept;
    void *arg;
};

/* ERR_INVALID for an address that cannot be read or is not this machine's, ERR_BUSY for one in use, ERR_DENIED for one
 * that needs rights, ERR_IO; with detail. */
enum err listener_open(const struct listener_options *options, struct listener **listener,
                       struct err_detail *detail) MUST_USE;

/* Does nobody listen there? Sharing a port lets in any process of the same user, also one that does not belong here;
 * to be asked before the first listener is opened. Errors as above. */
enum err listener_probe(const char *address, struct err_detail *detail) MUST_USE;

/* Accepts what waits in the queue already, whose clients think they are connected, then closes. NULL is fine. */
void listener_close(struct listener *listener);

const struct netaddr *listener_address(const struct listener *listener); /* as bound: with the real port */

#endif
