/* MurmurHash3, the x86 variant with 32 bits, by Austin Appleby (public domain): the hash that flagd's `fractional`
 * assigns with, so that a rollout puts a company where every other flagd evaluator would put it. */
#ifndef PROXY_DECIDE_MURMUR3_H
#define PROXY_DECIDE_MURMUR3_H

#include "common/base.h"
#include "common/str.h"

uint32_t murmur3_32(struct str text, uint32_t seed);

/* The same over `a` followed by `b`, without joining them in memory. */
uint32_t murmur3_32_pair(struct str a, struct str b, uint32_t seed);

#endif
