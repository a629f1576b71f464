/* Equality: of the model with what the ledger wrote, after every step; and of what it wrote with what it tells when it
 * is asked, now and then. */
#include "tests/model/world_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct mirror_record *mirror_at(const struct world *world, int place) {
    return mirror_find(&world->mirror.now, world->model.messages[place].id);
}

static uint32_t trimmed_bits(const struct model_message *message) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        bits |= (uint32_t)message->trimmed[i] << i;
    return bits;
}

static uint32_t again_bits(const struct model_message *message) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        bits |= (uint32_t)message->again[i] << i;
    return bits;
}

static uint32_t delivered_bits(const struct model_message *message) {
    uint32_t bits = 0;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        bits |= (uint32_t)message->delivered[i] << i;
    return bits;
}

static bool waits(enum state state) {
    return state == STATE_PENDING || state == STATE_HELD || state == STATE_PARKED;
}

static bool has_mark(const struct mirror_record *record, enum record_mark mark) {
    return (record->marks & (uint32_t)mark) != 0;
}

/* Marks and numbers that mean something in its state. */
static bool compare_details(const struct model_message *message, const struct mirror_record *record) {
    if (record->attempts != message->attempts || has_mark(record, RECORD_CONTENT_GONE) != message->content_gone ||
        has_mark(record, RECORD_DELIVERED_ONCE) != (delivered_bits(message) != 0))
        return false;
    if ((message->state == STATE_PENDING || message->state == STATE_DELIVERED) &&
        (record->trimmed != trimmed_bits(message) || record->again != again_bits(message)))
        return false;
    if (message->state != STATE_PENDING)
        return true;
    return record->tries == message->tries && has_mark(record, RECORD_REPLAYED) == message->replayed &&
           has_mark(record, RECORD_FORCED) == message->forced && has_mark(record, RECORD_PROMISED) == message->promised;
}

bool compare_message(const struct model_message *message, const struct mirror_record *record) {
    if (record == NULL || record->there != message->there)
        return false;
    if (!message->there)
        return record->fact_rows == 0;
    int64_t due_ms = waits(message->state) ? message->due_ms : DUE_NEVER;
    return record->state == message->state && record->due_ms == due_ms &&
           record->generation == message->sketch.generation && record->endpoint == message->sketch.endpoint &&
           record->time_ms == message->time_ms && record->received_ms == message->received_ms &&
           record->item_count == message->sketch.item_count && compare_details(message, record);
}

static void describe(char *text, size_t size, bool there, enum state state, int64_t due_ms, uint32_t trimmed,
                     unsigned attempts, unsigned tries, const char *marks) {
    if (there)
        snprintf(text, size, "%s due=%" PRId64 " trimmed=%x attempts=%u tries=%u%s", state_name(state), due_ms, trimmed,
                 attempts, tries, marks);
    else
        snprintf(text, size, "gone");
}

static bool fail_message(struct world *world, int place, const struct mirror_record *record) {
    const struct model_message *message = &world->model.messages[place];
    char real[200] = "never written", model[200], marks[64];
    if (record != NULL) {
        snprintf(marks, sizeof marks, " marks=%02x rows=%u", record->marks, record->fact_rows);
        describe(real, sizeof real, record->there, record->state,
                 waits(record->state) ? record->due_ms - world->now_ms : 0, record->trimmed, record->attempts,
                 record->tries, marks);
    }
    snprintf(marks, sizeof marks, "%s%s%s%s", message->promised ? " promised" : "",
             message->replayed ? " replayed" : "", delivered_bits(message) != 0 ? " delivered" : "",
             message->content_gone ? " bodiless" : "");
    describe(model, sizeof model, message->there, message->state,
             waits(message->state) ? message->due_ms - world->now_ms : 0, trimmed_bits(message), message->attempts,
             message->tries, marks);
    return world_fail(world, "message %u is { %s }, the model says { %s }", message->label, real, model);
}

static bool is_mirrored(const struct world *world, const struct model_twin *twin) {
    const struct mirror_data *data = &world->mirror.now;
    uint64_t rule = world->model.messages[twin->rule].id, event = world->model.messages[twin->event].id;
    for (size_t i = data->twin_count; i > 0; i--) {
        const struct mirror_twin *other = &data->twins[i - 1];
        if (other->rule == rule && other->event == event && other->item == twin->item)
            return true;
    }
    return false;
}

/* The sets are equal when they are as large and one is in the other. Looked through only where one has grown or a
 * message has gone. */
static bool compare_twins(struct world *world) {
    const struct model *model = &world->model;
    size_t count = 0;
    for (int t = 0; t < model->twin_count; t++) {
        const struct model_twin *twin = &model->twins[t];
        if (!model->messages[twin->rule].there || !model->messages[twin->event].there)
            continue;
        count++;
        bool is_new = twin->rule == model->message_count - 1 || twin->event == model->message_count - 1;
        if (is_new && !is_mirrored(world, twin))
            return world_fail(world, "%u and item %u of %u are no twins, the model says they are",
                              model->messages[twin->rule].label, twin->item, model->messages[twin->event].label);
    }
    if (count != world->mirror.now.twin_count)
        return world_fail(world, "there are %zu twins, the model says %zu", world->mirror.now.twin_count, count);
    return true;
}

static bool compare_counts(struct world *world) {
    struct ledger_counts counts, expected = {0};
    ledger_count(world->ledger, &counts);
    for (int i = 0; i < world->model.message_count; i++) {
        const struct model_message *message = &world->model.messages[i];
        if (message->there)
            expected.in_state[message->sketch.endpoint][message->state]++;
    }
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int s = 0; s < STATE_COUNT; s++)
            if (counts.in_state[e][s] != expected.in_state[e][s])
                return world_fail(world, "%s counts %" PRIu64 " %s, the model %" PRIu64,
                                  endpoint_name((enum endpoint)e), counts.in_state[e][s], state_name((enum state)s),
                                  expected.in_state[e][s]);
    return true;
}

/* "never later than it really is" */
static bool compare_next_due(struct world *world) {
    int64_t due_ms[ENDPOINT_COUNT] = {DUE_NEVER, DUE_NEVER};
    for (int i = 0; i < world->model.message_count; i++) {
        const struct model_message *message = &world->model.messages[i];
        int64_t *least = &due_ms[message->sketch.endpoint];
        if (message->there && message->state == STATE_PENDING && !message->under_way && message->due_ms < *least)
            *least = message->due_ms;
    }
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        if (ledger_next_due(world->ledger, (enum endpoint)e) > due_ms[e])
            return world_fail(world, "the next message of %s is due earlier than ledger_next_due() says",
                              endpoint_name((enum endpoint)e));
    return true;
}

/* The ledger may take a message out of its state and back within a step, where the model sees that it stays. Nobody can
 * tell the two apart but by the age that follows from it, so that is the ledger's. */
static void follow_change(struct world *world, struct model_message *message, const struct mirror_record *record) {
    if (message->there && record->changed_ms == world->model.now_ms)
        message->changed_ms = record->changed_ms;
}

bool compare_all(struct world *world) {
    for (int i = 0; i < world->model.message_count; i++) {
        const struct mirror_record *record = mirror_at(world, i);
        if (!compare_message(&world->model.messages[i], record))
            return fail_message(world, i, record);
        follow_change(world, &world->model.messages[i], record);
    }
    return compare_twins(world) && compare_counts(world) && compare_next_due(world);
}

/* ---- what the ledger tells ---- */

static bool compare_record(struct world *world, const struct record *record) {
    int place = 0;
    while (place < world->model.message_count && world->model.messages[place].id != record->id)
        place++;
    if (place == world->model.message_count)
        return world_fail(world, "a message is listed that the model does not know");
    const struct model_message *message = &world->model.messages[place];
    const struct mirror_record *mirror = mirror_at(world, place);
    uint32_t trimmed = 0;
    for (unsigned i = 0; i < message->sketch.item_count; i++)
        trimmed |= (uint32_t)bitmap_has(record->trimmed, i) << i;
    if (!mirror->there || record->state != mirror->state || record->due_ms != mirror->due_ms ||
        record->marks != mirror->marks || record->tries != mirror->tries || record->attempts != mirror->attempts ||
        trimmed != mirror->trimmed || record->time_ms != mirror->time_ms || record->item_count != mirror->item_count ||
        record->group != mirror->group)
        return world_fail(world, "message %u is listed as something else than was written", message->label);
    return true;
}

static bool compare_story(struct world *world, int place) {
    const struct model_message *message = &world->model.messages[place];
    const struct mirror_record *mirror = mirror_at(world, place);
    struct story story;
    enum err err = ledger_story(world->ledger, world->arena, message->id, &story);
    if (!message->there)
        return err == ERR_NOT_FOUND ? true : world_fail(world, "message %u is gone, and has a story", message->label);
    if (err != ERR_NONE)
        return world_fail(world, "the story of %u: %s", message->label, err_name(err));
    size_t twins = 0;
    for (size_t i = 0; i < world->mirror.now.twin_count; i++)
        twins += world->mirror.now.twins[i].rule == message->id || world->mirror.now.twins[i].event == message->id;
    if (story.leased != message->under_way || story.has_content == message->content_gone || story.twin_count != twins ||
        story.step_count != mirror->steps)
        return world_fail(world,
                          "the story of %u has leased=%d content=%d twins=%zu steps=%zu, and should have "
                          "leased=%d content=%d twins=%zu steps=%u",
                          message->label, story.leased, story.has_content, story.twin_count, story.step_count,
                          message->under_way, !message->content_gone, twins, mirror->steps);
    if (story.step_count > 0 && story.steps[story.step_count - 1].state != message->state)
        return world_fail(world, "the story of %u does not end in its state", message->label);
    return true;
}

bool compare_with_store(struct world *world) {
    struct filter filter = {.state = -1, .generation = -1, .limit = MODEL_MESSAGES};
    struct record *records;
    size_t count, expected = 0;
    enum err err = ledger_list(world->ledger, world->arena, &filter, &records, &count);
    if (err != ERR_NONE)
        return world_fail(world, "ledger_list: %s: %s", err_name(err), ledger_error(world->ledger));
    for (int i = 0; i < world->model.message_count; i++) {
        expected += world->model.messages[i].there;
        if (!compare_story(world, i))
            return false;
    }
    if (count != expected)
        return world_fail(world, "%zu messages are listed, the model has %zu", count, expected);
    for (size_t i = 0; i < count; i++)
        if (!compare_record(world, &records[i]))
            return false;
    return true;
}
