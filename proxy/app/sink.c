#include "proxy/app/sink.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define BODY_MAX ((size_t)64 << 20)

/* An answer that waits for its delay. */
struct waiting {
    struct sink *sink;
    struct httpd_exchange *exchange;
    struct loop_timer *timer;
    int status;
    struct waiting *next, **link; /* link: what points to this one */
};

struct sink {
    struct sink_options options;
    struct httpd *httpd;
    uint64_t seen;
    struct waiting *waiting;
};

static void answer(struct httpd_exchange *exchange, int status) {
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    httpd_answer(exchange, status, headers, ARRAY_LEN(headers),
                 status < 300 ? STR("{\"ok\":true}") : STR("{\"ok\":false}"));
}

static void waiting_end(struct waiting *waiting, int status) {
    answer(waiting->exchange, status);
    *waiting->link = waiting->next;
    if (waiting->next != NULL)
        waiting->next->link = waiting->link;
    loop_timer_free(waiting->timer);
    mem_free(waiting);
}

static void on_time(void *arg) {
    struct waiting *waiting = arg;
    waiting_end(waiting, waiting->status);
}

static void answer_later(struct sink *sink, struct httpd_exchange *exchange, int status) {
    struct waiting *waiting = MEM_NEW(struct waiting);
    *waiting = (struct waiting){
        .sink = sink, .exchange = exchange, .status = status, .next = sink->waiting, .link = &sink->waiting};
    if (waiting->next != NULL)
        waiting->next->link = &waiting->next;
    sink->waiting = waiting;
    waiting->timer = loop_timer_new(sink->options.loop, on_time, waiting);
    loop_timer_set(waiting->timer, sink->options.delay_ms);
}

static void on_exchange(struct httpd_exchange *exchange, void *arg) {
    struct sink *sink = arg;
    int status = sink->seen < sink->options.fail_first ? 503 : sink->options.status;
    sink->seen++;
    if (sink->options.on_request != NULL)
        sink->options.on_request(httpd_request(exchange), status, sink->options.arg);
    if (sink->options.delay_ms > 0)
        answer_later(sink, exchange, status);
    else
        answer(exchange, status);
}

enum err sink_new(const struct sink_options *options, struct sink **sink, struct err_detail *detail) {
    struct sink *made = MEM_NEW(struct sink);
    made->options = *options;
    const struct httpd_options http = {
        .loop = options->loop,
        .listen = options->listen,
        .limits = {.body_len = BODY_MAX,
                   .header_len = (size_t)1 << 16,
                   .header_count = 500,
                   .connections = 1000,
                   .request_ms = 60000,
                   .idle_ms = 120000},
        .handler = on_exchange,
        .arg = made,
    };
    enum err err = httpd_new(&http, &made->httpd, detail);
    if (err != ERR_NONE) {
        mem_free(made);
        return err;
    }
    *sink = made;
    return ERR_NONE;
}

const char *sink_address(const struct sink *sink) {
    return httpd_address(sink->httpd);
}

void sink_set_status(struct sink *sink, int status) {
    sink->options.status = status;
}

void sink_free(struct sink *sink) {
    if (sink == NULL)
        return;
    while (sink->waiting != NULL)
        waiting_end(sink->waiting, 503);
    httpd_free(sink->httpd);
    mem_free(sink);
}

/* One member per name, because programs look them up; what was sent several times is joined as HTTP says it means. */
static void print_headers(struct json_writer *json, const struct http_request *request, struct arena *arena) {
    json_object_begin(json);
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name, value = request->headers[i].value;
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = str_eq_nocase(request->headers[k].name, name);
        if (seen)
            continue;
        for (size_t k = i + 1; k < request->header_count; k++)
            if (str_eq_nocase(request->headers[k].name, name))
                value = arena_printf(arena, STR_FMT ", " STR_FMT, STR_ARG(value), STR_ARG(request->headers[k].value));
        json_key_str(json, arena_lower(arena, name));
        json_str(json, value);
    }
    json_object_end(json);
}

static void print_body(struct json_writer *json, struct str body, struct arena *arena) {
    const struct json_limits limits = {.depth = 200, .values = 1000000};
    struct json *root;
    if (json_parse(arena, body, &limits, &root, NULL) == ERR_NONE)
        json_value(json, root); /* without the line breaks it may hold */
    else
        json_str(json, body.at == NULL ? STR("") : body);
}

void sink_print(struct strbuf *out, const struct http_request *request, int status) {
    struct arena *arena = arena_new(0);
    struct json_writer json;
    json_begin(&json, out);
    json_object_begin(&json);
    json_key(&json, "time");
    json_str(&json, clock_format_rfc3339(arena, clock_wall_ms()));
    json_key(&json, "method");
    json_str(&json, request->method);
    json_key(&json, "path");
    json_str(&json, request->target);
    json_key(&json, "headers");
    print_headers(&json, request, arena);
    json_key(&json, "body");
    print_body(&json, request->body, arena);
    json_key(&json, "status");
    json_int(&json, status);
    json_object_end(&json);
    strbuf_append_char(out, '\n');
    arena_free(arena);
}
