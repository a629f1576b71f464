#include "proxy/flow/worker.h"

#include "common/mem.h"
#include "proxy/flow/ingest.h"
#include "proxy/flow/outbox.h"
#include "proxy/flow/shadow.h"

enum { ANSWER_MAX = 1024 * 1024, HEADER_COUNT_MAX = 100 };

static struct httpc *new_client(const struct service *service, struct loop *loop, enum endpoint endpoint) {
    const struct endpoint_settings *settings = &service->settings->endpoints[endpoint];
    struct httpc_options options = {.loop = loop,
                                    .max_idle_connections = (uint32_t)settings->concurrency,
                                    .max_answer_len = ANSWER_MAX,
                                    .connection_age_ms = settings->connection_age_ms,
                                    .trust = service->trust[endpoint],
                                    .user_agent = "hookshift/" HOOKSHIFT_VERSION};
    return httpc_new(&options);
}

static struct httpd_limits limits_of(const struct service *service) {
    const struct settings *settings = service->settings;
    return (struct httpd_limits){.body_len = settings->body_limit,
                                 .header_len = settings->header_limit,
                                 .header_count = HEADER_COUNT_MAX,
                                 .body_rate = settings->body_rate,
                                 .request_ms = settings->request_time_ms,
                                 .idle_ms = settings->idle_time_ms};
}

enum err worker_new(struct service *service, struct loop *loop, size_t index, const char *listen,
                    struct worker **worker, struct err_detail *detail) {
    struct worker *made = MEM_NEW(struct worker);
    made->service = service;
    made->loop = loop;
    made->lane = store_lane_new(service->store, loop);
    made->index = index;
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        made->httpc[e] = new_client(service, loop, (enum endpoint)e);
        made->outbox[e] = outbox_new(made, (enum endpoint)e);
    }
    made->shadow = shadow_new(made);
    struct httpd_options options = {.loop = loop,
                                    .listen = listen,
                                    .share_port = service->worker_count > 1,
                                    .tls = service->tls,
                                    .limits = limits_of(service),
                                    .crowd = service->crowd,
                                    .budget = &service->memory,
                                    .has_proxy_header = service->settings->proxy_protocol == PROXY_PROTOCOL_V2,
                                    .trusted = service->trusted,
                                    .trusted_count = service->trusted_count,
                                    .handler = ingest_on_request,
                                    .error_handler = ingest_on_error,
                                    .arg = made};
    enum err err = httpd_new(&options, &made->httpd, detail);
    if (err != ERR_NONE) {
        worker_free(made);
        return err;
    }
    *worker = made;
    return ERR_NONE;
}

void worker_free(struct worker *worker) {
    if (worker == NULL)
        return;
    if (worker->httpd != NULL)
        httpd_free(worker->httpd);
    shadow_free(worker->shadow);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        httpc_free(worker->httpc[e]);
        outbox_free(worker->outbox[e]);
    }
    store_lane_free(worker->lane);
    mem_free(worker);
}

void worker_announce_end(struct worker *worker) {
    httpd_announce_end(worker->httpd);
}

void worker_drain(struct worker *worker) {
    httpd_stop_listening(worker->httpd);
    httpd_drain(worker->httpd);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        outbox_close(worker->outbox[e]);
}

void worker_interrupt(struct worker *worker) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        outbox_interrupt(worker->outbox[e]);
}

size_t worker_busy(const struct worker *worker) {
    size_t busy = worker->admissions;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        busy += outbox_busy(worker->outbox[e]);
    return busy;
}
