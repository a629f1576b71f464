/* The server against a table of good and hostile requests, whole, byte by byte and in other pieces. */
#include "tests/unit/httpd_fixture.h"

#define BYTES(literal)                                                                                                 \
    { (literal), sizeof(literal) - 1 }
#define HOST    "Host: a\r\n"
#define POST    "POST /p HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct row {
    const char *name;
    struct str request;
    const char *statuses; /* with " ..." at its end: the connection stays open */
    const char *has;      /* what the answers must hold somewhere */
};

static const struct row rows[] = {
    /* good */
    {"get", BYTES("GET /a?b=c HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "<GET /a?b=c 1 []>"},
    {"post", BYTES(POST "Content-Length: 5\r\n\r\nhello"), "200 ...", "<POST /p 2 [hello]>"},
    {"post without a body", BYTES(POST "Content-Length: 0\r\n\r\n"), "200 ...", "<POST /p 2 []>"},
    {"post without a length", BYTES(POST "\r\n"), "200 ...", "<POST /p 1 []>"},
    {"chunked", BYTES(CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "200 ...", "[hello world]"},
    {"chunked, hex sizes", BYTES(CHUNKED "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), "200 ...",
     "[01234567890123456789]"},
    {"chunked, empty", BYTES(CHUNKED "0\r\n\r\n"), "200 ...", "[]"},
    {"chunked in capitals", BYTES(POST "Transfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n"), "200 ...", "[x]"},
    {"chunk extension", BYTES(CHUNKED "3;name=value\r\nabc\r\n0\r\n\r\n"), "200 ...", "[abc]"},
    {"trailers are dropped", BYTES(CHUNKED "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"), "200 ...", "<POST /p 2 [abc]>"},
    {"data of CR and LF", BYTES(CHUNKED "4\r\n\n\r \n\r\n0\r\n\r\n"), "200 ...", "[\n\r \n]"},
    {"head", BYTES("HEAD /h HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), "200", "Content-Length: 14"},
    {"no content", BYTES("GET /none HTTP/1.1\r\n" HOST "\r\n"), "204 ...", NULL},
    {"options for all", BYTES("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "<OPTIONS * 1 []>"},
    {"other methods are the handler's", BYTES("PATCH /x HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "<PATCH /x"},
    {"empty header value", BYTES("GET / HTTP/1.1\r\n" HOST "X-E:\r\nX-F: \r\nX-G: g\r\n\r\n"), "200 ...",
     "X-E= X-F= X-G=g>"},
    {"blanks around a value", BYTES("GET / HTTP/1.1\r\n" HOST "X-E: \t a b\t \r\n\r\n"), "200 ...", "X-E=a b>"},
    {"value beyond ASCII", BYTES("GET / HTTP/1.1\r\n" HOST "X-E: \xC3\xA4\r\n\r\n"), "200 ...", "X-E=\xC3\xA4>"},
    {"repeated header", BYTES("GET / HTTP/1.1\r\n" HOST "X-E: 1\r\nX-E: 2\r\n\r\n"), "200 ...", "X-E=1 X-E=2>"},
    {"host in small letters", BYTES("GET / HTTP/1.1\r\nhost: a:80\r\n\r\n"), "200 ...", NULL},
    {"empty host", BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), "200 ...", NULL},
    {"host with IPv6", BYTES("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), "200 ...", NULL},
    {"absolute form", BYTES("GET http://A/x?y HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "<GET /x?y 1"},
    {"absolute form without path", BYTES("GET http://a?y HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "<GET /?y 1"},
    {"empty line before", BYTES("\r\nGET /e HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "<GET /e"},
    {"upgrade is not taken",
     BYTES(POST
           "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nContent-Length: 2\r\n\r\nhi"),
     "200 ...", "[hi]"},
    {"websocket is not taken", BYTES("GET /w HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
     "200 ...", "<GET /w"},
    {"expect", BYTES(POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"), "200 ...", "[hi]"},
    {"expect without a body", BYTES("GET / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n"), "200 ...", NULL},
    {"close", BYTES("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), "200", "Connection: close"},
    {"close among others", BYTES("GET / HTTP/1.1\r\n" HOST "Connection: te, Close\r\n\r\n"), "200", NULL},
    {"1.0 closes", BYTES("GET / HTTP/1.0\r\n\r\n"), "200", "<GET / 0 []>"},
    {"1.0 keeps alive when asked", BYTES("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), "200 ...",
     "Connection: keep-alive"},
    {"1.0 expectation means nothing", BYTES("GET / HTTP/1.0\r\nExpect: tea\r\n\r\n"), "200", NULL},
    {"pipelined",
     BYTES("GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n" POST
           "Content-Length: 1\r\n\r\n3GET /4 HTTP/1.1\r\n" HOST "\r\n"),
     "200 200 200 200 ...", "<GET /4"},
    {"nothing after close", BYTES("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"),
     "200", NULL},
    {"answers cannot be split", BYTES("GET /split HTTP/1.1\r\n" HOST "\r\n"), "200 ...", "X-Text: one  X-Two: two\r\n"},
    /* lengths */
    {"length and chunked", BYTES(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"chunked and length", BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"two lengths", BYTES(POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "400", NULL},
    {"the same length twice", BYTES(POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"), "400", NULL},
    {"length list", BYTES(POST "Content-Length: 5,5\r\n\r\nhello"), "400", NULL},
    {"length with plus", BYTES(POST "Content-Length: +5\r\n\r\nhello"), "400", NULL},
    {"length with minus", BYTES(POST "Content-Length: -5\r\n\r\nhello"), "400", NULL},
    {"length with a gap", BYTES(POST "Content-Length: 5 5\r\n\r\nhello"), "400", NULL},
    {"length in hex", BYTES(POST "Content-Length: 0x5\r\n\r\nhello"), "400", NULL},
    {"length empty", BYTES(POST "Content-Length:\r\n\r\n"), "400", NULL},
    {"length with a point", BYTES(POST "Content-Length: 5.0\r\n\r\nhello"), "400", NULL},
    {"length past 64 bits", BYTES(POST "Content-Length: 18446744073709551617\r\n\r\nh"), "400", NULL},
    {"length over the limit", BYTES(POST "Content-Length: 100001\r\n\r\n"), "413", NULL},
    {"length over the limit, expecting", BYTES(POST "Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n"), "413",
     NULL},
    {"chunk over the limit", BYTES(CHUNKED "186A1\r\n"), "413", NULL},
    {"chunks over the limit", BYTES(CHUNKED "2\r\nab\r\n1869F\r\n"), "413", NULL},
    /* chunks */
    {"chunk size 0x5", BYTES(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size +5", BYTES(CHUNKED "+5\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size -5", BYTES(CHUNKED "-5\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size with a blank before", BYTES(CHUNKED " 5\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size with a blank after", BYTES(CHUNKED "5 \r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size empty", BYTES(CHUNKED "\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size in other letters", BYTES(CHUNKED "g\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size past 64 bits", BYTES(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk too short", BYTES(CHUNKED "6\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk too long", BYTES(CHUNKED "4\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk size line ends in LF", BYTES(CHUNKED "5\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk data ends in LF", BYTES(CHUNKED "5\r\nhello\n0\r\n\r\n"), "400", NULL},
    {"chunk extension ends in LF", BYTES(CHUNKED "5;a\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"chunk extension with CR inside", BYTES(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n"), "400", NULL},
    {"last chunk ends in LF", BYTES(CHUNKED "0\n\n"), "400", NULL},
    {"trailer folded", BYTES(CHUNKED "0\r\nX-T: 1\r\n 2\r\n\r\n"), "400", NULL},
    {"trailer ends in CR", BYTES(CHUNKED "0\r\nX-T: 1\rX-U: 2\r\n\r\n"), "400", NULL},
    /* codings */
    {"coding gzip", BYTES(POST "Transfer-Encoding: gzip\r\n\r\n"), "400", NULL},
    {"coding identity", BYTES(POST "Transfer-Encoding: identity\r\n\r\n"), "400", NULL},
    {"coding gzip, chunked", BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding chunked, identity", BYTES(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding chunked twice", BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     "400", NULL},
    {"coding chunked, chunked", BYTES(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding xchunked", BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding \"chunked\"", BYTES(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding with a parameter", BYTES(POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding with vertical tab", BYTES(POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding empty", BYTES(POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding in 1.0", BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding before a colon with blank", BYTES(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    {"coding folded", BYTES(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), "400", NULL},
    /* lines and bytes */
    {"lines end in LF", BYTES("GET / HTTP/1.1\nHost: a\n\n"), "400", NULL},
    {"request line ends in LF", BYTES("GET / HTTP/1.1\nHost: a\r\n\r\n"), "400", NULL},
    {"header ends in LF", BYTES("GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n"), "400", NULL},
    {"head ends in LF", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\n"), "400", NULL},
    {"header ends in CR", BYTES("GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n"), "400", NULL},
    {"CR hides a length", BYTES(POST "X-A: b\rContent-Length: 5\r\n\r\nhello"), "400", NULL},
    {"request line ends in CR", BYTES("GET / HTTP/1.1\rHost: a\r\n\r\n"), "400", NULL},
    {"CR CR LF", BYTES("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), "400", NULL},
    {"LF before", BYTES("\nGET / HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"space before the first header", BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), "400", NULL},
    {"space before a length", BYTES("POST / HTTP/1.1\r\n Content-Length: 5\r\n" HOST "\r\nhello"), "400", NULL},
    {"folded header", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: b\r\n c\r\n\r\n"), "400", NULL},
    {"folded with a tab", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: b\r\n\tc\r\n\r\n"), "400", NULL},
    {"space before a colon", BYTES("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), "400", NULL},
    {"space in a name", BYTES("GET / HTTP/1.1\r\n" HOST "X A: b\r\n\r\n"), "400", NULL},
    {"no name", BYTES("GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n"), "400", NULL},
    {"no colon", BYTES("GET / HTTP/1.1\r\n" HOST "X-A\r\n\r\n"), "400", NULL},
    {"quote in a name", BYTES("GET / HTTP/1.1\r\n" HOST "X\"A: b\r\n\r\n"), "400", NULL},
    {"NUL in a name", BYTES("GET / HTTP/1.1\r\n" HOST "X\0A: b\r\n\r\n"), "400", NULL},
    {"NUL in a value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: b\0c\r\n\r\n"), "400", NULL},
    {"NUL in the target", BYTES("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"control character in a value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: b\x01\r\n\r\n"), "400", NULL},
    {"delete in a value", BYTES("GET / HTTP/1.1\r\n" HOST "X-A: b\x7F\r\n\r\n"), "400", NULL},
    /* request line */
    {"method in small letters", BYTES("get / HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"method unknown", BYTES("BREW / HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"method with more", BYTES("GETX / HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"space before the method", BYTES(" GET / HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"trace", BYTES("TRACE / HTTP/1.1\r\n" HOST "\r\n"), "405", NULL},
    {"connect", BYTES("CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"), "405", NULL},
    {"space in the target", BYTES("GET /a b HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"tab in the request line", BYTES("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"fragment", BYTES("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"target beyond ASCII", BYTES("GET /\xC3\xA4 HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"target without a slash", BYTES("GET a HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"star with get", BYTES("GET * HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"no target", BYTES("GET HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"absolute form of another host", BYTES("GET http://b/ HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"absolute form with a user", BYTES("GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"absolute form of another scheme", BYTES("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"0.9", BYTES("GET /\r\n\r\n"), "400", NULL},
    {"version 0.9", BYTES("GET / HTTP/0.9\r\n" HOST "\r\n"), "400", NULL},
    {"version 1.2", BYTES("GET / HTTP/1.2\r\n" HOST "\r\n"), "400", NULL},
    {"version 2.0", BYTES("GET / HTTP/2.0\r\n" HOST "\r\n"), "400", NULL},
    {"version 1.10", BYTES("GET / HTTP/1.10\r\n" HOST "\r\n"), "400", NULL},
    {"version in small letters", BYTES("GET / http/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"another protocol", BYTES("GET / ICE/1.0\r\n" HOST "\r\n"), "400", NULL},
    {"rtsp", BYTES("DESCRIBE / RTSP/1.0\r\n" HOST "\r\n"), "400", NULL},
    {"get by rtsp", BYTES("GET / RTSP/1.0\r\n" HOST "\r\n"), "400", NULL},
    {"source by ice", BYTES("SOURCE / ICE/1.0\r\n" HOST "\r\n"), "400", NULL},
    {"two spaces after the target", BYTES("GET /  HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"two spaces before the target", BYTES("GET  / HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"space after the version", BYTES("GET / HTTP/1.1 \r\n" HOST "\r\n"), "400", NULL},
    {"form feed in the target", BYTES("GET /\f HTTP/1.1\r\n" HOST "\r\n"), "400", NULL},
    {"an answer", BYTES("HTTP/1.1 200 OK\r\n\r\n"), "400", NULL},
    {"HTTP/2 preface", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "400", NULL},
    {"TLS", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), "400", NULL},
    /* hosts and expectations */
    {"no host", BYTES("GET / HTTP/1.1\r\n\r\n"), "400", NULL},
    {"two hosts", BYTES("GET / HTTP/1.1\r\n" HOST "Host: b\r\n\r\n"), "400", NULL},
    {"the same host twice", BYTES("GET / HTTP/1.1\r\n" HOST HOST "\r\n"), "400", NULL},
    {"two hosts in 1.0", BYTES("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), "400", NULL},
    {"host list", BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), "400", NULL},
    {"host with a user", BYTES("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), "400", NULL},
    {"host with a path", BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), "400", NULL},
    {"unknown expectation", BYTES(POST "Expect: tea\r\nContent-Length: 2\r\n\r\nhi"), "417", NULL},
    {"two expectations", BYTES(POST "Expect: 100-continue\r\nExpect: tea\r\nContent-Length: 2\r\n\r\nhi"), "417", NULL},
    /* a good one before does not help */
    {"second is malformed", BYTES("GET /1 HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\r\n\r\n"), "200 400", "<GET /1"},
    {"smuggled behind a length",
     BYTES(POST "Content-Length: 3\r\n\r\nabcGPOST / HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n"),
     "200 400", "[abc]"},
};

static void send_in_pieces(struct client *client, struct str data, size_t piece) {
    for (size_t at = 0; at < data.len && !client->ended; at += piece) {
        struct str rest = str_from(data, at);
        if (!client_send(client, str_slice(rest.at, rest.len < piece ? rest.len : piece)))
            return; /* the server has seen enough and closed */
    }
}

/* False, having said why, when the answers are not those of the row. */
static bool run_row(struct fixture *fixture, const struct row *row, size_t piece) {
    char statuses[200], expected[200];
    struct client *client = connect_to(fixture);
    size_t len = strlen(row->statuses);
    bool stays_open = len > 4 && strcmp(row->statuses + len - 4, " ...") == 0;
    snprintf(expected, sizeof expected, "%.*s%s", (int)(stays_open ? len - 4 : len), row->statuses,
             stays_open ? " 200" : "");
    send_in_pieces(client, row->request, piece);
    if (stays_open)
        send_in_pieces(client, STR("GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), 1000);
    bool ended = client_wait_end(client);
    client_statuses(client, statuses, sizeof statuses);
    if (strncmp(statuses, "100 ", 4) == 0)
        memmove(statuses, statuses + 4, strlen(statuses) - 3); /* sent only where the body came later */
    bool has = row->has == NULL || str_find(strbuf_str(&client->got), str_of(row->has)) >= 0;
    bool is_right = ended && has && strcmp(statuses, expected) == 0;
    if (!is_right)
        print_error("%s (in pieces of %zu): expected %s%s%s, got %s%s:\n" STR_FMT "\n", row->name, piece, expected,
                    row->has != NULL ? " with " : "", row->has != NULL ? row->has : "", statuses,
                    ended ? "" : " and no end", STR_ARG(strbuf_str(&client->got)));
    client_close(client);
    return is_right;
}

static void run_rows(size_t piece) {
    static const struct row good = {"a good request after it", BYTES("GET /good HTTP/1.1\r\n" HOST "\r\n"), "200 ...",
                                    "<GET /good 1 []>"};
    struct fixture fixture;
    start(&fixture, &default_limits);
    size_t failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!run_row(&fixture, &rows[i], piece) || !run_row(&fixture, &good, 1000))
            failed++;
    assert_int_equal(failed, 0);
    stop(&fixture);
}

static void rows_whole(void **state) {
    (void)state;
    run_rows(100000);
}

static void rows_byte_by_byte(void **state) {
    (void)state;
    run_rows(1);
}

static void rows_in_sevens(void **state) {
    (void)state;
    run_rows(7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_whole),
        cmocka_unit_test(rows_byte_by_byte),
        cmocka_unit_test(rows_in_sevens),
    };
    return cmocka_run_group_tests_name("httpd", tests, NULL, NULL);
}
