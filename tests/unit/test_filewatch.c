/* Every way in which a file changes that people and tools use; each change must be noticed well within a second, and
 * the next one, too. The polling is set so slow that it cannot help, but where it is what is tested. */
#include "common/filewatch.h"
#include "common/mem.h"
#include "common/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOON_MS = 1000, NEVER_MS = 3600 * 1000 };

struct fixture {
    struct loop *loop;
    struct filewatch *watch;
    char root[64];
    int calls, wanted;
};

static void on_changed(void *arg) {
    ((struct fixture *)arg)->calls++;
}

static bool called_enough(void *arg) {
    struct fixture *fixture = arg;
    return fixture->calls >= fixture->wanted;
}

static bool wait_for_call(struct fixture *fixture, int64_t within_ms) {
    fixture->wanted = fixture->calls + 1;
    return loop_run_until(fixture->loop, called_enough, fixture, within_ms);
}

/* All paths of the tests are relative to the folder of the test, which is current. */
static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void make_folder(const char *path) {
    assert_int_equal(mkdir(path, 0755), 0);
}

static void make_link(const char *target, const char *path) {
    assert_int_equal(symlink(target, path), 0);
}

static void move(const char *from, const char *to) {
    assert_int_equal(rename(from, to), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path) {
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static int start(void **state) {
    struct fixture *fixture = MEM_NEW(struct fixture);
    snprintf(fixture->root, sizeof fixture->root, "/tmp/filewatch-XXXXXX");
    fixture->loop = loop_new();
    *state = fixture;
    return mkdtemp(fixture->root) != NULL ? chdir(fixture->root) : -1;
}

static int stop(void **state) {
    struct fixture *fixture = *state;
    filewatch_free(fixture->watch);
    loop_free(fixture->loop);
    if (chdir("/") != 0)
        return -1;
    remove_tree(fixture->root);
    mem_free(fixture);
    return 0;
}

static void watch(struct fixture *fixture, const char *path, int64_t poll_ms) {
    filewatch_free(fixture->watch);
    fixture->watch = filewatch_new(fixture->loop, path, poll_ms, on_changed, fixture);
}

static void set_nothing(void) {}

static void set_file(void) {
    write_file("f", "1");
}

static void edit(void) {
    write_file("f", "2");
}

static void append(void) {
    int fd = open("f", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "more", 4), 4);
    close(fd);
}

static void same_length(void) {
    int fd = open("f", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "2", 1, 0), 1);
    close(fd);
}

static void rename_over(void) {
    write_file("f.tmp", "2");
    move("f.tmp", "f");
}

static void delete_file(void) {
    assert_int_equal(unlink("f"), 0);
}

static void delete_and_recreate(void) {
    delete_file();
    write_file("f", "2");
}

static void replace_by_link(void) {
    write_file("other", "2");
    delete_file();
    make_link("other", "f");
}

static void set_link(void) {
    write_file("a", "1");
    write_file("b", "2");
    make_link("a", "f");
}

static void swap_link(void) {
    make_link("b", "f.tmp");
    move("f.tmp", "f");
}

static void edit_behind_link(void) {
    write_file("a", "3");
}

static void set_map(void) {
    make_folder("..1");
    write_file("..1/f", "1");
    make_link("..1", "..data");
    make_link("..data/f", "f");
}

/* As the kubelet does it: a new folder, the link swapped by a rename, the old folder removed. */
static void swap_map(void) {
    make_folder("..2");
    write_file("..2/f", "2");
    make_link("..2", "..data_tmp");
    move("..data_tmp", "..data");
    remove_tree("..1");
}

static void set_releases(void) {
    make_folder("r1");
    make_folder("r2");
    make_folder("r1/conf");
    make_folder("r2/conf");
    write_file("r1/conf/f", "1");
    write_file("r2/conf/f", "2");
    make_link("r1/../r1", "current");
    make_link("./current/conf/../conf/f", "f");
}

static void swap_release(void) {
    make_link("r2", "next");
    move("next", "current");
}

static void set_absolute_link(void) {
    char *here = getcwd(NULL, 0);
    char target[200];
    make_folder("d");
    write_file("d/f", "1");
    snprintf(target, sizeof target, "%s/d/f", here);
    make_link(target, "f");
    free(here);
}

static void edit_behind_absolute_link(void) {
    write_file("d/f.tmp", "2");
    move("d/f.tmp", "d/f");
}

static void set_deep(void) {
    make_folder("d");
    make_folder("d/e");
    write_file("d/e/f", "1");
}

static void recreate_folder(void) {
    remove_tree("d/e");
    make_folder("d/e");
    write_file("d/e/f", "2");
}

static void recreate_folders(void) {
    remove_tree("d");
    set_deep();
}

static void exchange_folder(void) {
    make_folder("new");
    make_folder("new/e");
    write_file("new/e/f", "2");
    move("d", "old");
    move("new", "d");
}

static void set_loop_of_links(void) {
    make_link("g", "f");
    make_link("f", "g");
}

static void break_loop_of_links(void) {
    assert_int_equal(unlink("g"), 0);
    write_file("g", "1");
}

struct change {
    const char *name;
    const char *path;
    void (*before)(void);
    void (*change)(void);
};

static const struct change changes[] = {
    {"edited in place", "f", set_file, edit},
    {"appended to", "f", set_file, append},
    {"overwritten with as many bytes", "f", set_file, same_length},
    {"renamed over", "f", set_file, rename_over},
    {"deleted", "f", set_file, delete_file},
    {"deleted and made again", "f", set_file, delete_and_recreate},
    {"replaced by a link", "f", set_file, replace_by_link},
    {"made where none was", "f", set_nothing, set_file},
    {"made in folders that were not there", "d/e/f", set_nothing, set_deep},
    {"link swapped", "f", set_link, swap_link},
    {"edited behind a link", "f", set_link, edit_behind_link},
    {"map swapped", "f", set_map, swap_map},
    {"map swapped, by way of its folder", "..data/f", set_map, swap_map},
    {"folder of links swapped", "f", set_releases, swap_release},
    {"renamed over behind an absolute link", "f", set_absolute_link, edit_behind_absolute_link},
    {"folder made again", "d/e/f", set_deep, recreate_folder},
    {"folders made again", "d//e/./f", set_deep, recreate_folders},
    {"folder exchanged", "d/e/f", set_deep, exchange_folder},
    {"links in a circle", "f", set_loop_of_links, break_loop_of_links},
};

static void every_change_is_noticed_and_the_next_one_too(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        const struct change *row = &changes[i];
        make_folder("test");
        assert_int_equal(chdir("test"), 0);
        row->before();
        watch(fixture, row->path, NEVER_MS);
        row->change();
        if (!wait_for_call(fixture, SOON_MS))
            fail_msg("%s: not noticed", row->name);
        write_file(row->path, "in place");
        if (!wait_for_call(fixture, SOON_MS))
            fail_msg("%s: what came after it was not noticed", row->name);
        assert_int_equal(chdir(".."), 0);
        remove_tree("test");
    }
}

static void a_burst_is_told_once_and_other_files_never(void **state) {
    struct fixture *fixture = *state;
    write_file("f", "1");
    watch(fixture, "f", NEVER_MS);
    for (int i = 0; i < 20; i++) {
        write_file("g", "other");
        write_file("f", "2");
        rename_over();
    }
    assert_true(wait_for_call(fixture, SOON_MS));
    write_file("g", "other again");
    assert_int_equal(unlink("g"), 0);
    write_file("f", "3");
    assert_true(wait_for_call(fixture, SOON_MS));
    assert_int_equal(fixture->calls, 2);
}

struct writer {
    struct fixture *fixture;
    struct loop_timer *timer;
};

static void write_again(void *arg) {
    struct writer *writer = arg;
    write_file("f", "again");
    loop_timer_set(writer->timer, 10);
}

static void a_burst_without_end_is_told_all_the_same(void **state) {
    struct fixture *fixture = *state;
    struct writer writer = {.fixture = fixture};
    watch(fixture, "f", NEVER_MS);
    writer.timer = loop_timer_new(fixture->loop, write_again, &writer);
    write_again(&writer);
    assert_true(wait_for_call(fixture, SOON_MS));
    assert_true(wait_for_call(fixture, SOON_MS));
    loop_timer_free(writer.timer);
}

/* Written through memory, a file changes without an event. */
static void polling_sees_what_is_not_told(void **state) {
    struct fixture *fixture = *state;
    write_file("f", "1");
    int fd = open("f", O_RDWR | O_CLOEXEC);
    char *bytes = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    const struct timespec before[2] = {{1, 0}, {1, 0}}; /* the clock of a file system may stand still for a while */
    assert_int_equal(futimens(fd, before), 0);
    watch(fixture, "f", 20);
    bytes[0] = '2';
    assert_int_equal(msync(bytes, 1, MS_SYNC), 0);
    assert_true(wait_for_call(fixture, SOON_MS));
    munmap(bytes, 1);
    close(fd);
}

static void polling_is_silent_where_nothing_changes(void **state) {
    struct fixture *fixture = *state;
    write_file("f", "1");
    watch(fixture, "f", 5);
    assert_false(wait_for_call(fixture, 100));
    assert_int_equal(unlink("f"), 0);
    assert_true(wait_for_call(fixture, SOON_MS));
    assert_false(wait_for_call(fixture, 100));
}

static void on_changed_free(void *arg) {
    struct fixture *fixture = arg;
    fixture->calls++;
    filewatch_free(fixture->watch);
    fixture->watch = NULL;
}

static void the_watch_may_be_freed_when_it_calls(void **state) {
    struct fixture *fixture = *state;
    fixture->watch = filewatch_new(fixture->loop, "f", NEVER_MS, on_changed_free, fixture);
    write_file("f", "1");
    assert_true(wait_for_call(fixture, SOON_MS));
}

/* Out of descriptors when it begins; by the time of the second change there are some again. */
static void without_inotify_there_is_polling(void **state) {
    struct fixture *fixture = *state;
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    watch(fixture, "f", 20);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    write_file("f", "1");
    assert_true(wait_for_call(fixture, SOON_MS));
    rename_over();
    assert_true(wait_for_call(fixture, SOON_MS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_change_is_noticed_and_the_next_one_too, start, stop),
        cmocka_unit_test_setup_teardown(a_burst_is_told_once_and_other_files_never, start, stop),
        cmocka_unit_test_setup_teardown(a_burst_without_end_is_told_all_the_same, start, stop),
        cmocka_unit_test_setup_teardown(polling_sees_what_is_not_told, start, stop),
        cmocka_unit_test_setup_teardown(polling_is_silent_where_nothing_changes, start, stop),
        cmocka_unit_test_setup_teardown(the_watch_may_be_freed_when_it_calls, start, stop),
        cmocka_unit_test_setup_teardown(without_inotify_there_is_polling, start, stop),
    };
    return cmocka_run_group_tests_name("filewatch", tests, NULL, NULL);
}
