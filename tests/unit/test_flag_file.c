/* The file on disk: replaced whole, by one at a time, where it is and as what it was. */
#include "proxy/app/flag_file.h"

#include "proxy/decide/flags_edit.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/hookshift-flag-file-XXXXXX";

static const char *path_of(const char *name) {
    static char path[sizeof folder + NAME_MAX + 1];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static const char *read_file(const char *name) {
    static char text[4096];
    FILE *file = fopen(path_of(name), "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

/* Files in the folder, so that none is left behind. */
static int count_files(void) {
    DIR *dir = opendir(folder);
    int count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static int make_folder(void **state) {
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state) {
    (void)state;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(path_of(entry->d_name)) != 0)
            rmdir(path_of(entry->d_name));
    closedir(dir);
    return rmdir(folder);
}

static enum err add_x(void *arg, struct str text, struct strbuf *out, struct err_detail *detail) {
    (void)arg;
    (void)detail;
    strbuf_append(out, text);
    strbuf_append(out, STR("x"));
    return ERR_NONE;
}

static enum err refuse(void *arg, struct str text, struct strbuf *out, struct err_detail *detail) {
    (void)arg;
    strbuf_append(out, text);
    strbuf_append(out, STR("half"));
    return err_set(detail, ERR_DENIED, "not today");
}

static enum err keep(void *arg, struct str text, struct strbuf *out, struct err_detail *detail) {
    (void)arg;
    (void)detail;
    strbuf_append(out, text);
    return ERR_NONE;
}

static void test_the_file_is_replaced(void **state) {
    (void)state;
    struct stat before, after;
    struct err_detail detail;
    bool unreadable;
    write_file("flags.json", "a");
    assert_int_equal(chmod(path_of("flags.json"), 0640), 0);
    assert_int_equal(stat(path_of("flags.json"), &before), 0);
    int old = open(path_of("flags.json"), O_RDONLY);
    assert_int_equal(flag_file_edit(path_of("flags.json"), add_x, NULL, &unreadable, &detail), ERR_NONE);
    assert_string_equal(read_file("flags.json"), "ax");
    assert_int_equal(stat(path_of("flags.json"), &after), 0);
    assert_int_equal(after.st_mode, before.st_mode);
    assert_int_equal(after.st_uid, before.st_uid);
    char text[8];
    assert_int_equal(read(old, text, sizeof text), 1); /* who reads the old one, reads it to its end */
    close(old);
    assert_int_equal(count_files(), 1);
}

static void test_a_refusal_leaves_everything(void **state) {
    (void)state;
    struct stat before, after;
    struct err_detail detail;
    bool unreadable;
    write_file("flags.json", "a");
    assert_int_equal(stat(path_of("flags.json"), &before), 0);
    assert_int_equal(flag_file_edit(path_of("flags.json"), refuse, NULL, &unreadable, &detail), ERR_DENIED);
    assert_string_equal(detail.text, "not today");
    assert_false(unreadable);
    assert_int_equal(flag_file_edit(path_of("flags.json"), keep, NULL, &unreadable, &detail), ERR_NONE);
    assert_int_equal(stat(path_of("flags.json"), &after), 0);
    assert_int_equal(after.st_ino, before.st_ino); /* nothing to change: not even replaced */
    assert_string_equal(read_file("flags.json"), "a");
    assert_int_equal(count_files(), 1);
}

static void test_a_link_stays_a_link(void **state) {
    (void)state;
    struct stat link;
    struct err_detail detail;
    bool unreadable;
    write_file("real.json", "a");
    assert_int_equal(symlink("real.json", path_of("link.json")), 0);
    assert_int_equal(flag_file_edit(path_of("link.json"), add_x, NULL, &unreadable, &detail), ERR_NONE);
    assert_int_equal(lstat(path_of("link.json"), &link), 0);
    assert_true(S_ISLNK(link.st_mode));
    assert_string_equal(read_file("real.json"), "ax");
    assert_int_equal(count_files(), 2);
}

static void test_what_cannot_be_read(void **state) {
    (void)state;
    struct err_detail detail;
    bool unreadable = false;
    assert_int_not_equal(flag_file_edit(path_of("none.json"), add_x, NULL, &unreadable, &detail), ERR_NONE);
    assert_true(unreadable);
    assert_int_equal(mkdir(path_of("folder"), 0700), 0);
    unreadable = false;
    assert_int_not_equal(flag_file_edit(path_of("folder"), add_x, NULL, &unreadable, &detail), ERR_NONE);
    assert_true(unreadable);
    assert_true(detail.text[0] != '\0');
}

struct switching {
    enum consumer_flag flag;
    bool on;
};

static enum err switch_flag(void *arg, struct str text, struct strbuf *out, struct err_detail *detail) {
    const struct switching *switching = arg;
    const struct flags_switch wanted = {.flag = switching->flag, .on = switching->on, .percent = -1};
    return flags_edit_switch(text, &wanted, out, detail);
}

/* A process that switches one flag to and fro, and ends with it on. */
static void switch_to_and_fro(enum consumer_flag flag) {
    for (int i = 0; i < 50; i++) {
        struct switching switching = {flag, i % 2 == 1};
        struct err_detail detail;
        bool unreadable;
        if (flag_file_edit(path_of("flags.json"), switch_flag, &switching, &unreadable, &detail) != ERR_NONE)
            _exit(1);
    }
    _exit(0);
}

/* Three at once, each with a flag of its own: no change is lost, and whoever reads meanwhile reads whole files. */
static void test_changes_at_once_lose_nothing(void **state) {
    (void)state;
    pid_t children[CONSUMER_FLAG_COUNT];
    write_file("flags.json", "{\"flags\":{}}");
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            switch_to_and_fro(i);
    }
    int running = CONSUMER_FLAG_COUNT, status;
    while (running > 0) {
        struct arena *arena = arena_new(0);
        struct flags *flags = NULL;
        struct flag_problems problems;
        assert_int_equal(flags_load(str_of(read_file("flags.json")), arena, &flags, &problems), ERR_NONE);
        flags_free(flags);
        arena_free(arena);
        pid_t ended = waitpid(-1, &status, WNOHANG);
        assert_true(ended >= 0);
        if (ended > 0) {
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            running--;
        }
    }
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct flag_problems problems;
    assert_int_equal(flags_load(str_of(read_file("flags.json")), arena, &flags, &problems), ERR_NONE);
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        struct flag_decision decision = flags_consumer(flags, i, &(struct flag_context){0}, 0, arena);
        assert_true(decision.on && decision.reason == FLAG_REASON_STATIC);
    }
    flags_free(flags);
    arena_free(arena);
    assert_int_equal(count_files(), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_file_is_replaced, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_refusal_leaves_everything, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_link_stays_a_link, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_changes_at_once_lose_nothing, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
