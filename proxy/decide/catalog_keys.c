/* An exact fact is built of one id and of words that the catalogue lists: "write/{push}/{outcome}", where {outcome} is
 * one of a map's values. So an id alone gives a handful of keys, which are looked up by their hashes; nothing needs to
 * be stored for it. */
#include "proxy/decide/catalog_keys.h"

enum { KEYS_MAX = 512, WORDS_MAX = 64, VARIABLES_OF_KEY_MAX = 8 };

struct key_list {
    const struct catalog *catalog;
    struct arena *arena;
    struct str id;
    struct str *keys;
    size_t count;
};

/* The texts that a variable may have. */
struct words {
    struct str at[WORDS_MAX];
    size_t count;
};

static void words_add(struct words *words, struct str word) {
    for (size_t i = 0; i < words->count; i++)
        if (str_eq(words->at[i], word))
            return;
    if (word.at != NULL && words->count < WORDS_MAX)
        words->at[words->count++] = word;
}

static void add_mapped(struct words *words, const struct variable *variable) {
    for (size_t i = 0; i < variable->map->pair_count; i++)
        words_add(words, variable->map->pairs[i].to);
    words_add(words, variable->if_absent);
    words_add(words, variable->if_unmapped);
}

static void add_rules(struct words *words, const struct catalog_type *type) {
    if (type->generation == GENERATION_RULE)
        words_add(words, type->name);
    for (size_t i = 0; i < type->replaces_count; i++)
        words_add(words, type->replaces[i].rule);
}

/* `*takes_id`: it is what the id may stand for. No words and no id: it cannot be told what it may be. */
static void list_words(const struct catalog_type *type, size_t position, struct arena *arena, struct words *words,
                       bool *takes_id) {
    const struct variable *variable = &type->variables[position];
    words->count = 0;
    *takes_id = false;
    if (position == VARIABLE_RULE)
        add_rules(words, type);
    else if (variable->map != NULL)
        add_mapped(words, variable);
    else if (variable->kind == VARIABLE_READ)
        *takes_id = true;
    else if (variable->kind == VARIABLE_TEXT)
        words_add(words, template_fill(&variable->text, &(struct values){{STR_NONE}}, arena));
}

static void add_key(struct key_list *list, struct str key) {
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->keys[i], key))
            return;
    if (key.at != NULL && list->count < KEYS_MAX)
        list->keys[list->count++] = key;
}

struct slot {
    size_t position;
    struct words words;
};

/* Every combination of the words. */
static void add_combinations(struct key_list *list, const struct catalog_type *type, const struct template *key,
                             const struct slot *slots, size_t slot_count, struct values *values) {
    size_t at[VARIABLES_OF_KEY_MAX] = {0}, turned;
    do {
        for (size_t i = 0; i < slot_count; i++)
            values->at[slots[i].position] = slots[i].words.at[at[i]];
        add_key(list, template_fill_key(key, type->variables, values, list->arena));
        for (turned = 0; turned < slot_count && ++at[turned] == slots[turned].words.count; turned++)
            at[turned] = 0;
    } while (turned < slot_count && list->count < KEYS_MAX);
}

static void add_fact(struct key_list *list, const struct catalog_type *type, const struct template *key) {
    struct slot *slots = ARENA_ARRAY(list->arena, VARIABLES_OF_KEY_MAX, struct slot);
    struct values *values = ARENA_NEW(list->arena, struct values);
    size_t slot_count = 0, ids = 0;
    for (size_t i = 0; i < key->piece_count; i++) {
        if (key->pieces[i].text.at != NULL)
            continue;
        bool takes_id;
        if (slot_count == VARIABLES_OF_KEY_MAX)
            return;
        struct slot *slot = &slots[slot_count];
        slot->position = key->pieces[i].variable;
        list_words(type, slot->position, list->arena, &slot->words, &takes_id);
        if (takes_id) {
            values->at[slot->position] = list->id;
            ids++;
        } else if (slot->words.count == 0) {
            return;
        } else {
            slot_count++;
        }
    }
    if (ids == 1)
        add_combinations(list, type, key, slots, slot_count, values);
}

static void add_facts(struct key_list *list, const struct catalog_type *type, const struct catalog_fact *facts,
                      size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!fact_recurs(facts[i].match))
            add_fact(list, type, &facts[i].key);
}

void catalog_keys_of(const struct catalog *catalog, struct arena *arena, struct str id, const struct str **keys,
                     size_t *count) {
    static const enum generation generations[] = {GENERATION_RULE, GENERATION_EVENT};
    struct key_list list = {.catalog = catalog, .arena = arena, .id = id};
    list.keys = ARENA_ARRAY(arena, KEYS_MAX, struct str);
    for (size_t g = 0; g < ARRAY_LEN(generations); g++)
        for (size_t t = 0; t < catalog_type_count(catalog, generations[g]); t++) {
            const struct catalog_type *type = catalog_type_at(catalog, generations[g], t);
            add_facts(&list, type, type->facts, type->fact_count);
            add_facts(&list, type, type->item_facts, type->item_fact_count);
        }
    *keys = list.keys;
    *count = list.count;
}
