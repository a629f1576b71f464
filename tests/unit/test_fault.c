/* Fault points where they are compiled in, and that nothing is left of them where they are not. */
#include "common/fault.h"

#include "common/crew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#ifdef HOOKSHIFT_FAULTS

static struct fault_plan plan;

static int forget_plan(void **state) {
    (void)state;
    fault_use(NULL);
    memset(&plan, 0, sizeof plan);
    return 0;
}

static void use(const char *name, uint32_t at, bool is_lasting) {
    plan.orders[0] = (struct fault_order){name, at, is_lasting};
    fault_use(&plan);
}

static void no_plan_no_faults(void **state) {
    (void)state;
    assert_false(FAULT("test.one", EIO));
}

static void it_strikes_when_ordered(void **state) {
    static const bool wanted[] = {false, false, true, false};
    (void)state;
    use("test.one", 3, false);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        errno = 0;
        assert_int_equal(FAULT("test.one", ENOSPC), wanted[i]);
        assert_int_equal(errno, wanted[i] ? ENOSPC : 0);
        assert_false(FAULT("test.other", EIO));
    }
    assert_int_equal(plan.struck, 1);
    assert_int_equal(plan.point_count, 2);
    assert_string_equal(plan.points[1].name, "test.other");
    assert_int_equal(plan.points[1].passed, 4);
}

static void it_can_last(void **state) {
    (void)state;
    use("test.one", 2, true);
    for (int i = 1; i <= 4; i++)
        assert_int_equal(FAULT("test.one", EIO), i >= 2);
    assert_int_equal(plan.struck, 3);
}

/* The threads before it are ended again. */
static void a_crew_without_a_thread_does_not_start(void **state) {
    struct err_detail detail = {""};
    struct crew *crew = crew_new("crew", 3);
    (void)state;
    use("thread.start", 2, false);
    assert_int_equal(crew_start(crew, &detail), ERR_IO);
    assert_non_null(strstr(detail.text, "cannot start a thread"));
    crew_stop(crew);
    crew_free(crew);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(no_plan_no_faults, forget_plan),
        cmocka_unit_test_teardown(it_strikes_when_ordered, forget_plan),
        cmocka_unit_test_teardown(it_can_last, forget_plan),
        cmocka_unit_test_teardown(a_crew_without_a_thread_does_not_start, forget_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void nothing_is_left_of_them(void **state) {
    (void)state;
    _Static_assert(!FAULT("test.one", EIO), "known when it is compiled");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_left_of_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
