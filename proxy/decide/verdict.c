/* A type is ready when alerts of it came, each that is older than the window has its event, and one of the two was
 * handled. An alert without an event that is younger may get it yet: the answer is "not yet", with the time to ask
 * again. Events without an alert do no harm: the new side tells more, and that is why one migrates. But they prove
 * nothing either: where no alert came, nobody knows what the events would have to replace.
 *
 * The counts are of the past, under the flags of the past. So the flags in force are asked as well: an event that
 * would be parked today replaces nothing. */
#include "proxy/decide/verdict.h"

#include "common/clock.h"
#include "common/nearest.h"

enum { REASON_MAX = 64 };

#define OTHER_KINDS    ":other"
#define MINUTE_MS      ((int64_t)60 * 1000)
#define DAY_MS         (24 * 60 * MINUTE_MS)
#define QUESTION       "May legacy be switched off?"
#define QUESTION_AFTER "Legacy is off: is everything handled without it?"

const char *verdict_name(enum verdict verdict) {
    static const char *const names[] = {
        [VERDICT_NO_DATA] = "no-data", [VERDICT_NOT_READY] = "not-ready", [VERDICT_READY] = "ready"};
    return names[verdict];
}

const char *verdict_stage_name(enum verdict_stage stage) {
    static const char *const names[] = {
        [STAGE_EXPAND] = "expand", [STAGE_BOTH] = "both", [STAGE_CONTRACT] = "contract"};
    return names[stage];
}

struct judge {
    struct arena *arena;
    const struct verdict_evidence *evidence;
    struct verdict_report *report;
};

static void add_reason(struct judge *judge, struct str reason) {
    struct verdict_report *report = judge->report;
    if (report->reason_count == REASON_MAX)
        return;
    if (report->reasons == NULL)
        report->reasons = ARENA_ARRAY(judge->arena, REASON_MAX, struct str);
    report->reasons[report->reason_count++] = reason;
}

/* A reason against the whole. */
static void refuse(struct judge *judge, struct str reason) {
    judge->report->all.verdict = VERDICT_NOT_READY;
    add_reason(judge, reason);
}

static struct str when(const struct judge *judge, int64_t ms) {
    return clock_format_rfc3339(judge->arena, ms);
}

static struct str replaced_by(const struct judge *judge, struct str rule) {
    const struct catalog *catalog = judge->evidence->catalog;
    struct str names = STR("");
    for (size_t i = 0; i < catalog_type_count(catalog, GENERATION_EVENT); i++) {
        const struct catalog_type *type = catalog_type_at(catalog, GENERATION_EVENT, i);
        for (size_t k = 0; k < type->replaces_count; k++)
            if (str_eq(type->replaces[k].rule, rule)) {
                struct str label = type->label; /* "*.write.successful": of any kind */
                if (str_starts_with(label, STR("*.")))
                    label = str_from(label, 2);
                names = arena_printf(judge->arena, STR_FMT "%s" STR_FMT, STR_ARG(names), names.len > 0 ? " or " : "",
                                     STR_ARG(label));
                break;
            }
    }
    return names;
}

/* --- types that are replaced */

static bool is_legacy_off(const struct judge *judge) {
    return !judge->evidence->flags.legacy_may_be_on;
}

static void refuse_type(struct judge *judge, struct verdict_type *type, struct str reason) {
    type->verdict = VERDICT_NOT_READY;
    add_reason(judge, reason);
}

static void judge_alone(struct judge *judge, struct verdict_type *type) {
    const struct parity_row *row = &type->row;
    int64_t since_ms = row->unpaired_since_ms > 0 ? row->unpaired_since_ms : judge->evidence->parity.since_ms;
    if (row->rule_only > 0)
        refuse_type(judge, type,
                    arena_printf(judge->arena, "%lld " STR_FMT " since " STR_FMT " had no " STR_FMT,
                                 (long long)row->rule_only, STR_ARG(row->type), STR_ARG(when(judge, since_ms)),
                                 STR_ARG(type->replaced_by)));
}

static void judge_unhandled_pairs(struct judge *judge, struct verdict_type *type) {
    int64_t pairs = type->row.sum.n[PARITY_UNHANDLED_PAIRED];
    if (pairs > 0)
        refuse_type(judge, type,
                    arena_printf(judge->arena,
                                 "%lld " STR_FMT " had %s event, and nobody handled either: both consumers were off "
                                 "for them, or failed",
                                 (long long)pairs, STR_ARG(type->row.type), pairs == 1 ? "its" : "their"));
}

/* A rare type needs as many proofs as it had alerts, so that it does not hold up the others for ever. */
static void judge_proofs(struct judge *judge, struct verdict_type *type) {
    const struct parity_row *row = &type->row;
    int64_t settled = row->seen - row->rules_waiting;
    int64_t wanted = judge->evidence->settings->parity_evidence;
    if (settled < wanted)
        wanted = settled;
    if (row->proven < wanted && type->verdict != VERDICT_NOT_READY)
        refuse_type(judge, type,
                    arena_printf(judge->arena,
                                 "%lld of %lld " STR_FMT " so far had an event, one of the two handled; "
                                 "parity.evidence asks for %lld",
                                 (long long)row->proven, (long long)row->seen, STR_ARG(row->type), (long long)wanted));
}

static void judge_type(struct judge *judge, struct verdict_type *type) {
    const struct parity_row *row = &type->row;
    if (row->seen == 0)
        return;
    if (row->sum.n[PARITY_RULES] > 0)
        type->verdict = VERDICT_READY;
    judge_alone(judge, type);
    judge_unhandled_pairs(judge, type);
    judge_proofs(judge, type);
    if (row->rules_waiting > 0) /* the reason is told once for all types */
        type->verdict = VERDICT_NOT_READY;
}

static void add_up(struct verdict_type *all, const struct verdict_type *type) {
    parity_counts_add(&all->row.sum, &type->row.sum);
    all->row.rules_waiting += type->row.rules_waiting;
    all->row.rule_only += type->row.rule_only;
    all->row.unhandled_only += type->row.unhandled_only;
    all->row.seen += type->row.seen;
    all->row.proven += type->row.proven;
    if (type->row.waiting_until_ms > all->row.waiting_until_ms)
        all->row.waiting_until_ms = type->row.waiting_until_ms;
    if (type->row.last_unpaired > all->row.last_unpaired)
        all->row.last_unpaired = type->row.last_unpaired;
    if (all->verdict != VERDICT_NOT_READY && type->verdict != VERDICT_NO_DATA)
        all->verdict = type->verdict;
}

/* "14:32 UTC", with the date where that is not today or tomorrow. */
static struct str clock_time(const struct judge *judge, int64_t at_ms) {
    int64_t up_ms = (at_ms + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS;
    struct str full = when(judge, up_ms);
    struct str time = str_slice(full.at + 11, 5);
    if (up_ms - judge->evidence->parity.until_ms < DAY_MS)
        return arena_printf(judge->arena, STR_FMT " UTC", STR_ARG(time));
    return arena_printf(judge->arena, STR_FMT " UTC on %.10s", STR_ARG(time), full.at);
}

static void judge_waiting(struct judge *judge) {
    const struct parity_row *all = &judge->report->all.row;
    if (all->rules_waiting == 0 || is_legacy_off(judge))
        return;
    int64_t until_ms = all->waiting_until_ms;
    refuse(judge, arena_printf(judge->arena, "%lld %s younger than the window, ask again at " STR_FMT,
                               (long long)all->rules_waiting, all->rules_waiting == 1 ? "alert is" : "alerts are",
                               STR_ARG(clock_time(judge, until_ms))));
}

static void judge_after_legacy(struct judge *judge) {
    const int64_t *n = judge->report->all.row.sum.n;
    int64_t waiting = n[PARITY_UNHANDLED] - n[PARITY_UNHANDLED_PAIRED];
    judge->report->waiting_for_event = waiting;
    if (is_legacy_off(judge) && waiting > 0)
        refuse(judge, arena_printf(judge->arena, "Legacy is off; %lld %s for %s event", (long long)waiting,
                                   waiting == 1 ? "alert waits" : "alerts wait", waiting == 1 ? "its" : "their"));
}

/* --- types that are not */

static bool is_ignored(const struct judge *judge, struct str name) {
    const struct settings *settings = judge->evidence->settings;
    for (size_t i = 0; i < settings->parity_ignore.count; i++)
        if (catalog_is_same(judge->evidence->catalog, GENERATION_RULE, settings->parity_ignore.items[i], name) ||
            str_eq_nocase(settings->parity_ignore.items[i], name))
            return true;
    return false;
}

static bool is_acknowledged(const struct judge *judge, struct str name) {
    enum endpoint endpoint;
    return is_ignored(judge, name) ||
           (settings_assigned(judge->evidence->settings, name, &endpoint) && endpoint == ENDPOINT_NEW);
}

static void refuse_unreplaced(struct judge *judge, const struct verdict_unreplaced *unreplaced, struct str type,
                              bool is_replaced) {
    long long count = unreplaced->count;
    if (str_eq(type, STR(PARITY_UNRECOGNISED)))
        refuse(judge, arena_printf(judge->arena,
                                   "%lld %s in no known shape went to legacy; if nobody needs them, add "
                                   "\"" PARITY_UNRECOGNISED "\" to parity.ignore",
                                   count, count == 1 ? "message" : "messages"));
    else if (is_replaced)
        refuse(judge, arena_printf(judge->arena,
                                   "%lld " STR_FMT " told of something that no event tells (a status or a change "
                                   "without a replacement); if nobody needs them, add \"" STR_FMT "\" to parity.ignore",
                                   count, STR_ARG(type), STR_ARG(unreplaced->type)));
    else
        refuse(judge, arena_printf(judge->arena,
                                   "%lld " STR_FMT " came, a type that nothing replaces; if nobody needs it, say so "
                                   "in parity.ignore",
                                   count, STR_ARG(type)));
}

/* Also of a type that is replaced in general: an alert can tell of a status that no event has. */
static void judge_unreplaced(struct judge *judge, const struct parity_row *row, bool is_replaced) {
    if (row->sum.n[PARITY_UNREPLACED] <= 0)
        return;
    struct verdict_unreplaced *unreplaced = &judge->report->unreplaced[judge->report->unreplaced_count++];
    *unreplaced = (struct verdict_unreplaced){
        .type = is_replaced ? arena_printf(judge->arena, STR_FMT OTHER_KINDS, STR_ARG(row->type)) : row->type,
        .count = row->sum.n[PARITY_UNREPLACED],
        .last_ms = row->sum.last_unreplaced_ms};
    unreplaced->is_acknowledged = is_acknowledged(judge, unreplaced->type);
    if (!unreplaced->is_acknowledged)
        refuse_unreplaced(judge, unreplaced, row->type, is_replaced);
}

/* --- flags, and the new side */

static void judge_new_flag(struct judge *judge) {
    const struct verdict_flags *flags = &judge->evidence->flags;
    if (!flags->new_may_be_on)
        refuse(judge, STR("new-consumer is off: with legacy off too, nobody would be told anything"));
    else if (flags->new_may_be_off && !flags->asked)
        refuse(judge, STR("new-consumer has targeting that may say off, and the messages seen were not asked about"));
    else if (flags->new_off > 0)
        refuse(judge,
               arena_printf(judge->arena,
                            "new-consumer is off for %lld of %lld messages for it (%.0f %%), for example "
                            "message " STR_FMT,
                            (long long)flags->new_off, (long long)flags->new_asked,
                            100 * (double)flags->new_off / (double)flags->new_asked, STR_ARG(flags->new_off_example)));
    if (flags->may_change)
        refuse(judge,
               STR("the targeting of a consumer flag changes with time ($flagd.timestamp): what it says now need "
                   "not hold when legacy is off"));
    if (flags->both_off > 0)
        refuse(judge,
               arena_printf(judge->arena, "both consumers are off for %lld %s seen, for example message " STR_FMT,
                            (long long)flags->both_off, flags->both_off == 1 ? "message" : "messages",
                            STR_ARG(flags->both_off_example)));
}

/* Those that legacy took over are in state dead no more, and yet say that the new consumer would have lost them. */
static int64_t count_died(const struct judge *judge) {
    int64_t died = 0;
    for (size_t i = 0; i < judge->evidence->parity.row_count; i++)
        died += judge->evidence->parity.rows[i].sum.n[PARITY_DIED];
    return died;
}

static void judge_dead(struct judge *judge) {
    long long dead = judge->evidence->dead_new, rescued = count_died(judge) - dead;
    if (rescued > 0)
        refuse(
            judge,
            arena_printf(judge->arena,
                         "%lld %s failed for good at the new consumer in this period, and legacy handled what %s told; "
                         "mend the consumer, then ask about a period that begins after that (--since)",
                         rescued, rescued == 1 ? "event" : "events", rescued == 1 ? "it" : "they"));
    if (dead > 0)
        refuse(judge, arena_printf(judge->arena,
                                   "%lld %s for the new endpoint could not be delivered (state dead); mend its "
                                   "consumer and replay them",
                                   dead, dead == 1 ? "message" : "messages"));
}

static void judge_fields(struct judge *judge) {
    for (size_t i = 0; i < judge->evidence->field_count; i++) {
        const struct field_evidence *field = &judge->evidence->fields[i];
        if (field_is_reason(judge->evidence->settings, field))
            refuse(judge, arena_printf(judge->arena,
                                       STR_FMT " and its event differ in " STR_FMT
                                               " in %llu of %llu pairs, for example message " STR_FMT
                                               " (parity --fields shows all; parity.ignore_fields leaves one out)",
                                       STR_ARG(field->type), STR_ARG(field->member),
                                       (unsigned long long)field->different, (unsigned long long)field->compared,
                                       STR_ARG(message_id_format(judge->arena, field->example))));
    }
}

static enum verdict_stage stage_of(const struct verdict_flags *flags) {
    if (!flags->legacy_may_be_on)
        return STAGE_CONTRACT;
    return flags->new_may_be_on ? STAGE_BOTH : STAGE_EXPAND;
}

static void judge_rows(struct judge *judge) {
    const struct verdict_evidence *evidence = judge->evidence;
    struct verdict_report *report = judge->report;
    for (size_t i = 0; i < evidence->parity.row_count; i++) {
        const struct parity_row *row = &evidence->parity.rows[i];
        const struct catalog_type *known = catalog_find(evidence->catalog, GENERATION_RULE, row->type);
        bool is_replaced = known != NULL && catalog_has_replacement(known);
        judge_unreplaced(judge, row, is_replaced);
        if (!is_replaced || (row->seen == 0 && row->sum.n[PARITY_EVENTS] == 0))
            continue;
        struct verdict_type *type = &report->types[report->type_count++];
        *type = (struct verdict_type){.row = *row, .replaced_by = replaced_by(judge, row->type)};
        judge_type(judge, type);
        add_up(&report->all, type);
    }
    report->all.row.event_only = evidence->parity.events_only;
    report->all.row.events_waiting = evidence->parity.events_waiting;
}

void verdict_give(struct arena *arena, const struct verdict_evidence *evidence, struct verdict_report *report) {
    size_t rows = evidence->parity.row_count;
    struct judge judge = {arena, evidence, report};
    *report = (struct verdict_report){
        .stage = stage_of(&evidence->flags),
        .question = evidence->flags.legacy_may_be_on ? STR(QUESTION) : STR(QUESTION_AFTER),
        .types = ARENA_ARRAY(arena, rows, struct verdict_type),
        .unreplaced = ARENA_ARRAY(arena, rows, struct verdict_unreplaced),
        .all = {.row = {.type = STR("all")}, .replaced_by = STR("")},
    };
    judge_rows(&judge);
    judge_after_legacy(&judge);
    judge_waiting(&judge);
    if (report->all.verdict != VERDICT_NO_DATA) {
        judge_new_flag(&judge);
        judge_dead(&judge);
        judge_fields(&judge);
    }
    report->verdict = report->all.verdict;
    if (report->verdict == VERDICT_NO_DATA)
        add_reason(&judge, arena_printf(arena, "no rule that an event replaces came since " STR_FMT,
                                        STR_ARG(when(&judge, evidence->parity.since_ms))));
}

/* --- parity.ignore */

static const char *suggest(struct arena *arena, const struct catalog *catalog, struct str name) {
    struct nearest nearest;
    nearest_begin(&nearest, name);
    nearest_offer(&nearest, STR(PARITY_UNRECOGNISED));
    for (size_t i = 0; i < catalog_type_count(catalog, GENERATION_RULE); i++)
        nearest_offer(&nearest, catalog_type_at(catalog, GENERATION_RULE, i)->name);
    return nearest.best.at == NULL ? ""
                                   : arena_printf(arena, "; did you mean \"" STR_FMT "\"?", STR_ARG(nearest.best)).at;
}

const char *verdict_check_ignored(struct arena *arena, const struct catalog *catalog, struct str name) {
    bool is_other = str_ends_with(name, STR(OTHER_KINDS));
    struct str type_name = is_other ? str_slice(name.at, name.len - strlen(OTHER_KINDS)) : name;
    const struct catalog_type *type = catalog_find(catalog, GENERATION_RULE, type_name);
    if (str_eq_nocase(name, STR(PARITY_UNRECOGNISED)) || (type == NULL && str_find(name, STR("(")) >= 0))
        return NULL;
    if (type == NULL)
        return arena_printf(arena,
                            "\"" STR_FMT
                            "\" is no rule type that the catalogue lists%s (one that the vendor made for you is "
                            "written as it comes, with its parentheses)",
                            STR_ARG(type_name), suggest(arena, catalog, type_name))
            .at;
    if (catalog_has_replacement(type) && !is_other)
        return arena_printf(arena,
                            "\"" STR_FMT "\" is replaced by an event, so ignoring it has no effect; expected a type "
                            "without a replacement, or \"" STR_FMT OTHER_KINDS
                            "\" for those of its alerts that no event replaces",
                            STR_ARG(type->name), STR_ARG(type->name))
            .at;
    if (!catalog_has_replacement(type) && is_other)
        return arena_printf(arena, "\"" STR_FMT "\": nothing replaces this type; expected \"" STR_FMT "\"",
                            STR_ARG(name), STR_ARG(type->name))
            .at;
    return NULL;
}
