/* Where libevent has its memory from. Part of loop. */
#ifndef COMMON_LOOP_MEMORY_H
#define COMMON_LOOP_MEMORY_H

/* Before anything else of libevent is used; again: nothing. Any thread. */
void loop_memory_use(void);

#endif
