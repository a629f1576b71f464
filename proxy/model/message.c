#include "proxy/model/message.h"

#include <xxhash.h>

static const char *const generation_names[] = {"unknown", "rule", "event"};
static const char *const endpoint_names[] = {"legacy", "new"};
static const char *const state_names[] = {"pending", "held", "parked", "delivered", "suppressed", "dead", "expired"};

const char *generation_name(enum generation generation) {
    return generation_names[generation];
}

const char *endpoint_name(enum endpoint endpoint) {
    return endpoint_names[endpoint];
}

const char *state_name(enum state state) {
    return state_names[state];
}

static bool name_index(struct str name, const char *const *names, size_t count, size_t *index) {
    for (*index = 0; *index < count; ++*index)
        if (str_eq(name, str_of(names[*index])))
            return true;
    return false;
}

bool generation_parse(struct str name, enum generation *generation) {
    size_t index;
    bool found = name_index(name, generation_names, ARRAY_LEN(generation_names), &index);
    if (found)
        *generation = (enum generation)index;
    return found;
}

bool endpoint_parse(struct str name, enum endpoint *endpoint) {
    size_t index;
    bool found = name_index(name, endpoint_names, ARRAY_LEN(endpoint_names), &index);
    if (found)
        *endpoint = (enum endpoint)index;
    return found;
}

bool state_parse(struct str name, enum state *state) {
    size_t index;
    bool found = name_index(name, state_names, ARRAY_LEN(state_names), &index);
    if (found)
        *state = (enum state)index;
    return found;
}

enum endpoint endpoint_other(enum endpoint endpoint) {
    return endpoint == ENDPOINT_LEGACY ? ENDPOINT_NEW : ENDPOINT_LEGACY;
}

bool state_is_handled(enum state state) {
    return state == STATE_PENDING || state == STATE_DELIVERED;
}

bool state_is_final(enum state state) {
    return state != STATE_PENDING && state != STATE_HELD && state != STATE_PARKED;
}

static struct str strip(struct str text, struct str before, struct str after) {
    if (text.len >= before.len + after.len && str_eq_nocase(str_slice(text.at, before.len), before) &&
        str_ends_with(text, after))
        return str_slice(text.at + before.len, text.len - before.len - after.len);
    return text;
}

static bool is_made_of(struct str text, const char *characters) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\0' || strchr(characters, text.at[i]) == NULL)
            return false;
    return true;
}

bool id_is_placeholder(struct str id) {
    static const struct str words[] = {{"null", 4}, {"nil", 3}, {"none", 4}, {"undefined", 9}};
    enum { UUID_LEN = 36, UUID_DIGITS = 32 };
    if (id.len > 0 && id.len < UUID_LEN * 2 && id.at[0] > '1' && id.at[0] <= '9')
        return false; /* as most ids: cheap */
    struct str text = str_trim(id);
    text = strip(text, STR("urn:uuid:"), STR(""));
    text = str_trim(strip(strip(text, STR("{"), STR("}")), STR("("), STR(")")));
    if (is_made_of(text, "0-") || ((text.len == UUID_LEN || text.len == UUID_DIGITS) && is_made_of(text, "fF-")))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(text, words[i]))
            return true;
    return false;
}

struct str fact_match_name(enum fact_match match) {
    static const struct str names[] = {[MATCH_EXACT] = {"exact", 5},
                                       [MATCH_WINDOW] = {"window", 6},
                                       [MATCH_HINT] = {"hint", 4},
                                       [MATCH_WITHIN] = {"within", 6}};
    return names[match];
}

struct str message_identity(struct arena *arena, const struct message *message) {
    bool has_header = !id_is_placeholder(message->webhook_id);
    /* Not by a format: an id in a body may hold a NUL, and what stands behind it tells two apart, too. */
    if (message->generation == GENERATION_UNKNOWN || id_is_placeholder(message->body_id))
        return has_header ? ARENA_JOIN(arena, STR("h:"), message->webhook_id) : STR_NONE;
    struct str body_id = arena_lower(arena, message->body_id);
    if (!has_header)
        return ARENA_JOIN(arena, STR("b:"), body_id);
    return ARENA_JOIN(arena, STR("h:"), message->webhook_id, STR("\nb:"), body_id);
}

/* No header holds a line feed, so the first one ends it. */
static size_t header_len(struct str identity) {
    ptrdiff_t end = str_find(identity, STR("\nb:"));
    return !str_starts_with(identity, STR("h:")) ? 0 : end < 0 ? identity.len : (size_t)end;
}

struct str identity_header(struct str identity) {
    size_t len = header_len(identity);
    return len == 0 ? STR_NONE : str_slice(identity.at, len);
}

struct str identity_body(struct str identity) {
    size_t len = header_len(identity);
    if (len == identity.len)
        return STR_NONE;
    return len == 0 ? identity : str_from(identity, len + 1);
}

struct str identity_key(struct str identity) {
    struct str header = identity_header(identity);
    return header.len > 0 ? header : identity_body(identity);
}

/* A different seed for every use and generation, so that the numbers of one never stand for another. */
enum hash_use { USE_FACT = 0x100, USE_IDENTITY = 0x200, USE_GROUP = 0x300 };

static uint64_t lower_hash(struct str text, uint64_t seed) {
    char lower[FACT_KEY_MAX]; /* a longer text is hashed in pieces, each seeded by the one before */
    do {
        size_t len = text.len < sizeof lower ? text.len : sizeof lower;
        str_lower_into(lower, str_slice(text.at, len));
        seed = XXH3_64bits_withSeed(lower, len, seed);
        text = str_from(text, len);
    } while (text.len > 0);
    return seed;
}

uint64_t fact_hash(enum generation generation, struct str key) {
    return lower_hash(key, (uint64_t)USE_FACT + (uint64_t)generation);
}

uint64_t identity_hash(enum generation generation, struct str identity) {
    return XXH3_64bits_withSeed(identity.at, identity.len, (uint64_t)USE_IDENTITY + (uint64_t)generation);
}

uint64_t rule_group(struct str rule_type, struct str rule_id) {
    return lower_hash(rule_id, lower_hash(rule_type, USE_GROUP));
}

static const char base32[] = "0123456789abcdefghjkmnpqrstvwxyz";
enum { ID_LEN = 13 };

struct str message_id_format(struct arena *arena, uint64_t id) {
    char text[ID_LEN];
    for (int i = ID_LEN - 1; i >= 0; i--, id >>= 5)
        text[i] = base32[id & 31];
    return arena_str(arena, str_slice(text, ID_LEN));
}

bool message_id_parse(struct str text, uint64_t *id) {
    uint64_t sum = 0;
    if (text.len != ID_LEN)
        return false;
    for (size_t i = 0; i < ID_LEN; i++) {
        const char *digit = text.at[i] == '\0' ? NULL : strchr(base32, text.at[i]);
        if (digit == NULL || (i == 0 && digit - base32 > 15))
            return false;
        sum = sum << 5 | (uint64_t)(digit - base32);
    }
    *id = sum;
    return true;
}
