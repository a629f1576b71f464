/* Looking at messages. The store is read on its own thread: a call waits for its job, and is answered by on_...
 *
 * A list may have to look at very many messages for the few that pass. It does so in steps, each a job of its own, so
 * that receiving never waits for more than one of them:
 *
 *     admin_messages ─► submit ─► run_list (store's thread) ─► on_list ──┬─► submit again, from where it stopped
 *                                                                       └─► answer: enough found, or none are left */
#include "common/json.h"
#include "proxy/admin/call.h"
#include "proxy/admin/filters.h"
#include "proxy/admin/record_json.h"
#include "proxy/decide/catalog_keys.h"

enum { LOOK_MAX = 2000 /* messages in one step: a few milliseconds */, FOUND_MAX = 50 /* messages of one id */ };

/* One question to the store; lives in the arena of the call. */
struct reading {
    struct store_job job;
    struct admin_call *call;
    struct filter filter; /* `before` is where it has come to, `limit` what is still wanted and one more */
    size_t limit;
    const struct str *keys; /* that the id asked for may stand in */
    size_t key_count;
    uint64_t ids[FOUND_MAX]; /* of messages that go by that id */
    size_t id_count;
    struct record *records;
    size_t count, capacity;
    struct record *step; /* found by the step under way, which may be run again */
    size_t step_count;
    uint64_t looked_to;
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

static void add_records(struct reading *reading, const struct record *records, size_t count) {
    struct arena *arena = reading->call->arena;
    if (reading->count + count > reading->capacity) {
        reading->capacity = 2 * (reading->count + count);
        struct record *larger = ARENA_ARRAY(arena, reading->capacity, struct record);
        if (reading->count > 0)
            memcpy(larger, reading->records, reading->count * sizeof *larger);
        reading->records = larger;
    }
    if (count > 0)
        memcpy(reading->records + reading->count, records, count * sizeof *records);
    reading->count += count;
}

static enum err run_list(struct ledger *ledger, struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    reading->filter.looked_to = &reading->looked_to;
    return ledger_list(ledger, reading->call->arena, &reading->filter, &reading->step, &reading->step_count);
}

static void answer_list(struct reading *reading) {
    struct arena *arena = reading->call->arena;
    bool more = reading->count > reading->limit;
    size_t shown = more ? reading->limit : reading->count;
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

static void on_list(struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    if (job->err != ERR_NONE) {
        answer_failed(reading);
        return;
    }
    add_records(reading, reading->step, reading->step_count);
    reading->filter.limit -= reading->step_count;
    reading->filter.before = reading->looked_to;
    if (reading->looked_to == 0 || reading->filter.limit == 0)
        answer_list(reading);
    else if (atomic_load(&reading->call->admin->service->stopping))
        answer_problem(reading->call->exchange, 503, "the proxy is stopping");
    else
        store_submit(reading->call->admin->service->store, &reading->job);
}

static enum err run_find(struct ledger *ledger, struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    struct arena *arena = reading->call->arena;
    return ledger_lookup(ledger, arena, reading->call->id, reading->keys, reading->key_count, reading->ids, FOUND_MAX,
                         &reading->id_count);
}

static enum err run_list_of_id(struct ledger *ledger, struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    enum err err = run_find(ledger, job);
    reading->count = 0;
    for (size_t i = 0; i < reading->id_count && err == ERR_NONE; i++) {
        struct filter one = reading->filter;
        struct record *records;
        size_t count;
        one.before = reading->ids[i] + 1;
        one.after = reading->ids[i] - 1;
        one.limit = 1;
        err = ledger_list(ledger, reading->call->arena, &one, &records, &count);
        if (err == ERR_NONE)
            add_records(reading, records, count);
    }
    return err;
}

static void on_list_of_id(struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    if (job->err != ERR_NONE)
        answer_failed(reading);
    else
        answer_list(reading);
}

static void prepare_find(struct reading *reading) {
    struct admin_call *call = reading->call;
    catalog_keys_of(call->admin->service->catalog, call->arena, call->id, &reading->keys, &reading->key_count);
}

void admin_messages(struct admin_call *call) {
    struct reading *reading = reading_new(call);
    struct err_detail detail;
    if (filter_for_list(&call->query, &reading->filter, &call->id, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    filter_settle_type(&reading->filter, call->admin->service->catalog);
    reading->limit = reading->filter.limit;
    reading->filter.limit++; /* is there a next one? */
    reading->filter.look_max = LOOK_MAX;
    if (call->id.at != NULL)
        prepare_find(reading);
    reading->job.run = call->id.at != NULL ? run_list_of_id : run_list;
    reading->job.done = call->id.at != NULL ? on_list_of_id : on_list;
    store_submit(call->admin->service->store, &reading->job);
}

/* Of several messages the one that was handled tells most of what became of the occurrence. */
static enum err choose_story(struct ledger *ledger, struct reading *reading) {
    enum err err = ERR_NONE;
    bool handled = false;
    for (size_t i = 0; i < reading->id_count && err == ERR_NONE && !handled; i++) {
        struct story story;
        err = ledger_story(ledger, reading->call->arena, reading->ids[i], &story);
        handled = err == ERR_NONE && state_is_handled(story.record.state);
        if (err == ERR_NONE && (i == 0 || handled))
            reading->story = story;
    }
    return err;
}

static enum err run_story(struct ledger *ledger, struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    enum err err = run_find(ledger, job);
    if (err == ERR_NONE && reading->id_count == 0)
        return err_set(&job->detail, ERR_NOT_FOUND, "there is no such message");
    return err == ERR_NONE ? choose_story(ledger, reading) : err;
}

static void on_story(struct store_job *job) {
    struct reading *reading = CONTAINER_OF(job, struct reading, job);
    struct admin_call *call = reading->call;
    if (job->err != ERR_NONE) {
        answer_failed(reading);
        return;
    }
    reading->story.also = reading->ids;
    reading->story.also_count = reading->id_count;
    struct strbuf text = {0};
    struct json_writer json;
    json_begin(&json, &text);
    story_json(&json, call->arena, &reading->story, call->has_token);
    answer_json(call->exchange, 200, &text);
}

void admin_message(struct admin_call *call) {
    struct reading *reading = reading_new(call);
    struct err_detail detail;
    if (query_decode(call->arena, call->id, &call->id, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    prepare_find(reading);
    reading->job.run = run_story;
    reading->job.done = on_story;
    store_submit(call->admin->service->store, &reading->job);
}
