/* One event loop with its own listener, HTTP clients and outboxes. Everything here belongs to the loop's thread. */
#ifndef PROXY_FLOW_WORKER_H
#define PROXY_FLOW_WORKER_H

#include "common/httpc.h"
#include "common/httpd.h"
#include "common/loop.h"
#include "proxy/flow/service.h"
#include "proxy/store/store_lane.h"

struct delivery;
struct outbox;
struct shadow;

struct worker {
    struct service *service;
    struct loop *loop;
    struct store_lane *lane; /* how it asks the store */
    size_t index;
    struct httpd *httpd;
    struct httpc *httpc[ENDPOINT_COUNT]; /* apart, so that neither endpoint uses up the other's connections */
    struct outbox *outbox[ENDPOINT_COUNT];
    struct shadow *shadow;
    size_t admissions; /* requests whose admission is not answered yet */
};

/* Makes the clients, outboxes and the listener of one worker; before its loop runs. Errors as httpd_new(). */
enum err worker_new(struct service *service, struct loop *loop, size_t index, const char *listen,
                    struct worker **worker, struct err_detail *detail) MUST_USE;
/* When its loop no longer runs and nothing is in flight. */
void worker_free(struct worker *worker);

/* From the loop's thread: each answer is the last one of its connection from now on, and says so. */
void worker_announce_end(struct worker *worker);
/* From the loop's thread: no new connections, those there are closed after their answers, nothing more is taken from
 * the store. What is under way goes on. */
void worker_drain(struct worker *worker);
/* From the loop's thread: ends what is under way; each message stays pending in the store, or its sender is told to
 * come again. */
void worker_interrupt(struct worker *worker);
/* Requests and deliveries that have not ended. */
size_t worker_busy(const struct worker *worker);

#endif
