#include "proxy/store/store_lane.h"

#include "common/mem.h"
#include "proxy/store/store_internal.h"

struct store_lane {
    struct store *store; /* NULL: closed */
    struct loop *loop;
    struct job_queue jobs; /* of this turn */
    bool is_deferred;      /* send() is coming */
};

struct store_lane *store_lane_new(struct store *store, struct loop *loop) {
    struct store_lane *lane = MEM_NEW(struct store_lane);
    lane->store = store;
    lane->loop = loop;
    return lane;
}

void store_lane_free(struct store_lane *lane) {
    mem_free(lane);
}

static bool has_lane_jobs(struct store *store) {
    pthread_mutex_lock(&store->lock);
    bool some = store->lane_queue.first != NULL;
    pthread_mutex_unlock(&store->lock);
    return some;
}

/* Who finds the ledger taken leaves his jobs to whoever has it. So each looks at the queue after letting go, and not
 * only before: what came in between, its owner has already left behind. True: there is something. */
static bool serve_once(struct store_lane *lane) {
    struct store *store = lane->store;
    struct job_queue answered = {0};
    if (pthread_mutex_trylock(&store->ledger_lock) != 0)
        return false;
    if (store_serve(store, lane->loop, &answered)) {
        store_tell_ready(store);
        store_poke_thread(store);
    }
    pthread_mutex_unlock(&store->ledger_lock);
    store_call_done(answered.first);
    return has_lane_jobs(store);
}

static void refuse(struct store_job *job) {
    for (struct store_job *each = job; each != NULL; each = each->next)
        each->err = err_set(&each->detail, ERR_CLOSED, "the store is closed");
    store_call_done(job);
}

static void send_jobs(void *arg) {
    struct store_lane *lane = arg;
    struct job_queue jobs = lane->jobs;
    lane->jobs = (struct job_queue){0};
    lane->is_deferred = false;
    if (jobs.first == NULL)
        return;
    if (lane->store == NULL) {
        refuse(jobs.first);
        return;
    }
    store_queue_lane(lane->store, jobs);
    while (lane->store->lanes_serve && serve_once(lane))
        ;
}

void store_lane_submit(struct store_lane *lane, struct store_job *job) {
    job->err = ERR_NONE;
    job->loop = lane->loop;
    job_queue_add(&lane->jobs, job);
    if (lane->is_deferred)
        return;
    lane->is_deferred = true;
    loop_defer(lane->loop, send_jobs, lane);
}

void store_lane_close(struct store_lane *lane) {
    while (lane->jobs.first != NULL)
        send_jobs(lane);
    lane->store = NULL;
}
