/* Runs: entries of the index in order, in pages of the file that are written once; what tells the page of an entry
 * (fences) and that there is none (filter) is in memory. */
#ifndef PROXY_STORE_SQLITE_RUN_H
#define PROXY_STORE_SQLITE_RUN_H

#include "proxy/store/sqlite_db.h"
#include "proxy/store/sqlite_entry.h"
#include "proxy/store/sqlite_bloom.h"

enum { RUN_PAGE_ENTRIES = 126 /* with what SQLite adds, a page of 4 KiB */, RUN_LEVELS = 16 };

struct run {
    uint64_t number; /* newer ones of the same level have higher ones; those of a higher level are all older */
    uint32_t level;
    uint64_t hashes; /* different ones, at most */
    uint32_t pages;
    struct entry *fences; /* the first entry of each page */
    struct bloom bloom;
};

void run_free(struct run *run);
/* All runs of the file, in no order; on the heap. */
enum err run_read_all(struct sqlite_db *db, struct run ***runs, size_t *count) MUST_USE;
enum err run_remove(struct sqlite_db *db, const struct run *run) MUST_USE; /* its pages stay for now */
int64_t run_page_id(uint64_t number, uint32_t page);
uint64_t run_number_of(int64_t page_id);
bool run_number_can_be(uint64_t number);                   /* else the ids of its pages have no room */
size_t run_estimate(const struct run *run, uint64_t hash); /* about how many entries of that hash it has */

/* Writes a run, entry by entry in order. It is there when run_writer_end() has told of it in the file. */
struct run_writer {
    struct sqlite_db *db;
    struct run *run;
    size_t capacity, filled; /* of the fences, of the page */
    struct entry page[RUN_PAGE_ENTRIES];
};

void run_writer_begin(struct run_writer *writer, struct sqlite_db *db, uint64_t number, uint32_t level, size_t hashes);
enum err run_writer_add(struct run_writer *writer, const struct entry *entry) MUST_USE;
/* `*run` is the caller's, NULL where there was no entry. */
enum err run_writer_end(struct run_writer *writer, struct run **run) MUST_USE;
void run_writer_drop(struct run_writer *writer); /* in memory only */

/* Walks a run in order. */
struct run_cursor {
    struct sqlite_db *db;
    const struct run *run;
    uint32_t page;
    size_t at, count; /* within the page; past its end: over */
    struct entry entries[RUN_PAGE_ENTRIES];
};

/* To the first entry that is not before `first`, or to the first of all where that is NULL. */
enum err run_cursor_seek(struct run_cursor *cursor, struct sqlite_db *db, const struct run *run,
                         const struct entry *first) MUST_USE;
enum err run_cursor_next(struct run_cursor *cursor) MUST_USE;

static inline const struct entry *run_cursor_entry(const struct run_cursor *cursor) { /* NULL: over */
    return cursor->at < cursor->count ? &cursor->entries[cursor->at] : NULL;
}

#endif
