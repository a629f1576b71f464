/* Bodies of the corpus with fresh ids: each is read once, and later only its ids and its date are written anew. */
#ifndef BENCH_BODIES_H
#define BENCH_BODIES_H

#include "common/arena.h"
#include "common/err.h"

enum { UUID_LEN = 36, DATE_LEN = 24, BODY_IDS_MAX = 64 };

/* Ids that stand for each other in the bodies of one pair: the same text of the corpus becomes the same fresh id. */
struct body_ids {
    struct str seen[BODY_IDS_MAX]; /* as in the corpus, lower case */
    size_t count;
};

/* A place in a body where something else is written each time. */
struct body_slot {
    uint32_t offset;
    int32_t id; /* index in body_ids; SLOT_DATE: the date */
    bool is_upper;
};

enum { SLOT_DATE = -1 };

struct body {
    struct str text; /* as in the corpus, but for the date, which is of DATE_LEN now, and the padding */
    struct body_slot *slots;
    size_t slot_count;
};

/* Prepares a body of the corpus. `date` is the byte range of its date's value without quotation marks, empty where it
 * has none; ids equal to `kept` stay. ERR_LIMIT: more ids than BODY_IDS_MAX. A body shorter than `min_len` gets one
 * more member that makes it as long. */
enum err body_prepare(struct arena *arena, struct str text, struct str date, struct str kept, size_t min_len,
                      struct body_ids *ids, struct body *body) MUST_USE;

/* Writes the body with the ids of occurrence `number` to `to`, which has room for text.len bytes. */
void body_write(const struct body *body, uint64_t seed, uint64_t number, const char date[DATE_LEN], char *to);

/* Random-looking, and always the same for the same two numbers. */
uint64_t mix(uint64_t a, uint64_t b);
/* 2 * sizeof(number) digits, lower case. */
void write_hex(uint64_t number, char *to);

#endif
