/* The PROXY protocol, and ranges of addresses. */
#include "common/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the three above */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define IPV4      "\xCB\x00\x71\x07\x7F\x00\x00\x01\x12\x67\x01\xBB"
#define IPV6      "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x12\x67\x01\xBB"

struct given {
    const char *name, *bytes;
    size_t len;
    enum proxy_header_result result;
    const char *source; /* NULL: none */
    bool is_tls;
};

#define ROW(name, bytes, result, source, is_tls)                                                                       \
    { name, bytes, sizeof(bytes) - 1, result, source, is_tls }

static const struct given rows[] = {
    ROW("IPv4", SIGNATURE "\x21\x11\0\x0C" IPV4, PROXY_HEADER_DONE, "203.0.113.7:4711", false),
    ROW("IPv6", SIGNATURE "\x21\x21\0\x24" IPV6, PROXY_HEADER_DONE, "[2001:db8::7]:4711", false),
    ROW("local", SIGNATURE "\x20\x11\0\x0C" IPV4, PROXY_HEADER_DONE, NULL, false),
    ROW("local, nothing", SIGNATURE "\x20\0\0\0", PROXY_HEADER_DONE, NULL, false),
    ROW("no family",
        SIGNATURE "\x21\0\0\x03"
                  "abc",
        PROXY_HEADER_DONE, NULL, false),
    ROW("TLS", SIGNATURE "\x21\x11\0\x14" IPV4 "\x20\0\x05\x01\0\0\0\0", PROXY_HEADER_DONE, "203.0.113.7:4711", true),
    ROW("no TLS", SIGNATURE "\x21\x11\0\x14" IPV4 "\x20\0\x05\x06\0\0\0\0", PROXY_HEADER_DONE, "203.0.113.7:4711",
        false),
    ROW("others", SIGNATURE "\x21\x11\0\x12" IPV4 "\x01\0\0\x04\0\0", PROXY_HEADER_DONE, "203.0.113.7:4711", false),
    ROW("version 1", "PROXY TCP4 203.0.113.7 127.0.0.1 4711 443\r\n", PROXY_HEADER_BAD, NULL, false),
    ROW("a request", "POST / HTTP/1.1\r\n", PROXY_HEADER_BAD, NULL, false),
    ROW("version 3", SIGNATURE "\x31\x11\0\x0C" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("version 1 in binary", SIGNATURE "\x11\x11\0\x0C" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("command 2", SIGNATURE "\x22\x11\0\x0C" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("UDP", SIGNATURE "\x21\x12\0\x0C" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("family 4", SIGNATURE "\x21\x41\0\x0C" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("addresses cut", SIGNATURE "\x21\x11\0\x0B" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("IPv6 as long as IPv4", SIGNATURE "\x21\x21\0\x0C" IPV4, PROXY_HEADER_BAD, NULL, false),
    ROW("TLV cut", SIGNATURE "\x21\x11\0\x0E" IPV4 "\x01\0", PROXY_HEADER_BAD, NULL, false),
    ROW("TLV too long", SIGNATURE "\x21\x11\0\x10" IPV4 "\x01\0\x02x", PROXY_HEADER_BAD, NULL, false),
    ROW("too long", SIGNATURE "\x21\x11\x40\0" IPV4, PROXY_HEADER_BAD, NULL, false),
};

/* Shown as they come from a socket: never more than was asked for. (fault 3.10) */
static void test_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct proxy_header header;
        size_t need = 0, len = 0;
        enum proxy_header_result result;
        char source[NETADDR_TEXT_LEN] = "";
        while ((result = proxy_header_parse((const unsigned char *)rows[i].bytes, len, &header, &need)) ==
                   PROXY_HEADER_MORE &&
               len < rows[i].len) {
            assert_true(need > len);
            len = len + 5 < need ? len + 5 : need;
            len = len < rows[i].len ? len : rows[i].len;
        }
        if (result == PROXY_HEADER_DONE && header.has_source)
            netaddr_format(&header.source, source);
        if (result != rows[i].result || header.is_tls != rows[i].is_tls ||
            strcmp(source, rows[i].source == NULL ? "" : rows[i].source) != 0)
            fail_msg("%s: %d, \"%s\"", rows[i].name, (int)result, source);
    }
}

static struct netaddr address_of(const char *text) {
    struct netaddr address;
    assert_int_equal(netaddr_parse(text, &address, NULL), ERR_NONE);
    return address;
}

/* (fault 3.10) */
static void test_ranges(void **state) {
    (void)state;
    static const struct {
        const char *range, *address;
        bool is_range, has;
    } cases[] = {
        {"10.0.0.0/8", "10.255.0.1:1", true, true},
        {"10.0.0.0/8", "11.0.0.1:1", true, false},
        {"192.0.2.128/25", "192.0.2.129:1", true, true},
        {"192.0.2.128/25", "192.0.2.127:1", true, false},
        {"192.0.2.1", "192.0.2.1:1", true, true},
        {"192.0.2.1", "192.0.2.2:1", true, false},
        {"0.0.0.0/0", "1.2.3.4:1", true, true},
        {"0.0.0.0/0", "[2001:db8::1]:1", true, false},
        {"::/0", "1.2.3.4:1", true, true},
        {"2001:db8::/33", "[2001:db8:7fff::1]:1", true, true},
        {"2001:db8::/33", "[2001:db8:8000::1]:1", true, false},
        {"::1", "[::1]:1", true, true},
        {"10.0.0.0/8", "[::ffff:10.1.1.1]:1", true, true},
        {"10.0.0.0/33", "10.0.0.1:1", false, false},
        {"::1/129", "[::1]:1", false, false},
        {"10.0.0.0/", "10.0.0.1:1", false, false},
        {"10.0.0.0/+8", "10.0.0.1:1", false, false},
        {"10.0.0.0/8/8", "10.0.0.1:1", false, false},
        {"", "10.0.0.1:1", false, false},
        {"localhost", "127.0.0.1:1", false, false},
        {"10.0.0", "10.0.0.1:1", false, false},
        {"[::1]", "[::1]:1", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct netaddr_range range;
        struct netaddr address = address_of(cases[i].address);
        bool is_range = netaddr_range_parse(str_of(cases[i].range), &range);
        if (is_range != cases[i].is_range || (is_range && netaddr_range_has(&range, &address) != cases[i].has))
            fail_msg("%s and %s", cases[i].range, cases[i].address);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_headers), cmocka_unit_test(test_ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
