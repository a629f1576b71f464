/* The entries of the index that are not in a run yet, in memory: in order, and in the order in which they came. */
#ifndef PROXY_STORE_SQLITE_RECENT_H
#define PROXY_STORE_SQLITE_RECENT_H

#include "common/tree.h"
#include "proxy/store/sqlite_entry.h"

struct recent_node {
    struct tree_node node;
    struct entry entry;
    struct recent_node *hidden; /* the one of the same key that was there before */
};

struct recent {
    struct tree *shards;         /* by the upper bits of the hash, so that one behind the other they are in order */
    struct recent_node **chunks; /* nodes stay where they are */
    size_t count, chunk_count;
};

void recent_init(struct recent *recent);
void recent_clear(struct recent *recent); /* frees */

void recent_add(struct recent *recent, const struct entry *entry); /* hides what has the same key */
void recent_cut(struct recent *recent, size_t count);              /* drops the newest, all but `count` */

/* The first entry of that hash that is not before `first`, and the next one of the same hash; NULL: none. */
const struct recent_node *recent_find(const struct recent *recent, const struct entry *first);
const struct recent_node *recent_next(const struct recent_node *node);

/* All in order, each key once; on the heap. */
struct entry *recent_sorted(const struct recent *recent, size_t *count) MUST_USE;
/* Those that came from the place `from` on, in the order in which they came; on the heap. */
struct entry *recent_since(const struct recent *recent, size_t from) MUST_USE;

#endif
