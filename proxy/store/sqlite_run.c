#include "proxy/store/sqlite_run.h"

#include "common/mem.h"
#include "proxy/store/sqlite_query.h"

enum { PAGE_BITS = 24 };

void run_free(struct run *run) {
    if (run == NULL)
        return;
    mem_free(run->fences);
    bloom_clear(&run->bloom);
    mem_free(run);
}

int64_t run_page_id(uint64_t number, uint32_t page) {
    return (int64_t)(number << PAGE_BITS | page);
}

uint64_t run_number_of(int64_t page_id) {
    return (uint64_t)page_id >> PAGE_BITS;
}

bool run_number_can_be(uint64_t number) {
    return number != 0 && number >> (62 - PAGE_BITS) == 0;
}

static void *copy_blob(struct str blob, size_t unit, size_t *count) {
    *count = blob.len % unit == 0 ? blob.len / unit : 0;
    return *count == 0 ? NULL : mem_copy(blob.at, blob.len);
}

static enum err take_run(struct query *query, struct run **run) {
    struct run *read = MEM_NEW(struct run);
    size_t words, fences;
    read->number = query_take_u64(query);
    uint64_t level = query_take_u64(query);
    read->level = (uint32_t)level;
    read->hashes = query_take_u64(query);
    uint64_t pages = query_take_u64(query);
    read->pages = (uint32_t)pages;
    read->bloom.words = copy_blob(query_peek_text(query), sizeof(uint64_t) * BLOOM_BLOCK_WORDS, &words);
    read->bloom.blocks = words;
    read->fences = copy_blob(query_peek_text(query), sizeof(struct entry), &fences);
    if (level >= RUN_LEVELS || words == 0 || fences == 0 || fences != pages || pages >= 1U << PAGE_BITS ||
        read->hashes > pages * RUN_PAGE_ENTRIES || !run_number_can_be(read->number)) {
        run_free(read);
        return sqlite_db_damaged(query->db, "a run of the index that cannot be");
    }
    *run = read;
    return ERR_NONE;
}

enum err run_read_all(struct sqlite_db *db, struct run ***runs, size_t *count) {
    struct run **list = NULL;
    size_t found = 0;
    enum err err = ERR_NONE;
    struct query query = query_begin(db, SQL_READ_RUNS);
    while (err == ERR_NONE && query_row(&query)) {
        list = mem_resize((void *)list, (found + 1) * sizeof *list);
        err = take_run(&query, &list[found]);
        found += err == ERR_NONE ? 1 : 0;
    }
    enum err end = query_end(&query);
    if (err == ERR_NONE)
        err = end;
    if (err != ERR_NONE) {
        while (found > 0)
            run_free(list[--found]);
        mem_free((void *)list);
        return err;
    }
    *runs = list;
    *count = found;
    return ERR_NONE;
}

enum err run_remove(struct sqlite_db *db, const struct run *run) {
    return query_run_id(db, SQL_REMOVE_RUN, run->number);
}

void run_writer_begin(struct run_writer *writer, struct sqlite_db *db, uint64_t number, uint32_t level, size_t hashes) {
    writer->db = db;
    writer->run = MEM_NEW(struct run);
    writer->run->number = number;
    writer->run->level = level;
    writer->run->hashes = hashes;
    bloom_init(&writer->run->bloom, hashes);
    writer->capacity = writer->filled = 0;
}

static enum err write_page(struct run_writer *writer) {
    struct run *run = writer->run;
    if (run->pages == writer->capacity) {
        writer->capacity = writer->capacity == 0 ? 64 : writer->capacity * 2;
        run->fences = mem_resize(run->fences, writer->capacity * sizeof *run->fences);
    }
    if (run->pages + 1 == 1U << PAGE_BITS)
        return err_set(&writer->db->backend.detail, ERR_LIMIT, "store %s: a run of the index is full",
                       writer->db->path);
    struct query query = query_begin(writer->db, SQL_ADD_PAGE);
    query_i64(&query, run_page_id(run->number, run->pages));
    query_blob(&query, str_slice((const char *)writer->page, writer->filled * sizeof(struct entry)));
    enum err err = query_run(&query);
    if (err != ERR_NONE)
        return err;
    run->fences[run->pages++] = writer->page[0];
    writer->filled = 0;
    return ERR_NONE;
}

enum err run_writer_add(struct run_writer *writer, const struct entry *entry) {
    if (writer->filled == RUN_PAGE_ENTRIES) {
        enum err err = write_page(writer);
        if (err != ERR_NONE)
            return err;
    }
    bloom_add(&writer->run->bloom, entry->hash);
    writer->page[writer->filled++] = *entry;
    return ERR_NONE;
}

static enum err write_run(struct sqlite_db *db, const struct run *run) {
    const struct bloom *bloom = &run->bloom;
    struct query query = query_begin(db, SQL_ADD_RUN);
    query_u64(&query, run->number);
    query_i64(&query, run->level);
    query_u64(&query, run->hashes);
    query_i64(&query, run->pages);
    query_blob(&query, str_slice((const char *)bloom->words, bloom->blocks * BLOOM_BLOCK_WORDS * sizeof *bloom->words));
    query_blob(&query, str_slice((const char *)run->fences, run->pages * sizeof *run->fences));
    return query_run(&query);
}

enum err run_writer_end(struct run_writer *writer, struct run **run) {
    enum err err = writer->filled > 0 ? write_page(writer) : ERR_NONE;
    if (err == ERR_NONE && writer->run->pages == 0)
        run_writer_drop(writer);
    if (err == ERR_NONE && writer->run != NULL && writer->run->hashes > (uint64_t)writer->run->pages * RUN_PAGE_ENTRIES)
        writer->run->hashes = (uint64_t)writer->run->pages * RUN_PAGE_ENTRIES; /* of merged ones many are the same */
    if (err == ERR_NONE && writer->run != NULL)
        err = write_run(writer->db, writer->run);
    if (err != ERR_NONE)
        return err;
    *run = writer->run;
    writer->run = NULL;
    return ERR_NONE;
}

void run_writer_drop(struct run_writer *writer) {
    run_free(writer->run);
    writer->run = NULL;
}

static enum err read_page(struct run_cursor *cursor, uint32_t page) {
    struct query query = query_begin(cursor->db, SQL_READ_PAGE);
    query_i64(&query, run_page_id(cursor->run->number, page));
    struct str blob = query_row(&query) ? query_peek_text(&query) : STR_NONE;
    bool fits = blob.len > 0 && blob.len <= sizeof cursor->entries && blob.len % sizeof(struct entry) == 0;
    if (fits)
        memcpy(cursor->entries, blob.at, blob.len);
    enum err err = query_end(&query);
    if (err == ERR_NONE && !fits)
        err = sqlite_db_damaged(cursor->db, "a page of the index is missing");
    if (err != ERR_NONE)
        return err;
    cursor->page = page;
    cursor->at = 0;
    cursor->count = blob.len / sizeof(struct entry);
    return ERR_NONE;
}

/* The last page that begins before `first`: what is looked for may be in it, or begin the next one. */
static uint32_t find_page(const struct run *run, const struct entry *first) {
    uint32_t low = 0, high = run->pages;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (entry_compare(&run->fences[middle], first) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t run_estimate(const struct run *run, uint64_t hash) {
    const struct entry first = {.hash = hash, .time_ms = INT64_MAX, .message = UINT64_MAX};
    const struct entry last = {.hash = hash, .time_ms = INT64_MIN, .item = UINT32_MAX};
    return (size_t)(find_page(run, &last) - find_page(run, &first)) * RUN_PAGE_ENTRIES + 1;
}

enum err run_cursor_seek(struct run_cursor *cursor, struct sqlite_db *db, const struct run *run,
                         const struct entry *first) {
    cursor->db = db;
    cursor->run = run;
    enum err err = read_page(cursor, first == NULL ? 0 : find_page(run, first));
    if (err != ERR_NONE || first == NULL)
        return err;
    while (cursor->at < cursor->count && entry_compare(&cursor->entries[cursor->at], first) < 0)
        cursor->at++;
    return cursor->at == cursor->count && cursor->page + 1 < run->pages ? read_page(cursor, cursor->page + 1)
                                                                        : ERR_NONE;
}

enum err run_cursor_next(struct run_cursor *cursor) {
    cursor->at++;
    return cursor->at == cursor->count && cursor->page + 1 < cursor->run->pages ? read_page(cursor, cursor->page + 1)
                                                                                : ERR_NONE;
}
