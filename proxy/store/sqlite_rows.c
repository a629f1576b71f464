#include "proxy/store/sqlite_rows.h"

#include <xxhash.h>

/* The numbers are in files: they mean the same for ever. */
_Static_assert(GENERATION_UNKNOWN == 0 && GENERATION_RULE == 1 && GENERATION_EVENT == 2, "generations are stored");
_Static_assert(ENDPOINT_LEGACY == 0 && ENDPOINT_NEW == 1 && ENDPOINT_COUNT == 2, "endpoints are stored");
_Static_assert(STATE_PENDING == 0 && STATE_HELD == 1 && STATE_PARKED == 2 && STATE_DELIVERED == 3 &&
                   STATE_SUPPRESSED == 4 && STATE_DEAD == 5 && STATE_EXPIRED == 6 && STATE_COUNT == 7,
               "states are stored");

/* SQL_UPDATE_MESSAGE does the same, with the endpoint that is stored. */
int64_t row_queue(enum endpoint endpoint, enum state state) {
    return (int64_t)endpoint * 8 + (int64_t)state;
}

/* In files, too. Keys of one kind shall not stand for another, nor for a fact. */
enum key_kind { KEY_IDENTITY = 0x1001, KEY_TYPE = 0x1002, KEY_COMPANY = 0x1003, KEY_GENERATION = 0x1004 };

uint64_t row_identity_key(uint64_t identity_hash) {
    return XXH3_64bits_withSeed(&identity_hash, sizeof identity_hash, KEY_IDENTITY);
}

uint64_t row_type_key(struct str type) {
    return XXH3_64bits_withSeed(type.at, type.len, KEY_TYPE);
}

/* In pieces, because the letters of an id of any length are folded for it. */
uint64_t row_company_key(struct str company) {
    uint64_t key = KEY_COMPANY;
    char piece[64];
    for (size_t at = 0; at < company.len || at == 0; at += sizeof piece) {
        size_t len = company.len - at < sizeof piece ? company.len - at : sizeof piece;
        for (size_t i = 0; i < len; i++) {
            char c = company.at[at + i];
            piece[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        }
        key = XXH3_64bits_withSeed(piece, len, key);
    }
    return key;
}

uint64_t row_generation_key(enum generation generation) {
    const unsigned char number = (unsigned char)generation;
    return XXH3_64bits_withSeed(&number, sizeof number, KEY_GENERATION);
}

size_t row_keys(enum generation generation, uint64_t identity_hash, struct str type, struct str company,
                uint64_t keys[ROW_KEYS]) {
    size_t count = 0;
    keys[count++] = row_generation_key(generation);
    if (identity_hash != 0)
        keys[count++] = row_identity_key(identity_hash);
    if (type.at != NULL)
        keys[count++] = row_type_key(type);
    if (company.at != NULL)
        keys[count++] = row_company_key(company);
    return count;
}

static void bind_changing(struct query *query, const struct record *record) {
    query_i64(query, record->state);
    query_i64(query, record->due_ms);
    query_i64(query, record->changed_ms);
    query_i64(query, record->attempts);
    query_i64(query, record->tries);
    query_i64(query, record->marks);
    query_blob(query, record->trimmed);
}

void row_bind_insert(struct query *query, const struct record *record) {
    query_u64(query, record->id);
    bind_changing(query, record);
    query_or_null(query, row_queue(record->endpoint, record->state), !state_is_final(record->state));
    query_i64(query, record->generation);
    query_i64(query, record->endpoint);
    query_i64(query, record->received_ms);
    query_i64(query, record->time_ms);
    query_i64(query, record->item_count);
    query_or_null(query, (int64_t)record->identity_hash, record->identity_hash != 0);
    query_u64(query, record->group);
    const struct str *texts[] = {&record->identity,     &record->type,      &record->counterpart, &record->company,
                                 &record->connection,   &record->data_type, &record->rule_id,     &record->target,
                                 &record->trace_parent, &record->facts,     &record->admission};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        query_text(query, *texts[i]);
}

void row_bind_update(struct query *query, const struct record *record) {
    bind_changing(query, record);
    query_u64(query, record->id);
}

/* A number below `count`, or what the file says is nothing that could have been written. */
static bool take_enum(struct query *query, int count, int *value) {
    int64_t number = query_take_i64(query);
    *value = (int)number;
    return number >= 0 && number < count;
}

enum err row_read(struct query *query, struct arena *arena, struct record *record) {
    struct record read = {.id = query_take_u64(query)};
    int state, generation, endpoint;
    bool valid = take_enum(query, STATE_COUNT, &state);
    read.due_ms = query_take_ms(query);
    read.changed_ms = query_take_ms(query);
    read.attempts = (uint32_t)query_take_i64(query);
    read.tries = (uint32_t)query_take_i64(query);
    read.marks = (uint32_t)query_take_i64(query);
    read.trimmed = query_take_text(query, arena);
    valid = take_enum(query, GENERATION_EVENT + 1, &generation) && valid;
    valid = take_enum(query, ENDPOINT_COUNT, &endpoint) && valid;
    read.received_ms = query_take_ms(query);
    read.time_ms = query_take_ms(query);
    read.item_count = (uint32_t)query_take_i64(query);
    read.identity_hash = query_take_u64(query);
    read.group = query_take_u64(query);
    struct str *texts[] = {&read.identity,     &read.type,      &read.counterpart, &read.company,
                           &read.connection,   &read.data_type, &read.rule_id,     &read.target,
                           &read.trace_parent, &read.facts,     &read.admission};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        *texts[i] = query_take_text(query, arena);
    if (!valid || read.item_count > ITEM_MAX || query->damage != NULL) {
        const char *what = query->damage != NULL ? query->damage : "it is in no known state";
        query->damage = NULL; /* of this row, and told */
        return err_set(&query->db->backend.detail, ERR_DAMAGED, "store %s: message %llu is damaged: %s",
                       query->db->path, (unsigned long long)read.id, what);
    }
    read.state = (enum state)state;
    read.generation = (enum generation)generation;
    read.endpoint = (enum endpoint)endpoint;
    *record = read;
    return ERR_NONE;
}
