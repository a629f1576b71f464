/* Items: which of them others handle, and which are told once more. */
#include "tests/model/model_rules.h"

#include <string.h>

bool model_is_sent_again(const struct model_message *message) {
    bool again = false;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        again = again || message->again[i];
    return again;
}

unsigned model_left_out(const struct model *model, int place) {
    const struct model_message *message = &model->messages[place];
    bool again = model_is_sent_again(message);
    unsigned bits = 0;
    if (message->forced || (again && !model->rules.trim))
        return 0;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        if (again ? !message->again[i] : message->trimmed[i])
            bits |= 1U << i;
    return bits;
}

bool rules_was_delivered(const struct model_message *message) {
    bool delivered = false;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        delivered = delivered || message->delivered[i];
    return delivered;
}

static bool tells(const struct sketch_item *item, const struct sketch_fact *fact) {
    for (unsigned i = 0; i < item->fact_count; i++)
        if (sketch_facts_equal(&item->facts[i], fact))
            return true;
    return false;
}

static const struct sketch_item *item_at(const struct model *model, int place, unsigned item) {
    return &model->messages[place].sketch.items[item];
}

/* Does a rule that is handled tell, of that item, something that this one tells, too? */
static bool is_told(const struct model *model, const struct model_twin *waiting) {
    const struct sketch_item *rule = item_at(model, waiting->rule, 0);
    const struct sketch_item *event = item_at(model, waiting->event, waiting->item);
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        if (twin->event != waiting->event || twin->item != waiting->item ||
            !model_handles(&model->messages[twin->rule], 0))
            continue;
        for (unsigned i = 0; i < rule->fact_count; i++)
            if (tells(event, &rule->facts[i]) && tells(item_at(model, twin->rule, 0), &rule->facts[i]))
                return true;
    }
    return false;
}

/* Section 4: "An alert about to be parked whose own facts an event states that is suppressed by other twins, and whose
 * consumer is on, reopens that event": such an item is not to spare, although a twin handles it. */
unsigned rules_spare(const struct model *model, int place) {
    unsigned spare = model_covered(model, place);
    if (!rules_own_on(model, &model->messages[place]) || model->messages[place].content_gone)
        return spare;
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        const struct model_message *rule = &model->messages[twin->rule];
        if (twin->event == place && rule->there && (rule->state == STATE_PARKED || rule->state == STATE_EXPIRED) &&
            !is_told(model, twin))
            spare &= ~(1U << twin->item);
    }
    return spare;
}

bool rules_is_handled(const struct model *model, int place) {
    unsigned covered = model_covered(model, place);
    for (unsigned i = 0; i < model->messages[place].sketch.item_count; i++)
        if (!model_handles(&model->messages[place], i) && (covered >> i & 1) == 0)
            return false;
    return true;
}

static bool is_delivered_by_twin(const struct model *model, int place, unsigned item) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        const struct model_message *rule = &model->messages[twin->rule], *event = &model->messages[twin->event];
        if (!rules_may_cover(model, twin->event == place ? twin->rule : twin->event, place))
            continue;
        if (twin->event == place && twin->item == item && rule->there && rule->delivered[0])
            return true;
        if (twin->rule == place && event->there && event->delivered[twin->item])
            return true;
    }
    return false;
}

/* Section 4: "dead and expired mean that nobody handled it". */
void rules_lay_to_rest(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        if (!message->delivered[i] && !is_delivered_by_twin(model, place, i))
            return;
    bool is_needed = rules_spare(model, place) != (1U << message->sketch.item_count) - 1; /* by an alert that waits */
    if (rules_was_delivered(message) || !is_needed)
        rules_set_state(model, place, rules_was_delivered(message) ? STATE_DELIVERED : STATE_SUPPRESSED);
}

/* Section 4: "the event once more with just the items given back". */
bool rules_give_back(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    unsigned spare = rules_spare(model, place);
    bool given = false;
    if (message->content_gone || !rules_own_on(model, message))
        return false;
    for (unsigned i = 0; i < message->sketch.item_count; i++) {
        message->again[i] = message->trimmed[i] && (spare >> i & 1) == 0;
        given = given || message->again[i];
    }
    if (given)
        rules_set_state(model, place, STATE_PENDING);
    return given;
}

void rules_become_waiting(struct model *model, int place) {
    if (model->messages[place].sketch.generation == GENERATION_RULE)
        rules_become_unhandled(model, place);
}
