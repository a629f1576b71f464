/* Finding a message by whatever somebody has in hand: our own id, the webhook-id, the id in the body, or an id that
 * stands in a fact. Each is a look-up by hash, and the text decides. */
#include "proxy/store/ledger_internal.h"

struct lookup {
    struct ledger *ledger;
    struct arena *arena;
    uint64_t *ids;
    size_t count, max;
};

static void lookup_add(struct lookup *lookup, uint64_t id) {
    for (size_t i = 0; i < lookup->count; i++)
        if (lookup->ids[i] == id)
            return;
    if (lookup->count < lookup->max)
        lookup->ids[lookup->count++] = id;
}

static enum err lookup_own_id(struct lookup *lookup, struct str text) {
    struct record record;
    uint64_t id;
    if (!message_id_parse(text, &id) || id == 0 || id > INT64_MAX)
        return ERR_NONE;
    enum err err = lookup->ledger->ops->load(lookup->ledger->backend, lookup->ledger->scratch, id, &record);
    if (err == ERR_NOT_FOUND)
        return ERR_NONE;
    lookup_add(lookup, id); /* one that is damaged is there, too: showing it says so */
    return err == ERR_DAMAGED ? ERR_NONE : err;
}

static enum err lookup_identity(struct lookup *lookup, enum generation generation, struct str identity) {
    struct ledger *ledger = lookup->ledger;
    uint64_t ids[IDENTITY_MAX];
    size_t count = 0;
    TRY(ledger->ops->find_identity(ledger->backend, identity_hash(generation, identity), ids, IDENTITY_MAX, &count));
    for (size_t i = 0; i < count; i++) {
        struct record record;
        enum err err = ledger_load_other(ledger, ids[i], &record);
        if (err == ERR_NONE && str_eq(identity_key(record.identity), identity))
            lookup_add(lookup, ids[i]);
        else if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

/* Of messages with a webhook-id too, whose facts do not hold the id in the body. */
static enum err lookup_body_id(struct lookup *lookup, enum generation generation, struct str body) {
    enum { ROWS = 64 };
    struct ledger *ledger = lookup->ledger;
    struct fact_row rows[ROWS];
    size_t count = 0;
    TRY(ledger->ops->find_facts(ledger->backend, ledger_body_id_hash(generation, body), INT64_MIN, INT64_MAX, rows,
                                ROWS, &count));
    for (size_t i = 0; i < count; i++) {
        struct record record;
        enum err err = ledger_load_other(ledger, rows[i].message, &record);
        if (err == ERR_NONE && str_eq(identity_body(record.identity), body))
            lookup_add(lookup, rows[i].message);
        else if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

static enum err lookup_identities(struct lookup *lookup, struct str text) {
    static const enum generation generations[] = {GENERATION_RULE, GENERATION_EVENT, GENERATION_UNKNOWN};
    struct arena *arena = lookup->arena;
    for (size_t g = 0; g < ARRAY_LEN(generations); g++) {
        TRY(lookup_identity(lookup, generations[g], ARENA_JOIN(arena, STR("h:"), text)));
        struct str body = ARENA_JOIN(arena, STR("b:"), arena_lower(arena, text));
        TRY(lookup_identity(lookup, generations[g], body));
        TRY(lookup_body_id(lookup, generations[g], body));
    }
    return ERR_NONE;
}

static enum err lookup_fact(struct lookup *lookup, enum generation generation, struct str key) {
    enum { ROWS = 64 };
    struct ledger *ledger = lookup->ledger;
    struct fact_row rows[ROWS];
    size_t count = 0;
    TRY(ledger->ops->find_facts(ledger->backend, fact_hash(generation, key), INT64_MIN, INT64_MAX, rows, ROWS, &count));
    for (size_t i = 0; i < count; i++) {
        struct record record;
        enum err err = ledger_load_other(ledger, rows[i].message, &record);
        if (err == ERR_NONE && ledger_facts_state(record.facts, rows[i].item, key))
            lookup_add(lookup, rows[i].message);
        else if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

static void sort_ids(uint64_t *ids, size_t count) {
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && ids[k - 1] < ids[k]; k--) {
            uint64_t lower = ids[k - 1];
            ids[k - 1] = ids[k];
            ids[k] = lower;
        }
}

enum err ledger_lookup(struct ledger *ledger, struct arena *arena, struct str text, const struct str *keys,
                       size_t key_count, uint64_t *ids, size_t max, size_t *count) {
    struct lookup lookup = {.ledger = ledger, .arena = arena, .ids = ids, .max = max};
    arena_reset(ledger->scratch);
    TRY(lookup_own_id(&lookup, text));
    if (lookup.count == 0) { /* our own ids are nobody else's */
        TRY(lookup_identities(&lookup, text));
        for (size_t i = 0; i < key_count; i++) {
            TRY(lookup_fact(&lookup, GENERATION_RULE, keys[i]));
            TRY(lookup_fact(&lookup, GENERATION_EVENT, keys[i]));
        }
    }
    sort_ids(ids, lookup.count);
    *count = lookup.count;
    return ERR_NONE;
}
