/* The path of one message on the public port:
 *
 *   httpd ─► ingest_on_request ─► classify ─► verify ─► address ─► store: ledger_admit ─► on_admitted ─► answer
 *                  │                                                                          │
 *                  └► 4xx                                        acknowledge=delivered: ──────┴─► outbox
 *
 * The request's arena is the message's: what it needs stays where the request was read. */
#include "proxy/flow/ingest.h"

#include "common/clock.h"
#include "common/gzip.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/decide/classify.h"
#include "proxy/flow/admitted.h"
#include "proxy/flow/batch.h"
#include "proxy/flow/forwarded.h"
#include "proxy/flow/headers.h"
#include "proxy/flow/outbox.h"
#include "proxy/flow/reply.h"
#include "proxy/flow/shadow.h"
#include "proxy/flow/verify.h"

enum { RETRY_AFTER_S = 5, RETRY_AFTER_BACKLOG_S = 30 };

struct ingest {
    struct worker *worker;
    struct httpd_exchange *exchange;
    struct arena *arena; /* of the exchange */
    struct message message;
    struct content content;
    struct store_job job;
    struct admit_request request;
    struct admission admission;
    int64_t began_us;
    struct health *place; /* room for the first attempt was taken there; else NULL */
};

static void reject(struct worker *worker, struct httpd_exchange *exchange, int status, const char *detail) {
    counters_rejected(worker->service->counters);
    reply_rejected(exchange, service_status(worker->service, status), detail, status == 503 ? RETRY_AFTER_S : 0, 0);
}

/* Storing it would deliver it once more, to come back again. */
static void reject_own(struct worker *worker, struct httpd_exchange *exchange) {
    LOG(LOG_ERROR,
        "a delivery of this proxy came back to it: endpoints.legacy.url, endpoints.new.url or a proxy behind them "
        "points at hookshift's own port",
        LOG_STR("target", httpd_request(exchange)->target));
    reject(worker, exchange, 508, "this proxy sent the message itself: its delivery goes round in a circle");
}

void ingest_on_error(struct httpd_exchange *exchange, int status, const char *what, void *arg) {
    reject(arg, exchange, status, what);
}

/* Which endpoint it belongs to; false: nobody's. */
static bool find_endpoint(const struct settings *settings, struct message *message) {
    if (message->generation == GENERATION_UNKNOWN) {
        message->endpoint = settings->unrecognised == UNRECOGNISED_NEW ? ENDPOINT_NEW : ENDPOINT_LEGACY;
        return settings->unrecognised != UNRECOGNISED_REJECT;
    }
    message->endpoint = message->generation == GENERATION_RULE ? ENDPOINT_LEGACY : ENDPOINT_NEW;
    if (message->counterpart.len == 0)
        (void)settings_assigned(settings, message->type, &message->endpoint);
    return true;
}

static struct str webhook_id_of(const struct http_request *http) {
    struct signature_headers found;
    (void)signature_find(http->headers, http->header_count, SIGNATURE_ANY_FAMILY, &found);
    return found.id;
}

/* The message goes on as a delivery: it takes the arena along, with everything that was read. */
static struct delivery *delivery_of(struct ingest *ingest) {
    const struct message *message = &ingest->message;
    struct delivery *delivery = ARENA_NEW(ingest->arena, struct delivery);
    delivery->worker = ingest->worker;
    delivery->record = (struct record){.id = ingest->admission.id,
                                       .state = STATE_PENDING,
                                       .generation = message->generation,
                                       .endpoint = message->endpoint,
                                       .received_ms = message->received_ms,
                                       .item_count = (uint32_t)message->item_count,
                                       .type = message->type,
                                       .company = message->company,
                                       .connection = message->connection,
                                       .data_type = message->data_type,
                                       .target = message->target,
                                       .trace_parent = message->trace_parent};
    delivery->content = ingest->content;
    delivery->trimmed = ingest->admission.trimmed;
    delivery->covered = ingest->admission.covered;
    delivery->arena = httpd_take_arena(ingest->exchange);
    return delivery;
}

static void begin_delivery(struct ingest *ingest, bool sender_waits) {
    struct worker *worker = ingest->worker;
    bool has_place = ingest->place != NULL;
    struct delivery *delivery = delivery_of(ingest);
    if (sender_waits)
        delivery->exchange = ingest->exchange;
    else
        reply_accepted(ingest->exchange, service_status(worker->service, 202),
                       admitted_outcome(ingest->admission.outcome), ingest->admission.id, STATE_PENDING);
    outbox_deliver(worker->outbox[delivery->record.endpoint], delivery, has_place);
}

static void answer_admitted(struct ingest *ingest) {
    struct worker *worker = ingest->worker;
    struct admission *admission = &ingest->admission;
    const char *outcome = admitted_outcome(admission->outcome);
    admitted_tell(worker->service, ingest->arena, &ingest->message, admission);
    if (admission->leased) {
        begin_delivery(ingest, worker->service->settings->acknowledge == ACKNOWLEDGE_DELIVERED);
        return;
    }
    bool is_done = admission->outcome == ADMIT_DUPLICATE || admission->outcome == ADMIT_SUPPRESSED;
    bool shadowed =
        admission->outcome != ADMIT_DUPLICATE && shadow_is_wanted(worker->shadow, &ingest->message, ingest->arena);
    struct delivery *shadow = shadowed ? delivery_of(ingest) : NULL;
    reply_accepted(ingest->exchange, service_status(worker->service, is_done ? 200 : 202), outcome, admission->id,
                   admission->state);
    if (shadowed)
        shadow_send(worker->shadow, shadow);
}

static void on_admitted(struct store_job *job) {
    struct ingest *ingest = CONTAINER_OF(job, struct ingest, job);
    struct worker *worker = ingest->worker;
    struct service *service = worker->service;
    enum endpoint endpoint = ingest->message.endpoint;
    int64_t began_us = ingest->began_us;
    struct health *unused = job->err == ERR_NONE && ingest->admission.leased ? NULL : ingest->place;
    worker->admissions--;
    if (job->err != ERR_NONE) {
        LOG(LOG_ERROR, "message could not be stored", LOG_TEXTZ("error", job->detail.text));
        counters_message(service->counters, &ingest->message, "rejected");
        reply_rejected(ingest->exchange, service_status(service, 503),
                       "the store cannot write at the moment; send it again", RETRY_AFTER_S, 0);
    } else if (ingest->admission.outcome == ADMIT_REFUSED) {
        counters_message(service->counters, &ingest->message, "rejected");
        reply_rejected(ingest->exchange, service_status(service, 503),
                       store_is_failing(service->store, NULL)
                           ? "the store has no room at the moment; send it again later"
                           : "too many messages wait for their consumers; send it again later",
                       RETRY_AFTER_BACKLOG_S, 0);
    } else {
        answer_admitted(ingest); /* the ingest is gone after it, with its arena */
    }
    counters_received(service->counters, clock_mono_us() - began_us);
    if (unused != NULL) {
        health_return(unused);
        outbox_kick(worker->outbox[endpoint]);
    }
}

static enum err run_admit(struct ledger *ledger, struct store_job *job) {
    struct ingest *ingest = CONTAINER_OF(job, struct ingest, job);
    return ledger_admit(ledger, ingest->arena, &ingest->request, &ingest->admission);
}

static void admit(struct ingest *ingest) {
    struct service *service = ingest->worker->service;
    bool sender_waits = service->settings->acknowledge == ACKNOWLEDGE_DELIVERED;
    struct health *health = outbox_health(ingest->worker->outbox[ingest->message.endpoint], ingest->message.type);
    ingest->place = health_acquire(health, clock_mono_us() / 1000, HEALTH_SHARE_ALL) ? health : NULL;
    ingest->request = (struct admit_request){.message = &ingest->message,
                                             .content = ingest->content,
                                             .now_ms = ingest->message.received_ms,
                                             .lease = ingest->place != NULL || sender_waits,
                                             .promise = !sender_waits};
    ingest->job = (struct store_job){.run = run_admit, .done = on_admitted};
    ingest->worker->admissions++;
    store_lane_submit(ingest->worker->lane, &ingest->job);
}

/* `headers`: the request's, or as many with other values. */
static struct str encode_headers(const struct ingest *ingest, const struct http_request *http,
                                 const struct http_header *headers) {
    const struct headers_choice choice = {http->is_trusted, ingest->content.body.at != http->body.at};
    struct str sent = headers_encode(ingest->arena, headers, http->header_count, choice);
    return ARENA_JOIN(ingest->arena, sent, forwarded_encode(ingest->arena, http));
}

static void complete_message(const struct service *service, const struct http_request *http, struct ingest *ingest) {
    struct message *message = &ingest->message;
    message->webhook_id = webhook_id_of(http);
    message->received_ms = clock_wall_ms();
    message->time_ms = classify_time_ms(message, service->settings->store_retention_ms);
    message->target = http->target;
    message->trace_parent = headers_trace_parent(ingest->arena, http->headers, http->header_count);
    ingest->content.headers = encode_headers(ingest, http, http->headers);
}

/* The one coding that is taken is "gzip", once: what would be read in another way by somebody else is refused.
 * "identity" says that there is none (RFC 9110, 12.5.3). */
static bool is_gzip(const struct http_request *http, bool *is_unknown) {
    struct str coding = STR_NONE;
    size_t count = 0;
    for (size_t i = 0; i < http->header_count; i++)
        if (str_eq_nocase(http->headers[i].name, STR("content-encoding"))) {
            coding = http->headers[i].value;
            count++;
        }
    bool is_gzip = count == 1 && str_eq(coding, STR("gzip"));
    *is_unknown = count > 1 || (count == 1 && !is_gzip && !str_eq_nocase(coding, STR("identity")));
    return is_gzip;
}

/* The body as its message is read, stored and delivered; signatures are of the body as it came. False: refused. */
static bool read_body(struct ingest *ingest, const struct http_request *http) {
    struct worker *worker = ingest->worker;
    bool is_unknown;
    ingest->content.body = http->body;
    if (!is_gzip(http, &is_unknown)) {
        if (is_unknown)
            reject(worker, ingest->exchange, 415, "Content-Encoding may be gzip, or absent");
        return !is_unknown;
    }
    switch (gzip_decode(ingest->arena, http->body, worker->service->settings->body_limit, &ingest->content.body)) {
    case ERR_NONE:
        return true;
    case ERR_LIMIT:
        reject(worker, ingest->exchange, 413, "the body is larger than limits.body once it is decoded");
        return false;
    case ERR_BUSY:
        reject(worker, ingest->exchange, 503, "no memory for more bodies at the moment; send it again");
        return false;
    default:
        reject(worker, ingest->exchange, 400, "the body is no gzip data, or is cut off");
        return false;
    }
}

/* Answers what may not. */
static bool may_come_in(struct ingest *ingest, const struct http_request *http, struct message *message,
                        bool is_wanted) {
    struct service *service = ingest->worker->service;
    bool is_allowed = verify_message(service, message, http);
    if (is_allowed && is_wanted)
        return true;
    counters_message(service->counters, message, "rejected");
    if (!is_allowed)
        reply_rejected(ingest->exchange, 401, "the message is not authenticated", 0, 0);
    else
        reply_rejected(ingest->exchange, 422, "the body has the shape of neither generation", 0, 0);
    return false;
}

/* One that is not wanted, or not allowed in, keeps all of them out: there is one answer. Messages of one generation
 * pass or fail together, since they came in one request. */
static void take_batch(struct ingest *ingest, const struct http_request *http, struct message_parts *parts) {
    struct service *service = ingest->worker->service;
    struct batch_part *made = ARENA_ARRAY(ingest->arena, parts->count, struct batch_part);
    const struct message *checked[GENERATIONS][ENDPOINT_COUNT] = {{NULL}};
    bool has_id = webhook_id_of(http).len > 0;
    ingest->message = parts->at[0].message;
    complete_message(service, http, ingest);
    for (size_t i = 0; i < parts->count; i++) {
        struct message *message = &parts->at[i].message;
        bool is_wanted = find_endpoint(service->settings, message);
        const struct message **like = &checked[message->generation][message->endpoint];
        if ((!is_wanted || *like == NULL) && !may_come_in(ingest, http, message, is_wanted))
            return;
        *like = *like != NULL ? *like : message;
        message->is_verified = (*like)->is_verified;
        message->webhook_id = batch_webhook_id(ingest->arena, ingest->message.webhook_id, i);
        message->received_ms = ingest->message.received_ms;
        message->time_ms = classify_time_ms(message, service->settings->store_retention_ms);
        message->target = ingest->message.target;
        message->trace_parent = ingest->message.trace_parent;
        made[i] = (struct batch_part){*message, {ingest->content.headers, parts->at[i].body}};
        if (has_id)
            made[i].content.headers =
                encode_headers(ingest, http, batch_headers(ingest->arena, http->headers, http->header_count, i));
    }
    batch_admit(ingest->worker, ingest->exchange, made, parts->count);
}

/* A load balancer that looks whether somebody listens brings no message, and so none that could be refused. */
static bool is_probe(struct str method) {
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")) || str_eq(method, STR("OPTIONS"));
}

void ingest_on_request(struct httpd_exchange *exchange, void *arg) {
    struct worker *worker = arg;
    struct service *service = worker->service;
    const struct http_request *http = httpd_request(exchange);
    struct json_error json_error;
    if (is_probe(http->method)) {
        counters_probe(service->counters);
        reply_probe(exchange);
        return;
    }
    if (!str_eq(http->method, STR("POST"))) {
        reject(worker, exchange, 405, "webhooks are sent with POST");
        return;
    }
    if (atomic_load(&service->draining)) {
        reject(worker, exchange, 503, "shutting down; send it again");
        return;
    }
    if (headers_hold_mark(http->headers, http->header_count, str_of(service->mark))) {
        reject_own(worker, exchange);
        return;
    }
    struct ingest *ingest = ARENA_NEW(httpd_arena(exchange), struct ingest);
    *ingest = (struct ingest){
        .worker = worker, .exchange = exchange, .arena = httpd_arena(exchange), .began_us = http->began_us};
    if (!read_body(ingest, http))
        return;
    struct message_parts parts;
    const struct classify_input input = {ingest->content.body, http->headers, http->header_count, http->target};
    if (classify_messages(service->catalog, &input, ingest->arena, &ingest->message, &parts, &json_error) != ERR_NONE) {
        struct str detail =
            arena_printf(ingest->arena, "the body is no JSON object that can be read: %s (line %u, column %u)",
                         json_error.what, json_error.line, json_error.column);
        reject(worker, exchange, 400, detail.at);
        return;
    }
    if (parts.count > 1) {
        take_batch(ingest, http, &parts);
        return;
    }
    bool is_wanted = find_endpoint(service->settings, &ingest->message);
    if (!may_come_in(ingest, http, &ingest->message, is_wanted))
        return;
    complete_message(service, http, ingest);
    admit(ingest);
}
