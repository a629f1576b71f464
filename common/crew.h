/* Threads that each turn a loop of their own. */
#ifndef COMMON_CREW_H
#define COMMON_CREW_H

#include "common/err.h"
#include "common/loop.h"

struct crew;

/* `count` loops, not yet running; `name` (at most 11 characters) and a number name the threads. */
struct crew *crew_new(const char *name, size_t count) MUST_USE;
size_t crew_size(const struct crew *crew);
struct loop *crew_loop(struct crew *crew, size_t index);
/* ERR_IO where the system has no room for a thread; then none is left of those before it. */
enum err crew_start(struct crew *crew, struct err_detail *detail) MUST_USE;
/* Stops the loops and waits for the threads. */
void crew_stop(struct crew *crew);
void crew_free(struct crew *crew); /* after crew_stop(), or when it was never started; frees the loops */

#endif
