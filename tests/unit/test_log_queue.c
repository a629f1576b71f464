/* Log lines behind a queue: order, loss, crashes, and lines that repeat. Each case runs in a process of its own, whose
 * standard error is a pipe. */
#include "common/log.h"
#include "common/log_bound.h"
#include "common/log_queue.h"

#include "common/clock.h"
#include "common/fatal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, LINES = 20000, TEXT_MAX = 64 * 1024 * 1024 };

struct child {
    pid_t id;
    int standard_error; /* our end */
};

typedef void body_fn(void);

static struct child child_start(body_fn *body) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    struct child child = {fork(), ends[0]};
    assert_true(child.id >= 0);
    if (child.id == 0) {
        const struct rlimit no_cores = {0, 0};
        setrlimit(RLIMIT_CORE, &no_cores);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (!log_start())
            _exit(1);
        body();
        log_stop();
        _exit(0);
    }
    close(ends[1]);
    return child;
}

/* All that the child wrote; free() it. */
static char *child_read(const struct child *child) {
    char *text = malloc(TEXT_MAX);
    size_t len = 0;
    ssize_t more;
    assert_non_null(text);
    while ((more = read(child->standard_error, text + len, TEXT_MAX - 1 - len)) > 0)
        len += (size_t)more;
    text[len] = '\0';
    return text;
}

static int child_end(const struct child *child) {
    int status;
    assert_int_equal(waitpid(child->id, &status, 0), child->id);
    close(child->standard_error);
    return status;
}

static void *write_lines(void *arg) {
    for (int i = 0; i < LINES; i++)
        LOG(LOG_INFO, "line", LOG_INT("thread", *(const int *)arg), LOG_INT("number", i));
    return NULL;
}

static void write_from_many_threads(void) {
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, write_lines, &numbers[i]) != 0)
            _exit(1);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* (fault 4.1) */
static void a_healthy_reader_gets_every_line_in_order_up_to_the_last(void **state) {
    int next[THREADS] = {0}, thread, number;
    unsigned long dropped = 0, notices = 0, lines = 0;
    struct child child = child_start(write_from_many_threads);
    char *text = child_read(&child);
    (void)state;
    assert_int_equal(child_end(&child), 0);
    char *rest = text;
    for (const char *line; (line = strsep(&rest, "\n")) != NULL && rest != NULL; lines++) {
        const char *fields = strstr(line, "thread="), *count = strstr(line, "count=");
        if (fields == NULL) { /* a machine so busy that the reader fell behind by 4 MiB: every lost line is counted */
            assert_non_null(count);
            dropped += strtoul(count + strlen("count="), NULL, 10);
            notices++;
            continue;
        }
        assert_int_equal(sscanf(fields, "thread=%d number=%d", &thread, &number), 2); // NOLINT(cert-err34-c)
        assert_true(number >= next[thread]);
        next[thread] = number + 1;
    }
    assert_int_equal(lines - notices + dropped, THREADS * LINES);
    free(text);
}

static void write_too_much(void) {
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text);
    int64_t began_us = clock_mono_us();
    for (int i = 0; i < 10000; i++)
        LOG(LOG_INFO, "line", LOG_INT("number", i), LOG_STR("text", str_slice(long_text, sizeof long_text)));
    if (log_queue_dropped() == 0 || clock_mono_us() - began_us > 5000000)
        _exit(1);
}

/* (fault 4.1) */
static void nobody_waits_for_a_reader_that_does_not_read(void **state) {
    struct child child = child_start(write_too_much);
    (void)state;
    int64_t began_us = clock_mono_us();
    assert_int_equal(child_end(&child), 0); /* we have read nothing */
    assert_true(clock_mono_us() - began_us < 10000000);
}

static int tells[2], waits[2]; /* pipes: the child tells that it is done, and waits until we read */

static void write_too_much_then_wait(void) {
    char byte = 1;
    write_too_much();
    if (write(tells[1], &byte, 1) != 1 || read(waits[0], &byte, 1) != 1)
        _exit(1);
    if (!log_queue_flush())
        _exit(1);
    LOG(LOG_INFO, "after", LOG_INT("dropped", log_queue_dropped()));
}

/* What was lost is told in its place: after the last line that was kept, before the first one that came later. */
static void lost_lines_are_counted_and_told_where_they_were(void **state) {
    char byte;
    (void)state;
    assert_int_equal(pipe2(tells, O_CLOEXEC), 0);
    assert_int_equal(pipe2(waits, O_CLOEXEC), 0);
    struct child child = child_start(write_too_much_then_wait);
    assert_int_equal(read(tells[0], &byte, 1), 1);
    assert_int_equal(write(waits[1], &byte, 1), 1);
    char *text = child_read(&child);
    assert_int_equal(child_end(&child), 0);
    const char *notice = strstr(text, "warn  log lines were dropped"), *after = strstr(text, "after dropped=");
    assert_non_null(notice);
    assert_non_null(after);
    assert_true(notice < after);
    unsigned long count = strtoul(strstr(notice, "count=") + strlen("count="), NULL, 10);
    assert_int_equal(count, strtoul(after + strlen("after dropped="), NULL, 10));
    unsigned long kept = 0;
    for (const char *at = text; (at = strstr(at, "line number=")) != NULL; at++)
        assert_int_equal(strtoul(at + strlen("line number="), NULL, 10), kept++);
    assert_int_equal(kept + count, 10000);
    free(text);
}

static void crash(void) {
    for (int i = 0; i < 100; i++)
        LOG(LOG_INFO, "line", LOG_INT("number", i));
    fatal_say("last %s", "words");
    abort();
}

static void lines_before_a_crash_are_written(void **state) {
    struct child child = child_start(crash);
    char *text = child_read(&child);
    int status = child_end(&child);
    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "number=99\n"));
    assert_non_null(strstr(text, "last words\n"));
    free(text);
}

static void fill_and_crash(void) {
    write_too_much();
    fatal_say("last words");
    abort();
}

/* (fault 4.1) */
static void a_crash_ends_the_process_though_nobody_reads(void **state) {
    struct child child = child_start(fill_and_crash);
    (void)state;
    int64_t began_us = clock_mono_us();
    assert_true(WIFSIGNALED(child_end(&child)));
    assert_true(clock_mono_us() - began_us < 10000000);
}

static void close_reader(void) {
    LOG(LOG_INFO, "to nobody");
    if (!log_queue_flush() || log_queue_dropped() != 1)
        _exit(1);
}

static void a_reader_that_is_gone_costs_its_lines_and_no_time(void **state) {
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]);
    pid_t id = fork();
    if (id == 0) {
        dup2(ends[1], STDERR_FILENO);
        if (!log_start())
            _exit(1);
        close_reader();
        log_stop();
        _exit(0);
    }
    int status;
    close(ends[1]);
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_int_equal(status, 0);
}

static void a_place_writes_20_lines_in_10_seconds(void **state) {
    static struct log_site site = {.fact = "line"}; /* the list of places keeps it */
    int64_t now_us = 1;
    int passed = 0;
    (void)state;
    for (int i = 0; i < 100; i++, now_us += 1000)
        passed += log_site_passes(&site, LOG_WARN, now_us) ? 1 : 0;
    assert_int_equal(passed, LOG_BOUND_LINES);
    assert_int_equal(atomic_load(&site.left_out), 80);
    log_set(LOG_ERROR, LOG_TEXT);
    log_bound_tick(now_us);
    assert_int_equal(atomic_load(&site.left_out), 80);
    log_bound_tick(LOG_BOUND_US + 1);
    assert_int_equal(atomic_load(&site.left_out), 0); /* was told */
    assert_true(log_site_passes(&site, LOG_WARN, LOG_BOUND_US + 1));
    log_set(LOG_INFO, LOG_TEXT);
}

static void repeat_lines(void) {
    for (int i = 0; i < 50; i++)
        LOG_BOUNDED(LOG_WARN, "message refused", LOG_INT("number", i));
    log_bound_tick(clock_mono_us() + LOG_BOUND_US);
}

static void lines_left_out_are_told_though_no_further_one_comes(void **state) {
    struct child child = child_start(repeat_lines);
    char *text = child_read(&child);
    (void)state;
    assert_int_equal(child_end(&child), 0);
    assert_non_null(strstr(text, "message refused number=19\n"));
    assert_null(strstr(text, "number=20\n"));
    assert_non_null(strstr(text, "warn  lines like this were left out: at most 20 in 10 s line=\"message refused\" "
                                 "count=30\n"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_reader_gets_every_line_in_order_up_to_the_last),
        cmocka_unit_test(nobody_waits_for_a_reader_that_does_not_read),
        cmocka_unit_test(lost_lines_are_counted_and_told_where_they_were),
        cmocka_unit_test(lines_before_a_crash_are_written),
        cmocka_unit_test(a_crash_ends_the_process_though_nobody_reads),
        cmocka_unit_test(a_reader_that_is_gone_costs_its_lines_and_no_time),
        cmocka_unit_test(a_place_writes_20_lines_in_10_seconds),
        cmocka_unit_test(lines_left_out_are_told_though_no_further_one_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
