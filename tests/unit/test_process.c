#include "common/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_of_this_process),
        cmocka_unit_test(test_numbers_are_of_the_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
