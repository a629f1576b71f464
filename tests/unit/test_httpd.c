/* The server against tables of good and of hostile requests, whole, byte by byte and in other pieces. */
#include "tests/unit/hostile.h"
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

enum { LONG = 20000 /* bytes, which nobody wants to wait for one by one */ };

/* The number of those that were not refused as the table says. */
static size_t run_hostile(struct fixture *fixture, const struct row *good, size_t piece) {
    struct arena *arena = arena_new(0);
    struct hostile *hostile = ARENA_ARRAY(arena, HOSTILE_MOST, struct hostile);
    size_t failed = 0, count = hostile_read(arena, hostile);
    for (size_t i = 0; i < count; i++) {
        const struct row row = {arena_str(arena, hostile[i].name).at, hostile[i].request,
                                arena_str(arena, hostile[i].status).at, NULL};
        bool in_one = row.request.len > LONG;
        if (!run_row(fixture, &row, in_one ? row.request.len : piece) || !run_row(fixture, good, 1000))
            failed++;
    }
    arena_free(arena);
    return failed;
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
    failed += run_hostile(&fixture, &good, piece);
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
