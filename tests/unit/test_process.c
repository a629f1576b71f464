#include "common/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The sample of that name as /metrics shows it now. */
static double sample(struct metrics *metrics, const char *name) {
    struct strbuf out = {0};
    metrics_write(metrics, &out);
    struct str text = strbuf_str(&out), line;
    double value = -1;
    while (str_next(&text, '\n', &line))
        if (str_starts_with(line, str_of(name)) && line.at[strlen(name)] == ' ')
            value = strtod(line.at + strlen(name), NULL);
    strbuf_clear(&out);
    return value;
}

static void test_numbers_are_of_this_process(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct process *process = process_new(metrics);
    double resident = sample(metrics, "process_resident_memory_bytes");
    assert_true(resident > 100e3);
    assert_true(sample(metrics, "process_virtual_memory_bytes") >= resident);
    assert_true(sample(metrics, "process_cpu_seconds_total") >= 0);
    assert_true(sample(metrics, "process_max_fds") >= sample(metrics, "process_open_fds"));
    double age_s = (double)time(NULL) - sample(metrics, "process_start_time_seconds");
    assert_true(age_s > -2 && age_s < 100);
    metrics_free(metrics);
    process_free(process);
}

static void test_numbers_are_of_the_moment(void **state) {
    (void)state;
    struct metrics *metrics = metrics_new();
    struct process *process = process_new(metrics);
    double before = sample(metrics, "process_open_fds");
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(sample(metrics, "process_open_fds") == before + 1);
    close(fd);
    assert_true(sample(metrics, "process_open_fds") == before);
    metrics_free(metrics);
    process_free(process);
}

static void test_descriptors_are_raised(void **state) {
    (void)state;
    struct rlimit before, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(process_raise_descriptors(), before.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(low.rlim_cur, before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_of_this_process),
        cmocka_unit_test(test_numbers_are_of_the_moment),
        cmocka_unit_test(test_descriptors_are_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
