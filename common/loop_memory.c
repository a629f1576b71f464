/* libevent notes each descriptor that it has ever watched in a few bytes, which it keeps as long as its base lives.
 * Taken from the heap they lie between what connections take and give back: ten thousand connections that have gone
 * leave ten thousand pages with one such note each, and none of them can be given back to the system. Small pieces are
 * therefore cells of blocks of their own.
 *
 *     header │ piece       the header says which kind it is, as a piece is freed without its size */
#include "common/loop_memory.h"

#include "common/mem.h"

#include <event2/event.h>
#include <pthread.h>
#include <string.h>

enum { SMALL_LEN = 32, BLOCK_LEN = 64 * 1024 };

struct header {
    _Alignas(16) struct header *next; /* of a cell that is free */
    bool is_cell;
};

struct cell {
    struct header header;
    char piece[SMALL_LEN];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct header *free_cells;

/* Blocks are never freed: their cells serve again. */
static void more_cells(void) {
    size_t count = BLOCK_LEN / sizeof(struct cell);
    struct cell *cells = MEM_ARRAY(count, struct cell);
    for (size_t i = 0; i < count; i++) {
        cells[i].header = (struct header){.next = free_cells, .is_cell = true};
        free_cells = &cells[i].header;
    }
}

static struct header *take_cell(void) {
    pthread_mutex_lock(&lock);
    if (free_cells == NULL)
        more_cells();
    struct header *header = free_cells;
    free_cells = header->next;
    pthread_mutex_unlock(&lock);
    return header;
}

static void *take(size_t size) {
    if (size <= SMALL_LEN)
        return take_cell() + 1;
    struct header *header = mem_alloc(sizeof *header + size);
    header->is_cell = false;
    return header + 1;
}

static void give_back(void *piece) {
    if (piece == NULL)
        return;
    struct header *header = (struct header *)piece - 1;
    if (!header->is_cell) {
        mem_free(header);
        return;
    }
    pthread_mutex_lock(&lock);
    header->next = free_cells;
    free_cells = header;
    pthread_mutex_unlock(&lock);
}

static void *resize(void *piece, size_t size) {
    struct header *header = piece == NULL ? NULL : (struct header *)piece - 1;
    if (header == NULL)
        return take(size);
    if (!header->is_cell)
        return (struct header *)mem_resize(header, sizeof *header + size) + 1;
    if (size <= SMALL_LEN)
        return piece;
    void *larger = take(size);
    memcpy(larger, piece, SMALL_LEN);
    give_back(piece);
    return larger;
}

static void use(void) {
    event_set_mem_functions(take, resize, give_back);
}

void loop_memory_use(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, use);
}
