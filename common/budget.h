/* How many bytes may be in use for something in all threads together, and how many are. Whoever takes room counts it;
 * whether there is some he asks beforehand, so that the limit may be passed by what threads take at the same moment. */
#ifndef COMMON_BUDGET_H
#define COMMON_BUDGET_H

#include "common/base.h"

#include <stdatomic.h>

struct budget {
    size_t most; /* bytes */
    _Atomic size_t used;
    _Atomic size_t peak; /* since budget_tidy() last gave memory back */
};

void budget_take(struct budget *budget, size_t bytes);
void budget_give(struct budget *budget, size_t bytes);

/* Of `eighths` eighths of it: are `bytes` more free? */
bool budget_has_room(const struct budget *budget, size_t bytes, size_t eighths);

/* To be called about once a second by a thread that is in no hurry: where much less is in use than was before, free
 * memory is given back to the system, which takes milliseconds. True: it was. */
bool budget_tidy(struct budget *budget);

#endif
