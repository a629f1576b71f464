/* Looking into the index: what is recent and what is in runs, walked side by side. What is newer hides what is older:
 * an entry that was removed hides itself. */
#include "common/mem.h"
#include "proxy/store/sqlite_index_internal.h"

enum { COUNTED_MAX = 1000 };

/* Where the walk is: among the recent entries of the hash, and in those runs that may have it. */
struct walk {
    const struct recent_node *recent; /* NULL: over */
    struct run_cursor **cursors;      /* the index's, the newest first */
    size_t cursor_count;
};

static struct run_cursor *next_cursor(struct sqlite_index *index, struct walk *walk) {
    if (walk->cursor_count == index->cursor_count) {
        index->cursors = mem_resize((void *)index->cursors, (index->cursor_count + 1) * sizeof *index->cursors);
        index->cursors[index->cursor_count++] = MEM_NEW(struct run_cursor);
    }
    walk->cursors = index->cursors;
    return index->cursors[walk->cursor_count++];
}

static enum err walk_runs(struct walk *walk, struct sqlite_db *db, const struct entry *first) {
    struct sqlite_index *index = db->index;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < index->run_count && err == ERR_NONE; i++)
        if (bloom_may_have(&index->runs[i]->bloom, first->hash))
            err = run_cursor_seek(next_cursor(index, walk), db, index->runs[i], first);
    return err;
}

static const struct entry *walk_recent_entry(const struct walk *walk) {
    return walk->recent == NULL ? NULL : &walk->recent->entry;
}

/* What comes next, the newest where there are several; false where nothing does. */
static bool walk_entry(const struct walk *walk, struct entry *next) {
    const struct entry *lowest = walk_recent_entry(walk);
    for (size_t i = 0; i < walk->cursor_count; i++) {
        const struct entry *entry = run_cursor_entry(walk->cursors[i]);
        if (entry != NULL && (lowest == NULL || entry_compare(entry, lowest) < 0))
            lowest = entry;
    }
    if (lowest != NULL)
        *next = *lowest;
    return lowest != NULL;
}

static enum err walk_on(struct walk *walk, const struct entry *past) {
    const struct entry *recent = walk_recent_entry(walk);
    if (recent != NULL && entry_compare(recent, past) == 0)
        walk->recent = recent_next(walk->recent);
    enum err err = ERR_NONE;
    for (size_t i = 0; i < walk->cursor_count && err == ERR_NONE; i++) {
        const struct entry *entry = run_cursor_entry(walk->cursors[i]);
        if (entry != NULL && entry_compare(entry, past) == 0)
            err = run_cursor_next(walk->cursors[i]);
    }
    return err;
}

enum err sqlite_index_find(struct sqlite_db *db, const struct fact_row *first, int64_t from_ms, struct fact_row *rows,
                           size_t max, size_t *count) {
    const struct entry begin = {first->hash, first->time_ms, first->message, first->item, 0};
    struct walk walk = {0};
    struct entry entry;
    size_t found = 0;
    enum err err = sqlite_index_refresh(db);
    if (err != ERR_NONE)
        return err;
    walk.recent = recent_find(&db->index->recent, &begin);
    err = walk_runs(&walk, db, &begin);
    while (err == ERR_NONE && found < max && walk_entry(&walk, &entry) && entry.hash == begin.hash &&
           entry.time_ms >= from_ms) {
        if (entry.removed == 0)
            rows[found++] = (struct fact_row){entry.hash, entry.time_ms, entry.message, entry.item};
        err = walk_on(&walk, &entry);
    }
    if (err == ERR_NONE)
        *count = found;
    return err;
}

size_t sqlite_index_estimate(struct sqlite_db *db, uint64_t hash) {
    const struct sqlite_index *index = db->index;
    const struct entry first = {.hash = hash, .time_ms = INT64_MAX, .message = UINT64_MAX};
    const struct recent_node *node = recent_find(&index->recent, &first);
    size_t count = 0;
    for (; node != NULL && count < COUNTED_MAX; node = recent_next(node))
        count++;
    for (size_t i = 0; i < index->run_count; i++)
        if (bloom_may_have(&index->runs[i]->bloom, hash))
            count += run_estimate(index->runs[i], hash);
    return count;
}
