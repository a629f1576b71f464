/* Samples are differences: what was counted since the second before. */
#include "proxy/admin/live.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "proxy/admin/answer.h"

enum { SAMPLE_MS = 1000, REMEMBERED = 300, LISTENERS_MAX = 32 };

/* The order in which a sample's numbers are written, after its time. */
static const char *const columns[] = {"rules",    "events",           "suppressed",    "duplicates",    "waiting",
                                      "rejected", "legacy_delivered", "new_delivered", "legacy_failed", "new_failed"};
enum { COLUMNS = ARRAY_LEN(columns) };

struct sample {
    int64_t at_ms;
    uint64_t values[COLUMNS];
};

struct listener {
    struct live *live;
    struct httpd_stream *stream;
    struct listener *next, **link;
};

struct live {
    const struct service *service;
    struct loop_timer *timer;
    struct sample ring[REMEMBERED]; /* the oldest at `count` % REMEMBERED once it is full */
    uint64_t count;
    uint64_t before[COLUMNS];
    struct listener *listeners;
    size_t listener_count;
};

static void read_totals(const struct live *live, uint64_t *values) {
    struct flow_totals totals;
    counters_sum(live->service->counters, &totals);
    const uint64_t all[COLUMNS] = {
        totals.received[GENERATION_RULE],
        totals.received[GENERATION_EVENT],
        totals.suppressed,
        totals.duplicates,
        totals.waiting,
        totals.rejected,
        totals.delivered[ENDPOINT_LEGACY],
        totals.delivered[ENDPOINT_NEW],
        totals.failed[ENDPOINT_LEGACY],
        totals.failed[ENDPOINT_NEW],
    };
    memcpy(values, all, sizeof all);
}

static void write_sample(struct json_writer *json, const struct sample *sample) {
    json_array_begin(json);
    json_int(json, sample->at_ms);
    for (size_t c = 0; c < COLUMNS; c++)
        json_int(json, (int64_t)sample->values[c]);
    json_array_end(json);
}

static void write_history(struct json_writer *json, const struct live *live) {
    uint64_t first = live->count > REMEMBERED ? live->count - REMEMBERED : 0;
    json_object_begin(json);
    json_key(json, "columns");
    json_array_begin(json);
    json_str(json, STR("at"));
    for (size_t c = 0; c < COLUMNS; c++)
        json_str(json, str_of(columns[c]));
    json_array_end(json);
    json_key(json, "samples");
    json_array_begin(json);
    for (uint64_t i = first; i < live->count; i++)
        write_sample(json, &live->ring[i % REMEMBERED]);
    json_array_end(json);
    json_object_end(json);
}

void live_write_recent(const struct live *live, size_t seconds, struct json_writer *json) {
    uint64_t most = seconds < REMEMBERED ? seconds : REMEMBERED, count = live->count < most ? live->count : most;
    json_object_begin(json);
    json_key(json, "seconds");
    json_int(json, (int64_t)count);
    for (size_t c = 0; c < COLUMNS; c++) {
        uint64_t sum = 0;
        for (uint64_t i = live->count - count; i < live->count; i++)
            sum += live->ring[i % REMEMBERED].values[c];
        json_key(json, columns[c]);
        json_int(json, (int64_t)sum);
    }
    json_object_end(json);
}

static void forget(struct listener *listener) {
    *listener->link = listener->next;
    if (listener->next != NULL)
        listener->next->link = listener->link;
    listener->live->listener_count--;
    mem_free(listener);
}

static void on_gone(struct httpd_stream *stream, void *arg) {
    (void)stream;
    forget(arg);
}

/* Who does not read is let go, and will come back when it can; ERR_CLOSED is followed by on_gone(). */
static void tell(struct listener *listener, struct str event) {
    if (httpd_stream_write(listener->stream, event) != ERR_LIMIT)
        return;
    httpd_stream_close(listener->stream);
    forget(listener);
}

static void tell_all(struct live *live, const struct sample *sample) {
    struct strbuf event = {0};
    struct json_writer json;
    strbuf_append(&event, STR("event: sample\ndata: "));
    json_begin(&json, &event);
    write_sample(&json, sample);
    strbuf_append(&event, STR("\n\n"));
    for (struct listener *each = live->listeners, *next; each != NULL; each = next) {
        next = each->next;
        tell(each, strbuf_str(&event));
    }
    strbuf_clear(&event);
}

static void on_second(void *arg) {
    struct live *live = arg;
    struct sample *sample = &live->ring[live->count++ % REMEMBERED];
    uint64_t now[COLUMNS];
    read_totals(live, now);
    sample->at_ms = clock_wall_ms();
    for (size_t c = 0; c < COLUMNS; c++)
        sample->values[c] = now[c] - live->before[c];
    memcpy(live->before, now, sizeof now);
    tell_all(live, sample);
    loop_timer_set(live->timer, SAMPLE_MS);
}

struct live *live_new(const struct service *service, struct loop *loop) {
    struct live *live = MEM_NEW(struct live);
    live->service = service;
    live->timer = loop_timer_new(loop, on_second, live);
    read_totals(live, live->before);
    loop_timer_set(live->timer, SAMPLE_MS);
    return live;
}

bool live_listen(struct live *live, struct httpd_exchange *exchange) {
    struct http_header headers[ANSWER_HEADER_MAX];
    if (live->listener_count == LISTENERS_MAX)
        return false;
    struct listener *listener = MEM_NEW(struct listener);
    *listener = (struct listener){.live = live, .next = live->listeners, .link = &live->listeners};
    if (listener->next != NULL)
        listener->next->link = &listener->next;
    live->listeners = listener;
    live->listener_count++;
    listener->stream =
        httpd_answer_stream(exchange, headers, answer_headers(headers, "text/event-stream"), on_gone, listener);
    struct strbuf event = {0};
    struct json_writer json;
    strbuf_append(&event, STR("event: history\ndata: "));
    json_begin(&json, &event);
    write_history(&json, live);
    strbuf_append(&event, STR("\n\n"));
    tell(listener, strbuf_str(&event));
    strbuf_clear(&event);
    return true;
}

void live_free(struct live *live) {
    if (live == NULL)
        return;
    while (live->listeners != NULL) {
        httpd_stream_close(live->listeners->stream);
        forget(live->listeners);
    }
    loop_timer_free(live->timer);
    mem_free(live);
}
