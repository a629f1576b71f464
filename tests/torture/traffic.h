/* The senders and consumers of the stage, connection by connection. */
#ifndef TESTS_TORTURE_TRAFFIC_H
#define TESTS_TORTURE_TRAFFIC_H

#include "tests/torture/stage.h"

void traffic_send(struct stage *stage); /* what is due and not acknowledged */
void traffic_accept(struct stage *stage, enum endpoint endpoint);
void traffic_serve(struct stage *stage, struct peer *peer);   /* there is something to read */
void traffic_give_up(struct stage *stage, struct peer *peer); /* a sender: what has come is all */
void traffic_end(struct peer *peer);

int number_at(const char *text); /* 0 where there is none */

#endif
