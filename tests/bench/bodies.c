#include "tests/bench/bodies.h"

#include <ctype.h>

static bool is_uuid(const char *at, size_t len) {
    if (len < UUID_LEN)
        return false;
    for (int i = 0; i < UUID_LEN; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? at[i] != '-' : !isxdigit((unsigned char)at[i]))
            return false;
    }
    return true;
}

static bool has_upper(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (isupper((unsigned char)text.at[i]))
            return true;
    return false;
}

/* The index of an id, a new one where it was not seen before; -1 where there is no room. */
static int32_t id_index(struct arena *arena, struct body_ids *ids, struct str id) {
    for (size_t i = 0; i < ids->count; i++)
        if (str_eq_nocase(ids->seen[i], id))
            return (int32_t)i;
    if (ids->count == BODY_IDS_MAX)
        return -1;
    ids->seen[ids->count] = arena_lower(arena, id);
    return (int32_t)ids->count++;
}

/* `text` with a date of DATE_LEN in place of `date`. */
static struct str with_long_date(struct arena *arena, struct str text, struct str date) {
    if (date.len == 0)
        return text;
    size_t before = (size_t)(date.at - text.at);
    struct str after = str_from(text, before + date.len);
    return arena_printf(arena, STR_FMT "%*s" STR_FMT, (int)before, text.at, DATE_LEN, "", STR_ARG(after));
}

static struct str padded(struct arena *arena, struct str text, size_t min_len) {
    const struct str before = STR("{\"padding\":\""), after = STR("\",");
    ptrdiff_t brace = str_find(text, STR("{"));
    if (text.len >= min_len || brace < 0)
        return text;
    size_t more = min_len - text.len, overhead = before.len + after.len;
    size_t fill = more > overhead ? more - overhead : 0;
    char *filling = arena_alloc(arena, fill + 1);
    memset(filling, 'x', fill);
    struct str rest = str_from(text, (size_t)brace + 1);
    return arena_printf(arena, STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(before), (int)fill, filling, STR_ARG(after),
                        STR_ARG(rest));
}

static size_t count_ids(struct str text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        if (is_uuid(text.at + i, text.len - i))
            count++;
    return count;
}

enum err body_prepare(struct arena *arena, struct str text, struct str date, struct str kept, size_t min_len,
                      struct body_ids *ids, struct body *body) {
    size_t date_at = date.len > 0 ? (size_t)(date.at - text.at) : 0;
    text = with_long_date(arena, text, date);
    size_t dated_len = text.len;
    text = padded(arena, text, min_len);
    size_t shift = text.len - dated_len; /* padding stands in front of everything */
    struct body_slot *slots = ARENA_ARRAY(arena, count_ids(text) + 1, struct body_slot);
    size_t count = 0;
    if (date.len > 0)
        slots[count++] = (struct body_slot){.offset = (uint32_t)(date_at + shift), .id = SLOT_DATE};
    for (size_t i = 0; i + UUID_LEN <= text.len; i++) {
        struct str id = str_slice(text.at + i, UUID_LEN);
        if (!is_uuid(id.at, id.len))
            continue;
        i += UUID_LEN - 1;
        if (str_eq_nocase(id, kept))
            continue;
        int32_t index = id_index(arena, ids, id);
        if (index < 0)
            return ERR_LIMIT;
        slots[count++] = (struct body_slot){(uint32_t)(id.at - text.at), index, has_upper(id)};
    }
    *body = (struct body){text, slots, count};
    return ERR_NONE;
}

/* splitmix64 by Sebastiano Vigna (https://prng.di.unimi.it/splitmix64.c, public domain), seeded with both. */
uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t z = a + (b + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void write_digits(uint64_t number, const char *digits, char *to) {
    for (int i = 0; i < 16; i++)
        to[i] = digits[(number >> (60 - 4 * i)) & 15];
}

void write_hex(uint64_t number, char *to) {
    write_digits(number, "0123456789abcdef", to);
}

static void write_uuid(uint64_t key, bool is_upper, char *to) {
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char hex[32];
    write_digits(mix(key, 0), digits, hex);
    write_digits(mix(key, 1), digits, hex + 16);
    static const struct {
        int from, to, len;
    } groups[] = {{0, 0, 8}, {8, 9, 4}, {12, 14, 4}, {16, 19, 4}, {20, 24, 12}};
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        memcpy(to + groups[i].to, hex + groups[i].from, (size_t)groups[i].len);
    to[8] = to[13] = to[18] = to[23] = '-';
}

void body_write(const struct body *body, uint64_t seed, uint64_t number, const char date[DATE_LEN], char *to) {
    memcpy(to, body->text.at, body->text.len);
    for (size_t i = 0; i < body->slot_count; i++) {
        const struct body_slot *slot = &body->slots[i];
        if (slot->id == SLOT_DATE)
            memcpy(to + slot->offset, date, DATE_LEN);
        else
            write_uuid(mix(mix(seed, number), (uint64_t)slot->id), slot->is_upper, to + slot->offset);
    }
}
