/* Out of descriptors, accept() fails and the connection stays in the queue: a level-triggered loop would spin. One
 * descriptor is therefore kept in reserve. It is given up for a moment to take one connection off the queue and refuse
 * it in words, and then the listener rests for a little while: clients are neither left hanging nor is time burnt. */
#include "common/listener.h"

#include "common/fault.h"
#include "common/log.h"
#include "common/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum { REST_MS = 50, ACCEPTS_A_TURN = 64, QUEUE_LEN = 4096 };

struct listener {
    struct listener_options options;
    struct netaddr address;
    struct event *event;
    struct loop_timer *rest_timer;
    int fd, reserve_fd;
    bool was_out_of_descriptors;
};

static int open_reserve(void) {
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static enum err error_of_bind(int error) {
    if (error == EADDRINUSE)
        return ERR_BUSY;
    if (error == EACCES || error == EPERM)
        return ERR_DENIED;
    return error == EADDRNOTAVAIL ? ERR_INVALID : ERR_IO;
}

static int accept_one(struct listener *listener, struct netaddr *peer) {
    peer->len = sizeof peer->storage;
    return FAULT("listen.accept", EMFILE)
               ? -1
               : accept4(listener->fd, (struct sockaddr *)&peer->storage, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void on_rested(void *arg) {
    struct listener *listener = arg;
    if (listener->reserve_fd < 0)
        listener->reserve_fd = open_reserve();
    if (FAULT("listen.watch", ENOSPC) || event_add(listener->event, NULL) != 0)
        loop_timer_set(listener->rest_timer, REST_MS); /* or nobody would be let in any more */
}

static void refuse_one_and_rest(struct listener *listener) {
    if (!listener->was_out_of_descriptors)
        LOG(LOG_WARN, "out of descriptors: connections are refused", LOG_TEXTZ("reason", strerror(errno)));
    listener->was_out_of_descriptors = true;
    if (listener->reserve_fd >= 0) {
        struct netaddr peer;
        close(listener->reserve_fd);
        int fd = accept_one(listener, &peer);
        if (fd >= 0)
            listener->options.on_accept(fd, &peer, true, listener->options.arg);
        listener->reserve_fd = open_reserve();
    }
    event_del(listener->event);
    loop_timer_set(listener->rest_timer, REST_MS);
}

static bool is_out_of_room(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* False when there is nothing more to accept now. */
static bool accept_next(struct listener *listener) {
    struct netaddr peer;
    int fd = accept_one(listener, &peer);
    if (fd >= 0) {
        listener->was_out_of_descriptors = false;
        listener->options.on_accept(fd, &peer, false, listener->options.arg);
        return true;
    }
    if (is_out_of_room(errno)) {
        refuse_one_and_rest(listener);
        return false;
    }
    return errno != EAGAIN; /* anything else is the trouble of one connection: accept(2) */
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN; i++)
        if (!accept_next(arg))
            break;
}

static enum err bind_to(struct listener *listener, struct err_detail *detail) {
    const int on = 1;
    const char *text = listener->options.address;
    listener->fd = FAULT("listen.socket", EMFILE)
                       ? -1
                       : socket(listener->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return err_set(detail, ERR_IO, "no socket for %s: %s", text, strerror(errno));
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || /* for all it accepts */
        (listener->options.share_port && setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0))
        return err_set(detail, ERR_IO, "cannot prepare a socket for %s: %s", text, strerror(errno));
    if (FAULT("listen.bind", EADDRINUSE) ||
        bind(listener->fd, (struct sockaddr *)&listener->address.storage, listener->address.len) != 0)
        return err_set(detail, error_of_bind(errno), "cannot listen on %s: %s", text, strerror(errno));
    return ERR_NONE;
}

static enum err bind_and_listen(struct listener *listener, struct err_detail *detail) {
    const char *text = listener->options.address;
    enum err err = bind_to(listener, detail);
    if (err != ERR_NONE)
        return err;
    if (FAULT("listen.listen", EADDRINUSE) || listen(listener->fd, QUEUE_LEN) != 0)
        return err_set(detail, error_of_bind(errno), "cannot listen on %s: %s", text, strerror(errno));
    listener->address.len = sizeof listener->address.storage;
    if (getsockname(listener->fd, (struct sockaddr *)&listener->address.storage, &listener->address.len) != 0)
        return err_set(detail, ERR_IO, "no address known for %s: %s", text, strerror(errno));
    return ERR_NONE;
}

enum err listener_probe(const char *address, struct err_detail *detail) {
    struct listener probe = {.options.address = address, .fd = -1};
    enum err err = netaddr_parse(address, &probe.address, detail);
    if (err == ERR_NONE)
        err = bind_to(&probe, detail);
    if (probe.fd >= 0)
        close(probe.fd);
    return err;
}

static void listener_free(struct listener *listener) {
    if (listener->event != NULL)
        event_free(listener->event);
    loop_timer_free(listener->rest_timer);
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->reserve_fd >= 0)
        close(listener->reserve_fd);
    mem_free(listener);
}

enum err listener_open(const struct listener_options *options, struct listener **result, struct err_detail *detail) {
    struct listener *listener = MEM_NEW(struct listener);
    listener->options = *options;
    listener->fd = -1;
    listener->reserve_fd = open_reserve();
    enum err err = netaddr_parse(options->address, &listener->address, detail);
    if (err == ERR_NONE)
        err = bind_and_listen(listener, detail);
    if (err != ERR_NONE)
        goto out;
    listener->options.address = NULL; /* the caller's */
    listener->rest_timer = loop_timer_new(options->loop, on_rested, listener);
    listener->event = event_new(loop_base(options->loop), listener->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
    if (listener->event == NULL || event_add(listener->event, NULL) != 0)
        err = err_set(detail, ERR_IO, "cannot watch the socket that listens");
out:
    if (err == ERR_NONE)
        *result = listener;
    else
        listener_free(listener);
    return err;
}

void listener_close(struct listener *listener) {
    if (listener == NULL)
        return;
    for (int i = 0; i < QUEUE_LEN; i++)
        if (!accept_next(listener))
            break;
    listener_free(listener);
}

const struct netaddr *listener_address(const struct listener *listener) {
    return &listener->address;
}
