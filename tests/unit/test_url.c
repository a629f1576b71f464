#include "common/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_what_is_a_url(void **state) {
    (void)state;
    static const struct {
        const char *url, *wrong; /* NULL: nothing */
    } cases[] = {
        {"http://localhost", NULL},
        {"http://localhost/", NULL},
        {"HTTPS://Example.com:8443/hooks?x=1", NULL},
        {"http://127.0.0.1:1/a", NULL},
        {"http://[::1]:8080/a%20b", NULL},
        {"http://consumer.default.svc.cluster.local:80/x", NULL},
        {"", "does not begin with"},
        {"localhost:8080", "does not begin with"},
        {"/path", "does not begin with"},
        {"ftp://host/", "does not begin with"},
        {"http:/host", "does not begin with"},
        {"file:///etc/passwd", "does not begin with"},
        {" http://host", "does not begin with"},
        {"http://", "has no host"},
        {"http:///path", "has no host"},
        {"http://?x", "has no host"},
        {"http://:80/", "has no host"},
        {"http://host:99999/", "has a port"},
        {"http://host:x/", "has a port"},
        {"http://[::g]/", "has a host"},
        {"http://ho st/", "has a host"},
        {"http://host/a b", "is no URL"},
        {"http://host/\n", "is no URL"},
        {"http://user:secret@host/", "has a user name"},
        {"http://user@host/", "has a user name"},
        {"http://host/#part", "has a fragment"},
        {"http://host/#", "has a fragment"},
        {"http://host?x=1", "has a query without a path"},
        {"http://host?x=/", "has a query without a path"},
    };
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *wrong = url_check(str_of(cases[i].url));
        bool as_expected =
            cases[i].wrong == NULL ? wrong == NULL : wrong != NULL && strstr(wrong, cases[i].wrong) != NULL;
        if (!as_expected) {
            print_error("\"%s\": %s\n", cases[i].url, wrong == NULL ? "fine" : wrong);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
    assert_non_null(url_check(str_slice("http://ho\0st/", 13)));
}

static void test_paths(void **state) {
    (void)state;
    assert_false(url_has_path(STR("http://host")));
    assert_false(url_has_path(STR("https://host:8080/")));
    assert_true(url_has_path(STR("http://host/x")));
    assert_true(url_has_path(STR("http://host/?x=1")));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_a_url), cmocka_unit_test(test_paths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
