#include "proxy/model/settings_what_if.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct settings base = {.pairing_window_ms = 1,
                                     .pairing_hold_ms = 2,
                                     .pairing_park_for_ms = 3,
                                     .pairing_prefer = PREFER_LEGACY,
                                     .pairing_partial = PARTIAL_FORWARD,
                                     .store_retention_ms = 4};

static void only_what_is_given_changes(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct settings settings;
    struct err_detail detail;
    assert_int_equal(settings_what_if(arena, &base, STR(""), &settings, &detail), ERR_NONE);
    assert_memory_equal(&settings, &base, sizeof base);
    assert_int_equal(
        settings_what_if(arena, &base,
                         STR("pairing.window=5m\npairing.prefer=new\npairing.prefer_by_type={\"a\":\"first\"}\n"
                             "pairing.park_for=0\npairing.hold=1s\npairing.partial=trim"),
                         &settings, &detail),
        ERR_NONE);
    assert_int_equal(settings.pairing_window_ms, 300000);
    assert_int_equal(settings.pairing_prefer, PREFER_NEW);
    assert_int_equal(settings.pairing_prefer_by_type.count, 1);
    assert_int_equal(settings.pairing_park_for_ms, 0);
    assert_int_equal(settings.pairing_hold_ms, 1000);
    assert_int_equal(settings.pairing_partial, PARTIAL_TRIM);
    assert_int_equal(settings.store_retention_ms, 4);
    arena_free(arena);
}

static void other_keys_and_values_are_refused(void **state) {
    static const struct {
        const char *assignments, *why;
    } bad[] = {
        {"listen=:1", "\"listen=:1\" is not among the settings that can be tried: KEY=VALUE of pairing.window"},
        {"pairing.window", "\"pairing.window\" is not among"},
        {"pairing.windw=5m", "\"pairing.windw=5m\" is not among"},
        {"pairing.hold=1s\npairing.window=soon", "pairing.window"},
        {"pairing.prefer=old", "pairing.prefer"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena *arena = arena_new(0);
        struct settings settings;
        struct err_detail detail;
        assert_int_equal(settings_what_if(arena, &base, str_of(bad[i].assignments), &settings, &detail), ERR_INVALID);
        assert_true(str_find(str_of(detail.text), str_of(bad[i].why)) >= 0);
        arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_given_changes),
        cmocka_unit_test(other_keys_and_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
