/* Makes one run of several, some entries at a time. */
#ifndef PROXY_STORE_SQLITE_MERGE_H
#define PROXY_STORE_SQLITE_MERGE_H

#include "proxy/store/sqlite_run.h"

enum { MERGE_INPUTS_MAX = 16 };

struct merge {
    size_t input_count;                           /* 0: none under way */
    struct run *inputs[MERGE_INPUTS_MAX];         /* the newest first; the index's */
    struct run_cursor *cursors[MERGE_INPUTS_MAX]; /* on the heap */
    struct run_writer writer;
    bool is_oldest; /* nothing is older: what was removed need not be remembered */
};

/* `number` of the run to come, which is of the next level. */
enum err merge_begin(struct merge *merge, struct sqlite_db *db, struct run **inputs, size_t count, uint64_t number,
                     bool is_oldest) MUST_USE;
/* Goes on for up to `*credit` entries, and takes off how many it were. `*is_done`: all are through, and `*run` is
 * written and the caller's (NULL where nothing is left); the inputs are still in the file. */
enum err merge_step(struct merge *merge, size_t *credit, bool *is_done, struct run **run) MUST_USE;
void merge_drop(struct merge *merge); /* forgets it; pages that it has written stay in the file */

#endif
