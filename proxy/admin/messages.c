/* Looking at messages. The store is read on its own thread: a call waits for its job, and is answered by on_... */
#include "common/json.h"
#include "proxy/admin/call.h"
#include "proxy/admin/filters.h"
#include "proxy/admin/record_json.h"

/* One question to the store; lives in the arena of the call. */
struct reading {
    struct store_job job;
    struct admin_call *call;
    struct filter filter;
    uint64_t id; /* of a list: 0, or the one that is asked for */
    struct record *records;
    size_t count;
    struct story story;
};

static struct reading *reading_new(struct admin_call *call) {
    struct reading *reading = ARENA_NEW(call->arena, struct reading);
    reading->call = call;
    reading->job.loop = call->admin->loop;
    return reading;
}

static void answer_failed(struct reading *reading) {
    if (reading->job.err == ERR_NOT_FOUND)
        answer_problem(reading->call->exchange, 404, "there is no message " STR_FMT, STR_ARG(reading->call->id));
    else
        answer_problem(reading->call->exchange, 503, "the store cannot be read: %s", reading->job.detail.text);
}

static enum err run_list(struct ledger *ledger, struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    struct filter filter = reading->filter;
    if (reading->id == 0)
        filter.limit++; /* is there a next one? */
    enum err err = ledger_list(ledger, reading->call->arena, &filter, &reading->records, &reading->count);
    if (err == ERR_NONE && reading->id != 0 && reading->count > 0 && reading->records[0].id != reading->id)
        reading->count = 0;
    return err;
}

static void on_list(struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    struct arena *arena = reading->call->arena;
    if (job->err != ERR_NONE) {
        answer_failed(reading);
        return;
    }
    bool more = reading->count > reading->filter.limit;
    size_t shown = more ? reading->filter.limit : reading->count;
    struct strbuf text = {0};
    struct json_writer json;
    json_begin(&json, &text);
    json_object_begin(&json);
    json_key(&json, "messages");
    json_array_begin(&json);
    for (size_t i = 0; i < shown; i++)
        record_json(&json, arena, &reading->records[i]);
    json_array_end(&json);
    json_key(&json, "next");
    json_str(&json, more ? message_id_format(arena, reading->records[shown - 1].id) : STR_NONE);
    json_object_end(&json);
    answer_json(reading->call->exchange, 200, &text);
}

void admin_messages(struct admin_call *call) {
    struct reading *reading = reading_new(call);
    struct err_detail detail;
    if (filter_for_list(&call->query, &reading->filter, &reading->id, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    filter_settle_type(&reading->filter, call->admin->service->catalog);
    reading->job.run = run_list;
    reading->job.done = on_list;
    store_submit(call->admin->service->store, &reading->job);
}

static enum err run_story(struct ledger *ledger, struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    return ledger_story(ledger, reading->call->arena, reading->id, &reading->story);
}

static void on_story(struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    struct admin_call *call = reading->call;
    if (job->err != ERR_NONE) {
        answer_failed(reading);
        return;
    }
    struct strbuf text = {0};
    struct json_writer json;
    json_begin(&json, &text);
    story_json(&json, call->arena, &reading->story, call->has_token);
    answer_json(call->exchange, 200, &text);
}

void admin_message(struct admin_call *call) {
    struct reading *reading = reading_new(call);
    if (!message_id_parse(call->id, &reading->id)) {
        answer_problem(call->exchange, 404, "\"" STR_FMT "\" is no id of a message", STR_ARG(call->id));
        return;
    }
    reading->job.run = run_story;
    reading->job.done = on_story;
    store_submit(call->admin->service->store, &reading->job);
}
