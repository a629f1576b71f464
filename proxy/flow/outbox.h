/* The deliveries of one endpoint on one worker: those under way, those a sender waits for, and the way to more from
 * the store as room appears. */
#ifndef PROXY_FLOW_OUTBOX_H
#define PROXY_FLOW_OUTBOX_H

#include "proxy/flow/delivery.h"

struct outbox *outbox_new(struct worker *worker, enum endpoint endpoint) MUST_USE;
void outbox_free(struct outbox *outbox);

/* Of where messages of that type go to. */
struct health *outbox_health(const struct outbox *outbox, struct str type);

/* Begins the first attempt of a message that was leased by its admission; takes the delivery over. `has_place`: the
 * caller took a place with health_acquire(); else it waits for one, as long as the endpoint's timeout. */
void outbox_deliver(struct outbox *outbox, struct delivery *delivery, bool has_place);
/* Takes due messages from the store while there is room for them. From the loop's thread. */
void outbox_kick(struct outbox *outbox);
void outbox_close(struct outbox *outbox); /* takes nothing more */
void outbox_interrupt(struct outbox *outbox);
size_t outbox_busy(const struct outbox *outbox);

/* For delivery.c: the attempt has an answer and its place is free; the delivery is over. */
struct outbox_sign {
    enum health_sign sign;
    int64_t rest_ms;
    struct str why; /* for the log */
};
void outbox_on_answered(struct outbox *outbox, struct health *health, const struct outbox_sign *sign);
void outbox_on_unsent(struct outbox *outbox, struct health *health); /* it was not sent, and gives its place back */
void outbox_on_over(struct outbox *outbox, struct delivery *delivery);
void delivery_start(struct delivery *delivery);     /* in flight; the place is taken */
void delivery_interrupt(struct delivery *delivery); /* waiting or in flight: settle it as interrupted */

#endif
