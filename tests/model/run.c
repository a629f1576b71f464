#include "tests/model/run.h"

#include "common/mem.h"
#include "tests/model/generate.h"

#include <string.h>

void runner_begin(struct runner *runner, enum store_kind store, const char *dir) {
    *runner = (struct runner){.world = MEM_NEW(struct world), .store = store, .dir = dir};
}

void runner_end(struct runner *runner) {
    mem_free(runner->world);
}

/* What makes two failures alike: the same sentence, with the same kind of step. */
struct failure {
    const char *kind;
    enum step_kind step;
};

static void tally(struct runner *runner) {
    const struct model *model = &runner->world->model;
    runner->steps += runner->world->step;
    runner->arrivals += (uint64_t)model->message_count;
    runner->twins += (uint64_t)model->twin_count;
    for (int i = 0; i < model->message_count; i++)
        runner->in_state[model->messages[i].state]++;
}

bool runner_random(struct runner *runner, uint64_t seed, unsigned steps, struct history *history) {
    struct generator generator;
    struct world *world = runner->world;
    history_clear(history);
    history->seed = seed;
    generator_begin(&generator, seed, &history->rules);
    unsigned count = 1 + random_below(&generator.random, steps);
    bool good = world_open(world, runner->store, runner->without_model, runner->dir, &history->rules) == ERR_NONE;
    for (unsigned i = 0; good && i < count; i++) {
        struct history_step step = generator_next(&generator, &world->model);
        history_add(history, &step);
        good = world_step(world, &step);
    }
    for (struct history_step step; good && generator_rest(&generator, &world->model, &step);) {
        history_add(history, &step);
        good = world_step(world, &step);
    }
    good = good && world_finish(world);
    tally(runner);
    world_close(world);
    return good;
}

bool runner_script(struct runner *runner, const struct history *history) {
    struct world *world = runner->world;
    bool good = world_open(world, runner->store, runner->without_model, runner->dir, &history->rules) == ERR_NONE;
    for (size_t i = 0; good && i < history->count; i++)
        good = world_step(world, &history->steps[i]);
    good = good && world_finish(world);
    tally(runner);
    world_close(world);
    return good;
}

/* Does it fail in the same way? */
static bool fails_alike(struct runner *runner, const struct history *history, const struct failure *failure) {
    return !runner_script(runner, history) && runner->world->failure_kind == failure->kind &&
           runner->world->failure_step == failure->step;
}

/* Tries it without `len` steps from `start`; keeps it so where it still fails. */
static bool cut(struct runner *runner, struct history *history, const struct failure *failure, size_t start,
                size_t len) {
    struct history shorter = {.seed = history->seed, .rules = history->rules};
    for (size_t i = 0; i < history->count; i++)
        if (i < start || i >= start + len)
            history_add(&shorter, &history->steps[i]);
    bool still_fails = fails_alike(runner, &shorter, failure);
    if (still_fails) {
        history_clear(history);
        *history = shorter;
    } else {
        history_clear(&shorter);
    }
    return still_fails;
}

static bool cut_everywhere(struct runner *runner, struct history *history, const struct failure *failure, size_t len) {
    bool changed = false;
    for (size_t end = history->count; end > 0;) {
        size_t start = end > len ? end - len : 0;
        if (cut(runner, history, failure, start, end - start))
            changed = true;
        end = start;
    }
    return changed;
}

/* One item less, or one fact less, of a message. */
static bool thin_out(struct runner *runner, struct history *history, const struct failure *failure) {
    bool changed = false;
    for (size_t i = 0; i < history->count; i++) {
        struct sketch *sketch = &history->steps[i].sketch;
        for (unsigned item = sketch->item_count; history->steps[i].kind == STEP_ARRIVE && item-- > 0;) {
            struct sketch before = *sketch;
            if (sketch->item_count == 1)
                break;
            memmove(&sketch->items[item], &sketch->items[item + 1],
                    (sketch->item_count - item - 1U) * sizeof *sketch->items);
            sketch->item_count--;
            if (fails_alike(runner, history, failure))
                changed = true;
            else
                *sketch = before;
        }
    }
    return changed;
}

void runner_shrink(struct runner *runner, struct history *history) {
    const struct failure failure = {runner->world->failure_kind, runner->world->failure_step};
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t len = history->count / 2; len > 0; len /= 2)
            changed = cut_everywhere(runner, history, &failure, len) || changed;
        changed = thin_out(runner, history, &failure) || changed;
    }
}
