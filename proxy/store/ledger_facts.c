/* Facts of a message as one text, so that a stored message can be compared by text and not by hash alone:
 * per item a line of "<match><length>:<key>" pieces, ended by ";". Written and read here only. */
#include "proxy/store/ledger_internal.h"

static size_t encoded_len(const struct message *message) {
    size_t len = message->item_count;
    for (size_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            len += 2 + I64_TEXT_LEN + message->items[i].facts[f].key.len;
    return len;
}

static const char marks[] = {[MATCH_EXACT] = 'x', [MATCH_WINDOW] = 'w', [MATCH_HINT] = 'h', [MATCH_WITHIN] = 'n'};

static bool is_mark(char c) {
    return c == 'x' || c == 'w' || c == 'h' || c == 'n';
}

static char *write_fact(char *to, const struct fact *fact) {
    char digits[I64_TEXT_LEN];
    *to++ = marks[fact->match];
    to = str_put(to, str_of_i64((int64_t)fact->key.len, digits));
    *to++ = ':';
    return str_put(to, fact->key);
}

struct str ledger_facts_encode(struct arena *arena, const struct message *message) {
    char *text = arena_take(arena, encoded_len(message)), *to = text;
    for (size_t i = 0; i < message->item_count; i++) {
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            to = write_fact(to, &message->items[i].facts[f]);
        *to++ = ';';
    }
    return str_slice(text, (size_t)(to - text));
}

static bool take_fact(struct str *rest, struct fact *fact) {
    uint64_t len;
    fact->match = rest->at[0] == 'x'   ? MATCH_EXACT
                  : rest->at[0] == 'h' ? MATCH_HINT
                  : rest->at[0] == 'n' ? MATCH_WITHIN
                                       : MATCH_WINDOW;
    *rest = str_from(*rest, 1);
    ptrdiff_t colon = str_find(*rest, STR(":"));
    if (colon < 0 || !str_to_u64(str_slice(rest->at, (size_t)colon), &len))
        return false;
    *rest = str_from(*rest, (size_t)colon + 1);
    if (len > rest->len)
        return false;
    fact->key = str_slice(rest->at, (size_t)len);
    *rest = str_from(*rest, (size_t)len);
    return true;
}

static bool take_item(struct arena *arena, struct str *rest, struct item *item) {
    struct fact facts[ITEM_FACT_MAX];
    *item = (struct item){0};
    while (rest->len > 0 && is_mark(rest->at[0])) {
        if (item->fact_count == ITEM_FACT_MAX || !take_fact(rest, &facts[item->fact_count]))
            return false;
        item->fact_count++;
    }
    if (rest->len == 0 || rest->at[0] != ';')
        return false;
    *rest = str_from(*rest, 1);
    item->facts = arena_copy(arena, facts, item->fact_count * sizeof *facts);
    return true;
}

bool ledger_facts_decode(struct arena *arena, struct str facts, struct item **items, size_t *count) {
    size_t most = 0, read_count = 0; /* every item ends in ";", and keys may hold more of them */
    for (size_t i = 0; i < facts.len && most < ITEM_MAX; i++)
        most += facts.at[i] == ';' ? 1 : 0;
    struct item *read = ARENA_ARRAY(arena, most, struct item);
    for (struct str rest = facts; rest.len > 0; read_count++)
        if (read_count == most || !take_item(arena, &rest, &read[read_count]))
            return false;
    *items = read;
    *count = read_count;
    return true;
}

/* Gives the facts in the order of the text, with the item of each. */
struct facts_reader {
    struct str rest;
    uint32_t item;
};

/* False at the end, and where the text is damaged. */
static bool next_fact(struct facts_reader *reader, struct fact *fact) {
    while (reader->rest.len > 0 && reader->rest.at[0] == ';') {
        reader->rest = str_from(reader->rest, 1);
        reader->item++;
    }
    return reader->rest.len > 0 && is_mark(reader->rest.at[0]) && take_fact(&reader->rest, fact);
}

struct str ledger_facts_hint(struct str facts) {
    struct facts_reader reader = {.rest = facts};
    struct fact fact;
    while (next_fact(&reader, &fact) && reader.item == 0)
        if (fact.match == MATCH_HINT)
            return fact.key;
    return STR_NONE;
}

bool ledger_facts_state(struct str facts, uint32_t item, struct str key) {
    struct facts_reader reader = {.rest = facts};
    struct fact fact;
    while (next_fact(&reader, &fact) && reader.item <= item)
        if (reader.item == item && str_eq_nocase(fact.key, key))
            return true;
    return false;
}

struct str ledger_facts_items(struct arena *arena, struct str facts, size_t item_count, struct str key) {
    size_t len = (item_count + 7) / 8;
    char *bits = arena_alloc(arena, len);
    struct facts_reader reader = {.rest = facts};
    struct fact fact;
    while (next_fact(&reader, &fact))
        if (reader.item < item_count && str_eq_nocase(fact.key, key))
            bits[reader.item / 8] = (char)(bits[reader.item / 8] | (1 << (reader.item % 8)));
    return str_slice(bits, len);
}

/* Ids are no part of what is stated. */
static bool next_statement(struct facts_reader *reader, struct fact *fact) {
    while (next_fact(reader, fact))
        if (fact->match != MATCH_HINT)
            return true;
    return false;
}

uint64_t ledger_facts_digest(struct str facts, uint64_t seed) {
    struct facts_reader reader = {.rest = facts};
    struct fact fact;
    while (next_statement(&reader, &fact))
        seed = seed * 0x9E3779B97F4A7C15U + fact_hash(GENERATION_UNKNOWN, fact.key) + reader.item;
    return seed;
}

bool ledger_facts_equal(struct str a, struct str b) {
    struct facts_reader one = {.rest = a}, other = {.rest = b};
    struct fact fact, same;
    for (;;) {
        bool has = next_statement(&one, &fact), has_same = next_statement(&other, &same);
        if (has != has_same)
            return false;
        if (!has)
            return true;
        if (one.item != other.item || !str_eq_nocase(fact.key, same.key))
            return false;
    }
}

static struct str kind_of(struct str key) {
    const char *end = key.len == 0 ? NULL : memchr(key.at, '/', key.len);
    return end == NULL ? key : str_slice(key.at, (size_t)(end - key.at));
}

/* Has the item a fact of that kind, and is none of these stated in the text? */
static bool differs_in(struct str kind, const struct item *item, struct str facts, uint32_t index) {
    bool has = false, states = false;
    for (size_t i = 0; i < item->fact_count; i++)
        if (item->facts[i].match != MATCH_HINT && str_eq_nocase(kind_of(item->facts[i].key), kind)) {
            has = true;
            states = states || ledger_facts_state(facts, index, item->facts[i].key);
        }
    return has && !states;
}

bool ledger_facts_differ(const struct item *item, struct str facts, uint32_t index) {
    struct facts_reader reader = {.rest = facts};
    struct fact fact;
    while (next_fact(&reader, &fact) && reader.item <= index)
        if (reader.item == index && fact.match != MATCH_HINT && differs_in(kind_of(fact.key), item, facts, index))
            return true;
    return false;
}
