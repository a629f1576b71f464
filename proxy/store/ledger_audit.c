/* Each message of a list is asked: whose first message are you? So an occurrence is told once, by its message with the
 * lowest id, and nothing needs to be remembered between steps:
 *
 *     ledger_audit ─► list ─► for each message ──┬─ an event: for each item, the rules that are its twins
 *                                                └─ a rule: for each twin, the event's item with all its rules
 *
 * Twins are few, and nearly always among the latest loaded. */
#include "proxy/store/ledger_audit.h"

#include "proxy/store/ledger_internal.h"

enum { KEY_ROWS_MAX = 64 };

struct auditor {
    struct ledger *ledger;
    struct arena *arena;
    const struct filter *filter;
    struct audit_page *page;
};

bool occurrence_was_handled(const struct occurrence *occurrence, const struct record *record) {
    return record_handles(record, record->generation == GENERATION_EVENT ? occurrence->item : 0);
}

enum handling occurrence_handling(const struct occurrence *occurrence) {
    if (occurrence->handled_by[ENDPOINT_LEGACY] > 0 && occurrence->handled_by[ENDPOINT_NEW] > 0)
        return HANDLED_BY_BOTH;
    if (occurrence->handled_by[ENDPOINT_LEGACY] > 0 || occurrence->handled_by[ENDPOINT_NEW] > 0 ||
        occurrence->is_leaning)
        return HANDLED_ONCE;
    for (size_t i = 0; i < occurrence->message_count; i++)
        if (!state_is_final(occurrence->messages[i].state))
            return HANDLED_WAITING;
    return HANDLED_BY_NOBODY;
}

const char *handling_name(enum handling handling) {
    static const char *const names[] = {
        [HANDLED_ONCE] = "once",
        [HANDLED_BY_BOTH] = "both",
        [HANDLED_BY_NOBODY] = "nobody",
        [HANDLED_WAITING] = "waiting",
    };
    return names[handling];
}

static bool type_passes(const struct auditor *auditor, const struct occurrence *occurrence) {
    struct filter by_type = {.state = -1,
                             .generation = -1,
                             .type = auditor->filter->type,
                             .type_is_prefix = auditor->filter->type_is_prefix};
    for (size_t i = 0; i < occurrence->message_count; i++)
        if (filter_passes(&by_type, &occurrence->messages[i]))
            return true;
    return false;
}

static const struct fact *first_fact(struct arena *arena, const struct record *record, uint32_t item) {
    struct item *items;
    size_t count;
    if (!ledger_facts_decode(arena, record->facts, &items, &count) || item >= count || items[item].fact_count == 0)
        return NULL;
    return &items[item].facts[0];
}

/* How often the key was told around this time, by the generation that tells it best: events, else this rule. */
static enum err count_of_key(struct auditor *auditor, struct occurrence *occurrence, const struct fact *fact) {
    struct ledger *ledger = auditor->ledger;
    const struct record *record = &occurrence->messages[0];
    struct fact_row rows[KEY_ROWS_MAX];
    size_t count = 0;
    occurrence->of_key = 1;
    if (fact->match == MATCH_EXACT)
        return ERR_NONE;
    TRY(ledger->ops->find_facts(ledger->backend, fact_hash(record->generation, fact->key),
                                record->time_ms - ledger->policy.window_ms, record->time_ms + ledger->policy.window_ms,
                                rows, KEY_ROWS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        struct record other;
        if (rows[i].message == record->id)
            continue;
        enum err err = ledger_load_other(ledger, rows[i].message, &other);
        if (err == ERR_NONE && other.group == record->group && ledger_facts_state(other.facts, rows[i].item, fact->key))
            occurrence->of_key++;
        else if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

static void sum_up(struct occurrence *occurrence) {
    for (size_t i = 0; i < occurrence->message_count; i++) {
        const struct record *record = &occurrence->messages[i];
        occurrence->handled_by[record->endpoint] += occurrence_was_handled(occurrence, record) ? 1 : 0;
        occurrence->is_leaning = occurrence->is_leaning || record->state == STATE_SUPPRESSED;
    }
}

static enum err add(struct auditor *auditor, struct occurrence *occurrence) {
    struct audit_page *page = auditor->page;
    if (!type_passes(auditor, occurrence))
        return ERR_NONE;
    const struct fact *fact = first_fact(auditor->arena, &occurrence->messages[0], occurrence->item);
    occurrence->of_key = 1;
    if (fact != NULL) {
        occurrence->key = arena_str(auditor->arena, fact->key);
        TRY(count_of_key(auditor, occurrence, fact));
    }
    sum_up(occurrence);
    if (page->count == page->capacity) {
        page->capacity = page->capacity == 0 ? 64 : page->capacity * 2;
        struct occurrence *larger = ARENA_ARRAY(auditor->arena, page->capacity, struct occurrence);
        if (page->count > 0)
            memcpy(larger, page->occurrences, page->count * sizeof *larger);
        page->occurrences = larger;
    }
    page->occurrences[page->count++] = *occurrence;
    return ERR_NONE;
}

static enum err load(struct auditor *auditor, uint64_t id, struct record *record) {
    TRY(ledger_load_other(auditor->ledger, id, record));
    record_keep(auditor->arena, record);
    return ERR_NONE;
}

/* The item of an event with its rules, if `first` is the first of them. */
static enum err add_item(struct auditor *auditor, uint64_t first, const struct record *event, uint32_t item,
                         const struct twin *twins, size_t twin_count) {
    struct occurrence occurrence = {.item = item};
    occurrence.messages = ARENA_ARRAY(auditor->arena, twin_count + 1, struct record);
    occurrence.messages[occurrence.message_count++] = *event;
    if (event->id < first)
        return ERR_NONE;
    for (size_t i = 0; i < twin_count; i++) {
        if (twins[i].item != item)
            continue;
        if (twins[i].rule < first)
            return ERR_NONE;
        enum err err = load(auditor, twins[i].rule, &occurrence.messages[occurrence.message_count]);
        if (err == ERR_NONE)
            occurrence.message_count++;
        else if (err != ERR_NOT_FOUND)
            return err;
    }
    return add(auditor, &occurrence);
}

static enum err find_twins(struct auditor *auditor, uint64_t id, struct twin **twins, size_t *count) {
    struct ledger *ledger = auditor->ledger;
    return ledger->ops->find_twins(ledger->backend, auditor->arena, id, twins, count);
}

static enum err audit_event(struct auditor *auditor, const struct record *event) {
    struct twin *twins;
    size_t count;
    TRY(find_twins(auditor, event->id, &twins, &count));
    for (uint32_t item = 0; item < event->item_count; item++)
        TRY(add_item(auditor, event->id, event, item, twins, count));
    return ERR_NONE;
}

/* One without a twin is an occurrence of its own; so is a message of no known shape. */
static enum err audit_alone(struct auditor *auditor, const struct record *record) {
    struct occurrence occurrence = {.message_count = 1, .messages = ARENA_NEW(auditor->arena, struct record)};
    occurrence.messages[0] = *record;
    return add(auditor, &occurrence);
}

static enum err audit_rule(struct auditor *auditor, const struct record *rule) {
    struct twin *twins, *siblings;
    size_t count, sibling_count, found = 0;
    TRY(find_twins(auditor, rule->id, &twins, &count));
    for (size_t i = 0; i < count; i++) {
        struct record event;
        enum err err = load(auditor, twins[i].event, &event);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        found++;
        TRY(find_twins(auditor, event.id, &siblings, &sibling_count));
        TRY(add_item(auditor, rule->id, &event, twins[i].item, siblings, sibling_count));
    }
    return found > 0 ? ERR_NONE : audit_alone(auditor, rule);
}

enum err ledger_audit(struct ledger *ledger, struct arena *arena, const struct filter *filter,
                      struct audit_page *page) {
    struct auditor auditor = {.ledger = ledger, .arena = arena, .filter = filter, .page = page};
    struct filter all = {.state = -1,
                         .generation = -1,
                         .company = filter->company,
                         .before = filter->before,
                         .since_ms = filter->since_ms,
                         .until_ms = filter->until_ms,
                         .limit = SIZE_MAX,
                         .look_max = filter->look_max,
                         .looked_to = &page->looked_to};
    struct record *records;
    size_t count;
    *page = (struct audit_page){.messages = 0};
    arena_reset(ledger->scratch);
    TRY(ledger_list(ledger, arena, &all, &records, &count));
    page->messages = count;
    for (size_t i = 0; i < count; i++) {
        arena_reset(ledger->scratch);
        if (records[i].generation == GENERATION_EVENT)
            TRY(audit_event(&auditor, &records[i]));
        else if (records[i].generation == GENERATION_RULE)
            TRY(audit_rule(&auditor, &records[i]));
        else
            TRY(audit_alone(&auditor, &records[i]));
    }
    return ERR_NONE;
}
