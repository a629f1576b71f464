/* What becomes of a message after an attempt, and who may begin the next one. */
#include "proxy/store/ledger_internal.h"

static struct step attempt_step(struct ledger *ledger, const struct record *record, const struct attempt *attempt) {
    return (struct step){.attempt = record->attempts,
                         .status = attempt->status,
                         .duration_us = attempt->duration_us,
                         .why = arena_str(ledger->scratch, attempt->what)};
}

static enum err delivered(struct ledger *ledger, struct record *record, const struct attempt *attempt, int64_t now_ms) {
    bool whole_now = (record->marks & RECORD_REPLAYED) != 0 && record->trimmed.len > 0;
    record->marks |= RECORD_DELIVERED_ONCE;
    if (whole_now)
        record->trimmed = STR_NONE; /* replays go whole: what was left out once has arrived now */
    TRY(ledger_move(ledger, record, STATE_DELIVERED, DUE_NEVER, now_ms, attempt_step(ledger, record, attempt)));
    return whole_now ? ledger_ripple(ledger, record->id, now_ms, "its twin was replayed") : ERR_NONE;
}

/* The sender was not told 2xx and will come again. Marked dead first, so that it covers nothing while its twins are
 * looked at. */
static enum err forget(struct ledger *ledger, struct record *record, int64_t now_ms) {
    TRY(ledger_move(ledger, record, STATE_DEAD, DUE_NEVER, now_ms, (struct step){.why = STR("forgotten")}));
    TRY(ledger_ripple(ledger, record->id, now_ms, "its twin was not delivered"));
    TRY(ledger_count_forgotten(ledger, record));
    return ledger_erase(ledger, record);
}

static enum err die(struct ledger *ledger, struct record *record, const struct attempt *attempt, int64_t now_ms) {
    TRY(ledger_move(ledger, record, STATE_DEAD, DUE_NEVER, now_ms, attempt_step(ledger, record, attempt)));
    if (record_is_handled(record))
        return ERR_NONE; /* a replay of what had been delivered */
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
    TRY(ledger_take_items_back(ledger, record, &changed)); /* what its twins did during the attempt counts now */
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

/* A message that is picked up later has no sender waiting for it: from here on its delivery is up to us. */
static enum err take(struct ledger *ledger, struct arena *arena, uint64_t id, struct lease *lease) {
    struct str covered;
    size_t covered_count;
    TRY(ledger_load_own(ledger, arena, id, &lease->record));
    TRY(ledger->ops->load_content(ledger->backend, arena, id, &lease->content));
    TRY(ledger_coverage(ledger, &lease->record, &covered, &covered_count));
    lease->covered = covered_count > 0 ? arena_str(arena, covered) : STR_NONE;
    if ((lease->record.marks & RECORD_PROMISED) == 0) {
        lease->record.marks |= RECORD_PROMISED;
        TRY(ledger->ops->update(ledger->backend, &lease->record));
    }
    record_keep(arena, &lease->record);
    ledger_lease_add(ledger, id);
    return ERR_NONE;
}

enum err ledger_lease(struct ledger *ledger, struct arena *arena, enum endpoint endpoint, size_t max, int64_t now_ms,
                      struct lease *leases, size_t *count) {
    arena_reset(ledger->scratch);
    size_t most = max + ledger->leases.count + ledger->set_aside.count + 1, found, taken = 0;
    struct due *due = ARENA_ARRAY(ledger->scratch, most, struct due);
    TRY(ledger->ops->due(ledger->backend, endpoint, STATE_PENDING, due, most, &found));
    int64_t next = DUE_NEVER;
    for (size_t i = 0; i < found; i++) {
        if (idset_has(&ledger->leases, due[i].id) || ledger_is_set_aside(ledger, due[i].id))
            continue;
        if (taken == max || due[i].due_ms > now_ms) {
            next = due[i].due_ms;
            break;
        }
        enum err err = take(ledger, arena, due[i].id, &leases[taken]);
        if (err == ERR_NONE)
            taken++;
        else if (err != ERR_DAMAGED)
            return err;
    }
    ledger->now.next_due_ms[endpoint] = next;
    *count = taken;
    return ERR_NONE;
}

enum err ledger_replay(struct ledger *ledger, uint64_t id, int64_t now_ms) {
    struct record record;
    arena_reset(ledger->scratch);
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, id, &record));
    if (idset_has(&ledger->leases, id))
        return err_set(&ledger->backend->detail, ERR_BUSY, "an attempt is under way; replay it when that has ended");
    if ((record.marks & RECORD_CONTENT_GONE) != 0)
        return err_set(&ledger->backend->detail, ERR_INVALID,
                       "its body is past store.body_retention and was removed, so it cannot be delivered again");
    record.marks |= RECORD_REPLAYED | RECORD_PROMISED;
    record.tries = 0;
    if ((record.marks & RECORD_DELIVERED_ONCE) == 0)
        record.trimmed = STR_NONE; /* else what was left out counts as delivered only when the replay has arrived */
    TRY(ledger_move(ledger, &record, STATE_PENDING, now_ms, now_ms, (struct step){.why = STR("replayed")}));
    ledger->now.stats.replays++;
    return ledger_ripple(ledger, id, now_ms, "its twin was replayed");
}
