/* How often has what a message tells occurred about then? A key that recurs faster than messages are delayed lets the
 * couples be mixed up: occurrence 1 told by both sides, 2 by neither. That is no loss, because messages of one key tell
 * the same, but whoever reads the story of one of them must know it. Counted when somebody asks: the ones that came
 * later count, too. */
#include "proxy/store/ledger_candidates.h"

enum { ROWS_MAX = 256 }; /* more occurrences than that need not be told apart */

/* How many messages of each rule type and RuleId: each of these tells every occurrence once. */
struct tally {
    uint64_t group;
    size_t count;
};

static enum err count_rows(struct ledger *ledger, enum generation generation, struct str key, int64_t time_ms,
                           size_t *most) {
    struct fact_row rows[ROWS_MAX];
    struct tally tallies[ROWS_MAX];
    size_t count, tally_count = 0;
    int64_t window_ms = ledger->policy.window_ms;
    uint64_t last = 0;
    TRY(ledger->ops->find_facts(ledger->backend, fact_hash(generation, key), time_ms - window_ms, time_ms + window_ms,
                                rows, ROWS_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        struct record record;
        enum err err = rows[i].message == last ? ERR_NOT_FOUND : ledger_load_other(ledger, rows[i].message, &record);
        last = rows[i].message;
        if (err == ERR_NOT_FOUND)
            continue;
        if (err != ERR_NONE)
            return err;
        if (rows[i].time_ms != record.time_ms || !ledger_facts_state(record.facts, rows[i].item, key))
            continue; /* it stands there by its arrival; or the hashes of two texts are equal */
        size_t t = 0;
        while (t < tally_count && tallies[t].group != record.group)
            t++;
        if (t == tally_count)
            tallies[tally_count++] = (struct tally){record.group, 0};
        tallies[t].count++;
        *most = tallies[t].count > *most ? tallies[t].count : *most;
    }
    return ERR_NONE;
}

enum err ledger_recurrences(struct ledger *ledger, struct arena *arena, const struct record *record,
                            struct recurrence **found, size_t *found_count) {
    enum { ITEMS_TOLD = 50 };
    struct item *items;
    size_t count, made = 0;
    *found = NULL;
    *found_count = 0;
    if (!ledger_facts_decode(arena, record->facts, &items, &count))
        return ERR_NONE;
    *found = ARENA_ARRAY(arena, (count < ITEMS_TOLD ? count : ITEMS_TOLD) * ITEM_FACT_MAX, struct recurrence);
    for (uint32_t i = 0; i < count && i < ITEMS_TOLD; i++)
        for (size_t f = 0; f < items[i].fact_count; f++) {
            const struct fact *fact = &items[i].facts[f];
            size_t most = 0;
            if (fact->match != MATCH_WINDOW)
                continue;
            arena_reset(ledger->scratch);
            TRY(count_rows(ledger, GENERATION_RULE, fact->key, record->time_ms, &most));
            TRY(count_rows(ledger, GENERATION_EVENT, fact->key, record->time_ms, &most));
            if (most > 1)
                (*found)[made++] = (struct recurrence){.item = i, .key = fact->key, .count = most};
        }
    *found_count = made;
    return ERR_NONE;
}
