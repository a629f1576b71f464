/* RFC 3339, and a clock that tests can set. */
#include "common/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct {
    const char *text;
    int64_t ms;
} good[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00", 0}, /* without a zone it is UTC */
    {"1970-01-01t00:00:00z", 0},
    {"1970-01-01 00:00:00Z", 0},
    {"2024-09-01T12:14:14Z", 1725192854000},
    {"2024-09-01T12:14:14.0Z", 1725192854000},
    {"2024-09-01T12:14:14.1Z", 1725192854100},
    {"2024-09-01T12:14:14.01Z", 1725192854010},
    {"2024-09-01T12:14:14.0157345Z", 1725192854015}, /* seven digits, cut */
    {"2024-09-01T12:14:14.999999999Z", 1725192854999},
    {"2024-09-01T12:14:14.015", 1725192854015},
    {"2024-09-01T14:14:14+02:00", 1725192854000},
    {"2024-09-01T06:44:14-05:30", 1725192854000},
    {"2024-09-01T12:14:14+00:00", 1725192854000},
    {"2024-09-01T12:14:14-00:00", 1725192854000},
    {"2024-09-02T12:13:14+23:59", 1725192854000},
    {"2024-02-29T00:00:00Z", 1709164800000},
    {"2000-02-29T00:00:00Z", 951782400000},
    {"1999-12-31T23:59:59.999Z", 946684799999},
    {"9999-12-31T23:59:59Z", 253402300799000},
    {"1969-12-31T23:59:59Z", -1000},
    {"0000-01-01T00:00:00Z", -62167219200000},
};

static const char *const bad[] = {
    "",
    "2024",
    "2024-09-01",
    "2024-09-01T",
    "2024-09-01T12",
    "2024-09-01T12:14",
    "2024-09-01T12:14:1",
    "2024-09-01X12:14:14Z",
    "24-09-01T12:14:14Z",
    "2024-9-01T12:14:14Z",
    "2024/09/01T12:14:14Z",
    "2024-09/01T12:14:14Z",
    "2024-09-01T12.14:14Z",
    "2024-09-01T12:14.14Z",
    "2024-00-01T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-01-00T00:00:00Z",
    "2024-04-31T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2024-02-30T00:00:00Z",
    "2024-09-01T24:00:00Z",
    "2024-09-01T12:60:00Z",
    "2024-09-01T12:14:60Z", /* leap seconds do not exist in the time we count */
    "2022-01-01T00:00:99Z", /* one of the vendor's samples */
    "2024-09-01T12:14:14.Z",
    "2024-09-01T12:14:14.",
    "2024-09-01T12:14:14.1234567890Z",
    "2024-09-01T12:14:14,5Z",
    "2024-09-01T12:14:14Zx",
    "2024-09-01T12:14:14z ",
    " 2024-09-01T12:14:14Z",
    "2024-09-01T12:14:14+0200",
    "2024-09-01T12:14:14+02",
    "2024-09-01T12:14:14+2:00",
    "2024-09-01T12:14:14+02:0",
    "2024-09-01T12:14:14+02:00x",
    "2024-09-01T12:14:14+24:00",
    "2024-09-01T12:14:14+02:60",
    "2024-09-01T12:14:14*02:00",
    "-024-09-01T12:14:14Z",
    "+024-09-01T12:14:14Z",
    "2024-09-01T-1:14:14Z",
};

static void dates_are_read_to_the_millisecond(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t ms = 77;
        if (!clock_parse_rfc3339(str_of(good[i].text), &ms) || ms != good[i].ms)
            fail_msg("\"%s\" was read as %lld", good[i].text, (long long)ms);
    }
}

static void what_is_no_date_is_refused(void **state) {
    int64_t ms = 77;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (clock_parse_rfc3339(str_of(bad[i]), &ms))
            fail_msg("\"%s\" was read", bad[i]);
    assert_false(clock_parse_rfc3339(STR_NONE, &ms));
    assert_false(clock_parse_rfc3339(STR("2024-09-01T12:14:14\0Z"), &ms));
    assert_int_equal(ms, 77);
    for (size_t len = 0; len < 19; len++)
        assert_false(clock_parse_rfc3339(str_slice("2024-09-01T12:14:14Z", len), &ms));
}

static void dates_are_written_as_they_are_read(void **state) {
    struct arena *arena = arena_new(0);
    (void)state;
    assert_string_equal(clock_format_rfc3339(arena, 1725192854015).at, "2024-09-01T12:14:14.015Z");
    assert_string_equal(clock_format_rfc3339(arena, 0).at, "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_format_rfc3339(arena, -1).at, "1969-12-31T23:59:59.999Z");
    assert_string_equal(clock_format_rfc3339(arena, -1000).at, "1969-12-31T23:59:59.000Z");
    assert_string_equal(clock_format_rfc3339(arena, -62167219200000).at, "0000-01-01T00:00:00.000Z");
    assert_string_equal(clock_format_rfc3339(arena, INT64_MAX).at, "292278994-08-17T07:12:55.807Z");
    assert_string_equal(clock_format_rfc3339(arena, INT64_MIN).at, "-292275055-05-16T16:47:04.192Z");
    srand(20240901);
    for (int i = 0; i < 1000; i++) {
        int64_t ms = (int64_t)rand() * rand() % 253402300799000, back;
        assert_true(clock_parse_rfc3339(clock_format_rfc3339(arena, ms), &back));
        assert_int_equal(back, ms);
    }
    arena_free(arena);
}

static void months_begin_where_the_calendar_says(void **state) {
    char text[64];
    int64_t ms;
    (void)state;
    for (int year = 0; year <= 9999; year++) {
        for (int month = 0; month < 12; month++) {
            struct tm tm = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 1};
            snprintf(text, sizeof text, "%04d-%02d-01T00:00:00Z", year, month + 1);
            assert_true(clock_parse_rfc3339(str_of(text), &ms));
            assert_int_equal(ms, (int64_t)timegm(&tm) * 1000);
        }
    }
}

static void the_clock_can_be_set_and_given_back(void **state) {
    (void)state;
    int64_t real = (int64_t)time(NULL) * 1000;
    clock_set_wall_ms(1725192854015);
    assert_int_equal(clock_wall_ms(), 1725192854015);
    clock_set_wall_ms(0);
    assert_int_equal(clock_wall_ms(), 0);
    clock_set_wall_ms(-1);
    assert_true(clock_wall_ms() >= real - 1000);
    assert_true(clock_wall_ms() <= real + 60000);
}

static void monotonic_time_does_not_go_back(void **state) {
    int64_t before = clock_mono_us();
    (void)state;
    clock_set_wall_ms(5);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();
        assert_true(now >= before);
        before = now;
    }
    clock_set_wall_ms(-1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_read_to_the_millisecond),   cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(dates_are_written_as_they_are_read),  cmocka_unit_test(months_begin_where_the_calendar_says),
        cmocka_unit_test(the_clock_can_be_set_and_given_back), cmocka_unit_test(monotonic_time_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
