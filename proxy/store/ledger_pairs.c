/* Pairs of twins for whoever compares what both told. A pair is found by its later message, so that each is found once:
 * forwards among what has come since, backwards among what was there before. */
#include "proxy/store/ledger_internal.h"

struct search {
    struct ledger *ledger;
    struct arena *arena;
    struct twin_pair *pairs;
    size_t max, count;
};

static enum err load_side(struct search *search, uint64_t id, struct record *record, struct content *content) {
    struct ledger *ledger = search->ledger;
    TRY(ledger_load_other(ledger, id, record));
    record_keep(search->arena, record);
    TRY(ledger->ops->load_content(ledger->backend, search->arena, id, content));
    content->body = arena_str(search->arena, content->body);
    return ERR_NONE;
}

/* ERR_NOT_FOUND: one of the two, or its body, is no longer there. */
static enum err add_pair(struct search *search, const struct twin *twin) {
    struct record rule, event;
    struct content rule_content, event_content;
    TRY(load_side(search, twin->rule, &rule, &rule_content));
    TRY(load_side(search, twin->event, &event, &event_content));
    search->pairs[search->count++] = (struct twin_pair){.rule = twin->rule,
                                                        .event = twin->event,
                                                        .item = twin->item,
                                                        .rule_type = rule.type,
                                                        .rule_body = rule_content.body,
                                                        .event_body = event_content.body};
    return ERR_NONE;
}

/* The pairs of which this message came later. */
static enum err add_pairs_of(struct search *search, uint64_t id) {
    struct ledger *ledger = search->ledger;
    struct twin *twins;
    size_t count;
    TRY(ledger->ops->find_twins(ledger->backend, search->arena, id, &twins, &count));
    for (size_t i = 0; i < count && search->count < search->max; i++) {
        uint64_t other = twins[i].rule == id ? twins[i].event : twins[i].rule;
        bool is_told = i > 0 && twins[i].rule == twins[i - 1].rule && twins[i].event == twins[i - 1].event;
        if (other > id || is_told)
            continue;
        enum err err = add_pair(search, &twins[i]);
        if (err != ERR_NONE && err != ERR_NOT_FOUND && err != ERR_DAMAGED)
            return err;
    }
    return ERR_NONE;
}

enum err ledger_pairs_after(struct ledger *ledger, struct arena *arena, uint64_t after, size_t looked_at,
                            struct twin_pair *pairs, size_t max, size_t *count, uint64_t *last) {
    struct search search = {.ledger = ledger, .arena = arena, .pairs = pairs, .max = max};
    uint64_t *ids = ARENA_ARRAY(arena, looked_at, uint64_t);
    size_t found;
    *last = after;
    arena_reset(ledger->scratch);
    TRY(ledger->ops->scan(ledger->backend, (1U << STATE_COUNT) - 1, after, ids, looked_at, &found));
    for (size_t i = 0; i < found && search.count < max; i++) {
        TRY(add_pairs_of(&search, ids[i]));
        *last = ids[i];
    }
    *count = search.count;
    return ERR_NONE;
}

enum err ledger_pairs_before(struct ledger *ledger, struct arena *arena, uint64_t before, size_t looked_at,
                             struct twin_pair *pairs, size_t max, size_t *count, uint64_t *last) {
    struct search search = {.ledger = ledger, .arena = arena, .pairs = pairs, .max = max};
    const struct filter filter = {.state = -1, .generation = -1, .before = before, .limit = looked_at};
    struct record *records;
    size_t found;
    *last = before;
    arena_reset(ledger->scratch);
    TRY(ledger->ops->list(ledger->backend, arena, &filter, &records, &found));
    for (size_t i = 0; i < found && search.count < max; i++) {
        uint64_t id = records[i].id;
        TRY(add_pairs_of(&search, id));
        *last = id;
    }
    if (found < looked_at && search.count < max)
        *last = 1; /* there are none below */
    *count = search.count;
    return ERR_NONE;
}

enum err ledger_records_after(struct ledger *ledger, struct arena *arena, uint64_t after, size_t max,
                              struct record **records, size_t *count, uint64_t *last) {
    uint64_t *ids = ARENA_ARRAY(arena, max, uint64_t);
    size_t found, read = 0;
    TRY(ledger->ops->scan(ledger->backend, (1U << STATE_COUNT) - 1, after, ids, max, &found));
    *records = ARENA_ARRAY(arena, found, struct record);
    for (size_t i = 0; i < found; i++) {
        struct record *record = &(*records)[read];
        arena_reset(ledger->scratch);
        enum err err = ledger_load_other(ledger, ids[i], record);
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
        if (err == ERR_NONE) {
            record_keep(arena, record);
            read++;
        }
    }
    *count = read;
    *last = found < max ? 0 : ids[found - 1];
    return ERR_NONE;
}
