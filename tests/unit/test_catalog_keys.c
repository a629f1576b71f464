/* Which facts an id may stand in. */
#include "proxy/decide/catalog_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool has(const struct str *keys, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(keys[i], str_of(key)))
            return true;
    return false;
}

static void names_the_exact_facts_of_an_id(void **state) {
    (void)state;
    struct catalog *catalog = catalog_builtin();
    struct arena *arena = arena_new(0);
    const struct str *keys;
    size_t count;
    catalog_keys_of(catalog, arena, STR("AB/1"), &keys, &count);
    static const char *const expected[] = {"write/ab%2F1/successful", "write/ab%2F1/unsuccessful",
                                           "expenses-sync/ab%2F1/successful", "same-id/DataSyncCompleted/ab%2F1",
                                           "same-id/PushOperationTimedOut/ab%2F1"};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (!has(keys, count, expected[i]))
            fail_msg("%s is missing", expected[i]);
    for (size_t i = 0; i < count; i++) {
        assert_false(str_starts_with(keys[i], STR("read/")) || str_starts_with(keys[i], STR("connection")));
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq(keys[i], keys[k]));
    }
    char *long_id = arena_alloc(arena, FACT_KEY_MAX + 1);
    memset(long_id, 'x', FACT_KEY_MAX);
    catalog_keys_of(catalog, arena, str_slice(long_id, FACT_KEY_MAX), &keys, &count);
    assert_int_equal(count, 0);
    arena_free(arena);
    catalog_free(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_the_exact_facts_of_an_id)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
