/* The proxy's own metrics: names, labels and help in one place. Any thread; relaxed atomics. */
#ifndef PROXY_FLOW_COUNTERS_H
#define PROXY_FLOW_COUNTERS_H

#include "common/crowd.h"
#include "common/httpc.h"
#include "common/metrics.h"
#include "proxy/decide/catalog.h"
#include "proxy/decide/flags.h"
#include "proxy/flow/verify.h"
#include "proxy/model/message.h"
#include "proxy/store/store.h"

struct counters;

/* `catalog` bounds the label `type`: its types and "other". */
struct counters *counters_new(const struct catalog *catalog, const char *version) MUST_USE;
void counters_free(struct counters *counters);
struct metrics *counters_registry(struct counters *counters); /* to be written at /metrics */

/* `outcome`: static lifetime, one of those that "Receiving" names. */
void counters_message(struct counters *counters, const struct message *message, const char *outcome);
void counters_rejected(struct counters *counters); /* before it was known what it is */
void counters_probe(struct counters *counters);    /* a request that brings no message */
/* Not authenticated, whether it was let in or not. */
void counters_unverified(struct counters *counters, enum generation generation, enum verify_failure failure);
void counters_received(struct counters *counters, int64_t duration_us); /* request to answer */
void counters_delivery(struct counters *counters, enum endpoint endpoint, const struct httpc_answer *answer, bool ok);
void counters_shadow(struct counters *counters, bool ok);
void counters_commit(struct counters *counters, int64_t duration_us);
void counters_store_error(struct counters *counters);
void counters_reload(struct counters *counters, bool ok);
/* Two messages were found to be twins: how far apart they came, and which side came first. */
void counters_twin(struct counters *counters, struct str rule_type, enum generation first, int64_t skew_ms);
/* The verdict of parity, as often as it is asked for; the unpaired of each type follow. One thread. */
void counters_set_parity(struct counters *counters, bool is_ready, int64_t unhandled_alerts);
void counters_set_unpaired(struct counters *counters, struct str rule_type, enum generation side, int64_t count);

void counters_near_miss(struct counters *counters, struct str rule_type);
void counters_identity_conflict(struct counters *counters, enum generation generation);
void counters_unreadable_time(struct counters *counters, enum generation generation);

enum { GENERATIONS = 3 };

/* What went through since the start, in sums small enough to be drawn. */
struct flow_totals {
    uint64_t received[GENERATIONS]; /* of any outcome */
    uint64_t suppressed, duplicates, waiting, rejected;
    uint64_t delivered[ENDPOINT_COUNT], failed[ENDPOINT_COUNT]; /* attempts */
};
void counters_sum(const struct counters *counters, struct flow_totals *totals);

/* Gauges, set when the text is about to be written. */
void counters_set_state(struct counters *counters, enum endpoint endpoint, enum state state, uint64_t count);
void counters_set_oldest(struct counters *counters, enum endpoint endpoint, double pending_s, double parked_s);
/* Of the certificate that a setting names; negative: it has ended. */
void counters_set_certificate(struct counters *counters, const char *setting, double seconds_left);
void counters_set_up(struct counters *counters, enum endpoint endpoint, bool is_up);
void counters_set_flag(struct counters *counters, const char *flag, bool is_on);
void counters_set_expired(struct counters *counters, const struct ledger_stats *stats);
void counters_set_clock(struct counters *counters, const struct store_clock *clock);
void counters_set_flag_errors(struct counters *counters, enum consumer_flag flag, uint64_t count);
void counters_set_takeovers(struct counters *counters, uint64_t count);
void counters_set_crowd(struct counters *counters, const struct crowd_counts *counts);
/* Bytes of the store's files, and of the file system that they are on. Never called where the store is in memory. */
void counters_set_disk(struct counters *counters, uint64_t store_bytes, uint64_t free_bytes, uint64_t disk_bytes);
void counters_set_memory(struct counters *counters, size_t used);
void counters_set_replays(struct counters *counters, uint64_t count);

#endif
