/* Reading for people. */
#include "proxy/store/ledger_internal.h"

enum { ID_LAG_MS = 10 * 60 * 1000 }; /* a message gets its id within this after its arrival */

/* Ids follow the clock, unless the clock was far ahead for a while: then the next ones follow the last one given. */
static enum err ids_run_ahead(struct ledger *ledger, bool *ahead) {
    struct record newest;
    *ahead = false;
    if (ledger->now.last_id == 0)
        return ERR_NONE;
    enum err err = ledger->ops->load(ledger->backend, ledger->scratch, ledger->now.last_id, &newest);
    if (err == ERR_NOT_FOUND || err == ERR_DAMAGED)
        return ERR_NONE;
    if (err == ERR_NONE)
        *ahead = newest.id > ledger_id_at(newest.received_ms + ID_LAG_MS);
    return err;
}

/* Beyond all ids that can be, where the time is. */
static uint64_t id_limit_at(int64_t ms) {
    const int64_t last_ms = INT64_MAX >> 20;
    return ms >= last_ms ? INT64_MAX : ledger_id_at(ms);
}

/* An id holds the time of the admission, so that a period is a range of ids, which needs no index. */
static enum err bound_by_time(struct ledger *ledger, struct filter *filter) {
    bool ahead;
    if (filter->since_ms > 0 && id_limit_at(filter->since_ms) - 1 > filter->after)
        filter->after = id_limit_at(filter->since_ms) - 1;
    if (filter->until_ms == 0)
        return ERR_NONE;
    TRY(ids_run_ahead(ledger, &ahead));
    uint64_t below = id_limit_at(filter->until_ms + ID_LAG_MS);
    if (!ahead && (filter->before == 0 || filter->before > below))
        filter->before = below;
    return ERR_NONE;
}

enum err ledger_list(struct ledger *ledger, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) {
    struct filter bounded = *filter;
    TRY(bound_by_time(ledger, &bounded));
    TRY(ledger->ops->list(ledger->backend, arena, &bounded, records, count));
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
    TRY(ledger_recurrences(ledger, arena, &read.record, &read.recurrences, &read.recurrence_count));
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
