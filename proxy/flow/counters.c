#include "proxy/flow/counters.h"

#include "common/log_queue.h"
#include "common/mem.h"
#include "common/process.h"

#include <stdatomic.h>
#include <stdlib.h>

static const char *const outcomes[] = {"accepted",   "partial",   "held",      "parked",
                                       "suppressed", "duplicate", "delivered", "rejected"};
enum { OUTCOMES = ARRAY_LEN(outcomes) };

/* Label values of one generation, sorted, and the series of each with each outcome once it was counted. */
struct label_table {
    struct str *labels;
    size_t count;
    _Atomic(struct metric *) *series; /* [label][outcome] */
};

struct counters {
    struct metrics *metrics;
    struct process *process;
    struct arena *arena;
    struct metric_family *messages;
    struct label_table tables[GENERATIONS];
    struct metric *deliveries[ENDPOINT_COUNT][2], *delivery_time[ENDPOINT_COUNT], *shadow[2];
    struct metric *receive_time, *commit_time, *store_errors, *takeovers, *replays, *skew;
    struct metric *store_bytes, *disk_free_bytes, *disk_bytes; /* 0: in memory */
    struct metric *in_state[ENDPOINT_COUNT][STATE_COUNT], *oldest_pending[ENDPOINT_COUNT],
        *oldest_parked[ENDPOINT_COUNT], *up[ENDPOINT_COUNT];
    struct metric *expired[ENDPOINT_COUNT][2];
    struct metric *clock_ahead, *clock_jumps[2];
    struct metric *unverified[GENERATIONS][VERIFY_FAILURE_COUNT];
    struct metric *reloads[2], *last_reload, *flag_errors[CONSUMER_FLAG_COUNT];
    struct metric *connections, *addresses, *refused[CROWD_REFUSALS], *probes, *memory;
    struct metric_family *flag_enabled, *twins, *near_misses;
    struct metric_family *certificates; /* by setting */
    struct metric *parity_ready, *unhandled_alerts;
    struct metric_family *unpaired;
    struct metric **unpaired_series;            /* [label of a rule][side] once it was set; of one thread */
    _Atomic(struct metric *) *twin_series;      /* [label of a rule][who came first] once it was counted */
    _Atomic(struct metric *) *near_miss_series; /* [label of a rule] likewise */
    struct metric *namesakes[GENERATIONS], *unreadable_times[GENERATIONS];
};

static const char *const result_names[] = {"failed", "delivered"};

static struct metric *plain(struct metric_family *family) {
    return metric_series(family, NULL);
}

static struct metric *with_label(struct metric_family *family, const char *value) {
    struct str text = str_of(value);
    return metric_series(family, &text);
}

static struct metric *with_labels(struct metric_family *family, const char *first, const char *second) {
    struct str texts[2] = {str_of(first), str_of(second)};
    return metric_series(family, texts);
}

static int compare_labels(const void *a, const void *b) {
    const struct str *left = a, *right = b;
    return str_compare(*left, *right);
}

static void fill_table(struct counters *counters, const struct catalog *catalog, enum generation generation) {
    struct label_table *table = &counters->tables[generation];
    size_t known = generation == GENERATION_UNKNOWN ? 0 : catalog_type_count(catalog, generation);
    table->labels = ARENA_ARRAY(counters->arena, known + 1, struct str);
    for (size_t i = 0; i < known; i++)
        table->labels[table->count++] = arena_str(counters->arena, catalog_type_at(catalog, generation, i)->label);
    table->labels[table->count++] = STR("other");
    qsort(table->labels, table->count, sizeof *table->labels, compare_labels);
    table->series = mem_array(table->count * OUTCOMES, sizeof *table->series);
}

static void define_flow(struct counters *counters) {
    static const double seconds[] = {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
    static const double skews[] = {.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 3600, 86400};
    static const char *const by_message[] = {"generation", "type", "outcome", NULL};
    static const char *const by_result[] = {"endpoint", "result", NULL};
    static const char *const by_endpoint[] = {"endpoint", NULL};
    static const char *const result_only[] = {"result", NULL};
    static const char *const by_twin[] = {"type", "first", NULL};
    struct metrics *metrics = counters->metrics;
    counters->messages =
        metrics_counter(metrics, "hookshift_messages_total",
                        "Messages received, by what they are and what became of them on arrival.", by_message);
    struct metric_family *deliveries =
        metrics_counter(metrics, "hookshift_deliveries_total", "Attempts to deliver that ended, by result.", by_result);
    struct metric_family *times =
        metrics_histogram(metrics, "hookshift_delivery_duration_seconds", "How long attempts to deliver took.",
                          by_endpoint, seconds, ARRAY_LEN(seconds));
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        const char *endpoint = endpoint_name((enum endpoint)e);
        for (int ok = 0; ok < 2; ok++)
            counters->deliveries[e][ok] = with_labels(deliveries, endpoint, result_names[ok]);
        counters->delivery_time[e] = with_label(times, endpoint);
    }
    struct metric_family *shadow =
        metrics_counter(metrics, "hookshift_shadow_deliveries_total",
                        "Events also sent to the new endpoint as shadow traffic.", result_only);
    for (int ok = 0; ok < 2; ok++)
        counters->shadow[ok] = with_label(shadow, result_names[ok]);
    counters->receive_time =
        plain(metrics_histogram(metrics, "hookshift_receive_duration_seconds",
                                "From the first byte of a request to its answer.", NULL, seconds, ARRAY_LEN(seconds)));
    counters->twins =
        metrics_counter(metrics, "hookshift_twins_total",
                        "Pairs of a rule and an event that tell of the same occurrence, by who came first.", by_twin);
    counters->skew = plain(metrics_histogram(metrics, "hookshift_twin_skew_seconds",
                                             "Time between the arrivals of twins.", NULL, skews, ARRAY_LEN(skews)));
    counters->takeovers =
        plain(metrics_counter(metrics, "hookshift_takeovers_total",
                              "Suppressed messages delivered after all, because their twin was not.", NULL));
    counters->replays = plain(metrics_counter(metrics, "hookshift_replays_total",
                                              "Messages that somebody had delivered again, or at last.", NULL));
}

/* What is odd about messages as they arrive. */
static void define_oddities(struct counters *counters) {
    static const char *const by_type[] = {"type", NULL}, *const by_generation[] = {"generation", NULL};
    struct metrics *metrics = counters->metrics;
    counters->near_misses = metrics_counter(
        metrics, "hookshift_near_misses_total",
        "Pairs of a rule and an event that were too far apart for pairing.window, by up to four windows.", by_type);
    struct metric_family *namesakes =
        metrics_counter(metrics, "hookshift_identity_conflicts_total",
                        "Messages with the identity of an earlier one that stated something else.", by_generation);
    struct metric_family *times = metrics_counter(metrics, "hookshift_unreadable_times_total",
                                                  "Messages that tell a time which cannot be read.", by_generation);
    for (int g = 0; g < GENERATIONS; g++) {
        counters->namesakes[g] = with_label(namesakes, generation_name((enum generation)g));
        counters->unreadable_times[g] = with_label(times, generation_name((enum generation)g));
    }
}

static void define_disk(struct counters *counters) {
    struct metrics *metrics = counters->metrics;
    counters->store_bytes = plain(
        metrics_gauge(metrics, "hookshift_store_bytes", "Size of the store's files; 0 where it is in memory.", NULL));
    counters->disk_free_bytes =
        plain(metrics_gauge(metrics, "hookshift_store_disk_free_bytes", "Room left on the store's file system.", NULL));
    counters->disk_bytes =
        plain(metrics_gauge(metrics, "hookshift_store_disk_bytes", "Size of the store's file system.", NULL));
}

static void define_unverified(struct counters *counters) {
    static const char *const by_reason[] = {"generation", "reason", NULL};
    struct metric_family *family =
        metrics_counter(counters->metrics, "hookshift_unverified_total",
                        "Messages that were not authenticated, by the check that failed; let in where verify.mode is "
                        "report.",
                        by_reason);
    for (int g = 0; g < GENERATIONS; g++)
        for (int f = 0; f < VERIFY_FAILURE_COUNT; f++)
            counters->unverified[g][f] =
                with_labels(family, generation_name((enum generation)g), verify_failure_name((enum verify_failure)f));
}

void counters_unverified(struct counters *counters, enum generation generation, enum verify_failure failure) {
    metric_add(counters->unverified[generation][failure], 1);
}

static void define_state(struct counters *counters) {
    static const char *const by_state[] = {"endpoint", "state", NULL};
    static const char *const by_endpoint[] = {"endpoint", NULL};
    struct metrics *metrics = counters->metrics;
    struct metric_family *states =
        metrics_gauge(metrics, "hookshift_messages_in_state", "Stored messages by state.", by_state);
    struct metric_family *pending = metrics_gauge(metrics, "hookshift_oldest_pending_seconds",
                                                  "Age of the oldest message that waits for delivery.", by_endpoint);
    struct metric_family *parked = metrics_gauge(
        metrics, "hookshift_oldest_parked_seconds",
        "Age of the oldest message that waits parked: its side is off, and no twin handled.", by_endpoint);
    struct metric_family *up =
        metrics_gauge(metrics, "hookshift_endpoint_up",
                      "1 while deliveries succeed; 0 while the endpoint is probed by one at a time.", by_endpoint);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        const char *endpoint = endpoint_name((enum endpoint)e);
        for (int s = 0; s < STATE_COUNT; s++)
            counters->in_state[e][s] = with_labels(states, endpoint, state_name((enum state)s));
        counters->oldest_pending[e] = with_label(pending, endpoint);
        counters->oldest_parked[e] = with_label(parked, endpoint);
        counters->up[e] = with_label(up, endpoint);
        metric_set(counters->up[e], 1);
    }
}

static void define_parity(struct counters *counters) {
    static const char *const by_side[] = {"type", "side", NULL};
    struct metrics *metrics = counters->metrics;
    counters->parity_ready =
        plain(metrics_gauge(metrics, "hookshift_parity_ready", "1 while `hookshift parity` says ready.", NULL));
    counters->unhandled_alerts = plain(
        metrics_gauge(metrics, "hookshift_unhandled_alerts",
                      "Alerts of the last day without an event for longer than the window, that nobody handled, while "
                      "legacy is off for some messages or all.",
                      NULL));
    counters->unpaired = metrics_gauge(metrics, "hookshift_unpaired",
                                       "Messages of the last day without a twin for longer than the window, by rule "
                                       "type and by the side that told of it alone.",
                                       by_side);
    counters->unpaired_series = MEM_ARRAY(counters->tables[GENERATION_RULE].count * GENERATIONS, struct metric *);
}

static void define_port(struct counters *counters) {
    static const char *const by_reason[] = {"reason", NULL};
    struct metrics *metrics = counters->metrics;
    counters->connections =
        plain(metrics_gauge(metrics, "hookshift_connections", "Connections that are open on the public port.", NULL));
    counters->addresses = plain(
        metrics_gauge(metrics, "hookshift_connected_addresses", "Addresses that those connections come from.", NULL));
    counters->memory =
        plain(metrics_gauge(metrics, "hookshift_memory_used_bytes",
                            "Of limits.memory: bodies under way and what waits for delivery in memory.", NULL));
    counters->probes = plain(metrics_counter(
        metrics, "hookshift_probes_total",
        "GET, HEAD and OPTIONS requests on the public port: load balancers that look whether it listens.", NULL));
    struct metric_family *refused = metrics_counter(metrics, "hookshift_connections_refused_total",
                                                    "Connections refused on the public port, by what had run out: "
                                                    "connections, those of one address, descriptors.",
                                                    by_reason);
    for (int r = 0; r < CROWD_REFUSALS; r++)
        counters->refused[r] = with_label(refused, crowd_refusal_name((enum crowd_refusal)r));
}

static void define_expired(struct counters *counters) {
    static const char *const labels[] = {"endpoint", "counterpart", NULL};
    struct metric_family *expired = metrics_counter(
        counters->metrics, "hookshift_expired_total",
        "Messages that waited parked in vain; counterpart: does the other generation have a type that tells the same?",
        labels);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int with = 0; with < 2; with++)
            counters->expired[e][with] =
                with_labels(expired, endpoint_name((enum endpoint)e), with == 1 ? "yes" : "none");
}

static void define_clock(struct counters *counters) {
    static const char *const by_direction[] = {"direction", NULL};
    struct metrics *metrics = counters->metrics;
    counters->clock_ahead = plain(metrics_gauge(
        metrics, "hookshift_clock_ahead_seconds",
        "By how much the wall clock jumped ahead and is not believed: nothing expires or is removed by it.", NULL));
    struct metric_family *jumps = metrics_counter(metrics, "hookshift_clock_jumps_total",
                                                  "Jumps of the wall clock, against the monotonic one.", by_direction);
    counters->clock_jumps[0] = with_label(jumps, "back");
    counters->clock_jumps[1] = with_label(jumps, "ahead");
}

static void refresh_log(void *arg) {
    metric_set(arg, (double)log_queue_dropped());
}

static void define_log(struct counters *counters) {
    struct metric *dropped = plain(
        metrics_counter(counters->metrics, "hookshift_log_dropped_total",
                        "Log lines that were lost, because standard error was read too slowly or not at all.", NULL));
    metrics_on_write(counters->metrics, refresh_log, dropped);
}

static void define_rest(struct counters *counters, const char *version) {
    static const double seconds[] = {.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1};
    static const char *const by_flag[] = {"flag", NULL};
    static const char *const by_result[] = {"result", NULL};
    static const char *const by_version[] = {"version", NULL};
    struct metrics *metrics = counters->metrics;
    static const char *const by_setting[] = {"setting", NULL};
    counters->certificates =
        metrics_gauge(metrics, "hookshift_certificate_expiry_seconds",
                      "Until the certificate ends (of several in a file: the first); negative: it has.", by_setting);
    counters->flag_enabled =
        metrics_gauge(metrics, "hookshift_flag_enabled", "What a flag answers where no targeting applies.", by_flag);
    struct metric_family *flag_errors =
        metrics_counter(metrics, "hookshift_flag_evaluation_errors_total",
                        "Evaluations of a flag that failed; the value of an unmigrated system was taken.", by_flag);
    for (int f = 0; f < CONSUMER_FLAG_COUNT; f++)
        counters->flag_errors[f] = with_label(flag_errors, consumer_flag_key((enum consumer_flag)f).at);
    struct metric_family *reloads = metrics_counter(metrics, "hookshift_flags_reloads_total",
                                                    "Times the flag file was read again, by result.", by_result);
    counters->reloads[0] = with_label(reloads, "failed");
    counters->reloads[1] = with_label(reloads, "ok");
    counters->last_reload = plain(metrics_gauge(metrics, "hookshift_flags_last_reload_success",
                                                "1 where the flag file was good when it was last read.", NULL));
    metric_set(counters->last_reload, 1);
    counters->commit_time = plain(metrics_histogram(metrics, "hookshift_store_commit_duration_seconds",
                                                    "How long the store took to make a group of messages durable.",
                                                    NULL, seconds, ARRAY_LEN(seconds)));
    counters->store_errors =
        plain(metrics_counter(metrics, "hookshift_store_errors_total", "Operations that the store failed.", NULL));
    metric_set(with_label(metrics_gauge(metrics, "hookshift_build_info", "Always 1; which version runs.", by_version),
                          version),
               1);
}

struct counters *counters_new(const struct catalog *catalog, const char *version) {
    struct counters *counters = MEM_NEW(struct counters);
    counters->metrics = metrics_new();
    counters->arena = arena_new(0);
    for (int g = 0; g < GENERATIONS; g++)
        fill_table(counters, catalog, (enum generation)g);
    counters->twin_series =
        mem_array(counters->tables[GENERATION_RULE].count * GENERATIONS, sizeof *counters->twin_series);
    counters->near_miss_series = mem_array(counters->tables[GENERATION_RULE].count, sizeof *counters->near_miss_series);
    define_flow(counters);
    define_oddities(counters);
    define_unverified(counters);
    define_state(counters);
    define_disk(counters);
    define_port(counters);
    define_parity(counters);
    define_log(counters);
    define_clock(counters);
    define_expired(counters);
    define_rest(counters, version);
    counters->process = process_new(counters->metrics);
    return counters;
}

void counters_free(struct counters *counters) {
    if (counters == NULL)
        return;
    for (int g = 0; g < GENERATIONS; g++)
        mem_free((void *)(uintptr_t)counters->tables[g].series);
    mem_free((void *)counters->unpaired_series);
    mem_free((void *)(uintptr_t)counters->twin_series);
    mem_free((void *)(uintptr_t)counters->near_miss_series);
    metrics_free(counters->metrics);
    process_free(counters->process);
    arena_free(counters->arena);
    mem_free(counters);
}

struct metrics *counters_registry(struct counters *counters) {
    return counters->metrics;
}

static size_t outcome_index(const char *outcome) {
    size_t index = 0;
    while (index + 1 < OUTCOMES && strcmp(outcomes[index], outcome) != 0)
        index++;
    return index;
}

/* The position of a label, or of "other". */
static size_t label_index(const struct label_table *table, struct str label) {
    const struct str other = STR("other");
    const struct str *found = bsearch(&label, table->labels, table->count, sizeof label, compare_labels);
    if (found == NULL)
        found = bsearch(&other, table->labels, table->count, sizeof other, compare_labels);
    return (size_t)(found - table->labels);
}

/* Adds one to the series in its place; to look for it by its values takes a lock. */
static void count_one(_Atomic(struct metric *) *place, struct metric_family *family, const struct str *values) {
    struct metric *metric = atomic_load_explicit(place, memory_order_acquire);
    if (metric == NULL) {
        metric = metric_series(family, values);
        atomic_store_explicit(place, metric, memory_order_release);
    }
    metric_add(metric, 1);
}

void counters_message(struct counters *counters, const struct message *message, const char *outcome) {
    struct label_table *table = &counters->tables[message->generation];
    size_t label = label_index(table, message->label);
    const struct str values[] = {str_of(generation_name(message->generation)), table->labels[label], str_of(outcome)};
    count_one(&table->series[label * OUTCOMES + outcome_index(outcome)], counters->messages, values);
}

void counters_rejected(struct counters *counters) {
    struct message unknown = {.generation = GENERATION_UNKNOWN, .label = STR("other")};
    counters_message(counters, &unknown, "rejected");
}

void counters_probe(struct counters *counters) {
    metric_add(counters->probes, 1);
}

void counters_received(struct counters *counters, int64_t duration_us) {
    metric_observe(counters->receive_time, (double)duration_us / 1e6);
}

void counters_delivery(struct counters *counters, enum endpoint endpoint, const struct httpc_answer *answer, bool ok) {
    metric_add(counters->deliveries[endpoint][ok ? 1 : 0], 1);
    metric_observe(counters->delivery_time[endpoint], (double)answer->duration_us / 1e6);
}

void counters_shadow(struct counters *counters, bool ok) {
    metric_add(counters->shadow[ok ? 1 : 0], 1);
}

void counters_commit(struct counters *counters, int64_t duration_us) {
    metric_observe(counters->commit_time, (double)duration_us / 1e6);
}

void counters_store_error(struct counters *counters) {
    metric_add(counters->store_errors, 1);
}

void counters_reload(struct counters *counters, bool ok) {
    metric_add(counters->reloads[ok ? 1 : 0], 1);
    metric_set(counters->last_reload, ok ? 1 : 0);
}

void counters_twin(struct counters *counters, struct str rule_type, enum generation first, int64_t skew_ms) {
    const struct label_table *table = &counters->tables[GENERATION_RULE];
    size_t label = label_index(table, rule_type);
    const struct str values[] = {table->labels[label], str_of(generation_name(first))};
    count_one(&counters->twin_series[label * GENERATIONS + first], counters->twins, values);
    metric_observe(counters->skew, (double)skew_ms / 1e3);
}

void counters_set_parity(struct counters *counters, bool is_ready, int64_t unhandled_alerts) {
    metric_set(counters->parity_ready, is_ready ? 1 : 0);
    metric_set(counters->unhandled_alerts, (double)unhandled_alerts);
    for (size_t i = 0; i < counters->tables[GENERATION_RULE].count * GENERATIONS; i++)
        if (counters->unpaired_series[i] != NULL)
            metric_set(counters->unpaired_series[i], 0);
}

void counters_set_unpaired(struct counters *counters, struct str rule_type, enum generation side, int64_t count) {
    const struct label_table *table = &counters->tables[GENERATION_RULE];
    size_t label = label_index(table, rule_type);
    const struct str values[] = {table->labels[label], str_of(generation_name(side))};
    struct metric **place = &counters->unpaired_series[label * GENERATIONS + side];
    if (*place == NULL)
        *place = metric_series(counters->unpaired, values);
    metric_set(*place, (double)count);
}

void counters_near_miss(struct counters *counters, struct str rule_type) {
    const struct label_table *table = &counters->tables[GENERATION_RULE];
    size_t label = label_index(table, rule_type);
    count_one(&counters->near_miss_series[label], counters->near_misses, &table->labels[label]);
}

void counters_identity_conflict(struct counters *counters, enum generation generation) {
    metric_add(counters->namesakes[generation], 1);
}

void counters_unreadable_time(struct counters *counters, enum generation generation) {
    metric_add(counters->unreadable_times[generation], 1);
}

static uint64_t sum_of(const struct counters *counters, enum generation generation, const char *outcome) {
    const struct label_table *table = &counters->tables[generation];
    uint64_t sum = 0;
    for (size_t i = outcome_index(outcome); i < table->count * OUTCOMES; i += OUTCOMES) {
        const struct metric *metric = atomic_load_explicit(&table->series[i], memory_order_acquire);
        sum += metric == NULL ? 0 : metric_count(metric);
    }
    return sum;
}

void counters_sum(const struct counters *counters, struct flow_totals *totals) {
    *totals = (struct flow_totals){0};
    for (int g = 0; g < GENERATIONS; g++) {
        enum generation generation = (enum generation)g;
        for (size_t o = 0; o < OUTCOMES; o++)
            totals->received[g] += sum_of(counters, generation, outcomes[o]);
        totals->suppressed += sum_of(counters, generation, "suppressed");
        totals->duplicates += sum_of(counters, generation, "duplicate");
        totals->waiting += sum_of(counters, generation, "parked") + sum_of(counters, generation, "held");
        totals->rejected += sum_of(counters, generation, "rejected");
    }
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        totals->failed[e] = metric_count(counters->deliveries[e][0]);
        totals->delivered[e] = metric_count(counters->deliveries[e][1]);
    }
}

void counters_set_state(struct counters *counters, enum endpoint endpoint, enum state state, uint64_t count) {
    metric_set(counters->in_state[endpoint][state], (double)count);
}

void counters_set_oldest(struct counters *counters, enum endpoint endpoint, double pending_s, double parked_s) {
    metric_set(counters->oldest_pending[endpoint], pending_s);
    metric_set(counters->oldest_parked[endpoint], parked_s);
}

void counters_set_certificate(struct counters *counters, const char *setting, double seconds_left) {
    metric_set(with_label(counters->certificates, setting), seconds_left);
}

void counters_set_up(struct counters *counters, enum endpoint endpoint, bool is_up) {
    metric_set(counters->up[endpoint], is_up ? 1 : 0);
}

void counters_set_flag(struct counters *counters, const char *flag, bool is_on) {
    metric_set(with_label(counters->flag_enabled, flag), is_on ? 1 : 0);
}

void counters_set_expired(struct counters *counters, const struct ledger_stats *stats) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int with = 0; with < 2; with++)
            metric_set(counters->expired[e][with], (double)stats->expired[e][with]);
}

void counters_set_clock(struct counters *counters, const struct store_clock *clock) {
    metric_set(counters->clock_ahead, (double)clock->ahead_ms / 1e3);
    metric_set(counters->clock_jumps[0], (double)clock->jumps_back);
    metric_set(counters->clock_jumps[1], (double)clock->jumps_ahead);
}

void counters_set_flag_errors(struct counters *counters, enum consumer_flag flag, uint64_t count) {
    metric_set(counters->flag_errors[flag], (double)count);
}

void counters_set_takeovers(struct counters *counters, uint64_t count) {
    metric_set(counters->takeovers, (double)count);
}

void counters_set_crowd(struct counters *counters, const struct crowd_counts *counts) {
    metric_set(counters->connections, (double)counts->connections);
    metric_set(counters->addresses, (double)counts->addresses);
    for (int r = 0; r < CROWD_REFUSALS; r++)
        metric_set(counters->refused[r], (double)counts->refused[r]);
}

void counters_set_disk(struct counters *counters, uint64_t store_bytes, uint64_t free_bytes, uint64_t disk_bytes) {
    metric_set(counters->store_bytes, (double)store_bytes);
    metric_set(counters->disk_free_bytes, (double)free_bytes);
    metric_set(counters->disk_bytes, (double)disk_bytes);
}

void counters_set_memory(struct counters *counters, size_t used) {
    metric_set(counters->memory, (double)used);
}

void counters_set_replays(struct counters *counters, uint64_t count) {
    metric_set(counters->replays, (double)count);
}
