/* Leases where the messages of an endpoint go several ways, its lanes, of which some may be shut: the oldest messages
 * due may all belong to a shut one, and there may be very many of them. Passing over them each time would cost more
 * and more; so each lane remembers how far it has been looked at:
 *
 *     due:       d1 d1 d1 d2 d1 d1 d2 d1 d1 d1 ...      lane 1 is shut, lane 2 open
 *                ▲                       ▲
 *                lane 1 begins here      lane 2 here, after its two were taken
 *
 * Before its place a lane has nothing that is due. A message that becomes due earlier than that sets the place back
 * (ledger_note_due), and so does a rollback. */
#include "proxy/store/ledger_internal.h"

#include "common/mem.h"

enum { LOOKED_AT_MOST = 256 }; /* messages in one call: others wait for the store meanwhile */

static bool is_before(const struct due *a, const struct due *b) {
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a->id < b->id);
}

void ledger_lanes_reset(struct ledger *ledger) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (size_t i = 0; i < ledger->lanes[e].count; i++)
            ledger->lanes[e].items[i] = (struct lane){.passed = {0, INT64_MIN}, .waits_ms = INT64_MIN};
}

void ledger_lanes_lower(struct ledger *ledger, enum endpoint endpoint, int64_t due_ms) {
    const struct due before = {INT64_MAX, due_ms - 1};
    for (size_t i = 0; i < ledger->lanes[endpoint].count; i++)
        if (is_before(&before, &ledger->lanes[endpoint].items[i].passed))
            ledger->lanes[endpoint].items[i].passed = before;
}

void ledger_lanes_clear(struct ledger *ledger) {
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        mem_free(ledger->lanes[e].items);
}

static void provide_lanes(struct ledger *ledger, enum endpoint endpoint, size_t count) {
    struct lanes *lanes = &ledger->lanes[endpoint];
    if (lanes->count == count)
        return;
    lanes->items = mem_resize(lanes->items, count * sizeof *lanes->items);
    lanes->count = count;
    ledger_lanes_reset(ledger);
}

struct look {
    struct ledger *ledger;
    struct lane *lanes;
    const struct lane_choice *choice;
    struct lease_batch *batch;
    struct arena *arena;
    struct due from, last;   /* looked at what is behind `from`, up to `last` */
    struct due *left;        /* by lane: the first one that was left; due_ms DUE_NEVER: none */
    int64_t now_ms, next_ms; /* next: the first that is not due yet */
    bool is_at_end, has_parked;
};

/* Behind the place of the lane that is furthest back, of those with room. */
static struct due first_place(const struct lane *lanes, const struct lane_choice *choice) {
    struct due place = {INT64_MAX, INT64_MAX};
    for (size_t i = 0; i < choice->count; i++)
        if (choice->places[i] > 0 && is_before(&lanes[i].passed, &place))
            place = lanes[i].passed;
    return place;
}

/* A message in a lane without room stays. */
static enum err look_at(struct look *look, const struct due *due) {
    struct record record;
    enum err err = ledger_load_own(look->ledger, look->ledger->scratch, due->id, &record);
    if (err != ERR_NONE || record.state != STATE_PENDING)
        return err == ERR_DAMAGED ? ERR_NONE : err;
    size_t lane = look->choice->lane_of(look->choice->arg, &record);
    if (look->choice->places[lane] == 0) {
        if (look->left[lane].due_ms == DUE_NEVER)
            look->left[lane] = *due;
        return ERR_NONE;
    }
    enum lease_fate fate;
    struct lease *lease = &look->batch->leases[look->batch->count];
    TRY(ledger_lease_one(look->ledger, look->arena, due->id, look->now_ms, lease, &fate));
    look->has_parked |= fate == LEASE_PARKED;
    if (fate == LEASE_TAKEN) {
        look->choice->places[lane]--;
        look->batch->count++;
    }
    return ERR_NONE;
}

static enum err look_at_all(struct look *look, const struct due *due, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (due[i].due_ms > look->now_ms) {
            look->next_ms = due[i].due_ms;
            look->is_at_end = true;
            return ERR_NONE;
        }
        if (look->batch->count == look->batch->max)
            return ERR_NONE;
        if (!idset_has(&look->ledger->leases, due[i].id) && !ledger_is_set_aside(look->ledger, due[i].id))
            TRY(look_at(look, &due[i]));
        look->last = due[i];
    }
    look->is_at_end = count < LOOKED_AT_MOST;
    return ERR_NONE;
}

/* Lanes whose place is before where the look began know as little as before. */
static void move_places(const struct look *look) {
    for (size_t i = 0; i < look->choice->count; i++) {
        struct lane *lane = &look->lanes[i];
        if (is_before(&lane->passed, &look->from))
            continue;
        bool has_left = look->left[i].due_ms != DUE_NEVER;
        struct due place = has_left ? (struct due){look->left[i].id - 1, look->left[i].due_ms} : look->last;
        if (is_before(&lane->passed, &place))
            lane->passed = place;
        if (has_left || look->is_at_end)
            lane->waits_ms = look->left[i].due_ms;
    }
}

/* When there is something to do, as far as is known. */
static int64_t next_due(const struct look *look) {
    int64_t next_ms = look->is_at_end ? look->next_ms : look->last.due_ms;
    for (size_t i = 0; i < look->choice->count; i++)
        if (look->lanes[i].waits_ms < next_ms)
            next_ms = look->lanes[i].waits_ms;
    return next_ms;
}

enum err ledger_lease_lanes(struct ledger *ledger, struct arena *arena, enum endpoint endpoint,
                            const struct lane_choice *choice, int64_t now_ms, struct lease_batch *batch) {
    size_t found;
    arena_reset(ledger->scratch);
    provide_lanes(ledger, endpoint, choice->count);
    struct look look = {.ledger = ledger,
                        .lanes = ledger->lanes[endpoint].items,
                        .choice = choice,
                        .batch = batch,
                        .arena = arena,
                        .left = ARENA_ARRAY(ledger->scratch, choice->count, struct due),
                        .now_ms = now_ms,
                        .next_ms = DUE_NEVER};
    look.from = look.last = first_place(look.lanes, choice);
    for (size_t i = 0; i < choice->count; i++)
        look.left[i] = (struct due){0, DUE_NEVER};
    struct due *due = ARENA_ARRAY(ledger->scratch, LOOKED_AT_MOST, struct due);
    batch->count = 0;
    TRY(ledger->ops->due_after(ledger->backend, endpoint, STATE_PENDING, &look.from, due, LOOKED_AT_MOST, &found));
    TRY(look_at_all(&look, due, found));
    move_places(&look);
    if (look.has_parked) /* that may have made others due */
        ledger_lanes_lower(ledger, endpoint, now_ms);
    batch->more = !look.is_at_end || look.has_parked;
    ledger->now.next_due_ms[endpoint] = look.has_parked ? now_ms : next_due(&look);
    return ERR_NONE;
}
