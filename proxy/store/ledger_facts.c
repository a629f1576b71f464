/* Facts of a message as one text, so that a stored message can be compared by text and not by hash alone:
 * per item a line of "<match><length>:<key>" pieces, ended by ";". Written and read here only. */
#include "proxy/store/ledger.h"

static size_t encoded_len(const struct message *message) {
    size_t len = message->item_count;
    for (size_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            len += 2 + I64_TEXT_LEN + message->items[i].facts[f].key.len;
    return len;
}

static char *write_fact(char *to, const struct fact *fact) {
    char digits[I64_TEXT_LEN];
    *to++ = fact->match == MATCH_EXACT ? 'x' : 'w';
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
    fact->match = rest->at[0] == 'x' ? MATCH_EXACT : MATCH_WINDOW;
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
    while (rest->len > 0 && (rest->at[0] == 'x' || rest->at[0] == 'w')) {
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

bool ledger_facts_state(struct str facts, uint32_t item, struct str key) {
    struct fact fact;
    for (uint32_t i = 0; facts.len > 0;) {
        if (facts.at[0] == ';') {
            facts = str_from(facts, 1);
            i++;
        } else if (i > item || (facts.at[0] != 'x' && facts.at[0] != 'w') || !take_fact(&facts, &fact)) {
            return false;
        } else if (i == item && str_eq_nocase(fact.key, key)) {
            return true;
        }
    }
    return false;
}
