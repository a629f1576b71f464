/* Is a hash surely not in a run? A Bloom bloom in blocks of a cache line, so that a question costs one miss at most;
 * with 10 bits a hash, some two in a hundred questions are answered with a wrong "perhaps". */
#ifndef PROXY_STORE_SQLITE_BLOOM_H
#define PROXY_STORE_SQLITE_BLOOM_H

#include "common/base.h"

enum { BLOOM_BLOCK_WORDS = 8 };

struct bloom {
    uint64_t *words; /* on the heap */
    size_t blocks;   /* of BLOOM_BLOCK_WORDS each; at least one */
};

void bloom_init(struct bloom *bloom, size_t hashes); /* for up to so many */
void bloom_clear(struct bloom *bloom);               /* frees */
void bloom_add(struct bloom *bloom, uint64_t hash);
bool bloom_may_have(const struct bloom *bloom, uint64_t hash);

#endif
