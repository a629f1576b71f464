/* Fed byte by byte, so that a text in two pieces needs no copy: keys are some forty bytes long, and gathering four of
 * them costs less than joining the pieces would. */
#include "proxy/decide/murmur3.h"

struct murmur3 {
    uint32_t hash, word;
    size_t len;
};

static uint32_t rotate_left(uint32_t x, int bits) {
    return (x << bits) | (x >> (32 - bits));
}

static uint32_t scramble(uint32_t word) {
    return rotate_left(word * 0xCC9E2D51U, 15) * 0x1B873593U;
}

static void feed(struct murmur3 *state, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        state->word |= (uint32_t)(unsigned char)text.at[i] << (8 * (state->len & 3));
        state->len++;
        if ((state->len & 3) == 0) {
            state->hash = rotate_left(state->hash ^ scramble(state->word), 13) * 5 + 0xE6546B64U;
            state->word = 0;
        }
    }
}

static uint32_t finish(const struct murmur3 *state) {
    uint32_t hash = (state->hash ^ scramble(state->word)) ^ (uint32_t)state->len;
    hash = (hash ^ (hash >> 16)) * 0x85EBCA6BU;
    hash = (hash ^ (hash >> 13)) * 0xC2B2AE35U;
    return hash ^ (hash >> 16);
}

uint32_t murmur3_32_pair(struct str a, struct str b, uint32_t seed) {
    struct murmur3 state = {.hash = seed};
    feed(&state, a);
    feed(&state, b);
    return finish(&state);
}

uint32_t murmur3_32(struct str text, uint32_t seed) {
    return murmur3_32_pair(text, STR_NONE, seed);
}
