/* What time and flags ask for, in steps that are small however much there is to do: new messages wait for one step
 * at most. Each kind of work remembers how far it has come; what is forgotten at the end of the process is begun
 * again, and changes nothing where it was done. */
#include "proxy/store/ledger_internal.h"

#include "common/log_bound.h"

enum { PASS_EVERY_MS = 10 * 60 * 1000 };

#define TIME_NAME STR("time") /* wall time in ms, 8 bytes */

/* Also when the group under way is rolled back. */
static void begin_review(struct ledger *ledger) {
    ledger->now.reviewing = ledger->before.reviewing = true;
    ledger->now.review_after = ledger->before.review_after = 0;
}

/* The same flags again: time has changed what they say. A review under way goes on to its end first, or it would never
 * get there where that happens every second. */
void ledger_set_flags(struct ledger *ledger, void *flags) {
    bool goes_on = flags == ledger->flags && ledger->before.reviewing && ledger->now.reviewing;
    ledger->flags = flags;
    if (goes_on)
        ledger->now.review_again = ledger->before.review_again = true;
    else
        begin_review(ledger);
}

void ledger_clock_set_back(struct ledger *ledger) {
    begin_review(ledger);
    ledger->now.content_pass_ms = ledger->before.content_pass_ms = 0;
    ledger->now.removal_pass_ms = ledger->before.removal_pass_ms = 0;
}

void ledger_clock_ahead(struct ledger *ledger, int64_t ahead_ms, int64_t since_ms) {
    ledger->ahead_ms = ahead_ms;
    ledger->ahead_since_ms = since_ms;
}

void ledger_set_full(struct ledger *ledger, bool is_full) {
    ledger->is_full = is_full;
    if (!is_full)
        return;
    ledger->now.content_pass_ms = ledger->before.content_pass_ms = 0;
    ledger->now.removal_pass_ms = ledger->before.removal_pass_ms = 0;
}

enum err ledger_note_time(struct ledger *ledger, int64_t now_ms) {
    if (ledger->backend->forgets)
        return ERR_NONE;
    return ledger->ops->put_meta(ledger->backend, TIME_NAME, str_slice((const char *)&now_ms, sizeof now_ms));
}

int64_t ledger_time_seen_ms(struct ledger *ledger) {
    struct str value;
    int64_t noted_ms = 0, last_ms = (int64_t)(ledger->now.last_id >> 20);
    arena_reset(ledger->scratch);
    if (ledger->ops->get_meta(ledger->backend, ledger->scratch, TIME_NAME, &value) == ERR_NONE &&
        value.len == sizeof noted_ms)
        memcpy(&noted_ms, value.at, sizeof noted_ms);
    return noted_ms > last_ms ? noted_ms : last_ms;
}

/* The longest that a message can be put off in the state it is in. */
static int64_t longest_wait_ms(const struct ledger *ledger, const struct record *record) {
    const struct ledger_policy *policy = &ledger->policy;
    if (record->state != STATE_PENDING)
        return record->state == STATE_HELD ? policy->hold_ms : policy->park_for_ms;
    if (record->tries == 0)
        return 0;
    return 2 * policy->retry_ms[(record->tries < policy->retry_count ? record->tries : policy->retry_count) - 1];
}

/* A time that was written before the clock was set back, perhaps by an earlier process, can be hours ahead. */
static enum err shorten_wait(struct ledger *ledger, struct record *record, int64_t now_ms) {
    int64_t latest_ms = now_ms + longest_wait_ms(ledger, record);
    if (record->due_ms <= latest_ms || idset_has(&ledger->leases, record->id))
        return ERR_NONE;
    record->due_ms = latest_ms;
    if (record->state == STATE_PENDING)
        ledger_note_due(ledger, record->endpoint, latest_ms);
    return ledger->ops->update(ledger->backend, record);
}

/* The flags or the clock have changed: does what they decided still hold? */
/* Is the consumer of an event on that is a twin of the rule? */
static enum err has_event_that_may_go(struct ledger *ledger, const struct record *rule, int64_t now_ms, bool *has) {
    struct twin *twins;
    size_t count;
    *has = false;
    if (rule->generation != GENERATION_RULE)
        return ERR_NONE;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, rule->id, &twins, &count));
    for (size_t i = 0; i < count && !*has; i++) {
        struct record event;
        enum err err = ledger_load_other(ledger, twins[i].event, &event);
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
        *has = err == ERR_NONE && ledger_own_on(ledger, &event, now_ms);
    }
    return ERR_NONE;
}

static enum err review(struct ledger *ledger, struct record *record, int64_t now_ms) {
    bool event_may_go;
    TRY(shorten_wait(ledger, record, now_ms));
    bool own_on = ledger_own_on(ledger, record, now_ms);
    switch (record->state) {
    case STATE_PENDING:
        if (own_on || (record->marks & RECORD_REPLAYED) != 0 || idset_has(&ledger->leases, record->id))
            return ERR_NONE;
        TRY(ledger_decide_again(ledger, record, now_ms, "its consumer was switched off"));
        return ledger_ripple(ledger, record->id, now_ms, "its twin's consumer was switched off");
    case STATE_HELD:
        if (own_on &&
            ledger->flag(ledger->flags, endpoint_other(record->endpoint), record, now_ms, ledger->scratch, NULL))
            return ERR_NONE;
        break;
    default: /* parked: scan() asked for no other */
        if (own_on)
            break;
        /* the other side may be on by now, and its event suppressed or delivered without the item */
        TRY(has_event_that_may_go(ledger, record, now_ms, &event_may_go));
        return event_may_go ? ledger_ripple(ledger, record->id, now_ms, "its twin waits, and its consumer is on")
                            : ERR_NONE;
    }
    TRY(ledger_decide_again(ledger, record, now_ms, own_on ? "its consumer is on" : "its consumer was switched off"));
    return ledger_ripple(ledger, record->id, now_ms, own_on ? "its twin is handled" : "its twin waits");
}

static enum err review_step(struct ledger *ledger, int64_t now_ms, size_t budget, bool *more) {
    if (!ledger->now.reviewing)
        return ERR_NONE;
    struct arena *arena = arena_new(budget * sizeof(uint64_t) + 64);
    uint64_t *ids = ARENA_ARRAY(arena, budget, uint64_t);
    size_t count = 0;
    const uint32_t open = 1U << STATE_PENDING | 1U << STATE_HELD | 1U << STATE_PARKED;
    enum err err = ledger->ops->scan(ledger->backend, open, ledger->now.review_after, ids, budget, &count);
    for (size_t i = 0; i < count && err == ERR_NONE; i++) {
        struct record record;
        arena_reset(ledger->scratch);
        err = ledger_load_other(ledger, ids[i], &record);
        if (err == ERR_NONE && !state_is_final(record.state)) /* an earlier one of this step may have moved it */
            err = review(ledger, &record, now_ms);
        else if (err == ERR_NOT_FOUND)
            err = ERR_NONE;
        ledger->now.review_after = ids[i];
        ledger->now.stats.swept++;
    }
    arena_free(arena);
    if (err != ERR_NONE)
        return err;
    ledger->now.reviewing = count == budget;
    if (!ledger->now.reviewing && ledger->now.review_again) {
        ledger->now.reviewing = true;
        ledger->now.review_again = false;
        ledger->now.review_after = 0;
    }
    *more = *more || ledger->now.reviewing;
    return ERR_NONE;
}

/* The other generation never tells what a type without a counterpart tells: while its consumer is off, it expires. */
static enum err expire(struct ledger *ledger, struct record *record, int64_t now_ms) {
    bool has_counterpart = record->counterpart.len > 0;
    TRY(ledger_move(ledger, record, STATE_EXPIRED, DUE_NEVER, now_ms,
                    (struct step){.why = STR("parked for as long as pairing.park_for allows")}));
    ledger->now.stats.expired[record->endpoint][has_counterpart ? 1 : 0]++;
    LOG_BOUNDED(has_counterpart ? LOG_WARN : LOG_INFO, "message expired, nobody handled it",
                LOG_STR("message", message_id_format(ledger->scratch, record->id)),
                LOG_TEXTZ("endpoint", endpoint_name(record->endpoint)),
                LOG_STR(record->type.len > 0 ? "type" : NULL, record->type),
                LOG_STR(record->company.len > 0 ? "company" : NULL, record->company),
                LOG_TEXTZ("counterpart", has_counterpart ? "yes" : "none"));
    return ERR_NONE;
}

static enum err time_is_over(struct ledger *ledger, uint64_t id, int64_t now_ms) {
    struct record record;
    arena_reset(ledger->scratch);
    enum err err = ledger_load_own(ledger, ledger->scratch, id, &record);
    if (err != ERR_NONE)
        return err == ERR_DAMAGED ? ERR_NONE : err;
    if (record.state == STATE_PARKED && !ledger_own_on(ledger, &record, now_ms)) /* else a review is on its way */
        return expire(ledger, &record, now_ms);
    TRY(ledger_decide_again(ledger, &record, now_ms,
                            record.state == STATE_HELD ? "no twin came while it was held" : "its consumer is on"));
    return ledger_ripple(ledger, id, now_ms, "its twin is handled");
}

/* Parking of what was there before the clock jumped is not over by the new time alone. Holds are: a message that is
 * delivered too early is not lost. */
static bool is_over(const struct ledger *ledger, const struct due *due, enum state state, int64_t now_ms) {
    bool is_put_off = state == STATE_PARKED && due->id < ledger_id_at(ledger->ahead_since_ms);
    return due->due_ms <= (is_put_off ? now_ms - ledger->ahead_ms : now_ms);
}

static enum err waits_step(struct ledger *ledger, enum endpoint endpoint, enum state state, int64_t now_ms,
                           size_t budget, bool *more) {
    if (ledger->now.counts.in_state[endpoint][state] == 0)
        return ERR_NONE;
    size_t most = budget + ledger->set_aside.count; /* which may all stand in front */
    struct arena *arena = arena_new(most * sizeof(struct due) + 64);
    struct due *due = ARENA_ARRAY(arena, most, struct due);
    size_t count = 0, over = 0;
    enum err err = ledger->ops->due(ledger->backend, endpoint, state, due, most, &count);
    for (size_t i = 0; i < count && over < budget && due[i].due_ms <= now_ms && err == ERR_NONE; i++) {
        if (ledger_is_set_aside(ledger, due[i].id) || !is_over(ledger, &due[i], state, now_ms))
            continue;
        err = time_is_over(ledger, due[i].id, now_ms);
        over++;
    }
    arena_free(arena);
    ledger->now.stats.swept += over;
    *more = *more || over == budget;
    return err;
}

/* Bodies stay while they may be needed: of what is open, dead or expired, and of what leaves something to its twins
 * until none of those is open. */
static enum err content_is_done_with(struct ledger *ledger, const struct record *record, bool *done) {
    bool leans = record->state == STATE_SUPPRESSED || record->trimmed.len > 0;
    *done = record->state == STATE_DELIVERED && !leans;
    if (!leans || (record->state != STATE_SUPPRESSED && record->state != STATE_DELIVERED))
        return ERR_NONE;
    struct twin *twins;
    size_t count;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &count));
    *done = true;
    for (size_t i = 0; i < count && *done; i++) {
        uint64_t other_id = twins[i].rule == record->id ? twins[i].event : twins[i].rule;
        struct record other;
        enum err err = ledger_load_other(ledger, other_id, &other);
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
        *done = err == ERR_NOT_FOUND || state_is_final(other.state);
    }
    return ERR_NONE;
}

static enum err drop_content(struct ledger *ledger, uint64_t id, int64_t now_ms) {
    struct record record;
    bool done;
    arena_reset(ledger->scratch);
    TRY(ledger_load_own(ledger, ledger->scratch, id, &record));
    if (record.changed_ms >= now_ms - ledger->policy.body_retention_ms || idset_has(&ledger->leases, id))
        return ERR_NONE;
    TRY(content_is_done_with(ledger, &record, &done));
    if (!done)
        return ERR_NONE;
    record.marks |= RECORD_CONTENT_GONE;
    TRY(ledger->ops->remove_content(ledger->backend, id));
    return ledger->ops->update(ledger->backend, &record);
}

/* Is a twin of it open, or does one lean upon it? Then nobody may need it still. */
static enum err is_needed(struct ledger *ledger, const struct record *record, bool *needed) {
    struct twin *twins;
    size_t count;
    *needed = false;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &count));
    for (size_t i = 0; i < count && !*needed; i++) {
        bool is_rule = twins[i].rule == record->id;
        struct record other;
        enum err err = ledger_load_other(ledger, is_rule ? twins[i].event : twins[i].rule, &other);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        bool leans = other.state == STATE_SUPPRESSED ||
                     (is_rule && record_is_handled(&other) && bitmap_has(other.trimmed, twins[i].item));
        *needed = !state_is_final(other.state) || (leans && record_handles(record, is_rule ? 0 : twins[i].item));
    }
    return ERR_NONE;
}

static enum err remove_message(struct ledger *ledger, uint64_t id, int64_t now_ms) {
    struct record record;
    bool needed;
    arena_reset(ledger->scratch);
    TRY(ledger_load_own(ledger, ledger->scratch, id, &record));
    if (ledger_is_remembered(ledger, &record, now_ms) || idset_has(&ledger->leases, id))
        return ERR_NONE;
    TRY(is_needed(ledger, &record, &needed));
    if (needed)
        return ERR_NONE;
    enum err err = ledger_erase(ledger, &record);
    if (err == ERR_NONE)
        ledger->now.stats.removed++;
    return err;
}

typedef enum err retire_fn(struct ledger *ledger, uint64_t id, int64_t now_ms);

/* One step of a pass over messages below `below`; when it is through, the next pass begins some minutes later. */
static enum err retire_step(struct ledger *ledger, const uint64_t *ids, size_t count, size_t budget, retire_fn *retire,
                            uint64_t *after, int64_t *pass_ms, int64_t now_ms, bool *more) {
    for (size_t i = 0; i < count; i++) {
        enum err err = ledger_is_set_aside(ledger, ids[i]) ? ERR_NONE : retire(ledger, ids[i], now_ms);
        if (err == ERR_DAMAGED)
            ledger_set_aside(ledger, ids[i]); /* retire() has written nothing */
        else if (err != ERR_NONE)
            return err;
        *after = ids[i];
    }
    if (count == budget) {
        *more = true;
    } else {
        *after = 0;
        *pass_ms = now_ms + PASS_EVERY_MS;
    }
    return ERR_NONE;
}

static enum err content_step(struct ledger *ledger, int64_t now_ms, uint64_t *ids, size_t budget, bool *more) {
    size_t count;
    if (now_ms < ledger->now.content_pass_ms)
        return ERR_NONE;
    TRY(ledger->ops->scan_content(ledger->backend, ledger->now.content_after,
                                  ledger_id_at(now_ms - ledger->policy.body_retention_ms), ids, budget, &count));
    return retire_step(ledger, ids, count, budget, drop_content, &ledger->now.content_after,
                       &ledger->now.content_pass_ms, now_ms, more);
}

static enum err removal_step(struct ledger *ledger, int64_t now_ms, uint64_t *ids, size_t budget, bool *more) {
    const uint32_t final_states =
        1U << STATE_DELIVERED | 1U << STATE_SUPPRESSED | 1U << STATE_DEAD | 1U << STATE_EXPIRED;
    size_t found, count = 0;
    if (now_ms < ledger->now.removal_pass_ms)
        return ERR_NONE;
    arena_reset(ledger->scratch);
    TRY(parity_tidy(ledger->backend, ledger->scratch, now_ms, now_ms - ledger->policy.retention_ms,
                    &ledger->now.parity_merged_ms));
    TRY(ledger->ops->scan(ledger->backend, final_states, ledger->now.removal_after, ids, budget, &found));
    while (count < found && ids[count] < ledger_id_at(now_ms - ledger->policy.retention_ms))
        count++;
    return retire_step(ledger, ids, count, budget, remove_message, &ledger->now.removal_after,
                       &ledger->now.removal_pass_ms, now_ms, more);
}

enum err ledger_sweep(struct ledger *ledger, int64_t now_ms, size_t budget, bool *more) {
    *more = false;
    TRY(review_step(ledger, now_ms, budget, more));
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        TRY(waits_step(ledger, (enum endpoint)e, STATE_HELD, now_ms, budget, more));
        TRY(waits_step(ledger, (enum endpoint)e, STATE_PARKED, now_ms, budget, more));
    }
    struct arena *arena = arena_new(budget * sizeof(uint64_t) + 64);
    uint64_t *ids = ARENA_ARRAY(arena, budget, uint64_t);
    int64_t sure_ms = now_ms - ledger->ahead_ms;
    enum err err = content_step(ledger, sure_ms, ids, budget, more);
    if (err == ERR_NONE)
        err = removal_step(ledger, sure_ms, ids, budget, more);
    arena_free(arena);
    return err;
}
