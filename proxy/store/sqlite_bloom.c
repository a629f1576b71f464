#include "proxy/store/sqlite_bloom.h"

#include "common/mem.h"

enum { BITS_EACH = 10, BLOCK_BITS = BLOOM_BLOCK_WORDS * 64, PROBES = 6, PROBE_BITS = 9 };

_Static_assert(1 << PROBE_BITS == BLOCK_BITS, "a probe chooses one bit of a block");

void bloom_init(struct bloom *bloom, size_t hashes) {
    bloom->blocks = hashes * BITS_EACH / BLOCK_BITS + 1;
    bloom->words = MEM_ARRAY(bloom->blocks * BLOOM_BLOCK_WORDS, uint64_t);
}

void bloom_clear(struct bloom *bloom) {
    mem_free(bloom->words);
    *bloom = (struct bloom){0};
}

/* By the upper bits, so that what is sorted is added from one end to the other. */
static uint64_t *block_of(const struct bloom *bloom, uint64_t hash) {
    size_t block = (size_t)(((unsigned __int128)hash * bloom->blocks) >> 64);
    return &bloom->words[block * BLOOM_BLOCK_WORDS];
}

static uint64_t mix(uint64_t hash) {
    hash = (hash ^ (hash >> 32)) * 0x9E3779B97F4A7C15U;
    return hash ^ (hash >> 29);
}

void bloom_add(struct bloom *bloom, uint64_t hash) {
    uint64_t *block = block_of(bloom, hash), bits = mix(hash);
    for (int i = 0; i < PROBES; i++, bits >>= PROBE_BITS)
        block[bits % BLOCK_BITS / 64] |= (uint64_t)1 << bits % 64;
}

bool bloom_may_have(const struct bloom *bloom, uint64_t hash) {
    const uint64_t *block = block_of(bloom, hash);
    uint64_t bits = mix(hash);
    for (int i = 0; i < PROBES; i++, bits >>= PROBE_BITS)
        if ((block[bits % BLOCK_BITS / 64] >> bits % 64 & 1U) == 0)
            return false;
    return true;
}
