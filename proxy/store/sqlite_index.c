/* Hashes are random. In a tree of the file every message would change a page of its own for each hash, which is read,
 * logged and brought home again: of all that a message costs, most. Entries are therefore gathered, sorted and written
 * once as a run; runs are merged, so that there are few of them, at a rate that follows the one at which entries come.
 *
 * A filter tells of nearly every run that it has nothing of a hash, so that looking for what is not there (nearly
 * every identity is new) costs a cache miss for each run and no statement.
 *
 * Pages of runs that are no longer listed (merged, or of a merge that was under way at the end of the process) are
 * removed some at a time. */
#include "proxy/store/sqlite_index_internal.h"

#include "common/mem.h"
#include "proxy/store/sqlite_query.h"

#include <stdlib.h>

enum { RECENT_MAX = 32 * 1024, RUNS_OF_LEVEL = 8, CREDIT_EACH = 8, PAGES_REMOVED = 2, PAGES_REMOVED_PER = 8 };

static size_t recent_max = RECENT_MAX, runs_of_level = RUNS_OF_LEVEL;

void sqlite_index_limit(size_t recent, size_t runs) {
    recent_max = recent;
    runs_of_level = runs;
}

static int compare_runs(const void *a, const void *b) {
    const struct run *x = *(struct run *const *)a, *y = *(struct run *const *)b;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return (x->number < y->number) - (x->number > y->number);
}

static void add_garbage(struct sqlite_index *index, uint64_t number, int64_t last) {
    index->garbage = mem_resize(index->garbage, (index->garbage_count + 1) * sizeof *index->garbage);
    index->garbage[index->garbage_count++] = (struct garbage){number, run_page_id(number, 0), last};
}

static bool is_listed(const struct sqlite_index *index, uint64_t number) {
    for (size_t i = 0; i < index->run_count; i++)
        if (index->runs[i]->number == number)
            return true;
    return false;
}

/* The one id that the statement finds beside the one given; 0: none. */
static enum err neighbour(struct sqlite_db *db, enum sql sql, int64_t id, int64_t *found) {
    struct query query = query_begin(db, sql);
    query_i64(&query, id);
    *found = query_row(&query) ? query_take_i64(&query) : 0;
    return query_end(&query);
}

/* Also tells the highest number that is in use. */
static enum err find_garbage(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    int64_t id = 0, last;
    enum err err = neighbour(db, SQL_NEXT_PAGE, 0, &id);
    while (err == ERR_NONE && id > 0) {
        uint64_t number = run_number_of(id);
        if (!run_number_can_be(number))
            return sqlite_db_damaged(db, "a page of the index that cannot be");
        if (number >= index->next_number)
            index->next_number = number + 1;
        err = neighbour(db, SQL_LAST_PAGE, run_page_id(number + 1, 0) - 1, &last);
        if (err == ERR_NONE && !is_listed(index, number))
            add_garbage(index, number, last);
        if (err == ERR_NONE)
            err = neighbour(db, SQL_NEXT_PAGE, run_page_id(number + 1, 0) - 1, &id);
    }
    return err;
}

static enum err read_recent(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    struct query query = query_begin(db, SQL_READ_RECENT);
    enum err err = ERR_NONE;
    while (err == ERR_NONE && query_row(&query)) {
        index->recent_row = query_take_i64(&query);
        struct str blob = query_peek_text(&query);
        if (blob.len % sizeof(struct entry) != 0)
            err = sqlite_db_damaged(db, "recent entries of the index that are cut short");
        for (size_t at = 0; at + sizeof(struct entry) <= blob.len; at += sizeof(struct entry)) {
            struct entry entry;
            memcpy(&entry, blob.at + at, sizeof entry);
            recent_add(&index->recent, &entry);
        }
    }
    enum err end = query_end(&query);
    index->kept = index->recent.count;
    return err != ERR_NONE ? err : end;
}

static enum err read_index(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    index->next_number = 1;
    enum err err = run_read_all(db, &index->runs, &index->run_count);
    if (err != ERR_NONE)
        return err;
    if (index->run_count > 0)
        qsort((void *)index->runs, index->run_count, sizeof *index->runs, compare_runs);
    for (size_t i = 0; i < index->run_count; i++)
        if (index->runs[i]->number >= index->next_number)
            index->next_number = index->runs[i]->number + 1;
    err = find_garbage(db);
    return err != ERR_NONE ? err : read_recent(db);
}

static void clear_index(struct sqlite_index *index) {
    merge_drop(&index->merge);
    for (size_t i = 0; i < index->run_count; i++)
        run_free(index->runs[i]);
    mem_free((void *)index->runs);
    mem_free(index->garbage);
    for (size_t i = 0; i < index->cursor_count; i++)
        mem_free(index->cursors[i]);
    mem_free((void *)index->cursors);
    recent_clear(&index->recent);
    *index = (struct sqlite_index){0};
}

static enum err load(struct sqlite_db *db) {
    clear_index(db->index);
    recent_init(&db->index->recent);
    enum err err = read_index(db);
    db->index->is_stale = err != ERR_NONE;
    return err;
}

enum err sqlite_index_refresh(struct sqlite_db *db) {
    return db->index->is_stale ? load(db) : ERR_NONE;
}

enum err sqlite_index_open(struct sqlite_db *db) {
    db->index = MEM_NEW(struct sqlite_index);
    return load(db);
}

void sqlite_index_close(struct sqlite_db *db) {
    if (db->index == NULL)
        return;
    clear_index(db->index);
    mem_free(db->index);
    db->index = NULL;
}

static enum err add(struct sqlite_db *db, const struct fact_row *row, bool removed) {
    struct entry entry = {row->hash, row->time_ms, row->message, row->item, removed ? 1 : 0};
    enum err err = sqlite_index_refresh(db);
    if (err != ERR_NONE)
        return err;
    recent_add(&db->index->recent, &entry);
    if (sqlite3_get_autocommit(db->handle) == 0)
        return ERR_NONE;
    err = sqlite_index_write(db); /* outside of a transaction each call is one */
    if (err == ERR_NONE)
        sqlite_index_kept(db);
    else
        sqlite_index_undo(db);
    return err;
}

enum err sqlite_index_add(struct sqlite_db *db, const struct fact_row *row) {
    return add(db, row, false);
}

enum err sqlite_index_remove(struct sqlite_db *db, const struct fact_row *row) {
    return add(db, row, true);
}

static void insert_run(struct sqlite_index *index, struct run *run) {
    index->runs = mem_resize((void *)index->runs, (index->run_count + 1) * sizeof *index->runs);
    index->runs[index->run_count++] = run;
    qsort((void *)index->runs, index->run_count, sizeof *index->runs, compare_runs);
}

static enum err run_statement(struct sqlite_db *db, enum sql sql) {
    struct query query = query_begin(db, sql);
    return query_run(&query);
}

static size_t count_hashes(const struct entry *entries, size_t count) {
    size_t hashes = 0;
    for (size_t i = 0; i < count; i++)
        hashes += i == 0 || entries[i].hash != entries[i - 1].hash ? 1 : 0;
    return hashes;
}

static enum err write_run_of(struct sqlite_db *db, const struct entry *entries, size_t count) {
    struct sqlite_index *index = db->index;
    struct run_writer writer;
    struct run *run = NULL;
    enum err err = ERR_NONE;
    bool is_first = index->run_count == 0;
    run_writer_begin(&writer, db, index->next_number++, 0, count_hashes(entries, count));
    for (size_t i = 0; i < count && err == ERR_NONE; i++)
        if (!is_first || entries[i].removed == 0)
            err = run_writer_add(&writer, &entries[i]);
    if (err == ERR_NONE)
        err = run_writer_end(&writer, &run);
    if (err == ERR_NONE && run != NULL)
        insert_run(index, run);
    if (err != ERR_NONE)
        run_writer_drop(&writer);
    return err;
}

static enum err write_all_recent(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    size_t count;
    struct entry *sorted = recent_sorted(&index->recent, &count);
    enum err err = write_run_of(db, sorted, count);
    mem_free(sorted);
    if (err == ERR_NONE)
        err = run_statement(db, SQL_CLEAR_RECENT);
    if (err == ERR_NONE)
        recent_cut(&index->recent, 0);
    return err;
}

static enum err write_group(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    struct entry *entries = recent_since(&index->recent, index->kept);
    struct query query = query_begin(db, SQL_ADD_RECENT);
    query_i64(&query, ++index->recent_row);
    query_blob(&query, str_slice((const char *)entries, (index->recent.count - index->kept) * sizeof *entries));
    enum err err = query_run(&query);
    mem_free(entries);
    return err;
}

/* The lowest level that has enough runs for one of the next; they stand side by side. */
static enum err begin_merge(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    for (size_t first = 0, next = 0; first < index->run_count; first = next) {
        while (next < index->run_count && index->runs[next]->level == index->runs[first]->level)
            next++;
        if (next - first < runs_of_level || index->runs[first]->level + 1 == RUN_LEVELS)
            continue;
        size_t count = next - first < MERGE_INPUTS_MAX ? next - first : MERGE_INPUTS_MAX;
        index->credit = 0;
        return merge_begin(&index->merge, db, &index->runs[next - count], count, index->next_number++,
                           next == index->run_count);
    }
    return ERR_NONE;
}

/* The inputs give way to what they were merged into. */
static enum err end_merge(struct sqlite_db *db, struct run *merged) {
    struct sqlite_index *index = db->index;
    enum err err = ERR_NONE;
    for (size_t i = 0; i < index->merge.input_count && err == ERR_NONE; i++) {
        struct run *run = index->merge.inputs[i];
        err = run_remove(db, run);
        add_garbage(index, run->number, run_page_id(run->number, run->pages - 1));
        size_t at = 0;
        while (index->runs[at] != run)
            at++;
        memmove((void *)&index->runs[at], (void *)&index->runs[at + 1],
                (--index->run_count - at) * sizeof *index->runs);
        run_free(run);
    }
    if (merged != NULL)
        insert_run(index, merged);
    merge_drop(&index->merge);
    return err;
}

static enum err go_on_merging(struct sqlite_db *db, size_t added) {
    struct sqlite_index *index = db->index;
    enum err err = index->merge.input_count == 0 ? begin_merge(db) : ERR_NONE;
    if (err != ERR_NONE || index->merge.input_count == 0)
        return err;
    struct run *merged = NULL;
    bool is_done;
    index->credit += added * CREDIT_EACH;
    err = merge_step(&index->merge, &index->credit, &is_done, &merged);
    return err == ERR_NONE && is_done ? end_merge(db, merged) : err;
}

static enum err remove_garbage(struct sqlite_db *db, size_t pages) {
    struct sqlite_index *index = db->index;
    if (index->garbage_count == 0)
        return ERR_NONE;
    struct garbage *garbage = &index->garbage[index->garbage_count - 1];
    int64_t last = garbage->first + (int64_t)pages - 1;
    if (last > garbage->last)
        last = garbage->last;
    struct query query = query_begin(db, SQL_REMOVE_PAGES);
    query_i64(&query, garbage->first);
    query_i64(&query, last);
    enum err err = query_run(&query);
    garbage->first = last + 1;
    if (garbage->first > garbage->last)
        index->garbage_count--;
    return err;
}

enum err sqlite_index_write(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    size_t added = index->recent.count - index->kept;
    if (added == 0)
        return ERR_NONE;
    index->has_written = true;
    if (sqlite3_get_autocommit(db->handle) != 0)
        return write_group(db);
    enum err err = index->recent.count < recent_max ? write_group(db) : write_all_recent(db);
    if (err == ERR_NONE)
        err = go_on_merging(db, added);
    return err != ERR_NONE ? err : remove_garbage(db, PAGES_REMOVED + added / PAGES_REMOVED_PER);
}

void sqlite_index_kept(struct sqlite_db *db) {
    db->index->kept = db->index->recent.count;
    db->index->has_written = false;
}

void sqlite_index_undo(struct sqlite_db *db) {
    struct sqlite_index *index = db->index;
    if (index->has_written)
        index->is_stale = true;
    else
        recent_cut(&index->recent, index->kept);
    index->has_written = false;
}
