/* What the two files of the index share: sqlite_index.c writes, sqlite_lookup.c looks up. */
#ifndef PROXY_STORE_SQLITE_INDEX_INTERNAL_H
#define PROXY_STORE_SQLITE_INDEX_INTERNAL_H

#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_merge.h"
#include "proxy/store/sqlite_recent.h"

struct garbage {
    uint64_t number;
    int64_t first, last; /* ids of pages */
};

struct sqlite_index {
    struct recent recent;
    size_t kept; /* of the recent entries: these are committed */
    int64_t recent_row;
    struct run **runs; /* the newest first */
    size_t run_count;
    uint64_t next_number;
    struct merge merge;
    size_t credit;           /* entries that the merge may go on for */
    struct garbage *garbage; /* by number */
    size_t garbage_count;
    struct run_cursor **cursors; /* for looking up */
    size_t cursor_count;
    bool has_written; /* to the file, in the transaction under way */
    bool is_stale;    /* that was rolled back: what is in memory is not what is in the file */
};

#endif
