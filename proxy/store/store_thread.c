/* The thread: runs what is queued, and what is to be done without anybody asking: the sweep, a look at whether the
 * store can be written, and telling what is due at its time. */
#include "proxy/store/store_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "proxy/store/group.h"

enum {
    SWEEP_BUDGET = 200,  /* messages in a step: some milliseconds */
    SWEEP_BUSY = 50,     /* likewise while groups want the ledger */
    SWEEP_SHARE = 5,     /* a step takes a fifth of the time then, and groups find the ledger free for the rest */
    SWEEP_MS = 1000,     /* between steps that found nothing more to do */
    SWEEP_HELD_MS = 100, /* likewise while messages are held, whose time is over any moment */
    PROBE_MS = 10000,    /* is the store writable? */
    WAIT_MAX_MS = 1000,  /* wall time can be set: it is looked at again after that at the latest */
    NOTE_MS = 10000,     /* between notes of the time in the store */
};

/* With the sweep, that is once a second: looking it up costs a little, and nobody needs it fresher. */
static void publish_oldest(struct store *store) {
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        int64_t received_ms = DUE_NEVER;
        if (ledger_oldest(store->ledger, STATE_PENDING, (enum endpoint)e, &received_ms) == ERR_NONE)
            atomic_store_explicit(&store->oldest_pending_ms[e], received_ms, memory_order_relaxed);
        if (ledger_oldest(store->ledger, STATE_PARKED, (enum endpoint)e, &received_ms) == ERR_NONE)
            atomic_store_explicit(&store->oldest_parked_ms[e], received_ms, memory_order_relaxed);
    }
}

/* Now and then the store notes the time, so that the next process knows whether its clock can be right. */
static enum err note_time(struct store *store, int64_t now_us) {
    if (now_us < store->note_us || store->clock.ahead_ms > 0)
        return ERR_NONE;
    store->note_us = now_us + NOTE_MS * 1000;
    return ledger_note_time(store->ledger, clock_wall_ms());
}

static void sweep(struct store *store) {
    bool more = false, is_busy = store->groups != store->groups_swept;
    int64_t began_us = clock_mono_us();
    store->groups_swept = store->groups;
    enum err err = ledger_begin(store->ledger);
    if (err == ERR_NONE) {
        size_t budget = is_busy ? SWEEP_BUSY : SWEEP_BUDGET;
        if (store->is_full && store->full_budget < budget)
            budget = store->full_budget;
        err = ledger_sweep(store->ledger, clock_wall_ms(), budget, &more);
        if (err == ERR_NONE)
            err = note_time(store, began_us);
        if (err == ERR_NONE)
            err = group_commit(store->ledger, &store->hooks, 0);
        else
            ledger_rollback(store->ledger);
    }
    struct err_detail detail;
    if (err == ERR_NONE && store->is_full)
        store->backend->ops->make_room(store->backend);
    if (err != ERR_NONE)
        store_set_failing(store, err_set(&detail, err, "%s", ledger_error(store->ledger)), &detail);
    store_publish(store);
    publish_oldest(store);
    bool held = false;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        held = held || atomic_load_explicit(&store->in_state[e][STATE_HELD], memory_order_relaxed) > 0;
    int64_t now_us = clock_mono_us(), pause_us = (held ? SWEEP_HELD_MS : SWEEP_MS) * 1000;
    if (err != ERR_NONE)
        pause_us = SWEEP_MS * 1000;
    else if (more)
        pause_us = is_busy ? (SWEEP_SHARE - 1) * (now_us - began_us) : 0;
    store->sweep_us = now_us + pause_us;
}

static void probe(struct store *store) {
    store->probe_us = clock_mono_us() + PROBE_MS * 1000;
    if (store->is_full)
        return; /* it may be able to write, and must not take messages */
    enum err err = store->backend->ops->probe(store->backend);
    struct err_detail detail = store->backend->detail;
    store_set_failing(store, err, &detail);
}

/* Milliseconds until there is something to do without a job. */
static int64_t pause_ms(const struct store *store, int64_t now_ms) {
    int64_t now_us = clock_mono_us();
    int64_t first_us = store->sweep_us < store->probe_us ? store->sweep_us : store->probe_us;
    int64_t pause = first_us <= now_us ? 0 : (first_us - now_us) / 1000 + 1;
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        int64_t due_ms = ledger_next_due(store->ledger, (enum endpoint)e);
        if (due_ms > now_ms && due_ms - now_ms < pause)
            pause = due_ms - now_ms;
    }
    return pause < WAIT_MAX_MS ? pause : WAIT_MAX_MS;
}

static struct timespec mono_after(int64_t ms) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* Waits for jobs, other flags, the end, or for time to pass. False: the store is closing, and nothing is queued. */
static bool wait_for_work(struct store *store, int64_t pause) {
    struct timespec until = mono_after(pause);
    pthread_mutex_lock(&store->lock);
    int waited = 0;
    bool has_jobs = false;
    while (waited == 0) {
        has_jobs = store->queue.first != NULL || store->lane_queue.first != NULL;
        if (has_jobs || store->is_closing || store->is_poked)
            break;
        waited = pthread_cond_timedwait(&store->wake, &store->lock, &until);
    }
    store->is_poked = false;
    bool is_over = store->is_closing && !has_jobs;
    pthread_mutex_unlock(&store->lock);
    return !is_over;
}

void store_poke_thread(struct store *store) {
    if (store->wakes_ms == 0)
        return;
    int64_t due_ms = DUE_NEVER;
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        int64_t next_ms = ledger_next_due(store->ledger, (enum endpoint)e);
        due_ms = next_ms < due_ms ? next_ms : due_ms;
    }
    if (due_ms >= store->wakes_ms)
        return;
    store->wakes_ms = 0; /* once is enough */
    pthread_mutex_lock(&store->lock);
    store->is_poked = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
}

/* Nothing expires, and nothing is removed, on the word of a clock that may be wrong. */
static void heed_clock(struct store *store, enum clock_news news) {
    const struct clock_guard *clock = &store->clock;
    if (news == CLOCK_AHEAD) {
        LOG(LOG_WARN, "the clock jumped ahead: for an hour nothing expires or is removed by it; set it right",
            LOG_INT("by_s", clock->step_ms / 1000));
        atomic_fetch_add(&store->jumps_ahead, 1);
    } else if (news == CLOCK_BACK) {
        LOG(LOG_WARN, "the clock was set back", LOG_INT("by_ms", -clock->step_ms));
        atomic_fetch_add(&store->jumps_back, 1);
        ledger_clock_set_back(store->ledger);
        store->sweep_us = 0;
    } else if (news == CLOCK_BELIEVED) {
        LOG(LOG_WARN, "the clock stayed ahead for an hour: messages expire and are removed by it again");
    }
    ledger_clock_ahead(store->ledger, clock->ahead_ms, clock->since_ms);
    atomic_store_explicit(&store->ahead_ms, clock->ahead_ms, memory_order_relaxed);
}

static void watch_clock(struct store *store) {
    enum clock_news news = clock_guard_look(&store->clock, clock_wall_ms(), clock_mono_us());
    if (news != CLOCK_RUNS)
        heed_clock(store, news);
}

static bool is_closing(struct store *store) {
    pthread_mutex_lock(&store->lock);
    bool closing = store->is_closing;
    pthread_mutex_unlock(&store->lock);
    return closing;
}

/* One turn with the ledger; milliseconds until the next. */
static int64_t work(struct store *store) {
    store->wakes_ms = 0;
    bool is_busy = store_serve(store, NULL, NULL);
    watch_clock(store);
    store_watch_room(store);
    int64_t now_us = clock_mono_us();
    if (now_us >= store->sweep_us && !is_closing(store))
        sweep(store);
    if (now_us >= store->probe_us)
        probe(store);
    store_tell_ready(store);
    int64_t now_ms = clock_wall_ms(), pause = store_copy_step(store, is_busy) ? 0 : pause_ms(store, now_ms);
    store->wakes_ms = now_ms + pause;
    return pause;
}

int64_t store_silent_ms(const struct store *store) {
    return (clock_mono_us() - atomic_load_explicit(&store->turned_us, memory_order_relaxed)) / 1000;
}

void *store_thread_main(void *arg) {
    struct store *store = arg;
    int64_t pause = 0;
    pthread_mutex_lock(&store->ledger_lock);
    heed_clock(store,
               clock_guard_init(&store->clock, clock_wall_ms(), clock_mono_us(), ledger_time_seen_ms(store->ledger)));
    pthread_mutex_unlock(&store->ledger_lock);
    while (wait_for_work(store, pause)) {
        atomic_store_explicit(&store->turned_us, clock_mono_us(), memory_order_relaxed);
        pthread_mutex_lock(&store->ledger_lock);
        pause = work(store);
        pthread_mutex_unlock(&store->ledger_lock);
    }
    store_copy_end(store);
    return NULL;
}
