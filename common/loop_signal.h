/* A signal of the process as a callback of a loop.
 *
 * One loop of the process may do this, and it is the loop of the thread that calls. */
#ifndef COMMON_LOOP_SIGNAL_H
#define COMMON_LOOP_SIGNAL_H

#include "common/loop.h"

struct loop_signal;

/* From now on fn(arg) is called by the loop each time (or once for several that come close together) `number` (SIGTERM,
 * SIGHUP, ...) is received, instead of what it did before. */
struct loop_signal *loop_signal_new(struct loop *loop, int number, loop_fn *fn, void *arg) MUST_USE;
void loop_signal_free(struct loop_signal *handler); /* gives the signal its former effect back; NULL is fine */

#endif
