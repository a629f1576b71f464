/* Reading for people. */
#include "proxy/store/ledger_internal.h"

enum err ledger_list(struct ledger *ledger, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) {
    TRY(ledger->ops->list(ledger->backend, arena, filter, records, count));
    for (size_t i = 0; i < *count; i++)
        record_keep(arena, &(*records)[i]);
    return ERR_NONE;
}

static enum err read_twins(struct ledger *ledger, struct arena *arena, uint64_t id, struct story *story) {
    TRY(ledger->ops->find_twins(ledger->backend, arena, id, &story->twins, &story->twin_count));
    story->twin_records = ARENA_ARRAY(arena, story->twin_count, struct record);
    for (size_t i = 0; i < story->twin_count; i++) {
        const struct twin *twin = &story->twins[i];
        enum err err = ledger->ops->load(ledger->backend, arena, twin->rule == id ? twin->event : twin->rule,
                                         &story->twin_records[i]);
        if (err == ERR_NOT_FOUND || err == ERR_DAMAGED)
            story->twin_records[i] = (struct record){0};
        else if (err != ERR_NONE)
            return err;
        else
            record_keep(arena, &story->twin_records[i]);
    }
    return ERR_NONE;
}

enum err ledger_story(struct ledger *ledger, struct arena *arena, uint64_t id, struct story *story) {
    struct story read = {.leased = idset_has(&ledger->leases, id)};
    TRY(ledger->ops->load(ledger->backend, arena, id, &read.record));
    record_keep(arena, &read.record);
    enum err err = ledger->ops->load_content(ledger->backend, arena, id, &read.content);
    if (err != ERR_NONE && err != ERR_NOT_FOUND)
        return err;
    read.has_content = err == ERR_NONE;
    TRY(read_twins(ledger, arena, id, &read));
    TRY(ledger->ops->steps(ledger->backend, arena, id, &read.steps, &read.step_count));
    *story = read;
    return ERR_NONE;
}

enum err ledger_oldest(struct ledger *ledger, enum state state, enum endpoint endpoint, int64_t *received_ms) {
    enum { LOOKED_AT = 256 };
    uint64_t ids[LOOKED_AT], *from = &ledger->oldest_from[state][endpoint];
    size_t count;
    *received_ms = DUE_NEVER;
    if (ledger->now.counts.in_state[endpoint][state] == 0)
        return ERR_NONE;
    TRY(ledger->ops->scan(ledger->backend, 1U << state, *from == 0 ? 0 : *from - 1, ids, LOOKED_AT, &count));
    for (size_t i = 0; i < count; i++) {
        struct record record;
        arena_reset(ledger->scratch);
        enum err err = ledger_load_other(ledger, ids[i], &record);
        *from = ids[i];
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        *received_ms = record.received_ms;
        if (record.endpoint == endpoint)
            return ERR_NONE;
    }
    return ERR_NONE;
}
