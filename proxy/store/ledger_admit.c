/* Admission: in one group the identity, the facts, the twins and the fate of a message become durable.
 *
 *   ledger_admit ─► seen before? ─► find_candidates, pairing_choose ─► cover ─► pairing_decide ─► write ─► ripple
 *                       │
 *                       └► duplicate: nothing is written
 *
 * Whatever a hash finds is compared by text before it counts. */
#include "proxy/store/ledger_candidates.h"

/* One admission while it is decided. */
struct arrival {
    struct ledger *ledger;
    const struct admit_request *request;
    const struct message *message;
    struct record record;
    struct others others; /* the messages that its candidates are of */
    struct candidate *candidates;
    size_t candidate_count;
    uint64_t namesake; /* a message of the same identity that states something else; 0: none */
    struct standing standing;
    char *covered;
    struct str own_why, other_why;
    struct parity_pair *pairs; /* the twins it met */
    size_t pair_count;
    struct near_miss *near_misses;
    size_t near_miss_count;
    enum fate fate;
};

static const struct record *known_record(const struct arrival *arrival, uint64_t id) {
    return others_find(&arrival->others, id);
}

static enum err find_twins(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    const struct record *record = &arrival->record;
    struct candidates list;
    TRY(ledger_find_candidates(ledger, arrival->message, record, arrival->request->now_ms, &list, &arrival->others));
    arrival->candidates = list.at;
    arrival->candidate_count = list.count;
    return ERR_NONE;
}

/* Which items do the twins handle already? */
static void cover(struct arrival *arrival) {
    size_t items = arrival->record.item_count;
    arrival->covered = arena_alloc(arrival->ledger->scratch, (items + 7) / 8);
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        const struct record *record = known_record(arrival, candidate->message);
        if (candidate->verdict == MATCH_TWIN && record_handles(record, candidate->item) &&
            ledger_may_cover(arrival->ledger, record, &arrival->record))
            bitmap_set(arrival->covered, candidate->own_item);
    }
    arrival->standing.item_count = items;
    arrival->standing.covered_count = bitmap_count(str_slice(arrival->covered, (items + 7) / 8), items);
}

/* The rules that are its twins, in the order of its items. */
static size_t list_rule_twins(struct arrival *arrival, struct rule_twin **twins) {
    struct arena *arena = arrival->ledger->scratch;
    size_t count = 0, *ends = ARENA_ARRAY(arena, arrival->record.item_count + 1, size_t);
    *twins = ARENA_ARRAY(arena, arrival->candidate_count, struct rule_twin);
    for (size_t i = 0; i < arrival->candidate_count; i++)
        if (arrival->candidates[i].verdict == MATCH_TWIN) {
            ends[arrival->candidates[i].own_item + 1]++;
            count++;
        }
    for (size_t item = 1; item < arrival->record.item_count; item++)
        ends[item] += ends[item - 1];
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        if (candidate->verdict == MATCH_TWIN)
            (*twins)[ends[candidate->own_item]++] =
                (struct rule_twin){candidate->own_item, known_record(arrival, candidate->message)};
    }
    return count;
}

/* Rules that wait, and tell more than those that are handled, need the event. */
static void unspare(struct arrival *arrival) {
    struct standing *standing = &arrival->standing;
    if (arrival->record.generation != GENERATION_EVENT || standing->covered_count == 0 || !standing->own_on)
        return;
    struct rule_twin *twins;
    size_t count = list_rule_twins(arrival, &twins);
    standing->covered_count -= ledger_unspare(arrival->ledger, &arrival->record, twins, count, arrival->covered);
}

static void ask_flags(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    const struct record *record = &arrival->record;
    int64_t now_ms = arrival->request->now_ms;
    enum prefer prefer = ledger->policy.prefer(ledger->policy.arg, arrival->message->counterpart);
    arrival->standing.may_hold = pairing_may_hold(prefer, arrival->message);
    arrival->standing.may_expire_at_once = ledger->policy.park_for_ms == 0;
    arrival->standing.own_on =
        ledger->flag(ledger->flags, record->endpoint, record, now_ms, ledger->scratch, &arrival->own_why);
    arrival->standing.other_on = ledger->flag(ledger->flags, endpoint_other(record->endpoint), record, now_ms,
                                              ledger->scratch, &arrival->other_why);
}

static void settle_fate(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    struct record *record = &arrival->record;
    int64_t now_ms = arrival->request->now_ms;
    arrival->fate = pairing_decide(&arrival->standing);
    record->due_ms = DUE_NEVER;
    switch (arrival->fate) {
    case FATE_DELIVER_REST:
        if (ledger->policy.trim)
            record->trimmed = str_slice(arrival->covered, (record->item_count + 7) / 8);
        /* fall through */
    case FATE_DELIVER:
        record->state = STATE_PENDING;
        record->due_ms = now_ms;
        break;
    case FATE_HOLD:
        record->state = STATE_HELD;
        record->due_ms = now_ms + ledger->policy.hold_ms;
        break;
    case FATE_PARK:
        record->state = STATE_PARKED;
        record->due_ms = now_ms + ledger->policy.park_for_ms;
        break;
    case FATE_EXPIRE:
        record->state = STATE_EXPIRED;
        break;
    case FATE_SUPPRESS:
        record->state = STATE_SUPPRESSED;
        break;
    }
    if (arrival->request->promise || record->state != STATE_PENDING)
        record->marks |= RECORD_PROMISED;
}

static struct str notes(const struct arrival *arrival) {
    struct arena *arena = arrival->ledger->scratch;
    struct str notes = arrival->message->notes;
    if (arrival->namesake == 0)
        return notes;
    return ARENA_JOIN(arena, STR("Message "), message_id_format(arena, arrival->namesake),
                      STR(" had the same identity and stated something else, so this is another message."),
                      notes.len > 0 ? STR(" ") : STR(""), notes);
}

static void trace(struct arrival *arrival) {
    struct arena *arena = arrival->ledger->scratch;
    struct trace trace = {.state = arrival->record.state,
                          .standing = arrival->standing,
                          .own_why = arrival->own_why,
                          .other_why = arrival->other_why,
                          .window_ms = arrival->ledger->policy.window_ms,
                          .notes = notes(arrival),
                          .candidates = ARENA_ARRAY(arena, arrival->candidate_count, struct trace_candidate),
                          .candidate_count = arrival->candidate_count};
    for (size_t i = 0; i < trace.candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        trace.candidates[i] = (struct trace_candidate){candidate, known_record(arrival, candidate->message)->state};
    }
    arrival->record.admission = ledger_trace(arena, &trace);
}

static enum err write_twins(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    bool is_rule = arrival->record.generation == GENERATION_RULE;
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        if (candidate->verdict != MATCH_TWIN)
            continue;
        struct twin twin = {.event = is_rule ? candidate->message : arrival->record.id,
                            .item = is_rule ? candidate->item : candidate->own_item,
                            .rule = is_rule ? arrival->record.id : candidate->message,
                            .group = candidate->group};
        TRY(ledger->ops->add_twin(ledger->backend, &twin));
        ledger->now.stats.twins++;
    }
    return ERR_NONE;
}

static enum err count_parity(struct arrival *arrival) {
    struct arena *arena = arrival->ledger->scratch;
    const struct record *own = &arrival->record;
    const struct record **twins = ARENA_ARRAY(arena, arrival->candidate_count, const struct record *);
    bool is_rule = own->generation == GENERATION_RULE;
    arrival->pairs = ARENA_ARRAY(arena, arrival->candidate_count, struct parity_pair);
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        /* two messages are one pair, however many items they are twins by */
        if (candidate->verdict != MATCH_TWIN || !others_mark(&arrival->others, candidate->message))
            continue;
        const struct record *other = known_record(arrival, candidate->message);
        twins[arrival->pair_count] = other;
        arrival->pairs[arrival->pair_count++] = is_rule ? ledger_pair(own, other) : ledger_pair(other, own);
    }
    return ledger_count_arrival(arrival->ledger, arrival->message, own, twins, arrival->pair_count);
}

/* Both stories tell of it: the arriving message's by its candidates, the other one's here. */
static enum err note_near_miss(struct arrival *arrival, const struct candidate *candidate) {
    struct ledger *ledger = arrival->ledger;
    struct arena *arena = ledger->scratch;
    const struct record *own = &arrival->record, *other = known_record(arrival, candidate->message);
    const struct record *rule = own->generation == GENERATION_RULE ? own : other;
    struct step step = {.at_ms = arrival->request->now_ms,
                        .state = other->state,
                        .why =
                            ARENA_JOIN(arena, STR("near miss: message "), message_id_format(arena, own->id), STR(" "),
                                       pairing_near_miss(arena, candidate->apart_ms, ledger->policy.window_ms))};
    arrival->near_misses[arrival->near_miss_count++] =
        (struct near_miss){.type = rule->type, .apart_ms = candidate->apart_ms};
    parity_count(ledger->parity, rule->type, own->received_ms, PARITY_NEAR_MISSES, 1);
    return ledger->ops->add_step(ledger->backend, other->id, &step);
}

static enum err note_near_misses(struct arrival *arrival) {
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        if (arrival->candidates[i].verdict != MATCH_NEAR_MISS)
            continue;
        if (arrival->near_misses == NULL)
            arrival->near_misses = ARENA_ARRAY(arrival->ledger->scratch, arrival->candidate_count, struct near_miss);
        TRY(note_near_miss(arrival, &arrival->candidates[i]));
    }
    return ERR_NONE;
}

/* A rule that is parked may need an event that is suppressed by other rules: then it is suppressed at once. */
static enum err tell_twins(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    struct record *record = &arrival->record;
    bool has_twins = false;
    for (size_t i = 0; i < arrival->candidate_count && !has_twins; i++)
        has_twins = arrival->candidates[i].verdict == MATCH_TWIN;
    if (!has_twins)
        return ERR_NONE;
    if (record->state == STATE_PENDING)
        return ledger_ripple(ledger, record->id, arrival->request->now_ms, "its twin is handled");
    TRY(ledger_ripple(ledger, record->id, arrival->request->now_ms, "a rule that is parked tells more of it"));
    return ledger->ops->load(ledger->backend, ledger->scratch, record->id, record);
}

static enum err write_down(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    struct record *record = &arrival->record;
    record->id = ledger_id_at(arrival->request->now_ms);
    if (record->id <= ledger->now.last_id)
        record->id = ledger->now.last_id + 1;
    ledger->now.last_id = record->id;
    record->is_taken = record->state == STATE_PENDING && arrival->request->lease;
    TRY(ledger->ops->insert(ledger->backend, record, &arrival->request->content));
    TRY(ledger_add_rows(ledger, record));
    TRY(write_twins(arrival));
    TRY(count_parity(arrival));
    TRY(note_near_misses(arrival));
    ledger->now.counts.in_state[record->endpoint][record->state]++;
    if (record->state == STATE_PENDING && arrival->request->lease)
        ledger_lease_add(ledger, record->id);
    else if (record->state == STATE_PENDING)
        ledger_note_due(ledger, record->endpoint, record->due_ms);
    else if (record->generation != GENERATION_RULE || (record->state != STATE_PARKED && record->state != STATE_EXPIRED))
        return ERR_NONE;
    return tell_twins(arrival);
}

bool ledger_has_room(const struct ledger *ledger, size_t count) {
    uint64_t open = 0;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int s = 0; s < STATE_COUNT; s++)
            open += state_is_final((enum state)s) ? 0 : ledger->now.counts.in_state[e][s];
    return open + count <= ledger->policy.backlog_max;
}

bool ledger_backlog_is_full(const struct ledger *ledger) {
    return !ledger_has_room(ledger, 1);
}

static enum admit_outcome outcome_of(enum fate fate) {
    static const enum admit_outcome outcomes[] = {
        [FATE_DELIVER] = ADMIT_ACCEPTED, [FATE_DELIVER_REST] = ADMIT_PARTIAL, [FATE_HOLD] = ADMIT_HELD,
        [FATE_PARK] = ADMIT_PARKED,      [FATE_EXPIRE] = ADMIT_PARKED,        [FATE_SUPPRESS] = ADMIT_SUPPRESSED,
    };
    return outcomes[fate];
}

static struct record new_record(struct arena *arena, const struct admit_request *request) {
    const struct message *message = request->message;
    struct record record = {
        .changed_ms = request->now_ms,
        .marks = (message->type_known ? (uint32_t)RECORD_TYPE_KNOWN : 0) |
                 (message->is_verified ? (uint32_t)RECORD_VERIFIED : 0),
        .generation = message->generation,
        .endpoint = message->endpoint,
        .received_ms = message->received_ms,
        .time_ms = message->time_ms,
        .item_count = (uint32_t)message->item_count,
        .identity = message_identity(arena, message),
        .type = message->type,
        .counterpart = message->counterpart,
        .company = message->company,
        .connection = message->connection,
        .data_type = message->data_type,
        .rule_id = message->rule_id,
        .target = message->target,
        .trace_parent = message->trace_parent,
        .facts = ledger_facts_encode(arena, message),
    };
    if (message->generation == GENERATION_RULE)
        record.group = rule_group(message->type, message->rule_id);
    return record;
}

static void tell(struct arena *arena, const struct arrival *arrival, struct admission *admission) {
    const struct record *record = &arrival->record;
    struct str covered = str_slice(arrival->covered, (record->item_count + 7) / 8);
    *admission = (struct admission){
        .outcome = record->state == STATE_SUPPRESSED ? ADMIT_SUPPRESSED : outcome_of(arrival->fate),
        .id = record->id,
        .state = record->state,
        .leased = record->state == STATE_PENDING && arrival->request->lease,
        .trimmed = arena_str(arena, record->trimmed),
        .covered = arrival->standing.covered_count > 0 ? arena_str(arena, covered) : STR_NONE,
        .pairs = arena_copy(arena, arrival->pairs, arrival->pair_count * sizeof *arrival->pairs),
        .pair_count = arrival->pair_count,
        .near_misses = arena_copy(arena, arrival->near_misses, arrival->near_miss_count * sizeof *arrival->near_misses),
        .near_miss_count = arrival->near_miss_count,
        .namesake = arrival->namesake,
    };
    for (size_t i = 0; i < admission->pair_count; i++)
        admission->pairs[i].type = arena_str(arena, admission->pairs[i].type);
    for (size_t i = 0; i < admission->near_miss_count; i++)
        admission->near_misses[i].type = arena_str(arena, admission->near_misses[i].type);
}

/* The repeat of what was refused for now is placed in time where it came first. */
static void place_in_time(struct ledger *ledger, struct record *record, int64_t now_ms) {
    int64_t first_ms;
    if (!ledger_refused_before(ledger, record, now_ms, &first_ms))
        return;
    if (record->time_ms == record->received_ms)
        record->time_ms = first_ms; /* it tells no time of its own */
    record->received_ms = first_ms;
}

enum err ledger_admit(struct ledger *ledger, struct arena *arena, const struct admit_request *request,
                      struct admission *admission) {
    if (ledger->is_full) {
        *admission = (struct admission){.outcome = ADMIT_REFUSED};
        return ERR_NONE;
    }
    arena_reset(ledger->scratch);
    struct arrival arrival = {.ledger = ledger, .request = request, .message = request->message};
    arrival.record = new_record(ledger->scratch, request);
    struct repeat repeat;
    TRY(ledger_find_repeated(ledger, &arrival.record, request->now_ms, &repeat));
    if (repeat.found)
        return ledger_repeat(ledger, &repeat.first, request->now_ms, admission);
    arrival.namesake = repeat.namesake;
    place_in_time(ledger, &arrival.record, request->now_ms);
    TRY(find_twins(&arrival));
    cover(&arrival);
    ask_flags(&arrival);
    unspare(&arrival);
    settle_fate(&arrival);
    if (!state_is_final(arrival.record.state) && ledger_backlog_is_full(ledger)) {
        *admission = (struct admission){.outcome = ADMIT_REFUSED};
        return ledger_refused_note(ledger, &arrival.record, false, request->now_ms);
    }
    trace(&arrival);
    TRY(write_down(&arrival));
    tell(arena, &arrival, admission);
    return ERR_NONE;
}
