#include "proxy/admin/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct request_case {
    const char *what;
    enum access_role role;
    const char *token;      /* of the settings; NULL: none */
    const char *headers[4]; /* "Name: value" */
    int status;
    bool has_token;
};

static const struct request_case cases[] = {
    {"open to all", ACCESS_OPEN, NULL, {"Host: proxy.example"}, 0, false},
    {"open to all, with a token in the settings", ACCESS_OPEN, "secret", {NULL}, 0, false},
    {"reads by name of loopback", ACCESS_READ, NULL, {"Host: localhost:9090"}, 0, false},
    {"reads by IPv4", ACCESS_READ, NULL, {"Host: 127.0.0.1:9090"}, 0, false},
    {"reads by another IPv4 of loopback", ACCESS_READ, NULL, {"Host: 127.1.2.3"}, 0, false},
    {"reads by IPv6", ACCESS_READ, NULL, {"Host: [::1]:9090"}, 0, false},
    {"a name that was rebound", ACCESS_READ, NULL, {"Host: evil.example:9090"}, 403, false},
    {"a name that begins like an address", ACCESS_READ, NULL, {"Host: 127.0.0.1.evil.example"}, 403, false},
    {"an address that is none", ACCESS_READ, NULL, {"Host: 127.0.0.256"}, 403, false},
    {"no Host", ACCESS_READ, NULL, {NULL}, 403, false},
    {"reads by what begins like loopback", ACCESS_READ, NULL, {"Host: [::1].evil"}, 403, false},
    {"reads by what begins like loopback, with a port", ACCESS_READ, NULL, {"Host: [::1].evil:9090"}, 403, false},
    {"reads by loopback and no port", ACCESS_READ, NULL, {"Host: localhost:evil"}, 403, false},
    {"reads by loopback and more than a port", ACCESS_READ, NULL, {"Host: 127.0.0.1:80.evil"}, 403, false},
    {"reads by loopback of IPv6 with a port", ACCESS_READ, NULL, {"Host: [::1]:9090"}, 0, false},
    {"reads without the token", ACCESS_READ, "secret", {"Host: localhost"}, 401, false},
    {"reads with it, whatever Host",
     ACCESS_READ,
     "secret",
     {"Host: p.example", "Authorization: Bearer secret"},
     0,
     true},
    {"scheme in any case", ACCESS_READ, "secret", {"Authorization: bearer  secret"}, 0, true},
    {"a wrong token", ACCESS_READ, "secret", {"Authorization: Bearer secreT"}, 401, false},
    {"a longer one", ACCESS_READ, "secret", {"Authorization: Bearer secret1"}, 401, false},
    {"a shorter one", ACCESS_READ, "secret", {"Authorization: Bearer secre"}, 401, false},
    {"an empty one", ACCESS_READ, "secret", {"Authorization: Bearer "}, 401, false},
    {"another scheme", ACCESS_READ, "secret", {"Authorization: Basic secret"}, 401, false},
    {"an empty one where none is set", ACCESS_CHANGE, NULL, {"Host: localhost", "Authorization: Bearer "}, 403, false},
    {"changes without a token in the settings", ACCESS_CHANGE, NULL, {"Host: localhost"}, 403, false},
    {"changes without the token", ACCESS_CHANGE, "secret", {"Host: localhost"}, 401, false},
    {"changes with it", ACCESS_CHANGE, "secret", {"Host: localhost", "Authorization: Bearer secret"}, 0, true},
    {"changes from the page",
     ACCESS_CHANGE,
     "secret",
     {"Host: p:9090", "Origin: https://p:9090", "Sec-Fetch-Site: same-origin", "Authorization: Bearer secret"},
     0,
     true},
    {"changes from another origin",
     ACCESS_CHANGE,
     "secret",
     {"Host: p:9090", "Origin: https://evil.example", "Authorization: Bearer secret"},
     403,
     true},
    {"changes from another port", ACCESS_CHANGE, "secret", {"Host: p:9090", "Origin: http://p:80"}, 403, false},
    {"changes from no origin", ACCESS_CHANGE, "secret", {"Host: p", "Origin: null"}, 403, false},
    {"changes from another site", ACCESS_CHANGE, "secret", {"Host: p", "Sec-Fetch-Site: cross-site"}, 403, false},
    {"changes from the same site", ACCESS_CHANGE, "secret", {"Host: p", "Sec-Fetch-Site: same-site"}, 403, false},
};

static struct access check(const struct request_case *each) {
    struct http_header headers[4];
    size_t count = 0;
    for (; count < ARRAY_LEN(headers) && each->headers[count] != NULL; count++) {
        struct str line = str_of(each->headers[count]), name;
        assert_true(str_next(&line, ':', &name));
        headers[count] = (struct http_header){name, str_trim(line)};
    }
    const struct http_request request = {.method = STR("GET"), .headers = headers, .header_count = count};
    return access_check(each->role, &request, str_of(each->token));
}

/* (fault 5.9) */
static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct access access = check(&cases[i]);
        if (access.status != cases[i].status || access.has_token != cases[i].has_token)
            fail_msg("%s: status %d, token %d", cases[i].what, access.status, access.has_token);
        if ((access.status == 0) != (access.why == NULL))
            fail_msg("%s: a refusal says why, and only that", cases[i].what);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
