/* Memory of one message, freed at once.
 *
 * An arena belongs to one thread at a time; handing it over is handing over all that is in it. */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include "common/base.h"
#include "common/str.h"

struct arena;
struct budget;

struct arena *arena_new(size_t first_block_len) MUST_USE; /* 0: a default */
/* What it takes from the system is counted in the budget, which may be NULL. */
struct arena *arena_new_counted(size_t first_block_len, struct budget *budget) MUST_USE;
struct arena *arena_new_for_secrets(void) MUST_USE; /* what was in it is overwritten before it is given back */
void arena_free(struct arena *arena);               /* NULL is fine */
void arena_reset(struct arena *arena);              /* keeps the first block */
size_t arena_used(const struct arena *arena);       /* bytes handed out so far */

size_t arena_held(const struct arena *arena); /* bytes taken from the system */
/* Is there room for that much more in its budget? True where it has none. Nothing that is small is refused before all
 * is used up; for what is large a quarter is left alone. */
bool arena_has_room(const struct arena *arena, size_t more);

/* A piece that grows in place or moves without being copied, and goes back to the system with the arena: for what is
 * large and comes little by little. `piece`: of `size` bytes before, from here or from the arena's other pieces, whose
 * bytes are copied then; NULL for a new one. Not cleared beyond what was there. NULL where the system has no room, and
 * then the piece stays as it was. */
void *arena_grow(struct arena *arena, void *piece, size_t size, size_t larger) MUST_USE;

void *arena_alloc(struct arena *arena, size_t size) MUST_USE; /* cleared, aligned for any type */
void *arena_take(struct arena *arena, size_t size) MUST_USE;  /* not cleared: for what is written over at once */
void *arena_copy(struct arena *arena, const void *from, size_t size) MUST_USE;
struct str arena_str(struct arena *arena, struct str s);   /* a copy, with a NUL behind it; absent stays absent */
struct str arena_lower(struct arena *arena, struct str s); /* likewise, ASCII letters in lower case */
struct str arena_i64(struct arena *arena, int64_t value);  /* in decimal */
struct str arena_join_parts(struct arena *arena, const struct str *parts, size_t count);
/* The texts one behind the other, with a NUL behind them: ARENA_JOIN(arena, STR("b:"), id). Ten times as fast as
 * arena_printf(), for what is done to every message. */
#define ARENA_JOIN(arena, ...)                                                                                         \
    arena_join_parts((arena), (const struct str[]){__VA_ARGS__},                                                       \
                     sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_alloc((arena), (count) * sizeof(type)))

#endif
