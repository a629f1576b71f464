/* Messages that were written or read lately, as they are in the transaction under way: nearly every message is looked
 * at again within seconds, when its attempt is settled or its twin comes.
 *
 * A number of places, each for one message; who comes later takes the place. */
#ifndef PROXY_STORE_SQLITE_CACHE_H
#define PROXY_STORE_SQLITE_CACHE_H

#include "common/arena.h"
#include "proxy/store/backend.h"

struct cache {
    struct cached *places;
};

void cache_init(struct cache *cache);
void cache_clear(struct cache *cache); /* frees */

/* `fixed`: what row_encode() made of the record. */
void cache_put(struct cache *cache, const struct record *record, struct str fixed);
/* The part of the record above its line; nothing where it is not there. */
void cache_update(struct cache *cache, const struct record *record);
void cache_drop(struct cache *cache, uint64_t id);
void cache_drop_all(struct cache *cache); /* to be called when a transaction was undone */
bool cache_find(const struct cache *cache, struct arena *arena, uint64_t id, struct record *record) MUST_USE;

#endif
