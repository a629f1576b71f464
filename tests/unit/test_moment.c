/* Moments as people type them. */
#include "common/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1725192854015) /* 2024-09-01T12:14:14.015Z */

static const struct {
    const char *text;
    int64_t ms;
} good[] = {
    {"2024-09-01T12:14:14Z", 1725192854000},
    {"2024-09-01T12:14:14", 1725192854000},
    {"2024-09-01 12:14:14", 1725192854000},
    {"2024-09-01T14:14:14.5+02:00", 1725192854500},
    {"2024-09-01T12:14Z", 1725192840000},
    {"2024-09-01 12:14", 1725192840000},
    {"2024-09-01T14:14+02:00", 1725192840000},
    {"2024-09-01", 1725148800000},
    {"2024-02-29", 1709164800000},
    {"12:14", 1725192840000},
    {"12:14:14", 1725192854000},
    {"00:00", 1725148800000},
    {"12:15", 1725192900000 - 86400000}, /* still to come today */
    {"23:30", 1725147000000},
    {"now", NOW},
    {"today", 1725148800000},
    {"Yesterday", 1725062400000},
    {"24h", NOW - 86400000},
    {"90m", NOW - 5400000},
    {"7d", NOW - 7 * INT64_C(86400000)},
    {"0s", NOW},
    {"1725192854", 1725192854000},
    {"1725192854015", NOW},
    {"100000000", 100000000000},
};

static const char *const bad[] = {
    "",
    "-",
    "2024",
    "0",
    "12",
    "1d2h",
    "24 h",
    "-24h",
    "tomorrow",
    "24:00",
    "12:60",
    "1:30",
    "12:30:61",
    "2024-02-30",
    "2023-02-29",
    "2024-13-01",
    "01.09.2024",
    "9/1/2024",
    "2024-09-01T",
    "2024-09-1",
    "2024-09-01T12:14:14ZZ",
    "1e9",
    "17251928540150000",
    "99999999999d",
    "200000d",
    "yesterday ",
    "2024-09-01T12",
    "h",
};

static void reads_every_form(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        int64_t ms = 0;
        if (!moment_parse(str_of(good[i].text), NOW, &ms) || ms != good[i].ms)
            fail_msg("\"%s\" is %lld", good[i].text, (long long)ms);
    }
}

static void refuses_the_rest(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int64_t ms = 7;
        if (moment_parse(str_of(bad[i]), NOW, &ms))
            fail_msg("\"%s\" was taken as %lld", bad[i], (long long)ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
