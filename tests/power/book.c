#include "tests/power/book.h"

#include "common/mem.h"
#include "tests/model/must.h"

#include <stdlib.h>
#include <string.h>

static void mix(uint64_t *digest, const void *bytes, size_t len) { /* FNV-1a */
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        *digest = (*digest ^ at[i]) * 0x100000001b3U;
}

static void mix_number(uint64_t *digest, uint64_t number) {
    mix(digest, &number, sizeof number);
}

static void mix_text(uint64_t *digest, struct str text) {
    mix_number(digest, text.len);
    mix(digest, text.at, text.len);
}

static uint64_t digest_of(const struct story *story) {
    const struct record *record = &story->record;
    uint64_t digest = 0xcbf29ce484222325U;
    mix_number(&digest, record->id);
    mix_number(&digest, (uint64_t)record->state);
    mix_number(&digest, (uint64_t)record->due_ms);
    mix_number(&digest, (uint64_t)record->changed_ms);
    mix_number(&digest, record->attempts);
    mix_number(&digest, record->tries);
    mix_number(&digest, record->marks);
    mix_text(&digest, record->trimmed);
    mix_text(&digest, record->identity);
    mix_text(&digest, record->facts);
    mix_text(&digest, record->admission);
    if (story->has_content) {
        mix_text(&digest, story->content.headers);
        mix_text(&digest, story->content.body);
    }
    for (size_t i = 0; i < story->twin_count; i++) {
        mix_number(&digest, story->twins[i].event);
        mix_number(&digest, story->twins[i].item);
        mix_number(&digest, story->twins[i].rule);
    }
    for (size_t i = 0; i < story->step_count; i++) {
        mix_number(&digest, (uint64_t)story->steps[i].at_ms);
        mix_number(&digest, (uint64_t)story->steps[i].state);
        mix_number(&digest, story->steps[i].attempt);
        mix_text(&digest, story->steps[i].why);
    }
    return digest == 0 ? 1 : digest;
}

static enum err read_entry(struct ledger *ledger, struct arena *arena, uint64_t id, struct entry *entry) {
    struct story story;
    enum err err = ledger_story(ledger, arena, id, &story);
    if (err == ERR_NONE)
        *entry = (struct entry){id, digest_of(&story), story.record.state};
    return err;
}

static struct page *add_page(struct book *book) {
    if (book->count == book->capacity) {
        book->capacity = book->capacity == 0 ? 1024 : book->capacity * 2;
        book->pages = mem_resize(book->pages, book->capacity * sizeof *book->pages);
    }
    struct page *page = &book->pages[book->count++];
    *page = (struct page){.digest = book->count < 2 ? 0 : book->pages[book->count - 2].digest};
    return page;
}

void book_init(struct book *book) {
    *book = (struct book){0};
    add_page(book);
}

void book_clear(struct book *book) {
    for (size_t i = 0; i < book->count; i++)
        mem_free(book->pages[i].entries);
    mem_free(book->pages);
    mem_free(book->latest);
    *book = (struct book){0};
}

/* Where the message is, or belongs. */
static size_t place_of(const struct entry *entries, size_t count, uint64_t id) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *latest_of(struct book *book, uint64_t id) {
    size_t place = place_of(book->latest, book->latest_count, id);
    if (place < book->latest_count && book->latest[place].id == id)
        return &book->latest[place];
    if (book->latest_count == book->latest_capacity) {
        book->latest_capacity = book->latest_capacity == 0 ? 1024 : book->latest_capacity * 2;
        book->latest = mem_resize(book->latest, book->latest_capacity * sizeof *book->latest);
    }
    memmove(&book->latest[place + 1], &book->latest[place], (book->latest_count - place) * sizeof *book->latest);
    book->latest_count++;
    book->latest[place] = (struct entry){.id = id};
    return &book->latest[place];
}

void book_write(struct book *book, struct ledger *ledger, const uint64_t *ids, size_t count) {
    struct page *page = add_page(book);
    struct arena *arena = arena_new(0);
    page->entries = mem_array(count + 1, sizeof *page->entries);
    for (size_t i = 0; i < count; i++) {
        struct entry entry = {.id = ids[i]};
        enum err err = read_entry(ledger, arena, ids[i], &entry);
        MUST(err == ERR_NONE || err == ERR_NOT_FOUND);
        struct entry *latest = latest_of(book, ids[i]);
        page->digest += entry.digest - latest->digest;
        *latest = entry;
        page->entries[page->count++] = entry;
        arena_reset(arena);
    }
    arena_free(arena);
}

enum err book_read(struct ledger *ledger, struct arena *arena, struct entry **entries, size_t *count,
                   uint64_t *digest) {
    struct filter all = {.state = -1, .generation = -1, .limit = 1000000};
    struct record *records;
    struct arena *scratch = arena_new(0);
    size_t found;
    enum err err = ledger_list(ledger, scratch, &all, &records, &found);
    *entries = ARENA_ARRAY(arena, found + 1, struct entry);
    *digest = 0;
    struct arena *one = arena_new(0);
    for (size_t i = 0; i < found && err == ERR_NONE; i++) { /* the list is newest first */
        struct entry *entry = &(*entries)[found - 1 - i];
        err = read_entry(ledger, one, records[i].id, entry);
        *digest += entry->digest;
        arena_reset(one);
    }
    arena_free(one);
    arena_free(scratch);
    *count = found;
    return err;
}

int64_t book_find(const struct book *book, int64_t first, int64_t last, uint64_t digest) {
    for (int64_t c = last < (int64_t)book->count ? last : (int64_t)book->count - 1; c >= first; c--)
        if (book->pages[c].digest == digest)
            return c;
    return -1;
}

/* The messages as of a commit, by id: each from the last page up to there that names it. */
static struct entry *as_of(const struct book *book, int64_t commit, size_t *count) {
    struct book then;
    book_init(&then);
    for (int64_t c = 1; c <= commit; c++)
        for (size_t i = 0; i < book->pages[c].count; i++)
            *latest_of(&then, book->pages[c].entries[i].id) = book->pages[c].entries[i];
    struct entry *entries = then.latest;
    *count = then.latest_count;
    then.latest = NULL;
    book_clear(&then);
    return entries;
}

static const char *tell_entry(const struct entry *entry) {
    return entry->digest == 0 ? "nothing" : state_name(entry->state);
}

/* A digest of 0 is no message. */
static void compare_entries(const struct entry *wanted, const struct entry *found, struct difference *difference) {
    if (wanted->digest == found->digest)
        return;
    bool both = wanted->digest != 0 && found->digest != 0;
    if (difference->lost + difference->doubled + difference->other < 5)
        fprintf(stderr, "    message %llx: should be %s, is %s%s\n", (unsigned long long)(wanted->id | found->id),
                tell_entry(wanted), tell_entry(found), both && wanted->state == found->state ? ", but otherwise" : "");
    if (found->digest == 0)
        difference->lost++;
    else if (both && wanted->state == STATE_DELIVERED && found->state == STATE_PENDING)
        difference->doubled++;
    else
        difference->other++;
}

struct difference book_compare(const struct book *book, int64_t commit, const struct entry *found, size_t count) {
    static const struct entry nothing;
    struct difference difference = {0};
    size_t wanted_count, w = 0, f = 0;
    struct entry *wanted = as_of(book, commit, &wanted_count);
    while (w < wanted_count || f < count) {
        bool has_wanted = f == count || (w < wanted_count && wanted[w].id <= found[f].id);
        bool has_found = w == wanted_count || (f < count && found[f].id <= wanted[w].id);
        compare_entries(has_wanted ? &wanted[w] : &nothing, has_found ? &found[f] : &nothing, &difference);
        w += has_wanted ? 1 : 0;
        f += has_found ? 1 : 0;
    }
    mem_free(wanted);
    return difference;
}
