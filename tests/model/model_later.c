/* What happens to a message after its arrival: attempts, replays, time and flags. */
#include "tests/model/model_rules.h"

#include <stdlib.h>
#include <string.h>

static bool is_final(enum state state) {
    return state != STATE_PENDING && state != STATE_HELD && state != STATE_PARKED;
}

/* ---- attempts ---- */

static bool is_leased_before(const struct model_message *a, const struct model_message *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->id < b->id;
}

static int next_due(const struct model *model, enum endpoint endpoint) {
    int next = NOWHERE;
    for (int i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        if (message->there && message->state == STATE_PENDING && !message->under_way &&
            message->sketch.endpoint == endpoint && message->due_ms <= model->now_ms &&
            (next == NOWHERE || is_leased_before(message, &model->messages[next])))
            next = i;
    }
    return next;
}

/* Section 4: "A lease [...] asks the flag again." */
static bool is_off_by_now(const struct model *model, int place) {
    const struct model_message *message = &model->messages[place];
    return !message->replayed && !rules_own_on(model, message);
}

int model_lease(struct model *model, enum endpoint endpoint, int max, int *places) {
    int count = 0;
    for (int next; count < max && (next = next_due(model, endpoint)) != NOWHERE;) {
        if (is_off_by_now(model, next)) {
            model->messages[next].promised = true;
            rules_decide(model, next, false);
            rules_become_unhandled(model, next);
            continue;
        }
        model->messages[next].under_way = true;
        model->messages[next].leased_covered = model_covered(model, next);
        model->messages[next].promised = true; /* no sender waits for this attempt: the delivery is up to us */
        places[count++] = next;
    }
    return count;
}

/* Section 4: "the start of an attempt that had to wait ask the flag again". */
void model_resume(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    if (!is_off_by_now(model, place))
        return;
    message->under_way = false;
    message->promised = true; /* its sender is answered 2xx */
    rules_decide(model, place, false);
    rules_become_unhandled(model, place);
}

static void forget(struct model *model, int place) {
    model->messages[place].there = false;
}

/* Its sender was told 503, and comes again. */
static void refuse(struct model *model, int place) {
    const struct model_message *message = &model->messages[place];
    forget(model, place);
    rules_note_refusal(model, &message->sketch, message->received_ms, true);
}

static void settle_delivered(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    bool *trimmed = message->trimmed, *again = message->again;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        trimmed[i] = trimmed[i] && !again[i] && !message->forced; /* by force it went whole */
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        message->delivered[i] = message->delivered[i] || !trimmed[i];
    message->promised = true; /* it was answered 200 */
    rules_set_state(model, place, STATE_DELIVERED);
    rules_give_back(model, place);
    rules_become_handled(model, place);
}

/* Section 4: "A message whose retries are used up is dead. Each suppressed twin that leaned on it is decided again". */
static void die(struct model *model, int place) {
    rules_set_state(model, place, STATE_DEAD);
    rules_lay_to_rest(model, place);
    rules_become_unhandled(model, place);
}

/* A message that waits for its next attempt is decided again: flags may have changed while it was on its way, and
 * twins that justified cutting it may be gone. One that an operator replays is exempt. */
static void decide_after_failure(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    if (!message->replayed && !rules_own_on(model, message)) {
        rules_decide(model, place, false);
        rules_become_unhandled(model, place);
    } else if (rules_untrim(model, place)) {
        rules_become_handled(model, place);
    }
}

/* `retry.schedule`: "waits between attempts, ±20 % jitter; a `Retry-After` asks for longer, up to the next wait
 * doubled" */
static int64_t wait_ms(const struct model *model, unsigned tries, const struct model_attempt *attempt) {
    int64_t wait = model->rules.retry_ms[tries];
    int64_t jittered = (int64_t)((double)wait * (1.0 + 0.2 * attempt->jitter));
    int64_t asked = attempt->retry_after_ms < 2 * wait ? attempt->retry_after_ms : 2 * wait;
    return asked > jittered ? asked : jittered;
}

/* An event that went out, or is on its way, without an item, because this rule had it: its sender was told 2xx, and
 * nobody else may tell of the item again. (Invariant 2.) */
static bool is_relied_on(const struct model *model, int place) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_message *event = &model->messages[model->twins[t].event];
        if (model->twins[t].rule == place && event->there && event->trimmed[model->twins[t].item] &&
            (event->under_way || rules_was_delivered(event)))
            return true;
    }
    return false;
}

static void settle_failed(struct model *model, int place, const struct model_attempt *attempt) {
    struct model_message *message = &model->messages[place];
    message->promised = message->promised || is_relied_on(model, place);
    if (!message->promised) {
        /* `acknowledge=delivered`: "503 and forgotten, so that the sender retries" */
        refuse(model, place);
        rules_become_unhandled(model, place);
    } else if (attempt->result == RESULT_INTERRUPTED) {
        message->due_ms = model->now_ms;
        decide_after_failure(model, place);
    } else if (attempt->result == RESULT_GONE || message->tries >= model->rules.retry_count) {
        die(model, place);
    } else {
        message->due_ms = model->now_ms + wait_ms(model, message->tries, attempt);
        message->tries++;
        decide_after_failure(model, place);
    }
}

void model_settle(struct model *model, int place, const struct model_attempt *attempt) {
    struct model_message *message = &model->messages[place];
    message->under_way = false;
    message->attempts++;
    if (attempt->result == RESULT_DELIVERED)
        settle_delivered(model, place);
    else
        settle_failed(model, place, attempt);
}

/* ---- replay ---- */

/* "replaying a message whose items are all handled is refused unless forced"; what is pending just goes sooner. */
enum model_refusal model_may_replay(const struct model *model, int place, bool force) {
    const struct model_message *message = &model->messages[place];
    if (!message->there)
        return REFUSED_GONE;
    if (message->under_way)
        return REFUSED_BUSY;
    if (message->content_gone)
        return REFUSED_BODY;
    bool handled = message->state != STATE_PENDING && rules_is_handled(model, place);
    return handled && !force ? REFUSED_HANDLED : REPLAYS;
}

/* By force all of it goes out, whatever flags and twins say. Where it was delivered before without some items, it
 * handles those only when the replay has arrived: should that fail, what was delivered then still stands, and what was
 * not must not be suppressed on its account. Else what is handled already is left out. */
void model_replay(struct model *model, int place, bool force) {
    struct model_message *message = &model->messages[place];
    bool once = rules_was_delivered(message), pending = message->state == STATE_PENDING;
    unsigned spare = rules_spare(model, place);
    rules_set_state(model, place, STATE_PENDING);
    for (unsigned i = 0; i < message->sketch.item_count; i++) {
        bool is_spare = (spare >> i & 1) != 0;
        if (force && !once)
            message->trimmed[i] = false;
        else if (!force && !pending && once)
            message->again[i] = message->trimmed[i] && !is_spare;
        else if (!force && !pending)
            message->trimmed[i] = is_spare && model->rules.trim;
    }
    message->forced = message->forced || force;
    message->replayed = true;
    message->promised = true;
    rules_become_handled(model, place);
}

/* ---- time and flags ---- */

static bool leaves_too_much(const struct model *model, int place) {
    const struct model_message *event = &model->messages[place];
    bool may_go = (event->state == STATE_PENDING && !event->under_way && !event->forced) ||
                  (event->state == STATE_DELIVERED && !event->content_gone);
    unsigned spare = rules_spare(model, place);
    for (unsigned i = 0; i < event->sketch.item_count; i++)
        if ((spare >> i & 1) == 0 &&
            (event->state == STATE_SUPPRESSED || (may_go && event->trimmed[i] && !event->again[i])))
            return true;
    return false;
}

/* An alert that waits, and whose event stays suppressed, or went without the item, though its consumer is on. */
static bool event_is_wanted(const struct model *model, const struct model_message *message) {
    int place = (int)(message - model->messages);
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        const struct model_message *event = &model->messages[twin->event];
        if (twin->rule == place && event->there && rules_own_on(model, event) && leaves_too_much(model, twin->event))
            return true;
    }
    return false;
}

/* Section 4: "Nothing is removed by retention while a twin of it is open [...] or leans upon it". */
static bool is_leaned_upon(const struct model *model, int place) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        const struct model_message *rule = &model->messages[twin->rule], *event = &model->messages[twin->event];
        if (twin->event == place && rule->there && rule->state == STATE_SUPPRESSED && model_handles(event, twin->item))
            return true;
        if (twin->rule == place && event->there && model_handles(rule, 0) &&
            (event->state == STATE_SUPPRESSED ||
             (event->trimmed[twin->item] && (event->state == STATE_PENDING || rules_was_delivered(event)))))
            return true;
    }
    return false;
}

/* Section 3.5: "When flags change, what they decide is decided again: parked messages whose own flag is now on; pending
 * messages (no attempt under way) whose own flag is now off". A held message waits for the other side, so either
 * flag ends that. */
static bool review_is_due(const struct model *model, const struct model_message *message) {
    bool own = rules_own_on(model, message);
    switch (message->state) {
    case STATE_PARKED:
        return own || event_is_wanted(model, message);
    case STATE_PENDING:
        return !own && !message->under_way && !message->replayed;
    case STATE_HELD:
        return !own || !rules_other_on(model, message);
    default:
        return false;
    }
}

static bool has_open_twin(const struct model *model, int place) {
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        int other = twin->rule == place ? twin->event : twin->rule;
        if ((twin->rule == place || twin->event == place) && model->messages[other].there &&
            !is_final(model->messages[other].state))
            return true;
    }
    return false;
}

/* Dead and expired ones are "still replayable until retention ends", so they keep theirs; a suppressed one may still
 * have to take over. */
static bool body_is_spent(const struct model *model, int place) {
    const struct model_message *message = &model->messages[place];
    if (message->content_gone)
        return false;
    bool leans = message->state == STATE_SUPPRESSED;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        leans = leans || message->trimmed[i];
    return (message->state == STATE_DELIVERED || message->state == STATE_SUPPRESSED) &&
           (!leans || !has_open_twin(model, place));
}

bool model_chore_is_due(const struct model *model, int place, enum model_chore chore) {
    const struct model_message *message = &model->messages[place];
    const struct rules *rules = &model->rules;
    if (!message->there)
        return false;
    switch (chore) {
    case CHORE_HOLD_OVER:
        return message->state == STATE_HELD && message->due_ms <= model->now_ms;
    case CHORE_PARK_OVER:
        return message->state == STATE_PARKED && message->due_ms <= model->now_ms;
    case CHORE_REVIEW:
        return review_is_due(model, message);
    case CHORE_FORGET_BODY:
        return body_is_spent(model, place) && model->now_ms - message->changed_ms > rules->body_retention_ms;
    case CHORE_FORGET:
        return is_final(message->state) && model->now_ms - message->changed_ms > rules->retention_ms &&
               !has_open_twin(model, place) && !is_leaned_upon(model, place);
    default:
        return false;
    }
}

static void review(struct model *model, int place) {
    struct model_message *message = &model->messages[place];
    if (message->state == STATE_PARKED && !rules_own_on(model, message)) {
        rules_become_waiting(model, place); /* the consumer of its event is on */
        return;
    }
    bool was_pending = message->state == STATE_PENDING;
    rules_decide(model, place, false);
    if (was_pending)
        rules_become_unhandled(model, place);
}

void model_do_chore(struct model *model, int place, enum model_chore chore) {
    struct model_message *message = &model->messages[place];
    switch (chore) {
    case CHORE_HOLD_OVER: /* section 6: "else the rule is delivered" */
        rules_decide(model, place, false);
        break;
    case CHORE_PARK_OVER: /* section 3: "`pairing.park_for` has passed (→ expired)" */
        if (rules_own_on(model, message))
            rules_decide(model, place, false);
        else
            rules_set_state(model, place, STATE_EXPIRED);
        break;
    case CHORE_REVIEW:
        review(model, place);
        break;
    case CHORE_FORGET_BODY:
        message->content_gone = true;
        break;
    case CHORE_FORGET:
        forget(model, place);
        break;
    default:
        abort();
    }
}

void model_crash(struct model *model) {
    int kept = 0;
    for (int i = 0; i < model->message_count; i++)
        model->messages[i].under_way = false;
    for (int i = 0; i < model->refusal_count; i++)
        if (model->refusals[i].is_lasting)
            model->refusals[kept++] = model->refusals[i];
    model->refusal_count = kept;
}
