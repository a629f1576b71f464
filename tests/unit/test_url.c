#include "common/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* (fault 3.9) (fault 5.9) */
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
        {"HTTP://host/", NULL},
        {"hTTpS://host", NULL},
        {"http://[::1]", NULL},
        {"http://[::1].evil/", "has a host"},
        {"http://[::1]evil:80/", "has a host"},
        {"http://[::1", "has a host"},
        {"http://[::1]:80:90/", "has a port"},
        {"http://host:0/", "has a port"},
        {"http://host:+80/", "has a port"},
        {"http://host:/", "has a port"},
        {"http://host:080000/", "has a port"},
        {"http://h\xc3\xb6st/", "has a host"},
        {"http://host/\xc3\xb6", "is no URL"},
        {"http://host/a@b", NULL},
        {"http://@host/", "has a user name"},
        {"http://user:secret@[::1]:80/", "has a user name"},
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

static void test_parts(void **state) {
    (void)state;
    static const struct {
        const char *url, *origin, *host;
        int port;
        const char *path, *query;
        bool is_tls;
    } cases[] = {
        {"http://host", "http://host", "host", 80, "", "", false},
        {"HTTPS://Host/", "HTTPS://Host", "Host", 443, "/", "", true},
        {"http://host:8080/a/b?c=d/e?f#g?h", "http://host:8080", "host", 8080, "/a/b", "?c=d/e?f", false},
        {"https://[::1]:1?a", "https://[::1]:1", "[::1]", 1, "", "?a", true},
        {"http://host#a/b", "http://host", "host", 80, "", "", false},
        {"http://host/?x=1", "http://host", "host", 80, "/", "?x=1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;
        assert_null(url_split(str_of(cases[i].url), &url));
        assert_true(str_eq(url.origin, str_of(cases[i].origin)));
        assert_true(str_eq(url.host, str_of(cases[i].host)));
        assert_true(str_eq(url.path, str_of(cases[i].path)));
        assert_true(str_eq(url.query, str_of(cases[i].query)));
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.is_tls, cases[i].is_tls);
    }
}

static void test_origins(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        {"http://host/a", "HTTP://HOST:80/b", true}, {"https://host", "https://host:443?x", true},
        {"http://host", "https://host", false},      {"http://host:443", "https://host", false},
        {"http://host:81", "http://host", false},    {"http://host", "http://host.", false},
        {"http://[::1]:80/", "http://[::1]", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url a, b;
        assert_null(url_split(str_of(cases[i].a), &a));
        assert_null(url_split(str_of(cases[i].b), &b));
        assert_int_equal(url_is_same_origin(&a, &b), cases[i].is_same);
    }
}

/* (fault 5.9) */
static void test_passwords_are_masked(void **state) {
    (void)state;
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"http://user:secret@host/a", "http://...@host/a"},
        {"http://user@host", "http://...@host"},
        {"http://user:se/cr@et@host/", "http://...@host/"},
        {"ftp://user:secret@host", "ftp://...@host"},
        {"user:secret@host", "...@host"},
        {"http://host/a", "http://host/a"},
        {"/etc/flags@v2.json", "/etc/flags@v2.json"},
        {"", ""},
        {"@", "@"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct strbuf out = {0};
        strbuf_append(&out, STR(""));
        url_append_masked(&out, str_of(cases[i].text));
        assert_true(str_eq(strbuf_str(&out), str_of(cases[i].masked)));
        strbuf_clear(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_a_url), cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_origins), cmocka_unit_test(test_passwords_are_masked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
