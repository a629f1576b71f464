/* Many small trees, because what a lookup costs is the cache misses on its way down. A rollback cuts what its group
 * has added, and shows again what that has hidden. */
#include "proxy/store/sqlite_recent.h"

#include "common/mem.h"

enum { SHARD_BITS = 12, SHARDS = 1 << SHARD_BITS, CHUNK = 1024 };

static int compare(const struct tree_node *a, const struct tree_node *b) {
    const struct recent_node *x = (const struct recent_node *)(const void *)a;
    const struct recent_node *y = (const struct recent_node *)(const void *)b;
    return entry_compare(&x->entry, &y->entry);
}

_Static_assert(offsetof(struct recent_node, node) == 0, "a node of the tree is the beginning of ours");

static struct tree *shard_of(const struct recent *recent, uint64_t hash) {
    return &recent->shards[hash >> (64 - SHARD_BITS)];
}

static struct recent_node *node_at(const struct recent *recent, size_t place) {
    return &recent->chunks[place / CHUNK][place % CHUNK];
}

void recent_init(struct recent *recent) {
    *recent = (struct recent){.shards = MEM_ARRAY(SHARDS, struct tree)};
    for (size_t i = 0; i < SHARDS; i++)
        tree_init(&recent->shards[i], compare);
}

void recent_clear(struct recent *recent) {
    for (size_t i = 0; i < recent->chunk_count; i++)
        mem_free(recent->chunks[i]);
    mem_free((void *)recent->chunks);
    mem_free(recent->shards);
    *recent = (struct recent){0};
}

static struct recent_node *next_node(struct recent *recent) {
    if (recent->count == recent->chunk_count * CHUNK) {
        recent->chunks = mem_resize((void *)recent->chunks, (recent->chunk_count + 1) * sizeof *recent->chunks);
        recent->chunks[recent->chunk_count++] = MEM_ARRAY(CHUNK, struct recent_node);
    }
    struct recent_node *node = node_at(recent, recent->count++);
    *node = (struct recent_node){0};
    return node;
}

void recent_add(struct recent *recent, const struct entry *entry) {
    struct recent_node *node = next_node(recent);
    struct tree *shard = shard_of(recent, entry->hash);
    node->entry = *entry;
    struct tree_node *there = tree_insert(shard, &node->node);
    if (there == NULL)
        return;
    node->hidden = CONTAINER_OF(there, struct recent_node, node);
    tree_remove(shard, there);
    (void)!tree_insert(shard, &node->node); /* its key is free now */
}

void recent_cut(struct recent *recent, size_t count) {
    while (recent->count > count) {
        struct recent_node *node = node_at(recent, --recent->count);
        struct tree *shard = shard_of(recent, node->entry.hash);
        tree_remove(shard, &node->node);
        if (node->hidden != NULL)
            (void)!tree_insert(shard, &node->hidden->node);
    }
}

const struct recent_node *recent_find(const struct recent *recent, const struct entry *first) {
    const struct recent_node key = {.entry = *first};
    const struct tree_node *found = tree_at_least(shard_of(recent, first->hash), &key.node);
    const struct recent_node *node = (const struct recent_node *)(const void *)found;
    return node != NULL && node->entry.hash == first->hash ? node : NULL;
}

const struct recent_node *recent_next(const struct recent_node *node) {
    const struct recent_node *next = (const struct recent_node *)(const void *)tree_next(&node->node);
    return next != NULL && next->entry.hash == node->entry.hash ? next : NULL;
}

struct entry *recent_sorted(const struct recent *recent, size_t *count) {
    struct entry *sorted = mem_alloc((recent->count + 1) * sizeof *sorted);
    *count = 0;
    for (size_t i = 0; i < SHARDS; i++)
        for (const struct tree_node *node = tree_first(&recent->shards[i]); node != NULL; node = tree_next(node))
            sorted[(*count)++] = ((const struct recent_node *)(const void *)node)->entry;
    return sorted;
}

struct entry *recent_since(const struct recent *recent, size_t from) {
    struct entry *entries = mem_alloc((recent->count - from + 1) * sizeof *entries);
    for (size_t i = from; i < recent->count; i++)
        entries[i - from] = node_at(recent, i)->entry;
    return entries;
}
