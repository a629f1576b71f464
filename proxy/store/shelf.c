/* A tree of two levels: boards of some hundred places, and a list of them. Of a million things the list takes 100 KiB,
 * which is searched and passed over faster than a tree of nodes all over the memory; and at its end, where the next
 * thing goes and most of what is asked for is, nothing has to be searched.
 *
 *     boards   [first, marks] [first, marks] [first, marks] ...
 *                    │
 *     board    ids [ ][ ][ ]..., marks [ ][ ][ ]..., things [ ][ ][ ]...      and how many have each mark
 */
#include "proxy/store/shelf.h"

#include "common/mem.h"

#include <assert.h>
#include <string.h>

enum { PLACES = 256, MERGED = PLACES / 2 };

struct shelf_board {
    size_t count;
    uint16_t marked[SHELF_MARKS];
    uint8_t marks[PLACES];
    uint64_t ids[PLACES];
    void *things[PLACES];
};

void shelf_clear(struct shelf *shelf) {
    for (size_t i = 0; i < shelf->count; i++)
        mem_free(shelf->boards[i].board);
    mem_free(shelf->boards);
    *shelf = (struct shelf){0};
}

/* The board that has the id, if any has: the last that does not begin above it. */
static size_t board_of(const struct shelf *shelf, uint64_t id) {
    size_t low = 0, high = shelf->count;
    if (high > 0 && shelf->boards[high - 1].first <= id)
        return high - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (shelf->boards[middle].first <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : low - 1;
}

/* The place of the first id that is not below. */
static size_t place_of(const struct shelf_board *board, uint64_t id) {
    size_t low = 0, high = board->count;
    if (high > 0 && board->ids[high - 1] < id)
        return high;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (board->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void count_marks(struct shelf_entry *entry, uint8_t marks, int by) {
    for (unsigned left = marks; left != 0; left &= left - 1) {
        size_t mark = (size_t)__builtin_ctz(left);
        uint16_t *marked = &entry->board->marked[mark];
        *marked = (uint16_t)(*marked + by);
        if (*marked == 0)
            entry->marks = (uint8_t)(entry->marks & ~(1U << mark));
        else
            entry->marks = (uint8_t)(entry->marks | 1U << mark);
    }
}

static void insert_board(struct shelf *shelf, size_t at) {
    if (shelf->count == shelf->capacity) {
        shelf->capacity = shelf->capacity == 0 ? 16 : shelf->capacity * 2;
        shelf->boards = mem_resize(shelf->boards, shelf->capacity * sizeof *shelf->boards);
    }
    memmove(&shelf->boards[at + 1], &shelf->boards[at], (shelf->count - at) * sizeof *shelf->boards);
    shelf->boards[at] = (struct shelf_entry){.board = MEM_NEW(struct shelf_board)};
    shelf->count++;
}

static void remove_board(struct shelf *shelf, size_t at) {
    mem_free(shelf->boards[at].board);
    shelf->count--;
    memmove(&shelf->boards[at], &shelf->boards[at + 1], (shelf->count - at) * sizeof *shelf->boards);
}

/* Moves what is at `from` and behind it to the end of another board. */
static void move_things(struct shelf_entry *entry, size_t from, struct shelf_entry *other) {
    struct shelf_board *board = entry->board, *to = other->board;
    size_t count = board->count - from;
    memcpy(&to->ids[to->count], &board->ids[from], count * sizeof *to->ids);
    memcpy((void *)&to->things[to->count], (void *)&board->things[from], count * sizeof *to->things);
    memcpy(&to->marks[to->count], &board->marks[from], count);
    to->count += count;
    board->count = from;
    for (size_t i = to->count - count; i < to->count; i++) {
        count_marks(entry, to->marks[i], -1);
        count_marks(other, to->marks[i], 1);
    }
    other->first = to->ids[0];
}

/* Where something can be put in: a full board is cut in two, or followed by an empty one where it is the last. */
static size_t make_room(struct shelf *shelf, size_t at, uint64_t id) {
    if (shelf->count == 0) {
        insert_board(shelf, 0);
        return 0;
    }
    const struct shelf_board *board = shelf->boards[at].board;
    if (board->count < PLACES)
        return at;
    bool is_last = at + 1 == shelf->count && id > board->ids[PLACES - 1];
    insert_board(shelf, at + 1);
    if (is_last)
        return at + 1;
    move_things(&shelf->boards[at], PLACES / 2, &shelf->boards[at + 1]);
    return id > shelf->boards[at + 1].first ? at + 1 : at;
}

static void put(struct shelf_entry *entry, size_t place, uint64_t id, uint8_t marks, void *thing) {
    struct shelf_board *board = entry->board;
    size_t behind = board->count - place;
    memmove(&board->ids[place + 1], &board->ids[place], behind * sizeof *board->ids);
    memmove((void *)&board->things[place + 1], (void *)&board->things[place], behind * sizeof *board->things);
    memmove(&board->marks[place + 1], &board->marks[place], behind);
    board->ids[place] = id;
    board->things[place] = thing;
    board->marks[place] = marks;
    board->count++;
    entry->first = board->ids[0];
    count_marks(entry, marks, 1);
}

bool shelf_add(struct shelf *shelf, uint64_t id, uint8_t marks, void *thing) {
    if (shelf_find(shelf, id) != NULL)
        return false;
    size_t at = make_room(shelf, board_of(shelf, id), id);
    put(&shelf->boards[at], place_of(shelf->boards[at].board, id), id, marks, thing);
    return true;
}

static void take(struct shelf_entry *entry, size_t place) {
    struct shelf_board *board = entry->board;
    size_t behind = board->count - place - 1;
    count_marks(entry, board->marks[place], -1);
    memmove(&board->ids[place], &board->ids[place + 1], behind * sizeof *board->ids);
    memmove((void *)&board->things[place], (void *)&board->things[place + 1], behind * sizeof *board->things);
    memmove(&board->marks[place], &board->marks[place + 1], behind);
    board->count--;
    entry->first = board->ids[0];
}

/* What is left on two boards goes onto one, so that few things do not keep many boards. */
static void merge(struct shelf *shelf, size_t at) {
    if (at + 1 >= shelf->count || shelf->boards[at].board->count + shelf->boards[at + 1].board->count > MERGED)
        return;
    move_things(&shelf->boards[at + 1], 0, &shelf->boards[at]);
    remove_board(shelf, at + 1);
}

void shelf_remove(struct shelf *shelf, uint64_t id) {
    size_t at = board_of(shelf, id), place = place_of(shelf->boards[at].board, id);
    assert(shelf->boards[at].board->ids[place] == id);
    take(&shelf->boards[at], place);
    if (shelf->boards[at].board->count == 0) {
        remove_board(shelf, at);
        return;
    }
    merge(shelf, at);
    if (at > 0)
        merge(shelf, at - 1);
}

void shelf_mark(struct shelf *shelf, uint64_t id, uint8_t marks) {
    struct shelf_entry *entry = &shelf->boards[board_of(shelf, id)];
    size_t place = place_of(entry->board, id);
    uint8_t before = entry->board->marks[place];
    assert(entry->board->ids[place] == id);
    count_marks(entry, (uint8_t)(before & ~marks), -1);
    count_marks(entry, (uint8_t)(marks & ~before), 1);
    entry->board->marks[place] = marks;
}

void *shelf_find(const struct shelf *shelf, uint64_t id) {
    if (shelf->count == 0)
        return NULL;
    const struct shelf_board *board = shelf->boards[board_of(shelf, id)].board;
    size_t place = place_of(board, id);
    return place < board->count && board->ids[place] == id ? board->things[place] : NULL;
}

uint64_t shelf_last_id(const struct shelf *shelf) {
    if (shelf->count == 0)
        return 0;
    const struct shelf_board *board = shelf->boards[shelf->count - 1].board;
    return board->ids[board->count - 1];
}

void *shelf_above(const struct shelf *shelf, uint64_t *id, uint8_t marks) {
    if (*id == UINT64_MAX || shelf->count == 0)
        return NULL;
    size_t at = board_of(shelf, *id + 1), place = place_of(shelf->boards[at].board, *id + 1);
    for (; at < shelf->count; at++, place = 0) {
        const struct shelf_board *board = shelf->boards[at].board;
        if ((shelf->boards[at].marks & marks) == 0)
            continue;
        while (place < board->count && (board->marks[place] & marks) == 0)
            place++;
        if (place < board->count) {
            *id = board->ids[place];
            return board->things[place];
        }
    }
    return NULL;
}

void *shelf_below(const struct shelf *shelf, uint64_t *id, uint8_t marks) {
    if (shelf->count == 0)
        return NULL;
    size_t at = board_of(shelf, *id), place = place_of(shelf->boards[at].board, *id);
    for (;; at--) {
        const struct shelf_board *board = shelf->boards[at].board;
        if ((shelf->boards[at].marks & marks) != 0) {
            while (place > 0 && (board->marks[place - 1] & marks) == 0)
                place--;
            if (place > 0) {
                *id = board->ids[place - 1];
                return board->things[place - 1];
            }
        }
        if (at == 0)
            return NULL;
        place = shelf->boards[at - 1].board->count;
    }
}
