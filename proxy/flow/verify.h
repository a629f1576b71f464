/* Who may send: signatures by the scheme of a generation, and fixed Authorization values.
 *
 * Any thread; what is written are atomics. */
#ifndef PROXY_FLOW_VERIFY_H
#define PROXY_FLOW_VERIFY_H

#include "common/http.h"
#include "proxy/decide/scheme.h"
#include "proxy/model/message.h"

#include <stdatomic.h>

struct http_request;
struct service;

/* Why a message is not authenticated, as metrics and log lines name it. */
enum verify_failure {
    VERIFY_MISSING_HEADER,
    VERIFY_INVALID_TIMESTAMP,
    VERIFY_TOO_OLD,
    VERIFY_TOO_NEW,
    VERIFY_NO_MATCH,
    VERIFY_AUTHORIZATION,
    VERIFY_FAILURE_COUNT
};
const char *verify_failure_name(enum verify_failure failure); /* "missing_header", ... */

/* Keeps log lines of one kind few: some in each period, then one that says how many there were. */
struct verify_throttle {
    _Atomic int64_t period_us; /* when the period began */
    _Atomic uint32_t lines;    /* in it */
    _Atomic uint64_t left_out; /* since the last line */
};

struct key_ring {
    const struct scheme *scheme; /* by which the keys sign and verify; NULL: Standard Webhooks */
    struct signature_key **keys;
    size_t count;
};

/* May the message come in? Counts and logs the failure of one that may not, and of one that is let in all the same
 * because verify.mode is report. Writes message->is_verified. */
bool verify_message(struct service *service, struct message *message, const struct http_request *http);

#endif
