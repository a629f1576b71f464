/* Admitted whole or not at all: what fails for one message fails for the transaction, and the sender sends all again.
 */
#include "proxy/flow/batch.h"

#include "common/clock.h"
#include "common/json_writer.h"
#include "common/log.h"
#include "proxy/flow/admitted.h"
#include "proxy/flow/outbox.h"
#include "proxy/flow/reply.h"
#include "proxy/flow/shadow.h"

enum { RETRY_AFTER_S = 5, RETRY_AFTER_BACKLOG_S = 30 };

struct batch {
    struct worker *worker;
    struct httpd_exchange *exchange;
    struct arena *arena; /* of the exchange */
    struct batch_part *parts;
    struct admission *admissions;
    size_t count;
    struct store_job job;
    int64_t began_us;
    bool is_refused; /* no room for all of them */
};

struct str batch_webhook_id(struct arena *arena, struct str webhook_id, size_t index) {
    if (webhook_id.len == 0)
        return webhook_id;
    return ARENA_JOIN(arena, webhook_id, STR("-"), arena_i64(arena, (int64_t)index + 1));
}

static bool is_id_header(struct str name) {
    return str_eq_nocase(name, STR("webhook-id")) || str_eq_nocase(name, STR("svix-id"));
}

struct http_header *batch_headers(struct arena *arena, const struct http_header *headers, size_t count, size_t index) {
    struct http_header *own = arena_copy(arena, headers, count * sizeof *headers);
    for (size_t i = 0; i < count; i++)
        if (is_id_header(own[i].name))
            own[i].value = batch_webhook_id(arena, own[i].value, index);
    return own;
}

static enum err run_admit(struct ledger *ledger, struct store_job *job) {
    struct batch *batch = CONTAINER_OF(job, struct batch, job);
    batch->is_refused = !ledger_has_room(ledger, batch->count);
    for (size_t i = 0; i < batch->count && !batch->is_refused; i++) {
        const struct admit_request request = {.message = &batch->parts[i].message,
                                              .content = batch->parts[i].content,
                                              .now_ms = batch->parts[i].message.received_ms,
                                              .promise = true};
        enum err err = ledger_admit(ledger, batch->arena, &request, &batch->admissions[i]);
        if (err == ERR_NONE)
            continue;
        /* An answer about one message would let the group be committed with some of them. */
        return err == ERR_NOT_FOUND || err == ERR_INVALID || err == ERR_BUSY ? ERR_IO : err;
    }
    return ERR_NONE;
}

static void write_parts(const struct batch *batch, struct strbuf *body) {
    struct json_writer json;
    json_begin(&json, body);
    json_object_begin(&json);
    json_key(&json, "messages");
    json_array_begin(&json);
    for (size_t i = 0; i < batch->count; i++) {
        const struct admission *admission = &batch->admissions[i];
        json_object_begin(&json);
        json_key(&json, "id");
        json_str(&json, message_id_format(batch->arena, admission->id));
        json_key(&json, "outcome");
        json_str(&json, str_of(admitted_outcome(admission->outcome)));
        json_key(&json, "state");
        json_str(&json, str_of(state_name(admission->state)));
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
    strbuf_append_char(body, '\n');
}

/* What all of them came to, or the one that most is still to be done for. */
static enum admit_outcome outcome_of_all(const struct batch *batch) {
    enum admit_outcome least = ADMIT_REFUSED;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->admissions[i].outcome < least)
            least = batch->admissions[i].outcome;
    return least;
}

static void send_shadow(struct batch *batch, size_t index) {
    const struct batch_part *part = &batch->parts[index];
    if (batch->admissions[index].outcome == ADMIT_DUPLICATE ||
        !shadow_is_wanted(batch->worker->shadow, &part->message, batch->arena))
        return;
    struct arena *arena = arena_new(0);
    struct delivery *delivery = ARENA_NEW(arena, struct delivery);
    delivery->worker = batch->worker;
    delivery->record = (struct record){.id = batch->admissions[index].id,
                                       .state = STATE_PENDING,
                                       .generation = part->message.generation,
                                       .endpoint = part->message.endpoint,
                                       .received_ms = part->message.received_ms,
                                       .item_count = (uint32_t)part->message.item_count,
                                       .type = arena_str(arena, part->message.type),
                                       .target = arena_str(arena, part->message.target),
                                       .trace_parent = arena_str(arena, part->message.trace_parent)};
    delivery->content = (struct content){arena_str(arena, part->content.headers), arena_str(arena, part->content.body)};
    delivery->arena = arena;
    shadow_send(batch->worker->shadow, delivery);
}

static void answer_admitted(struct batch *batch) {
    struct worker *worker = batch->worker;
    struct strbuf body = {0};
    bool kick[ENDPOINT_COUNT] = {false};
    enum admit_outcome outcome = outcome_of_all(batch);
    bool is_done = outcome == ADMIT_DUPLICATE || outcome == ADMIT_SUPPRESSED;
    for (size_t i = 0; i < batch->count; i++) {
        admitted_tell(worker->service, batch->arena, &batch->parts[i].message, &batch->admissions[i]);
        kick[batch->parts[i].message.endpoint] |= batch->admissions[i].state == STATE_PENDING;
        send_shadow(batch, i);
    }
    write_parts(batch, &body);
    reply_batch(batch->exchange, service_status(worker->service, is_done ? 200 : 202), admitted_outcome(outcome),
                strbuf_str(&body)); /* the batch is gone after it, with its arena */
    strbuf_clear(&body);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        if (kick[e])
            outbox_kick(worker->outbox[e]);
}

static void on_admitted(struct store_job *job) {
    struct batch *batch = CONTAINER_OF(job, struct batch, job);
    struct worker *worker = batch->worker;
    struct service *service = worker->service;
    int64_t began_us = batch->began_us;
    worker->admissions--;
    if (job->err == ERR_NONE && !batch->is_refused) {
        answer_admitted(batch);
    } else {
        for (size_t i = 0; i < batch->count; i++)
            counters_message(service->counters, &batch->parts[i].message, "rejected");
        if (job->err != ERR_NONE)
            LOG(LOG_ERROR, "messages could not be stored", LOG_TEXTZ("error", job->detail.text));
        reply_rejected(batch->exchange, service_status(service, 503),
                       batch->is_refused ? "too many messages wait for their consumers; send it again later"
                                         : "the store cannot write at the moment; send it again",
                       batch->is_refused ? RETRY_AFTER_BACKLOG_S : RETRY_AFTER_S, 0);
    }
    counters_received(service->counters, clock_mono_us() - began_us);
}

void batch_admit(struct worker *worker, struct httpd_exchange *exchange, struct batch_part *parts, size_t count) {
    struct arena *arena = httpd_arena(exchange);
    struct batch *batch = ARENA_NEW(arena, struct batch);
    *batch = (struct batch){.worker = worker,
                            .exchange = exchange,
                            .arena = arena,
                            .parts = parts,
                            .admissions = ARENA_ARRAY(arena, count, struct admission),
                            .count = count,
                            .job = {.run = run_admit, .done = on_admitted},
                            .began_us = httpd_request(exchange)->began_us};
    worker->admissions++;
    store_lane_submit(worker->lane, &batch->job);
}
