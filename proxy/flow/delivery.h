/* One attempt to deliver one message, from the request that is built to the settlement in the store.
 *
 *   delivery_begin ─► health_acquire'd ─► httpc_send ─► on_answer ─► store: ledger_settle ─► on_settled ─► freed
 *                                                                          │ store fails: again, later
 * Belongs to the loop of its worker. */
#ifndef PROXY_FLOW_DELIVERY_H
#define PROXY_FLOW_DELIVERY_H

#include "proxy/flow/headers.h"
#include "proxy/flow/worker.h"

struct delivery {
    struct worker *worker;
    struct outbox *outbox;
    struct health *health;            /* of where it goes to; it has a place there while an attempt is under way */
    struct delivery *next, *previous; /* in the outbox: in flight or waiting */
    struct arena *arena;              /* owned: all texts below live in it */
    struct record record;
    struct content content;
    struct str trimmed, covered;
    struct httpd_exchange *exchange; /* the sender waits for it (acknowledge=delivered), else NULL */
    int64_t deadline_ms;             /* of waiting for room, monotonic */
    struct httpc_call *call;
    struct loop_timer *again; /* the store could not write the outcome down */
    struct store_job job;
    struct attempt attempt;
    struct settlement settlement;
    int64_t now_ms;
    enum state resumed;          /* what asking the flag again came to */
    bool is_asking, is_stopping; /* it is asked; meanwhile, the delivery was interrupted */
    bool is_shadow;
};

/* The request of an attempt as it goes out. */
struct delivery_request {
    struct str url, body;
    struct header_list headers;
};

/* Pure but for the catalogue and keys of `service`: url, headers (renewed signature, attempt, trace, covered) and
 * body (trimmed where it must be). Texts live in the delivery's arena. */
void delivery_build(const struct service *service, struct delivery *delivery, int64_t now_ms,
                    struct delivery_request *request);

/* Builds the request and sends it with the worker's client of the endpoint; `done` gets the delivery. */
void delivery_send(struct delivery *delivery, httpc_done *done);

#endif
