/* The PROXY protocol, version 2: what a load balancer that passes TCP on says of its client before the first byte of
 * the connection. https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2. */
#ifndef COMMON_PROXY_HEADER_H
#define COMMON_PROXY_HEADER_H

#include "common/netaddr.h"

enum { PROXY_HEADER_MOST = 16 + 2048 };

struct proxy_header {
    bool has_source;       /* else the connection is the balancer's own (LOCAL), or not from a network */
    struct netaddr source; /* the client */
    bool is_tls;           /* the client spoke TLS to the balancer */
};

enum proxy_header_result {
    PROXY_HEADER_MORE, /* `*need`: so many bytes in all are to be shown next time, and not one more of the connection */
    PROXY_HEADER_DONE,
    PROXY_HEADER_BAD /* version 1, no header at all, or a malformed one */
};

/* `len` bytes from the beginning of the connection; begin with none. Pure. */
enum proxy_header_result proxy_header_parse(const unsigned char *at, size_t len, struct proxy_header *header,
                                            size_t *need) MUST_USE;

#endif
