/* What must always be true, whatever the model thinks: checked on what the ledger wrote, the facts of the messages
 * and what was seen from outside. The numbers are those of section 7.
 *
 *   1 exactly one state, and final ones stay      4 no double handling
 *   2 no loss                                     5 one-to-one
 *   3 suppressed: a twin was handled              7 what was promised is there, also after a crash
 *
 * 6, by occurrence, is in world_occurrence.c. */
#include "tests/model/world_internal.h"

#include <stdlib.h>
#include <string.h>

/* A twin as two places in the array of the model. */
struct couple {
    int rule, event;
    unsigned item;
};

static struct couple couple_of(const struct world *world, const struct mirror_twin *twin) {
    return (struct couple){place_of(world, twin->rule), place_of(world, twin->event), twin->item};
}

static const struct sketch *sketch_at(const struct world *world, int place) {
    return &world->model.messages[place].sketch;
}

static unsigned label_at(const struct world *world, int place) {
    return world->model.messages[place].label;
}

/* Its consumer has that item, or will be sent it. */
static bool is_handled(const struct world *world, int place, unsigned item) {
    const struct mirror_record *record = mirror_at(world, place);
    if ((world->witnessed[place].delivered >> item & 1) != 0)
        return record->there;
    bool goes = record->again != 0 ? (record->again >> item & 1) != 0 : (record->trimmed >> item & 1) == 0;
    return record->there && record->state == STATE_PENDING && goes;
}

void witness_retirement(struct world *world, int place) {
    const struct model *model = &world->model;
    const struct witnessed *gone = &world->witnessed[place];
    world->witnessed[place].retired = true;
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        if (twin->rule != place && twin->event != place)
            continue;
        struct witnessed *left = &world->witnessed[twin->rule == place ? twin->event : twin->rule];
        uint32_t own = twin->rule == place ? 1 : 1U << twin->item;
        uint32_t theirs = twin->rule == place ? 1U << twin->item : 1;
        *((gone->delivered & own) != 0 ? &left->vouched : &left->lapsed) |= theirs;
    }
}

/* ---- 1 ---- */

static bool is_open(enum state state) {
    return state == STATE_PENDING || state == STATE_HELD || state == STATE_PARKED;
}

static bool is_repeated(const struct sketch *first, const struct history_step *step) {
    const struct sketch *sketch = &step->sketch;
    return step->kind == STEP_ARRIVE && first->generation == sketch->generation &&
           ((first->webhook_id != 0 && first->webhook_id == sketch->webhook_id) ||
            (first->body_id != 0 && first->body_id == sketch->body_id));
}

/* Dead and expired ones are reopened by an operator or their sender, and laid to rest when a twin is delivered;
 * suppressed ones by an operator, or a twin that is no longer handled, or waits for them; delivered ones for items that
 * are given back. */
static bool may_reopen(const struct world *world, const struct mirror_record *before, const struct mirror_record *after,
                       const struct history_step *step) {
    bool moves_twins = step->kind == STEP_SETTLE || step->kind == STEP_SWEEP || step->kind == STEP_ARRIVE ||
                       step->kind == STEP_LEASE || step->kind == STEP_RESUME;
    bool is_dead = before->state == STATE_DEAD || before->state == STATE_EXPIRED;
    if (step->kind == STEP_REPLAY) {
        int place = model_find_label(&world->model, step->label);
        if (place != NOWHERE && world->model.messages[place].id == before->id)
            return true;
    }
    if (is_dead && is_repeated(sketch_at(world, place_of(world, before->id)), step))
        return true;
    if (is_dead)
        return (moves_twins || step->kind == STEP_REPLAY) &&
               (after->state == STATE_SUPPRESSED || after->state == STATE_DELIVERED);
    return moves_twins &&
           (before->state == STATE_SUPPRESSED || (before->trimmed != 0 && after->state == STATE_PENDING));
}

/* (pairing 7.1) */
static bool check_states(struct world *world, const struct history_step *step) {
    const struct mirror_data *now = &world->mirror.now;
    for (size_t i = 0; i < world->previous.record_count && i < now->record_count; i++) {
        const struct mirror_record *before = &world->previous.records[i], *after = &now->records[i];
        if (!before->there || !after->there || before->state == after->state || is_open(before->state) ||
            world->undone || may_reopen(world, before, after, step))
            continue;
        return world_fail(world, "invariant 1: message %u was %s for good, and is %s",
                          label_at(world, place_of(world, after->id)), state_name(before->state),
                          state_name(after->state));
    }
    return true;
}

/* Every change of state is told in the story of the message. */
static bool check_stories(struct world *world) {
    const struct mirror_data *now = &world->mirror.now;
    for (size_t i = 0; i < now->record_count; i++) {
        const struct mirror_record *record = &now->records[i];
        if (record->there && record->steps > 0 && record->step_state != record->state)
            return world_fail(world, "the story of %u does not end in its state",
                              label_at(world, place_of(world, record->id)));
    }
    return true;
}

/* ---- 2 and 3 ---- */

static bool is_kept_by(const struct world *world, int place, unsigned item) {
    const struct mirror_record *record = mirror_at(world, place);
    if (!record->there)
        return false;
    if (record->state == STATE_HELD || record->state == STATE_PARKED || record->state == STATE_DEAD ||
        record->state == STATE_EXPIRED)
        return true;
    return is_handled(world, place, item);
}

struct support {
    uint32_t kept;    /* items that some twin keeps */
    uint32_t handled; /* items that some twin handles */
};

static void support_by_twins(const struct world *world, struct support *support) {
    memset(support, 0, (size_t)world->model.message_count * sizeof *support);
    for (size_t t = 0; t < world->mirror.now.twin_count; t++) {
        struct couple couple = couple_of(world, &world->mirror.now.twins[t]);
        uint32_t bit = 1U << couple.item;
        support[couple.event].kept |= is_kept_by(world, couple.rule, 0) ? bit : 0;
        support[couple.event].handled |= is_handled(world, couple.rule, 0) ? bit : 0;
        support[couple.rule].kept |= is_kept_by(world, couple.event, couple.item) ? 1 : 0;
        support[couple.rule].handled |= is_handled(world, couple.event, couple.item) ? 1 : 0;
    }
    /* An item that was cut off for a rule which now leans on a third message: exact facts make it the same occurrence.
     */
    for (size_t t = 0; t < world->mirror.now.twin_count; t++) {
        struct couple couple = couple_of(world, &world->mirror.now.twins[t]);
        if (mirror_at(world, couple.rule)->state == STATE_SUPPRESSED &&
            ((support[couple.rule].handled | world->witnessed[couple.rule].vouched) & 1) != 0)
            support[couple.event].kept |= 1U << couple.item;
    }
}

/* (pairing 7.2, 7.3) */
static bool check_losses(struct world *world) {
    struct support support[MODEL_MESSAGES];
    support_by_twins(world, support);
    for (int i = 0; i < world->model.message_count; i++) {
        const struct mirror_record *record = mirror_at(world, i);
        uint32_t vouched = world->witnessed[i].vouched, kept = support[i].kept | vouched | world->witnessed[i].lapsed;
        for (unsigned item = 0; record->there && item < record->item_count; item++) {
            if (!is_kept_by(world, i, item) && (kept >> item & 1) == 0)
                return world_fail(world, "invariant 2: item %u of %u is lost", item, label_at(world, i));
            if (record->state == STATE_SUPPRESSED && ((support[i].handled | vouched) >> item & 1) == 0)
                return world_fail(world, "invariant 3: item %u of %u is suppressed, and no twin handles it", item,
                                  label_at(world, i));
        }
    }
    return true;
}

/* Where one generation is verified and the other not trusted, nothing of the other keeps a message of the one from its
 * consumer: it is not suppressed unless it was delivered itself, and leaves nothing to twins. (fault 5.3) */
static bool check_forgeries(struct world *world) {
    for (int i = 0; i < world->model.message_count; i++) {
        const struct mirror_record *record = mirror_at(world, i);
        uint32_t all = (1U << record->item_count) - 1;
        if (!record->there || record->generation != world->rules->verified)
            continue;
        bool was_delivered = (world->witnessed[i].delivered & all) == all;
        if ((record->state == STATE_SUPPRESSED && !was_delivered) || record->trimmed != 0)
            return world_fail(world, "invariant 3: %u is verified, and left to what anybody can forge",
                              label_at(world, i));
    }
    return true;
}

/* ---- 4 ---- */

static bool is_item_of(const struct world *world, const struct couple *couple, int event, unsigned item) {
    return couple->event == event && couple->item == item && (world->witnessed[couple->rule].delivered & 1) == 0;
}

/* Section 4: several rules tell of the item, and one waits because its side is off, so that the event has to go for it
 * although another was delivered. */
void witness_need(struct world *world, int place) {
    for (unsigned item = 0; item < sketch_at(world, place)->item_count; item++) {
        unsigned rules = 0, open = 0;
        for (size_t t = 0; t < world->mirror.now.twin_count; t++) {
            struct couple couple = couple_of(world, &world->mirror.now.twins[t]);
            rules += couple.event == place && couple.item == item;
            open += is_item_of(world, &couple, place, item);
        }
        if (rules > 1 && open > 0)
            world->witnessed[place].needed |= 1U << item;
    }
}

/* (pairing 7.4) */
static bool check_doubles(struct world *world) {
    if (world->rules->verified != GENERATION_UNKNOWN)
        return true; /* the price of it */
    for (size_t t = 0; t < world->mirror.now.twin_count; t++) {
        struct couple couple = couple_of(world, &world->mirror.now.twins[t]);
        const struct witnessed *rule = &world->witnessed[couple.rule], *event = &world->witnessed[couple.event];
        if (rule->uncertain || event->uncertain || event->sent_whole)
            continue;
        if ((rule->delivered & 1) != 0 && (event->delivered >> couple.item & 1) != 0 &&
            (event->needed >> couple.item & 1) == 0)
            return world_fail(world, "invariant 4: %u and item %u of %u are one occurrence, and both were delivered",
                              label_at(world, couple.rule), couple.item, label_at(world, couple.event));
    }
    return true;
}

/* ---- 5 ---- */

struct shared {
    bool exact, hint, window;
};

static struct shared share(const struct sketch_item *a, const struct sketch_item *b) {
    struct shared shared = {false, false, false};
    for (unsigned i = 0; i < a->fact_count; i++)
        for (unsigned j = 0; j < b->fact_count; j++)
            if (sketch_facts_equal(&a->facts[i], &b->facts[j]))
                *(a->facts[i].kind == FACT_SAME_ID         ? &shared.hint
                  : sketch_fact_is_exact(a->facts[i].kind) ? &shared.exact
                                                           : &shared.window) = true;
    return shared;
}

static bool same_group(const struct sketch *a, const struct sketch *b) {
    return a->type == b->type && a->rule_id == b->rule_id;
}

/* A twin by a window fact must be near, and the only one of its rule, and of its item and group, when it is made. */
static bool check_couple(struct world *world, size_t index) {
    const struct mirror_data *now = &world->mirror.now;
    struct couple couple = couple_of(world, &now->twins[index]);
    const struct sketch *rule = sketch_at(world, couple.rule), *event = sketch_at(world, couple.event);
    struct shared shared = share(&rule->items[0], &event->items[couple.item]);
    if (rule->generation != GENERATION_RULE || event->generation != GENERATION_EVENT ||
        (!shared.exact && !shared.hint && !shared.window))
        return world_fail(world, "invariant 5: %u and %u are twins without a fact in common",
                          label_at(world, couple.rule), label_at(world, couple.event));
    if (shared.exact || !shared.window)
        return true;
    const struct model_message *a = &world->model.messages[couple.rule], *b = &world->model.messages[couple.event];
    if (!shared.hint && llabs(a->time_ms - b->time_ms) > world->rules->window_ms &&
        llabs(a->received_ms - b->received_ms) > world->rules->window_ms)
        return world_fail(world, "invariant 5: %u and %u are twins too far apart", label_at(world, couple.rule),
                          label_at(world, couple.event));
    for (size_t i = 0; i < index; i++) {
        struct couple other = couple_of(world, &now->twins[i]);
        bool same_item = other.event == couple.event && other.item == couple.item;
        if (other.rule == couple.rule || (same_item && same_group(sketch_at(world, other.rule), rule)))
            return world_fail(world, "invariant 5: %u and item %u of %u are twins, and one had its twin before",
                              label_at(world, couple.rule), couple.item, label_at(world, couple.event));
    }
    return true;
}

/* (pairing 7.5) */
static bool check_couples(struct world *world) {
    size_t known = world->undone ? 0 : world->previous.twin_count;
    for (size_t i = known; i < world->mirror.now.twin_count; i++)
        if (!check_couple(world, i))
            return false;
    return true;
}

/* ---- 7 ---- */

/* (pairing 7.7) */
static bool check_promises(struct world *world) {
    for (int i = 0; i < world->model.message_count; i++)
        if (world->witnessed[i].promised && !world->witnessed[i].retired && !mirror_at(world, i)->there)
            return world_fail(world, "invariant 7: %u was promised, and is not there", label_at(world, i));
    return true;
}

bool check_invariants(struct world *world, const struct history_step *step) {
    bool held = check_states(world, step) && check_stories(world) && check_losses(world) && check_forgeries(world) &&
                check_doubles(world) && check_couples(world) && check_promises(world);
    mirror_copy(&world->previous, &world->mirror.now);
    world->undone = false;
    return held;
}
