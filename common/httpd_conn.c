/* The life of a connection. One function, step(), moves it from state to state, and it is called in a loop and never
 * from within itself, so that a thousand pipelined requests cost no stack.
 *
 *    PROXIED (where a PROXY header is asked for)
 *       │
 *       │┌─────────────────── keep-alive ─────────────────────┐
 *       ▼▼                                                    │
 *     IDLE ─first byte─► READING ─whole─► HANDLING ─answer─► ANSWERED ─sent─► LINGERING ─► CLOSED
 *                           │                 └─stream─► STREAMING ─────────────▲
 *                           └─malformed, too large, too slow: an error answer───┘ (by way of HANDLING and ANSWERED)
 *
 * In the common case a request costs one read and one write: it is parsed where the read put it, the socket stays
 * watched for reading meanwhile (and is let go only when bytes arrive that nobody wants yet), the timer is set once and
 * looks at the deadline when it fires. A connection between requests holds no buffer.
 *
 * An answer after which the connection closes is followed by a lingering close: closing with unread input makes TCP
 * send a reset, which can destroy the answer before the client has read it (RFC 9112, 9.6). */
#include "common/httpd_conn.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/log.h"
#include "common/mem.h"

#include <errno.h>

enum { RATE_MS = 5000, LINGER_MS = 2000, LINGER_LEN = 16 * 1024 * 1024 };

void httpd_conn_enter(struct httpd_conn *conn, enum httpd_state state) {
    conn->state = state;
    conn->since_us = clock_mono_us();
}

static void conn_free(void *arg) {
    struct httpd_conn *conn = arg;
    strbuf_clear(&conn->kept);
    httpd_memory_count_kept(conn);
    strbuf_clear(&conn->out);
    mem_free(conn);
}

static void unlink_conn(struct httpd_conn *conn) {
    struct httpd *httpd = conn->httpd;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        httpd->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    httpd->conn_count--;
}

void httpd_conn_close(struct httpd_conn *conn, const char *reason) {
    if (conn->state == HTTPD_CLOSED)
        return;
    LOG(LOG_DEBUG, "connection closed", LOG_STR("peer", str_slice(conn->peer, conn->peer_len)),
        LOG_TEXTZ("reason", reason));
    conn->state = HTTPD_CLOSED;
    event_del(&conn->read_event);
    event_del(&conn->write_event);
    loop_timer_free(conn->timer);
    httpd_io_close(&conn->io);
    httpd_memory_count(conn, true);
    if (conn->guest != NULL)
        crowd_leave(conn->httpd->crowd, conn->guest);
    arena_free(conn->arena);
    conn->arena = NULL;
    if (conn->exchange != NULL)
        conn->exchange->conn = NULL;
    if (conn->stream != NULL)
        httpd_stream_lost(conn->stream);
    unlink_conn(conn);
    loop_defer(conn->httpd->options.loop, conn_free, conn);
}

size_t httpd_conn_unsent(const struct httpd_conn *conn) {
    return conn->out.len - conn->out_sent;
}

/* Sends from the front of `data` what the socket takes; false when the connection broke. */
static bool send_some(struct httpd_conn *conn, struct str *data) {
    while (data->len > 0) {
        ssize_t sent = httpd_io_write(&conn->io, *data);
        if (sent == HTTPD_IO_AGAIN)
            return true;
        if (sent < 0)
            return false;
        *data = str_from(*data, (size_t)sent);
    }
    return true;
}

void httpd_conn_send(struct httpd_conn *conn, struct str data) {
    if (httpd_conn_unsent(conn) == 0 && !send_some(conn, &data)) {
        httpd_conn_close(conn, "write failed");
        return;
    }
    if (data.len == 0)
        return;
    if (httpd_conn_unsent(conn) == 0 && conn->state != HTTPD_READING)
        conn->since_us = clock_mono_us();
    strbuf_append(&conn->out, data);
}

static void begin_request(struct httpd_conn *conn) {
    httpd_conn_enter(conn, HTTPD_READING);
    conn->arena = arena_new_counted(0, conn->httpd->options.budget);
    conn->received = conn->unread.len;
    conn->rate_us = 0;
    conn->read_us = conn->since_us;
    httpd_parser_begin(&conn->parser, &conn->httpd->options.limits, conn->arena);
    conn->parser.request->peer = arena_str(conn->arena, str_slice(conn->peer, conn->peer_len));
    conn->parser.request->began_us = conn->since_us;
    conn->parser.request->is_tls = conn->io.tls != NULL || conn->was_tls;
    conn->parser.request->is_trusted = conn->is_from_trusted;
}

static void hand_over(struct httpd_conn *conn) {
    struct httpd_exchange *exchange = httpd_exchange_begin(conn);
    exchange->keep_alive = conn->parser.keep_alive;
    conn->httpd->options.handler(exchange, conn->httpd->options.arg);
}

/* From the first byte of a body that comes in pieces. */
static void watch_rate(struct httpd_conn *conn) {
    if (conn->rate_us != 0 || !conn->parser.in_body || conn->httpd->options.limits.body_rate == 0)
        return;
    conn->rate_us = clock_mono_us();
    conn->rate_from = conn->received;
}

static void parse(struct httpd_conn *conn) {
    size_t used = 0;
    if (!httpd_memory_allows(conn)) {
        conn->unread = STR_NONE;
        httpd_answer_error(conn, 503, "no memory for more bodies at the moment; send it again");
        return;
    }
    enum httpd_parse result = httpd_parser_feed(&conn->parser, conn->unread, &used);
    conn->unread = str_from(conn->unread, used);
    httpd_memory_count(conn, result != HTTPD_PARSE_MORE);
    watch_rate(conn);
    if (result == HTTPD_PARSE_DONE) {
        hand_over(conn);
    } else if (result == HTTPD_PARSE_FAILED) {
        conn->unread = STR_NONE;
        httpd_answer_error(conn, conn->parser.status, conn->parser.what);
    } else if (conn->parser.in_body && conn->parser.wants_continue) {
        conn->parser.wants_continue = false;
        httpd_conn_send(conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void begin_lingering(struct httpd_conn *conn) {
    if (conn->client_has_ended) {
        httpd_conn_close(conn, "answered and ended");
        return;
    }
    conn->unread = STR_NONE;
    httpd_io_end_writing(&conn->io);
    httpd_conn_enter(conn, HTTPD_LINGERING);
}

/* One move; false when there is nothing to do but wait. */
static bool step(struct httpd_conn *conn) {
    switch (conn->state) {
    case HTTPD_IDLE:
        if (conn->unread.len == 0 && conn->client_has_ended)
            httpd_conn_close(conn, "ended by client");
        if (conn->unread.len == 0)
            return false;
        begin_request(conn);
        return true;
    case HTTPD_READING:
        if (conn->unread.len == 0 && conn->client_has_ended)
            httpd_conn_close(conn, "ended by client inside a request");
        if (conn->unread.len == 0)
            return false;
        parse(conn);
        return true;
    case HTTPD_ANSWERED:
        if (httpd_conn_unsent(conn) > 0)
            return false;
        if (conn->keep_alive)
            conn->state = HTTPD_IDLE; /* since its answer was sent */
        else
            begin_lingering(conn);
        return true;
    case HTTPD_PROXIED:
    case HTTPD_HANDLING:
    case HTTPD_STREAMING:
    case HTTPD_LINGERING:
    case HTTPD_CLOSED:
        return false;
    }
    return false;
}

/* Input that cannot be parsed yet moves out of the shared buffer. */
static void keep_unread(struct httpd_conn *conn) {
    if (conn->unread.len == 0) {
        strbuf_clear(&conn->kept);
        httpd_memory_count_kept(conn);
        return;
    }
    bool is_kept =
        conn->kept.at != NULL && conn->unread.at >= conn->kept.at && conn->unread.at < conn->kept.at + conn->kept.len;
    if (is_kept)
        return;
    strbuf_append(&conn->kept, conn->unread);
    httpd_memory_count_kept(conn);
    conn->unread = strbuf_str(&conn->kept);
}

/* False where the system has no room for one more watched socket. */
static bool watch(struct event *event, bool *is_watched, bool wanted) {
    if (wanted == *is_watched)
        return true;
    *is_watched = wanted;
    if (wanted && FAULT("http.watch", ENOSPC))
        return false;
    return (wanted ? event_add(event, NULL) : event_del(event)) == 0;
}

static bool watch_socket(struct httpd_conn *conn) {
    bool is_busy = conn->state == HTTPD_HANDLING || conn->state == HTTPD_ANSWERED;
    bool reads = is_busy ? conn->is_watched_for_reading : !conn->client_has_ended;
    return watch(&conn->read_event, &conn->is_watched_for_reading, reads) &&
           watch(&conn->write_event, &conn->is_watched_for_writing, httpd_conn_unsent(conn) > 0);
}

/* Half a greeting (TLS) is a request that does not arrive. */
static int64_t idle_patience_ms(const struct httpd_conn *conn) {
    const struct httpd_limits *limits = &conn->httpd->options.limits;
    int64_t idle_ms = limits->stranger_idle_ms > 0 && !conn->is_trusted ? limits->stranger_idle_ms : limits->idle_ms;
    bool is_greeting = conn->io.tls != NULL && !tls_is_established(conn->io.tls);
    return is_greeting && limits->request_ms < idle_ms ? limits->request_ms : idle_ms;
}

/* Of the request being read: until it must be whole, or until its rate is looked at. */
static int64_t reading_patience_ms(const struct httpd_conn *conn) {
    int64_t request_ms = conn->httpd->options.limits.request_ms;
    int64_t rate_ms = (conn->rate_us - conn->since_us) / 1000 + RATE_MS;
    return conn->rate_us != 0 && rate_ms < request_ms ? rate_ms : request_ms;
}

/* How long the connection may stay as it is; -1 for as long as it likes. */
static int64_t patience_ms(const struct httpd_conn *conn) {
    const struct httpd_limits *limits = &conn->httpd->options.limits;
    switch (conn->state) {
    case HTTPD_IDLE:
        return idle_patience_ms(conn);
    case HTTPD_ANSWERED:
        return limits->idle_ms;
    case HTTPD_PROXIED:
        return limits->request_ms < limits->idle_ms ? limits->request_ms : limits->idle_ms;
    case HTTPD_READING:
        return reading_patience_ms(conn);
    case HTTPD_STREAMING:
        return httpd_conn_unsent(conn) > 0 ? limits->idle_ms : -1;
    case HTTPD_LINGERING:
        return LINGER_MS;
    case HTTPD_HANDLING:
    case HTTPD_CLOSED:
        break;
    }
    return -1;
}

static void watch_deadline(struct httpd_conn *conn) {
    int64_t patience = patience_ms(conn), due_us = conn->since_us + patience * 1000;
    if (patience < 0 || (conn->timer_due_us != 0 && conn->timer_due_us <= due_us))
        return;
    conn->timer_due_us = due_us;
    loop_timer_set(conn->timer, (due_us - clock_mono_us()) / 1000 + 1);
}

void httpd_conn_advance(struct httpd_conn *conn) {
    if (conn->is_stepping)
        return;
    conn->is_stepping = true;
    while (step(conn))
        continue;
    conn->is_stepping = false;
    if (conn->state == HTTPD_CLOSED)
        return;
    keep_unread(conn);
    watch_deadline(conn);
    if (!watch_socket(conn))
        httpd_conn_close(conn, "cannot be watched");
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

/* Enough of the body has come since it was looked at last, and the request may take longer. */
static bool may_go_on(struct httpd_conn *conn) {
    const struct httpd_limits *limits = &conn->httpd->options.limits;
    int64_t now_us = clock_mono_us();
    if (now_us >= conn->since_us + limits->request_ms * 1000 ||
        conn->received - conn->rate_from < limits->body_rate * RATE_MS / 1000)
        return false;
    conn->rate_us = now_us;
    conn->rate_from = conn->received;
    watch_deadline(conn);
    return true;
}

static void on_deadline(void *arg) {
    struct httpd_conn *conn = arg;
    int64_t patience = patience_ms(conn);
    conn->timer_due_us = 0;
    if (patience < 0)
        return;
    if (clock_mono_us() < conn->since_us + patience * 1000) {
        watch_deadline(conn);
        return;
    }
    if (conn->state == HTTPD_READING) {
        if (may_go_on(conn))
            return;
        httpd_answer_error(conn, 408, "the request took too long to arrive");
        httpd_conn_advance(conn);
    } else if (conn->state == HTTPD_IDLE && httpd_io_has_input(&conn->io)) {
        on_readable(conn->io.fd, EV_READ, conn); /* a request that has just come is not lost */
        if (conn->state == HTTPD_IDLE)
            httpd_conn_close(conn, "idle for too long");
    } else {
        httpd_conn_close(conn, conn->state == HTTPD_IDLE ? "idle for too long" : "the client does not read");
    }
}

/* Bytes, or the end, while a request is being answered: they can wait, but a broken connection is worth knowing. */
static void put_off_reading(struct httpd_conn *conn) {
    if (httpd_io_is_broken(&conn->io)) {
        httpd_conn_close(conn, "broken while a request was being answered");
        return;
    }
    (void)watch(&conn->read_event, &conn->is_watched_for_reading, false); /* taking away does not fail */
}

static void throw_away(struct httpd_conn *conn, size_t len) {
    conn->lingered += len;
    if (conn->lingered > LINGER_LEN)
        httpd_conn_close(conn, "sent on and on after the last answer");
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct httpd_conn *conn = arg;
    if (conn->state == HTTPD_HANDLING || conn->state == HTTPD_ANSWERED) {
        put_off_reading(conn);
        return;
    }
    if (conn->state == HTTPD_PROXIED) {
        httpd_proxy_read(conn);
        return;
    }
    ssize_t got = httpd_io_read(&conn->io, conn->httpd->input, HTTPD_INPUT_LEN);
    if (got == HTTPD_IO_AGAIN)
        return;
    bool is_over = conn->state == HTTPD_LINGERING || conn->state == HTTPD_STREAMING;
    if (got == HTTPD_IO_BROKEN || (got == HTTPD_IO_END && is_over)) {
        httpd_conn_close(conn, got == HTTPD_IO_END ? "ended by client" : "broken");
    } else if (is_over) {
        throw_away(conn, (size_t)got);
    } else {
        conn->client_has_ended = got == HTTPD_IO_END;
        conn->unread = str_slice(conn->httpd->input, (size_t)got);
        conn->received += (size_t)got;
        conn->read_us = clock_mono_us();
        httpd_conn_advance(conn);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct httpd_conn *conn = arg;
    struct str rest = str_from(strbuf_str(&conn->out), conn->out_sent);
    size_t before = rest.len;
    if (!send_some(conn, &rest)) {
        httpd_conn_close(conn, "write failed");
        return;
    }
    conn->out_sent += before - rest.len;
    if (conn->state != HTTPD_READING) /* whose time is the request's */
        conn->since_us = clock_mono_us();
    if (rest.len == 0) {
        strbuf_clear(&conn->out);
        conn->out_sent = 0;
    }
    httpd_conn_advance(conn);
}

void httpd_conn_set_peer(struct httpd_conn *conn, const struct netaddr *peer) {
    const struct httpd_options *options = &conn->httpd->options;
    conn->peer_len = netaddr_format(peer, conn->peer);
    conn->is_from_trusted = false;
    for (size_t i = 0; i < options->trusted_count && !conn->is_from_trusted; i++)
        conn->is_from_trusted = netaddr_range_has(&options->trusted[i], peer);
}

void httpd_conn_begin(struct httpd_conn *conn) {
    const struct httpd_options *options = &conn->httpd->options;
    if (options->tls != NULL)
        conn->io.tls = tls_session_new(options->tls, conn->io.fd);
    httpd_conn_enter(conn, HTTPD_IDLE);
    httpd_conn_advance(conn);
}

void httpd_conn_open(struct httpd *httpd, int fd, const struct netaddr *peer, struct guest *guest) {
    struct event_base *base = loop_base(httpd->options.loop);
    struct httpd_conn *conn = MEM_NEW(struct httpd_conn);
    conn->httpd = httpd;
    conn->io.fd = fd;
    conn->guest = guest;
    httpd_conn_set_peer(conn, peer);
    event_assign(&conn->read_event, base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    event_assign(&conn->write_event, base, fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    conn->timer = loop_timer_new(httpd->options.loop, on_deadline, conn);
    conn->next = httpd->conns;
    if (httpd->conns != NULL)
        httpd->conns->prev = conn;
    httpd->conns = conn;
    httpd->conn_count++;
    if (!httpd->options.has_proxy_header) {
        httpd_conn_begin(conn);
        return;
    }
    httpd_conn_enter(conn, HTTPD_PROXIED);
    httpd_conn_advance(conn);
}
