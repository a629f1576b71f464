#include "common/httpd_conn.h"

#include "common/mem.h"

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

static void on_accept(int fd, const struct netaddr *peer, bool must_refuse, void *arg) {
    struct httpd *httpd = arg;
    struct guest *guest = NULL;
    if (must_refuse)
        crowd_refused(httpd->crowd, peer, CROWD_NO_DESCRIPTOR);
    else if (!httpd->is_closing)
        guest = crowd_enter(httpd->crowd, peer);
    if (guest != NULL)
        httpd_conn_open(httpd, fd, peer, guest);
    else
        refuse(httpd, fd);
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

void httpd_drain(struct httpd *httpd) {
    struct httpd_conn *next;
    httpd->draining = true;
    for (struct httpd_conn *conn = httpd->conns; conn != NULL; conn = next) {
        next = conn->next;
        bool is_idle = conn->state == HTTPD_IDLE && !conn->is_stepping && !httpd_io_has_input(&conn->io);
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
