#include "common/httpd_conn.h"

#include "common/mem.h"

#include <stdio.h>

/* A client that is told in words comes back; its request is not waited for. Inside TLS there is no time for words. */
static void refuse(const struct httpd *httpd, int fd) {
    struct httpd_io io = {.fd = fd};
    if (httpd->options.tls != NULL) {
        httpd_io_close(&io);
        return;
    }
    ssize_t sent = httpd_io_write(&io, STR("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                                           "Content-Length: 0\r\nConnection: close\r\n\r\n"));
    (void)sent; /* a courtesy */
    httpd_io_end_writing(&io);
    ssize_t got = httpd_io_read(&io, httpd->input, HTTPD_INPUT_LEN);
    (void)got; /* what was not read would make of the end a reset, which can destroy the answer */
    httpd_io_close(&io);
}

static bool waits_for_client(const struct httpd_conn *conn) {
    return conn->state == HTTPD_PROXIED || conn->state == HTTPD_IDLE || conn->state == HTTPD_READING ||
           conn->state == HTTPD_ANSWERED || conn->state == HTTPD_LINGERING;
}

/* Closes the connection that has been there the longest of those that wait for their clients. `of`: among those of this
 * address; NULL: of any. */
static void close_oldest(struct httpd *httpd, const struct netaddr *of) {
    struct httpd_conn *oldest = NULL;
    for (struct httpd_conn *conn = httpd->conns; conn != NULL; conn = conn->next) /* newest first */
        if (waits_for_client(conn) && !conn->is_stepping && (of == NULL || crowd_is_guest(conn->guest, of)))
            oldest = conn;
    if (oldest != NULL)
        httpd_conn_close(oldest, "made room for a newcomer");
}

static struct guest *let_in(struct httpd *httpd, const struct netaddr *peer) {
    enum crowd_refusal why;
    if (!httpd->options.makes_room)
        return crowd_enter(httpd->crowd, peer);
    struct guest *guest = crowd_try_enter(httpd->crowd, peer, &why);
    if (guest != NULL)
        return guest;
    close_oldest(httpd, why == CROWD_ADDRESS_FULL ? peer : NULL);
    return crowd_enter(httpd->crowd, peer);
}

static void on_accept(int fd, const struct netaddr *peer, bool must_refuse, void *arg) {
    struct httpd *httpd = arg;
    struct guest *guest = NULL;
    if (must_refuse)
        crowd_refused(httpd->crowd, peer, CROWD_NO_DESCRIPTOR);
    else if (!httpd->is_closing)
        guest = let_in(httpd, peer);
    if (guest != NULL)
        httpd_conn_open(httpd, fd, peer, guest);
    else
        refuse(httpd, fd);
}

/* A second less than the truth: what a client sends at its end is still on the way when it is over here. */
static void write_keep_alive(struct httpd *httpd) {
    const struct httpd_limits *limits = &httpd->options.limits;
    int64_t idle_ms = limits->stranger_idle_ms > 0 ? limits->stranger_idle_ms : limits->idle_ms;
    if (idle_ms >= 2000)
        snprintf(httpd->keep_alive_line, sizeof httpd->keep_alive_line, "Keep-Alive: timeout=%lld\r\n",
                 (long long)(idle_ms / 1000 - 1));
}

static void free_crowd(struct httpd *httpd) {
    if (httpd->options.crowd == NULL)
        crowd_free(httpd->crowd);
}

enum err httpd_new(const struct httpd_options *options, struct httpd **result, struct err_detail *detail) {
    struct httpd *httpd = MEM_NEW(struct httpd);
    httpd->options = *options;
    httpd->crowd = options->crowd != NULL ? options->crowd
                                          : crowd_new(options->limits.connections, options->limits.connections_of_one);
    if (options->tls != NULL)
        tls_context_hold(options->tls);
    const struct listener_options listen = {
        .loop = options->loop,
        .address = options->listen,
        .share_port = options->share_port,
        .on_accept = on_accept,
        .arg = httpd,
    };
    enum err err = listener_open(&listen, &httpd->listener, detail);
    if (err != ERR_NONE) {
        tls_context_release(httpd->options.tls);
        free_crowd(httpd);
        mem_free(httpd);
        return err;
    }
    httpd->options.listen = NULL; /* the caller's */
    httpd->bound = *listener_address(httpd->listener);
    netaddr_format(&httpd->bound, httpd->address);
    httpd->input = mem_alloc(HTTPD_INPUT_LEN);
    httpd->date_s = -1;
    write_keep_alive(httpd);
    *result = httpd;
    return ERR_NONE;
}

uint16_t httpd_port(const struct httpd *httpd) {
    return netaddr_port(&httpd->bound);
}

const char *httpd_address(const struct httpd *httpd) {
    return httpd->address;
}

void httpd_set_tls(struct httpd *httpd, struct tls_context *tls) {
    tls_context_release(httpd->options.tls);
    httpd->options.tls = tls_context_hold(tls);
}

size_t httpd_connections(const struct httpd *httpd) {
    return httpd->conn_count;
}

void httpd_stop_listening(struct httpd *httpd) {
    listener_close(httpd->listener);
    httpd->listener = NULL;
}

void httpd_announce_end(struct httpd *httpd) {
    httpd->draining = true;
}

void httpd_drain(struct httpd *httpd) {
    struct httpd_conn *next;
    httpd_announce_end(httpd);
    for (struct httpd_conn *conn = httpd->conns; conn != NULL; conn = next) {
        next = conn->next;
        bool is_idle = conn->state <= HTTPD_IDLE && !conn->is_stepping && !httpd_io_has_input(&conn->io);
        if (is_idle || conn->state == HTTPD_STREAMING)
            httpd_conn_close(conn, "draining");
    }
}

static void httpd_release(void *arg) {
    struct httpd *httpd = arg;
    strbuf_clear(&httpd->output);
    free_crowd(httpd);
    mem_free(httpd->input);
    mem_free(httpd);
}

void httpd_free(struct httpd *httpd) {
    if (httpd == NULL)
        return;
    httpd->is_closing = true; /* what still waits to be accepted is refused in words */
    httpd_stop_listening(httpd);
    while (httpd->conns != NULL)
        httpd_conn_close(httpd->conns, "the server ends");
    tls_context_release(httpd->options.tls);
    loop_defer(httpd->options.loop, httpd_release, httpd);
}
