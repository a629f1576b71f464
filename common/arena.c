/* Blocks in a chain, each twice as large as the one before up to a bound, so that a message of any size costs few
 * calls to malloc. Those of the two sizes that most messages have wait for the next arena of their thread, which is
 * cheaper still and finds them in the cache; a thread keeps so many at most, and frees them at its end.
 *
 * Under the address sanitizer what is not handed out is poisoned, each piece has a red zone, and no block is kept. */
#include "common/arena.h"

#include "common/budget.h"
#include "common/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define POISON(at, len)   ASAN_POISON_MEMORY_REGION((at), (len))
#define UNPOISON(at, len) ASAN_UNPOISON_MEMORY_REGION((at), (len))
enum { RED_ZONE = 16 };
#else
#define POISON(at, len)   ((void)(at), (void)(len))
#define UNPOISON(at, len) ((void)(at), (void)(len))
enum { RED_ZONE = 0 };
#endif

enum { DEFAULT_BLOCK = 4096, LARGEST_BLOCK = 256 * 1024, ALIGNMENT = 16, KEPT_MOST = 64 };
enum { LARGE = 64 * 1024, EIGHTHS_FOR_LARGE = 6, PAGE_LEN = 4096 };

struct block {
    struct block *older;
    size_t size, used;
    _Alignas(ALIGNMENT) char bytes[];
};

/* A piece that grows, at the beginning of pages of its own. */
struct region {
    struct region *older;
    size_t size; /* of the mapping */
    _Alignas(ALIGNMENT) char bytes[];
};

struct arena {
    struct block *newest;
    struct region *regions;
    struct budget *budget; /* NULL: not counted */
    size_t used, held;
    bool holds_secrets;
};

/* Blocks of one thread that nobody uses at the moment. */
struct spares {
    struct block *first;
    size_t count;
};

static _Thread_local struct spares small_spares, large_spares;
static pthread_key_t thread_end;
static pthread_once_t has_thread_end = PTHREAD_ONCE_INIT;

static struct spares *spares_of(size_t size) {
    if (RED_ZONE > 0)
        return NULL;
    return size == DEFAULT_BLOCK ? &small_spares : size == 2 * DEFAULT_BLOCK ? &large_spares : NULL;
}

static struct block *spares_take(struct spares *spares) {
    struct block *block = spares->first;
    if (block == NULL)
        return NULL;
    spares->first = block->older;
    spares->count--;
    return block;
}

static void on_thread_end(void *spares) {
    struct block *block;
    (void)spares;
    while ((block = spares_take(&small_spares)) != NULL || (block = spares_take(&large_spares)) != NULL)
        mem_free(block);
}

static void make_thread_end(void) {
    if (pthread_key_create(&thread_end, on_thread_end) != 0)
        abort(); /* there are a thousand, and few are used */
}

static bool spares_put(struct spares *spares, struct block *block) {
    if (spares->count == KEPT_MOST)
        return false;
    if (spares->first == NULL) {
        pthread_once(&has_thread_end, make_thread_end);
        pthread_setspecific(thread_end, spares); /* anything but NULL: on_thread_end() will be called */
    }
    block->older = spares->first;
    spares->first = block;
    spares->count++;
    return true;
}

static void count_taken(struct arena *arena, size_t size) {
    arena->held += size;
    if (arena->budget != NULL)
        budget_take(arena->budget, size);
}

static void count_given(struct arena *arena, size_t size) {
    arena->held -= size;
    if (arena->budget != NULL)
        budget_give(arena->budget, size);
}

static struct block *block_new(struct arena *arena, size_t size, struct block *older) {
    struct spares *spares = spares_of(size);
    struct block *block = spares != NULL ? spares_take(spares) : NULL;
    if (block == NULL)
        block = mem_alloc(sizeof *block + size);
    block->older = older;
    block->size = size;
    block->used = 0;
    POISON(block->bytes, size);
    count_taken(arena, size);
    return block;
}

static void block_free(struct arena *arena, struct block *block) {
    UNPOISON(block->bytes, block->size);
    if (arena->holds_secrets)
        mem_wipe(block->bytes, block->used);
    count_given(arena, block->size);
    struct spares *spares = spares_of(block->size);
    if (spares == NULL || !spares_put(spares, block))
        mem_free(block);
}

struct arena *arena_new_counted(size_t first_block_len, struct budget *budget) {
    struct arena *arena = MEM_NEW(struct arena);
    arena->budget = budget;
    arena->newest = block_new(arena, first_block_len == 0 ? DEFAULT_BLOCK : first_block_len, NULL);
    return arena;
}

struct arena *arena_new(size_t first_block_len) {
    return arena_new_counted(first_block_len, NULL);
}

struct arena *arena_new_for_secrets(void) {
    struct arena *arena = arena_new(0);
    arena->holds_secrets = true;
    return arena;
}

static void free_regions(struct arena *arena) {
    while (arena->regions != NULL) {
        struct region *gone = arena->regions;
        arena->regions = gone->older;
        count_given(arena, gone->size);
        if (arena->holds_secrets)
            mem_wipe(gone->bytes, gone->size - sizeof *gone);
        munmap(gone, gone->size);
    }
}

void arena_reset(struct arena *arena) {
    free_regions(arena);
    while (arena->newest->older != NULL) {
        struct block *gone = arena->newest;
        arena->newest = gone->older;
        block_free(arena, gone);
    }
    UNPOISON(arena->newest->bytes, arena->newest->size);
    if (arena->holds_secrets)
        mem_wipe(arena->newest->bytes, arena->newest->used);
    arena->newest->used = 0;
    arena->used = 0;
    POISON(arena->newest->bytes, arena->newest->size);
}

void arena_free(struct arena *arena) {
    if (arena == NULL)
        return;
    arena_reset(arena);
    block_free(arena, arena->newest);
    mem_free(arena);
}

size_t arena_used(const struct arena *arena) {
    return arena->used;
}

size_t arena_held(const struct arena *arena) {
    return arena->held;
}

bool arena_has_room(const struct arena *arena, size_t more) {
    bool is_large = arena->held + more > LARGE;
    return arena->budget == NULL || budget_has_room(arena->budget, more, is_large ? EIGHTHS_FOR_LARGE : 8);
}

static size_t region_size(size_t size) {
    return (sizeof(struct region) + size + PAGE_LEN - 1) & ~(size_t)(PAGE_LEN - 1);
}

static struct region *region_new(struct arena *arena, size_t size) {
    struct region *region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED)
        return NULL;
    *region = (struct region){.older = arena->regions, .size = size};
    arena->regions = region;
    count_taken(arena, size);
    return region;
}

/* Pages change their address, nothing is copied. The thread sanitizer does not see that mremap() hands an address on to
 * others, so there the bytes are copied. */
static void *pages_resize(void *pages, size_t size, size_t larger) {
#if defined(__SANITIZE_THREAD__)
    void *made = mmap(NULL, larger, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED)
        return made;
    memcpy(made, pages, size);
    munmap(pages, size);
    return made;
#else
    return mremap(pages, size, larger, MREMAP_MAYMOVE);
#endif
}

static struct region *region_resize(struct arena *arena, struct region **link, size_t size) {
    struct region *region = *link, *moved = pages_resize(region, region->size, size);
    if (moved == MAP_FAILED)
        return NULL;
    count_taken(arena, size - moved->size);
    moved->size = size;
    *link = moved;
    return moved;
}

void *arena_grow(struct arena *arena, void *piece, size_t size, size_t larger) {
    struct region **link = &arena->regions, *region;
    while (*link != NULL && (*link)->bytes != piece)
        link = &(*link)->older;
    if (*link != NULL && region_size(larger) <= (*link)->size)
        return piece;
    if (*link != NULL) {
        region = region_resize(arena, link, region_size(larger));
    } else {
        region = region_new(arena, region_size(larger));
        if (region != NULL && size > 0)
            memcpy(region->bytes, piece, size);
    }
    if (region == NULL)
        return NULL;
    arena->used += larger - size;
    return region->bytes;
}

void *arena_take(struct arena *arena, size_t size) {
    size_t room = (size + RED_ZONE + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct block *block = arena->newest;
    if (room > block->size - block->used) {
        size_t next = block->size * 2 < LARGEST_BLOCK ? block->size * 2 : LARGEST_BLOCK;
        block = block_new(arena, room > next ? room : next, block);
        arena->newest = block;
    }
    void *piece = block->bytes + block->used;
    block->used += room;
    arena->used += size;
    UNPOISON(piece, size);
    return piece;
}

void *arena_alloc(struct arena *arena, size_t size) {
    return memset(arena_take(arena, size), 0, size);
}

void *arena_copy(struct arena *arena, const void *from, size_t size) {
    void *copy = arena_take(arena, size);
    if (size != 0)
        memcpy(copy, from, size);
    return copy;
}

struct str arena_str(struct arena *arena, struct str s) {
    if (s.at == NULL)
        return STR_NONE;
    char *copy = arena_take(arena, s.len + 1);
    memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return str_slice(copy, s.len);
}

struct str arena_lower(struct arena *arena, struct str s) {
    if (s.at == NULL)
        return STR_NONE;
    char *copy = arena_take(arena, s.len + 1);
    str_lower_into(copy, s);
    copy[s.len] = '\0';
    return str_slice(copy, s.len);
}

struct str arena_join_parts(struct arena *arena, const struct str *parts, size_t count) {
    size_t len = 0, used = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *text = arena_take(arena, len + 1);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(text + used, parts[i].at, parts[i].len);
        used += parts[i].len;
    }
    text[len] = '\0';
    return str_slice(text, len);
}

struct str arena_i64(struct arena *arena, int64_t value) {
    char digits[I64_TEXT_LEN];
    return arena_str(arena, str_of_i64(value, digits));
}

/* Most texts are short enough to be formatted only once. */
struct str arena_printf(struct arena *arena, const char *format, ...) {
    char first[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int written = vsnprintf(first, sizeof first, format, args);
    va_end(args);
    size_t len = written < 0 ? 0 : (size_t)written;
    char *text = arena_alloc(arena, len + 1);
    if (len < sizeof first)
        memcpy(text, first, len);
    else
        vsnprintf(text, len + 1, format, again);
    va_end(again);
    return str_slice(text, len);
}
