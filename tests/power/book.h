/* What the store must contain after each of its commits: a digest per message, and one of them all, which does not
 * depend on their order. */
#ifndef TESTS_POWER_BOOK_H
#define TESTS_POWER_BOOK_H

#include "proxy/store/ledger.h"

/* As of one commit. */
struct entry {
    uint64_t id;
    uint64_t digest; /* 0: no longer there */
    enum state state;
};

struct page { /* what one commit has changed */
    struct entry *entries;
    size_t count;
    uint64_t digest; /* of the whole store after it */
};

struct book {
    struct page *pages; /* by number of the commit; 0 is the empty store */
    size_t count, capacity;
    struct entry *latest; /* of every message that ever was, by id */
    size_t latest_count, latest_capacity;
};

void book_init(struct book *book);
void book_clear(struct book *book);

/* The messages `ids` may have changed by a commit that is through; reads them. Repetitions are fine. */
void book_write(struct book *book, struct ledger *ledger, const uint64_t *ids, size_t count);

/* What a store that was found contains: entries by id, in the arena. ERR_*: it cannot be read. */
enum err book_read(struct ledger *ledger, struct arena *arena, struct entry **entries, size_t *count,
                   uint64_t *digest) MUST_USE;
/* The commit between `first` and `last` whose digest that is; -1: none of them. */
int64_t book_find(const struct book *book, int64_t first, int64_t last, uint64_t digest);

struct difference {
    size_t lost;    /* messages that should be there and are not */
    size_t doubled; /* that were delivered, and are to be delivered again */
    size_t other;
};
/* How what was found differs from what should be there after the commit; tells the first ones on standard error. */
struct difference book_compare(const struct book *book, int64_t commit, const struct entry *found, size_t count);

#endif
