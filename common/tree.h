/* An ordered set of nodes that live inside the caller's objects.
 *
 * The tree allocates nothing and owns nothing: a node must stay where it is, and keep its key, while it is in a tree.
 * One object may be in several trees by having several nodes. Not shared between threads. */
#ifndef COMMON_TREE_H
#define COMMON_TREE_H

#include "common/base.h"

struct tree_node {
    struct tree_node *parent, *left, *right;
    uint32_t priority;
    bool linked; /* it is in a tree */
};

/* Negative, 0 or positive, as a's key sorts before, with or after b's. */
typedef int tree_compare(const struct tree_node *a, const struct tree_node *b);

struct tree {
    tree_compare *compare;
    struct tree_node *root, *last;
    uint32_t random;
};

void tree_init(struct tree *tree, tree_compare *compare);
/* The tree of which only the root was kept, where there are very many small ones; NULL: of no node. Afterwards its
 * root, and `random` for the next one, are to be kept again. */
struct tree tree_of(tree_compare *compare, struct tree_node *root, uint32_t random);

/* NULL, or the node with that key that is there already: then nothing was done. */
struct tree_node *tree_insert(struct tree *tree, struct tree_node *node) MUST_USE;
void tree_remove(struct tree *tree, struct tree_node *node);

/* `key` is a node that is in no tree, in an object that has its key set. NULL where there is none. */
struct tree_node *tree_find(const struct tree *tree, const struct tree_node *key);
struct tree_node *tree_at_least(const struct tree *tree, const struct tree_node *key); /* first not before it */
struct tree_node *tree_below(const struct tree *tree, const struct tree_node *key);    /* last before it */

struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);

static inline int tree_order_u64(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static inline int tree_order_i64(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

#endif
