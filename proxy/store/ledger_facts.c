/* Facts of a message as one text, so that a stored message can be compared by text and not by hash alone:
 * per item a line of "<match><length>:<key>" pieces, ended by ";". Written and read here only. */
#include "proxy/store/ledger.h"

struct str ledger_facts_encode(struct arena *arena, const struct message *message) {
    struct strbuf text = {0};
    for (size_t i = 0; i < message->item_count; i++) {
        const struct item *item = &message->items[i];
        for (size_t f = 0; f < item->fact_count; f++) {
            const struct fact *fact = &item->facts[f];
            strbuf_append_char(&text, fact->match == MATCH_EXACT ? 'x' : 'w');
            strbuf_append_i64(&text, (int64_t)fact->key.len);
            strbuf_append_char(&text, ':');
            strbuf_append(&text, fact->key);
        }
        strbuf_append_char(&text, ';');
    }
    struct str copy = arena_str(arena, strbuf_str(&text));
    strbuf_clear(&text);
    return copy;
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
