/* Threads that each turn a loop of their own. */
#ifndef COMMON_CREW_H
#define COMMON_CREW_H

#include "common/base.h"
#include "common/loop.h"

struct crew;

/* `count` loops, not yet running; `name` (at most 11 characters) and a number name the threads. */
struct crew *crew_new(const char *name, size_t count) MUST_USE;
size_t crew_size(const struct crew *crew);
struct loop *crew_loop(struct crew *crew, size_t index);
void crew_start(struct crew *crew);
/* Stops the loops and waits for the threads. */
void crew_stop(struct crew *crew);
void crew_free(struct crew *crew); /* after crew_stop(), or when it was never started; frees the loops */

#endif
