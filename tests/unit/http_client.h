/* A socket that speaks whatever a test tells it to, on the loop of the server under test. */
#ifndef TESTS_HTTP_CLIENT_H
#define TESTS_HTTP_CLIENT_H

#include "common/loop.h"
#include "common/mem.h"
#include "common/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENT_DEADLINE_MS = 20000 };

struct client {
    struct loop *loop;
    struct event *event;
    int fd;
    struct strbuf got;
    bool ended; /* by the server, in order or with a reset */
    size_t wanted;
};

static void client_on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct client *client = arg;
    char bytes[65536];
    ssize_t len = recv(fd, bytes, sizeof bytes, 0);
    if (len > 0)
        strbuf_append(&client->got, str_slice(bytes, (size_t)len));
    else if (len == 0 || errno != EAGAIN) {
        client->ended = true;
        event_del(client->event);
    }
}

static inline struct client *client_open(struct loop *loop, uint16_t port) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    struct client *client = MEM_NEW(struct client);
    client->loop = loop;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("client_open");
        abort();
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    evutil_make_socket_nonblocking(client->fd);
    client->event = event_new(loop_base(loop), client->fd, EV_READ | EV_PERSIST, client_on_readable, client);
    event_add(client->event, NULL);
    return client;
}

static inline void client_close(struct client *client) {
    event_free(client->event);
    close(client->fd);
    strbuf_clear(&client->got);
    mem_free(client);
}

static inline bool client_never(void *arg) {
    (void)arg;
    return false;
}

/* Lets the server do what it can do now. */
static inline void client_turn(struct client *client) {
    bool ignored = loop_run_until(client->loop, client_never, NULL, 0);
    (void)ignored;
}

/* Sends all of it, turning the loop while the socket is full; false when the server has closed. */
static inline bool client_send(struct client *client, struct str data) {
    while (data.len > 0) {
        ssize_t sent = send(client->fd, data.at, data.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return false;
        data = str_from(data, sent < 0 ? 0 : (size_t)sent);
        client_turn(client);
    }
    return true;
}

static inline bool client_has_ended(void *arg) {
    return ((struct client *)arg)->ended;
}

static inline bool client_has_wanted(void *arg) {
    struct client *client = arg;
    return client->got.len >= client->wanted || client->ended;
}

/* Waits for the end of the connection; false when it does not come. */
static inline bool client_wait_end(struct client *client) {
    return loop_run_until(client->loop, client_has_ended, client, CLIENT_DEADLINE_MS);
}

/* The status codes of all that was received, as "200 400"; bodies are told by Content-Length. */
static inline void client_statuses(const struct client *client, char *into, size_t size) {
    struct str rest = strbuf_str(&client->got);
    size_t len = 0;
    into[0] = '\0';
    while (str_starts_with(rest, STR("HTTP/1.1 ")) && len + 5 < size) {
        ptrdiff_t head = str_find(rest, STR("\r\n\r\n")), length = str_find(rest, STR("Content-Length: "));
        if (head < 0)
            break;
        len += (size_t)snprintf(into + len, size - len, "%s%.3s", len == 0 ? "" : " ", rest.at + 9);
        bool has_body = length >= 0 && length < head;
        rest = str_from(rest, (size_t)head + 4 + (has_body ? (size_t)atoi(rest.at + length + 16) : 0));
    }
    if (rest.len > 0)
        snprintf(into + len, size - len, " and %zu bytes", rest.len);
}

#endif
