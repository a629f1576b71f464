/* Which stored messages state a fact that the arriving one states too?
 *
 *   facts of all items ─► each key once (sought) ─► rows of its hash ─► each message once (other) ─► candidates
 *
 * Nothing here has a fixed number, and nothing is done for each pair of an own item and a stored message: a body may
 * state one key a thousand times, and thousands of messages may have stated it. So a key is looked up once, a message
 * is loaded once, its facts are read once for each key that found it, and the own items of a key are one list.
 *
 * Whatever a hash finds is compared by text before it counts. */
#include "proxy/store/ledger_candidates.h"

/* A key of the arriving message. */
struct sought {
    struct str key;
    enum fact_match match;
    uint64_t hash;   /* under which the other generation states it */
    uint32_t *items; /* own items that state it, upwards */
    size_t item_count, last_item;
};

struct finding {
    struct ledger *ledger;
    const struct message *message;
    const struct record *record;
    int64_t now_ms;
    struct candidates list;
    size_t capacity;
    struct others *others;
};

/* ---- the messages that were found ---- */

static size_t place_of(const struct others *others, uint64_t id) {
    size_t mask = others->place_count - 1;
    size_t place = (size_t)((id * 0x9E3779B97F4A7C15U) >> 32) & mask;
    while (others->places[place] != NULL && others->places[place]->record.id != id)
        place = (place + 1) & mask;
    return place;
}

static void others_grow(struct arena *arena, struct others *others) {
    struct other **old = others->places;
    size_t old_count = others->place_count;
    others->place_count = old_count == 0 ? 8 : old_count * 4;
    others->places = ARENA_ARRAY(arena, others->place_count, struct other *);
    for (size_t i = 0; i < old_count; i++)
        if (old[i] != NULL)
            others->places[place_of(others, old[i]->record.id)] = old[i];
}

const struct record *others_find(const struct others *others, uint64_t id) {
    struct other *other = others->place_count == 0 ? NULL : others->places[place_of(others, id)];
    return other == NULL || other->is_gone ? NULL : &other->record;
}

bool others_mark(struct others *others, uint64_t id) {
    struct other *other = others->places[place_of(others, id)];
    bool is_new = !other->is_marked;
    other->is_marked = true;
    return is_new;
}

/* Loads it the first time. */
static enum err others_get(struct finding *finding, uint64_t id, struct other **other) {
    struct ledger *ledger = finding->ledger;
    struct others *others = finding->others;
    if (others->count * 2 >= others->place_count)
        others_grow(ledger->scratch, others);
    struct other **place = &others->places[place_of(others, id)];
    if (*place == NULL) {
        struct other *made = ARENA_NEW(ledger->scratch, struct other);
        enum err err = ledger_load_other(ledger, id, &made->record);
        if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
        made->record.id = id;
        made->is_gone =
            err == ERR_NOT_FOUND || !ledger_is_remembered(ledger, &made->record, finding->now_ms - ledger->ahead_ms);
        *place = made;
        others->count++;
    }
    *other = *place;
    return ERR_NONE;
}

/* Which items of the event have a rule of the group, or: has the rule a twin? */
static enum err read_taken(struct ledger *ledger, struct other *other, uint64_t group) {
    struct twin *twins;
    size_t count;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, other->record.id, &twins, &count));
    size_t items = other->record.item_count, len = (items + 7) / 8;
    char *taken = arena_alloc(ledger->scratch, len);
    for (size_t i = 0; i < count; i++) {
        bool is_rule = other->record.generation == GENERATION_RULE;
        if (is_rule)
            bitmap_set(taken, 0);
        else if (twins[i].group == group && twins[i].item < items)
            bitmap_set(taken, twins[i].item);
    }
    other->taken = str_slice(taken, len);
    return ERR_NONE;
}

static enum err find_taken(void *arg, struct candidate *candidate) {
    struct finding *finding = arg;
    struct other *other = finding->others->places[place_of(finding->others, candidate->message)];
    if (other->taken.at == NULL)
        TRY(read_taken(finding->ledger, other, candidate->group));
    candidate->taken = bitmap_has(other->taken, candidate->item);
    return ERR_NONE;
}

/* ---- candidates ---- */

static void add_candidate(struct finding *finding, const struct candidate *candidate) {
    struct candidates *list = &finding->list;
    if (list->count == finding->capacity) {
        finding->capacity = finding->capacity == 0 ? 4 : finding->capacity * 4;
        struct candidate *larger = ARENA_ARRAY(finding->ledger->scratch, finding->capacity, struct candidate);
        if (list->count > 0)
            memcpy(larger, list->at, list->count * sizeof *larger);
        list->at = larger;
    }
    list->at[list->count++] = *candidate;
}

/* A message that stands in the index under two times is found by both. */
static bool was_considered(struct other *other, const struct fact_row *row) {
    if (bitmap_has(other->considered, row->item))
        return true;
    bitmap_set(other->considered_bits, row->item);
    return false;
}

static void begin_key(struct finding *finding, struct other *other, const struct sought *sought) {
    struct arena *arena = finding->ledger->scratch;
    if (other->sought == sought)
        return;
    other->sought = sought;
    other->states = ledger_facts_items(arena, other->record.facts, other->record.item_count, sought->key);
    other->considered_bits = arena_alloc(arena, (other->record.item_count + 7) / 8);
    other->considered = str_slice(other->considered_bits, (other->record.item_count + 7) / 8);
}

static bool shares_window_fact(const struct item *item, const struct record *record, uint32_t index) {
    for (size_t f = 0; f < item->fact_count; f++)
        if (fact_recurs(item->facts[f].match) && ledger_facts_state(record->facts, index, item->facts[f].key))
            return true;
    return false;
}

static enum err consider(struct finding *finding, const struct sought *sought, const struct fact_row *row) {
    struct other *other;
    TRY(others_get(finding, row->message, &other));
    if (other->is_gone)
        return ERR_NONE;
    begin_key(finding, other, sought);
    if (!bitmap_has(other->states, row->item) || was_considered(other, row))
        return ERR_NONE; /* hashes of two texts may be equal */
    const struct record *record = &other->record;
    struct candidate candidate = {
        .message = row->message,
        .item = row->item,
        .own_item = sought->items[0],
        .own_items = sought->item_count > 1 ? sought->items : NULL,
        .own_item_count = sought->item_count,
        .match = sought->match,
        .moment = {record->time_ms, record->received_ms},
        .group = record->generation == GENERATION_RULE ? record->group : finding->record->group,
    };
    if (sought->match == MATCH_HINT) {
        const struct item *item = &finding->message->items[sought->items[0]];
        candidate.differs = ledger_facts_differ(item, record->facts, row->item);
        candidate.recurs = shares_window_fact(item, record, row->item);
    }
    add_candidate(finding, &candidate);
    return ERR_NONE;
}

/* ---- keys ---- */

static void add_item(struct arena *arena, struct sought *sought, uint32_t item) {
    if (sought->item_count > 0 && sought->items[sought->item_count - 1] == item)
        return;
    if ((sought->item_count & (sought->item_count - 1)) == 0) { /* none, or a power of 2: full */
        uint32_t *larger = arena_take(arena, (sought->item_count == 0 ? 1 : sought->item_count * 2) * sizeof *larger);
        if (sought->item_count > 0)
            memcpy(larger, sought->items, sought->item_count * sizeof *larger);
        sought->items = larger;
    }
    sought->items[sought->item_count++] = item;
}

/* Keys by their hash. */
struct keys {
    struct sought *at;
    size_t count;
    uint32_t *places; /* position + 1; 0: free */
    size_t place_count;
};

static struct sought *key_get(struct keys *keys, const struct fact *fact, uint64_t hash) {
    size_t mask = keys->place_count - 1, place = (size_t)hash & mask;
    for (; keys->places[place] != 0; place = (place + 1) & mask) {
        struct sought *known = &keys->at[keys->places[place] - 1];
        if (known->hash == hash && known->match == fact->match && str_eq_nocase(known->key, fact->key))
            return known;
    }
    struct sought *made = &keys->at[keys->count++];
    *made = (struct sought){.key = fact->key, .match = fact->match, .hash = hash};
    keys->places[place] = (uint32_t)keys->count;
    return made;
}

static struct keys collect_keys(const struct finding *finding) {
    const struct message *message = finding->message;
    struct arena *arena = finding->ledger->scratch;
    enum generation other = message->generation == GENERATION_RULE ? GENERATION_EVENT : GENERATION_RULE;
    struct keys keys = {.place_count = 8};
    size_t facts = 0;
    for (size_t i = 0; i < message->item_count; i++)
        facts += message->items[i].fact_count;
    while (keys.place_count < facts * 2)
        keys.place_count *= 2;
    keys.at = ARENA_ARRAY(arena, facts, struct sought);
    keys.places = ARENA_ARRAY(arena, keys.place_count, uint32_t);
    for (uint32_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++) {
            const struct fact *fact = &message->items[i].facts[f];
            add_item(arena, key_get(&keys, fact, fact_hash(other, fact->key)), i);
        }
    return keys;
}

/* ---- rows ---- */

enum err ledger_find_rows(struct ledger *ledger, uint64_t hash, int64_t from_ms, int64_t to_ms, struct fact_row **rows,
                          size_t *count) {
    for (size_t capacity = 16;; capacity *= 8) {
        *rows = arena_take(ledger->scratch, capacity * sizeof **rows);
        TRY(ledger->ops->find_facts(ledger->backend, hash, from_ms, to_ms, *rows, capacity, count));
        if (*count < capacity)
            return ERR_NONE;
    }
}

static enum err find_between(struct finding *finding, const struct sought *sought, int64_t from_ms, int64_t to_ms) {
    struct fact_row *rows;
    size_t count;
    TRY(ledger_find_rows(finding->ledger, sought->hash, from_ms, to_ms, &rows, &count));
    for (size_t i = 0; i < count; i++)
        TRY(consider(finding, sought, &rows[i]));
    return ERR_NONE;
}

/* Around both clocks, as far as a near miss goes. A message whose two times are nearly the same stands in the index
 * under the told one alone. */
static enum err find_by_key(struct finding *finding, const struct sought *sought) {
    const struct record *record = finding->record;
    int64_t reach_ms = NEAR_MISS_WINDOWS * finding->ledger->policy.window_ms, wide_ms = reach_ms + NEARLY_SAME_MS;
    if (!fact_recurs(sought->match))
        return find_between(finding, sought, INT64_MIN, INT64_MAX);
    int64_t told_from = record->time_ms - reach_ms, told_to = record->time_ms + reach_ms;
    int64_t arrival_from = record->received_ms - wide_ms, arrival_to = record->received_ms + wide_ms;
    if (told_to >= arrival_from && told_from <= arrival_to)
        return find_between(finding, sought, told_from < arrival_from ? told_from : arrival_from,
                            told_to > arrival_to ? told_to : arrival_to);
    TRY(find_between(finding, sought, arrival_from, arrival_to));
    return find_between(finding, sought, told_from, told_to);
}

enum err ledger_find_candidates(struct ledger *ledger, const struct message *message, const struct record *record,
                                int64_t now_ms, struct candidates *list, struct others *others) {
    struct finding finding = {
        .ledger = ledger, .message = message, .record = record, .now_ms = now_ms, .others = others};
    *others = (struct others){0};
    *list = (struct candidates){0};
    if (message->generation == GENERATION_UNKNOWN)
        return ERR_NONE;
    struct keys keys = collect_keys(&finding);
    for (size_t i = 0; i < keys.count; i++)
        TRY(find_by_key(&finding, &keys.at[i]));
    const struct pairing pairing = {.arena = ledger->scratch,
                                    .arriving = record->generation,
                                    .now = {record->time_ms, record->received_ms},
                                    .window_ms = ledger->policy.window_ms,
                                    .find_taken = find_taken,
                                    .arg = &finding};
    *list = finding.list;
    return pairing_choose(&pairing, list);
}
