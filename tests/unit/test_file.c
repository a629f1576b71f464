/* Whole files, and what is no file. */
#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/test_file.XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int remove_folder(void **state) {
    (void)state;
    unlink("file");
    unlink("pipe");
    unlink("socket");
    return chdir("/") != 0 || rmdir(folder) != 0;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* What is no regular file is refused at once: nobody waits for a writer that never comes. (fault 4.7) */
static void what_is_no_regular_file_is_refused_at_once(void **state) {
    (void)state;
    struct arena *arena = arena_new(0);
    struct err_detail detail;
    struct str text;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)(const void *)&address, sizeof address), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    write_file("file", "text");
    assert_int_equal(file_read(arena, "file", 100, &text, &detail), ERR_NONE);
    assert_true(str_eq(text, STR("text")));
    assert_null(file_why_not_regular("file"));
    assert_null(file_why_not_regular("nothing"));
    assert_int_equal(file_read(arena, "pipe", 100, &text, &detail), ERR_INVALID);
    assert_string_equal(detail.text, "is a pipe, and must be a regular file");
    assert_string_equal(file_why_not_regular("pipe"), "a pipe");
    assert_int_equal(file_read(arena, "/dev/zero", 100, &text, &detail), ERR_INVALID);
    assert_string_equal(detail.text, "is a device, and must be a regular file");
    assert_int_equal(file_read(arena, ".", 100, &text, &detail), ERR_INVALID);
    assert_string_equal(file_why_not_regular("."), "a folder");
    assert_string_equal(file_why_not_regular("socket"), "a socket");
    assert_int_equal(file_read(arena, "socket", 100, &text, &detail), ERR_IO);
    close(listener);
    arena_free(arena);
}

static void any_kind_is_read_to_its_end_where_that_is_asked_for(void **state) {
    (void)state;
    int ends[2];
    char name[32];
    struct arena *arena = arena_new(0);
    struct str text;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "piped", 5), 5);
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_int_equal(file_read_any(arena, name, 100, &text, NULL), ERR_NONE);
    assert_true(str_eq(text, STR("piped")));
    close(ends[0]);
    arena_free(arena);
}

/* A name in /proc leads to an open file as a mount of a single file does, also when it has no other name. (fault 4.7)
 */
static void a_file_without_a_name_is_orphaned(void **state) {
    (void)state;
    char name[32];
    write_file("file", "text");
    int fd = open("file", O_RDONLY | O_CLOEXEC);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    assert_false(file_is_orphaned(name));
    assert_false(file_is_orphaned("file"));
    assert_int_equal(unlink("file"), 0);
    assert_true(file_is_orphaned(name));
    assert_false(file_is_orphaned("file"));
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
        cmocka_unit_test(any_kind_is_read_to_its_end_where_that_is_asked_for),
        cmocka_unit_test(a_file_without_a_name_is_orphaned),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
