/* Shadow traffic: while the new consumer is off, events are also sent to it once, marked as such, so that it can be
 * tried on real traffic. What comes of it is counted and shown with the message, and changes nothing else.
 *
 * Belongs to the loop of its worker. */
#ifndef PROXY_FLOW_SHADOW_H
#define PROXY_FLOW_SHADOW_H

#include "proxy/flow/delivery.h"

enum { SHADOW_IN_FLIGHT_MAX = 64 }; /* per worker; further ones are not sent */

struct shadow;

struct shadow *shadow_new(struct worker *worker) MUST_USE;
void shadow_free(struct shadow *shadow); /* ends what is under way; NULL is fine */

/* Is this message to be sent as shadow traffic, and is there room for it? */
bool shadow_is_wanted(struct shadow *shadow, const struct message *message, struct arena *scratch);
/* Sends it; takes the delivery over. */
void shadow_send(struct shadow *shadow, struct delivery *delivery);

#endif
