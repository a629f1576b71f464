/* Threads and who owns what:
 *
 *   main       admin port, signals, flag file          loop made here
 *   worker-N   public port, deliveries                 crew
 *   certificates  reads and watches them, where there are any  certificates.c
 *   store      ledger and database                     store.c
 *   flags      reads the flag file, and settings       flag_reader.c
 *   log        writes the log                          log_queue.c
 *
 * The way down, after SIGTERM:
 *
 *   not ready ──SETTLE_MS──► no new connections, what is in is answered ──nothing busy, or drain_time──►
 *   attempts that are left are interrupted ──► workers stop ──► store writes what it has ──► exit 0
 */
#include "proxy/app/serve.h"

#include "common/clock.h"
#include "common/crew.h"
#include "common/file.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/log_queue.h"
#include "common/loop_signal.h"
#include "common/mem.h"
#include "proxy/admin/admin.h"
#include "proxy/app/certificates.h"
#include "proxy/app/cli.h"
#include "proxy/app/reload.h"
#include "proxy/app/setup.h"
#include "proxy/app/supervise.h"
#include "proxy/flow/outbox.h"
#include "proxy/flow/worker.h"
#include "proxy/model/settings_warnings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { SETTLE_MS = 500, POLL_MS = 20, INTERRUPT_MS = 5000, TIDY_MS = 1000 };

enum phase { RUNNING, SETTLING, DRAINING, INTERRUPTING };

struct serve {
    struct service service;
    struct loop *loop;
    struct crew *crew;
    struct reload *reload;
    struct certificates *certificates;
    struct admin *admin;
    struct supervise *supervise;
    struct settings_watch *settings_watch; /* the caller's */
    struct loop_signal *on_term, *on_int, *on_hup;
    struct loop_timer *timer, *tidy_timer;
    enum phase phase;
    int64_t phase_ends_us;
    _Atomic size_t busy, answered; /* by the workers, while draining */
    size_t asked;
    _Atomic uint32_t next_worker;
    _Atomic bool started; /* all workers are there */
};

/* A worker is told something by a post to its loop. */
struct order {
    struct serve *serve;
    struct worker *worker;
    void (*act)(struct worker *worker);
};

static void carry_out(void *arg) {
    struct order *order = arg;
    if (order->act != NULL)
        order->act(order->worker);
    atomic_fetch_add(&order->serve->busy, worker_busy(order->worker));
    atomic_fetch_add(&order->serve->answered, 1);
    mem_free(order);
}

/* Asks all workers to act, and how busy they are; go_down() sees when all have answered. */
static void tell_workers(struct serve *serve, void (*act)(struct worker *worker)) {
    struct service *service = &serve->service;
    serve->asked += service->worker_count;
    for (size_t i = 0; i < service->worker_count; i++) {
        struct order *order = MEM_NEW(struct order);
        *order = (struct order){serve, service->workers[i], act};
        loop_post(service->workers[i]->loop, carry_out, order);
    }
}

static void enter(struct serve *serve, enum phase phase, int64_t lasts_ms) {
    serve->phase = phase;
    serve->phase_ends_us = clock_mono_us() + lasts_ms * 1000;
    loop_timer_set(serve->timer, POLL_MS);
}

/* The next step of going down, each time the timer rings. */
static void go_down(void *arg) {
    struct serve *serve = arg;
    bool time_is_over = clock_mono_us() >= serve->phase_ends_us;
    bool all_answered = atomic_load(&serve->answered) == serve->asked;
    bool idle = all_answered && atomic_exchange(&serve->busy, 0) == 0;
    if (serve->phase == SETTLING && time_is_over) {
        atomic_store(&serve->service.draining, true);
        enter(serve, DRAINING, serve->service.settings->drain_time_ms);
        tell_workers(serve, worker_drain);
    } else if (serve->phase == DRAINING && !idle && time_is_over) {
        LOG(LOG_WARN, "drain_time is over, attempts under way are interrupted");
        enter(serve, INTERRUPTING, INTERRUPT_MS);
        tell_workers(serve, worker_interrupt);
    } else if (serve->phase > SETTLING && (idle || time_is_over)) {
        loop_stop(serve->loop);
    } else {
        if (serve->phase > SETTLING && all_answered)
            tell_workers(serve, NULL);
        loop_timer_set(serve->timer, POLL_MS);
    }
}

static void tidy_up(void *arg) {
    struct serve *serve = arg;
    if (!crowd_tidy(serve->service.crowd))
        (void)budget_tidy(&serve->service.memory);
    loop_timer_set(serve->tidy_timer, TIDY_MS);
}

static void on_stop(void *arg) {
    struct serve *serve = arg;
    if (serve->phase != RUNNING)
        return;
    LOG(LOG_INFO, "stopping");
    supervise_stops(serve->supervise);
    atomic_store(&serve->service.stopping, true);
    tell_workers(serve, worker_announce_end);
    enter(serve, SETTLING, serve->service.settings->drain_time_ms < SETTLE_MS ? 0 : SETTLE_MS);
}

static void on_hangup(void *arg) {
    struct serve *serve = arg;
    LOG(LOG_INFO, "reload was asked for (SIGHUP)");
    supervise_reload_begins(serve->supervise);
    certificates_ask(serve->certificates);
    reload_now(serve->reload);
}

static void on_reloaded(void *arg, const struct err_detail *detail, bool is_asked) {
    struct serve *serve = arg;
    admin_note_reload(serve->admin, detail);
    if (is_asked)
        supervise_reload_ends(serve->supervise);
}

/* On the reader's thread. */
static void on_reload_asked(void *arg) {
    struct serve *serve = arg;
    settings_watch_report(serve->settings_watch);
}

static void kick_outbox(void *arg) {
    outbox_kick(arg);
}

/* Something is due; on whatever thread runs the store. One worker after the other is told. */
static void on_ready(void *arg, enum endpoint endpoint) {
    struct serve *serve = arg;
    struct service *service = &serve->service;
    if (!atomic_load(&serve->started))
        return; /* start() tells all of them */
    uint32_t next = atomic_fetch_add(&serve->next_worker, 1) % (uint32_t)service->worker_count;
    loop_post(service->workers[next]->loop, kick_outbox, service->workers[next]->outbox[endpoint]);
}

static void on_committed(void *arg, int64_t duration_us, size_t jobs, enum err err) {
    struct serve *serve = arg;
    (void)jobs;
    counters_commit(serve->service.counters, duration_us);
    if (err != ERR_NONE)
        counters_store_error(serve->service.counters);
}

static void release_snapshot(void *flags) {
    snapshot_release(flags);
}

/* A container that is made anew, or a machine that starts again, would begin with an empty store. */
static void warn_if_store_forgets(struct str url) {
    if (!str_starts_with(url, STR("sqlite:")))
        return; /* "memory:" says it itself */
    struct str path = str_from(url, strlen("sqlite:"));
    const char *kind = file_system_that_forgets(path.at);
    if (kind != NULL)
        LOG(LOG_WARN,
            "the store is lost when this container or machine goes: mount a volume there, or name a lasting place in "
            "store.url",
            LOG_STR("store", path), LOG_TEXTZ("file_system", kind));
}

static enum err open_store(struct serve *serve, struct err_detail *detail) {
    struct service *service = &serve->service;
    struct ledger_policy policy = setup_policy(service);
    struct store_options options = {
        .url = service->settings->store_url.at,
        .sync = service->settings->store_sync,
        .policy = &policy,
        .flag = snapshot_consumer_on,
        .flags = snapshot_slot_get(service->snapshots),
        .release = release_snapshot,
        .hooks = {.ready = on_ready, .committed = on_committed, .arg = serve},
    };
    enum err err = store_open(&options, &service->store, detail);
    if (err != ERR_NONE)
        snapshot_release(options.flags); /* still ours */
    else
        warn_if_store_forgets(service->settings->store_url);
    return err;
}

/* The first worker finds the port where the setting says 0; the others share it. */
static enum err make_workers(struct serve *serve, struct err_detail *detail) {
    struct service *service = &serve->service;
    const char *listen = service->settings->listen.at;
    enum err free_to_use = listener_probe(listen, detail);
    if (free_to_use != ERR_NONE)
        return free_to_use;
    serve->crew = crew_new("worker", service->worker_count);
    for (size_t i = 0; i < service->worker_count; i++) {
        enum err err = worker_new(service, crew_loop(serve->crew, i), i, listen, &service->workers[i], detail);
        if (err != ERR_NONE)
            return err;
        listen = httpd_address(service->workers[0]->httpd);
    }
    return ERR_NONE;
}

/* What the settings ask for is not to be had, which is for people to put right, unless the machine is in trouble. */
static int complain(enum err err, const char *what, const struct err_detail *detail) {
    const char *hint = err == ERR_BUSY ? ": end what uses it, or choose another one" : "";
    struct strbuf line = {0};
    strbuf_printf(&line, "hookshift: %s: %s%s\n", what, detail->text, hint);
    log_queue_put(line.at, line.len);
    strbuf_clear(&line);
    return err == ERR_IO || err == ERR_LIMIT ? CLI_FAILED : CLI_USAGE;
}

static void log_warnings(const struct settings *settings) {
    struct strbuf lines = {0};
    settings_warnings(settings, &lines);
    struct str line, rest = strbuf_str(&lines);
    while (str_next(&rest, '\n', &line))
        if (line.len > 0)
            LOG(LOG_WARN, "setting may not be meant so", LOG_STR("what", line));
    strbuf_clear(&lines);
}

/* Builds everything; CLI_OK, or the exit status after a complaint. */
static int build(struct serve *serve, struct settings *settings, struct arena *arena) {
    struct err_detail detail = {""};
    struct strbuf problems = {0};
    enum err err = setup_service(settings, arena, &serve->service, &problems);
    if (err == ERR_NONE)
        err = reload_first(&serve->service, &problems);
    log_queue_put(problems.at, problems.len);
    strbuf_clear(&problems);
    if (err != ERR_NONE)
        return CLI_USAGE;
    log_warnings(settings);
    serve->loop = loop_new();
    if ((err = open_store(serve, &detail)) != ERR_NONE)
        return complain(err, "store", &detail);
    if ((err = make_workers(serve, &detail)) != ERR_NONE)
        return complain(err, "listen", &detail);
    if ((err = admin_new(&serve->service, serve->loop, &serve->admin, &detail)) != ERR_NONE)
        return complain(err, "admin.listen", &detail);
    return CLI_OK;
}

static struct supervise *begin_supervision(struct serve *serve) {
    char status[256];
    snprintf(status, sizeof status, "Webhooks on %s, admin on %s", httpd_address(serve->service.workers[0]->httpd),
             admin_address(serve->admin));
    return supervise_new(serve->loop, serve->admin, status);
}

/* CLI_OK, or the exit status after a complaint. */
static int start(struct serve *serve) {
    struct service *service = &serve->service;
    struct err_detail detail;
    serve->timer = loop_timer_new(serve->loop, go_down, serve);
    serve->tidy_timer = loop_timer_new(serve->loop, tidy_up, serve);
    loop_timer_set(serve->tidy_timer, TIDY_MS);
    serve->on_term = loop_signal_new(serve->loop, SIGTERM, on_stop, serve);
    serve->on_int = loop_signal_new(serve->loop, SIGINT, on_stop, serve);
    serve->on_hup = loop_signal_new(serve->loop, SIGHUP, on_hangup, serve);
    enum err err = reload_new(service, serve->loop, on_reloaded, on_reload_asked, serve, &serve->reload, &detail);
    if (err == ERR_NONE)
        err = certificates_new(service, serve->loop, &serve->certificates, &detail);
    if (err == ERR_NONE)
        err = crew_start(serve->crew, &detail);
    if (err != ERR_NONE)
        return complain(err, "threads", &detail);
    atomic_store(&serve->started, true);
    for (size_t i = 0; i < service->worker_count; i++)
        for (int e = 0; e < ENDPOINT_COUNT; e++)
            loop_post(service->workers[i]->loop, kick_outbox, service->workers[i]->outbox[e]);
    admin_set_listening(serve->admin, true);
    serve->supervise = begin_supervision(serve);
    LOG(LOG_INFO, "listening", LOG_TEXTZ("address", httpd_address(service->workers[0]->httpd)),
        LOG_TEXTZ("admin", admin_address(serve->admin)), LOG_INT("workers", service->worker_count),
        LOG_TEXTZ("version", HOOKSHIFT_VERSION));
    return CLI_OK;
}

/* What its last turn asked the store for, and what that leads to, is still asked. */
static void close_lane(struct worker *worker) {
    if (worker == NULL)
        return;
    loop_flush(worker->loop);
    store_lane_close(worker->lane);
}

/* In the order that nobody is called who is gone: listeners, store (its answers run on the loops), loops. */
static void take_down(struct serve *serve) {
    struct service *service = &serve->service;
    reload_free(serve->reload);
    certificates_free(serve->certificates);
    loop_signal_free(serve->on_term);
    loop_signal_free(serve->on_int);
    loop_signal_free(serve->on_hup);
    if (serve->crew != NULL)
        crew_stop(serve->crew);
    for (size_t i = 0; service->workers != NULL && i < service->worker_count; i++)
        close_lane(service->workers[i]);
    if (service->store != NULL)
        store_close(service->store);
    for (size_t i = 0; serve->crew != NULL && i < crew_size(serve->crew); i++)
        loop_flush(crew_loop(serve->crew, i));
    supervise_free(serve->supervise);
    admin_free(serve->admin);
    for (size_t i = 0; i < service->worker_count && service->workers != NULL; i++)
        worker_free(service->workers[i]);
    crew_free(serve->crew);
    loop_timer_free(serve->timer);
    loop_timer_free(serve->tidy_timer);
    if (serve->loop != NULL)
        loop_free(serve->loop);
    snapshot_slot_free(service->snapshots);
    setup_clear(service);
}

int serve_run(struct settings *settings, struct settings_watch *watch, struct arena *arena) {
    struct serve serve = {.service = {.settings = settings}, .settings_watch = watch};
    int status = build(&serve, settings, arena);
    if (status == CLI_OK)
        status = start(&serve);
    if (status == CLI_OK) {
        loop_run(serve.loop);
        LOG(LOG_INFO, "stopped");
    }
    take_down(&serve);
    return status;
}
