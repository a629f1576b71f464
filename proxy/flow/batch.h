/* A body that holds many messages: each is admitted as one of its own, all in one transaction, and the sender is
 * answered once. Belongs to the worker's loop. */
#ifndef PROXY_FLOW_BATCH_H
#define PROXY_FLOW_BATCH_H

#include "proxy/decide/classify.h"
#include "proxy/flow/worker.h"

struct batch_part {
    struct message message; /* complete */
    struct content content;
};

/* Takes over the exchange, in whose arena the parts live. Whatever `acknowledge` says, the messages are delivered by
 * the outboxes after the answer: no sender could be told that some of them were delivered and others not. */
void batch_admit(struct worker *worker, struct httpd_exchange *exchange, struct batch_part *parts, size_t count);

/* The headers of one of `count` messages: where they have a webhook-id, each gets one of its own, the same whenever the
 * sender repeats the body. In the arena; `index` from 0. */
struct str batch_webhook_id(struct arena *arena, struct str webhook_id, size_t index);
struct http_header *batch_headers(struct arena *arena, const struct http_header *headers, size_t count, size_t index);

#endif
