/* Connections counted by address: limits, what is one address, and what is told of refusals. */
#include "common/crowd.h"

#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static struct netaddr address(const char *text) {
    struct netaddr address;
    assert_int_equal(netaddr_parse(text, &address, NULL), ERR_NONE);
    return address;
}

static struct guest *enter(struct crowd *crowd, const char *text) {
    struct netaddr peer = address(text);
    return crowd_enter(crowd, &peer);
}

static struct crowd_counts counts_of(struct crowd *crowd) {
    struct crowd_counts counts;
    crowd_count(crowd, &counts);
    return counts;
}

static void there_is_a_limit_in_all(void **state) {
    (void)state;
    struct crowd *crowd = crowd_new(2, 0);
    struct guest *first = enter(crowd, "192.0.2.1:1"), *second = enter(crowd, "192.0.2.1:2");
    assert_ptr_equal(first, second);
    assert_null(enter(crowd, "192.0.2.2:1"));
    assert_int_equal(counts_of(crowd).refused[CROWD_FULL], 1);
    crowd_leave(crowd, first);
    struct guest *third = enter(crowd, "192.0.2.2:1");
    assert_non_null(third);
    assert_int_equal(counts_of(crowd).connections, 2);
    assert_int_equal(counts_of(crowd).addresses, 2);
    crowd_leave(crowd, second);
    crowd_leave(crowd, third);
    assert_int_equal(counts_of(crowd).connections, 0);
    assert_int_equal(counts_of(crowd).addresses, 0);
    crowd_free(crowd);
}

/* Once they are nearly all gone, and once more for those that were still leaving; few are not worth it. */
static void memory_is_given_back_after_a_crowd(void **state) {
    (void)state;
    enum { MANY = 2000, STAY = 200, LEAVE_LATE = 100 };
    struct crowd *crowd = crowd_new(MANY, 0);
    for (int turn = 0; turn < 2; turn++) {
        struct guest *guest = NULL;
        for (int i = 0; i < MANY; i++)
            guest = enter(crowd, "192.0.2.1:1");
        assert_false(crowd_tidy(crowd));
        for (int i = 0; i < MANY - STAY; i++)
            crowd_leave(crowd, guest);
        assert_true(crowd_tidy(crowd));
        for (int i = 0; i < LEAVE_LATE; i++)
            crowd_leave(crowd, guest);
        assert_true(crowd_tidy(crowd));
        assert_false(crowd_tidy(crowd));
        for (int i = 0; i < STAY - LEAVE_LATE; i++)
            crowd_leave(crowd, guest);
        assert_false(crowd_tidy(crowd));
    }
    crowd_free(crowd);
}

static void there_is_a_limit_for_one_address(void **state) {
    (void)state;
    struct crowd *crowd = crowd_new(10, 2);
    struct guest *guests[] = {enter(crowd, "192.0.2.1:1"), enter(crowd, "192.0.2.1:2"), enter(crowd, "192.0.2.2:1")};
    assert_null(enter(crowd, "192.0.2.1:3"));
    assert_int_equal(counts_of(crowd).refused[CROWD_ADDRESS_FULL], 1);
    assert_int_equal(counts_of(crowd).refused[CROWD_FULL], 0);
    crowd_leave(crowd, guests[0]);
    guests[0] = enter(crowd, "192.0.2.1:3");
    for (size_t i = 0; i < ARRAY_LEN(guests); i++) {
        assert_non_null(guests[i]);
        crowd_leave(crowd, guests[i]);
    }
    crowd_free(crowd);
}

static void what_is_one_address(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_one;
    } cases[] = {
        {"192.0.2.1:1", "[::ffff:192.0.2.1]:2", true},
        {"[2001:db8::1]:1", "[2001:db8::2]:2", true},
        {"[2001:db8::1]:1", "[2001:db8:0:1::1]:2", false},
        {"[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1", false},
        {"192.0.2.1:1", "192.0.2.2:1", false},
        {"[::1]:1", "127.0.0.1:1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct crowd *crowd = crowd_new(10, 0);
        struct guest *a = enter(crowd, cases[i].a), *b = enter(crowd, cases[i].b);
        if ((a == b) != cases[i].is_one)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
        crowd_leave(crowd, a);
        crowd_leave(crowd, b);
        crowd_free(crowd);
    }
}

static void thousands_of_addresses_come_and_go(void **state) {
    (void)state;
    enum { MANY = 20000 };
    struct crowd *crowd = crowd_new(MANY, 1);
    struct guest **guests = MEM_ARRAY(MANY, struct guest *);
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < MANY; i++) {
            char text[32];
            snprintf(text, sizeof text, "10.%u.%u.1:1", i / 256, i % 256);
            guests[i] = enter(crowd, text);
            assert_non_null(guests[i]);
        }
        assert_int_equal(counts_of(crowd).addresses, MANY);
        for (unsigned i = 0; i < MANY; i++)
            crowd_leave(crowd, guests[(i * 7919 + turn) % MANY]);
        assert_int_equal(counts_of(crowd).addresses, 0);
    }
    mem_free((void *)guests);
    crowd_free(crowd);
}

static void *come_and_go(void *arg) {
    for (int i = 0; i < 5000; i++) {
        struct guest *guest = enter(arg, i % 2 == 0 ? "192.0.2.1:1" : "192.0.2.2:1");
        if (guest != NULL)
            crowd_leave(arg, guest);
    }
    return NULL;
}

static void threads_share_it(void **state) {
    (void)state;
    pthread_t threads[4];
    struct crowd *crowd = crowd_new(3, 2);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, crowd), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counts_of(crowd).connections, 0);
    assert_int_equal(counts_of(crowd).addresses, 0);
    crowd_free(crowd);
}

static void a_flood_of_refusals_is_one_line(void **state) {
    (void)state;
    char text[4096] = "";
    struct netaddr peer = address("192.0.2.1:55");
    FILE *kept = tmpfile();
    int stderr_fd = dup(STDERR_FILENO);
    assert_true(kept != NULL && dup2(fileno(kept), STDERR_FILENO) >= 0);
    struct crowd *crowd = crowd_new(1, 0);
    for (int i = 0; i < 1000; i++)
        crowd_refused(crowd, &peer, CROWD_NO_DESCRIPTOR);
    assert_true(dup2(stderr_fd, STDERR_FILENO) >= 0);
    close(stderr_fd);
    rewind(kept);
    size_t len = fread(text, 1, sizeof text - 1, kept);
    fclose(kept);
    assert_true(len > 0 && strchr(text, '\n') == text + len - 1);
    assert_non_null(strstr(text, "connections refused"));
    assert_non_null(strstr(text, "out of descriptors"));
    assert_non_null(strstr(text, "192.0.2.1:55"));
    assert_int_equal(counts_of(crowd).refused[CROWD_NO_DESCRIPTOR], 1000);
    crowd_free(crowd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_a_limit_in_all),
        cmocka_unit_test(memory_is_given_back_after_a_crowd),
        cmocka_unit_test(there_is_a_limit_for_one_address),
        cmocka_unit_test(what_is_one_address),
        cmocka_unit_test(thousands_of_addresses_come_and_go),
        cmocka_unit_test(threads_share_it),
        cmocka_unit_test(a_flood_of_refusals_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
