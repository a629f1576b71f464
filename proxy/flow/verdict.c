/* A type is ready when rules of it came and each that is older than the window has its event. Events without a rule
 * do no harm: the new side tells more, and that is why one migrates. But they prove nothing either: where no rule came,
 * nobody knows what the events would have to replace. */
#include "proxy/flow/verdict.h"

#include "common/clock.h"
#include "common/json.h"

#include <stdio.h>

enum { REASON_MAX = 64 };

const char *verdict_name(enum verdict verdict) {
    static const char *const names[] = {
        [VERDICT_NO_DATA] = "no-data", [VERDICT_NOT_READY] = "not-ready", [VERDICT_READY] = "ready"};
    return names[verdict];
}

static void add_reason(struct arena *arena, struct verdict_report *report, struct str reason) {
    if (report->reason_count == REASON_MAX)
        return;
    if (report->reasons == NULL)
        report->reasons = ARENA_ARRAY(arena, REASON_MAX, struct str);
    report->reasons[report->reason_count++] = reason;
}

static struct str replaced_by(const struct catalog *catalog, struct str rule, struct arena *arena) {
    struct str names = STR("");
    for (size_t i = 0; i < catalog_type_count(catalog, GENERATION_EVENT); i++) {
        const struct catalog_type *type = catalog_type_at(catalog, GENERATION_EVENT, i);
        for (size_t k = 0; k < type->replaces_count; k++)
            if (str_eq(type->replaces[k].rule, rule)) {
                names = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(names), names.len > 0 ? " or " : "",
                                     STR_ARG(type->name));
                break;
            }
    }
    return names;
}

static struct str when(struct arena *arena, int64_t ms) {
    return clock_format_rfc3339(arena, ms);
}

static void judge_type(struct arena *arena, const struct verdict_question *question, struct verdict_type *type,
                       struct verdict_report *report) {
    const int64_t *n = type->row.sum.n;
    if (n[PARITY_RULES] == 0)
        return;
    type->verdict = VERDICT_READY;
    if (type->row.rule_only > 0) {
        int64_t since_ms = type->row.unpaired_since_ms > 0 ? type->row.unpaired_since_ms : question->since_ms;
        type->verdict = VERDICT_NOT_READY;
        add_reason(arena, report,
                   arena_printf(arena, "%lld " STR_FMT " since " STR_FMT " had no " STR_FMT,
                                (long long)type->row.rule_only, STR_ARG(type->type), STR_ARG(when(arena, since_ms)),
                                STR_ARG(type->replaced_by)));
    } else if (n[PARITY_RULES_PAIRED] == 0) {
        type->verdict = VERDICT_NOT_READY;
        add_reason(arena, report,
                   arena_printf(arena, "%lld " STR_FMT " came, and none has met its " STR_FMT " yet",
                                (long long)n[PARITY_RULES], STR_ARG(type->type), STR_ARG(type->replaced_by)));
    }
}

static void add_up(struct verdict_type *all, const struct verdict_type *type) {
    parity_counts_add(&all->row.sum, &type->row.sum);
    all->row.rules_waiting += type->row.rules_waiting;
    all->row.rule_only += type->row.rule_only;
    if (type->row.last_unpaired > all->row.last_unpaired)
        all->row.last_unpaired = type->row.last_unpaired;
    if (all->verdict != VERDICT_NOT_READY && type->verdict != VERDICT_NO_DATA)
        all->verdict = type->verdict;
}

static bool is_acknowledged(const struct verdict_question *question, struct str type) {
    const struct settings *settings = question->settings;
    enum endpoint endpoint;
    for (size_t i = 0; i < settings->parity_ignore.count; i++)
        if (catalog_is_same(question->catalog, GENERATION_RULE, settings->parity_ignore.items[i], type))
            return true;
    return settings_assigned(settings, type, &endpoint) && endpoint == ENDPOINT_NEW;
}

static void judge_unreplaced(struct arena *arena, const struct verdict_question *question, const struct parity_row *row,
                             struct verdict_report *report) {
    if (row->sum.n[PARITY_UNREPLACED] == 0)
        return;
    struct verdict_unreplaced *unreplaced = &report->unreplaced[report->unreplaced_count++];
    *unreplaced = (struct verdict_unreplaced){.type = row->type,
                                              .count = row->sum.n[PARITY_UNREPLACED],
                                              .last_ms = row->sum.last_unreplaced_ms,
                                              .is_acknowledged = is_acknowledged(question, row->type)};
    if (unreplaced->is_acknowledged)
        return;
    report->all.verdict = VERDICT_NOT_READY;
    add_reason(arena, report,
               arena_printf(arena,
                            "%lld " STR_FMT " came, a type that nothing replaces; if nobody needs it, say so in "
                            "parity.ignore",
                            (long long)unreplaced->count, STR_ARG(row->type)));
}

/* What would be lost although every rule has its event. */
static void judge_new_side(struct arena *arena, const struct verdict_question *question,
                           struct verdict_report *report) {
    uint64_t dead = question->counts.in_state[ENDPOINT_NEW][STATE_DEAD];
    if (report->all.verdict == VERDICT_NO_DATA)
        return;
    if (question->new_is_off) {
        report->all.verdict = VERDICT_NOT_READY;
        add_reason(arena, report, STR("new-consumer is off: with legacy off too, nobody would be told anything"));
    }
    if (dead > 0) {
        report->all.verdict = VERDICT_NOT_READY;
        add_reason(arena, report,
                   arena_printf(arena,
                                "%llu %s for the new endpoint could not be delivered (state dead); mend its "
                                "consumer and replay them",
                                (unsigned long long)dead, dead == 1 ? "message" : "messages"));
    }
}

void verdict_give(struct arena *arena, const struct verdict_question *question, struct verdict_report *report) {
    *report = (struct verdict_report){
        .types = ARENA_ARRAY(arena, question->parity.row_count + catalog_type_count(question->catalog, GENERATION_RULE),
                             struct verdict_type),
        .unreplaced = ARENA_ARRAY(arena, question->parity.row_count, struct verdict_unreplaced),
        .all = {.type = STR("all"), .replaced_by = STR("")},
    };
    for (size_t i = 0; i < question->parity.row_count; i++) {
        const struct parity_row *row = &question->parity.rows[i];
        const struct catalog_type *known = catalog_find(question->catalog, GENERATION_RULE, row->type);
        if (known == NULL || !catalog_has_replacement(known)) {
            judge_unreplaced(arena, question, row, report);
            continue;
        }
        struct verdict_type *type = &report->types[report->type_count++];
        type->type = row->type;
        type->replaced_by = replaced_by(question->catalog, row->type, arena);
        type->row = *row;
        judge_type(arena, question, type, report);
        add_up(&report->all, type);
    }
    report->all.row.event_only = question->parity.events_only;
    report->all.row.events_waiting = question->parity.events_waiting;
    judge_new_side(arena, question, report);
    report->verdict = report->all.verdict;
    if (report->verdict == VERDICT_NO_DATA)
        add_reason(arena, report,
                   arena_printf(arena, "no rule that an event replaces came since " STR_FMT,
                                STR_ARG(when(arena, question->since_ms))));
}

static void write_count(struct json_writer *json, const char *key, int64_t value) {
    json_key(json, key);
    json_int(json, value);
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

static void write_type(struct arena *arena, struct json_writer *json, const struct verdict_type *type) {
    json_object_begin(json);
    json_key(json, "type");
    json_str(json, type->type);
    if (type->replaced_by.len > 0) {
        json_key(json, "replaced_by");
        json_str(json, type->replaced_by);
    }
    json_key(json, "verdict");
    json_str(json, str_of(verdict_name(type->verdict)));
    const struct parity_counts *sum = &type->row.sum;
    write_count(json, "rules", sum->n[PARITY_RULES]);
    write_count(json, "events", sum->n[PARITY_EVENTS] - (type->replaced_by.len > 0 ? 0 : sum->n[PARITY_EVENTS_AGAIN]));
    write_count(json, "paired", sum->n[PARITY_RULES_PAIRED]);
    write_count(json, "rule_only", type->row.rule_only);
    write_count(json, "event_only", type->row.event_only);
    write_count(json, "waiting", type->row.rules_waiting);
    write_count(json, "near_misses", sum->n[PARITY_NEAR_MISSES]);
    write_count(json, "rule_first", sum->n[PARITY_RULE_FIRST]);
    write_count(json, "event_first", sum->n[PARITY_EVENT_FIRST]);
    write_skew(json, sum);
    json_key(json, "last_unpaired");
    json_str(json, type->row.last_unpaired == 0 ? STR_NONE : message_id_format(arena, type->row.last_unpaired));
    json_object_end(json);
}

static void write_unreplaced(struct arena *arena, struct json_writer *json, const struct verdict_unreplaced *type) {
    json_object_begin(json);
    json_key(json, "type");
    json_str(json, type->type);
    write_count(json, "rules", type->count);
    json_key(json, "last");
    json_str(json, type->last_ms > 0 ? when(arena, type->last_ms) : STR_NONE);
    json_key(json, "acknowledged");
    json_bool(json, type->is_acknowledged);
    json_object_end(json);
}

void verdict_write(struct arena *arena, const struct verdict_question *question, const struct verdict_report *report,
                   struct strbuf *out) {
    struct json_writer json;
    json_begin(&json, out);
    json_object_begin(&json);
    json_key(&json, "verdict");
    json_str(&json, str_of(verdict_name(report->verdict)));
    json_key(&json, "reasons");
    json_array_begin(&json);
    for (size_t i = 0; i < report->reason_count; i++)
        json_str(&json, report->reasons[i]);
    json_array_end(&json);
    json_key(&json, "since");
    json_str(&json, when(arena, question->since_ms));
    json_key(&json, "until");
    json_str(&json, when(arena, question->now_ms));
    json_key(&json, "types");
    json_array_begin(&json);
    for (size_t i = 0; i < report->type_count; i++)
        write_type(arena, &json, &report->types[i]);
    json_array_end(&json);
    json_key(&json, "all");
    write_type(arena, &json, &report->all);
    json_key(&json, "without_replacement");
    json_array_begin(&json);
    for (size_t i = 0; i < report->unreplaced_count; i++)
        write_unreplaced(arena, &json, &report->unreplaced[i]);
    json_array_end(&json);
    json_object_end(&json);
}
