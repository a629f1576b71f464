/* Admission: in one group the identity, the facts, the twins and the fate of a message become durable.
 *
 *   ledger_admit ─► seen before? ─► find_candidates ─► pairing_choose ─► cover ─► pairing_decide ─► write ─► ripple
 *                       │
 *                       └► duplicate: nothing is written
 *
 * Whatever a hash finds is compared by text before it counts. */
#include "proxy/store/ledger_internal.h"

/* One admission while it is decided. */
struct arrival {
    struct ledger *ledger;
    const struct admit_request *request;
    const struct message *message;
    struct record record;
    struct candidate *candidates;
    struct record *candidate_records; /* by message, not sorted with the candidates */
    size_t candidate_count, candidate_capacity, record_count, record_capacity;
    struct standing standing;
    char *covered;
    struct str own_why, other_why;
    struct parity_pair *pairs; /* the twins it met */
    size_t pair_count;
    enum fate fate;
};

/* Nobody handled it, and its body is gone: its repeat is the message now. */
static bool is_beyond_repair(const struct record *first) {
    return first->state == STATE_DEAD && (first->marks & RECORD_CONTENT_GONE) != 0;
}

static enum err find_duplicate(struct ledger *ledger, const struct record *record, int64_t now_ms, bool *found,
                               struct record *first) {
    uint64_t ids[IDENTITY_MAX];
    size_t count = 0;
    *found = false;
    if (record->identity_hash == 0)
        return ERR_NONE;
    TRY(ledger->ops->find_identity(ledger->backend, record->identity_hash, ids, IDENTITY_MAX, &count));
    for (size_t i = 0; i < count && !*found; i++) {
        enum err err = ledger_load_other(ledger, ids[i], first);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        *found = first->generation == record->generation && str_eq(first->identity, record->identity) &&
                 ledger_is_remembered(ledger, first, now_ms - ledger->ahead_ms) && !is_beyond_repair(first);
    }
    return ERR_NONE;
}

static const struct record *known_record(const struct arrival *arrival, uint64_t id) {
    for (size_t i = arrival->record_count; i > 0; i--)
        if (arrival->candidate_records[i - 1].id == id)
            return &arrival->candidate_records[i - 1];
    return NULL;
}

static enum err candidate_record(struct arrival *arrival, uint64_t id, const struct record **record) {
    struct ledger *ledger = arrival->ledger;
    *record = known_record(arrival, id);
    if (*record != NULL)
        return ERR_NONE;
    if (arrival->record_count == arrival->record_capacity) {
        size_t capacity = arrival->record_capacity == 0 ? 2 : arrival->record_capacity * 4;
        struct record *larger = ARENA_ARRAY(ledger->scratch, capacity, struct record);
        if (arrival->record_count > 0)
            memcpy(larger, arrival->candidate_records, arrival->record_count * sizeof *larger);
        arrival->candidate_records = larger;
        arrival->record_capacity = capacity;
    }
    struct record *place = &arrival->candidate_records[arrival->record_count];
    TRY(ledger_load_other(ledger, id, place));
    arrival->record_count++;
    *record = place;
    return ERR_NONE;
}

static enum err is_taken(struct arrival *arrival, const struct record *record, uint32_t item, uint64_t group,
                         bool *taken) {
    struct twin *twins;
    size_t count;
    *taken = false;
    TRY(arrival->ledger->ops->find_twins(arrival->ledger->backend, arrival->ledger->scratch, record->id, &twins,
                                         &count));
    for (size_t i = 0; i < count && !*taken; i++)
        *taken = record->generation == GENERATION_RULE || (twins[i].item == item && twins[i].group == group);
    return ERR_NONE;
}

static void add_candidate(struct arrival *arrival, const struct candidate *candidate) {
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        struct candidate *known = &arrival->candidates[i];
        if (known->message == candidate->message && known->item == candidate->item &&
            known->own_item == candidate->own_item) {
            if (candidate->match == MATCH_EXACT)
                known->match = MATCH_EXACT; /* they share several facts: the stronger one counts */
            return;
        }
    }
    if (arrival->candidate_count == arrival->candidate_capacity) {
        size_t capacity = arrival->candidate_capacity == 0 ? 4 : arrival->candidate_capacity * 4;
        struct candidate *larger = ARENA_ARRAY(arrival->ledger->scratch, capacity, struct candidate);
        if (arrival->candidate_count > 0)
            memcpy(larger, arrival->candidates, arrival->candidate_count * sizeof *larger);
        arrival->candidates = larger;
        arrival->candidate_capacity = capacity;
    }
    arrival->candidates[arrival->candidate_count++] = *candidate;
}

static enum err consider(struct arrival *arrival, const struct fact_row *row, const struct fact *fact,
                         uint32_t own_item) {
    struct ledger *ledger = arrival->ledger;
    const struct record *record;
    enum err err = candidate_record(arrival, row->message, &record);
    if (err != ERR_NONE)
        return err == ERR_NOT_FOUND ? ERR_NONE : err;
    if (!ledger_is_remembered(ledger, record, arrival->request->now_ms - ledger->ahead_ms) ||
        !ledger_facts_state(record->facts, row->item, fact->key)) /* hashes of two texts may be equal */
        return ERR_NONE;
    struct candidate candidate = {
        .message = row->message,
        .item = row->item,
        .own_item = own_item,
        .match = fact->match,
        .time_ms = record->time_ms,
        .group = record->generation == GENERATION_RULE ? record->group : arrival->record.group,
    };
    TRY(is_taken(arrival, record, row->item, candidate.group, &candidate.taken));
    add_candidate(arrival, &candidate);
    return ERR_NONE;
}

static enum err find_by_fact(struct arrival *arrival, const struct fact *fact, uint32_t own_item) {
    struct ledger *ledger = arrival->ledger;
    bool is_rule = arrival->message->generation == GENERATION_RULE;
    uint64_t hash = fact_hash(is_rule ? GENERATION_EVENT : GENERATION_RULE, fact->key);
    bool exact = fact->match == MATCH_EXACT;
    /* The trace tells of what was just too far away as well: twice the window is looked at. */
    int64_t reach = 2 * ledger->policy.window_ms, time = arrival->record.time_ms;
    struct fact_row rows[EXACT_MAX];
    size_t count;
    TRY(ledger->ops->find_facts(ledger->backend, hash, exact ? INT64_MIN : time - reach,
                                exact ? INT64_MAX : time + reach, rows, EXACT_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TRY(consider(arrival, &rows[i], fact, own_item));
    return ERR_NONE;
}

static enum err find_candidates(struct arrival *arrival) {
    const struct message *message = arrival->message;
    if (message->generation == GENERATION_UNKNOWN)
        return ERR_NONE;
    for (uint32_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            TRY(find_by_fact(arrival, &message->items[i].facts[f], i));
    return ERR_NONE;
}

/* Which items do the twins handle already? */
static void cover(struct arrival *arrival) {
    size_t items = arrival->record.item_count;
    arrival->covered = arena_alloc(arrival->ledger->scratch, (items + 7) / 8);
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        const struct record *record = known_record(arrival, candidate->message);
        if (candidate->verdict == MATCH_TWIN && record_handles(record, candidate->item))
            bitmap_set(arrival->covered, candidate->own_item);
    }
    arrival->standing.item_count = items;
    arrival->standing.covered_count = bitmap_count(str_slice(arrival->covered, (items + 7) / 8), items);
}

/* Rules that wait, and tell more than those that are handled, need the event. */
static void unspare(struct arrival *arrival) {
    struct standing *standing = &arrival->standing;
    if (arrival->record.generation != GENERATION_EVENT || standing->covered_count == 0 || !standing->own_on)
        return;
    struct rule_twin *twins = ARENA_ARRAY(arrival->ledger->scratch, arrival->candidate_count, struct rule_twin);
    size_t count = 0;
    for (uint32_t item = 0; item < arrival->record.item_count; item++)
        for (size_t i = 0; i < arrival->candidate_count; i++)
            if (arrival->candidates[i].verdict == MATCH_TWIN && arrival->candidates[i].own_item == item)
                twins[count++] = (struct rule_twin){item, known_record(arrival, arrival->candidates[i].message)};
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

static void trace(struct arrival *arrival) {
    struct arena *arena = arrival->ledger->scratch;
    struct trace trace = {.state = arrival->record.state,
                          .standing = arrival->standing,
                          .own_why = arrival->own_why,
                          .other_why = arrival->other_why,
                          .time_ms = arrival->record.time_ms,
                          .candidates = ARENA_ARRAY(arena, arrival->candidate_count, struct trace_candidate),
                          .candidate_count = arrival->candidate_count};
    for (size_t i = 0; i < trace.candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        trace.candidates[i] = (struct trace_candidate){candidate, known_record(arrival, candidate->message)->state};
    }
    arrival->record.admission = ledger_trace(arena, &trace);
}

static enum err write_facts(struct arrival *arrival) {
    struct ledger *ledger = arrival->ledger;
    const struct message *message = arrival->message;
    if (message->generation == GENERATION_UNKNOWN)
        return ERR_NONE;
    for (uint32_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++) {
            struct fact_row row = {.hash = fact_hash(message->generation, message->items[i].facts[f].key),
                                   .time_ms = arrival->record.time_ms,
                                   .message = arrival->record.id,
                                   .item = i};
            TRY(ledger->ops->add_fact(ledger->backend, &row));
        }
    return ERR_NONE;
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

/* Two messages are one pair, however many items they are twins by. */
static bool is_pair_already(const struct arrival *arrival, const struct candidate *candidate) {
    for (const struct candidate *other = arrival->candidates; other < candidate; other++)
        if (other->verdict == MATCH_TWIN && other->message == candidate->message)
            return true;
    return false;
}

static enum err count_parity(struct arrival *arrival) {
    struct arena *arena = arrival->ledger->scratch;
    const struct record *own = &arrival->record;
    const struct record **twins = ARENA_ARRAY(arena, arrival->candidate_count, const struct record *);
    bool is_rule = own->generation == GENERATION_RULE;
    arrival->pairs = ARENA_ARRAY(arena, arrival->candidate_count, struct parity_pair);
    for (size_t i = 0; i < arrival->candidate_count; i++) {
        const struct candidate *candidate = &arrival->candidates[i];
        if (candidate->verdict != MATCH_TWIN || is_pair_already(arrival, candidate))
            continue;
        const struct record *other = known_record(arrival, candidate->message);
        twins[arrival->pair_count] = other;
        arrival->pairs[arrival->pair_count++] = is_rule ? ledger_pair(own, other) : ledger_pair(other, own);
    }
    return ledger_count_arrival(arrival->ledger, arrival->message, own, twins, arrival->pair_count);
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
    TRY(write_facts(arrival));
    TRY(write_twins(arrival));
    TRY(count_parity(arrival));
    ledger->now.counts.in_state[record->endpoint][record->state]++;
    if (record->state == STATE_PENDING && arrival->request->lease)
        ledger_lease_add(ledger, record->id);
    else if (record->state == STATE_PENDING)
        ledger_note_due(ledger, record->endpoint, record->due_ms);
    else if (record->generation != GENERATION_RULE || (record->state != STATE_PARKED && record->state != STATE_EXPIRED))
        return ERR_NONE;
    return tell_twins(arrival);
}

bool ledger_backlog_is_full(const struct ledger *ledger) {
    uint64_t open = 0;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int s = 0; s < STATE_COUNT; s++)
            open += state_is_final((enum state)s) ? 0 : ledger->now.counts.in_state[e][s];
    return open >= ledger->policy.backlog_max;
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
        .marks = message->type_known ? (uint32_t)RECORD_TYPE_KNOWN : 0,
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
    if (record.identity.len > 0)
        record.identity_hash = identity_hash(message->generation, record.identity);
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
    };
    for (size_t i = 0; i < admission->pair_count; i++)
        admission->pairs[i].type = arena_str(arena, admission->pairs[i].type);
}

enum err ledger_admit(struct ledger *ledger, struct arena *arena, const struct admit_request *request,
                      struct admission *admission) {
    arena_reset(ledger->scratch);
    struct arrival arrival = {.ledger = ledger, .request = request, .message = request->message};
    arrival.record = new_record(ledger->scratch, request);
    struct record first;
    bool seen;
    TRY(find_duplicate(ledger, &arrival.record, request->now_ms, &seen, &first));
    if (seen)
        return ledger_repeat(ledger, &first, request->now_ms, admission);
    TRY(find_candidates(&arrival));
    pairing_choose(arrival.candidates, arrival.candidate_count, arrival.message->generation, arrival.record.time_ms,
                   ledger->policy.window_ms);
    cover(&arrival);
    ask_flags(&arrival);
    unspare(&arrival);
    settle_fate(&arrival);
    if (!state_is_final(arrival.record.state) && ledger_backlog_is_full(ledger)) {
        *admission = (struct admission){.outcome = ADMIT_REFUSED};
        return ERR_NONE;
    }
    trace(&arrival);
    TRY(write_down(&arrival));
    tell(arena, &arrival, admission);
    return ERR_NONE;
}
