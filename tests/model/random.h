/* Random numbers that are the same everywhere for a seed (splitmix64). */
#ifndef TESTS_MODEL_RANDOM_H
#define TESTS_MODEL_RANDOM_H

#include "common/base.h"

struct random {
    uint64_t state;
};

static inline uint64_t random_bits(struct random *random) {
    uint64_t z = (random->state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 to below - 1 */
static inline unsigned random_below(struct random *random, unsigned below) {
    return (unsigned)((random_bits(random) >> 32) * below >> 32);
}

static inline bool random_chance(struct random *random, unsigned percent) {
    return random_below(random, 100) < percent;
}

/* One of the values, each as likely. */
#define RANDOM_OF(random, array) ((array)[random_below((random), (unsigned)ARRAY_LEN(array))])

#endif
