/* The set of leased ids, against the simplest set there is. */
#include "proxy/store/idset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>

enum { IDS = 3000 };

static void an_empty_set_has_nothing(void **state) {
    struct idset set = {0};
    (void)state;
    assert_false(idset_has(&set, 1));
    assert_false(idset_remove(&set, 1));
    assert_int_equal(set.count, 0);
    idset_clear(&set);
}

static void a_set_tells_what_it_did(void **state) {
    struct idset set = {0};
    (void)state;
    assert_true(idset_add(&set, 5));
    assert_false(idset_add(&set, 5));
    assert_int_equal(set.count, 1);
    assert_true(idset_has(&set, 5));
    assert_false(idset_has(&set, 6));
    assert_false(idset_remove(&set, 6));
    assert_true(idset_remove(&set, 5));
    assert_false(idset_remove(&set, 5));
    assert_false(idset_has(&set, 5));
    assert_true(idset_add(&set, UINT64_MAX));
    assert_true(idset_has(&set, UINT64_MAX));
    idset_clear(&set);
    assert_false(idset_has(&set, UINT64_MAX));
    assert_true(idset_add(&set, 7)); /* can be used again */
    idset_clear(&set);
}

/* Ids as the ledger makes them (times shifted by 20 bits), any, and one after the other. */
static uint64_t id_of(size_t i, int kind) {
    return kind == 0 ? (1725192854015U + i) << 20 : kind == 1 ? i + 1 : (uint64_t)i * 0x9E3779B97F4A7C15U + 1;
}

/* A set full of all that can be found is as useful as the model says; removals leave no holes in the way. */
static void a_set_is_what_the_model_is(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        static bool model[IDS];
        struct idset set = {0};
        size_t count = 0;
        srand(20240901 + (unsigned)kind);
        for (size_t i = 0; i < IDS; i++)
            model[i] = false;
        for (int step = 0; step < 60000; step++) {
            /* in waves, so that it grows, shrinks and is nearly empty in turn */
            bool add = rand() % 100 < (step / 10000 % 2 == 0 ? 70 : 30);
            size_t i = (size_t)rand() % IDS;
            if (add)
                assert_int_equal(idset_add(&set, id_of(i, kind)), !model[i]);
            else
                assert_int_equal(idset_remove(&set, id_of(i, kind)), model[i]);
            count = model[i] == add ? count : add ? count + 1 : count - 1;
            model[i] = add;
            assert_int_equal(set.count, count);
            assert_true(set.count * 2 <= set.capacity);
        }
        for (size_t i = 0; i < IDS; i++)
            assert_int_equal(idset_has(&set, id_of(i, kind)), model[i]);
        idset_clear(&set);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_has_nothing),
        cmocka_unit_test(a_set_tells_what_it_did),
        cmocka_unit_test(a_set_is_what_the_model_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
