/* What parity counts of twins. A rule is paired with its first twin, an event once per rule type: an event of five
 * data types is one event, however many alerts tell of it. */
#include "proxy/store/ledger_internal.h"

struct parity_pair ledger_pair(const struct record *rule, const struct record *event) {
    return (struct parity_pair){.type = rule->type,
                                .rule = rule->id,
                                .event = event->id,
                                .rule_ms = rule->received_ms,
                                .event_ms = event->received_ms};
}

enum err ledger_has_twin_of_type(struct ledger *ledger, const struct record *event, const struct record *rule,
                                 bool *has) {
    struct twin *twins;
    size_t count;
    bool found = false;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, event->id, &twins, &count));
    for (size_t i = 0; i < count && !found; i++)
        found = twins[i].rule != rule->id && twins[i].group == rule->group;
    /* another RuleId is another group: then only the message itself tells of what type it is */
    for (size_t i = 0; i < count && !found; i++) {
        struct record other;
        if (twins[i].rule == rule->id)
            continue;
        enum err err = ledger_load_other(ledger, twins[i].rule, &other);
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
        found = err == ERR_NONE && str_eq(other.type, rule->type);
    }
    *has = found;
    return ERR_NONE;
}

static bool has_other_event(const struct twin *twins, size_t count, uint64_t event) {
    for (size_t i = 0; i < count; i++)
        if (twins[i].event != event)
            return true;
    return false;
}

static enum err part_from_event(struct ledger *ledger, const struct record *rule, const struct record *event,
                                bool is_first) {
    struct parity_pair pair = ledger_pair(rule, event);
    bool has_other;
    TRY(ledger_has_twin_of_type(ledger, event, rule, &has_other));
    pair.is_first_of_rule = is_first;
    pair.is_first_of_event = !has_other;
    parity_note_parting(ledger->parity, &pair);
    return ERR_NONE;
}

/* `earlier`: the rules that were parted from the event before. */
static enum err part_from_rule(struct ledger *ledger, const struct record *event, const struct record *rule,
                               const struct record *earlier, size_t earlier_count) {
    struct parity_pair pair = ledger_pair(rule, event);
    struct twin *twins;
    size_t count;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, rule->id, &twins, &count));
    pair.is_first_of_rule = !has_other_event(twins, count, event->id);
    pair.is_first_of_event = true;
    for (size_t i = 0; i < earlier_count; i++)
        pair.is_first_of_event = pair.is_first_of_event && !str_eq(earlier[i].type, rule->type);
    parity_note_parting(ledger->parity, &pair);
    return ERR_NONE;
}

static bool is_among(uint64_t id, const struct record *records, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (records[i].id == id)
            return true;
    return false;
}

enum err ledger_note_forgotten(struct ledger *ledger, const struct record *record) {
    bool is_rule = record->generation == GENERATION_RULE;
    struct twin *twins;
    size_t count, parted = 0;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &count));
    struct record *others = ARENA_ARRAY(ledger->scratch, count, struct record);
    for (size_t i = 0; i < count; i++) {
        uint64_t other = is_rule ? twins[i].event : twins[i].rule;
        if (is_among(other, others, parted))
            continue; /* twins by several items are one pair */
        enum err err = ledger_load_other(ledger, other, &others[parted]);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        if (is_rule)
            TRY(part_from_event(ledger, record, &others[parted], parted == 0));
        else
            TRY(part_from_rule(ledger, record, &others[parted], others, parted));
        parted++;
    }
    parity_note_forgotten(ledger->parity, record->id);
    return ERR_NONE;
}
