#include "tests/bench/load_connection.h"

#include "common/mem.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { READ_MAX = 16384 };

static int on_complete(llhttp_t *parser) {
    struct connection *connection = parser->data;
    connection->is_answered = true;
    connection->status = llhttp_get_status_code(parser);
    return llhttp_should_keep_alive(parser) ? 0 : HPE_PAUSED;
}

static const llhttp_settings_t settings = {.on_message_complete = on_complete};

void connection_init(struct connection *connection, int epoll, size_t out_max) {
    *connection = (struct connection){.fd = -1, .epoll = epoll, .out = mem_alloc(out_max)};
}

static void shut(struct connection *connection) {
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
    connection->is_busy = false;
}

void connection_clear(struct connection *connection) {
    shut(connection);
    mem_free(connection->out);
}

/* Connecting may block: it is loopback. */
static enum err dial(struct connection *connection, const struct netaddr *address) {
    const int on = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->len) != 0 ||
        epoll_ctl(connection->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        shut(connection);
        return ERR_CLOSED;
    }
    llhttp_init(&connection->parser, HTTP_RESPONSE, &settings);
    connection->parser.data = connection;
    return ERR_NONE;
}

static enum err write_out(struct connection *connection) {
    while (connection->out_sent < connection->out_len) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_sent,
                            connection->out_len - connection->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN ? ERR_NONE : ERR_CLOSED;
        connection->out_sent += (size_t)sent;
    }
    return ERR_NONE;
}

static enum err read_in(struct connection *connection) {
    char bytes[READ_MAX];
    for (;;) {
        ssize_t got = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0)
            return errno == EAGAIN ? ERR_NONE : ERR_CLOSED;
        if (got == 0)
            return ERR_CLOSED;
        llhttp_errno_t result = llhttp_execute(&connection->parser, bytes, (size_t)got);
        if (result == HPE_PAUSED)
            return ERR_CLOSED;
        if (result != HPE_OK)
            return ERR_INVALID;
        if ((size_t)got < sizeof bytes)
            return ERR_NONE; /* more will be told of: edge-triggered */
    }
}

enum err connection_send(struct connection *connection, const struct netaddr *address, size_t out_len, int64_t due_us) {
    if (connection->fd < 0) {
        enum err err = dial(connection, address);
        if (err != ERR_NONE)
            return err;
    }
    connection->out_len = out_len;
    connection->out_sent = 0;
    connection->due_us = due_us;
    connection->is_busy = true;
    connection->is_answered = false;
    enum err err = write_out(connection);
    if (err != ERR_NONE)
        shut(connection);
    return err;
}

enum err connection_continue(struct connection *connection) {
    enum err err = connection->is_busy ? write_out(connection) : ERR_NONE;
    if (err == ERR_NONE)
        err = read_in(connection);
    if (err != ERR_NONE)
        shut(connection);
    else if (connection->is_answered)
        connection->is_busy = false;
    return connection->is_answered ? ERR_NONE : err;
}
