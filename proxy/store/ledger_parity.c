/* What parity counts of a message when it arrives, when its twin does, when it moves and when it is forgotten. A rule
 * is paired by its first twin, an event once per rule type: an event of five data types is one event, however many
 * alerts tell of it. A row of `unpaired` stands for each message and rule type until then; taking it away says that
 * the twin was the first one. */
#include "proxy/store/ledger_internal.h"

struct parity_pair ledger_pair(const struct record *rule, const struct record *event) {
    return (struct parity_pair){.type = rule->type,
                                .rule = rule->id,
                                .event = event->id,
                                .rule_ms = rule->received_ms,
                                .event_ms = event->received_ms};
}

static void count(struct ledger *ledger, const struct record *record, struct str type, enum parity_number number,
                  int64_t by) {
    parity_count(ledger->parity, type, record->received_ms, number, by);
}

static enum err add_unpaired(struct ledger *ledger, const struct record *record, struct str type) {
    const struct unpaired row = {.received_ms = record->received_ms,
                                 .message = record->id,
                                 .type = type,
                                 .is_rule = record->generation == GENERATION_RULE};
    return ledger->ops->add_unpaired(ledger->backend, &row);
}

static enum err remove_unpaired(struct ledger *ledger, const struct record *record, struct str type, bool *removed) {
    const struct unpaired row = {.received_ms = record->received_ms, .message = record->id, .type = type};
    return ledger->ops->remove_unpaired(ledger->backend, &row, removed);
}

/* Has the event a twin besides that rule? */
static enum err has_other_twin(struct ledger *ledger, const struct record *event, uint64_t rule, bool *has) {
    struct twin *twins;
    size_t twin_count;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, event->id, &twins, &twin_count));
    *has = false;
    for (size_t i = 0; i < twin_count && !*has; i++)
        *has = twins[i].rule != rule;
    return ERR_NONE;
}

/* A rule has met an event that was stored before. */
static enum err pair_stored_event(struct ledger *ledger, const struct record *event, const struct record *rule) {
    bool is_first, is_again;
    TRY(remove_unpaired(ledger, event, rule->type, &is_first));
    if (!is_first)
        return ERR_NONE;
    count(ledger, event, rule->type, PARITY_EVENTS_PAIRED, 1);
    TRY(has_other_twin(ledger, event, rule->id, &is_again));
    if (is_again)
        count(ledger, event, rule->type, PARITY_EVENTS_PAIRED_AGAIN, 1);
    return ERR_NONE;
}

/* An event has met a rule that was stored before. */
static enum err pair_stored_rule(struct ledger *ledger, const struct record *rule) {
    bool is_first;
    TRY(remove_unpaired(ledger, rule, rule->type, &is_first));
    if (!is_first)
        return ERR_NONE;
    count(ledger, rule, rule->type, PARITY_RULES_PAIRED, 1);
    if (record_is_unhandled(rule))
        count(ledger, rule, rule->type, PARITY_UNHANDLED_PAIRED, 1);
    return ERR_NONE;
}

static enum err count_rule(struct ledger *ledger, const struct record *rule, const struct record *const *twins,
                           size_t twin_count) {
    count(ledger, rule, rule->type, PARITY_RULES, 1);
    if (record_is_unhandled(rule))
        count(ledger, rule, rule->type, PARITY_UNHANDLED, 1);
    if (twin_count == 0)
        return add_unpaired(ledger, rule, rule->type);
    count(ledger, rule, rule->type, PARITY_RULES_PAIRED, 1);
    if (record_is_unhandled(rule))
        count(ledger, rule, rule->type, PARITY_UNHANDLED_PAIRED, 1);
    for (size_t i = 0; i < twin_count; i++)
        TRY(pair_stored_event(ledger, twins[i], rule));
    return ERR_NONE;
}

static bool is_type_of_any(struct str type, const struct record *const *rules, size_t rule_count) {
    for (size_t i = 0; i < rule_count; i++)
        if (str_eq(rules[i]->type, type))
            return true;
    return false;
}

static enum err count_event(struct ledger *ledger, const struct message *message, const struct record *event,
                            const struct record *const *twins, size_t twin_count) {
    size_t paired = 0;
    for (size_t i = 0; i < message->replaces_count; i++) {
        struct str type = message->replaces[i];
        count(ledger, event, type, PARITY_EVENTS, 1);
        if (i > 0)
            count(ledger, event, type, PARITY_EVENTS_AGAIN, 1);
        if (!is_type_of_any(type, twins, twin_count)) {
            TRY(add_unpaired(ledger, event, type));
            continue;
        }
        count(ledger, event, type, PARITY_EVENTS_PAIRED, 1);
        if (paired++ > 0)
            count(ledger, event, type, PARITY_EVENTS_PAIRED_AGAIN, 1);
    }
    for (size_t i = 0; i < twin_count; i++)
        TRY(pair_stored_rule(ledger, twins[i]));
    return ERR_NONE;
}

enum err ledger_count_arrival(struct ledger *ledger, const struct message *message, const struct record *record,
                              const struct record *const *twins, size_t twin_count) {
    bool is_rule = message->generation == GENERATION_RULE;
    for (size_t i = 0; i < twin_count; i++) {
        struct parity_pair pair = is_rule ? ledger_pair(record, twins[i]) : ledger_pair(twins[i], record);
        parity_count_pair(ledger->parity, &pair, 1);
    }
    if (message->generation == GENERATION_UNKNOWN) {
        if (message->endpoint == ENDPOINT_LEGACY)
            parity_count_unreplaced(ledger->parity, STR(PARITY_UNRECOGNISED), record->received_ms);
        return ERR_NONE;
    }
    bool is_replaced = message->counterpart.len > 0;
    if (!is_replaced && (is_rule || message->endpoint == ENDPOINT_LEGACY))
        parity_count_unreplaced(ledger->parity, message->type, record->received_ms);
    if (!is_rule)
        return count_event(ledger, message, record, twins, twin_count);
    return is_replaced ? count_rule(ledger, record, twins, twin_count) : ERR_NONE;
}

/* An event that the new consumer fails for good may be handled by legacy, as long as that is on. A replay tries anew.
 */
static void count_death(struct ledger *ledger, const struct record *record, enum state before) {
    if (record->generation != GENERATION_EVENT || record->endpoint != ENDPOINT_NEW)
        return;
    if (record->state == STATE_DEAD && before != STATE_DEAD)
        count(ledger, record, STR(PARITY_NEW_SIDE), PARITY_DIED, 1);
    else if (record->state == STATE_PENDING && before == STATE_DEAD)
        count(ledger, record, STR(PARITY_NEW_SIDE), PARITY_DIED, -1);
}

enum err ledger_count_move(struct ledger *ledger, const struct record *record, const struct record *before) {
    bool is_unhandled = record_is_unhandled(record), was_unhandled = record_is_unhandled(before);
    struct twin *twins;
    size_t twin_count;
    count_death(ledger, record, before->state);
    if (record->generation != GENERATION_RULE || record->counterpart.len == 0 || is_unhandled == was_unhandled)
        return ERR_NONE;
    count(ledger, record, record->type, PARITY_UNHANDLED, is_unhandled ? 1 : -1);
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &twin_count));
    if (twin_count > 0)
        count(ledger, record, record->type, PARITY_UNHANDLED_PAIRED, is_unhandled ? 1 : -1);
    return ERR_NONE;
}

/* Has the event a twin besides `rule` that is of the same rule type? */
static enum err has_twin_of_type(struct ledger *ledger, const struct record *event, const struct record *rule,
                                 bool *has) {
    struct twin *twins;
    size_t twin_count;
    bool found = false;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, event->id, &twins, &twin_count));
    for (size_t i = 0; i < twin_count && !found; i++)
        found = twins[i].rule != rule->id && twins[i].group == rule->group;
    /* another RuleId is another group: then only the message itself tells of what type it is */
    for (size_t i = 0; i < twin_count && !found; i++) {
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

static enum err part_event(struct ledger *ledger, const struct record *event, const struct record *rule) {
    bool has_same, has_any;
    TRY(has_twin_of_type(ledger, event, rule, &has_same));
    if (has_same)
        return ERR_NONE;
    TRY(has_other_twin(ledger, event, rule->id, &has_any));
    count(ledger, event, rule->type, PARITY_EVENTS_PAIRED, -1);
    if (has_any)
        count(ledger, event, rule->type, PARITY_EVENTS_PAIRED_AGAIN, -1);
    return add_unpaired(ledger, event, rule->type);
}

static enum err part_rule(struct ledger *ledger, const struct record *rule, uint64_t event) {
    struct twin *twins;
    size_t twin_count;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, rule->id, &twins, &twin_count));
    for (size_t i = 0; i < twin_count; i++)
        if (twins[i].event != event)
            return ERR_NONE;
    count(ledger, rule, rule->type, PARITY_RULES_PAIRED, -1);
    if (record_is_unhandled(rule))
        count(ledger, rule, rule->type, PARITY_UNHANDLED_PAIRED, -1);
    return add_unpaired(ledger, rule, rule->type);
}

static void forget_rule(struct ledger *ledger, const struct record *rule, bool was_paired) {
    if (rule->counterpart.len == 0) {
        count(ledger, rule, rule->type, PARITY_UNREPLACED, -1);
        return;
    }
    count(ledger, rule, rule->type, PARITY_RULES, -1);
    if (record_is_unhandled(rule))
        count(ledger, rule, rule->type, PARITY_UNHANDLED, -1);
    if (was_paired)
        count(ledger, rule, rule->type, PARITY_RULES_PAIRED, -1);
    if (was_paired && record_is_unhandled(rule))
        count(ledger, rule, rule->type, PARITY_UNHANDLED_PAIRED, -1);
}

/* Under each rule type it was counted: those of its twins, and those that it has no twin of. */
static enum err forget_event(struct ledger *ledger, const struct record *event, const struct record *const *rules,
                             size_t rule_count) {
    enum { TYPES_MAX = 64 };
    struct unpaired rows[TYPES_MAX];
    const struct unpaired after = {.received_ms = event->received_ms, .message = event->id, .type = STR("")};
    size_t row_count, counted = 0;
    if (event->endpoint == ENDPOINT_NEW)
        count(ledger, event, STR(PARITY_NEW_SIDE), PARITY_DIED, -1); /* it was marked dead to be forgotten */
    for (size_t i = 0; i < rule_count; i++) {
        if (is_type_of_any(rules[i]->type, rules, i))
            continue;
        count(ledger, event, rules[i]->type, PARITY_EVENTS, -1);
        count(ledger, event, rules[i]->type, PARITY_EVENTS_PAIRED, -1);
        if (counted++ == 0)
            continue;
        count(ledger, event, rules[i]->type, PARITY_EVENTS_AGAIN, -1);
        count(ledger, event, rules[i]->type, PARITY_EVENTS_PAIRED_AGAIN, -1);
    }
    TRY(ledger->ops->scan_unpaired(ledger->backend, ledger->scratch, &after, event->received_ms + 1, rows, TYPES_MAX,
                                   &row_count));
    for (size_t i = 0; i < row_count && rows[i].message == event->id; i++) {
        count(ledger, event, rows[i].type, PARITY_EVENTS, -1);
        if (counted++ > 0)
            count(ledger, event, rows[i].type, PARITY_EVENTS_AGAIN, -1);
    }
    return ERR_NONE;
}

static bool is_among(uint64_t id, const struct record *const *records, size_t record_count) {
    for (size_t i = 0; i < record_count; i++)
        if (records[i]->id == id)
            return true;
    return false;
}

enum err ledger_count_forgotten(struct ledger *ledger, const struct record *record) {
    bool is_rule = record->generation == GENERATION_RULE;
    struct twin *twins;
    size_t twin_count, other_count = 0;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &twin_count));
    const struct record **others = ARENA_ARRAY(ledger->scratch, twin_count, const struct record *);
    for (size_t i = 0; i < twin_count; i++) {
        uint64_t other_id = is_rule ? twins[i].event : twins[i].rule;
        struct record *other = ARENA_NEW(ledger->scratch, struct record);
        if (is_among(other_id, others, other_count))
            continue; /* twins by several items are one pair */
        enum err err = ledger_load_other(ledger, other_id, other);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        struct parity_pair pair = is_rule ? ledger_pair(record, other) : ledger_pair(other, record);
        parity_count_pair(ledger->parity, &pair, -1);
        TRY(is_rule ? part_event(ledger, other, record) : part_rule(ledger, other, record->id));
        others[other_count++] = other;
    }
    if (!is_rule)
        return forget_event(ledger, record, others, other_count);
    forget_rule(ledger, record, other_count > 0);
    return ERR_NONE;
}
