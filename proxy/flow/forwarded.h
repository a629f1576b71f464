/* What is told to the consumer of whom the request came from: X-Forwarded-For, -Proto and -Host, and Forwarded (RFC
 * 7239). */
#ifndef PROXY_FLOW_FORWARDED_H
#define PROXY_FLOW_FORWARDED_H

#include "common/httpd.h"

/* The headers as lines of headers_encode(), in the arena. What a sender says of those before it is taken over where it
 * is one of listen.trusted_proxies, and goes before our own. */
struct str forwarded_encode(struct arena *arena, const struct http_request *http);

#endif
