/* One group after the other, by whoever holds the ledger. */
#include "proxy/store/store_internal.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/store/group.h"

enum {
    GROUP_MAX = 1000,        /* jobs: bounds how long the first one waits for the last */
    PROBE_FAILING_MS = 1000, /* can the store write again? */
    READY_AGAIN_MS = 1000,
};

void job_queue_add(struct job_queue *queue, struct store_job *job) {
    job->next = NULL;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = job;
    queue->last = job;
}

void job_queue_append(struct job_queue *queue, struct job_queue more) {
    if (more.first == NULL)
        return;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = more.first;
    queue->last = more.last;
}

/* Up to `max` jobs off the queue; how many. */
static size_t queue_move(struct job_queue *queue, size_t max, struct job_queue *to) {
    size_t count = 0;
    for (; queue->first != NULL && count < max; count++) {
        struct store_job *job = queue->first;
        queue->first = job->next;
        job_queue_add(to, job);
    }
    if (queue->first == NULL)
        queue->last = NULL;
    return count;
}

void store_release(struct flag_set set) {
    if (set.release != NULL)
        set.release(set.flags);
}

void store_publish(struct store *store) {
    struct ledger_counts counts;
    struct ledger_stats stats;
    ledger_count(store->ledger, &counts);
    ledger_stats(store->ledger, &stats);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        atomic_store_explicit(&store->next_due_ms[e], ledger_next_due(store->ledger, (enum endpoint)e),
                              memory_order_relaxed);
        for (int s = 0; s < STATE_COUNT; s++)
            atomic_store_explicit(&store->in_state[e][s], counts.in_state[e][s], memory_order_relaxed);
    }
    atomic_store_explicit(&store->takeovers, stats.takeovers, memory_order_relaxed);
    atomic_store_explicit(&store->twins, stats.twins, memory_order_relaxed);
    atomic_store_explicit(&store->replays, stats.replays, memory_order_relaxed);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int with = 0; with < 2; with++)
            atomic_store_explicit(&store->expired[e][with], stats.expired[e][with], memory_order_relaxed);
    atomic_store_explicit(&store->swept, stats.swept, memory_order_relaxed);
    atomic_store_explicit(&store->removed, stats.removed, memory_order_relaxed);
}

/* The store can write, or cannot: told once when it changes, to people here and to others when they ask. */
void store_set_failing(struct store *store, enum err err, const struct err_detail *detail) {
    bool failing = err != ERR_NONE;
    pthread_mutex_lock(&store->lock);
    bool changed = failing != store->is_failing;
    store->is_failing = failing;
    if (failing)
        store->error = *detail;
    pthread_mutex_unlock(&store->lock);
    if (err == ERR_LIMIT)
        store_become_full(store);
    if (failing)
        store->probe_us = clock_mono_us() + PROBE_FAILING_MS * 1000;
    if (changed && failing)
        LOG(LOG_ERROR, "store failed", LOG_TEXTZ("kind", err_name(err)), LOG_TEXTZ("error", detail->text));
    else if (changed)
        LOG(LOG_INFO, "store recovered", LOG_TEXTZ("by", "writing to it"));
}

void store_call_done(struct store_job *job) {
    while (job != NULL) {
        struct store_job *next = job->next; /* done() may free the job */
        job->done(job);
        job = next;
    }
}

static void on_answers(void *arg) {
    store_call_done(arg);
}

static struct job_queue *answers_for(struct store *store, struct loop *loop) {
    for (size_t i = 0; i < store->answer_count; i++)
        if (store->answers[i].loop == loop)
            return &store->answers[i].jobs;
    if (store->answer_count == store->answer_capacity) {
        store->answer_capacity += 16;
        store->answers = mem_resize(store->answers, store->answer_capacity * sizeof *store->answers);
    }
    struct answer_list *list = &store->answers[store->answer_count++];
    *list = (struct answer_list){.loop = loop};
    return &list->jobs;
}

/* Each loop gets its jobs in one post, in their order. */
static void answer(struct store *store, struct job_queue group, struct loop *own, struct job_queue *answered) {
    store->answer_count = 0;
    struct store_job *next;
    for (struct store_job *job = group.first; job != NULL; job = next) {
        next = job->next;
        job_queue_add(own != NULL && job->loop == own ? answered : answers_for(store, job->loop), job);
    }
    for (size_t i = 0; i < store->answer_count; i++) {
        if (store->answers[i].loop != NULL)
            loop_post(store->answers[i].loop, on_answers, store->answers[i].jobs.first);
        else
            store_call_done(store->answers[i].jobs.first);
    }
}

/* Flags that were handed over are in force from now on. The ones before them are the caller's. */
static struct flag_set take_flags(struct store *store) {
    struct flag_set old = {0};
    if (!store->has_next_flags)
        return old;
    old = store->flags;
    store->flags = store->next_flags;
    store->has_next_flags = false;
    ledger_set_flags(store->ledger, store->flags.flags);
    store->sweep_us = 0; /* who is parked may go, who is pending may have to wait */
    return old;
}

static size_t take_group(struct store *store, bool all, struct job_queue *group) {
    pthread_mutex_lock(&store->lock);
    struct flag_set old = take_flags(store);
    size_t count = all ? queue_move(&store->queue, GROUP_MAX, group) : 0;
    count += queue_move(&store->lane_queue, GROUP_MAX - count, group);
    pthread_mutex_unlock(&store->lock);
    store_release(old);
    return count;
}

bool store_serve(struct store *store, struct loop *own, struct job_queue *answered) {
    struct job_queue group = {0};
    size_t count = take_group(store, own == NULL, &group);
    if (count == 0)
        return false;
    struct err_detail detail;
    enum err err = group_run(store->ledger, &store->hooks, group.first, count, &detail);
    if (err != ERR_NONE)
        store_set_failing(store, err, &detail);
    store->groups++;
    store_publish(store);
    answer(store, group, own, answered);
    return true;
}

void store_tell_ready(struct store *store) {
    int64_t now_ms = clock_wall_ms(), now_us = clock_mono_us();
    for (int e = 0; e < ENDPOINT_COUNT && store->hooks.ready != NULL; e++) {
        struct readiness *told = &store->readiness[e];
        int64_t due_ms = ledger_next_due(store->ledger, (enum endpoint)e);
        if (due_ms > now_ms || (due_ms == told->told_due_ms && now_us < told->told_us + READY_AGAIN_MS * 1000))
            continue;
        *told = (struct readiness){due_ms, now_us};
        store->hooks.ready(store->hooks.arg, (enum endpoint)e);
    }
}
