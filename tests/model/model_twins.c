/* Section 2: who is twin to whom. */
#include "tests/model/model_rules.h"

#include "tests/model/must.h"
#include <stdlib.h>

enum sharing { SHARES_NOTHING, SHARES_HINT, SHARES_WINDOW, SHARES_HINTED_WINDOW, SHARES_EXACT };

static bool states(const struct sketch_item *item, const struct sketch_fact *fact) {
    for (unsigned i = 0; i < item->fact_count; i++)
        if (sketch_facts_equal(&item->facts[i], fact))
            return true;
    return false;
}

/* Do both state facts of that kind, and none of them in common? */
static bool differ_in(const struct sketch_item *a, const struct sketch_item *b, enum fact_kind kind) {
    bool a_has = false, b_has = false, common = false;
    for (unsigned i = 0; i < a->fact_count; i++)
        if (sketch_kinds_are_one(a->facts[i].kind, kind)) {
            a_has = true;
            common = common || states(b, &a->facts[i]);
        }
    for (unsigned i = 0; i < b->fact_count; i++)
        b_has = b_has || sketch_kinds_are_one(b->facts[i].kind, kind);
    return a_has && b_has && !common;
}

/* "same-id is a hint: it makes twins only where the two state no differing facts of one kind." */
static bool hint_counts(const struct sketch_item *a, const struct sketch_item *b) {
    for (unsigned kind = 0; kind < FACT_KIND_COUNT; kind++)
        if (kind != FACT_SAME_ID && differ_in(a, b, (enum fact_kind)kind))
            return false;
    return true;
}

/* "two messages of different generations that state the same fact". A pair that shares a fact of both kinds is exact.
 * The hint alone is as good as an exact fact; beside a window fact it says which one of several it is. */
static enum sharing sharing_of(const struct sketch_item *a, const struct sketch_item *b) {
    bool hint = false, window = false;
    for (unsigned i = 0; i < a->fact_count; i++) {
        if (!states(b, &a->facts[i]))
            continue;
        if (a->facts[i].kind == FACT_SAME_ID)
            hint = true;
        else if (sketch_fact_is_exact(a->facts[i].kind))
            return SHARES_EXACT;
        else
            window = true;
    }
    if (window)
        return hint && hint_counts(a, b) ? SHARES_HINTED_WINDOW : SHARES_WINDOW;
    return hint && hint_counts(a, b) ? SHARES_HINT : SHARES_NOTHING;
}

/* Group: "at most one rule per (rule type, RuleId)". */
static bool same_group(const struct model_message *a, const struct model_message *b) {
    return a->sketch.type == b->sketch.type && a->sketch.rule_id == b->sketch.rule_id;
}

/* "a rule to at most one item" */
static bool rule_is_free(const struct model *model, int rule) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        if (twin->rule == rule && model->messages[twin->event].there)
            return false;
    }
    return true;
}

/* "An item of an event is twin to at most one rule per (rule type, RuleId)" */
static bool item_is_free(const struct model *model, int event, unsigned item, int rule) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        if (twin->event == event && twin->item == item && model->messages[twin->rule].there &&
            same_group(&model->messages[twin->rule], &model->messages[rule]))
            return false;
    }
    return true;
}

struct pair {
    int rule, event;
    unsigned item;
    int other; /* whichever of the two did not arrive now */
    int clock; /* near by: 0 the told times, 1 the arrivals, 2 neither */
    int64_t apart_ms;
};

static void add_twin(struct model *model, const struct pair *pair) {
    MUST(model->twin_count < MODEL_TWINS);
    model->twins[model->twin_count++] =
        (struct model_twin){.rule = pair->rule, .event = pair->event, .item = pair->item};
}

/* "nearest in time wins", then the oldest message, then the lowest item. What is near by the told times is nearer than
 * what is so by the arrivals alone. */
static bool is_better(const struct pair *a, const struct pair *b) {
    if (a->clock != b->clock)
        return a->clock < b->clock;
    if (a->apart_ms != b->apart_ms)
        return a->apart_ms < b->apart_ms;
    return a->other != b->other ? a->other < b->other : a->item < b->item;
}

static struct pair pair_of(const struct model *model, int arriving, int other, unsigned item) {
    bool is_rule = model->messages[arriving].sketch.generation == GENERATION_RULE;
    const struct model_message *a = &model->messages[arriving], *b = &model->messages[other];
    int64_t told_ms = llabs(a->time_ms - b->time_ms), arrival_ms = llabs(a->received_ms - b->received_ms);
    int64_t window_ms = model->rules.window_ms;
    return (struct pair){.rule = is_rule ? arriving : other,
                         .event = is_rule ? other : arriving,
                         .item = item,
                         .other = other,
                         .clock = told_ms <= window_ms      ? 0
                                  : arrival_ms <= window_ms ? 1
                                                            : 2,
                         .apart_ms = told_ms > window_ms && arrival_ms < told_ms ? arrival_ms : told_ms};
}

static enum sharing pair_sharing(const struct model *model, const struct pair *pair) {
    return sharing_of(&model->messages[pair->rule].sketch.items[0],
                      &model->messages[pair->event].sketch.items[pair->item]);
}

static bool may_be_twins(const struct model *model, int arriving, int other) {
    const struct model_message *a = &model->messages[arriving], *b = &model->messages[other];
    /* "within retention" */
    return b->there && rules_is_remembered(model, other) && a->sketch.generation != b->sketch.generation &&
           a->sketch.generation != GENERATION_UNKNOWN && b->sketch.generation != GENERATION_UNKNOWN;
}

static unsigned event_items(const struct model *model, int arriving, int other) {
    const struct sketch *a = &model->messages[arriving].sketch, *b = &model->messages[other].sketch;
    return a->generation == GENERATION_EVENT ? a->item_count : b->item_count;
}

/* exact: "any two messages of different generations with the key are twins, however far apart" */
static void find_exact(struct model *model, int arriving) {
    for (int other = 0; other < arriving; other++)
        for (unsigned item = 0; may_be_twins(model, arriving, other) && item < event_items(model, arriving, other);
             item++) {
            struct pair pair = pair_of(model, arriving, other, item);
            if (pair_sharing(model, &pair) == SHARES_EXACT || pair_sharing(model, &pair) == SHARES_HINT)
                add_twin(model, &pair);
        }
}

/* window: "at most `pairing.window` apart by either clock", one-to-one, the best of all that are possible still */
static bool find_nearest(const struct model *model, int arriving, bool hinted, struct pair *best) {
    bool found = false;
    for (int other = 0; other < arriving; other++)
        for (unsigned item = 0; may_be_twins(model, arriving, other) && item < event_items(model, arriving, other);
             item++) {
            struct pair pair = pair_of(model, arriving, other, item);
            enum sharing sharing = pair_sharing(model, &pair);
            if (hinted ? sharing != SHARES_HINTED_WINDOW
                       : sharing == SHARES_NOTHING || pair.apart_ms > model->rules.window_ms)
                continue;
            if (!rule_is_free(model, pair.rule) || !item_is_free(model, pair.event, pair.item, pair.rule))
                continue;
            if (!found || is_better(&pair, best))
                *best = pair;
            found = true;
        }
    return found;
}

void rules_find_twins(struct model *model, int place) {
    struct pair best = {.other = NOWHERE};
    find_exact(model, place);
    while (find_nearest(model, place, true, &best)) /* however far apart, but one-to-one */
        add_twin(model, &best);
    while (find_nearest(model, place, false, &best))
        add_twin(model, &best);
}
