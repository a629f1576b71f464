/* Eight bytes of a text looked at as one number, for what is done to every byte of a message. Each function's result
 * has the high bit of a byte set where it is so. The first two may also say so of a byte behind one of which it is so:
 * they tell whether there is any. */
#ifndef COMMON_BYTES8_H
#define COMMON_BYTES8_H

#include "common/str.h"

#define BYTES8_EACH UINT64_C(0x0101010101010101)
#define BYTES8_HIGH UINT64_C(0x8080808080808080)

static inline uint64_t bytes8_load(const char *at) {
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Taking it away borrows. `limit` is at most 0x80. */
static inline uint64_t bytes8_below(uint64_t bytes, unsigned char limit) {
    return (bytes - BYTES8_EACH * limit) & ~bytes & BYTES8_HIGH;
}

static inline uint64_t bytes8_equal(uint64_t bytes, char c) {
    return bytes8_below(bytes ^ (BYTES8_EACH * (unsigned char)c), 1);
}

/* Exact for each byte. */
static inline uint64_t bytes8_upper(uint64_t bytes) {
    uint64_t seven = bytes & ~BYTES8_HIGH;
    uint64_t from_a = seven + BYTES8_EACH * (0x80 - 'A'), behind_z = seven + BYTES8_EACH * (0x80 - 'Z' - 1);
    return from_a & ~behind_z & ~bytes & BYTES8_HIGH;
}

/* Is `bad` nothing for all of a text of eight bytes or more? The last ones are looked at together with some before. */
static inline bool bytes8_none(struct str text, uint64_t (*bad)(uint64_t)) {
    for (size_t i = 0; i + 8 < text.len; i += 8)
        if (bad(bytes8_load(text.at + i)) != 0)
            return false;
    return bad(bytes8_load(text.at + text.len - 8)) == 0;
}

#endif
