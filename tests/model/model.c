/* Arrival, twins and decisions. Every function quotes the rule it stands for; "section" is one of the page that
 * says how duplicates are found: 1 words, 2 facts, 3 arrival, 4 failure, 5 partial events, 6 ownership.
 *
 *   model_arrive ─► find_twins ─► decide ─┬─► become_handled ──► twins parked or held: suppressed
 *   settle, chores, replay ───────────────┴─► become_unhandled ► twins suppressed: decide again
 */
#include "tests/model/model_rules.h"

#include "tests/model/must.h"
#include <stdlib.h>
#include <string.h>

void model_copy(struct model *to, const struct model *from) {
    to->rules = from->rules;
    to->flags = from->flags;
    to->now_ms = from->now_ms;
    to->message_count = from->message_count;
    to->twin_count = from->twin_count;
    to->refusal_count = from->refusal_count;
    memcpy(to->refusals, from->refusals, (size_t)from->refusal_count * sizeof *to->refusals);
    memcpy(to->twins, from->twins, (size_t)from->twin_count * sizeof *to->twins);
    memcpy(to->messages, from->messages, (size_t)from->message_count * sizeof *to->messages);
}

int model_find_label(const struct model *model, unsigned label) {
    for (int i = model->message_count - 1; i >= 0; i--)
        if (model->messages[i].label == label)
            return i;
    return NOWHERE;
}

bool model_flag(const struct flags *flags, enum endpoint endpoint, unsigned company) {
    return (flags->on[endpoint] >> company & 1) != 0;
}

bool rules_own_on(const struct model *model, const struct model_message *message) {
    return model_flag(&model->flags, message->sketch.endpoint, message->sketch.company);
}

bool rules_other_on(const struct model *model, const struct model_message *message) {
    enum endpoint other = message->sketch.endpoint == ENDPOINT_NEW ? ENDPOINT_LEGACY : ENDPOINT_NEW;
    return model_flag(&model->flags, other, message->sketch.company);
}

/* Section 1: "a message is handled when it is delivered, or durably accepted for delivery". Item by item: what was
 * cut off is not handled by it. A delivery that succeeded once stays one, whatever becomes of a replay. */
bool model_handles(const struct model_message *message, unsigned item) {
    if (!message->there)
        return false;
    if (message->delivered[item])
        return true;
    if (message->state != STATE_PENDING)
        return false;
    return model_is_sent_again(message) ? message->again[item] : !message->trimmed[item];
}

/* Setting pairing.unverified: messages of a generation without verification never suppress verified ones. */
bool rules_may_cover(const struct model *model, int twin, int own) {
    enum generation verified = model->rules.verified;
    return verified == GENERATION_UNKNOWN || model->messages[own].sketch.generation != verified ||
           model->messages[twin].sketch.generation == verified;
}

/* Section 3.2: "An item is covered when its twin is handled." */
bool model_is_covered(const struct model *model, int place, unsigned item) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        if (!rules_may_cover(model, twin->event == place ? twin->rule : twin->event, place))
            continue;
        if (twin->event == place && twin->item == item && model_handles(&model->messages[twin->rule], 0))
            return true;
        if (twin->rule == place && model_handles(&model->messages[twin->event], twin->item))
            return true;
    }
    return false;
}

unsigned model_covered(const struct model *model, int place) {
    unsigned covered = 0;
    for (unsigned i = 0; i < model->messages[place].sketch.item_count; i++)
        if (model_is_covered(model, place, i))
            covered |= 1U << i;
    return covered;
}

static bool all_covered(const struct model *model, int place) {
    return rules_spare(model, place) == (1U << model->messages[place].sketch.item_count) - 1;
}

/* Section 3.4: "When a message becomes handled, twins of it that are parked or held and now have all items covered
 * become suppressed." Section 4: "Once a twin of a dead or expired message is delivered with the item, that one is
 * suppressed like any other". */
void rules_become_handled(struct model *model, int place) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *pair = &model->twins[t];
        if (pair->rule != place && pair->event != place)
            continue;
        int twin = pair->rule == place ? pair->event : pair->rule;
        enum state state = model->messages[twin].state;
        if (!model->messages[twin].there)
            continue;
        if ((state == STATE_PARKED || state == STATE_HELD) && all_covered(model, twin))
            rules_set_state(model, twin, STATE_SUPPRESSED);
        else if (state == STATE_DEAD || state == STATE_EXPIRED)
            rules_lay_to_rest(model, twin);
    }
}

/* Sections 3.5 and 4: twins that leaned on it "are thereby uncovered and decided again too". A pending event that
 * was cut because of it is made whole, unless it is on its way. */
void rules_become_unhandled(struct model *model, int place) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *pair = &model->twins[t];
        if (pair->rule != place && pair->event != place)
            continue;
        int twin = pair->rule == place ? pair->event : pair->rule;
        struct model_message *message = &model->messages[twin];
        if (!message->there || (pair->rule == place && model_handles(&model->messages[place], 0)) ||
            (pair->event == place && model_handles(&model->messages[place], pair->item)))
            continue;
        if (message->state == STATE_SUPPRESSED && !all_covered(model, twin))
            rules_decide(model, twin, false);
        else if (message->state == STATE_PENDING && !message->under_way && rules_untrim(model, twin))
            rules_become_handled(model, twin);
        else if (message->state == STATE_DELIVERED && rules_give_back(model, twin))
            rules_become_handled(model, twin);
    }
}

/* Items that are cut off, and no longer covered, go with the message again. (A replay goes whole as it is.) */
bool rules_untrim(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    bool changed = false;
    if (message->forced)
        return false;
    unsigned spare = rules_spare(model, place);
    bool once = rules_was_delivered(message);
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        if (message->trimmed[i] && !message->again[i] && (spare >> i & 1) == 0) {
            *(once ? &message->again[i] : &message->trimmed[i]) = once;
            changed = true;
        }
    return changed;
}

void rules_set_state(struct model *model, int place, enum state state) {
    struct model_message *message = &model->messages[place];
    if (message->state != state)
        message->changed_ms = model->now_ms;
    message->state = state;
    message->due_ms = INT64_MAX;
    if (state == STATE_PENDING) {
        message->due_ms = model->now_ms;
        message->tries = 0;
    } else {
        memset(message->again, 0, sizeof message->again);
    }
    if (state == STATE_HELD)
        message->due_ms = model->now_ms + model->rules.hold_ms;
    if (state == STATE_PARKED)
        message->due_ms = model->now_ms + model->rules.park_for_ms;
    if (state != STATE_PENDING && state != STATE_HELD && state != STATE_PARKED)
        message->replayed = message->forced = false;
}

/* The table of section 3.3, with section 6 for "held". Holding is for arrivals only. */
void rules_decide(struct model *model, int place, bool arriving) {
    struct model_message *message = &model->messages[place];
    if (rules_was_delivered(message)) {
        rules_set_state(model, place, STATE_DELIVERED); /* "A message already delivered stays so." */
        return;
    }
    unsigned covered = rules_spare(model, place);
    bool all = covered == (1U << message->sketch.item_count) - 1;
    memset(message->trimmed, 0, sizeof message->trimmed);
    if (all) {
        rules_set_state(model, place, STATE_SUPPRESSED);
        return;
    }
    if (!rules_own_on(model, message)) {
        /* `pairing.park_for` 0: "not at all, it expires at once" */
        rules_set_state(model, place, model->rules.park_for_ms == 0 ? STATE_EXPIRED : STATE_PARKED);
        rules_become_waiting(model, place);
        return;
    }
    if (arriving && covered == 0 && rules_prefers_other(model, message) && rules_other_on(model, message)) {
        rules_set_state(model, place, STATE_HELD);
        return;
    }
    if (message->content_gone) {
        rules_set_state(model, place, STATE_DEAD); /* there is nothing left that could be delivered */
        return;
    }
    rules_set_state(model, place, STATE_PENDING);
    /* Section 5: `trim` delivers the event without the covered elements. */
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        message->trimmed[i] = model->rules.trim && (covered >> i & 1) != 0;
    rules_become_handled(model, place);
}

/* Section 6: `new`: "a rule that has a replacement is held"; `legacy`: "an event with a counterpart is held likewise".
 */
bool rules_prefers_other(const struct model *model, const struct model_message *message) {
    if (message->sketch.counterpart == EVENT_NONE)
        return false;
    unsigned prefer = model->rules.prefer[message->sketch.counterpart];
    if (message->sketch.generation == GENERATION_RULE)
        return prefer == PREFER_NEW;
    return message->sketch.generation == GENERATION_EVENT && prefer == PREFER_LEGACY;
}

static unsigned without_ids(const struct sketch_item *item, struct sketch_fact facts[SKETCH_FACTS]) {
    unsigned count = 0;
    for (unsigned i = 0; i < item->fact_count; i++)
        if (item->facts[i].kind != FACT_SAME_ID)
            facts[count++] = item->facts[i];
    return count;
}

static bool items_state_the_same(const struct sketch_item *a, const struct sketch_item *b) {
    struct sketch_fact facts[SKETCH_FACTS], others[SKETCH_FACTS];
    unsigned count = without_ids(a, facts);
    if (count != without_ids(b, others))
        return false;
    for (unsigned i = 0; i < count; i++)
        if (!sketch_facts_equal(&facts[i], &others[i]))
            return false;
    return true;
}

/* "One identity with other facts than before is another message". */
static bool state_the_same(const struct sketch *a, const struct sketch *b) {
    if (a->type != b->type || a->item_count != b->item_count)
        return false;
    if ((a->company != 0 && b->company != 0 && a->company != b->company) ||
        (a->rule_id != 0 && b->rule_id != 0 && a->rule_id != b->rule_id))
        return false; /* what one of the two does not tell is no difference */
    for (unsigned i = 0; i < a->item_count; i++)
        if (!items_state_the_same(&a->items[i], &b->items[i]))
            return false;
    return true;
}

/* Section 1: "the webhook-id header where there is one, else AlertId or id from the body, else none", compared within
 * one generation; "where either of two messages lacks a webhook-id, body id and facts decide"; placeholders "are no
 * identity". Section 3: an unknown shape "is deduplicated by webhook-id alone". */
static bool same_identity(const struct sketch *a, const struct sketch *b) {
    if (a->generation != b->generation)
        return false;
    if (a->webhook_id != 0 && b->webhook_id != 0)
        return a->webhook_id == b->webhook_id && state_the_same(a, b);
    return a->generation != GENERATION_UNKNOWN && a->body_id != 0 && a->body_id != ID_PLACEHOLDER &&
           a->body_id == b->body_id && state_the_same(a, b);
}

/* Section 1: "What was refused for now (503) keeps its identity and first arrival: a repeat is placed in time there."
 */
static bool is_same_refusal(const struct sketch *a, const struct sketch *b) {
    return same_identity(a, b) && a->company == b->company && a->rule_id == b->rule_id;
}

void rules_note_refusal(struct model *model, const struct sketch *sketch, int64_t first_ms, bool is_lasting) {
    MUST(model->refusal_count < MODEL_MESSAGES);
    model->refusals[model->refusal_count++] = (struct model_refusal_note){*sketch, first_ms, is_lasting};
}

static int64_t first_arrival_ms(const struct model *model, const struct sketch *sketch) {
    int64_t first_ms = model->now_ms;
    for (int i = 0; i < model->refusal_count; i++) {
        const struct model_refusal_note *note = &model->refusals[i];
        bool counts = model->now_ms - note->first_ms <= model->rules.retention_ms;
        if (counts && is_same_refusal(&note->sketch, sketch) && note->first_ms < first_ms)
            first_ms = note->first_ms;
    }
    return first_ms;
}

bool rules_is_remembered(const struct model *model, int place) {
    const struct model_message *message = &model->messages[place];
    bool open = message->state == STATE_PENDING || message->state == STATE_HELD || message->state == STATE_PARKED;
    return open ||
           model->now_ms - message->changed_ms <= model->rules.retention_ms; /* "ages count from the last change" */
}

/* Section 3.1: "Same identity seen in this generation within retention". */
static int find_repeated(const struct model *model, const struct sketch *sketch) {
    for (int i = model->message_count - 1; i >= 0; i--) {
        const struct model_message *message = &model->messages[i];
        bool beyond_repair = message->state == STATE_DEAD && message->content_gone; /* its repeat brings the body */
        if (message->there && same_identity(&message->sketch, sketch) && rules_is_remembered(model, i) &&
            !beyond_repair)
            return i;
    }
    return NOWHERE;
}

static unsigned backlog(const struct model *model) {
    unsigned count = 0;
    for (int i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        count += message->there &&
                 (message->state == STATE_PENDING || message->state == STATE_HELD || message->state == STATE_PARKED);
    }
    return count;
}

/* `limits.backlog` is about messages that something is still to be done with. */
static bool would_wait(const struct model *model, int place) {
    if (all_covered(model, place))
        return false;
    return rules_own_on(model, &model->messages[place]) || model->rules.park_for_ms > 0;
}

/* Section 3.1: "Where the first is dead or expired and unhandled, the repeat reopens it instead". */
static struct model_arrival repeat(struct model *model, int place) {
    struct model_message *first = &model->messages[place];
    bool reopens = (first->state == STATE_DEAD || first->state == STATE_EXPIRED) && !rules_is_handled(model, place);
    if (reopens && backlog(model) >= model->rules.backlog_max)
        return (struct model_arrival){.outcome = MODEL_REFUSED, .place = NOWHERE};
    first->promised = true; /* it is answered 2xx */
    if (reopens && rules_was_delivered(first)) {
        reopens = rules_give_back(model, place);
        if (reopens)
            rules_become_handled(model, place);
    } else if (reopens) {
        rules_decide(model, place, false);
    }
    return (struct model_arrival){.outcome = reopens ? MODEL_REOPENED : MODEL_DUPLICATE, .place = place};
}

struct model_arrival model_arrive(struct model *model, unsigned label, const struct sketch *sketch, bool lease,
                                  bool promise) {
    int repeated = find_repeated(model, sketch);
    if (repeated != NOWHERE)
        return repeat(model, repeated);
    MUST(model->message_count < MODEL_MESSAGES);
    int place = model->message_count++;
    struct model_message *message = &model->messages[place];
    *message = (struct model_message){
        .label = label,
        .there = true,
        .sketch = *sketch,
        .received_ms = first_arrival_ms(model, sketch),
        .changed_ms = model->now_ms,
        .time_ms = sketch->age_ms != 0 ? model->now_ms - sketch->age_ms : first_arrival_ms(model, sketch),
        .state = STATE_EXPIRED, /* until it is decided: handles nothing */
    };
    int twins_before = model->twin_count;
    rules_find_twins(model, place);
    unsigned covered = rules_spare(model, place);
    if (would_wait(model, place) && backlog(model) >= model->rules.backlog_max) {
        rules_note_refusal(model, sketch, message->received_ms, false);
        model->message_count--;
        model->twin_count = twins_before;
        return (struct model_arrival){.outcome = MODEL_REFUSED, .place = NOWHERE};
    }
    rules_decide(model, place, true);
    /* Whatever is not about to be attempted is answered 2xx. */
    message->promised = promise || message->state != STATE_PENDING;
    message->under_way = lease && message->state == STATE_PENDING;
    return (struct model_arrival){.outcome = MODEL_ADMITTED, .place = place, .covered = covered};
}
