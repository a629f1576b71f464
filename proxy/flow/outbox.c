/* Room is counted by health.h, for each origin and all workers together. Who finds no room:
 *   - a message that nobody waits for stays in the store, which calls when something is due (serve wires that to
 *     outbox_kick of one worker), and every delivery that ends looks for more;
 *   - a message whose sender waits (acknowledge=delivered) waits here, for the endpoint's timeout at most. */
#include "proxy/flow/outbox.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum { LEASE_MAX = 32, STORE_AGAIN_MS = 1000, FOUND_NONE_MS = 50 };

struct queue {
    struct delivery *first, *last;
    size_t count;
};

struct outbox {
    struct worker *worker;
    enum endpoint endpoint;
    struct origins *origins;
    struct queue in_flight, waiting;
    struct loop_timer *timer; /* origins down: next probe; senders waiting: first deadline */
    bool leasing, closed;
    /* the lease job, one at a time */
    struct store_job job;
    struct arena *arena;
    struct lease leases[LEASE_MAX];
    struct lease_batch batch;
    uint32_t *places, *room;       /* by origin: taken for the job; what the job has left of it */
    int64_t now_ms, found_none_ms; /* the latter monotonic: not asked again at once */
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
    outbox->origins = &worker->service->origins[endpoint];
    outbox->places = MEM_ARRAY(outbox->origins->count, uint32_t);
    outbox->room = MEM_ARRAY(outbox->origins->count, uint32_t);
    outbox->timer = loop_timer_new(worker->loop, on_timer, outbox);
    return outbox;
}

struct health *outbox_health(const struct outbox *outbox, struct str type) {
    return &outbox->origins->items[origins_find(outbox->origins, type)].health;
}

static void start(struct outbox *outbox, struct delivery *delivery) {
    queue_add(&outbox->in_flight, delivery);
    delivery_start(delivery);
}

static void give_up_waiting(struct outbox *outbox, struct delivery *delivery) {
    queue_remove(&outbox->waiting, delivery);
    atomic_fetch_sub(&delivery->health->waiting, 1);
    queue_add(&outbox->in_flight, delivery); /* until it is settled */
    delivery_interrupt(delivery);
}

/* True where the delivery is no longer among those that wait. */
static bool try_waiting(struct outbox *outbox, struct delivery *delivery, int64_t mono_ms) {
    if (outbox->closed || mono_ms >= delivery->deadline_ms || !health_is_up(delivery->health)) {
        give_up_waiting(outbox, delivery);
        return true;
    }
    if (!health_acquire(delivery->health, mono_ms, HEALTH_SHARE_ALL))
        return false;
    queue_remove(&outbox->waiting, delivery);
    atomic_fetch_sub(&delivery->health->waiting, 1);
    start(outbox, delivery);
    return true;
}

/* Starts what waits and has room now, and lets go what has waited for too long. With one origin, who comes first goes
 * first; with several, nobody waits for another origin's room. */
static void serve_waiting(struct outbox *outbox) {
    int64_t mono_ms = clock_mono_us() / 1000;
    struct delivery *next;
    for (struct delivery *delivery = outbox->waiting.first; delivery != NULL; delivery = next) {
        next = delivery->next;
        if (!try_waiting(outbox, delivery, mono_ms) && outbox->origins->count == 1)
            break;
    }
    if (outbox->waiting.first != NULL) /* they wait equally long */
        loop_timer_set(outbox->timer, outbox->waiting.first->deadline_ms - mono_ms);
}

void outbox_deliver(struct outbox *outbox, struct delivery *delivery, bool has_place) {
    delivery->outbox = outbox;
    delivery->health = outbox_health(outbox, delivery->record.type);
    if (has_place) {
        start(outbox, delivery);
        return;
    }
    delivery->deadline_ms =
        clock_mono_us() / 1000 + outbox->worker->service->settings->endpoints[outbox->endpoint].timeout_ms;
    queue_add(&outbox->waiting, delivery);
    atomic_fetch_add(&delivery->health->waiting, 1);
    serve_waiting(outbox);
}

static size_t lane_of(void *arg, const struct record *record) {
    const struct outbox *outbox = arg;
    return origins_find(outbox->origins, record->type);
}

static enum err run_lease(struct ledger *ledger, struct store_job *job) {
    struct outbox *outbox = CONTAINER_OF(job, struct outbox, job);
    struct lease_batch *batch = &outbox->batch;
    const struct lane_choice choice = {
        .count = outbox->origins->count, .lane_of = lane_of, .places = outbox->room, .arg = outbox};
    arena_reset(outbox->arena);
    batch->count = 0;
    batch->more = false;
    memcpy(outbox->room, outbox->places, choice.count * sizeof *outbox->room);
    if (choice.count > 1)
        return ledger_lease_lanes(ledger, outbox->arena, outbox->endpoint, &choice, outbox->now_ms, batch);
    enum err err = ledger_lease(ledger, outbox->arena, outbox->endpoint, batch->max, outbox->now_ms, outbox->leases,
                                &batch->count);
    if (err != ERR_NONE)
        return err;
    batch->more = batch->count == batch->max;
    return ERR_NONE;
}

/* Each delivery has an arena of its own: they end one by one. */
static struct delivery *delivery_of_lease(struct outbox *outbox, const struct lease *lease) {
    struct arena *arena = arena_new_counted(lease->content.body.len + lease->content.headers.len + 4096,
                                            &outbox->worker->service->memory);
    struct delivery *delivery = ARENA_NEW(arena, struct delivery);
    delivery->worker = outbox->worker;
    delivery->outbox = outbox;
    delivery->health = outbox_health(outbox, lease->record.type);
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

/* Those that no delivery got: all of them where the job was rolled back. */
static void return_places(struct outbox *outbox, size_t leased) {
    for (size_t i = 0; i < leased; i++)
        outbox->places[origins_find(outbox->origins, outbox->leases[i].record.type)]--;
    for (size_t i = 0; i < outbox->origins->count; i++)
        while (outbox->places[i] > 0) {
            outbox->places[i]--;
            health_return(&outbox->origins->items[i].health);
        }
}

static void on_leased(struct store_job *job) {
    struct outbox *outbox = CONTAINER_OF(job, struct outbox, job);
    struct lease_batch *batch = &outbox->batch;
    size_t leased = job->err == ERR_NONE ? batch->count : 0;
    outbox->leasing = false;
    return_places(outbox, leased);
    for (size_t i = 0; i < leased; i++)
        start(outbox, delivery_of_lease(outbox, &outbox->leases[i]));
    arena_free(outbox->arena);
    outbox->arena = NULL;
    outbox->found_none_ms = leased > 0 || batch->more ? 0 : clock_mono_us() / 1000;
    if (job->err != ERR_NONE && job->err != ERR_CLOSED) {
        LOG(LOG_ERROR, "messages that are due could not be read",
            LOG_TEXTZ("endpoint", endpoint_name(outbox->endpoint)), LOG_TEXTZ("error", job->detail.text));
        loop_timer_set(outbox->timer, STORE_AGAIN_MS);
    } else if (batch->more || outbox->origins->count > 1) {
        outbox_kick(outbox);
    }
    serve_waiting(outbox);
}

/* Bodies are copied out of the store, and once more for each delivery. Where memory is short one message at a time goes
 * on, or nothing would make room. */
static size_t leases_that_fit(const struct outbox *outbox) {
    const struct service *service = outbox->worker->service;
    size_t fit = 0;
    while (fit < LEASE_MAX && budget_has_room(&service->memory, 2 * (fit + 1) * service->settings->body_limit, 6))
        fit++;
    return fit == 0 && outbox->in_flight.count == 0 ? 1 : fit;
}

/* How many in all; at most LEASE_MAX of each origin. */
static size_t take_places(struct outbox *outbox, int64_t mono_ms) {
    size_t places = 0;
    for (size_t i = 0; i < outbox->origins->count; i++)
        while (outbox->places[i] < LEASE_MAX &&
               health_acquire(&outbox->origins->items[i].health, mono_ms, HEALTH_SHARE_RETRIES)) {
            outbox->places[i]++;
            places++;
        }
    return places;
}

/* Milliseconds for which asking the store is of no use. Where one of several origins is shut, what is due may all be
 * its own: then the store is asked for the others' now and then. */
static int64_t pause_ms(const struct outbox *outbox, int64_t mono_ms) {
    int64_t wait_ms = origins_wait_ms(outbox->origins, mono_ms);
    int64_t again_ms = outbox->origins->count > 1 ? outbox->found_none_ms + FOUND_NONE_MS - mono_ms : 0;
    return wait_ms > again_ms ? wait_ms : again_ms;
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
    int64_t wait_ms = pause_ms(outbox, mono_ms);
    if (wait_ms > 0) {
        struct delivery *waiting = outbox->waiting.first;
        bool is_first = waiting == NULL || waiting->deadline_ms - mono_ms > wait_ms;
        loop_timer_set(outbox->timer, is_first ? wait_ms : waiting->deadline_ms - mono_ms);
        return;
    }
    size_t fit = leases_that_fit(outbox); /* none: a delivery that ends looks again */
    size_t places = fit == 0 ? 0 : take_places(outbox, mono_ms);
    if (places == 0)
        return;
    outbox->batch = (struct lease_batch){.leases = outbox->leases, .max = places < fit ? places : fit};
    outbox->leasing = true;
    outbox->now_ms = now_ms;
    outbox->arena = arena_new_counted(64 * 1024, &service->memory);
    outbox->job = (struct store_job){.run = run_lease, .done = on_leased};
    store_lane_submit(outbox->worker->lane, &outbox->job);
}

static void on_timer(void *arg) {
    outbox_kick(arg);
}

static void kick_other(void *arg) {
    outbox_kick(arg);
}

/* There is room for another one: here, or at a worker where a sender waits for it. */
static void offer_place(struct outbox *outbox, const struct health *health) {
    struct service *service = outbox->worker->service;
    outbox_kick(outbox);
    if (atomic_load(&health->waiting) == 0)
        return;
    for (size_t i = 0; i < service->worker_count; i++)
        if (service->workers[i] != outbox->worker)
            loop_post(service->workers[i]->loop, kick_other, service->workers[i]->outbox[outbox->endpoint]);
}

void outbox_on_answered(struct outbox *outbox, struct health *health, const struct outbox_sign *sign) {
    if (health_release(health, sign->sign, sign->rest_ms, clock_mono_us() / 1000)) {
        const struct origin *origin = CONTAINER_OF(health, struct origin, health);
        bool is_up = sign->sign == HEALTH_ALIVE;
        LOG(is_up ? LOG_INFO : LOG_WARN,
            is_up                        ? "endpoint is up again"
            : sign->sign == HEALTH_RESTS ? "endpoint asked to be left alone"
                                         : "endpoint is down, one delivery at a time from here",
            LOG_TEXTZ("endpoint", endpoint_name(outbox->endpoint)), LOG_STR("origin", origin->text),
            LOG_STR("why", sign->why), LOG_INT(sign->rest_ms > 0 ? "rest_ms" : NULL, sign->rest_ms));
    }
    offer_place(outbox, health);
}

void outbox_on_unsent(struct outbox *outbox, struct health *health) {
    health_return(health);
    offer_place(outbox, health);
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
    mem_free(outbox->places);
    mem_free(outbox->room);
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
