/* Memory of one message: aligned, cleared, apart, and gone at once. */
#include "common/arena.h"

#include "common/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>

static int make_arena(void **state) {
    *state = arena_new(64);
    return 0;
}

static int drop_arena(void **state) {
    arena_free(*state);
    return 0;
}

static void pieces_are_aligned_cleared_and_apart(void **state) {
    enum { PIECES = 400 };
    static unsigned char *pieces[PIECES];
    size_t sizes[PIECES];
    srand(20240901);
    for (size_t i = 0; i < PIECES; i++) {
        sizes[i] = (size_t)rand() % 300 + (i % 50 == 0 ? 5000 : 0);
        pieces[i] = arena_alloc(*state, sizes[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], 0);
        memset(pieces[i], (int)(i % 255 + 1), sizes[i]);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], i % 255 + 1);
}

static void a_piece_may_be_larger_than_any_block(void **state) {
    enum { LARGE = 3 * 1024 * 1024 };
    char *large = arena_alloc(*state, LARGE), *small = arena_alloc(*state, 10);
    large[LARGE - 1] = 1;
    small[9] = 1;
    assert_int_equal(arena_used(*state), LARGE + 10);
}

static void what_is_used_is_counted_and_given_back_by_a_reset(void **state) {
    struct arena *arena = *state;
    assert_int_equal(arena_used(arena), 0);
    for (int round = 0; round < 3; round++) {
        char *first = arena_alloc(arena, 24);
        assert_int_equal(first[0], 0); /* also where something else was before */
        memset(first, 0xFF, 24);
        (void)!arena_alloc(arena, 100000);
        assert_int_equal(arena_used(arena), 100024);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
}

static void the_first_block_has_a_size_without_being_told(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    assert_non_null(arena_alloc(arena, 1));
    arena_free(arena);
    arena_free(NULL);
}

static void copies_are_of_the_bytes_and_apart_from_them(void **state) {
    char text[] = "ab\0cd";
    char *copy = arena_copy(*state, text, sizeof text);
    assert_memory_equal(copy, text, sizeof text);
    copy[0] = 'x';
    assert_int_equal(text[0], 'a');
    assert_non_null(arena_copy(*state, NULL, 0));
    struct str slice = arena_str(*state, str_slice(text, 5));
    assert_ptr_not_equal(slice.at, text);
    assert_int_equal(slice.len, 5);
    assert_memory_equal(slice.at, "ab\0cd", 6); /* a NUL behind it */
}

static void absent_stays_absent_and_empty_empty(void **state) {
    assert_null(arena_str(*state, STR_NONE).at);
    assert_null(arena_lower(*state, STR_NONE).at);
    assert_non_null(arena_str(*state, STR("")).at);
    assert_string_equal(arena_lower(*state, STR("")).at, "");
}

static void only_ascii_letters_are_made_small(void **state) {
    struct str lower = arena_lower(*state, STR("@AZ[`az{0-\xC3\x84"));
    assert_true(str_eq(lower, STR("@az[`az{0-\xC3\x84")));
}

static void formats_are_as_long_as_they_get(void **state) {
    struct str text = arena_printf(*state, "%s-%05d", "id", 42);
    assert_true(str_eq(text, STR("id-00042")));
    assert_int_equal(text.at[text.len], '\0');
    text = arena_printf(*state, "%*s", 20000, "x");
    assert_int_equal(text.len, 20000);
    assert_int_equal(text.at[19999], 'x');
    assert_int_equal(arena_printf(*state, "%s", "").len, 0);
}

static void typed_pieces_have_the_size_of_their_type(void **state) {
    size_t before = arena_used(*state);
    uint64_t *numbers = ARENA_ARRAY(*state, 7, uint64_t);
    uint64_t *number = ARENA_NEW(*state, uint64_t);
    numbers[6] = *number = 1;
    assert_int_equal(arena_used(*state) - before, 8 * sizeof(uint64_t));
    assert_non_null(ARENA_ARRAY(*state, 0, uint64_t));
}

/* What is large grows without being there twice, and all is counted and given back. (fault 5.1) */
static void pieces_grow_in_place_and_are_counted(void **state) {
    (void)state;
    struct budget budget = {.most = 4 << 20};
    struct arena *arena = arena_new_counted(0, &budget);
    char *other = arena_grow(arena, NULL, 0, 10), *piece = memcpy(arena_take(arena, 5), "hello", 5);
    size_t size = 5;
    for (size_t larger = 100 << 10; larger <= 3 << 20; larger += 100 << 10) {
        assert_true(arena_has_room(arena, larger - size) == (budget.used + larger - size <= 3 << 20));
        piece = arena_grow(arena, piece, size, larger);
        assert_non_null(piece);
        assert_memory_equal(piece, "hello", 5);
        piece[larger - 1] = 'x';
        size = larger;
        assert_true(budget.used >= larger && budget.used < larger + (64 << 10));
        assert_int_equal(budget.used, arena_held(arena));
    }
    other[9] = 'y';
    assert_ptr_equal(arena_grow(arena, piece, size, size + 1), piece); /* the rest of the page */
    assert_false(arena_has_room(arena, 1 << 20));
    struct arena *small = arena_new_counted(0, &budget);
    assert_true(arena_has_room(small, 1000)); /* a quarter is left for what is small */
    assert_false(arena_has_room(small, 100 << 10));
    arena_free(small);
    arena_reset(arena);
    assert_true(budget.used < 64 << 10);
    arena_free(arena);
    assert_int_equal(budget.used, 0);
    assert_true(budget.peak >= size);
}

static void free_memory_is_given_back_when_much_was_used(void **state) {
    (void)state;
    struct budget budget = {.most = 1 << 30};
    budget_take(&budget, 10 << 20);
    budget_give(&budget, 10 << 20);
    assert_false(budget_tidy(&budget)); /* it was little */
    budget_take(&budget, 100 << 20);
    assert_false(budget_tidy(&budget)); /* it is still there */
    budget_give(&budget, 80 << 20);
    assert_true(budget_tidy(&budget));
    assert_false(budget_tidy(&budget));
}

#define WITH_ARENA(test)                                                                                               \
    { #test, test, make_arena, drop_arena, NULL }

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_ARENA(pieces_are_aligned_cleared_and_apart),
        WITH_ARENA(a_piece_may_be_larger_than_any_block),
        WITH_ARENA(what_is_used_is_counted_and_given_back_by_a_reset),
        WITH_ARENA(the_first_block_has_a_size_without_being_told),
        WITH_ARENA(copies_are_of_the_bytes_and_apart_from_them),
        WITH_ARENA(absent_stays_absent_and_empty_empty),
        WITH_ARENA(only_ascii_letters_are_made_small),
        WITH_ARENA(formats_are_as_long_as_they_get),
        WITH_ARENA(typed_pieces_have_the_size_of_their_type),
        cmocka_unit_test(pieces_grow_in_place_and_are_counted),
        cmocka_unit_test(free_memory_is_given_back_when_much_was_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
