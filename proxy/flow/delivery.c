#include "proxy/flow/delivery.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/flow/outbox.h"
#include "proxy/flow/reply.h"

#include <errno.h>

enum {
    SETTLE_AGAIN_MS = 1000,
    SENDER_RETRY_AFTER_S = 5,
    REST_MIN_MS = 10 * 1000, /* bounds of the longest rest that is granted */
    REST_MAX_MS = 10 * 60 * 1000
};

static enum err run_settle(struct ledger *ledger, struct store_job *job) {
    struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
    return ledger_settle(ledger, &delivery->attempt, delivery->now_ms, &delivery->settlement);
}

static void submit_settle(void *arg) {
    struct delivery *delivery = arg;
    store_lane_submit(delivery->worker->lane, &delivery->job);
}

/* The sender that waits is told as soon as its message's fate is durable. */
static void answer_sender(struct delivery *delivery, bool written) {
    struct httpd_exchange *exchange = delivery->exchange;
    delivery->exchange = NULL;
    if (exchange == NULL)
        return;
    if (written && delivery->settlement.state == STATE_DELIVERED && !delivery->settlement.forgotten)
        reply_accepted(exchange, service_status(delivery->worker->service, 200), "delivered", delivery->record.id,
                       STATE_DELIVERED);
    else if (written && !delivery->settlement.forgotten)
        reply_accepted(exchange, service_status(delivery->worker->service, 202), "accepted", delivery->record.id,
                       delivery->settlement.state);
    else
        reply_rejected(exchange, service_status(delivery->worker->service, 503),
                       written ? "the consumer did not take the message; it was not kept, send it again"
                               : "the store cannot write at the moment; send it again",
                       SENDER_RETRY_AFTER_S, delivery->record.id);
}

static void on_settled(struct store_job *job) {
    struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
    struct worker *worker = delivery->worker;
    answer_sender(delivery, job->err == ERR_NONE);
    if (job->err != ERR_NONE && job->err != ERR_NOT_FOUND && job->err != ERR_CLOSED) {
        LOG(LOG_ERROR, "outcome of an attempt could not be stored, will try again",
            LOG_STR("message", message_id_format(delivery->arena, delivery->record.id)),
            LOG_TEXTZ("error", job->detail.text));
        if (delivery->again == NULL)
            delivery->again = loop_timer_new(worker->loop, submit_settle, delivery);
        loop_timer_set(delivery->again, SETTLE_AGAIN_MS);
        return;
    }
    if (job->err == ERR_NONE && delivery->settlement.state == STATE_DEAD && !delivery->settlement.forgotten)
        LOG(LOG_WARN, "message died", LOG_STR("message", message_id_format(delivery->arena, delivery->record.id)),
            LOG_TEXTZ("endpoint", endpoint_name(delivery->record.endpoint)), LOG_STR("last", delivery->attempt.what));
    outbox_on_over(delivery->outbox, delivery);
}

static void settle(struct delivery *delivery, enum attempt_result result, const struct httpc_answer *answer,
                   struct str what) {
    delivery->call = NULL;
    delivery->now_ms = clock_wall_ms();
    delivery->attempt = (struct attempt){.id = delivery->record.id,
                                         .result = result,
                                         .status = answer == NULL ? 0 : answer->status,
                                         .retry_after_ms = answer == NULL ? -1 : answer->retry_after_ms,
                                         .duration_us = answer == NULL ? 0 : answer->duration_us,
                                         .what = what};
    delivery->job = (struct store_job){.run = run_settle, .done = on_settled};
    submit_settle(delivery);
}

static void log_attempt(const struct delivery *delivery, const struct httpc_answer *answer, struct str what) {
    bool ok = answer->err == ERR_NONE && answer->status / 100 == 2;
    LOG(ok ? LOG_INFO : LOG_WARN, ok ? "attempt ended" : "attempt failed",
        LOG_STR("message", message_id_format(delivery->arena, delivery->record.id)),
        LOG_TEXTZ("endpoint", endpoint_name(delivery->record.endpoint)),
        LOG_INT("attempt", delivery->record.attempts + 1), LOG_INT("status", answer->status), LOG_STR("what", what),
        LOG_INT("duration_us", answer->duration_us), LOG_STR("traceparent", delivery->record.trace_parent));
}

/* The consumer has answered, and nobody hears it. */
static const struct httpc_answer *lose_answer(const struct httpc_answer *answer) {
    static const struct httpc_answer lost = {.err = ERR_CLOSED, .what = "connection broken off", .retry_after_ms = -1};
    return FAULT("deliver.answer", ECONNRESET) ? &lost : answer;
}

/* For the log and the story: "HTTP 200", "HTTP 200; body cut short: connection broken", "connection refused". */
static struct str describe_answer(struct arena *arena, const struct httpc_answer *answer) {
    if (answer->err != ERR_NONE)
        return arena_str(arena, str_of(answer->what));
    return ARENA_JOIN(arena, STR("HTTP "), arena_i64(arena, answer->status),
                      answer->note[0] == '\0' ? STR("") : STR("; "), str_of(answer->note));
}

static bool is_signed(struct delivery *delivery) {
    struct header_list headers = {0};
    headers_decode(delivery->arena, delivery->content.headers, &headers);
    return headers_get(&headers, STR("webhook-signature")).len > 0 ||
           headers_get(&headers, STR("svix-signature")).len > 0;
}

/* A consumer that checks signatures refuses one that has grown old, and cannot say so. */
static struct str explain_refusal(struct delivery *delivery, const struct httpc_answer *answer, struct str what) {
    enum endpoint endpoint = delivery->record.endpoint;
    bool is_refused = answer->err == ERR_NONE && (answer->status == 401 || answer->status == 403);
    if (!is_refused || delivery->worker->service->signing[endpoint].count > 0 || !is_signed(delivery))
        return what;
    return arena_printf(delivery->arena,
                        STR_FMT "; the sender's signature was %lld s old, and without endpoints.%s.secrets it is not "
                                "renewed",
                        STR_ARG(what), (long long)((clock_wall_ms() - delivery->record.received_ms) / 1000),
                        endpoint_name(endpoint));
}

/* How long it may ask to be left alone: twice the longest wait of the schedule, as one message waits twice its own at
 * most; within reason. */
static int64_t longest_rest_ms(const struct service *service) {
    const struct opt_durations *schedule = &service->settings->retry_schedule;
    int64_t longest = 0;
    for (size_t i = 0; i < schedule->count; i++)
        longest = schedule->ms[i] > longest ? schedule->ms[i] : longest;
    return longest > REST_MAX_MS / 2 ? REST_MAX_MS : longest < REST_MIN_MS / 2 ? REST_MIN_MS : 2 * longest;
}

/* What the answer says about the server, not about the message: that it refuses this one (4xx) is no failure of it. */
static struct outbox_sign sign_of(const struct service *service, const struct httpc_answer *answer, struct str why) {
    struct outbox_sign sign = {.sign = HEALTH_FAILED, .why = why};
    int status = answer->err == ERR_NONE ? answer->status : 0;
    bool asks = (status == 429 || status == 503) && answer->retry_after_ms > 0;
    if (asks) {
        int64_t most_ms = longest_rest_ms(service);
        sign.sign = HEALTH_RESTS;
        sign.rest_ms = answer->retry_after_ms < most_ms ? answer->retry_after_ms : most_ms;
    } else if ((status >= 200 && status <= 299) || (status >= 400 && status <= 499 && status != 408 && status != 429)) {
        sign.sign = HEALTH_ALIVE;
    }
    return sign;
}

static void on_answer(const struct httpc_answer *whatever, void *arg) {
    const struct httpc_answer *answer = lose_answer(whatever);
    struct delivery *delivery = arg;
    bool ok = answer->err == ERR_NONE && answer->status >= 200 && answer->status <= 299;
    struct str what = explain_refusal(delivery, answer, describe_answer(delivery->arena, answer));
    log_attempt(delivery, answer, what);
    counters_delivery(delivery->worker->service->counters, delivery->record.endpoint, answer, ok);
    const struct outbox_sign sign = sign_of(delivery->worker->service, answer, what);
    outbox_on_answered(delivery->outbox, delivery->health, &sign);
    bool gone = answer->err == ERR_NONE && answer->status == 410;
    settle(delivery, ok ? ATTEMPT_DELIVERED : gone ? ATTEMPT_GONE : ATTEMPT_FAILED, answer, what);
}

void delivery_send(struct delivery *delivery, httpc_done *done) {
    struct service *service = delivery->worker->service;
    const struct endpoint_settings *endpoint = &service->settings->endpoints[delivery->record.endpoint];
    struct delivery_request built;
    delivery_build(service, delivery, clock_wall_ms(), &built);
    struct httpc_request request = {.method = STR("POST"),
                                    .url = built.url,
                                    .headers = built.headers.items,
                                    .header_count = built.headers.count,
                                    .body = built.body,
                                    .timeout_ms = endpoint->timeout_ms,
                                    .connect_timeout_ms = endpoint->connect_timeout_ms};
    delivery->call = httpc_send(delivery->worker->httpc[delivery->record.endpoint], &request, done, delivery);
}

/* By the flags in force on this thread; the store, which is asked where the answer is no, decides by its own. */
static bool seems_off(struct delivery *delivery) {
    struct snapshot *snapshot = snapshot_slot_get(delivery->worker->service->snapshots);
    bool on = snapshot_consumer_on(snapshot, delivery->record.endpoint, &delivery->record, clock_wall_ms(),
                                   delivery->arena, NULL);
    snapshot_release(snapshot);
    return !on;
}

static enum err run_resume(struct ledger *ledger, struct store_job *job) {
    struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
    return ledger_resume(ledger, delivery->record.id, clock_wall_ms(), &delivery->resumed);
}

/* It was decided again: that is the answer to its sender, as if it had come now. */
static void end_unsent(struct delivery *delivery) {
    bool suppressed = delivery->resumed == STATE_SUPPRESSED;
    if (delivery->exchange != NULL)
        reply_accepted(delivery->exchange, suppressed ? 200 : 202, suppressed ? "suppressed" : "parked",
                       delivery->record.id, delivery->resumed);
    delivery->exchange = NULL;
    outbox_on_unsent(delivery->outbox, delivery->health);
    outbox_on_over(delivery->outbox, delivery);
}

static void on_resumed(struct store_job *job) {
    struct delivery *delivery = CONTAINER_OF(job, struct delivery, job);
    delivery->is_asking = false;
    if (job->err == ERR_NONE && delivery->resumed != STATE_PENDING) {
        end_unsent(delivery);
    } else if (job->err != ERR_NONE || delivery->is_stopping) {
        outbox_on_unsent(delivery->outbox, delivery->health);
        settle(delivery, ATTEMPT_INTERRUPTED, NULL, STR("interrupted: there was no time or no room for it"));
    } else {
        delivery_send(delivery, on_answer);
    }
}

/* What had to wait for room asks its flag again. */
void delivery_start(struct delivery *delivery) {
    bool has_waited = delivery->deadline_ms != 0;
    if (!has_waited || !seems_off(delivery)) {
        delivery_send(delivery, on_answer);
        return;
    }
    delivery->is_asking = true;
    delivery->job = (struct store_job){.run = run_resume, .done = on_resumed};
    store_lane_submit(delivery->worker->lane, &delivery->job);
}

void delivery_interrupt(struct delivery *delivery) {
    if (delivery->call != NULL) {
        httpc_cancel(delivery->call);
        health_return(delivery->health);
    } else if (delivery->is_asking) {
        delivery->is_stopping = true;
        return;
    } else if (delivery->attempt.id != 0) {
        return; /* answered already: its settlement is on the way */
    }
    settle(delivery, ATTEMPT_INTERRUPTED, NULL, STR("interrupted: there was no time or no room for it"));
}
