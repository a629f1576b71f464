#include "proxy/app/setup.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/process.h"
#include "common/random.h"
#include "proxy/app/certificates.h"
#include "proxy/app/type_names.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/translate_check.h"

#include <unistd.h>

enum { CATALOGUE_MAX = 4 * 1024 * 1024, DESCRIPTORS_BESIDES = 100 };

static enum err read_catalog(struct service *service, struct strbuf *problems) {
    struct str path = service->settings->catalogue_path, text;
    struct err_detail detail;
    struct catalog *catalog;
    if (path.len == 0) {
        service->catalog = catalog_builtin();
        return ERR_NONE;
    }
    struct arena *arena = arena_new(0);
    enum err err = file_read(arena, path.at, CATALOGUE_MAX, &text, &detail);
    if (err != ERR_NONE)
        strbuf_printf(problems, "catalogue: cannot read " STR_FMT ": %s\n", STR_ARG(path), detail.text);
    else if ((err = catalog_load(text, path.at, &catalog, problems)) == ERR_NONE) {
        service->catalog = catalog;
        if (translate_check(catalog, text, path.at, problems) > 0)
            err = ERR_INVALID;
    }
    arena_free(arena);
    return err;
}

static enum err read_keys(const struct opt_list *secrets, const char *setting, struct key_ring *ring,
                          struct strbuf *problems) {
    struct err_detail detail;
    ring->keys = MEM_ARRAY(secrets->count, struct signature_key *);
    for (size_t i = 0; i < secrets->count; i++) {
        enum err err = signature_key_new(secrets->items[i], &ring->keys[ring->count], &detail);
        if (err != ERR_NONE) {
            strbuf_printf(problems, "%s, secret %zu: %s\n", setting, i + 1, detail.text);
            return err;
        }
        ring->count++;
    }
    return ERR_NONE;
}

static void clear_keys(struct key_ring *ring) {
    for (size_t i = 0; i < ring->count; i++)
        signature_key_free(ring->keys[i]);
    mem_free((void *)ring->keys);
    *ring = (struct key_ring){0};
}

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

enum err setup_service(struct settings *settings, struct arena *arena, struct service *service,
                       struct strbuf *problems) {
    static const char *const secrets[] = {"endpoints.legacy.secrets", "endpoints.new.secrets"};
    service->settings = settings;
    service->started_ms = clock_wall_ms();
    make_mark(service);
    enum err err = read_catalog(service, problems);
    if (err == ERR_NONE)
        err = type_names_settle(settings, service->catalog, arena, problems);
    if (err == ERR_NONE)
        warn_of_ignored(settings, service->catalog, arena);
    if (err == ERR_NONE)
        err = read_keys(&settings->verify_event_secrets, "verify.event_secrets", &service->verify_event, problems);
    if (err == ERR_NONE)
        err = read_keys(&settings->verify_rule_secrets, "verify.rule_secrets", &service->verify_rule, problems);
    for (int e = 0; e < ENDPOINT_COUNT && err == ERR_NONE; e++) {
        err = read_keys(&settings->endpoints[e].secrets, secrets[e], &service->signing[e], problems);
        origins_init(&service->origins[e], &settings->endpoints[e], settings->retry_schedule.ms[0]);
    }
    if (err == ERR_NONE)
        err = certificates_first(service, problems);
    if (err != ERR_NONE)
        return err;
    service->counters = counters_new(service->catalog, HOOKSHIFT_VERSION);
    provide_descriptors(settings);
    service->crowd = crowd_new((size_t)settings->connection_limit, (size_t)settings->address_connection_limit);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    service->worker_count = settings->workers > 0 ? (size_t)settings->workers : cores > 0 ? (size_t)cores : 1;
    service->workers = MEM_ARRAY(service->worker_count, struct worker *);
    return ERR_NONE;
}

void setup_clear(struct service *service) {
    clear_keys(&service->verify_event);
    clear_keys(&service->verify_rule);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        clear_keys(&service->signing[e]);
        origins_clear(&service->origins[e]);
    }
    counters_free(service->counters);
    crowd_free(service->crowd);
    certificates_clear(service);
    catalog_free((struct catalog *)(uintptr_t)service->catalog); /* made by read_catalog() */
    mem_free((void *)service->workers);
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
        .backlog_max = (size_t)settings->backlog_limit,
        .catalogue = catalog_digest(service->catalog),
        .prefer = prefer_of,
        .jitter = jitter,
        .arg = (void *)(uintptr_t)service,
    };
}
