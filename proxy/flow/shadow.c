#include "proxy/flow/shadow.h"

#include "common/clock.h"
#include "common/log.h"

#include "common/mem.h"

struct shadow {
    struct worker *worker;
    struct delivery *first; /* under way */
    size_t count;
};

struct shadow *shadow_new(struct worker *worker) {
    struct shadow *shadow = MEM_NEW(struct shadow);
    shadow->worker = worker;
    return shadow;
}

static void free_delivery(void *arg) {
    struct delivery *delivery = arg;
    arena_free(delivery->arena); /* the delivery itself lives in it */
}

void shadow_free(struct shadow *shadow) {
    if (shadow == NULL)
        return;
    struct delivery *next;
    for (struct delivery *delivery = shadow->first; delivery != NULL; delivery = next) {
        next = delivery->next;
        if (delivery->call != NULL)
            httpc_cancel(delivery->call);
        free_delivery(delivery);
    }
    mem_free(shadow);
}

static void add(struct shadow *shadow, struct delivery *delivery) {
    delivery->previous = NULL;
    delivery->next = shadow->first;
    if (shadow->first != NULL)
        shadow->first->previous = delivery;
    shadow->first = delivery;
    shadow->count++;
}

static void take_out(struct shadow *shadow, struct delivery *delivery) {
    *(delivery->previous == NULL ? &shadow->first : &delivery->previous->next) = delivery->next;
    if (delivery->next != NULL)
        delivery->next->previous = delivery->previous;
    shadow->count--;
}

bool shadow_is_wanted(struct shadow *shadow, const struct message *message, struct arena *scratch) {
    struct service *service = shadow->worker->service;
    if (message->generation != GENERATION_EVENT || message->endpoint != ENDPOINT_NEW ||
        !atomic_load_explicit(&service->shadow_possible, memory_order_relaxed) ||
        shadow->count >= SHADOW_IN_FLIGHT_MAX || atomic_load(&service->stopping))
        return false;
    const struct record record = {.generation = message->generation,
                                  .type = message->type,
                                  .company = message->company,
                                  .connection = message->connection};
    struct snapshot *snapshot = snapshot_slot_get(service->snapshots);
    bool wanted = snapshot_shadow_on(snapshot, &record, message->received_ms, scratch);
    snapshot_release(snapshot);
    return wanted;
}

static enum err run_note(struct ledger *ledger, struct store_job *job) {
    struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
    return ledger_note_shadow(ledger, &delivery->attempt, delivery->now_ms);
}

static void on_noted(struct store_job *job) {
    struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
    struct shadow *shadow = delivery->worker->shadow;
    if (job->err != ERR_NONE && job->err != ERR_NOT_FOUND)
        LOG(LOG_WARN, "result of shadow traffic could not be noted", LOG_TEXTZ("error", job->detail.text));
    take_out(shadow, delivery);
    loop_defer(delivery->worker->loop, free_delivery, delivery);
}

static void on_answer(const struct httpc_answer *answer, void *arg) {
    struct delivery *delivery = arg;
    bool ok = answer->err == ERR_NONE && answer->status >= 200 && answer->status <= 299;
    struct str what = answer->err == ERR_NONE ? arena_printf(delivery->arena, "shadow: HTTP %d", answer->status)
                                              : arena_printf(delivery->arena, "shadow: %s", answer->what);
    delivery->call = NULL;
    delivery->now_ms = clock_wall_ms();
    delivery->attempt = (struct attempt){.id = delivery->record.id,
                                         .result = ok ? ATTEMPT_DELIVERED : ATTEMPT_FAILED,
                                         .status = answer->status,
                                         .duration_us = answer->duration_us,
                                         .what = what};
    delivery->job = (struct store_job){.run = run_note, .done = on_noted};
    counters_shadow(delivery->worker->service->counters, ok);
    store_lane_submit(delivery->worker->lane, &delivery->job);
}

void shadow_send(struct shadow *shadow, struct delivery *delivery) {
    delivery->is_shadow = true;
    delivery->trimmed = delivery->covered = STR_NONE; /* all of it: the new consumer is tried on whole events */
    add(shadow, delivery);
    delivery_send(delivery, on_answer);
}
