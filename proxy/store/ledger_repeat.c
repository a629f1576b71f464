/* A sender repeats a message: because the answer got lost, because somebody pressed "resend", or because a message is
 * told by two services. Each repeat is in the story of the first one. The first one stays as it is, unless nobody
 * handled it: a dead or expired message is opened again, for its sender asks for just that. */
#include "proxy/store/ledger_internal.h"

/* A duplicate is answered 200: from now on the first one must not be forgotten. */
static enum err promise(struct ledger *ledger, struct record *first) {
    if ((first->marks & RECORD_PROMISED) != 0)
        return ERR_NONE;
    first->marks |= RECORD_PROMISED;
    return ledger->ops->update(ledger->backend, first);
}

static enum admit_outcome outcome_of(const struct record *record) {
    switch (record->state) {
    case STATE_PENDING:
        return record->trimmed.len > 0 ? ADMIT_PARTIAL : ADMIT_ACCEPTED;
    case STATE_SUPPRESSED:
        return ADMIT_SUPPRESSED;
    default:
        return ADMIT_PARKED;
    }
}

/* `*reopened` is false where only a part of it is open, and its consumer is off. */
static enum err reopen(struct ledger *ledger, struct record *first, int64_t now_ms, bool *reopened) {
    static const char why[] = "its sender repeated it, and nobody had handled it";
    first->marks |= RECORD_PROMISED;
    *reopened = true;
    if ((first->marks & RECORD_DELIVERED_ONCE) != 0)
        TRY(ledger_give_back(ledger, first, now_ms, why, reopened));
    else
        TRY(ledger_decide_again(ledger, first, now_ms, why));
    if (!*reopened)
        return ERR_NONE;
    TRY(ledger_ripple(ledger, first->id, now_ms, "its twin's sender repeated it"));
    return ledger->ops->load(ledger->backend, ledger->scratch, first->id, first);
}

enum err ledger_repeat(struct ledger *ledger, struct record *first, int64_t now_ms, struct admission *admission) {
    bool handled = true, reopened = false;
    if (first->state == STATE_DEAD || first->state == STATE_EXPIRED)
        TRY(ledger_is_handled(ledger, first, &handled));
    if (!handled && ledger_backlog_is_full(ledger)) {
        *admission = (struct admission){.outcome = ADMIT_REFUSED};
        return ERR_NONE;
    }
    if (!handled)
        TRY(reopen(ledger, first, now_ms, &reopened));
    *admission = (struct admission){
        .outcome = reopened ? outcome_of(first) : ADMIT_DUPLICATE, .id = first->id, .state = first->state};
    if (reopened)
        return ERR_NONE;
    TRY(promise(ledger, first));
    struct step step = {.at_ms = now_ms, .state = first->state, .why = STR("repeated by its sender")};
    return ledger->ops->add_step(ledger->backend, first->id, &step);
}
