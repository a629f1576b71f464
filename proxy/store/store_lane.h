/* One loop's own way to the store. What the callbacks of a turn ask for goes to the store together when they have
 * returned, so that a busy loop and the store's thread wake each other once a turn and not once a message.
 *
 * A store that never waits (memory:) isn't worth changing threads for: there the lane runs the group itself, on the
 * loop's thread, unless another one is at it, who then runs it too.
 *
 * Belongs to the loop's thread. */
#ifndef PROXY_STORE_STORE_LANE_H
#define PROXY_STORE_STORE_LANE_H

#include "proxy/store/store.h"

struct store_lane;

struct store_lane *store_lane_new(struct store *store, struct loop *loop) MUST_USE;
/* Sends what is queued; what is submitted later ends with ERR_CLOSED. When the loop no longer turns, before
 * store_close(). */
void store_lane_close(struct store_lane *lane);
void store_lane_free(struct store_lane *lane); /* closed, or never used; after the loop's last call. NULL is fine */

/* As store_submit(), for jobs whose done() belongs on the lane's loop. Jobs of a lane are run in their order, but may
 * be done in another. done() is not called before this returns. */
void store_lane_submit(struct store_lane *lane, struct store_job *job);

#endif
