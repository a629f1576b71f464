/* What becomes of a message after an attempt, and who may begin the next one. */
#include "proxy/store/ledger_internal.h"

static struct step attempt_step(struct ledger *ledger, const struct record *record, const struct attempt *attempt) {
    return (struct step){.attempt = record->attempts,
                         .status = attempt->status,
                         .duration_us = attempt->duration_us,
                         .why = arena_str(ledger->scratch, attempt->what)};
}

/* What was left out once has arrived now: all of it, or the items that it was sent once more for. */
static bool add_delivered_items(struct ledger *ledger, struct record *record) {
    struct str again = record_again(record);
    if ((record->marks & RECORD_FORCED) != 0 && record->trimmed.len > 0) {
        record->trimmed = STR_NONE;
        return true;
    }
    if (again.len == 0)
        return false;
    size_t left = 0;
    char *bits = arena_copy(ledger->scratch, record->trimmed.at, record_bitmap_len(record));
    for (uint32_t i = 0; i < record->item_count; i++)
        if (bitmap_has(again, i))
            bitmap_unset(bits, i);
        else
            left += bitmap_has(record->trimmed, i) ? 1 : 0;
    record->trimmed = left > 0 ? str_slice(bits, record_bitmap_len(record)) : STR_NONE;
    return true;
}

static bool somebody_died(const struct ledger *ledger) {
    const uint64_t(*in_state)[STATE_COUNT] = ledger->now.counts.in_state;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        if (in_state[e][STATE_DEAD] + in_state[e][STATE_EXPIRED] > 0)
            return true;
    return false;
}

static enum err delivered(struct ledger *ledger, struct record *record, const struct attempt *attempt, int64_t now_ms) {
    bool more = add_delivered_items(ledger, record), goes_again;
    record->marks |= RECORD_DELIVERED_ONCE | RECORD_PROMISED; /* its sender was told 200, or will be */
    TRY(ledger_move(ledger, record, STATE_DELIVERED, DUE_NEVER, now_ms, attempt_step(ledger, record, attempt)));
    TRY(ledger_give_back(ledger, record, now_ms, "its twin, which had an item of it, is not handled", &goes_again));
    if (!more && !goes_again && !somebody_died(ledger) && !ledger->now.reviewing)
        return ERR_NONE; /* its twins know already that it is handled, and by the flags in force */
    return ledger_ripple(ledger, record->id, now_ms, "its twin was delivered without it");
}

/* The sender was not told 2xx and will come again. Marked dead first, so that it covers nothing while its twins are
 * looked at. */
static enum err forget(struct ledger *ledger, struct record *record, int64_t now_ms) {
    TRY(ledger_move(ledger, record, STATE_DEAD, DUE_NEVER, now_ms, (struct step){.why = STR("forgotten")}));
    TRY(ledger_ripple(ledger, record->id, now_ms, "its twin was not delivered"));
    TRY(ledger_load_own(ledger, ledger->scratch, record->id, record)); /* a twin that goes out may have moved it */
    TRY(ledger_count_forgotten(ledger, record));
    TRY(ledger_refused_note(ledger, record, true, now_ms));
    return ledger_erase(ledger, record);
}

static enum err die(struct ledger *ledger, struct record *record, const struct attempt *attempt, int64_t now_ms) {
    TRY(ledger_move(ledger, record, STATE_DEAD, DUE_NEVER, now_ms, attempt_step(ledger, record, attempt)));
    TRY(ledger_lay_to_rest(ledger, record, now_ms));
    return ledger_ripple(ledger, record->id, now_ms, "its twin could not be delivered");
}

/* The wait before the next attempt: by the schedule, or what the consumer asks for, up to twice the schedule. */
static int64_t wait_ms(struct ledger *ledger, const struct record *record, const struct attempt *attempt) {
    int64_t planned = ledger->policy.retry_ms[record->tries - 1];
    double jitter = ledger->policy.jitter(ledger->policy.arg);
    int64_t wait = planned + (int64_t)((double)planned * 0.2 * jitter);
    if (attempt->retry_after_ms > wait)
        wait = attempt->retry_after_ms < 2 * planned ? attempt->retry_after_ms : 2 * planned;
    return wait;
}

static enum err fail(struct ledger *ledger, struct record *record, const struct attempt *attempt, int64_t now_ms) {
    if (attempt->result != ATTEMPT_INTERRUPTED && ++record->tries > ledger->policy.retry_count)
        return die(ledger, record, attempt, now_ms);
    int64_t due = attempt->result == ATTEMPT_INTERRUPTED ? now_ms : now_ms + wait_ms(ledger, record, attempt);
    bool changed;
    TRY(ledger_move(ledger, record, STATE_PENDING, due, now_ms, attempt_step(ledger, record, attempt)));
    if ((record->marks & RECORD_REPLAYED) == 0 && !ledger_own_on(ledger, record, now_ms)) {
        TRY(ledger_decide_again(ledger, record, now_ms, "its consumer was switched off"));
        return ledger_ripple(ledger, record->id, now_ms, "its twin's consumer was switched off");
    }
    TRY(ledger_take_items_back(ledger, record, now_ms,
                               &changed)); /* what its twins did during the attempt counts now */
    return changed ? ledger_ripple(ledger, record->id, now_ms, "its twin takes items back") : ERR_NONE;
}

/* A rule that an event has left an item to, and that event went out without it, or is on its way: its sender has been
 * told 2xx, so what tells of the item now is this rule alone. */
static enum err is_relied_on(struct ledger *ledger, const struct record *record, bool *relied_on) {
    struct twin *twins;
    size_t count;
    *relied_on = false;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &count));
    for (size_t i = 0; i < count && !*relied_on; i++) {
        struct record event;
        if (twins[i].rule != record->id)
            continue;
        enum err err = ledger_load_other(ledger, twins[i].event, &event);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        bool is_out = (event.marks & RECORD_DELIVERED_ONCE) != 0 || idset_has(&ledger->leases, event.id);
        *relied_on = is_out && bitmap_has(event.trimmed, twins[i].item);
    }
    return ERR_NONE;
}

/* Where no sender was told 2xx for it, it can be forgotten. */
static enum err may_forget(struct ledger *ledger, struct record *record, bool *forgettable) {
    bool relied_on;
    *forgettable = false;
    if ((record->marks & RECORD_PROMISED) != 0)
        return ERR_NONE;
    TRY(is_relied_on(ledger, record, &relied_on));
    if (relied_on)
        record->marks |= RECORD_PROMISED;
    *forgettable = !relied_on;
    return ERR_NONE;
}

static enum err not_delivered(struct ledger *ledger, struct record *record, const struct attempt *attempt,
                              int64_t now_ms, bool *forgotten) {
    TRY(may_forget(ledger, record, forgotten));
    if (*forgotten)
        return forget(ledger, record, now_ms);
    if (attempt->result == ATTEMPT_GONE)
        TRY(die(ledger, record, attempt, now_ms));
    else
        TRY(fail(ledger, record, attempt, now_ms));
    /* a twin that took over may have suppressed it by now */
    return ledger->ops->load(ledger->backend, ledger->scratch, record->id, record);
}

enum err ledger_settle(struct ledger *ledger, const struct attempt *attempt, int64_t now_ms,
                       struct settlement *settlement) {
    struct record record;
    arena_reset(ledger->scratch);
    ledger_lease_drop(ledger, attempt->id);
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, attempt->id, &record));
    record.attempts++;
    bool forgotten = false;
    if (attempt->result == ATTEMPT_DELIVERED)
        TRY(delivered(ledger, &record, attempt, now_ms));
    else
        TRY(not_delivered(ledger, &record, attempt, now_ms, &forgotten));
    *settlement = (struct settlement){forgotten, record.state, record.due_ms};
    return ERR_NONE;
}

enum err ledger_note_shadow(struct ledger *ledger, const struct attempt *attempt, int64_t now_ms) {
    struct record record;
    arena_reset(ledger->scratch);
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, attempt->id, &record));
    struct step step = {.at_ms = now_ms,
                        .state = record.state,
                        .status = attempt->status,
                        .duration_us = attempt->duration_us,
                        .why = attempt->what};
    return ledger->ops->add_step(ledger->backend, attempt->id, &step);
}
