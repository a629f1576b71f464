/* Without the model: whatever the ledger wrote is believed, and only the invariants are checked. That they find
 * what they are for, without any help of the model, is what mutants/run tries. */
#include "tests/model/world_internal.h"

#include <string.h>

int place_of(const struct world *world, uint64_t id) {
    int low = 0, high = world->model.message_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (world->model.messages[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct model_arrival adopt_arrival(struct world *world, const struct history_step *step,
                                   const struct admission *admission) {
    struct model *model = &world->model;
    if (admission->outcome == ADMIT_REFUSED)
        return (struct model_arrival){.outcome = MODEL_REFUSED, .place = NOWHERE};
    int place = place_of(world, admission->id);
    if (place < model->message_count) /* ids only grow */
        return (struct model_arrival){
            .outcome = admission->outcome == ADMIT_DUPLICATE ? MODEL_DUPLICATE : MODEL_REOPENED, .place = place};
    model->messages[model->message_count] = (struct model_message){
        .label = step->label,
        .there = true,
        .sketch = step->sketch,
        .received_ms = world->now_ms,
        .changed_ms = world->now_ms,
        .time_ms = world->now_ms - step->sketch.age_ms,
        .state = admission->state,
        .under_way = admission->leased,
    };
    return (struct model_arrival){.outcome = MODEL_ADMITTED, .place = model->message_count++};
}

void adopt_leases(struct world *world, const struct lease *leases, size_t count, int *places) {
    for (size_t i = 0; i < count; i++) {
        places[i] = place_of(world, leases[i].record.id);
        world->model.messages[places[i]].under_way = true;
    }
}

static void adopt_message(struct world *world, int place) {
    struct model_message *message = &world->model.messages[place];
    const struct mirror_record *record = mirror_at(world, place);
    message->there = record->there;
    message->state = record->state;
    message->received_ms = record->received_ms;
    message->time_ms = record->time_ms;
    message->due_ms = record->due_ms == DUE_NEVER ? INT64_MAX : record->due_ms;
    message->attempts = record->attempts;
    message->tries = record->tries;
    message->promised = (record->marks & RECORD_PROMISED) != 0;
    message->replayed = (record->marks & RECORD_REPLAYED) != 0;
    message->forced = (record->marks & RECORD_FORCED) != 0;
    message->content_gone = (record->marks & RECORD_CONTENT_GONE) != 0;
    for (unsigned i = 0; i < message->sketch.item_count; i++) {
        message->trimmed[i] = (record->trimmed >> i & 1) != 0;
        message->again[i] = (record->again >> i & 1) != 0;
        message->delivered[i] = (world->witnessed[place].delivered >> i & 1) != 0;
    }
}

void adopt_all(struct world *world) {
    const struct mirror_data *data = &world->mirror.now;
    struct model *model = &world->model;
    for (int i = 0; i < model->message_count; i++)
        adopt_message(world, i);
    for (size_t t = 0; t < data->twin_count; t++)
        model->twins[t] = (struct model_twin){place_of(world, data->twins[t].rule),
                                              place_of(world, data->twins[t].event), data->twins[t].item};
    model->twin_count = (int)data->twin_count;
}

/* What a sweep has removed is past its retention: nothing else removes messages there. */
void adopt_removals(struct world *world) {
    for (int i = 0; i < world->model.message_count; i++)
        if (world->model.messages[i].there && !mirror_at(world, i)->there)
            witness_retirement(world, i);
}
