/* How the proxy stands: its endpoints, its store, its flags. */
#include "proxy/admin/call.h"

#include "common/clock.h"
#include "common/json.h"
#include "proxy/admin/stage.h"
#include "proxy/model/settings_warnings.h"
#include "proxy/store/store_disk.h"

enum { FLOW_SECONDS = 60 };

static void member_str(struct json_writer *json, const char *key, struct str value) {
    json_key(json, key);
    json_str(json, value);
}

static void member_int(struct json_writer *json, const char *key, int64_t value) {
    json_key(json, key);
    json_int(json, value);
}

static void member_bool(struct json_writer *json, const char *key, bool value) {
    json_key(json, key);
    json_bool(json, value);
}

/* Scheme and host of a URL: path and query may be secret, and a user name is refused with the settings. */
static struct str site_of(struct arena *arena, struct str url) {
    ptrdiff_t slashes = str_find(url, STR("://"));
    if (slashes < 0)
        return STR("");
    struct str scheme = str_slice(url.at, (size_t)slashes), host = str_from(url, (size_t)slashes + 3);
    size_t len = 0;
    while (len < host.len && strchr("/?#", host.at[len]) == NULL)
        len++;
    host.len = len;
    return arena_printf(arena, STR_FMT "://" STR_FMT, STR_ARG(scheme), STR_ARG(host));
}

/* Where routes lead to several hosts, each by itself. */
static void write_origins(struct json_writer *json, const struct origins *origins) {
    json_key(json, "origins");
    json_array_begin(json);
    for (size_t i = 0; i < origins->count; i++) {
        const struct health *health = &origins->items[i].health;
        json_object_begin(json);
        member_str(json, "site", origins->items[i].text);
        member_bool(json, "up", health_is_up(health));
        member_int(json, "in_flight", atomic_load(&health->in_flight));
        json_object_end(json);
    }
    json_array_end(json);
}

static void write_endpoint(struct json_writer *json, struct admin_call *call, enum endpoint endpoint,
                           const struct ledger_counts *counts) {
    struct service *service = call->admin->service;
    const struct origins *origins = &service->origins[endpoint];
    json_key(json, endpoint_name(endpoint));
    json_object_begin(json);
    member_str(json, "site", site_of(call->arena, service->settings->endpoints[endpoint].url));
    member_bool(json, "up", origins_are_up(origins));
    member_int(json, "in_flight", origins_in_flight(origins));
    member_int(json, "concurrency", service->settings->endpoints[endpoint].concurrency);
    if (origins->count > 1)
        write_origins(json, origins);
    int64_t oldest_ms = store_oldest_pending(service->store, endpoint);
    if (oldest_ms != DUE_NEVER)
        member_int(json, "oldest_pending_seconds", (clock_wall_ms() - oldest_ms) / 1000);
    int64_t parked_ms = store_oldest_parked(service->store, endpoint);
    if (parked_ms != DUE_NEVER)
        member_int(json, "oldest_parked_seconds", (clock_wall_ms() - parked_ms) / 1000);
    int64_t due_ms = store_next_due(service->store, endpoint);
    if (due_ms != DUE_NEVER)
        member_str(json, "next_due", clock_format_rfc3339(call->arena, due_ms));
    json_key(json, "messages");
    json_object_begin(json);
    for (int s = 0; s < STATE_COUNT; s++)
        member_int(json, state_name((enum state)s), (int64_t)counts->in_state[endpoint][s]);
    json_object_end(json);
    json_object_end(json);
}

static void write_disk(struct json_writer *json, struct str url) {
    struct store_disk disk;
    if (!store_disk_read(url, &disk))
        return;
    member_str(json, "path", disk.path);
    member_int(json, "file_bytes", (int64_t)disk.file_bytes);
    member_int(json, "log_bytes", (int64_t)disk.log_bytes);
    member_int(json, "disk_free_bytes", (int64_t)disk.free_bytes);
    member_int(json, "disk_bytes", (int64_t)disk.disk_bytes);
}

static void write_store(struct json_writer *json, struct store *store, struct str url) {
    struct err_detail detail;
    struct ledger_stats stats;
    bool failing = store_is_failing(store, &detail);
    store_stats(store, &stats);
    json_key(json, "store");
    json_object_begin(json);
    member_bool(json, "failing", failing);
    if (failing)
        member_str(json, "error", str_of(detail.text));
    member_int(json, "twins", (int64_t)stats.twins);
    member_int(json, "takeovers", (int64_t)stats.takeovers);
    member_int(json, "replays", (int64_t)stats.replays);
    write_disk(json, url);
    json_object_end(json);
}

static void write_stage(struct json_writer *json, struct admin_call *call) {
    struct snapshot *snapshot = snapshot_slot_get(call->admin->service->snapshots);
    struct stage stage = stage_of(snapshot->flags, call->arena);
    snapshot_release(snapshot);
    member_str(json, "stage", str_of(stage.name));
    member_str(json, "stage_text", str_of(stage.text));
}

/* As check and the start tell them. */
static void write_warnings(struct json_writer *json, const struct settings *settings) {
    struct strbuf lines = {0};
    settings_warnings(settings, &lines);
    struct str line, rest = strbuf_str(&lines);
    json_key(json, "warnings");
    json_array_begin(json);
    while (str_next(&rest, '\n', &line))
        if (line.len > 0)
            json_str(json, line);
    json_array_end(json);
    strbuf_clear(&lines);
}

void admin_status(struct admin_call *call) {
    struct service *service = call->admin->service;
    const char *why = admin_why_not_ready(call->admin, call->arena);
    struct ledger_counts counts;
    struct strbuf text = {0};
    struct json_writer json;
    store_count(service->store, &counts);
    json_begin(&json, &text);
    json_object_begin(&json);
    member_str(&json, "version", STR(HOOKSHIFT_VERSION));
    member_str(&json, "now", clock_format_rfc3339(call->arena, clock_wall_ms()));
    member_str(&json, "started", clock_format_rfc3339(call->arena, service->started_ms));
    member_bool(&json, "ready", why == NULL);
    if (why != NULL)
        member_str(&json, "not_ready_because", str_of(why));
    write_stage(&json, call);
    member_bool(&json, "stopping", atomic_load(&service->stopping));
    member_int(&json, "workers", (int64_t)service->worker_count);
    json_key(&json, "flow");
    live_write_recent(call->admin->live, FLOW_SECONDS, &json);
    json_key(&json, "endpoints");
    json_object_begin(&json);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        write_endpoint(&json, call, (enum endpoint)e, &counts);
    json_object_end(&json);
    write_store(&json, service->store, service->settings->store_url);
    write_warnings(&json, service->settings);
    json_object_end(&json);
    answer_json(call->exchange, 200, &text);
}

/* Evaluations that failed since the start; nothing where none did. */
static void write_failures(struct json_writer *json, struct arena *arena, const struct flag_failures *failures,
                           enum consumer_flag flag) {
    uint64_t count = atomic_load(&failures->of[flag].count);
    if (count == 0)
        return;
    json_key(json, "evaluation_errors");
    json_object_begin(json);
    member_int(json, "count", (int64_t)count);
    member_str(json, "last_at", clock_format_rfc3339(arena, atomic_load(&failures->of[flag].last_ms)));
    member_str(json, "last", str_of(flag_error_name((enum flag_error)atomic_load(&failures->of[flag].last))));
    json_object_end(json);
}

/* What a flag says about a message of which nothing is known; with targeting, single messages may fare otherwise. */
static void write_consumer(struct json_writer *json, struct arena *arena, const struct snapshot *snapshot,
                           enum consumer_flag flag) {
    const struct flags *flags = snapshot->flags;
    const struct flag_context nobody = {.targeting_key = STR("")};
    struct flag_decision decision = flags_consumer(flags, flag, &nobody, clock_wall_ms() / 1000, arena);
    json_object_begin(json);
    member_str(json, "name", consumer_flag_key(flag));
    member_bool(json, "on", decision.on);
    if (decision.variant.at != NULL)
        member_str(json, "variant", decision.variant);
    member_str(json, "reason", str_of(flag_reason_name(decision.reason)));
    if (decision.error != FLAG_ERROR_NONE)
        member_str(json, "error", str_of(flag_error_name(decision.error)));
    member_bool(json, "targeted", flags_consumer_is_targeted(flags, flag));
    if (snapshot->failures != NULL)
        write_failures(json, arena, snapshot->failures, flag);
    json_object_end(json);
}

static void write_reload(struct json_writer *json, struct admin_call *call) {
    const struct admin *admin = call->admin;
    if (admin->reloaded_ms == 0)
        return;
    json_key(json, "last_reload");
    json_object_begin(json);
    member_str(json, "at", clock_format_rfc3339(call->arena, admin->reloaded_ms));
    member_bool(json, "ok", admin->reload_trouble.text[0] == '\0');
    if (admin->reload_trouble.text[0] != '\0')
        member_str(json, "error", str_of(admin->reload_trouble.text));
    json_object_end(json);
}

void admin_flags(struct admin_call *call) {
    struct service *service = call->admin->service;
    struct snapshot *snapshot = snapshot_slot_get(service->snapshots);
    struct strbuf text = {0};
    struct json_writer json;
    json_begin(&json, &text);
    json_object_begin(&json);
    member_str(&json, "file", service->settings->flags_path);
    member_int(&json, "number", (int64_t)snapshot->number);
    member_str(&json, "loaded", clock_format_rfc3339(call->arena, snapshot->loaded_ms));
    write_reload(&json, call);
    json_key(&json, "flags");
    json_array_begin(&json);
    for (int f = 0; f < CONSUMER_FLAG_COUNT; f++)
        write_consumer(&json, call->arena, snapshot, (enum consumer_flag)f);
    json_array_end(&json);
    json_object_end(&json);
    snapshot_release(snapshot);
    answer_json(call->exchange, 200, &text);
}
