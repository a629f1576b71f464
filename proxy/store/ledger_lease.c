/* Who may begin an attempt, later than at the arrival: what is due, what was replayed. Flags may have changed since it
 * was decided, so each lease asks them again: a message whose consumer is off by now is parked in place of it. */
#include "proxy/store/ledger_internal.h"

enum { PARKED_MAX = 256 }; /* in one call: the review of flags does the rest */

/* A message that is picked up later has no sender waiting for it: from here on its delivery is up to us. */
static enum err take(struct ledger *ledger, struct arena *arena, struct record *record, struct lease *lease) {
    struct str covered;
    size_t covered_count;
    lease->record = *record;
    TRY(ledger->ops->load_content(ledger->backend, arena, record->id, &lease->content));
    TRY(ledger_coverage(ledger, &lease->record, &covered, &covered_count));
    lease->covered = covered_count > 0 ? arena_str(arena, covered) : STR_NONE;
    lease->left_out = arena_str(arena, ledger_left_out(ledger, &lease->record));
    if ((lease->record.marks & RECORD_PROMISED) == 0) {
        lease->record.marks |= RECORD_PROMISED;
        TRY(ledger->ops->update(ledger->backend, &lease->record));
    }
    record_keep(arena, &lease->record);
    ledger_lease_add(ledger, record->id);
    return ERR_NONE;
}

enum err ledger_ask_again(struct ledger *ledger, struct record *record, int64_t now_ms, bool *moved) {
    *moved = false;
    if ((record->marks & RECORD_REPLAYED) != 0 || ledger_own_on(ledger, record, now_ms))
        return ERR_NONE;
    *moved = true;
    record->marks |= RECORD_PROMISED; /* whoever waits is answered 2xx: it is kept */
    TRY(ledger_decide_again(ledger, record, now_ms, "its consumer was switched off"));
    return ledger_ripple(ledger, record->id, now_ms, "its twin's consumer was switched off");
}

struct leasing {
    struct ledger *ledger;
    struct arena *arena;
    struct lease *leases;
    size_t max, taken, parked;
    int64_t now_ms, next_ms; /* next: due, and not taken */
};

enum err ledger_lease_one(struct ledger *ledger, struct arena *arena, uint64_t id, int64_t now_ms, struct lease *lease,
                          enum lease_fate *fate) {
    struct record record;
    bool parked = false;
    *fate = LEASE_LEFT;
    enum err err = ledger_load_own(ledger, arena, id, &record);
    if (err == ERR_NONE && record.state != STATE_PENDING)
        return ERR_NONE; /* a twin that was parked before it has moved it */
    if (err == ERR_NONE)
        err = ledger_ask_again(ledger, &record, now_ms, &parked);
    if (err == ERR_NONE && !parked)
        err = take(ledger, arena, &record, lease);
    if (err == ERR_NONE)
        *fate = parked ? LEASE_PARKED : LEASE_TAKEN;
    return err == ERR_DAMAGED ? ERR_NONE : err;
}

static enum err lease_or_park(struct leasing *leasing, uint64_t id) {
    enum lease_fate fate;
    TRY(ledger_lease_one(leasing->ledger, leasing->arena, id, leasing->now_ms, &leasing->leases[leasing->taken],
                         &fate));
    leasing->taken += fate == LEASE_TAKEN ? 1 : 0;
    leasing->parked += fate == LEASE_PARKED ? 1 : 0;
    return ERR_NONE;
}

static enum err lease_pass(struct leasing *leasing, enum endpoint endpoint, bool *again) {
    struct ledger *ledger = leasing->ledger;
    size_t most = leasing->max + ledger->leases.count + ledger->set_aside.count + 1, found;
    struct due *due = ARENA_ARRAY(ledger->scratch, most, struct due);
    size_t parked = leasing->parked;
    TRY(ledger->ops->due(ledger->backend, endpoint, STATE_PENDING, due, most, &found));
    leasing->next_ms = DUE_NEVER;
    for (size_t i = 0; i < found; i++) {
        if (idset_has(&ledger->leases, due[i].id) || ledger_is_set_aside(ledger, due[i].id))
            continue;
        if (leasing->taken == leasing->max || due[i].due_ms > leasing->now_ms) {
            leasing->next_ms = due[i].due_ms;
            break;
        }
        TRY(lease_or_park(leasing, due[i].id));
    }
    *again = leasing->parked > parked;
    return ERR_NONE;
}

enum err ledger_lease(struct ledger *ledger, struct arena *arena, enum endpoint endpoint, size_t max, int64_t now_ms,
                      struct lease *leases, size_t *count) {
    struct leasing leasing = {
        .ledger = ledger, .arena = arena, .leases = leases, .max = max, .now_ms = now_ms, .next_ms = DUE_NEVER};
    bool again = true;
    while (again && leasing.parked < PARKED_MAX) {
        arena_reset(ledger->scratch);
        TRY(lease_pass(&leasing, endpoint, &again));
    }
    ledger->now.next_due_ms[endpoint] = again ? now_ms : leasing.next_ms;
    *count = leasing.taken;
    return ERR_NONE;
}

enum err ledger_resume(struct ledger *ledger, uint64_t id, int64_t now_ms, enum state *state) {
    struct record record;
    bool moved;
    arena_reset(ledger->scratch);
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, id, &record));
    *state = record.state;
    if (ledger_own_on(ledger, &record, now_ms))
        return ERR_NONE;
    ledger_lease_drop(ledger, id);
    TRY(ledger_ask_again(ledger, &record, now_ms, &moved));
    if (!moved) { /* somebody replays it: it goes all the same */
        ledger_lease_add(ledger, id);
        return ERR_NONE;
    }
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, id, &record));
    *state = record.state;
    return ERR_NONE;
}
