/* acknowledge=delivered: a message that its consumer did not take is answered 503 and forgotten, for its sender comes
 * again. What it told was told at its first arrival, though: its twin may be delivered in between, and the repeat come
 * when the window is over. So the identity and the time of the first arrival are kept, and a repeat is placed there.
 *
 * Bounded: sets of four, the oldest goes. A set is one small value in the store, so that a restart forgets nothing.
 * Compared by hash alone: two messages of one hash by chance move one of them in time, no more. */
#include "proxy/store/ledger_internal.h"

#include "common/mem.h"

#include <stdio.h>

enum { SETS = 8192, WAYS = 4, NAME_LEN = 32 };

#define MARKER STR("refused")

struct refusal {
    uint64_t hash; /* of an identity and what is stated under it; 0: free */
    int64_t first_ms;
    uint64_t is_lasting; /* beyond a restart */
};

struct refusal_set {
    struct refusal ways[WAYS];
};

struct refusal_change {
    uint32_t set;
    struct refusal_set before;
};

struct refusals {
    bool is_marked; /* in the store */
    struct refusal_set *sets;
    struct refusal_change *changes; /* since the group began */
    size_t change_count, change_capacity;
};

/* A message is found under its webhook-id, and under the id in its body, where one of the two has no webhook-id. */
enum key_use { KEY_HEADER = 1, KEY_BODY_ALONE, KEY_BODY_BESIDE };

static uint64_t key_hash(const struct record *record, struct str key, enum key_use use) {
    if (key.len == 0)
        return 0;
    uint64_t seed = identity_hash(record->generation, key) ^ rule_group(record->type, key) ^
                    rule_group(record->company, record->rule_id) ^ (uint64_t)record->item_count << 32;
    return ledger_facts_digest(record->facts, seed + (uint64_t)use) | 1;
}

static struct str set_name(char buffer[NAME_LEN], uint32_t set) {
    return str_slice(buffer, (size_t)snprintf(buffer, NAME_LEN, "refused:%u", set));
}

static struct refusal *find(struct refusal_set *set, uint64_t hash) {
    for (size_t i = 0; i < WAYS; i++)
        if (set->ways[i].hash == hash)
            return &set->ways[i];
    return NULL;
}

static struct refusal *oldest(struct refusal_set *set) {
    struct refusal *oldest = &set->ways[0];
    for (size_t i = 1; i < WAYS; i++)
        if (oldest->hash != 0 && (set->ways[i].hash == 0 || set->ways[i].first_ms < oldest->first_ms))
            oldest = &set->ways[i];
    return oldest;
}

static void note_change(struct refusals *refusals, uint32_t set) {
    if (refusals->change_count == refusals->change_capacity) {
        refusals->change_capacity = refusals->change_capacity == 0 ? 16 : refusals->change_capacity * 2;
        refusals->changes = mem_resize(refusals->changes, refusals->change_capacity * sizeof *refusals->changes);
    }
    refusals->changes[refusals->change_count++] = (struct refusal_change){set, refusals->sets[set]};
}

static struct refusals *refusals_of(struct ledger *ledger) {
    if (ledger->refusals == NULL)
        ledger->refusals = MEM_NEW(struct refusals);
    if (ledger->refusals->sets == NULL)
        ledger->refusals->sets = mem_zalloc(SETS * sizeof *ledger->refusals->sets);
    return ledger->refusals;
}

static bool counts(const struct ledger *ledger, const struct refusal *refusal, int64_t now_ms) {
    return refusal != NULL && refusal->first_ms >= now_ms - ledger->policy.retention_ms && refusal->first_ms <= now_ms;
}

static enum err note_key(struct ledger *ledger, uint64_t hash, struct refusal refusal, int64_t now_ms) {
    if (hash == 0)
        return ERR_NONE;
    struct refusals *refusals = refusals_of(ledger);
    uint32_t index = (uint32_t)(hash % SETS);
    struct refusal_set *set = &refusals->sets[index];
    struct refusal *known = find(set, hash);
    refusal.hash = hash;
    if (counts(ledger, known, now_ms) && known->first_ms < refusal.first_ms)
        refusal.first_ms = known->first_ms;
    if (known != NULL)
        refusal.is_lasting |= known->is_lasting;
    note_change(refusals, index);
    *(known != NULL ? known : oldest(set)) = refusal;
    if (refusal.is_lasting == 0)
        return ERR_NONE;
    char buffer[NAME_LEN];
    if (!refusals->is_marked)
        TRY(ledger->ops->put_meta(ledger->backend, MARKER, STR("1")));
    return ledger->ops->put_meta(ledger->backend, set_name(buffer, index), str_slice((const char *)set, sizeof *set));
}

enum err ledger_refused_note(struct ledger *ledger, const struct record *record, bool is_lasting, int64_t now_ms) {
    struct str header = identity_header(record->identity), body = identity_body(record->identity);
    const struct refusal refusal = {0, record->received_ms, is_lasting};
    TRY(note_key(ledger, key_hash(record, header, KEY_HEADER), refusal, now_ms));
    return note_key(ledger, key_hash(record, body, header.len > 0 ? KEY_BODY_BESIDE : KEY_BODY_ALONE), refusal, now_ms);
}

static void look_up(struct ledger *ledger, uint64_t hash, int64_t now_ms, int64_t *first_ms) {
    const struct refusal *found = hash == 0 ? NULL : find(&ledger->refusals->sets[hash % SETS], hash);
    if (counts(ledger, found, now_ms) && found->first_ms < *first_ms)
        *first_ms = found->first_ms;
}

bool ledger_refused_before(struct ledger *ledger, const struct record *record, int64_t now_ms, int64_t *first_ms) {
    struct str header = identity_header(record->identity), body = identity_body(record->identity);
    int64_t first = INT64_MAX;
    if (ledger->refusals == NULL || ledger->refusals->sets == NULL)
        return false;
    look_up(ledger, key_hash(record, header, KEY_HEADER), now_ms, &first);
    look_up(ledger, key_hash(record, body, KEY_BODY_ALONE), now_ms, &first);
    if (header.len == 0)
        look_up(ledger, key_hash(record, body, KEY_BODY_BESIDE), now_ms, &first);
    if (first == INT64_MAX)
        return false;
    *first_ms = first;
    return true;
}

static void read_set(struct refusal_set *set, struct str value) {
    memcpy(set, value.at, value.len);
    for (size_t i = 0; i < WAYS; i++)
        if (set->ways[i].is_lasting == 0)
            set->ways[i] = (struct refusal){0};
}

enum err ledger_refused_read(struct ledger *ledger) {
    struct str value;
    char buffer[NAME_LEN];
    enum err err = ledger->ops->get_meta(ledger->backend, ledger->scratch, MARKER, &value);
    if (err != ERR_NONE)
        return err == ERR_NOT_FOUND ? ERR_NONE : err;
    struct refusals *refusals = refusals_of(ledger);
    refusals->is_marked = true;
    for (uint32_t i = 0; i < SETS; i++) {
        arena_reset(ledger->scratch);
        err = ledger->ops->get_meta(ledger->backend, ledger->scratch, set_name(buffer, i), &value);
        if (err == ERR_NONE && value.len == sizeof *refusals->sets)
            read_set(&refusals->sets[i], value);
        else if (err != ERR_NONE && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

void ledger_refused_begin(struct ledger *ledger) {
    if (ledger->refusals != NULL)
        ledger->refusals->change_count = 0;
}

void ledger_refused_undo(struct ledger *ledger) {
    struct refusals *refusals = ledger->refusals;
    while (refusals != NULL && refusals->change_count > 0) {
        const struct refusal_change *change = &refusals->changes[--refusals->change_count];
        refusals->sets[change->set] = change->before;
    }
}

void ledger_refused_free(struct ledger *ledger) {
    if (ledger->refusals == NULL)
        return;
    mem_free(ledger->refusals->sets);
    mem_free(ledger->refusals->changes);
    mem_free(ledger->refusals);
}
