#include "proxy/app/setup.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/process.h"
#include "common/random.h"
#include "proxy/app/certificates.h"
#include "proxy/app/catalogue.h"
#include "proxy/app/keys.h"
#include "proxy/app/type_names.h"

#include <unistd.h>

enum { DESCRIPTORS_BESIDES = 100 };

/* More connections than descriptors are not an error: they are refused one by one when it comes to that. */
static void provide_descriptors(const struct settings *settings) {
    uint64_t limit = process_raise_descriptors(), wanted = (uint64_t)settings->connection_limit + DESCRIPTORS_BESIDES;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        wanted += (uint64_t)settings->endpoints[e].concurrency;
    if (wanted > limit)
        LOG(LOG_WARN, "fewer descriptors than limits.connections and concurrency ask for: raise the limit (ulimit -n)",
            LOG_INT("limit", limit), LOG_INT("wanted", wanted));
}

static void make_mark(struct service *service) {
    unsigned char random[(sizeof service->mark - 1) / 2];
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        service->mark[2 * i] = "0123456789abcdef"[random[i] >> 4];
        service->mark[2 * i + 1] = "0123456789abcdef"[random[i] & 15];
    }
}

static void warn_of_ignored(const struct settings *settings, const struct catalog *catalog, struct arena *arena) {
    struct strbuf lines = {0};
    struct str rest, line;
    (void)!type_names_check_ignored(settings, catalog, arena, &lines);
    rest = strbuf_str(&lines);
    while (str_next(&rest, '\n', &line))
        if (line.len > 0)
            LOG(LOG_WARN, "setting has no effect", LOG_STR("problem", line));
    strbuf_clear(&lines);
}

static void read_trusted(struct service *service) {
    const struct opt_list *list = &service->settings->trusted_proxies;
    service->trusted = MEM_ARRAY(list->count, struct netaddr_range);
    for (size_t i = 0; i < list->count; i++) /* each was checked with the settings */
        service->trusted_count +=
            netaddr_range_parse(list->items[i], &service->trusted[service->trusted_count]) ? 1 : 0;
}

enum err setup_service(struct settings *settings, struct arena *arena, struct service *service,
                       struct strbuf *problems) {
    service->settings = settings;
    service->started_ms = clock_wall_ms();
    make_mark(service);
    struct catalog *catalog = NULL;
    enum err err = catalogue_open(settings->catalogue, &catalog, problems);
    service->catalog = catalog;
    if (err == ERR_NONE)
        err = type_names_settle(settings, service->catalog, arena, problems);
    if (err == ERR_NONE)
        warn_of_ignored(settings, service->catalog, arena);
    if (err == ERR_NONE)
        err = keys_read(service, problems);
    for (int e = 0; e < ENDPOINT_COUNT && err == ERR_NONE; e++)
        origins_init(&service->origins[e], &settings->endpoints[e], settings->retry_schedule.ms[0]);
    if (err == ERR_NONE)
        err = certificates_first(service, problems);
    if (err != ERR_NONE)
        return err;
    service->counters = counters_new(service->catalog, HOOKSHIFT_VERSION);
    provide_descriptors(settings);
    service->memory.most = settings->memory_limit;
    read_trusted(service);
    service->crowd = crowd_new((size_t)settings->connection_limit, (size_t)settings->address_connection_limit);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    service->worker_count = settings->workers > 0 ? (size_t)settings->workers : cores > 0 ? (size_t)cores : 1;
    service->workers = MEM_ARRAY(service->worker_count, struct worker *);
    return ERR_NONE;
}

void setup_clear(struct service *service) {
    keys_clear(service);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        origins_clear(&service->origins[e]);
    counters_free(service->counters);
    crowd_free(service->crowd);
    certificates_clear(service);
    catalog_free((struct catalog *)(uintptr_t)service->catalog); /* made by catalogue_open() */
    mem_free((void *)service->workers);
    mem_free(service->trusted);
}

static enum prefer prefer_of(void *arg, struct str counterpart) {
    const struct service *service = arg;
    return settings_prefer(service->settings, counterpart);
}

/* Spreads retries; quality of the numbers is of no account, but they must differ between processes. */
static double jitter(void *arg) {
    (void)arg;
    uint32_t random;
    random_bytes(&random, sizeof random);
    return (double)random / (double)UINT32_MAX * 2 - 1;
}

struct ledger_policy setup_policy(const struct service *service) {
    const struct settings *settings = service->settings;
    return (struct ledger_policy){
        .window_ms = settings->pairing_window_ms,
        .hold_ms = settings->pairing_hold_ms,
        .park_for_ms = settings->pairing_park_for_ms,
        .retention_ms = settings->store_retention_ms,
        .body_retention_ms = settings->store_body_retention_ms,
        .retry_ms = settings->retry_schedule.ms,
        .retry_count = settings->retry_schedule.count,
        .trim = settings->pairing_partial == PARTIAL_TRIM && service->signing[ENDPOINT_NEW].count > 0,
        .distrusts_unverified = settings->pairing_unverified == UNVERIFIED_NEVER,
        .backlog_max = (size_t)settings->backlog_limit,
        .catalogue = catalog_digest(service->catalog),
        .prefer = prefer_of,
        .jitter = jitter,
        .arg = (void *)(uintptr_t)service,
    };
}
