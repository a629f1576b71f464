/* What machines ask: does it live, may it have traffic, how does it do? */
#include "common/clock.h"
#include "common/metrics.h"
#include "proxy/admin/call.h"
#include "proxy/store/store_disk.h"

enum { SILENT_MS = 10000 };

static void answer_line(struct admin_call *call, int status, const char *line) {
    answer_text(call->exchange, status, "text/plain; charset=utf-8", arena_printf(call->arena, "%s\n", line));
}

bool admin_is_alive(const struct admin *admin) {
    return pulse_find_silent(admin->pulse, SILENT_MS) < 0 && store_silent_ms(admin->service->store) <= SILENT_MS;
}

void admin_healthz(struct admin_call *call) {
    int silent = pulse_find_silent(call->admin->pulse, SILENT_MS);
    if (silent < 0 && admin_is_alive(call->admin))
        answer_line(call, 200, "ok");
    else if (silent < 0)
        answer_line(call, 503,
                    arena_printf(call->arena, "the store's thread has not turned for %d s", SILENT_MS / 1000).at);
    else
        answer_line(
            call, 503,
            arena_printf(call->arena, "the loop of worker %d has not turned for %d s", silent, SILENT_MS / 1000).at);
}

const char *admin_why_not_ready(struct admin *admin, struct arena *arena) {
    struct err_detail detail;
    if (atomic_load(&admin->service->stopping))
        return "stopping";
    if (!admin->listening)
        return "not listening yet";
    if (store_is_failing(admin->service->store, &detail))
        return arena_printf(arena, "the store cannot write: %s", detail.text).at;
    if (!admin_is_alive(admin))
        return "a worker or the store hangs";
    return NULL; /* there has been a good flag file since the start */
}

bool admin_is_ready(struct admin *admin) {
    struct arena *arena = arena_new(0);
    bool is_ready = admin_why_not_ready(admin, arena) == NULL;
    arena_free(arena);
    return is_ready;
}

void admin_readyz(struct admin_call *call) {
    const char *why = admin_why_not_ready(call->admin, call->arena);
    answer_line(call, why == NULL ? 200 : 503, why == NULL ? "ready" : why);
}

static double age_s(int64_t since_ms) {
    return since_ms == DUE_NEVER ? 0 : (double)(clock_wall_ms() - since_ms) / 1000;
}

static void refresh_certificate(struct counters *counters, const char *setting, int64_t expiry_ms) {
    if (expiry_ms != 0)
        counters_set_certificate(counters, setting, (double)(expiry_ms - clock_wall_ms()) / 1000);
}

static void refresh_certificates(const struct service *service) {
    static const char *const ca[] = {"endpoints.legacy.ca", "endpoints.new.ca"};
    static const char *const cert[] = {"endpoints.legacy.client_cert", "endpoints.new.client_cert"};
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        refresh_certificate(service->counters, ca[e], trust_ca_expiry_ms(service->trust[e]));
        refresh_certificate(service->counters, cert[e], trust_cert_expiry_ms(service->trust[e]));
    }
    refresh_certificate(service->counters, "listen.tls.cert", trust_cert_expiry_ms(service->identity));
}

/* What is counted elsewhere is brought in when somebody looks. */
static void refresh(const struct service *service) {
    struct ledger_counts counts;
    struct ledger_stats stats;
    struct crowd_counts crowd;
    store_count(service->store, &counts);
    store_stats(service->store, &stats);
    counters_set_takeovers(service->counters, stats.takeovers);
    struct store_disk disk;
    if (store_disk_read(service->settings->store_url, &disk))
        counters_set_disk(service->counters, disk.file_bytes + disk.log_bytes, disk.free_bytes, disk.disk_bytes);
    crowd_count(service->crowd, &crowd);
    counters_set_crowd(service->counters, &crowd);
    counters_set_memory(service->counters, atomic_load(&service->memory.used));
    counters_set_replays(service->counters, stats.replays);
    counters_set_expired(service->counters, &stats);
    struct store_clock clock;
    store_clock(service->store, &clock);
    counters_set_clock(service->counters, &clock);
    refresh_certificates(service);
    for (int f = 0; f < CONSUMER_FLAG_COUNT; f++)
        counters_set_flag_errors(service->counters, (enum consumer_flag)f,
                                 atomic_load(&service->flag_failures.of[f].count));
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        enum endpoint endpoint = (enum endpoint)e;
        counters_set_oldest(service->counters, endpoint, age_s(store_oldest_pending(service->store, endpoint)),
                            age_s(store_oldest_parked(service->store, endpoint)));
        counters_set_up(service->counters, endpoint, origins_are_up(&service->origins[e]));
        for (int s = 0; s < STATE_COUNT; s++)
            counters_set_state(service->counters, endpoint, (enum state)s, counts.in_state[e][s]);
    }
}

void admin_flow(struct admin_call *call) {
    if (str_eq(call->request->method, STR("HEAD")))
        answer_text(call->exchange, 200, "text/event-stream", STR(""));
    else if (!live_listen(call->admin->live, call->exchange))
        answer_problem(call->exchange, 503, "too many listen to the flow already");
}

void admin_metrics(struct admin_call *call) {
    struct strbuf text = {0};
    refresh(call->admin->service);
    metrics_write(counters_registry(call->admin->service->counters), &text);
    answer_text(call->exchange, 200, "text/plain; version=0.0.4; charset=utf-8", strbuf_str(&text));
    strbuf_clear(&text);
}
