#include "proxy/store/sqlite_rows.h"

#include "proxy/store/sqlite_taken.h"

#include <xxhash.h>

/* The numbers are in files: they mean the same for ever. */
_Static_assert(GENERATION_UNKNOWN == 0 && GENERATION_RULE == 1 && GENERATION_EVENT == 2, "generations are stored");
_Static_assert(ENDPOINT_LEGACY == 0 && ENDPOINT_NEW == 1 && ENDPOINT_COUNT == 2, "endpoints are stored");
_Static_assert(STATE_PENDING == 0 && STATE_HELD == 1 && STATE_PARKED == 2 && STATE_DELIVERED == 3 &&
                   STATE_SUPPRESSED == 4 && STATE_DEAD == 5 && STATE_EXPIRED == 6 && STATE_COUNT == 7,
               "states are stored");
_Static_assert((int)STATE_TAKEN == (int)STATE_COUNT, "and this one beside them");

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

/* In files as it is in memory, and before the texts. */
struct fixed_head {
    int64_t received_ms, time_ms;
    uint64_t identity_hash, group;
    uint32_t item_count;
    uint8_t generation, unused[3];
};

_Static_assert(sizeof(struct fixed_head) == 40, "what is fixed of messages is stored");

enum { TEXT_COUNT = 11, LEN_BYTES_MAX = 5 };

/* In the order in which they are stored. */
static void list_texts(struct record *record, struct str *texts[TEXT_COUNT]) {
    struct str *all[TEXT_COUNT] = {&record->identity,     &record->type,      &record->counterpart, &record->company,
                                   &record->connection,   &record->data_type, &record->rule_id,     &record->target,
                                   &record->trace_parent, &record->facts,     &record->admission};
    memcpy((void *)texts, (const void *)all, sizeof all);
}

/* In sevens of bits, the lowest first, the upper bit of a byte saying that there is more. */
static char *put_number(char *at, uint32_t number) {
    for (; number >= 0x80; number >>= 7)
        *at++ = (char)(number | 0x80);
    *at++ = (char)number;
    return at;
}

static bool take_number(struct str *rest, uint32_t *number) {
    *number = 0;
    for (size_t i = 0; i < rest->len && i < LEN_BYTES_MAX; i++) {
        uint32_t byte = (unsigned char)rest->at[i];
        *number |= (byte & 0x7F) << (7 * i);
        if ((byte & 0x80) != 0)
            continue;
        *rest = str_from(*rest, i + 1);
        return true;
    }
    return false;
}

/* Each text as its length and one, and itself; an absent one as 0. */
void row_encode(const struct record *record, struct strbuf *fixed) {
    struct record copy = *record;
    struct str *texts[TEXT_COUNT];
    const struct fixed_head head = {record->received_ms,
                                    record->time_ms,
                                    record->identity_hash,
                                    record->group,
                                    record->item_count,
                                    (uint8_t)record->generation,
                                    {0}};
    size_t most = sizeof head;
    list_texts(&copy, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        most += LEN_BYTES_MAX + texts[i]->len;
    fixed->len = 0;
    strbuf_reserve(fixed, most);
    memcpy(fixed->at, &head, sizeof head);
    char *at = fixed->at + sizeof head;
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        at = put_number(at, texts[i]->at == NULL ? 0 : (uint32_t)texts[i]->len + 1);
        if (texts[i]->len > 0)
            memcpy(at, texts[i]->at, texts[i]->len);
        at += texts[i]->len;
    }
    fixed->len = (size_t)(at - fixed->at);
}

static bool take_text(struct str *rest, struct str *text) {
    uint32_t len;
    if (!take_number(rest, &len) || (len > 0 && len - 1 > rest->len))
        return false;
    *text = len == 0 ? STR_NONE : str_slice(rest->at, len - 1);
    *rest = str_from(*rest, text->len);
    return true;
}

static bool is_time(int64_t ms) {
    const int64_t furthest = (int64_t)1 << 53;
    return ms >= -furthest && ms <= furthest;
}

const char *row_decode(struct str fixed, struct record *record) {
    struct fixed_head head;
    struct str *texts[TEXT_COUNT], rest = str_from(fixed, sizeof head);
    if (fixed.len < sizeof head)
        return "it is cut short";
    memcpy(&head, fixed.at, sizeof head);
    if (!is_time(head.received_ms) || !is_time(head.time_ms))
        return "a time that cannot be";
    if (head.generation > GENERATION_EVENT || head.item_count > ITEM_MAX)
        return "it is of no known kind";
    record->generation = (enum generation)head.generation;
    record->received_ms = head.received_ms;
    record->time_ms = head.time_ms;
    record->item_count = head.item_count;
    record->identity_hash = head.identity_hash;
    record->group = head.group;
    list_texts(record, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        if (!take_text(&rest, texts[i]))
            return "it is cut short";
    return rest.len > 0 ? "there is something behind it" : NULL;
}

static void bind_changing(struct query *query, const struct record *record) {
    query_i64(query, record->due_ms);
    query_i64(query, record->changed_ms);
    query_i64(query, record->attempts);
    query_i64(query, record->tries);
    query_i64(query, record->marks);
    query_blob(query, record->trimmed);
}

void row_bind_insert(struct query *query, const struct record *record, struct str fixed) {
    bool is_taken = record->is_taken && record->state == STATE_PENDING;
    query_u64(query, record->id);
    query_i64(query, is_taken ? STATE_TAKEN : (int64_t)record->state);
    bind_changing(query, record);
    query_or_null(query, row_queue(record->endpoint, record->state), !is_taken && !state_is_final(record->state));
    query_i64(query, record->endpoint);
    query_blob(query, fixed);
}

void row_bind_update(struct query *query, const struct record *record) {
    query_i64(query, record->state);
    bind_changing(query, record);
    query_u64(query, record->id);
}

/* A number below `count`, or what the file says is nothing that could have been written. */
static bool take_enum(struct query *query, int count, int *value) {
    int64_t number = query_take_i64(query);
    *value = (int)number;
    return number >= 0 && number < count;
}

enum err row_peek(struct query *query, struct record *record, struct str *fixed) {
    struct record read = {.id = query_take_u64(query)};
    int state, endpoint;
    bool valid = take_enum(query, STATE_TAKEN + 1, &state);
    read.due_ms = query_take_ms(query);
    read.changed_ms = query_take_ms(query);
    read.attempts = (uint32_t)query_take_i64(query);
    read.tries = (uint32_t)query_take_i64(query);
    read.marks = (uint32_t)query_take_i64(query);
    read.trimmed = query_peek_text(query);
    valid = take_enum(query, ENDPOINT_COUNT, &endpoint) && valid;
    struct str found = query_peek_text(query);
    const char *wrong = row_decode(found, &read);
    if (!valid)
        wrong = "it is in no known state";
    if (query->damage != NULL)
        wrong = query->damage;
    if (wrong != NULL) {
        query->damage = NULL; /* of this row, and told */
        return err_set(&query->db->backend.detail, ERR_DAMAGED, "store %s: message %llu is damaged: %s",
                       query->db->path, (unsigned long long)read.id, wrong);
    }
    read.state = state == STATE_TAKEN ? STATE_PENDING : (enum state)state;
    read.endpoint = (enum endpoint)endpoint;
    *record = read;
    *fixed = found;
    return ERR_NONE;
}

void row_keep(struct arena *arena, struct record *record, struct str fixed) {
    const char *copy = arena_str(arena, fixed).at;
    struct str *texts[TEXT_COUNT];
    record->trimmed = arena_str(arena, record->trimmed);
    list_texts(record, texts);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        if (texts[i]->at != NULL)
            texts[i]->at = copy + (texts[i]->at - fixed.at);
}
