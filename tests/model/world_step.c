/* One step, done by the ledger and by the model. */
#include "tests/model/world_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool world_fail(struct world *world, const char *format, ...) {
    if (world->failure[0] != '\0')
        return false;
    world->failure_kind = format;
    int len = snprintf(world->failure, sizeof world->failure, "step %zu: ", world->step);
    va_list args;
    va_start(args, format);
    vsnprintf(world->failure + len, sizeof world->failure - (size_t)len, format, args);
    va_end(args);
    return false;
}

static uint32_t all_items(const struct sketch *sketch) {
    return (1U << sketch->item_count) - 1;
}

static uint32_t items_of(struct str bitmap, unsigned item_count) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < item_count; i++)
        if (bitmap_has(bitmap, i))
            bits |= 1U << i;
    return bits;
}

/* An attempt begins: what is the consumer sent? */
static void witness_attempt(struct world *world, int place, struct str left_out, struct str covered) {
    const struct model_message *message = &world->model.messages[place];
    struct witnessed *witnessed = &world->witnessed[place];
    witnessed->sent = all_items(&message->sketch) & ~items_of(left_out, message->sketch.item_count);
    witness_need(world, place);
    if (!world->rules->trim && (items_of(covered, message->sketch.item_count) & witnessed->sent) != 0)
        witnessed->sent_whole = true;
}

/* ---- arrival ---- */

static bool any_trimmed(const struct model_message *message) {
    bool trimmed = false;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        trimmed = trimmed || message->trimmed[i];
    return trimmed;
}

static enum admit_outcome expected_outcome(const struct model *model, const struct model_arrival *arrival) {
    if (arrival->outcome == MODEL_DUPLICATE)
        return ADMIT_DUPLICATE;
    if (arrival->outcome == MODEL_REFUSED)
        return ADMIT_REFUSED;
    bool reopened = arrival->outcome == MODEL_REOPENED;
    switch (model->messages[arrival->place].state) {
    case STATE_PENDING:
        if (reopened)
            return any_trimmed(&model->messages[arrival->place]) ? ADMIT_PARTIAL : ADMIT_ACCEPTED;
        return arrival->covered != 0 ? ADMIT_PARTIAL : ADMIT_ACCEPTED;
    case STATE_HELD:
        return ADMIT_HELD;
    case STATE_SUPPRESSED:
        return ADMIT_SUPPRESSED;
    default:
        return ADMIT_PARKED;
    }
}

static bool admission_agrees(struct world *world, const struct model_arrival *arrival,
                             const struct admission *admission) {
    static const char *const names[] = {"accepted", "partial", "held", "parked", "suppressed", "duplicate", "refused"};
    enum admit_outcome outcome = expected_outcome(&world->model, arrival);
    if (admission->outcome != outcome)
        return world_fail(world, "admitted as %s, the model says %s", names[admission->outcome], names[outcome]);
    if (outcome == ADMIT_REFUSED)
        return true;
    struct model_message *message = &world->model.messages[arrival->place];
    bool repeats = arrival->outcome == MODEL_DUPLICATE || arrival->outcome == MODEL_REOPENED;
    if (repeats && admission->id != message->id)
        return world_fail(world, "a duplicate of the wrong message, the model says of %u", message->label);
    if (admission->state != message->state)
        return world_fail(world, "admitted as %s, the model says %s", state_name(admission->state),
                          state_name(message->state));
    if (repeats)
        return true;
    if (admission->leased != message->under_way)
        return world_fail(world, "admitted %s a lease", admission->leased ? "with" : "without");
    if (items_of(admission->covered, message->sketch.item_count) != arrival->covered)
        return world_fail(world, "other items are covered: %x, the model says %x",
                          items_of(admission->covered, message->sketch.item_count), arrival->covered);
    return true;
}

static bool arrive(struct world *world, const struct history_step *step) {
    struct message *arriving =
        sketch_message(world->arena, &step->sketch, world->now_ms, step->label * 2654435761U >> 8);
    arriving->is_verified =
        world->rules->verified != GENERATION_UNKNOWN && arriving->generation == world->rules->verified;
    struct admit_request request = {
        .message = arriving,
        .content = {STR("{}"), STR("{\"a\":1}")},
        .now_ms = world->now_ms,
        .lease = step->lease,
        .promise = step->promise,
    };
    struct admission admission;
    if (!group_accepts(world, ledger_admit(world->ledger, world->arena, &request, &admission), "ledger_admit"))
        return false;
    if (world->arrived_count < MODEL_MESSAGES)
        world->arrived[world->arrived_count++] = step->sketch;
    struct model_arrival arrival =
        world->without_model ? adopt_arrival(world, step, &admission)
                             : model_arrive(&world->model, step->label, &step->sketch, step->lease, step->promise);
    if (!world->without_model && !admission_agrees(world, &arrival, &admission))
        return false;
    if (arrival.outcome == MODEL_REFUSED)
        return true;
    struct model_message *message = &world->model.messages[arrival.place];
    struct witnessed *witnessed = &world->witnessed[arrival.place];
    if (arrival.outcome == MODEL_REOPENED) /* its twins stay while it is open */
        memset(world->chores_seen_ms, 0, sizeof world->chores_seen_ms);
    if (arrival.outcome == MODEL_DUPLICATE || arrival.outcome == MODEL_REOPENED) {
        witnessed->promised = true;
        return true;
    }
    message->id = admission.id;
    witnessed->promised = step->promise || message->state != STATE_PENDING;
    if (admission.leased)
        witness_attempt(world, arrival.place, admission.trimmed, admission.covered);
    return true;
}

/* ---- attempts ---- */

static bool lease_agrees(struct world *world, int place, const struct lease *lease) {
    const struct model_message *message = &world->model.messages[place];
    if (lease->record.id != message->id)
        return world_fail(world, "leased in another order: the model says %u", message->label);
    if (lease->content.body.len == 0)
        return world_fail(world, "leased without its body: %u", message->label);
    if (items_of(lease->covered, message->sketch.item_count) != message->leased_covered)
        return world_fail(world, "leased %u with other items covered", message->label);
    if (items_of(lease->left_out, message->sketch.item_count) != model_left_out(&world->model, place))
        return world_fail(world, "leased %u with other items left out", message->label);
    return true;
}

static bool leases_agree(struct world *world, const struct lease *leases, size_t count, const int *places,
                         int expected) {
    if (count != (size_t)expected)
        return world_fail(world, "%zu messages were leased, the model says %d", count, expected);
    for (int i = 0; i < expected; i++)
        if (!lease_agrees(world, places[i], &leases[i]))
            return false;
    return true;
}

static bool lease(struct world *world, const struct history_step *step) {
    enum { LEASES = 32 };
    struct lease leases[LEASES];
    int places[LEASES];
    size_t max = step->number < LEASES ? (size_t)step->number : LEASES, count;
    enum err err = ledger_lease(world->ledger, world->arena, step->endpoint, max, world->now_ms, leases, &count);
    if (!group_accepts(world, err, "ledger_lease"))
        return false;
    if (world->without_model)
        adopt_leases(world, leases, count, places);
    else if (!leases_agree(world, leases, count, places, model_lease(&world->model, step->endpoint, (int)max, places)))
        return false;
    for (size_t i = 0; i < count; i++)
        witness_attempt(world, places[i], leases[i].left_out, leases[i].covered);
    return true;
}

static bool settlement_agrees(struct world *world, const struct model_message *message,
                              const struct settlement *settlement) {
    if (settlement->forgotten == message->there)
        return world_fail(world, "%u was %s", message->label, message->there ? "forgotten" : "not forgotten");
    if (message->there && settlement->state != message->state)
        return world_fail(world, "settled %u as %s, the model says %s", message->label, state_name(settlement->state),
                          state_name(message->state));
    if (message->there && message->state == STATE_PENDING && settlement->due_ms != message->due_ms)
        return world_fail(world, "%u is due in %lld ms, the model says %lld", message->label,
                          (long long)(settlement->due_ms - world->now_ms),
                          (long long)(message->due_ms - world->now_ms));
    return true;
}

static void witness_settlement(struct witnessed *witnessed, enum model_result result) {
    if (result == RESULT_DELIVERED) {
        witnessed->delivered |= witnessed->sent;
        witnessed->promised = true;
    } else {
        witnessed->uncertain = true;
    }
}

static bool settle(struct world *world, const struct history_step *step) {
    static const enum attempt_result results[] = {ATTEMPT_DELIVERED, ATTEMPT_FAILED, ATTEMPT_GONE, ATTEMPT_INTERRUPTED};
    int place = model_find_label(&world->model, step->label);
    if (place == NOWHERE || !world->model.messages[place].under_way)
        return true;
    struct model_message *message = &world->model.messages[place];
    struct attempt attempt = {
        .id = message->id,
        .result = results[step->attempt.result],
        .status = step->attempt.result == RESULT_DELIVERED ? 200 : 500,
        .retry_after_ms = step->attempt.retry_after_ms,
        .duration_us = 1000,
        .what = STR("HTTP"),
    };
    struct settlement settlement;
    world->jitter = step->attempt.jitter;
    if (!group_accepts(world, ledger_settle(world->ledger, &attempt, world->now_ms, &settlement), "ledger_settle"))
        return false;
    witness_settlement(&world->witnessed[place], step->attempt.result);
    if (world->without_model) {
        message->under_way = false;
        return true;
    }
    model_settle(&world->model, place, &step->attempt);
    return settlement_agrees(world, message, &settlement);
}

static bool resume(struct world *world, const struct history_step *step) {
    int place = model_find_label(&world->model, step->label);
    if (place == NOWHERE || !world->model.messages[place].under_way)
        return true;
    struct model_message *message = &world->model.messages[place];
    enum state state;
    if (!group_accepts(world, ledger_resume(world->ledger, message->id, world->now_ms, &state), "ledger_resume"))
        return false;
    if (world->without_model)
        message->under_way = state == STATE_PENDING;
    else
        model_resume(&world->model, place);
    if (state != STATE_PENDING)
        world->witnessed[place].promised = true;
    return world->without_model || state == message->state ||
           world_fail(world, "resumed %u as %s, the model says %s", message->label, state_name(state),
                      state_name(message->state));
}

static bool replay(struct world *world, const struct history_step *step) {
    int place = model_find_label(&world->model, step->label);
    if (place == NOWHERE)
        return true;
    struct model_message *message = &world->model.messages[place];
    enum err err = ledger_replay(world->ledger, message->id, step->force, world->now_ms);
    static const enum err refusals[] = {ERR_NONE, ERR_NOT_FOUND, ERR_BUSY, ERR_INVALID, ERR_EXISTS};
    enum err expected = refusals[model_may_replay(&world->model, place, step->force)];
    if (world->mirror.failed || (err == ERR_NONE && expected == ERR_NONE)) {
        if (!group_accepts(world, err, "ledger_replay"))
            return false;
        if (!world->without_model)
            model_replay(&world->model, place, step->force);
        world->witnessed[place].uncertain = world->witnessed[place].uncertain || step->force;
        world->witnessed[place].promised = true;
        return true;
    }
    if (err != expected && !world->without_model)
        return world_fail(world, "replay of %u: %s, the model says %s", step->label, err_name(err), err_name(expected));
    group_undo(world);
    return false;
}

static bool sweep(struct world *world, const struct history_step *step) {
    enum { ENOUGH = 10000, BUDGET = 3 };
    bool more = true;
    if (step->number > 0)
        return sweep_step(world, (size_t)step->number, &more);
    for (int i = 0; more; i++) {
        if (i == ENOUGH)
            return world_fail(world, "sweeping finds no end");
        if (!sweep_step(world, BUDGET, &more))
            return false;
    }
    return true;
}

/* ---- all steps ---- */

static bool do_in_group(struct world *world, const struct history_step *step) {
    switch (step->kind) {
    case STEP_ARRIVE:
        return arrive(world, step);
    case STEP_LEASE:
        return lease(world, step);
    case STEP_SETTLE:
        return settle(world, step);
    case STEP_RESUME:
        return resume(world, step);
    case STEP_REPLAY:
        return replay(world, step);
    case STEP_SWEEP:
        return sweep(world, step);
    default:
        return true;
    }
}

static void write_step(struct world *world, const struct history_step *step) {
    bool own = !world->in_group;
    if (own && !group_begin(world))
        return;
    if (do_in_group(world, step) && own)
        group_commit(world);
}

static void set_flags(struct world *world, const struct flags *flags) {
    world->flags_used = 1 - world->flags_used;
    world->flags[world->flags_used] = *flags;
    world->model.flags = *flags;
    ledger_set_flags(world->ledger, &world->flags[world->flags_used]);
}

static void do_step(struct world *world, const struct history_step *step) {
    switch (step->kind) {
    case STEP_WAIT:
        world->now_ms += step->number;
        world->model.now_ms = world->now_ms;
        break;
    case STEP_FLAGS:
        if (!world->in_group)
            set_flags(world, &step->flags);
        break;
    case STEP_RESTART:
        if (!world->in_group)
            store_restart(world);
        break;
    case STEP_BEGIN:
        if (!world->in_group)
            group_begin(world);
        break;
    case STEP_COMMIT:
        if (world->in_group)
            group_commit(world);
        break;
    case STEP_ABORT:
        if (world->in_group)
            group_undo(world);
        break;
    case STEP_FAIL:
    case STEP_CRASH:
        world->armed_crash = step->kind == STEP_CRASH;
        if (world->in_group)
            mirror_arm(&world->mirror, (unsigned)step->number);
        else
            world->armed = (unsigned)step->number;
        break;
    default:
        write_step(world, step);
    }
}

bool world_step(struct world *world, const struct history_step *step) {
    world->step++;
    world->failure_step = step->kind;
    world->model.now_ms = world->now_ms;
    arena_reset(world->arena);
    do_step(world, step);
    if (world->failure[0] == '\0' && world->crashing && !store_restart(world))
        world_fail(world, "no way back from the crash");
    if (world->failure[0] != '\0')
        return false;
    if (world->without_model) {
        adopt_all(world);
        return check_invariants(world, step);
    }
    if (step->kind == STEP_REPLAY || step->kind == STEP_FLAGS || step->kind == STEP_SETTLE ||
        step->kind == STEP_RESUME || world->undone)
        memset(world->chores_seen_ms, 0, sizeof world->chores_seen_ms); /* what was due may not be for a while */
    if (!compare_all(world) || !check_invariants(world, step))
        return false;
    bool looks_closer = step->kind == STEP_RESTART || world->step % 32 == 0;
    return !looks_closer || world->in_group || compare_with_store(world);
}

/* Nobody is held any more; then each key must have been told as often as it occurred. */
static bool wait_and_check(struct world *world) {
    const struct history_step wait = {.kind = STEP_WAIT, .number = world->rules->hold_ms + 1};
    const struct history_step sweep = {.kind = STEP_SWEEP};
    return world_step(world, &wait) && world_step(world, &sweep) && check_occurrences(world);
}

bool world_finish(struct world *world) {
    static const struct history_step last[] = {{.kind = STEP_COMMIT}, {.kind = STEP_SWEEP}, {.kind = STEP_RESTART}};
    bool restarts = world->step % 4 == 0; /* it takes long */
    for (size_t i = 0; i < ARRAY_LEN(last) - (restarts ? 0 : 1); i++)
        if (!world_step(world, &last[i]))
            return false;
    return (world->without_model || compare_with_store(world)) && (!world->rules->calm || wait_and_check(world));
}
