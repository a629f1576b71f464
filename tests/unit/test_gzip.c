/* Bodies that came compressed: all of a member or nothing, and never more than was asked for. */
#include "common/gzip.h"

#include "common/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>
#include <zlib.h>

/* A gzip member of `len` times that byte. */
static struct str member_of(struct arena *arena, char byte, size_t len) {
    z_stream stream = {0};
    char *text = arena_alloc(arena, len + 1), *packed = arena_alloc(arena, len + 1000);
    memset(text, byte, len);
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (unsigned char *)text;
    stream.avail_in = (unsigned)len;
    stream.next_out = (unsigned char *)packed;
    stream.avail_out = (unsigned)len + 1000;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    struct str member = str_slice(packed, len + 1000 - stream.avail_out);
    deflateEnd(&stream);
    return member;
}

/* (fault 4.10) */
static void sizes_around_the_limit(void **state) {
    (void)state;
    static const struct {
        size_t len, most;
        enum err err;
    } cases[] = {
        {0, 0, ERR_NONE},
        {1, 0, ERR_LIMIT},
        {1, 1, ERR_NONE},
        {1000, 999, ERR_LIMIT},
        {1000, 1000, ERR_NONE},
        {65536, 65536, ERR_NONE},
        {65537, 65536, ERR_LIMIT},
        {300000, 300000, ERR_NONE},
        {300001, 300000, ERR_LIMIT},
        {300000, 1 << 20, ERR_NONE},
        {5 << 20, 1 << 20, ERR_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena *arena = arena_new(0), *own = arena_new(0);
        struct str text = STR_NONE, member = member_of(own, 'a', cases[i].len);
        enum err err = gzip_decode(arena, member, cases[i].most, &text);
        if (err != cases[i].err || (err == ERR_NONE && text.len != cases[i].len))
            fail_msg("%zu of at most %zu: %s, %zu", cases[i].len, cases[i].most, err_name(err), text.len);
        for (size_t k = 0; k < text.len; k++)
            assert_int_equal(text.at[k], 'a');
        assert_true(arena_held(arena) < cases[i].most + (256 << 10));
        arena_free(own);
        arena_free(arena);
    }
}

static void what_is_no_whole_member_is_refused(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct str whole = member_of(arena, 'x', 100), text;
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(gzip_decode(arena, str_slice(whole.at, len), 1000, &text), ERR_INVALID);
    char *more = arena_alloc(arena, 2 * whole.len);
    memcpy(more, whole.at, whole.len);
    assert_int_equal(gzip_decode(arena, str_slice(more, whole.len + 1), 1000, &text), ERR_INVALID);
    memcpy(more + whole.len, whole.at, whole.len);
    assert_int_equal(gzip_decode(arena, str_slice(more, 2 * whole.len), 1000, &text), ERR_INVALID);
    assert_int_equal(gzip_decode(arena, STR("{\"a\": 1}"), 1000, &text), ERR_INVALID);
    more[whole.len - 1] ^= 1; /* the size */
    assert_int_equal(gzip_decode(arena, str_slice(more, whole.len), 1000, &text), ERR_INVALID);
    arena_free(arena);
}

static void memory_that_is_not_there_is_not_taken(void **state) {
    (void)state;
    struct budget budget = {.most = 256 << 10};
    struct arena *own = arena_new(0), *arena = arena_new_counted(0, &budget);
    struct str text;
    assert_int_equal(gzip_decode(arena, member_of(own, 'x', 1 << 20), 1 << 20, &text), ERR_BUSY);
    assert_true(budget.used <= budget.most);
    arena_free(arena);
    assert_int_equal(budget.used, 0);
    arena_free(own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_around_the_limit),
        cmocka_unit_test(what_is_no_whole_member_is_refused),
        cmocka_unit_test(memory_that_is_not_there_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
