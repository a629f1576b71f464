/* Names with several addresses, some of which do not answer. getaddrinfo() of this program is the one below. */
#include "tests/unit/httpc_fixture.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

enum { ADDRESSES_MOST = 4, SILENT = 2, REFUSING = 3, GOOD = 4, GOOD_TOO = 5 }; /* 127.0.0.X */

static int addresses[ADDRESSES_MOST]; /* of the name; 0: no further one */

static struct addrinfo *info_of(uint32_t ip, const char *port) {
    struct addrinfo *info = MEM_NEW(struct addrinfo);
    struct sockaddr_in *address = MEM_NEW(struct sockaddr_in);
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(ip)};
    *info = (struct addrinfo){.ai_family = AF_INET,
                              .ai_socktype = SOCK_STREAM,
                              .ai_protocol = IPPROTO_TCP,
                              .ai_addr = (struct sockaddr *)address,
                              .ai_addrlen = sizeof *address};
    return info;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    (void)hints;
    struct addrinfo *first = NULL, **link = &first;
    struct in_addr ip;
    if (inet_pton(AF_INET, node, &ip) == 1)
        first = info_of(ntohl(ip.s_addr), service);
    for (size_t i = 0; strcmp(node, "several.test") == 0 && i < ADDRESSES_MOST && addresses[i] != 0; i++) {
        *link = info_of(0x7F000000U | (uint32_t)addresses[i], service);
        link = &(*link)->ai_next;
    }
    *result = first;
    return first == NULL ? EAI_NONAME : 0;
}

void freeaddrinfo(struct addrinfo *list) {
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        mem_free(list->ai_addr);
        mem_free(list);
        list = next;
    }
}

struct servers {
    struct fixture *fixture;
    struct listener *good[2];
    size_t accepted[2];
    uint16_t port;
    int silent, filling[4]; /* a queue that is full does not answer to a SYN */
};

static void on_accept_first(int fd, const struct netaddr *peer, bool refuse, void *arg) {
    struct servers *servers = arg;
    servers->accepted[0]++;
    bad_on_accept(fd, peer, refuse, servers->fixture);
}

static void on_accept_second(int fd, const struct netaddr *peer, bool refuse, void *arg) {
    struct servers *servers = arg;
    servers->accepted[1]++;
    bad_on_accept(fd, peer, refuse, servers->fixture);
}

static struct listener *listen_at(struct servers *servers, int last, listener_accept *on_accept) {
    char address[40];
    struct listener *listener;
    snprintf(address, sizeof address, "127.0.0.%d:%u", last, (unsigned)servers->port);
    const struct listener_options options = {
        .loop = servers->fixture->loop, .address = address, .on_accept = on_accept, .arg = servers};
    return listener_open(&options, &listener, NULL) == ERR_NONE ? listener : NULL;
}

static bool open_silent(struct servers *servers) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(servers->port), .sin_addr.s_addr = htonl(0x7F000000U | SILENT)};
    servers->silent = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(servers->silent, (struct sockaddr *)&address, sizeof address) != 0)
        return false;
    assert_int_equal(listen(servers->silent, 0), 0);
    for (size_t i = 0; i < ARRAY_LEN(servers->filling); i++) {
        servers->filling[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int connected = connect(servers->filling[i], (struct sockaddr *)&address, sizeof address);
        assert_true(connected == 0 || errno == EINPROGRESS);
    }
    return true;
}

static void begin_servers(struct servers *servers) {
    static const struct reply reply = {
        "answers",  BYTES("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        THEN_CLOSE, ERR_NONE,
        200,        "",
        NULL};
    *servers = (struct servers){.fixture = start(1 << 20), .silent = -1};
    servers->fixture->reply = &reply;
    servers->good[0] = listen_at(servers, GOOD, on_accept_first);
    servers->port = netaddr_port(listener_address(servers->good[0]));
    servers->good[1] = listen_at(servers, GOOD_TOO, on_accept_second);
    assert_non_null(servers->good[1]); /* no other test has these addresses */
    assert_true(open_silent(servers));
}

static void end_servers(struct servers *servers) {
    for (size_t i = 0; i < ARRAY_LEN(servers->filling); i++)
        close(servers->filling[i]);
    close(servers->silent);
    listener_close(servers->good[0]);
    listener_close(servers->good[1]);
    stop(servers->fixture);
}

static struct result *ask(struct servers *servers, int64_t connect_timeout_ms) {
    char url[100];
    snprintf(url, sizeof url, "http://several.test:%u/", (unsigned)servers->port);
    const struct httpc_request request = {
        .method = STR("POST"), .url = str_of(url), .timeout_ms = DEADLINE_MS, .connect_timeout_ms = connect_timeout_ms};
    return send_request(servers->fixture, &request);
}

/* Whatever the order, an address that answers is found within the time for connecting. (fault 3.1) */
static void an_address_that_answers_is_found(void **state) {
    (void)state;
    static const int rows[][ADDRESSES_MOST] = {
        {SILENT, GOOD}, {GOOD, SILENT}, {REFUSING, GOOD}, {SILENT, REFUSING, GOOD, 0}, {REFUSING, SILENT, GOOD, SILENT},
        {GOOD}};
    static const int64_t times_ms[] = {4000, 500};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct servers servers;
        begin_servers(&servers);
        memcpy(addresses, rows[i], sizeof addresses);
        for (size_t k = 0; k < ARRAY_LEN(times_ms); k++) {
            for (int n = 0; n < 6; n++) /* each in an order of its own */
                ask(&servers, times_ms[k]);
            wait_all(servers.fixture);
        }
        for (size_t k = 0; k < servers.fixture->sent; k++) {
            const struct httpc_answer *answer = &servers.fixture->results[k].answer;
            if (answer->status != 200)
                fail_msg("row %zu, call %zu: %s", i, k, answer->what);
        }
        end_servers(&servers);
    }
}

static void without_an_answer_the_first_reason_is_told(void **state) {
    (void)state;
    static const struct {
        int addresses[ADDRESSES_MOST];
        enum err err;
        const char *what;
    } rows[] = {{{SILENT}, ERR_TIMEOUT, "no connection within 200 ms"},
                {{REFUSING}, ERR_CLOSED, "connection refused"},
                {{SILENT, SILENT}, ERR_TIMEOUT, "no connection within 200 ms"},
                {{0}, ERR_NOT_FOUND, "host not found"}};
    struct servers servers;
    begin_servers(&servers);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture *fixture = servers.fixture;
        const struct httpc_options client = {.loop = fixture->loop, .max_idle_connections = 8};
        httpc_free(fixture->httpc); /* it remembers the name */
        fixture->httpc = httpc_new(&client);
        memcpy(addresses, rows[i].addresses, sizeof addresses);
        struct result *result = ask(&servers, 200);
        wait_all(fixture);
        assert_int_equal(result->answer.err, rows[i].err);
        assert_string_equal(result->answer.what, rows[i].what);
    }
    end_servers(&servers);
}

/* (fault 3.1) */
static void dials_spread_over_the_addresses(void **state) {
    (void)state;
    struct servers servers;
    begin_servers(&servers);
    memcpy(addresses, (const int[ADDRESSES_MOST]){GOOD, GOOD_TOO}, sizeof addresses);
    for (int i = 0; i < 40; i++)
        ask(&servers, DEADLINE_MS);
    wait_all(servers.fixture);
    assert_true(servers.accepted[0] > 0 && servers.accepted[1] > 0); /* but once in 2^39 runs */
    end_servers(&servers);
}

static void a_race_can_be_cancelled(void **state) {
    (void)state;
    struct servers servers;
    begin_servers(&servers);
    memcpy(addresses, (const int[ADDRESSES_MOST]){SILENT}, sizeof addresses);
    struct result *cancelled = ask(&servers, DEADLINE_MS);
    struct result *other = send_to(servers.fixture, httpd_port(servers.fixture->httpd), "/");
    cancelled->count = 0;
    httpc_cancel(cancelled->call);
    servers.fixture->done++;
    addresses[0] = GOOD;
    wait_all(servers.fixture);
    assert_int_equal(other->count, 1);
    assert_int_equal(cancelled->count, 0);
    end_servers(&servers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_answers_is_found),
        cmocka_unit_test(without_an_answer_the_first_reason_is_told),
        cmocka_unit_test(dials_spread_over_the_addresses),
        cmocka_unit_test(a_race_can_be_cancelled),
    };
    return cmocka_run_group_tests_name("httpc and names with several addresses", tests, init_curl, clear_curl);
}
