/* Deciding again. One function moves a message from state to state, one says how its twins cover it, and one lets a
 * change run on to the twins it concerns:
 *
 *   a message becomes handled      its parked and held twins that are now covered are suppressed; once it is
 *                                  delivered, dead and expired ones are, too
 *   a message is handled no more,  its suppressed twins that are now uncovered are decided again (takeover), pending
 *   or waits for its event         ones that left items to it take those back, delivered ones are sent once more
 *
 * A twin moved by that may concern further ones; they are worked off from a list, so that the depth of the stack does
 * not depend on what senders send. It ends: pending messages only gain items, and a message goes at most once from
 * suppressed or delivered to pending before something outside changes. */
#include "proxy/store/ledger_internal.h"

enum err ledger_move(struct ledger *ledger, struct record *record, enum state state, int64_t due_ms, int64_t now_ms,
                     struct step step) {
    const struct record before = *record;
    ledger->now.counts.in_state[record->endpoint][record->state]--;
    ledger->now.counts.in_state[record->endpoint][state]++;
    if (record->state != state) {
        record->changed_ms = now_ms;
        if (state == STATE_PENDING)
            record->tries = 0;
    }
    record->state = state;
    record->due_ms = due_ms;
    if (state_is_final(state))
        record->marks &= ~(uint32_t)(RECORD_REPLAYED | RECORD_FORCED);
    if (state != STATE_PENDING && record_again(record).len > 0)
        record->trimmed.len = record_bitmap_len(record);
    TRY(ledger->ops->update(ledger->backend, record));
    TRY(ledger_count_move(ledger, record, &before));
    uint64_t *oldest_from = &ledger->oldest_from[state][record->endpoint];
    if (record->id < *oldest_from)
        *oldest_from = record->id;
    if (state == STATE_PENDING)
        ledger_note_due(ledger, record->endpoint, due_ms);
    step.at_ms = now_ms;
    step.state = state;
    return ledger->ops->add_step(ledger->backend, record->id, &step);
}

/* Does the message at the other end of a twin handle what the twin is about? */
static enum err twin_handles(struct ledger *ledger, const struct record *record, const struct twin *twin,
                             bool *handles) {
    bool is_rule = record->id == twin->rule;
    struct record other;
    enum err err = ledger_load_other(ledger, is_rule ? twin->event : twin->rule, &other);
    if (err == ERR_NOT_FOUND) { /* past its retention, or damaged */
        *handles = false;
        return ERR_NONE;
    }
    if (err != ERR_NONE)
        return err;
    *handles = record_handles(&other, is_rule ? twin->item : 0) && ledger_may_cover(ledger, &other, record);
    return ERR_NONE;
}

enum err ledger_coverage(struct ledger *ledger, const struct record *record, struct str *covered, size_t *count) {
    struct twin *twins;
    size_t twin_count;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &twin_count));
    size_t len = (record->item_count + 7) / 8;
    char *bits = arena_alloc(ledger->scratch, len);
    for (size_t i = 0; i < twin_count; i++) {
        uint32_t own_item = record->id == twins[i].rule ? 0 : twins[i].item;
        bool handles;
        if (own_item >= record->item_count || bitmap_has(str_slice(bits, len), own_item))
            continue;
        TRY(twin_handles(ledger, record, &twins[i], &handles));
        if (handles)
            bitmap_set(bits, own_item);
    }
    *covered = str_slice(bits, len);
    *count = bitmap_count(*covered, record->item_count);
    return ERR_NONE;
}

static enum err deliver(struct ledger *ledger, struct record *record, struct str trimmed, int64_t now_ms,
                        const char *why) {
    if ((record->marks & RECORD_CONTENT_GONE) != 0)
        return ledger_move(ledger, record, STATE_DEAD, DUE_NEVER, now_ms,
                           (struct step){.why = STR("to be delivered, but its body is past its retention")});
    if (record->state == STATE_SUPPRESSED)
        ledger->now.stats.takeovers++;
    record->trimmed = trimmed;
    return ledger_move(ledger, record, STATE_PENDING, now_ms, now_ms, (struct step){.why = str_of(why)});
}

enum err ledger_decide_again(struct ledger *ledger, struct record *record, int64_t now_ms, const char *why) {
    struct standing standing = {.item_count = record->item_count,
                                .may_expire_at_once = ledger->policy.park_for_ms == 0};
    struct str spare;
    if ((record->marks & RECORD_DELIVERED_ONCE) != 0) /* and was to be sent once more */
        return ledger_move(ledger, record, STATE_DELIVERED, DUE_NEVER, now_ms, (struct step){.why = str_of(why)});
    TRY(ledger_spare(ledger, record, now_ms, &spare, &standing.covered_count));
    standing.own_on = ledger_own_on(ledger, record, now_ms);
    struct step step = {.why = str_of(why)};
    switch (pairing_decide(&standing)) {
    case FATE_SUPPRESS:
        return ledger_move(ledger, record, STATE_SUPPRESSED, DUE_NEVER, now_ms, step);
    case FATE_DELIVER_REST:
        return deliver(ledger, record, ledger->policy.trim ? spare : STR_NONE, now_ms, why);
    case FATE_PARK:
        return ledger_move(ledger, record, STATE_PARKED, now_ms + ledger->policy.park_for_ms, now_ms, step);
    case FATE_EXPIRE:
        return ledger_move(ledger, record, STATE_EXPIRED, DUE_NEVER, now_ms, step);
    case FATE_HOLD: /* not without may_hold */
    case FATE_DELIVER:
        break;
    }
    return deliver(ledger, record, STR_NONE, now_ms, why);
}

/* Dead and expired mean that nobody handled it. */
enum err ledger_lay_to_rest(struct ledger *ledger, struct record *record, int64_t now_ms) {
    bool delivered;
    TRY(ledger_is_delivered(ledger, record, &delivered));
    if (!delivered)
        return ERR_NONE;
    bool own = (record->marks & RECORD_DELIVERED_ONCE) != 0;
    struct str spare;
    size_t count;
    TRY(ledger_spare(ledger, record, now_ms, &spare, &count));
    if (!own && count < record->item_count)
        return ERR_NONE; /* a rule that waits tells more than its delivered twins: nobody has told that */
    return ledger_move(
        ledger, record, own ? STATE_DELIVERED : STATE_SUPPRESSED, DUE_NEVER, now_ms,
        (struct step){.why = own ? STR("it was delivered before, or by its twins") : STR("its twins were delivered")});
}

/* One that waited for a twin: it is handled now. */
static enum err twin_is_handled(struct ledger *ledger, struct record *record, int64_t now_ms) {
    struct str spare;
    size_t count;
    if (record->state == STATE_DEAD || record->state == STATE_EXPIRED)
        return ledger_lay_to_rest(ledger, record, now_ms);
    if (record->state != STATE_PARKED && record->state != STATE_HELD)
        return ERR_NONE;
    TRY(ledger_spare(ledger, record, now_ms, &spare, &count));
    if (count < record->item_count)
        return ERR_NONE;
    return ledger_move(ledger, record, STATE_SUPPRESSED, DUE_NEVER, now_ms,
                       (struct step){.why = STR("its twins are handled")});
}

/* One that relied on a twin: it is not handled any more. `*moved`: its own twins are to be looked at in turn. */
static enum err twin_is_not_handled(struct ledger *ledger, struct record *record, int64_t now_ms, const char *why,
                                    bool *moved) {
    struct str spare;
    size_t count;
    if (record->state == STATE_PENDING)
        return idset_has(&ledger->leases, record->id) ? ERR_NONE
                                                      : ledger_take_items_back(ledger, record, now_ms, moved);
    if (record->state == STATE_DELIVERED)
        return ledger_give_back(ledger, record, now_ms, why, moved);
    if (record->state != STATE_SUPPRESSED)
        return ERR_NONE;
    TRY(ledger_spare(ledger, record, now_ms, &spare, &count));
    if (count == record->item_count)
        return ERR_NONE;
    TRY(ledger_decide_again(ledger, record, now_ms, why));
    *moved = true;
    return ERR_NONE;
}

struct agenda {
    struct arena *arena;
    uint64_t *ids;
    size_t count, capacity;
};

static void agenda_add(struct agenda *agenda, uint64_t id) {
    if (agenda->count == agenda->capacity) {
        agenda->capacity = agenda->capacity == 0 ? 4 : agenda->capacity * 4;
        uint64_t *larger = ARENA_ARRAY(agenda->arena, agenda->capacity, uint64_t);
        if (agenda->count > 0)
            memcpy(larger, agenda->ids, agenda->count * sizeof *larger);
        agenda->ids = larger;
    }
    agenda->ids[agenda->count++] = id;
}

/* A message has become pending: at once, the twins that waited for that wait no more, and ask no further one. */
static enum err suppress_twins(struct ledger *ledger, uint64_t id, int64_t now_ms) {
    struct record record, other;
    struct twin *twins;
    size_t count;
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, id, &record));
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, id, &twins, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_rule = twins[i].rule == id;
        if (!record_handles(&record, is_rule ? 0 : twins[i].item))
            continue;
        enum err err = ledger_load_other(ledger, is_rule ? twins[i].event : twins[i].rule, &other);
        if (err == ERR_NONE)
            err = twin_is_handled(ledger, &other, now_ms);
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

static enum err look_at_twin(struct ledger *ledger, bool handles, uint64_t other_id, int64_t now_ms, const char *why,
                             struct agenda *agenda) {
    struct record other;
    bool moved = false;
    enum err err = ledger_load_other(ledger, other_id, &other);
    if (err != ERR_NONE)
        return err == ERR_NOT_FOUND ? ERR_NONE : err;
    if (handles)
        return twin_is_handled(ledger, &other, now_ms);
    TRY(twin_is_not_handled(ledger, &other, now_ms, why, &moved));
    if (!moved)
        return ERR_NONE;
    agenda_add(agenda, other_id);
    return record_is_handled(&other) ? suppress_twins(ledger, other_id, now_ms) : ERR_NONE;
}

static enum err look_at_twins(struct ledger *ledger, uint64_t id, int64_t now_ms, const char *why,
                              struct agenda *agenda) {
    struct record record;
    struct twin *twins;
    size_t count;
    uint64_t last = 0;
    bool last_handles = false;
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, id, &record));
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, id, &twins, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_rule = twins[i].rule == id;
        uint64_t other_id = is_rule ? twins[i].event : twins[i].rule;
        bool handles = record_handles(&record, is_rule ? 0 : twins[i].item);
        if (other_id == last && handles == last_handles)
            continue; /* several items of one event */
        last = other_id;
        last_handles = handles;
        TRY(look_at_twin(ledger, handles, other_id, now_ms, why, agenda));
    }
    return ERR_NONE;
}

enum err ledger_ripple(struct ledger *ledger, uint64_t id, int64_t now_ms, const char *why) {
    struct agenda agenda = {.arena = ledger->scratch};
    enum err err = ERR_NONE;
    agenda_add(&agenda, id);
    for (size_t done = 0; done < agenda.count && err == ERR_NONE; done++)
        err = look_at_twins(ledger, agenda.ids[done], now_ms, why, &agenda);
    return err;
}

enum err ledger_erase(struct ledger *ledger, const struct record *record) {
    const struct unpaired row = {.received_ms = record->received_ms, .message = record->id};
    bool removed;
    TRY(ledger_remove_rows(ledger, record));
    TRY(ledger->ops->remove_unpaired(ledger->backend, &row, &removed));
    TRY(ledger->ops->remove(ledger->backend, record->id));
    ledger->now.counts.in_state[record->endpoint][record->state]--;
    return ERR_NONE;
}
