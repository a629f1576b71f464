/* The cheapest consumer that still is one: reads POST requests on keep-alive connections, answers 200, counts them.
 * `GET /count` tells the count of POSTs as a number, so that whoever measures knows when everything has arrived. */
#include "common/http.h"
#include "common/mem.h"
#include "common/netaddr.h"

#include <errno.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_MAX = 65536, EVENTS = 256, ANSWERS_MAX = 65536 };

struct client {
    llhttp_t parser;
    int fd;
    bool is_closing;
    size_t out_len;
    char out[ANSWERS_MAX]; /* answers to what one read has brought */
};

static uint64_t count;

static NO_RETURN void fail(const char *what) {
    fprintf(stderr, "bench_consumer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int on_complete(llhttp_t *parser) {
    struct client *client = parser->data;
    size_t room = sizeof client->out - client->out_len;
    int len;
    if (parser->method == HTTP_GET) {
        char text[24];
        int digits = snprintf(text, sizeof text, "%llu", (unsigned long long)count);
        len = snprintf(client->out + client->out_len, room, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", digits,
                       text);
    } else {
        count++;
        len = snprintf(client->out + client->out_len, room, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    if ((size_t)len >= room)
        return -1;
    client->out_len += (size_t)len;
    client->is_closing = !llhttp_should_keep_alive(parser);
    return 0;
}

static const llhttp_settings_t settings = {.on_message_complete = on_complete};

static void client_end(struct client *client) {
    close(client->fd);
    mem_free(client);
}

/* False when the connection is over. Answers are a few bytes: a client that leaves no room for them is cut off. */
static bool client_serve(struct client *client) {
    char bytes[READ_MAX];
    ssize_t got = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    if (got == 0 || llhttp_execute(&client->parser, bytes, (size_t)got) != HPE_OK)
        return false;
    if (client->out_len == 0)
        return true;
    ssize_t sent = send(client->fd, client->out, client->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    bool whole = sent == (ssize_t)client->out_len;
    client->out_len = 0;
    return whole && !client->is_closing;
}

static void accept_all(int listener, int epoll) {
    const int on = 1;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct client *client = MEM_NEW(struct client);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        client->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        llhttp_init(&client->parser, HTTP_REQUEST, &settings);
        client->parser.data = client;
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
            client_end(client);
    }
}

static int open_listener(const char *text) {
    const int on = 1;
    struct err_detail detail;
    struct netaddr address;
    if (netaddr_parse(text, &address, &detail) != ERR_NONE || !netaddr_is_loopback(&address)) {
        fprintf(stderr, "bench_consumer: %s is no address of loopback\n", text);
        exit(2);
    }
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address.storage, address.len) != 0 || listen(fd, SOMAXCONN) != 0)
        fail(text);
    address.len = sizeof address.storage;
    if (getsockname(fd, (struct sockaddr *)&address.storage, &address.len) != 0)
        fail(text);
    printf("%d\n", netaddr_port(&address));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fputs("bench_consumer ADDRESS        prints the port it listens on; ends with SIGTERM\n", stderr);
        return 2;
    }
    int listener = open_listener(argv[1]), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
        fail("epoll");
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            fail("epoll");
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (client == NULL)
                accept_all(listener, epoll);
            else if (!client_serve(client))
                client_end(client);
        }
    }
}
