/* Was each thing that happened told once? The ledger cannot know what a message tells of when its key recurs; the
 * generator does. With both consumers healthy and every message seen, two measures must hold for each key and each rule
 * (type and RuleId) that tells it:
 *
 *   the key is handled exactly as often as it occurred      nothing is doubled, nothing is left out
 *   it is handled once more after it occurred last          nobody keeps an old picture
 *
 * Who is taken for whose twin does not matter: messages of one key tell the same. */
#include "tests/model/world_internal.h"

struct tale {
    const struct sketch_fact *fact;
    const struct sketch *rule; /* whose type and RuleId it is about */
    unsigned occurrences, handled;
    int64_t last_ms, handled_ms;
    bool is_complete; /* every occurrence was told by an event and by the rule */
};

static bool states(const struct sketch *sketch, const struct sketch_fact *fact, unsigned *item) {
    for (unsigned i = 0; i < sketch->item_count; i++)
        for (unsigned f = 0; f < sketch->items[i].fact_count; f++)
            if (sketch_facts_equal(&sketch->items[i].facts[f], fact)) {
                *item = i;
                return true;
            }
    return false;
}

static bool is_of(const struct tale *tale, const struct sketch *sketch, unsigned *item) {
    if (sketch->generation == GENERATION_RULE &&
        (sketch->type != tale->rule->type || sketch->rule_id != tale->rule->rule_id))
        return false;
    return sketch->generation != GENERATION_UNKNOWN && states(sketch, tale->fact, item);
}

/* Its consumer has the item, or will be sent it. */
static bool is_handled(const struct world *world, int place, unsigned item) {
    const struct mirror_record *record = mirror_at(world, place);
    return (record->state == STATE_PENDING || record->state == STATE_DELIVERED) && (record->trimmed >> item & 1) == 0;
}

static bool is_told_by(const struct world *world, const struct tale *tale, uint32_t occurrence, enum generation by) {
    unsigned item;
    for (size_t i = 0; i < world->arrived_count; i++) {
        const struct sketch *sketch = &world->arrived[i];
        if (sketch->generation == by && sketch->occurrence == occurrence && is_of(tale, sketch, &item))
            return true;
    }
    return false;
}

static bool is_first_of_occurrence(const struct world *world, const struct tale *tale, size_t arrival) {
    unsigned item;
    for (size_t i = 0; i < arrival; i++)
        if (world->arrived[i].occurrence == world->arrived[arrival].occurrence &&
            is_of(tale, &world->arrived[i], &item))
            return false;
    return true;
}

static void count_handled(const struct world *world, struct tale *tale, int place) {
    const struct model_message *message = &world->model.messages[place];
    unsigned item;
    if (!is_of(tale, &message->sketch, &item) || !is_handled(world, place, item))
        return;
    tale->handled++;
    if (message->received_ms > tale->handled_ms)
        tale->handled_ms = message->received_ms;
}

/* By all that arrived: what was taken for a repeat, and was none, tells of an occurrence as well. */
static void count_occurrence(const struct world *world, struct tale *tale, size_t arrival) {
    const struct sketch *sketch = &world->arrived[arrival];
    unsigned item;
    if (!is_of(tale, sketch, &item) || !is_first_of_occurrence(world, tale, arrival))
        return;
    tale->occurrences++;
    if (sketch->happened_ms > tale->last_ms)
        tale->last_ms = sketch->happened_ms;
    tale->is_complete = tale->is_complete && is_told_by(world, tale, sketch->occurrence, GENERATION_RULE) &&
                        is_told_by(world, tale, sketch->occurrence, GENERATION_EVENT);
}

static bool check_tale(struct world *world, const struct sketch *rule, const struct sketch_fact *fact) {
    struct tale tale = {.fact = fact, .rule = rule, .is_complete = true};
    for (int i = 0; i < world->model.message_count; i++)
        count_handled(world, &tale, i);
    for (size_t i = 0; i < world->arrived_count; i++)
        count_occurrence(world, &tale, i);
    if (!tale.is_complete)
        return true; /* somebody took steps out of the history, or a rule is not configured */
    if (tale.handled > tale.occurrences)
        return world_fail(world, "invariant 6: %s of %s is handled more often than it occurred: %u times, not %u",
                          sketch_fact_name(fact->kind), sketch_type_name(GENERATION_RULE, rule->type), tale.handled,
                          tale.occurrences);
    if (tale.handled < tale.occurrences)
        return world_fail(world, "invariant 6: %s of %s is handled less often than it occurred: %u times, not %u",
                          sketch_fact_name(fact->kind), sketch_type_name(GENERATION_RULE, rule->type), tale.handled,
                          tale.occurrences);
    if (tale.handled_ms < tale.last_ms)
        return world_fail(world, "invariant 6: %s of %s is not handled after its last occurrence",
                          sketch_fact_name(fact->kind), sketch_type_name(GENERATION_RULE, rule->type));
    return true;
}

/* (pairing 7.6) */
bool check_occurrences(struct world *world) {
    for (int i = 0; i < world->model.message_count; i++) {
        const struct sketch *sketch = &world->model.messages[i].sketch;
        if (sketch->generation != GENERATION_RULE || sketch->occurrence == 0)
            continue;
        for (unsigned f = 0; f < sketch->items[0].fact_count; f++)
            if (sketch->items[0].facts[f].kind != FACT_SAME_ID &&
                !check_tale(world, sketch, &sketch->items[0].facts[f]))
                return false;
    }
    return true;
}
