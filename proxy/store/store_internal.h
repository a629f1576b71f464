/* What the files of the store share: store.c is for callers, store_lane.c for loops, store_thread.c is the thread, and
 * store_serve.c what the last two have in common.
 *
 * Two locks: `ledger_lock` is held for a whole group by who runs it, `lock` for a few assignments by whoever queues;
 * the second may be taken while the first is held, never the other way round. */
#ifndef PROXY_STORE_STORE_INTERNAL_H
#define PROXY_STORE_STORE_INTERNAL_H

#include "common/clock_guard.h"
#include "proxy/store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct store_copy;

struct flag_set {
    void *flags;
    store_release_fn *release;
};

struct job_queue {
    struct store_job *first, *last;
};

struct answer_list { /* finished jobs of one loop */
    struct loop *loop;
    struct job_queue jobs;
};

struct readiness {
    int64_t told_due_ms; /* for which ready() was called */
    int64_t told_us;
};

struct store {
    struct store_hooks hooks;
    pthread_t thread;
    bool lanes_serve; /* the backend never waits: who queues by a lane may run the group himself */

    pthread_mutex_t lock; /* guards from here ... */
    pthread_cond_t wake;
    struct job_queue queue, lane_queue; /* the second only where lanes serve */
    struct flag_set next_flags;
    bool has_next_flags, is_closing, is_failing;
    struct store_copy *copy; /* that is being made; NULL: none */
    bool is_poked;           /* the thread shall look at the time again */
    struct err_detail error; /* ... to here */

    pthread_mutex_t ledger_lock; /* guards from here ... */
    struct ledger *ledger;
    struct backend *backend; /* the ledger's */
    struct flag_set flags;
    int64_t sweep_us, probe_us; /* when they are due, monotonic */
    uint64_t groups;            /* that were run */
    uint64_t groups_swept;      /* before the last step of the sweep */
    bool is_full;               /* the disk */
    size_t full_budget;         /* of the sweep while it is full: what fits into the room that the log has */
    int64_t room_us;            /* when it is looked at next, monotonic */
    struct readiness readiness[ENDPOINT_COUNT];
    struct answer_list *answers;
    size_t answer_count, answer_capacity;
    int64_t wakes_ms; /* ... to here: the thread sleeps until then, wall time; 0: it is awake */

    struct clock_guard clock; /* the thread's own, as is ... */
    int64_t note_us;          /* ... when the time is noted next, monotonic */

    _Atomic int64_t next_due_ms[ENDPOINT_COUNT]; /* published after every group */
    _Atomic int64_t oldest_pending_ms[ENDPOINT_COUNT], oldest_parked_ms[ENDPOINT_COUNT];
    _Atomic uint64_t in_state[ENDPOINT_COUNT][STATE_COUNT];
    _Atomic uint64_t takeovers, twins, replays, swept, removed, jumps_ahead, jumps_back;
    _Atomic uint64_t expired[ENDPOINT_COUNT][2];
    _Atomic int64_t ahead_ms;
    _Atomic int64_t turned_us; /* the thread last did so, monotonic */
};

void job_queue_add(struct job_queue *queue, struct store_job *job);
void job_queue_append(struct job_queue *queue, struct job_queue more); /* whose jobs are in the queue from then on */

/* Puts a lane's jobs where they will be run, by the thread or by lanes. */
void store_queue_lane(struct store *store, struct job_queue jobs);
/* The thread: `arg` is the store. Ends when the store is closing and nothing is queued. */
void *store_thread_main(void *arg);
/* The thread sleeps for longer than it should: messages are due before. With the ledger's lock. */
void store_poke_thread(struct store *store);

/* With the ledger's lock, each of the following. */

/* Runs one group of what is queued and answers it. The thread takes all that waits; a lane, for its loop `own`, only
 * what lanes queued, and gets its own jobs back: their done() is to be called without the lock. False: nothing was
 * queued. */
bool store_serve(struct store *store, struct loop *own, struct job_queue *answered);
/* store_copy.c: one step of a copy, outside of a group; true: there is more to do. And the end of one that is not. */
bool store_copy_step(struct store *store, bool is_busy);
void store_copy_end(struct store *store);
/* Tells what has become due since. */
void store_tell_ready(struct store *store);
/* Writes down for others what they may ask for, as of now. */
void store_publish(struct store *store);
/* The store can write, or cannot (`err`). */
void store_set_failing(struct store *store, enum err err, const struct err_detail *detail);

/* A write failed for want of room. */
void store_become_full(struct store *store);
/* Is there room again? Looks now and then. */
void store_watch_room(struct store *store);

void store_call_done(struct store_job *job); /* of a list; without the lock */
void store_release(struct flag_set set);

#endif
