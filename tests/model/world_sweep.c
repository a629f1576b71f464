/* How far a review of flags has come after a step is the ledger's business. So every possibility is tried: the
 * reviews of the oldest messages, any number of them; then the waits that are over, then the removals. One of them
 * must lead to what the ledger has written. */
#include "tests/model/world_internal.h"

#include <string.h>

static bool is_before(const struct model_message *a, const struct model_message *b) {
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->id < b->id;
}

/* The wait of that kind that is over and ends next, of those after `last`. */
static int next_wait(const struct model *model, enum endpoint endpoint, enum model_chore chore, int last) {
    int next = NOWHERE;
    for (int i = 0; i < model->message_count; i++) {
        const struct model_message *message = &model->messages[i];
        if (message->sketch.endpoint == endpoint && model_chore_is_due(model, i, chore) &&
            (last == NOWHERE || is_before(&model->messages[last], message)) &&
            (next == NOWHERE || is_before(message, &model->messages[next])))
            next = i;
    }
    return next;
}

/* Those that end first, as many as the budget allows. */
static size_t do_waits(struct world *world, enum endpoint endpoint, enum model_chore chore, size_t budget) {
    int places[MODEL_MESSAGES];
    size_t count = 0;
    for (int last = NOWHERE; count < budget && count < MODEL_MESSAGES; count++) {
        last = next_wait(&world->model, endpoint, chore, last);
        if (last == NOWHERE)
            break;
        places[count] = last;
    }
    for (size_t i = 0; i < count; i++)
        if (model_chore_is_due(&world->model, places[i], chore))
            model_do_chore(&world->model, places[i], chore);
    return count;
}

/* Reviews of all messages before `end`; those behind the real one's mark are not due any more. */
static size_t do_reviews(struct world *world, int end) {
    size_t done = 0;
    for (int i = 0; i < end; i++)
        if (model_chore_is_due(&world->model, i, CHORE_REVIEW)) {
            model_do_chore(&world->model, i, CHORE_REVIEW);
            done++;
        }
    return done;
}

static bool is_removed(const struct world *world, int place, enum model_chore chore) {
    const struct mirror_record *record = mirror_at(world, place);
    return chore == CHORE_FORGET ? !record->there : (record->marks & RECORD_CONTENT_GONE) != 0;
}

/* What is past its retention goes when a pass comes by: here the model follows, and is_overdue() demands. */
static size_t do_removals(struct world *world, enum model_chore chore) {
    size_t done = 0;
    for (int i = 0; i < world->model.message_count; i++)
        if (model_chore_is_due(&world->model, i, chore) && is_removed(world, i, chore)) {
            model_do_chore(&world->model, i, chore);
            done++;
        }
    return done;
}

static size_t do_chores(struct world *world, int reviewed, size_t budget) {
    size_t done = do_reviews(world, reviewed);
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        done += do_waits(world, (enum endpoint)e, CHORE_HOLD_OVER, budget);
        done += do_waits(world, (enum endpoint)e, CHORE_PARK_OVER, budget);
    }
    return done + do_removals(world, CHORE_FORGET_BODY) + do_removals(world, CHORE_FORGET);
}

static bool is_explained(const struct world *world) {
    for (int i = 0; i < world->model.message_count; i++)
        if (!compare_message(&world->model.messages[i], mirror_at(world, i)))
            return false;
    return true;
}

/* The number of chores that were done. */
static size_t explain(struct world *world, size_t budget) {
    static struct model before; /* too large for the stack */
    model_copy(&before, &world->model);
    for (int end = before.message_count; end >= 0; end--) {
        if (end < before.message_count && !model_chore_is_due(&before, end, CHORE_REVIEW))
            continue; /* no other outcome than with the one before */
        size_t done = do_chores(world, end, budget);
        if (is_explained(world))
            return done;
        model_copy(&world->model, &before);
    }
    return do_chores(world, before.message_count, budget); /* the comparison will tell what is wrong */
}

/* What those that have gone handled stays handled. */
static void witness_retirements(struct world *world, const bool *was_there) {
    for (int i = 0; i < world->model.message_count; i++)
        if (was_there[i] && !world->model.messages[i].there)
            witness_retirement(world, i);
}

/* What is past its retention is looked for every ten minutes only: that a chore is due is excused until it was due
 * so long ago that a whole pass must have come by. */
static bool is_overdue(struct world *world, int place, enum model_chore chore) {
    enum { PASS_MS = 10 * 60 * 1000 };
    if (chore < CHORE_FORGET_BODY)
        return model_chore_is_due(&world->model, place, chore);
    bool due = model_chore_is_due(&world->model, place, chore);
    int64_t *seen_ms = &world->chores_seen_ms[place][chore];
    if (!due)
        *seen_ms = 0;
    else if (*seen_ms == 0)
        *seen_ms = world->now_ms;
    return due && world->now_ms - *seen_ms >= PASS_MS;
}

static bool nothing_is_left(struct world *world) {
    static const char *const names[CHORE_COUNT] = {"a hold that is over", "a parking that is over", "a review of flags",
                                                   "the removal of a body", "the removal of a message"};
    for (int i = 0; i < world->model.message_count; i++)
        for (unsigned c = 0; c < CHORE_COUNT; c++)
            if (is_overdue(world, i, (enum model_chore)c))
                return world_fail(world, "swept, but %s is left to do for %u", names[c],
                                  world->model.messages[i].label);
    return true;
}

bool sweep_step(struct world *world, size_t budget, bool *more) {
    enum { KINDS_OF_WORK = 1 + 2 * ENDPOINT_COUNT + 2 };
    enum err err = ledger_sweep(world->ledger, world->now_ms, budget, more);
    if (!group_accepts(world, err, "ledger_sweep"))
        return false;
    if (world->without_model) {
        adopt_removals(world);
        adopt_all(world);
        return true;
    }
    bool was_there[MODEL_MESSAGES];
    for (int i = 0; i < world->model.message_count; i++)
        was_there[i] = world->model.messages[i].there;
    size_t done = explain(world, budget);
    witness_retirements(world, was_there);
    if (done > budget * KINDS_OF_WORK)
        return world_fail(world, "%zu chores were done, %zu of each kind were allowed", done, budget);
    if (!compare_all(world))
        return false;
    return *more || nothing_is_left(world);
}
