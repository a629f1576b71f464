/* The sender is told nothing but 401; the log and a metric say which check failed, because whoever set the secrets must
 * be able to find a mistake in them without the vendor's help. */
#include "proxy/flow/verify.h"

#include "common/clock.h"
#include "common/httpd.h"
#include "common/log.h"
#include "proxy/flow/service.h"

enum { LINES_A_PERIOD = 5, PERIOD_US = 10 * 1000 * 1000 };

const char *verify_failure_name(enum verify_failure failure) {
    static const char *const names[] = {[VERIFY_MISSING_HEADER] = "missing_header",
                                        [VERIFY_INVALID_TIMESTAMP] = "invalid_timestamp",
                                        [VERIFY_TOO_OLD] = "too_old",
                                        [VERIFY_TOO_NEW] = "too_new",
                                        [VERIFY_NO_MATCH] = "no_match",
                                        [VERIFY_AUTHORIZATION] = "authorization"};
    return names[failure];
}

/* What is asked of one generation; nothing where neither is set. */
struct demand {
    const struct key_ring *ring;
    const struct opt_list *authorizations;
};

static struct demand demand_of(const struct service *service, enum generation generation) {
    const struct settings *settings = service->settings;
    return generation == GENERATION_EVENT
               ? (struct demand){&service->verify_event, &settings->verify_event_authorizations}
               : (struct demand){&service->verify_rule, &settings->verify_rule_authorizations};
}

static bool is_demanding(const struct demand *demand) {
    return demand->ring->count > 0 || demand->authorizations->count > 0;
}

struct failing {
    enum verify_failure failure;
    int64_t off_s; /* of a signature's time from now */
};

/* The sender's host is known by its Host header alone, and a proxy in front has taken TLS off. */
static struct str url_of(const struct http_request *http, struct arena *arena) {
    return ARENA_JOIN(arena, STR("https://"), http_header_get(http->headers, http->header_count, STR("host")),
                      http->target);
}

static enum signature_result check_signature(const struct service *service, const struct key_ring *ring,
                                             const struct http_request *http, struct failing *failing) {
    const struct scheme_check check = {.scheme = ring->scheme,
                                       .keys = ring->keys,
                                       .key_count = ring->count,
                                       .now_s = clock_wall_ms() / 1000,
                                       .tolerance_s = service->settings->verify_tolerance_ms / 1000};
    struct scheme_request request = {.method = http->method,
                                     .target = http->target,
                                     .body = http->body,
                                     .headers = http->headers,
                                     .header_count = http->header_count};
    if (!scheme_signs_url(ring->scheme))
        return scheme_verify(&check, &request, &failing->off_s);
    struct arena *arena = arena_new(0);
    request.url = url_of(http, arena);
    enum signature_result result = scheme_verify(&check, &request, &failing->off_s);
    arena_free(arena);
    return result;
}

static bool meets(const struct service *service, const struct demand *demand, const struct http_request *http,
                  struct failing *failing) {
    static const enum verify_failure failures[] = {
        [SIGNATURE_MISSING_HEADER] = VERIFY_MISSING_HEADER,
        [SIGNATURE_INVALID_TIMESTAMP] = VERIFY_INVALID_TIMESTAMP,
        [SIGNATURE_TOO_OLD] = VERIFY_TOO_OLD,
        [SIGNATURE_TOO_NEW] = VERIFY_TOO_NEW,
        [SIGNATURE_NO_MATCH] = VERIFY_NO_MATCH,
    };
    enum signature_result result = SIGNATURE_MISSING_HEADER;
    if (demand->ring->count > 0)
        result = check_signature(service, demand->ring, http, failing);
    if (result == SIGNATURE_OK)
        return true;
    failing->failure = failures[result];
    if (demand->authorizations->count == 0)
        return false;
    struct str value = http_header_get(http->headers, http->header_count, STR("authorization"));
    if (signature_authorization_matches(value, demand->authorizations->items, demand->authorizations->count))
        return true;
    if (result == SIGNATURE_MISSING_HEADER && value.len > 0)
        failing->failure = VERIFY_AUTHORIZATION;
    return false;
}

/* A body of no known shape passes by what is set for either generation, so that being unreadable is no way around. What
 * goes to `new` passes the check of events whatever it is: its consumer takes a signature of ours for a proof. */
static bool is_authenticated(const struct service *service, const struct message *message,
                             const struct http_request *http, struct failing *failing) {
    struct demand events = demand_of(service, GENERATION_EVENT), rules = demand_of(service, GENERATION_RULE);
    struct failing first;
    if (message->endpoint == ENDPOINT_NEW && message->generation != GENERATION_EVENT && is_demanding(&events) &&
        !meets(service, &events, http, failing))
        return false;
    if (message->generation != GENERATION_UNKNOWN) {
        struct demand own = demand_of(service, message->generation);
        return !is_demanding(&own) || meets(service, &own, http, failing);
    }
    if (!is_demanding(&events) && !is_demanding(&rules))
        return true;
    if (is_demanding(&events) && meets(service, &events, http, failing))
        return true;
    first = *failing;
    if (is_demanding(&rules) && meets(service, &rules, http, failing))
        return true;
    if (is_demanding(&events) && first.failure != VERIFY_MISSING_HEADER)
        *failing = first;
    return false;
}

/* Is this line to be written? `left_out`: how many before it were not. */
static bool throttle_passes(struct verify_throttle *throttle, uint64_t *left_out) {
    int64_t now_us = clock_mono_us(), began_us = atomic_load(&throttle->period_us);
    if ((began_us == 0 || now_us - began_us >= PERIOD_US) &&
        atomic_compare_exchange_strong(&throttle->period_us, &began_us, now_us))
        atomic_store(&throttle->lines, 0);
    if (atomic_fetch_add(&throttle->lines, 1) >= LINES_A_PERIOD) {
        atomic_fetch_add(&throttle->left_out, 1);
        return false;
    }
    *left_out = atomic_exchange(&throttle->left_out, 0);
    return true;
}

static void tell(struct service *service, const struct message *message, const struct http_request *http,
                 const struct failing *failing, bool is_let_in) {
    bool has_time = failing->failure == VERIFY_TOO_OLD || failing->failure == VERIFY_TOO_NEW;
    struct signature_headers headers;
    uint64_t left_out = 0;
    counters_unverified(service->counters, message->generation, failing->failure);
    if (!throttle_passes(&service->unverified[message->generation][failing->failure], &left_out))
        return;
    (void)signature_find(http->headers, http->header_count, SIGNATURE_ANY_FAMILY, &headers);
    LOG(LOG_WARN,
        is_let_in ? "message not authenticated, let in by verify.mode=report" : "message refused: not authenticated",
        LOG_TEXTZ("generation", generation_name(message->generation)),
        LOG_TEXTZ("reason", verify_failure_name(failing->failure)),
        LOG_INT(has_time ? "off_by_s" : NULL, failing->off_s),
        LOG_STR(headers.id.len > 0 ? "webhook_id" : NULL, headers.id),
        LOG_STR(message->type.len > 0 ? "type" : NULL, message->type), LOG_STR("peer", http->peer),
        LOG_INT(left_out > 0 ? "lines_left_out" : NULL, left_out));
}

bool verify_message(struct service *service, struct message *message, const struct http_request *http) {
    struct failing failing = {0};
    bool is_report = service->settings->verify_mode == VERIFY_REPORT;
    struct demand own = demand_of(service, message->generation);
    if (is_authenticated(service, message, http, &failing)) {
        message->is_verified = message->generation != GENERATION_UNKNOWN && is_demanding(&own);
        return true;
    }
    tell(service, message, http, &failing, is_report);
    return is_report;
}
