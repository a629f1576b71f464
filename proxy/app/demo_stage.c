#include "proxy/app/demo_stage.h"

#include "common/base64.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/loop_signal.h"
#include "common/mem.h"
#include "common/random.h"
#include "proxy/app/demo_folder.h"
#include "proxy/app/demo_proxy.h"
#include "proxy/app/sink.h"

#include <signal.h>

enum { TICK_MS = 10, START_MS = 30000, WAIT_MS = 30000, SECRET_LEN = 24 };

struct consumer {
    struct demo_stage *stage;
    enum endpoint endpoint;
    struct sink *sink;
};

struct demo_stage {
    struct arena *arena;
    struct loop *loop;
    struct loop_timer *tick; /* turns the loop while there is something to look at again and again */
    struct loop_signal *on_term, *on_interrupt;
    struct httpc *httpc;
    struct consumer consumers[ENDPOINT_COUNT];
    demo_stage_received *received;
    void *arg;
    struct demo_folder folder;
    struct demo_proxy proxy;
    bool stopping;
};

const char *demo_stage_folder(const struct demo_stage *stage) {
    return stage->folder.path;
}

const char *demo_stage_flags_path(const struct demo_stage *stage) {
    return stage->folder.flags_path.at;
}

const char *demo_stage_public_address(const struct demo_stage *stage) {
    return stage->proxy.public_address.at;
}

const char *demo_stage_admin_address(const struct demo_stage *stage) {
    return stage->proxy.admin_address.at;
}

const char *demo_stage_sink_address(const struct demo_stage *stage, enum endpoint endpoint) {
    return sink_address(stage->consumers[endpoint].sink);
}

static void on_tick(void *arg) {
    struct demo_stage *stage = arg;
    loop_timer_set(stage->tick, TICK_MS);
}

static void on_stop(void *arg) {
    struct demo_stage *stage = arg;
    stage->stopping = true;
}

static void on_request(const struct http_request *request, int status, void *arg) {
    const struct consumer *consumer = arg;
    (void)status;
    consumer->stage->received(consumer->endpoint, request->body, consumer->stage->arg);
}

static enum err gone(const struct demo_stage *stage, struct err_detail *detail) {
    if (stage->stopping)
        return err_set(detail, ERR_CLOSED, "stopped");
    return err_set(detail, ERR_CLOSED, "the proxy has ended; its last words: " STR_FMT,
                   STR_ARG(demo_proxy_last_words(&stage->proxy)));
}

/* --- one request */

struct asking {
    struct demo_stage *stage;
    bool answered;
    struct httpc_answer answer;
    struct str body;
};

static void on_answer(const struct httpc_answer *answer, void *arg) {
    struct asking *asking = arg;
    asking->answered = true;
    asking->answer = *answer;
    asking->body = arena_str(asking->stage->arena, answer->body);
}

static bool is_answered(void *arg) {
    struct asking *asking = arg;
    return asking->answered || asking->stage->stopping || demo_proxy_has_ended(&asking->stage->proxy);
}

static enum err ask(struct demo_stage *stage, struct httpc_request *request, int *status, struct str *body,
                    struct err_detail *detail) {
    struct asking asking = {.stage = stage};
    request->timeout_ms = WAIT_MS;
    request->connect_timeout_ms = WAIT_MS;
    struct httpc_call *call = httpc_send(stage->httpc, request, on_answer, &asking);
    bool in_time = loop_run_until(stage->loop, is_answered, &asking, WAIT_MS + 1000);
    if (!asking.answered && call != NULL)
        httpc_cancel(call);
    if (!asking.answered)
        return in_time ? gone(stage, detail) : err_set(detail, ERR_TIMEOUT, "the proxy does not answer");
    if (asking.answer.err != ERR_NONE)
        return err_set(detail, asking.answer.err, "the proxy does not answer: %s", asking.answer.what);
    *status = asking.answer.status;
    *body = asking.body;
    return ERR_NONE;
}

static enum err ask_admin(struct demo_stage *stage, const char *path, int *status, const struct json **root,
                          struct err_detail *detail) {
    const struct json_limits limits = {.depth = 16, .values = 10000};
    struct httpc_request request = {
        .method = STR("GET"),
        .url = arena_printf(stage->arena, "http://" STR_FMT "%s", STR_ARG(stage->proxy.admin_address), path)};
    struct str body = STR_NONE;
    struct json *parsed;
    enum err err = ask(stage, &request, status, &body, detail);
    if (err != ERR_NONE)
        return err;
    *root = json_parse(stage->arena, body, &limits, &parsed, NULL) == ERR_NONE ? parsed : NULL;
    return ERR_NONE;
}

enum err demo_stage_send(struct demo_stage *stage, const struct http_header *headers, size_t count, struct str body,
                         int *status, struct err_detail *detail) {
    struct httpc_request request = {
        .method = STR("POST"),
        .url = arena_printf(stage->arena, "http://" STR_FMT "/webhooks", STR_ARG(stage->proxy.public_address)),
        .headers = headers,
        .header_count = count,
        .body = body,
    };
    struct str answer;
    return ask(stage, &request, status, &answer, detail);
}

/* --- waiting */

static bool pause_is_over(void *arg) {
    int64_t *until_us = arg;
    return clock_mono_us() >= *until_us;
}

static void pause_for(struct demo_stage *stage, int64_t ms) {
    int64_t until_us = clock_mono_us() + ms * 1000;
    (void)!loop_run_until(stage->loop, pause_is_over, &until_us, ms + 1000);
}

typedef bool stage_check(const struct json *root, void *arg);

/* Asks the admin port again and again until its answer passes the check. */
static enum err await(struct demo_stage *stage, const char *path, stage_check *check, void *arg, const char *what,
                      struct err_detail *detail) {
    int64_t until_us = clock_mono_us() + WAIT_MS * 1000;
    for (;;) {
        const struct json *root = NULL;
        int status = 0;
        enum err err = ask_admin(stage, path, &status, &root, detail);
        if (err != ERR_NONE)
            return err;
        if (status == 200 && check(root, arg))
            return ERR_NONE;
        if (clock_mono_us() > until_us)
            return err_set(detail, ERR_TIMEOUT, "waited too long for %s", what);
        pause_for(stage, 2 * TICK_MS);
    }
}

static bool is_there(const struct json *root, void *arg) {
    (void)root;
    (void)arg;
    return true;
}

struct wanted_flag {
    struct str name;
    bool on;
};

static bool flag_is_as_wanted(const struct json *root, void *arg) {
    const struct wanted_flag *wanted = arg;
    const struct json *flags = json_get(root, STR("flags"));
    for (const struct json *each = flags == NULL ? NULL : flags->first; each != NULL; each = each->next)
        if (str_eq(json_string(json_get(each, STR("name"))), wanted->name))
            return json_is_true(json_get(each, STR("on"))) == wanted->on;
    return false;
}

enum err demo_stage_await_flag(struct demo_stage *stage, struct str flag, bool on, struct err_detail *detail) {
    struct wanted_flag wanted = {flag, on};
    return await(stage, "/api/flags", flag_is_as_wanted, &wanted, "the flag file to be noticed", detail);
}

static bool nothing_is_pending(const struct json *root, void *arg) {
    (void)arg;
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        const struct json *endpoint =
            json_get(json_get(root, STR("endpoints")), str_of(endpoint_name((enum endpoint)e)));
        const struct json *pending = json_path(endpoint, STR("messages.pending"));
        const struct json *held = json_path(endpoint, STR("messages.held"));
        if (pending == NULL || held == NULL || !str_eq(pending->text, STR("0")) || !str_eq(held->text, STR("0")))
            return false;
    }
    return true;
}

enum err demo_stage_settle(struct demo_stage *stage, struct err_detail *detail) {
    return await(stage, "/api/status", nothing_is_pending, NULL, "the deliveries", detail);
}

/* --- the way up */

static enum err open_consumers(struct demo_stage *stage, struct err_detail *detail) {
    enum err err = ERR_NONE;
    for (int e = 0; e < ENDPOINT_COUNT && err == ERR_NONE; e++) {
        struct consumer *consumer = &stage->consumers[e];
        *consumer = (struct consumer){.stage = stage, .endpoint = (enum endpoint)e};
        const struct sink_options options = {
            .loop = stage->loop, .listen = "127.0.0.1:0", .status = 200, .on_request = on_request, .arg = consumer};
        err = sink_new(&options, &consumer->sink, detail);
    }
    return err;
}

static struct str fresh_secret(struct arena *arena) {
    char bytes[SECRET_LEN];
    random_bytes(bytes, sizeof bytes);
    return arena_printf(arena, "whsec_" STR_FMT, STR_ARG(base64_encode(arena, str_slice(bytes, sizeof bytes))));
}

static enum err start_proxy(struct demo_stage *stage, struct err_detail *detail) {
    struct arena *arena = stage->arena;
    const struct str settings[] = {
        STR("listen=127.0.0.1:0"),
        STR("admin.listen=127.0.0.1:0"),
        STR("workers=2"),
        arena_printf(arena, "flags.file=" STR_FMT, STR_ARG(stage->folder.flags_path)),
        arena_printf(arena, "store.url=sqlite:%s/hookshift.db", stage->folder.path),
        arena_printf(arena, "endpoints.legacy.url=http://%s", demo_stage_sink_address(stage, ENDPOINT_LEGACY)),
        arena_printf(arena, "endpoints.new.url=http://%s", demo_stage_sink_address(stage, ENDPOINT_NEW)),
        /* With a secret a partial event can be signed anew, and is trimmed to what legacy has not handled. */
        arena_printf(arena, "endpoints.new.secrets=" STR_FMT, STR_ARG(fresh_secret(arena))),
    };
    return demo_proxy_start(&stage->proxy, arena, stage->folder.log_path, settings, ARRAY_LEN(settings), detail);
}

static bool is_listening(void *arg) {
    struct demo_stage *stage = arg;
    return stage->stopping || demo_proxy_has_ended(&stage->proxy) || demo_proxy_find_addresses(&stage->proxy);
}

static enum err await_proxy(struct demo_stage *stage, struct err_detail *detail) {
    if (!loop_run_until(stage->loop, is_listening, stage, START_MS))
        return err_set(detail, ERR_TIMEOUT, "the proxy does not start; its last words: " STR_FMT,
                       STR_ARG(demo_proxy_last_words(&stage->proxy)));
    if (stage->stopping || stage->proxy.pid == 0)
        return gone(stage, detail);
    return await(stage, "/readyz", is_there, NULL, "the proxy to be ready", detail);
}

static void set_up_loop(struct demo_stage *stage) {
    stage->loop = loop_new();
    stage->tick = loop_timer_new(stage->loop, on_tick, stage);
    stage->on_term = loop_signal_new(stage->loop, SIGTERM, on_stop, stage);
    stage->on_interrupt = loop_signal_new(stage->loop, SIGINT, on_stop, stage);
    const struct httpc_options options = {
        .loop = stage->loop, .max_idle_connections = 4, .max_answer_len = 1 << 20, .user_agent = "hookshift-demo"};
    stage->httpc = httpc_new(&options);
    loop_timer_set(stage->tick, TICK_MS);
}

enum err demo_stage_open(demo_stage_received *received, void *arg, struct demo_stage **stage,
                         struct err_detail *detail) {
    struct demo_stage *made = MEM_NEW(struct demo_stage);
    made->arena = arena_new(0);
    made->received = received;
    made->arg = arg;
    set_up_loop(made);
    enum err err = demo_folder_make(&made->folder, made->arena, detail);
    if (err == ERR_NONE)
        err = open_consumers(made, detail);
    if (err == ERR_NONE)
        err = start_proxy(made, detail);
    if (err == ERR_NONE)
        err = await_proxy(made, detail);
    if (err == ERR_NONE)
        *stage = made;
    else
        (void)demo_stage_close(made, false);
    return err;
}

/* --- the way down */

static bool has_ended(void *arg) {
    struct demo_stage *stage = arg;
    return demo_proxy_has_ended(&stage->proxy);
}

static bool end_proxy(struct demo_stage *stage) {
    demo_proxy_terminate(&stage->proxy);
    (void)!loop_run_until(stage->loop, has_ended, stage, WAIT_MS);
    return demo_proxy_reap(&stage->proxy);
}

bool demo_stage_close(struct demo_stage *stage, bool keep) {
    bool in_order = end_proxy(stage);
    httpc_free(stage->httpc);
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        sink_free(stage->consumers[e].sink);
    loop_timer_free(stage->tick);
    loop_signal_free(stage->on_term);
    loop_signal_free(stage->on_interrupt);
    loop_free(stage->loop);
    if (!keep)
        demo_folder_remove(&stage->folder);
    arena_free(stage->arena);
    mem_free(stage);
    return in_order;
}
