/* A treap: a search tree by key that is a heap by a random priority, hence balanced in expectation whatever the order
 * of arrival. Of the balanced trees it has the shortest insertion and removal: rotate up, rotate down.
 *
 * Most of what comes sorts behind all that is there, and most questions are about what came last: the last node is
 * at hand, so that neither has to walk down through memory that was not used for long. */
#include "common/tree.h"

#include <assert.h>

void tree_init(struct tree *tree, tree_compare *compare) {
    *tree = (struct tree){.compare = compare, .random = 2463534242U};
}

static struct tree_node *leftmost(struct tree_node *node) {
    while (node != NULL && node->left != NULL)
        node = node->left;
    return node;
}

static struct tree_node *rightmost(struct tree_node *node) {
    while (node != NULL && node->right != NULL)
        node = node->right;
    return node;
}

struct tree tree_of(tree_compare *compare, struct tree_node *root, uint32_t random) {
    return (struct tree){.compare = compare, .root = root, .last = rightmost(root), .random = random};
}

static uint32_t next_random(struct tree *tree) { /* xorshift, Marsaglia 2003 */
    uint32_t x = tree->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return tree->random = x;
}

static struct tree_node **link_to(struct tree *tree, struct tree_node *node) {
    if (node->parent == NULL)
        return &tree->root;
    return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

/* The child takes its parent's place. */
static void rotate_up(struct tree *tree, struct tree_node *child) {
    struct tree_node *parent = child->parent, *moved;
    *link_to(tree, parent) = child;
    child->parent = parent->parent;
    if (parent->left == child) {
        moved = parent->left = child->right;
        child->right = parent;
    } else {
        moved = parent->right = child->left;
        child->left = parent;
    }
    parent->parent = child;
    if (moved != NULL)
        moved->parent = parent;
}

struct tree_node *tree_insert(struct tree *tree, struct tree_node *node) {
    assert(!node->linked);
    struct tree_node **link = &tree->root, *parent = NULL;
    bool is_last = tree->last == NULL || tree->compare(node, tree->last) > 0;
    if (is_last && tree->last != NULL) {
        parent = tree->last;
        link = &parent->right;
    }
    while (*link != NULL) {
        parent = *link;
        int order = tree->compare(node, parent);
        if (order == 0)
            return parent;
        link = order < 0 ? &parent->left : &parent->right;
    }
    *node = (struct tree_node){.parent = parent, .priority = next_random(tree), .linked = true};
    *link = node;
    tree->last = is_last ? node : tree->last;
    while (node->parent != NULL && node->parent->priority < node->priority)
        rotate_up(tree, node);
    return NULL;
}

void tree_remove(struct tree *tree, struct tree_node *node) {
    assert(node->linked);
    if (node == tree->last)
        tree->last = tree_prev(node);
    while (node->left != NULL && node->right != NULL)
        rotate_up(tree, node->left->priority > node->right->priority ? node->left : node->right);
    struct tree_node *child = node->left != NULL ? node->left : node->right;
    *link_to(tree, node) = child;
    if (child != NULL)
        child->parent = node->parent;
    node->linked = false;
}

struct tree_node *tree_find(const struct tree *tree, const struct tree_node *key) {
    struct tree_node *found = tree_at_least(tree, key);
    return found != NULL && tree->compare(key, found) == 0 ? found : NULL;
}

struct tree_node *tree_at_least(const struct tree *tree, const struct tree_node *key) {
    struct tree_node *best = NULL;
    if (tree->last == NULL || tree->compare(tree->last, key) < 0)
        return NULL;
    for (struct tree_node *node = tree->root; node != NULL;) {
        bool before = tree->compare(node, key) < 0;
        best = before ? best : node;
        node = before ? node->right : node->left;
    }
    return best;
}

struct tree_node *tree_below(const struct tree *tree, const struct tree_node *key) {
    struct tree_node *best = NULL;
    if (tree->last == NULL || tree->compare(tree->last, key) < 0)
        return tree->last;
    for (struct tree_node *node = tree->root; node != NULL;) {
        bool before = tree->compare(node, key) < 0;
        best = before ? node : best;
        node = before ? node->right : node->left;
    }
    return best;
}

struct tree_node *tree_first(const struct tree *tree) {
    return leftmost(tree->root);
}

struct tree_node *tree_last(const struct tree *tree) {
    return tree->last;
}

struct tree_node *tree_next(const struct tree_node *node) {
    if (node->right != NULL)
        return leftmost(node->right);
    while (node->parent != NULL && node->parent->right == node)
        node = node->parent;
    return node->parent;
}

struct tree_node *tree_prev(const struct tree_node *node) {
    if (node->left != NULL)
        return rightmost(node->left);
    while (node->parent != NULL && node->parent->left == node)
        node = node->parent;
    return node->parent;
}
