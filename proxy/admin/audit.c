/* GET /api/audit: who handled what, a page of so many messages, read in steps as lists are (messages.c), so that a
 * store of millions can be audited while it receives. Whoever asks goes on at "next" and adds the counts up. */
#include "proxy/store/ledger_audit.h"

#include "common/clock.h"
#include "common/json.h"
#include "proxy/admin/call.h"
#include "proxy/admin/filters.h"

enum { STEP = 200 /* messages: some milliseconds */ };

struct audit_call {
    struct store_job job;
    struct admin_call *call;
    struct arena *arena; /* of the step; what it found is written before the next one */
    struct filter filter;
    size_t left; /* messages */
    struct audit_page page;
    struct strbuf text;
    struct json_writer json;
    uint64_t counts[HANDLING_COUNT], messages;
};

static void member(struct json_writer *json, const char *key, struct str value) {
    if (value.len == 0)
        return;
    json_key(json, key);
    json_str(json, value);
}

static void write_message(struct audit_call *audit, const struct occurrence *occurrence, const struct record *record) {
    struct json_writer *json = &audit->json;
    bool handled = occurrence_was_handled(occurrence, record);
    json_object_begin(json);
    member(json, "id", message_id_format(audit->arena, record->id));
    member(json, "generation", str_of(generation_name(record->generation)));
    member(json, "endpoint", str_of(endpoint_name(record->endpoint)));
    member(json, "type", record->type);
    member(json, "state", str_of(state_name(record->state)));
    member(json, "received", clock_format_rfc3339(audit->arena, record->received_ms));
    json_key(json, "handled");
    json_bool(json, handled);
    if (handled && record->state == STATE_DELIVERED)
        member(json, "at", clock_format_rfc3339(audit->arena, record->changed_ms));
    json_object_end(json);
}

static struct str side_of(const struct occurrence *occurrence) {
    bool legacy = occurrence->handled_by[ENDPOINT_LEGACY] > 0, new = occurrence->handled_by[ENDPOINT_NEW] > 0;
    if (legacy && new)
        return STR("both");
    return legacy ? STR("legacy") : new ? STR("new") : STR("");
}

static void write_occurrence(struct audit_call *audit, const struct occurrence *occurrence) {
    struct json_writer *json = &audit->json;
    const struct record *first = &occurrence->messages[0];
    enum handling handling = occurrence_handling(occurrence);
    audit->counts[handling]++;
    json_object_begin(json);
    member(json, "handled", str_of(handling_name(handling)));
    member(json, "by", side_of(occurrence));
    member(json, "key", occurrence->key);
    member(json, "type", first->type);
    member(json, "company", first->company);
    if (occurrence->of_key > 1) {
        json_key(json, "of_key");
        json_int(json, occurrence->of_key);
    }
    json_key(json, "messages");
    json_array_begin(json);
    for (size_t i = 0; i < occurrence->message_count; i++)
        write_message(audit, occurrence, &occurrence->messages[i]);
    json_array_end(json);
    json_object_end(json);
}

static enum err run_step(struct ledger *ledger, struct store_job *job) {
    struct audit_call *audit = CONTAINER_OF(job, struct audit_call, job);
    arena_reset(audit->arena);
    audit->filter.look_max = audit->left < STEP ? audit->left : STEP;
    return ledger_audit(ledger, audit->arena, &audit->filter, &audit->page);
}

static void answer_page(struct audit_call *audit) {
    struct json_writer *json = &audit->json;
    struct admin_call *call = audit->call;
    json_array_end(json);
    json_key(json, "counts");
    json_object_begin(json);
    for (int h = 0; h < HANDLING_COUNT; h++) {
        json_key(json, handling_name((enum handling)h));
        json_int(json, (int64_t)audit->counts[h]);
    }
    json_object_end(json);
    json_key(json, "message_count");
    json_int(json, (int64_t)audit->messages);
    json_key(json, "next");
    json_str(json, audit->page.looked_to == 0 ? STR_NONE : message_id_format(call->arena, audit->page.looked_to));
    json_object_end(json);
    arena_free(audit->arena);
    answer_json(call->exchange, 200, &audit->text);
}

static void fail(struct audit_call *audit, const char *why) {
    arena_free(audit->arena);
    strbuf_clear(&audit->text);
    answer_problem(audit->call->exchange, 503, "%s", why);
}

static void on_step(struct store_job *job) {
    struct audit_call *audit = CONTAINER_OF(job, struct audit_call, job);
    if (job->err != ERR_NONE) {
        fail(audit, job->detail.text);
        return;
    }
    for (size_t i = 0; i < audit->page.count; i++)
        write_occurrence(audit, &audit->page.occurrences[i]);
    audit->messages += audit->page.messages;
    audit->left -= audit->filter.look_max;
    audit->filter.before = audit->page.looked_to;
    if (audit->page.looked_to == 0 || audit->left == 0)
        answer_page(audit);
    else if (atomic_load(&audit->call->admin->service->stopping))
        fail(audit, "the proxy is stopping");
    else
        store_submit(audit->call->admin->service->store, &audit->job);
}

void admin_audit(struct admin_call *call) {
    struct audit_call *audit = ARENA_NEW(call->arena, struct audit_call);
    struct err_detail detail;
    if (filter_for_audit(&call->query, &audit->filter, &detail) != ERR_NONE) {
        answer_problem(call->exchange, 400, "%s", detail.text);
        return;
    }
    filter_settle_type(&audit->filter, call->admin->service->catalog);
    audit->call = call;
    audit->left = audit->filter.limit;
    audit->arena = arena_new(256 * 1024);
    json_begin(&audit->json, &audit->text);
    json_object_begin(&audit->json);
    json_key(&audit->json, "occurrences");
    json_array_begin(&audit->json);
    audit->job = (struct store_job){.run = run_step, .done = on_step, .loop = call->admin->loop};
    store_submit(call->admin->service->store, &audit->job);
}
