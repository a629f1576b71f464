/* What is looked at, each since the step began: the endpoint is up; of the attempts few fail; no message dies; of the
 * alerts few are without their event. The verdict itself is no guard: while some companies have legacy alone it says,
 * as it must, that legacy may not go. */
#include "proxy/app/ramp_guard.h"

#include "common/clock.h"
#include "common/json.h"

enum { UNSEEN_MAX_S = 60 /* a restart takes less */ };

struct counts {
    bool is_up;
    uint64_t delivered, failed, dead;
};

/* hookshift_deliveries_total{endpoint="new",result="delivered"} 12 */
static uint64_t metric_of(struct str metrics, const char *series) {
    struct str line;
    while (str_next(&metrics, '\n', &line)) {
        double value;
        if (str_starts_with(line, str_of(series)) && str_to_double(str_from(line, strlen(series)), &value))
            return (uint64_t)value;
    }
    return 0;
}

static uint64_t number_of(const struct json *object, const char *key) {
    uint64_t number = 0;
    const struct json *value = object == NULL ? NULL : json_get(object, str_of(key));
    return value != NULL && str_to_u64(value->text, &number) ? number : 0;
}

static const struct json *endpoint_of(const struct json *status) {
    const struct json *endpoints = json_get(status, STR("endpoints"));
    return endpoints == NULL ? NULL : json_get(endpoints, STR("new"));
}

static enum err read_counts(const struct admin_client *client, struct counts *counts, struct err_detail *detail) {
    struct str text, metrics;
    const struct json *status;
    enum err err = admin_client_json(client, "GET", STR("/api/status"), &text, &status, detail);
    if (err == ERR_NONE)
        err = admin_client_ask(client, "GET", STR("/metrics"), &metrics, detail);
    if (err != ERR_NONE)
        return err;
    const struct json *endpoint = endpoint_of(status);
    if (endpoint == NULL)
        return err_set(detail, ERR_IO, "the answer tells of no endpoint; is it the admin port of hookshift?");
    counts->is_up = json_is_true(json_get(endpoint, STR("up")));
    counts->dead = number_of(json_get(endpoint, STR("messages")), "dead");
    counts->delivered = metric_of(metrics, "hookshift_deliveries_total{endpoint=\"new\",result=\"delivered\"} ");
    counts->failed = metric_of(metrics, "hookshift_deliveries_total{endpoint=\"new\",result=\"failed\"} ");
    return ERR_NONE;
}

static struct admin_client with_arena(const struct ramp_guard *guard, struct arena *arena) {
    struct admin_client client = *guard->client;
    client.arena = arena;
    return client;
}

enum err ramp_guard_begin(struct ramp_guard *guard, struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct admin_client client = with_arena(guard, arena);
    struct counts now = {0};
    enum err err = read_counts(&client, &now, detail);
    arena_free(arena);
    if (err != ERR_NONE)
        return err;
    guard->since_ms = clock_wall_ms();
    guard->delivered = now.delivered;
    guard->failed = now.failed;
    guard->dead = now.dead;
    guard->unseen_since_us = 0;
    return ERR_NONE;
}

static enum err weigh_counts(struct ramp_guard *guard, const struct counts *now, struct err_detail *detail) {
    if (now->delivered < guard->delivered || now->failed < guard->failed)
        guard->delivered = guard->failed = 0; /* the proxy was started anew, and counts from 0 */
    uint64_t failed = now->failed - guard->failed, attempts = failed + now->delivered - guard->delivered;
    if (now->dead > guard->dead)
        return err_set(detail, ERR_DENIED, "%llu messages for new have died",
                       (unsigned long long)(now->dead - guard->dead));
    if (failed > 0 && (double)failed > guard->max_errors * (double)attempts)
        return err_set(detail, ERR_DENIED, "%llu of %llu attempts at new have failed", (unsigned long long)failed,
                       (unsigned long long)attempts);
    if (!now->is_up)
        return err_set(detail, ERR_DENIED, "the new consumer is down");
    if (now->dead < guard->dead)
        guard->dead = now->dead; /* some were replayed */
    return ERR_NONE;
}

/* Alerts that have waited for their event for longer than the window, of all types together. */
static enum err weigh_parity(const struct ramp_guard *guard, const struct admin_client *client,
                             struct err_detail *detail) {
    struct str text;
    const struct json *root;
    struct str path = arena_printf(client->arena, "/api/parity?since=" STR_FMT,
                                   STR_ARG(clock_format_rfc3339(client->arena, guard->since_ms)));
    enum err err = admin_client_json(client, "GET", path, &text, &root, detail);
    if (err != ERR_NONE)
        return err;
    const struct json *all = json_get(root, STR("all"));
    uint64_t alone = number_of(all, "rule_only"), told = alone + number_of(all, "paired");
    if (alone > 0 && (double)alone > guard->max_errors * (double)told)
        return err_set(detail, ERR_DENIED, "%llu of %llu alerts had no event", (unsigned long long)alone,
                       (unsigned long long)told);
    return ERR_NONE;
}

/* Without an answer nobody knows whether all is well. */
static enum err note_unseen(struct ramp_guard *guard, struct err_detail *detail) {
    int64_t now_us = clock_mono_us();
    if (guard->unseen_since_us == 0)
        guard->unseen_since_us = now_us;
    if (now_us - guard->unseen_since_us < (int64_t)UNSEEN_MAX_S * 1000000)
        return ERR_NONE;
    err_prefix(detail, "the proxy has not answered for %d s", UNSEEN_MAX_S);
    return ERR_DENIED;
}

enum err ramp_guard_look(struct ramp_guard *guard, struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct admin_client client = with_arena(guard, arena);
    struct counts now = {0};
    enum err err = read_counts(&client, &now, detail);
    bool seen = err == ERR_NONE;
    if (err == ERR_NONE)
        err = weigh_counts(guard, &now, detail);
    if (err == ERR_NONE) {
        err = weigh_parity(guard, &client, detail);
        seen = err == ERR_NONE || err == ERR_DENIED;
    }
    if (seen)
        guard->unseen_since_us = 0;
    else
        err = note_unseen(guard, detail);
    arena_free(arena);
    return err;
}
