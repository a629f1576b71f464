/* Room is counted by health.h for all workers together. Who finds no room:
 *   - a message that nobody waits for stays in the store, which calls when something is due (serve wires that to
 *     outbox_kick of one worker), and every delivery that ends looks for more;
 *   - a message whose sender waits (acknowledge=delivered) waits here, for the endpoint's timeout at most. */
#include "proxy/flow/outbox.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum { LEASE_MAX = 32, STORE_AGAIN_MS = 1000 };

struct queue {
    struct delivery *first, *last;
    size_t count;
};

struct outbox {
    struct worker *worker;
    enum endpoint endpoint;
    struct health *health;
    struct queue in_flight, waiting;
    struct loop_timer *timer; /* endpoint down: next probe; senders waiting: first deadline */
    bool leasing, closed;
    /* the lease job, one at a time */
    struct store_job job;
    struct arena *arena;
    struct lease leases[LEASE_MAX];
    size_t wanted, leased;
    int64_t now_ms;
};

static void queue_add(struct queue *queue, struct delivery *delivery) {
    delivery->next = NULL;
    delivery->previous = queue->last;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = delivery;
    queue->last = delivery;
    queue->count++;
}

static void queue_remove(struct queue *queue, struct delivery *delivery) {
    *(delivery->previous == NULL ? &queue->first : &delivery->previous->next) = delivery->next;
    *(delivery->next == NULL ? &queue->last : &delivery->next->previous) = delivery->previous;
    queue->count--;
}

static void on_timer(void *arg);

struct outbox *outbox_new(struct worker *worker, enum endpoint endpoint) {
    struct outbox *outbox = MEM_NEW(struct outbox);
    outbox->worker = worker;
    outbox->endpoint = endpoint;
    outbox->health = &worker->service->health[endpoint];
    outbox->timer = loop_timer_new(worker->loop, on_timer, outbox);
    return outbox;
}

static void start(struct outbox *outbox, struct delivery *delivery) {
    queue_add(&outbox->in_flight, delivery);
    delivery_start(delivery);
}

static void give_up_waiting(struct outbox *outbox, struct delivery *delivery) {
    queue_remove(&outbox->waiting, delivery);
    atomic_fetch_sub(&outbox->health->waiting, 1);
    queue_add(&outbox->in_flight, delivery); /* until it is settled */
    delivery_interrupt(delivery);
}

/* Starts what waits and has room now, and lets go what has waited for too long. */
static void serve_waiting(struct outbox *outbox) {
    while (outbox->waiting.first != NULL) {
        struct delivery *delivery = outbox->waiting.first;
        int64_t mono_ms = clock_mono_us() / 1000;
        if (outbox->closed || mono_ms >= delivery->deadline_ms || !health_is_up(outbox->health)) {
            give_up_waiting(outbox, delivery);
        } else if (health_acquire(outbox->health, mono_ms, HEALTH_SHARE_ALL)) {
            queue_remove(&outbox->waiting, delivery);
            atomic_fetch_sub(&outbox->health->waiting, 1);
            start(outbox, delivery);
        } else {
            loop_timer_set(outbox->timer, delivery->deadline_ms - mono_ms);
            return;
        }
    }
}

void outbox_deliver(struct outbox *outbox, struct delivery *delivery, bool has_place) {
    delivery->outbox = outbox;
    if (has_place) {
        start(outbox, delivery);
        return;
    }
    delivery->deadline_ms =
        clock_mono_us() / 1000 + outbox->worker->service->settings->endpoints[outbox->endpoint].timeout_ms;
    queue_add(&outbox->waiting, delivery);
    atomic_fetch_add(&outbox->health->waiting, 1);
    serve_waiting(outbox);
}

static enum err run_lease(struct ledger *ledger, struct store_job *job) {
    struct outbox *outbox = CONTAINER_OF(job, struct outbox, job);
    arena_reset(outbox->arena);
    outbox->leased = 0;
    return ledger_lease(ledger, outbox->arena, outbox->endpoint, outbox->wanted, outbox->now_ms, outbox->leases,
                        &outbox->leased);
}

/* Each delivery has an arena of its own: they end one by one. */
static struct delivery *delivery_of_lease(struct outbox *outbox, const struct lease *lease) {
    struct arena *arena = arena_new(lease->content.body.len + lease->content.headers.len + 4096);
    struct delivery *delivery = ARENA_NEW(arena, struct delivery);
    delivery->worker = outbox->worker;
    delivery->outbox = outbox;
    delivery->arena = arena;
    delivery->record = lease->record;
    delivery->record.type = arena_str(arena, lease->record.type);
    delivery->record.target = arena_str(arena, lease->record.target);
    delivery->record.trace_parent = arena_str(arena, lease->record.trace_parent);
    delivery->trimmed = arena_str(arena, lease->left_out);
    delivery->covered = arena_str(arena, lease->covered);
    delivery->content.headers = arena_str(arena, lease->content.headers);
    delivery->content.body = arena_str(arena, lease->content.body);
    return delivery;
}

static void on_leased(struct store_job *job) {
    struct outbox *outbox = CONTAINER_OF(job, struct outbox, job);
    size_t leased = job->err == ERR_NONE ? outbox->leased : 0;
    outbox->leasing = false;
    for (size_t i = leased; i < outbox->wanted; i++)
        health_return(outbox->health);
    for (size_t i = 0; i < leased; i++)
        start(outbox, delivery_of_lease(outbox, &outbox->leases[i]));
    arena_free(outbox->arena);
    outbox->arena = NULL;
    if (job->err != ERR_NONE && job->err != ERR_CLOSED) {
        LOG(LOG_ERROR, "messages that are due could not be read",
            LOG_TEXTZ("endpoint", endpoint_name(outbox->endpoint)), LOG_TEXTZ("error", job->detail.text));
        loop_timer_set(outbox->timer, STORE_AGAIN_MS);
    } else if (leased == outbox->wanted) {
        outbox_kick(outbox);
    }
    serve_waiting(outbox);
}

static size_t take_places(struct outbox *outbox, int64_t mono_ms) {
    size_t places = 0;
    while (places < LEASE_MAX && health_acquire(outbox->health, mono_ms, HEALTH_SHARE_RETRIES))
        places++;
    return places;
}

void outbox_kick(struct outbox *outbox) {
    struct service *service = outbox->worker->service;
    serve_waiting(outbox);
    int64_t due_ms = store_next_due(service->store, outbox->endpoint);
    if (outbox->leasing || outbox->closed || due_ms == DUE_NEVER)
        return;
    int64_t now_ms = clock_wall_ms(), mono_ms = clock_mono_us() / 1000;
    if (due_ms > now_ms)
        return;
    int64_t wait_ms = health_wait_ms(outbox->health, mono_ms);
    if (wait_ms > 0) {
        loop_timer_set(outbox->timer, wait_ms);
        return;
    }
    outbox->wanted = take_places(outbox, mono_ms);
    if (outbox->wanted == 0)
        return;
    outbox->leasing = true;
    outbox->now_ms = now_ms;
    outbox->arena = arena_new(64 * 1024);
    outbox->job = (struct store_job){.run = run_lease, .done = on_leased};
    store_lane_submit(outbox->worker->lane, &outbox->job);
}

static void on_timer(void *arg) {
    outbox_kick(arg);
}

static void kick_other(void *arg) {
    outbox_kick(arg);
}

void outbox_on_answered(struct outbox *outbox, bool ok) {
    struct service *service = outbox->worker->service;
    if (health_release(outbox->health, ok, clock_mono_us() / 1000))
        LOG(ok ? LOG_INFO : LOG_WARN,
            ok ? "endpoint is up again" : "endpoint is down, one delivery at a time from here",
            LOG_TEXTZ("endpoint", endpoint_name(outbox->endpoint)));
    outbox_kick(outbox);
    if (atomic_load(&outbox->health->waiting) == 0)
        return;
    for (size_t i = 0; i < service->worker_count; i++)
        if (service->workers[i] != outbox->worker)
            loop_post(service->workers[i]->loop, kick_other, service->workers[i]->outbox[outbox->endpoint]);
}

static void free_delivery(void *arg) {
    struct delivery *delivery = arg;
    loop_timer_free(delivery->again);
    arena_free(delivery->arena); /* the delivery itself lives in it */
}

/* Left over are only deliveries whose outcome the store could not write: the message stays pending there. */
static void free_queue(struct queue *queue) {
    struct delivery *next;
    for (struct delivery *delivery = queue->first; delivery != NULL; delivery = next) {
        next = delivery->next;
        free_delivery(delivery);
    }
}

void outbox_free(struct outbox *outbox) {
    if (outbox == NULL)
        return;
    free_queue(&outbox->in_flight);
    free_queue(&outbox->waiting);
    loop_timer_free(outbox->timer);
    arena_free(outbox->arena);
    mem_free(outbox);
}

void outbox_on_over(struct outbox *outbox, struct delivery *delivery) {
    queue_remove(&outbox->in_flight, delivery);
    loop_defer(outbox->worker->loop, free_delivery, delivery);
    outbox_kick(outbox);
}

void outbox_close(struct outbox *outbox) {
    outbox->closed = true;
    serve_waiting(outbox);
}

void outbox_interrupt(struct outbox *outbox) {
    outbox_close(outbox);
    struct delivery *next;
    for (struct delivery *delivery = outbox->in_flight.first; delivery != NULL; delivery = next) {
        next = delivery->next;
        delivery_interrupt(delivery);
    }
}

size_t outbox_busy(const struct outbox *outbox) {
    return outbox->in_flight.count + outbox->waiting.count + (outbox->leasing ? 1 : 0);
}
