/* What all parts of a running proxy share. Built by `serve` before the first thread runs; read-only afterwards but
 * for what says otherwise. */
#ifndef PROXY_FLOW_SERVICE_H
#define PROXY_FLOW_SERVICE_H

#include "common/arena.h"
#include "common/budget.h"
#include "common/crowd.h"
#include "common/tls.h"
#include "common/trust.h"
#include "proxy/decide/catalog.h"
#include "proxy/flow/counters.h"
#include "proxy/flow/origins.h"
#include "proxy/flow/snapshot.h"
#include "proxy/flow/verify.h"
#include "proxy/model/settings.h"
#include "proxy/store/store.h"

struct fields;
struct worker;

struct service {
    const struct settings *settings;
    const struct catalog *catalog;
    struct key_ring verify_event, verify_rule; /* empty: not verified */
    struct key_ring signing[ENDPOINT_COUNT];   /* each one signs */
    char mark[33];                             /* of this process, on what it delivers: 128 random bits in hex */
    struct store *store;
    struct verify_throttle unverified[GENERATIONS][VERIFY_FAILURE_COUNT];
    struct snapshot_slot *snapshots;
    struct counters *counters;
    struct crowd *crowd;                 /* on the public port, of all workers */
    struct trust *trust[ENDPOINT_COUNT]; /* by the files of the settings; NULL: none is set. The main thread's */
    struct trust *identity;              /* the certificate of `tls`, to compare with and for when it ends */
    struct budget memory;                /* of requests and deliveries; shared: atomics inside */
    struct netaddr_range *trusted;       /* listen.trusted_proxies */
    size_t trusted_count;
    struct tls_context *tls;                /* of the public port; NULL: none. The main thread's */
    struct origins origins[ENDPOINT_COUNT]; /* shared: atomics inside */
    struct worker **workers;
    size_t worker_count;
    struct flag_failures flag_failures;    /* shared: atomics inside */
    bool flag_was_on[CONSUMER_FLAG_COUNT]; /* as published last; the main thread's */
    _Atomic bool shadow_possible;          /* some message may be sent as shadow traffic, by the flags in force */
    _Atomic bool stopping;                 /* not ready any more */
    _Atomic bool draining;                 /* requests that still come are told to come again */
    struct fields *fields;                 /* the main loop's; NULL while there is no admin port */
    int64_t started_ms;
};

/* The status that the vendor of the catalogue wants in place of a usual one: of 2xx, and of 503. */
static inline int service_status(const struct service *service, int status) {
    const struct catalog_answers *answers = catalog_answers(service->catalog);
    if (status >= 200 && status <= 299 && answers->accepted_status != 0)
        return answers->accepted_status;
    return status == 503 ? answers->again_later_status : status;
}

#endif
