/* The map against an array with a value or none for each key, while it grows and shrinks. */
#include "common/map.h"
#include "common/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

enum { KEYS = 5000, STEPS = 100000, WAVE = 12500 };

static void set(struct map *map, uint64_t key, void *value) {
    if (value == NULL)
        map_remove(map, key);
    else
        *map_place(map, key, value) = value;
}

static void an_empty_map_has_nothing(void **state) {
    struct map map;
    size_t place = 0;
    (void)state;
    map_init(&map, 1);
    assert_null(map_get(&map, 0));
    set(&map, 0, NULL);
    assert_null(map_next(&map, &place));
    assert_int_equal(map_count(&map), 0);
    map_clear(&map);
}

static void any_key_is_a_key(void **state) {
    struct map map;
    char a, b;
    (void)state;
    map_init(&map, 1);
    set(&map, 0, &a);
    set(&map, UINT64_MAX, &b);
    assert_ptr_equal(map_get(&map, 0), &a);
    assert_ptr_equal(map_get(&map, UINT64_MAX), &b);
    set(&map, 0, &b);
    assert_ptr_equal(map_get(&map, 0), &b);
    assert_int_equal(map_count(&map), 2);
    assert_ptr_equal(*map_place(&map, 0, &a), &b); /* stays what it is */
    set(&map, 0, NULL);
    assert_null(map_get(&map, 0));
    assert_int_equal(map_count(&map), 1);
    map_clear(&map);
    assert_null(map_get(&map, UINT64_MAX));
    set(&map, 7, &a); /* can be used again */
    assert_ptr_equal(map_get(&map, 7), &a);
    map_clear(&map);
}

/* One after the other, and such that differ in their highest bits only. */
static uint64_t key_of(size_t i) {
    return i % 2 == 0 ? i : (uint64_t)i << 48;
}

static void expect_all(const struct map *map, char *const *model, size_t count) {
    size_t place = 0, seen = 0;
    for (const struct map_slot *slot; (slot = map_next(map, &place)) != NULL; seen++)
        assert_ptr_equal(map_get(map, slot->key), slot->value);
    assert_int_equal(seen, count);
    assert_int_equal(map_count(map), count);
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(map, key_of(i)), model[i]);
}

static unsigned seed_of_run(void) {
    const char *given = getenv("HOOKSHIFT_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("HOOKSHIFT_SEED=%u\n", seed);
    return seed;
}

static void a_map_is_what_the_model_is(void **state) {
    static char values[16];
    static char *model[KEYS];
    struct map map;
    size_t count = 0;
    (void)state;
    srand(seed_of_run());
    map_init(&map, (uint64_t)rand());
    for (int step = 0; step < STEPS; step++) {
        /* in waves, so that it grows, shrinks and is nearly empty in turn */
        bool add = rand() % 100 < (step / WAVE % 2 == 0 ? 75 : 15);
        size_t i = (size_t)rand() % KEYS;
        char *value = add ? &values[rand() % 16] : NULL;
        set(&map, key_of(i), value);
        count = count + (value != NULL) - (model[i] != NULL);
        model[i] = value;
        if (step % 1000 == 0)
            expect_all(&map, model, count);
        assert_ptr_equal(map_get(&map, key_of(i)), value);
    }
    map_clear(&map);
}

/* So that no call takes long: never has a call more left to do than what its change of size left it. */
static void sizes_change_a_few_slots_at_a_time(void **state) {
    struct map map;
    char value;
    (void)state;
    map_init(&map, 5);
    for (uint64_t key = 0; key < 100000; key++) {
        size_t old = map.old.count, capacity = map.now.capacity;
        set(&map, key, &value);
        assert_true(map.now.capacity == capacity || old == 0);
        assert_true(map.now.capacity != capacity || old - map.old.count <= 16);
    }
    for (uint64_t key = 0; key < 100000; key++) {
        size_t old = map.old.count, capacity = map.now.capacity;
        set(&map, key, NULL);
        assert_true(map.now.capacity == capacity || old <= 16);
    }
    assert_int_equal(map_count(&map), 0);
    assert_true(map.now.capacity <= 32);
    map_clear(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(any_key_is_a_key),
        cmocka_unit_test(a_map_is_what_the_model_is),
        cmocka_unit_test(sizes_change_a_few_slots_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
