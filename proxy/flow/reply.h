/* Answers of the public port: the table of "Receiving". Each ends the exchange. */
#ifndef PROXY_FLOW_REPLY_H
#define PROXY_FLOW_REPLY_H

#include "common/httpd.h"
#include "proxy/model/message.h"

/* 2xx: `outcome` is the word in Hookshift-Outcome and in the body. */
void reply_accepted(struct httpd_exchange *exchange, int status, const char *outcome, uint64_t id, enum state state);

/* Likewise for a body with many messages, of which `body` tells. */
void reply_batch(struct httpd_exchange *exchange, int status, const char *outcome, struct str body);

/* 4xx and 503, as application/problem+json (RFC 9457). `retry_after_s` > 0 adds Retry-After, `id` != 0 the message.
 * Logged, for a sender may be refused for what is wrong here (a secret, a limit), and nothing else would say so. */
void reply_rejected(struct httpd_exchange *exchange, int status, const char *detail, int retry_after_s, uint64_t id);

/* 405 for a request that can bring no message: answered as one that is refused, and not logged as such. */
void reply_probe(struct httpd_exchange *exchange);

#endif
