/* An event loop (libevent) that one thread turns, and the only way across threads: loop_post().
 *
 * Everything but loop_post() and loop_stop() is called from the loop's own thread (or before it runs). */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include "common/base.h"
#include "common/err.h"

struct event_base;
struct loop;
typedef void loop_fn(void *arg);

struct loop *loop_new(void) MUST_USE; /* aborts where the system has no descriptors left for it */
void loop_free(struct loop *loop);    /* runs what was posted or deferred and not yet run, then frees */
/* Runs what was posted or deferred, on a loop that no longer turns: the last calls before its objects are freed. */
void loop_flush(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

void loop_run(struct loop *loop);  /* until loop_stop() */
void loop_stop(struct loop *loop); /* from any thread; before loop_run() it is remembered */

/* Turns the loop until done(arg), which is asked after every turn, says so: true; false when `within_ms` have passed
 * before. Pays no heed to loop_stop(). */
typedef bool loop_check(void *arg);
bool loop_run_until(struct loop *loop, loop_check *done, void *arg, int64_t within_ms) MUST_USE;

/* Calls fn(arg) on the loop's thread, in the order posted. From any thread; never blocks, never fails. The posts of
 * one turn wake the loop once. */
void loop_post(struct loop *loop, loop_fn *fn, void *arg);

/* Calls fn(arg) after the callbacks of this turn have returned: how objects are freed, never inside a callback. */
void loop_defer(struct loop *loop, loop_fn *fn, void *arg);

/* Turns taken since the start. From any thread: a watchdog that posts to the loop and sees the number stand still
 * knows that it hangs (an idle loop does not turn by itself). */
uint64_t loop_turns(const struct loop *loop);

/* A timer that can be set again and again; steps of one millisecond, never early by more than a turn. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg) MUST_USE;
void loop_timer_set(struct loop_timer *timer, int64_t after_ms); /* replaces an earlier setting */
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

#endif
