/* The shelf against an array with marks for each id: added, marked, taken and asked for at random, in waves, so that
 * boards are cut in two, merged and left. */
#include "proxy/store/shelf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IDS = 3000, STEPS = 120000, WAVE = 15000 };

struct model {
    bool there[IDS + 2];
    uint8_t marks[IDS + 2];
};

static char things[IDS + 2];

static void an_empty_shelf_has_nothing(void **state) {
    struct shelf shelf = {0};
    uint64_t id = 0;
    (void)state;
    assert_null(shelf_find(&shelf, 1));
    assert_null(shelf_above(&shelf, &id, 0xFF));
    assert_null(shelf_below(&shelf, &id, 0xFF));
    assert_int_equal(shelf_last_id(&shelf), 0);
    shelf_clear(&shelf);
}

static void ids_reach_to_the_last_number(void **state) {
    struct shelf shelf = {0};
    uint64_t id = UINT64_MAX;
    (void)state;
    assert_true(shelf_add(&shelf, UINT64_MAX, 1, &things[1]));
    assert_true(shelf_add(&shelf, 5, 2, &things[2]));
    assert_false(shelf_add(&shelf, 5, 2, &things[3]));
    assert_ptr_equal(shelf_find(&shelf, 5), &things[2]);
    assert_null(shelf_above(&shelf, &id, 0xFF));
    assert_ptr_equal(shelf_below(&shelf, &id, 0xFF), &things[2]);
    assert_int_equal(id, 5);
    assert_ptr_equal(shelf_above(&shelf, &id, 1), &things[1]);
    assert_int_equal(id, UINT64_MAX);
    assert_null(shelf_below(&shelf, &id, 1));
    shelf_clear(&shelf);
}

/* From `id` in steps of `by`. */
static uint64_t next_in_model(const struct model *model, uint64_t id, int by, uint8_t marks) {
    for (id += (uint64_t)by; id >= 1 && id <= IDS; id += (uint64_t)by)
        if (model->there[id] && (model->marks[id] & marks) != 0)
            return id;
    return 0;
}

static void expect_walks(const struct shelf *shelf, const struct model *model, uint64_t from, uint8_t marks) {
    uint64_t up = from, down = from;
    uint64_t above = next_in_model(model, from, 1, marks), below = next_in_model(model, from, -1, marks);
    assert_ptr_equal(shelf_above(shelf, &up, marks), above == 0 ? NULL : &things[above]);
    assert_int_equal(up, above == 0 ? from : above);
    assert_ptr_equal(shelf_below(shelf, &down, marks), below == 0 ? NULL : &things[below]);
    assert_int_equal(down, below == 0 ? from : below);
}

static void expect_all(const struct shelf *shelf, const struct model *model) {
    uint64_t last = 0;
    for (uint64_t id = 1; id <= IDS; id++) {
        assert_ptr_equal(shelf_find(shelf, id), model->there[id] ? &things[id] : NULL);
        last = model->there[id] ? id : last;
    }
    assert_int_equal(shelf_last_id(shelf), last);
}

static uint8_t some_marks(void) {
    return (uint8_t)(rand() % 100 == 0 ? rand() : 1 << rand() % 2);
}

static void change_something(struct shelf *shelf, struct model *model, uint64_t id, bool add) {
    uint8_t marks = some_marks();
    if (add) {
        assert_int_equal(shelf_add(shelf, id, marks, &things[id]), !model->there[id]);
        if (model->there[id])
            shelf_mark(shelf, id, marks);
        model->there[id] = true;
        model->marks[id] = marks;
    } else if (model->there[id]) {
        shelf_remove(shelf, id);
        model->there[id] = false;
    }
}

static unsigned seed_of_run(void) {
    const char *given = getenv("HOOKSHIFT_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("HOOKSHIFT_SEED=%u\n", seed);
    return seed;
}

static void a_shelf_is_what_the_model_is(void **state) {
    static struct model model;
    struct shelf shelf = {0};
    (void)state;
    srand(seed_of_run());
    for (int step = 0; step < STEPS; step++) {
        int wave = step / WAVE;
        bool add = rand() % 100 < (wave % 2 == 0 ? 80 : 10);
        /* every other pair of waves in the order of ids, as messages come and go */
        uint64_t id = wave / 2 % 2 == 0 ? 1 + (uint64_t)rand() % IDS : 1 + (uint64_t)(step % WAVE) % IDS;
        change_something(&shelf, &model, id, add);
        if (step % 8 == 0)
            expect_walks(&shelf, &model, (uint64_t)rand() % (IDS + 1), some_marks());
        if (step % 1000 == 0)
            expect_all(&shelf, &model);
    }
    shelf_clear(&shelf);
}

/* What few things are left of many keeps few boards. */
static void boards_that_are_nearly_empty_are_merged(void **state) {
    struct shelf shelf = {0};
    (void)state;
    for (uint64_t id = 1; id <= IDS; id++)
        assert_true(shelf_add(&shelf, id, 1, &things[id]));
    size_t full = shelf.count;
    for (uint64_t id = 1; id <= IDS; id++)
        if (id % 100 != 0)
            shelf_remove(&shelf, id);
    assert_true(full >= 10);
    assert_int_equal(shelf.count, 1);
    assert_ptr_equal(shelf_find(&shelf, 1500), &things[1500]);
    shelf_clear(&shelf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_shelf_has_nothing),
        cmocka_unit_test(ids_reach_to_the_last_number),
        cmocka_unit_test(a_shelf_is_what_the_model_is),
        cmocka_unit_test(boards_that_are_nearly_empty_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
