/* Which facts an id may stand in: "what became of push 5f3c…" is answered by the keys that hold this id. */
#ifndef PROXY_DECIDE_CATALOG_KEYS_H
#define PROXY_DECIDE_CATALOG_KEYS_H

#include "proxy/decide/catalog.h"

/* All keys of exact facts that have `id` in the place of what is read from a message, each once; in the arena. */
void catalog_keys_of(const struct catalog *catalog, struct arena *arena, struct str id, const struct str **keys,
                     size_t *count);

#endif
