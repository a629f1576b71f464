/* What the two files of the store share: store.c is for callers, store_thread.c is the thread. */
#ifndef PROXY_STORE_STORE_INTERNAL_H
#define PROXY_STORE_STORE_INTERNAL_H

#include "proxy/store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct flag_set {
    void *flags;
    store_release_fn *release;
};

struct answer_list { /* finished jobs of one loop */
    struct loop *loop;
    struct store_job *first, **end;
};

struct readiness {
    int64_t told_due_ms; /* for which ready() was called */
    int64_t told_us;
};

struct store {
    struct ledger *ledger;
    struct backend *backend; /* the ledger's */
    struct store_hooks hooks;
    pthread_t thread;

    pthread_mutex_t lock; /* guards from here ... */
    pthread_cond_t wake;
    struct store_job *first, **end;
    struct flag_set next_flags;
    bool has_next_flags, is_closing, is_failing;
    struct err_detail error; /* ... to here */

    struct flag_set flags; /* and these are the thread's */
    int64_t sweep_us, probe_us;
    int64_t wall_ms; /* when it was looked at last */
    struct readiness readiness[ENDPOINT_COUNT];
    struct answer_list *answers;
    size_t answer_count, answer_capacity;

    _Atomic int64_t next_due_ms[ENDPOINT_COUNT]; /* published by the thread */
    _Atomic int64_t oldest_pending_ms[ENDPOINT_COUNT], oldest_parked_ms[ENDPOINT_COUNT];
    _Atomic uint64_t in_state[ENDPOINT_COUNT][STATE_COUNT];
    _Atomic uint64_t takeovers, twins, replays, swept, removed;
};

/* The thread: `arg` is the store. Ends when the store is closing and nothing is queued. */
void *store_thread_main(void *arg);
/* Before the thread there is: what others may ask for, as of now. */
void store_publish(struct store *store);
void store_release(struct flag_set set);

#endif
