/* What goes through the proxy, second by second: the last minutes are remembered, and told to whoever listens as
 * server-sent events (WHATWG HTML, section 9.2).
 *
 * Belongs to the loop of the admin port. */
#ifndef PROXY_ADMIN_LIVE_H
#define PROXY_ADMIN_LIVE_H

#include "common/httpd.h"
#include "common/json.h"
#include "proxy/flow/service.h"

struct live;

struct live *live_new(const struct service *service, struct loop *loop) MUST_USE;
/* Ends the exchange with a stream: first an event "history" with what is remembered, then an event "sample" every
 * second. False where there are too many listeners already; then the exchange is still to be answered. */
bool live_listen(struct live *live, struct httpd_exchange *exchange) MUST_USE;
/* An object: what went through in the last `seconds` (at most 300), and how many of them there were. */
void live_write_recent(const struct live *live, size_t seconds, struct json_writer *json);
void live_free(struct live *live); /* before the server of its listeners; NULL is fine */

#endif
