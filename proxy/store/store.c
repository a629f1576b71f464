#include "proxy/store/store_internal.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <errno.h>
#include <signal.h>

/* NULL where it failed, with why. */
static struct backend *open_backend(const struct store_options *options, enum err *err, struct err_detail *detail) {
    struct str url = str_of(options->url);
    struct backend *backend = options->backend;
    *err = ERR_NONE;
    if (backend != NULL)
        return backend;
    if (str_eq(url, STR("memory:")))
        return backend_memory_new();
    if (str_starts_with(url, STR("sqlite:")))
        *err = backend_sqlite_open(options->url + STR("sqlite:").len, options->sync, &backend, detail);
    else if (str_starts_with(url, STR("postgresql:")) || str_starts_with(url, STR("postgres:")))
        *err = err_set(detail, ERR_INVALID, "store.url: PostgreSQL is not available in this build");
    else
        *err = err_set(detail, ERR_INVALID, "store.url: \"%s\" is neither sqlite:PATH nor memory:", options->url);
    return *err == ERR_NONE ? backend : NULL;
}

/* Signals are for the main thread. */
static enum err start_thread(struct store *store, struct err_detail *detail) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_store(&store->turned_us, clock_mono_us());
    int failed =
        FAULT("store.thread", EAGAIN) ? EAGAIN : pthread_create(&store->thread, NULL, store_thread_main, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return err_set(detail, ERR_IO, "cannot start the store's thread: %s", strerror(failed));
    pthread_setname_np(store->thread, "store");
    return ERR_NONE;
}

static void store_free(struct store *store) {
    ledger_close(store->ledger);
    store_release(store->flags);
    if (store->has_next_flags)
        store_release(store->next_flags);
    pthread_cond_destroy(&store->wake);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->ledger_lock);
    mem_free(store->answers);
    mem_free(store);
}

enum err store_open(const struct store_options *options, struct store **store, struct err_detail *detail) {
    enum err err;
    struct ledger *ledger;
    struct backend *backend = open_backend(options, &err, detail);
    if (backend == NULL)
        return err;
    err = ledger_open(backend, options->policy, options->flag, options->flags, &ledger, detail);
    if (err != ERR_NONE)
        return err;
    struct store *made = MEM_NEW(struct store);
    made->ledger = ledger;
    made->backend = backend;
    made->hooks = options->hooks;
    made->lanes_serve = !backend->ops->waits;
    pthread_mutex_init(&made->lock, NULL);
    pthread_mutex_init(&made->ledger_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    store_publish(made);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        atomic_store(&made->oldest_pending_ms[e], DUE_NEVER);
        atomic_store(&made->oldest_parked_ms[e], DUE_NEVER);
    }
    made->flags = (struct flag_set){options->flags, options->release};
    err = start_thread(made, detail);
    if (err != ERR_NONE) {
        made->flags.release = NULL; /* still the caller's */
        store_free(made);
        return err;
    }
    *store = made;
    return ERR_NONE;
}

void store_close(struct store *store) {
    pthread_mutex_lock(&store->lock);
    store->is_closing = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    store_free(store);
}

void store_submit(struct store *store, struct store_job *job) {
    job->err = ERR_NONE;
    pthread_mutex_lock(&store->lock);
    if (store->queue.first == NULL)
        pthread_cond_signal(&store->wake);
    job_queue_add(&store->queue, job);
    pthread_mutex_unlock(&store->lock);
}

void store_queue_lane(struct store *store, struct job_queue jobs) {
    struct job_queue *queue = store->lanes_serve ? &store->lane_queue : &store->queue;
    pthread_mutex_lock(&store->lock);
    if (!store->lanes_serve && queue->first == NULL)
        pthread_cond_signal(&store->wake);
    job_queue_append(queue, jobs);
    pthread_mutex_unlock(&store->lock);
}

void store_set_flags(struct store *store, void *flags, store_release_fn *release) {
    pthread_mutex_lock(&store->lock);
    struct flag_set unused = store->has_next_flags ? store->next_flags : (struct flag_set){0};
    store->next_flags = (struct flag_set){flags, release};
    store->has_next_flags = true;
    store->is_poked = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    store_release(unused);
}

int64_t store_oldest_pending(const struct store *store, enum endpoint endpoint) {
    return atomic_load_explicit(&store->oldest_pending_ms[endpoint], memory_order_relaxed);
}

int64_t store_oldest_parked(const struct store *store, enum endpoint endpoint) {
    return atomic_load_explicit(&store->oldest_parked_ms[endpoint], memory_order_relaxed);
}

int64_t store_next_due(const struct store *store, enum endpoint endpoint) {
    return atomic_load_explicit(&store->next_due_ms[endpoint], memory_order_relaxed);
}

void store_count(const struct store *store, struct ledger_counts *counts) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int s = 0; s < STATE_COUNT; s++)
            counts->in_state[e][s] = atomic_load_explicit(&store->in_state[e][s], memory_order_relaxed);
}

void store_stats(const struct store *store, struct ledger_stats *stats) {
    *stats = (struct ledger_stats){
        .takeovers = atomic_load_explicit(&store->takeovers, memory_order_relaxed),
        .twins = atomic_load_explicit(&store->twins, memory_order_relaxed),
        .replays = atomic_load_explicit(&store->replays, memory_order_relaxed),
        .swept = atomic_load_explicit(&store->swept, memory_order_relaxed),
        .removed = atomic_load_explicit(&store->removed, memory_order_relaxed),
    };
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int with = 0; with < 2; with++)
            stats->expired[e][with] = atomic_load_explicit(&store->expired[e][with], memory_order_relaxed);
}

void store_clock(const struct store *store, struct store_clock *clock) {
    *clock = (struct store_clock){
        .ahead_ms = atomic_load_explicit(&store->ahead_ms, memory_order_relaxed),
        .jumps_ahead = atomic_load_explicit(&store->jumps_ahead, memory_order_relaxed),
        .jumps_back = atomic_load_explicit(&store->jumps_back, memory_order_relaxed),
    };
}

bool store_is_failing(struct store *store, struct err_detail *detail) {
    pthread_mutex_lock(&store->lock);
    bool failing = store->is_failing;
    if (failing && detail != NULL)
        *detail = store->error;
    pthread_mutex_unlock(&store->lock);
    return failing;
}
