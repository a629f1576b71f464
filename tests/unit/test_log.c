/* Log lines, as they come out of standard error. */
#include "common/log.h"

#include "common/arena.h"
#include "common/clock.h"
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TIME "2024-09-01T12:14:14.015Z"

struct capture {
    FILE *file;
    int real;
    char text[32768];
};

static void capture_begin(struct capture *capture) {
    capture->file = tmpfile();
    assert_non_null(capture->file);
    capture->real = dup(STDERR_FILENO);
    assert_true(dup2(fileno(capture->file), STDERR_FILENO) >= 0);
    clock_set_wall_ms(1725192854015);
}

static const char *capture_end(struct capture *capture) {
    assert_true(dup2(capture->real, STDERR_FILENO) >= 0);
    close(capture->real);
    rewind(capture->file);
    size_t len = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[len] = '\0';
    fclose(capture->file);
    clock_set_wall_ms(-1);
    return capture->text;
}

static void a_line_of_text_is_a_fact_and_its_fields(void **state) {
    struct capture capture;
    (void)state;
    log_set(LOG_INFO, LOG_TEXT);
    capture_begin(&capture);
    LOG(LOG_INFO, "message admitted", LOG_STR("message", STR("01abc")), LOG_INT("items", -3),
        LOG_TEXTZ("why", "no twin"));
    LOG(LOG_ERROR, "store failed", LOG_STR(NULL, STR("left out")), LOG_TEXTZ("empty", ""), LOG_STR("none", STR_NONE));
    assert_string_equal(capture_end(&capture),
                        TIME " info  message admitted message=01abc items=-3 why=\"no twin\"\n" TIME
                             " error store failed empty=\"\" none=\"\"\n");
}

/* A line stays a line, and a field a field, whatever a sender puts into its headers. (fault 5.9) */
static void values_of_a_text_line_are_quoted_where_they_must_be(void **state) {
    static const struct {
        struct str value;
        const char *shown;
    } cases[] = {
        {{"plain-1/2:3", 11}, "plain-1/2:3"},
        {{"a b", 3}, "\"a b\""},
        {{"a=b", 3}, "\"a=b\""},
        {{"a\"b", 3}, "\"a\\\"b\""},
        {{"a\\b", 3}, "a\\b"},
        {{"a\\ b", 4}, "\"a\\\\ b\""},
        {{"a\nb", 3}, "\"a\\u000ab\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
        {{"\x1B[31m", 5}, "\"\\u001b[31m\""},
        {{"\x7F", 1}, "\"\\u007f\""},
        {{"\xC3\xA4", 2}, "\"\xC3\xA4\""},
        {{"\xC3", 1}, "\"\\u00c3\""},
        {{"\xC2\x9B"
          "2J",
          4},
         "\"\\u009b2J\""},
        {{"\xC2\x85", 2}, "\"\\u0085\""},
        {{"\xE2\x80\xAE", 3}, "\"\\u202e\""},
        {{"\xE2\x81\xA9", 3}, "\"\\u2069\""},
        {{"\xE2\x80\xA8", 3}, "\"\\u2028\""},
        {{"\xD8\x9C", 2}, "\"\\u061c\""},
        {{"\xC2\xA0", 2}, "\"\xC2\xA0\""},
        {{"\xE2\x82\xAC", 3}, "\"\xE2\x82\xAC\""},
        {{"\xC3\xA4\xFF", 3}, "\"\\u00c3\\u00a4\\u00ff\""},
    };
    (void)state;
    log_set(LOG_INFO, LOG_TEXT);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct capture capture;
        char wanted[128];
        capture_begin(&capture);
        LOG(LOG_WARN, "odd", LOG_STR("v", cases[i].value));
        snprintf(wanted, sizeof wanted, TIME " warn  odd v=%s\n", cases[i].shown);
        assert_string_equal(capture_end(&capture), wanted);
    }
}

static void a_line_of_json_is_one_object(void **state) {
    struct capture capture;
    (void)state;
    log_set(LOG_DEBUG, LOG_JSON);
    capture_begin(&capture);
    LOG(LOG_DEBUG, "a \"fact\"", LOG_STR("text", STR("a\\\"\n\t\x01\x7F")), LOG_INT("number", INT64_MIN),
        LOG_STR(NULL, STR("left out")), LOG_STR("bytes", STR("\xFF\xC3")), LOG_STR("utf8", STR("\xE2\x82\xAC")));
    const char *text = capture_end(&capture);
    assert_string_equal(text, "{\"time\":\"" TIME "\",\"level\":\"debug\",\"msg\":\"a \\\"fact\\\"\","
                              "\"text\":\"a\\\\\\\"\\u000a\\u0009\\u0001\\u007f\",\"number\":-9223372036854775808,"
                              "\"bytes\":\"\\u00ff\\u00c3\",\"utf8\":\"\xE2\x82\xAC\"}\n");
}

/* Whatever the value, a line is JSON, and reads back as what it was. */
static void lines_of_json_can_be_read(void **state) {
    const struct json_limits limits = {4, 100, false, true, false};
    struct arena *arena = arena_new(0);
    (void)state;
    srand(20240901);
    log_set(LOG_INFO, LOG_JSON);
    for (int round = 0; round < 300; round++) {
        struct capture capture;
        struct json *root;
        char value[40];
        size_t len = (size_t)rand() % sizeof value;
        for (size_t i = 0; i < len; i++)
            value[i] = (char)(rand() % (round % 2 == 0 ? 256 : 128));
        capture_begin(&capture);
        LOG(LOG_INFO, "fact", LOG_STR("v", str_slice(value, len)));
        struct str line = str_of(capture_end(&capture));
        assert_true(str_ends_with(line, STR("}\n")));
        assert_int_equal(str_find(line, STR("\n")), (ptrdiff_t)line.len - 1);
        assert_int_equal(json_parse(arena, str_slice(line.at, line.len - 1), &limits, &root, NULL), ERR_NONE);
        struct str read = json_string(json_get(root, STR("v")));
        if (str_is_utf8(str_slice(value, len)))
            assert_true(str_eq(read, str_slice(value, len)));
    }
    arena_free(arena);
}

static void what_is_below_the_level_is_not_written(void **state) {
    static const enum log_level levels[] = {LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct capture capture;
        size_t lines = 0;
        log_set(levels[i], LOG_TEXT);
        capture_begin(&capture);
        for (size_t k = 0; k < ARRAY_LEN(levels); k++) {
            LOG(levels[k], "fact", LOG_INT("k", k));
            assert_int_equal(log_enabled(levels[k]), k <= i);
        }
        for (const char *at = capture_end(&capture); *at != '\0'; at++)
            lines += *at == '\n' ? 1 : 0;
        assert_int_equal(lines, i + 1);
    }
}

static void *write_lines(void *arg) {
    for (int i = 0; i < 40; i++)
        LOG(LOG_INFO, "from a thread", LOG_TEXTZ("who", arg), LOG_INT("line", i));
    return NULL;
}

static void lines_of_several_threads_stay_apart(void **state) {
    static const char *const names[] = {"first", "second", "third"};
    pthread_t threads[ARRAY_LEN(names)];
    struct capture capture;
    (void)state;
    log_set(LOG_INFO, LOG_TEXT);
    capture_begin(&capture);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, (void *)(uintptr_t)names[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        pthread_join(threads[i], NULL);
    struct str line, rest = str_of(capture_end(&capture));
    size_t lines = 0;
    while (str_next(&rest, '\n', &line) && line.len > 0) {
        assert_true(str_starts_with(line, STR(TIME " info  from a thread who=")));
        lines++;
    }
    assert_int_equal(lines, 40 * ARRAY_LEN(names));
}

/* There is nobody to tell when standard error is gone. */
static void a_closed_standard_error_is_no_reason_to_fail(void **state) {
    (void)state;
    int real = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    log_set(LOG_INFO, LOG_TEXT);
    LOG(LOG_INFO, "nobody hears it", LOG_INT("n", 1));
    assert_true(dup2(real, STDERR_FILENO) >= 0);
    close(real);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_text_is_a_fact_and_its_fields),
        cmocka_unit_test(values_of_a_text_line_are_quoted_where_they_must_be),
        cmocka_unit_test(a_line_of_json_is_one_object),
        cmocka_unit_test(lines_of_json_can_be_read),
        cmocka_unit_test(what_is_below_the_level_is_not_written),
        cmocka_unit_test(lines_of_several_threads_stay_apart),
        cmocka_unit_test(a_closed_standard_error_is_no_reason_to_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
