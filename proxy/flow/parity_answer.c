/* The verdict as JSON: what programs and the page read. */
#include "proxy/flow/parity_ask.h"

#include "common/clock.h"
#include "common/json.h"

static void write_count(struct json_writer *json, const char *key, int64_t value) {
    json_key(json, key);
    json_int(json, value);
}

static void write_text(struct json_writer *json, const char *key, struct str text) {
    json_key(json, key);
    json_str(json, text);
}

static struct str when(struct arena *arena, int64_t ms) {
    return ms > 0 ? clock_format_rfc3339(arena, ms) : STR_NONE;
}

static void write_skew(struct json_writer *json, const struct parity_counts *sum) {
    json_key(json, "skew_ms");
    json_object_begin(json);
    if (parity_skew_ms(sum, 0.5) >= 0) {
        write_count(json, "p50", parity_skew_ms(sum, 0.5));
        write_count(json, "p99", parity_skew_ms(sum, 0.99));
        write_count(json, "max", sum->skew_max_ms);
    }
    json_object_end(json);
}

/* `is_all`: an event that replaces several rule types is one event. */
static void write_type(struct arena *arena, struct json_writer *json, const struct verdict_type *type, bool is_all) {
    const struct parity_row *row = &type->row;
    const int64_t *n = row->sum.n;
    json_object_begin(json);
    write_text(json, "type", row->type);
    if (!is_all)
        write_text(json, "replaced_by", type->replaced_by);
    write_text(json, "verdict", str_of(verdict_name(type->verdict)));
    write_count(json, "rules", n[PARITY_RULES]);
    write_count(json, "events", n[PARITY_EVENTS] - (is_all ? n[PARITY_EVENTS_AGAIN] : 0));
    write_count(json, "paired", n[PARITY_RULES_PAIRED] - n[PARITY_UNHANDLED_PAIRED]);
    write_count(json, "paired_unhandled", n[PARITY_UNHANDLED_PAIRED]);
    write_count(json, "rule_only", row->rule_only);
    write_count(json, "event_only", row->event_only);
    write_count(json, "waiting", row->rules_waiting);
    write_count(json, "events_waiting", row->events_waiting);
    write_count(json, "near_misses", n[PARITY_NEAR_MISSES]);
    write_count(json, "rule_first", n[PARITY_RULE_FIRST]);
    write_count(json, "event_first", n[PARITY_EVENT_FIRST]);
    write_skew(json, &row->sum);
    write_text(json, "unpaired_since", when(arena, row->unpaired_since_ms));
    write_text(json, "last_unpaired",
               row->last_unpaired == 0 ? STR_NONE : message_id_format(arena, row->last_unpaired));
    json_object_end(json);
}

static void write_unreplaced(struct arena *arena, struct json_writer *json, const struct verdict_unreplaced *type) {
    json_object_begin(json);
    write_text(json, "type", type->type);
    write_count(json, "rules", type->count);
    write_text(json, "last", when(arena, type->last_ms));
    json_key(json, "acknowledged");
    json_bool(json, type->is_acknowledged);
    json_object_end(json);
}

static void write_heading(struct arena *arena, struct json_writer *json, const struct parity_answer *answer) {
    const struct verdict_report *report = &answer->report;
    const struct parity_report *parity = &answer->evidence.parity;
    write_text(json, "verdict", str_of(verdict_name(report->verdict)));
    write_text(json, "stage", str_of(verdict_stage_name(report->stage)));
    write_text(json, "question", report->question);
    json_key(json, "reasons");
    json_array_begin(json);
    for (size_t i = 0; i < report->reason_count; i++)
        json_str(json, report->reasons[i]);
    json_array_end(json);
    write_text(json, "since", clock_format_rfc3339(arena, parity->since_ms));
    write_text(json, "until", clock_format_rfc3339(arena, parity->until_ms));
    write_count(json, "window_ms", parity->window_ms);
    write_count(json, "waiting", report->all.row.rules_waiting);
    write_count(json, "waiting_for_event", report->waiting_for_event);
    write_count(json, "near_misses", report->all.row.sum.n[PARITY_NEAR_MISSES]);
}

void parity_answer_write(const struct parity_answer *answer, struct strbuf *out) {
    const struct verdict_report *report = &answer->report;
    struct arena *arena = answer->arena;
    struct json_writer json;
    json_begin(&json, out);
    json_object_begin(&json);
    write_heading(arena, &json, answer);
    json_key(&json, "types");
    json_array_begin(&json);
    for (size_t i = 0; i < report->type_count; i++)
        write_type(arena, &json, &report->types[i], false);
    json_array_end(&json);
    json_key(&json, "all");
    write_type(arena, &json, &report->all, true);
    json_key(&json, "without_replacement");
    json_array_begin(&json);
    for (size_t i = 0; i < report->unreplaced_count; i++)
        write_unreplaced(arena, &json, &report->unreplaced[i]);
    json_array_end(&json);
    json_key(&json, "fields");
    fields_write(&json, arena, answer->fields, answer->evidence.settings);
    json_object_end(&json);
}
