/* The life of a connection:
 *
 *     DIALLING ─► BUSY ─whole answer─► IDLE ─next call─► BUSY
 *         │         │                    └─readable: its end, or bytes that nobody asked for─┐
 *         └─────────┴─broken, unreadable, out of time, cancelled────────────────────────► CLOSED
 *
 * A request costs one send and its answer one recv: the request is written at once, the socket stays watched for
 * reading from the first request to the end, and is watched for writing only while it does not take more. While idle,
 * being readable means that it is of no use any more. The first call that finds this out too late, because its request
 * crossed the end of the connection, goes over a new one; that is once, and only while no byte of an answer has come,
 * because what the server has begun to answer it has received. */
#include "common/httpc_conn.h"

#include "common/clock.h"
#include "common/fault.h"
#include "common/mem.h"

#include <errno.h>

static void conn_free(void *arg) {
    mem_free(arg);
}

void httpc_conn_close(struct httpc_conn *conn) {
    if (conn->state == HTTPC_IDLE)
        httpc_origin_drop(conn);
    if (conn->state == HTTPC_DIALLING) {
        httpc_race_end(conn->race);
    } else {
        event_del(&conn->read_event);
        event_del(&conn->write_event);
        httpc_io_close(&conn->io);
    }
    conn->state = HTTPC_CLOSED;
    if (conn->call != NULL)
        conn->call->conn = NULL;
    httpc_origin_release(conn->origin);
    loop_defer(conn->httpc->options.loop, conn_free, conn);
}

/* Takes the call, whose answer tells its end already, off the connection and closes that. */
static struct httpc_call *abandon(struct httpc_conn *conn) {
    struct httpc_call *call = conn->call;
    httpc_conn_close(conn);
    return call;
}

/* A server that gives up waiting for the next request may say so before it closes, and what it says may cross the
 * request on its way (RFC 9110, 15.5.9). */
static bool is_late_goodbye(const struct httpc_conn *conn) {
    const struct httpc_call *call = conn->call;
    return conn->is_reused && !call->was_retried && call->parser.has_head && call->parser.status == 408 &&
           !call->parser.keeps_alive;
}

static bool is_stale(const struct httpc_conn *conn) {
    return conn->is_reused && conn->call->parser.total_len == 0 && !conn->call->was_retried;
}

static void on_broken(struct httpc_conn *conn) {
    if (is_stale(conn) || is_late_goodbye(conn)) {
        httpc_call_again(abandon(conn));
        return;
    }
    httpc_explain_broken(conn->call, httpc_io_error(&conn->io));
    httpc_call_failed(abandon(conn));
}

/* Waits for the socket to take more; false where the system has no room to watch it. */
static bool watch_writing(struct httpc_conn *conn, bool wanted) {
    if (wanted == conn->is_watched_for_writing)
        return true;
    conn->is_watched_for_writing = wanted;
    if (wanted && FAULT("consumer.watch", ENOSPC))
        return false;
    return (wanted ? event_add(&conn->write_event, NULL) : event_del(&conn->write_event)) == 0;
}

/* A server may answer and close before it has read all of a request, so that one that cannot be sent is no end yet. */
static void give_up_writing(struct httpc_conn *conn) {
    (void)watch_writing(conn, false); /* taking away does not fail */
    conn->cannot_be_written = true;
    event_active(&conn->read_event, EV_READ, 0);
}

static struct str unsent_of(const struct httpc_call *call) {
    if (call->out_sent < call->out.len)
        return str_from(strbuf_str(&call->out), call->out_sent);
    return str_from(call->body, call->out_sent - call->out.len);
}

static void write_more(struct httpc_conn *conn) {
    struct httpc_call *call = conn->call;
    struct str rest;
    while ((rest = unsent_of(call)).len > 0 && !conn->cannot_be_written) {
        ssize_t sent = httpc_io_write(&conn->io, rest);
        if (sent == HTTPC_IO_AGAIN && watch_writing(conn, true))
            return;
        if (sent < 0) {
            give_up_writing(conn);
            return;
        }
        call->out_sent += (size_t)sent;
    }
    (void)watch_writing(conn, false);
}

/* Nothing may be left to read: with TLS it would not wake the loop, and would be taken for the next answer. */
static bool may_be_kept(struct httpc_conn *conn, size_t left) {
    const struct httpc_call *call = conn->call;
    char byte;
    bool is_trusted = !conn->origin->is_tls || conn->trust_number == conn->httpc->trust_number;
    return is_trusted && call->parser.keeps_alive && left == 0 && unsent_of(call).len == 0 &&
           !conn->cannot_be_written && (conn->io.dial == NULL || httpc_io_read(&conn->io, &byte, 1) == HTTPC_IO_AGAIN);
}

/* The connection is put away before the caller hears of it, who may send again at once. */
static void on_whole(struct httpc_conn *conn, size_t left) {
    struct httpc_call *call = conn->call;
    if (is_late_goodbye(conn)) {
        httpc_call_again(abandon(conn));
        return;
    }
    if (may_be_kept(conn, left)) {
        conn->call = NULL;
        call->conn = NULL;
        conn->state = HTTPC_IDLE;
        httpc_origin_keep(conn);
    } else {
        httpc_conn_close(conn);
    }
    httpc_call_answered(call);
}

static void on_fault(struct httpc_conn *conn) {
    if (is_late_goodbye(conn)) {
        httpc_call_again(abandon(conn));
        return;
    }
    httpc_explain_fault(conn->call);
    httpc_call_failed(abandon(conn));
}

static void on_end(struct httpc_conn *conn) {
    if (conn->cannot_be_written && conn->call->parser.total_len == 0)
        on_broken(conn);
    else if (is_stale(conn))
        httpc_call_again(abandon(conn));
    else if (httpc_parser_end(&conn->call->parser) == HTTPC_PARSE_DONE)
        on_whole(conn, 0);
    else
        on_fault(conn);
}

/* The head has come and decides; for the body there is no reason to wait much longer. */
static void shorten_wait(struct httpc_call *call) {
    int64_t due_us = clock_mono_us() + (int64_t)HTTPC_REST_MS * 1000;
    if (due_us >= call->due_us)
        return;
    call->due_us = due_us;
    httpc_watch_deadline(call->httpc, due_us);
}

/* True where more may be had at once. */
static bool read_some(struct httpc_conn *conn) {
    size_t used = 0;
    bool had_head = conn->call->parser.has_head;
    ssize_t got = httpc_io_read(&conn->io, conn->httpc->input, HTTPC_INPUT_LEN);
    if (got == HTTPC_IO_BROKEN || (got == HTTPC_IO_AGAIN && conn->cannot_be_written))
        on_broken(conn);
    else if (got == HTTPC_IO_END)
        on_end(conn);
    if (got <= 0)
        return false;
    switch (httpc_parser_feed(&conn->call->parser, str_slice(conn->httpc->input, (size_t)got), &used)) {
    case HTTPC_PARSE_DONE:
        on_whole(conn, (size_t)got - used);
        return false;
    case HTTPC_PARSE_FAILED:
        on_fault(conn);
        return false;
    case HTTPC_PARSE_MORE:
        if (!had_head && conn->call->parser.has_head)
            shorten_wait(conn->call);
        break;
    }
    return conn->io.dial != NULL || got == HTTPC_INPUT_LEN;
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct httpc_conn *conn = arg;
    char byte;
    if (conn->state == HTTPC_IDLE) { /* TLS has messages of its own, after which there is nothing to read */
        if (httpc_io_read(&conn->io, &byte, 1) != HTTPC_IO_AGAIN)
            httpc_conn_close(conn);
        return;
    }
    while (read_some(conn))
        continue;
}

static void on_writable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    write_more(arg);
}

static void begin(struct httpc_conn *conn, struct httpc_call *call) {
    conn->state = HTTPC_BUSY;
    conn->call = call;
    call->conn = conn;
    call->out_sent = 0;
    httpc_parser_begin(&call->parser, conn->httpc->options.max_answer_len, call->is_head);
    write_more(conn);
}

void httpc_conn_use(struct httpc_conn *conn, struct httpc_call *call) {
    conn->is_reused = true;
    begin(conn, call);
}

static void on_dialled(struct httpc_dial *dial, CURLcode result, void *arg) {
    struct httpc_conn *conn = arg;
    struct event_base *base = loop_base(conn->httpc->options.loop);
    if (result != CURLE_OK) {
        httpc_explain_dial(conn->call, dial, result);
        httpc_call_end(abandon(conn));
        return;
    }
    enum err err = httpc_io_open(&conn->io, dial, conn->origin->is_tls);
    conn->state = HTTPC_BUSY;
    conn->opened_us = clock_mono_us();
    event_assign(&conn->read_event, base, conn->io.fd, EV_READ | EV_PERSIST, on_readable, conn);
    event_assign(&conn->write_event, base, conn->io.fd, EV_WRITE | EV_PERSIST, on_writable, conn);
    if (err != ERR_NONE || FAULT("consumer.watch", ENOSPC) || event_add(&conn->read_event, NULL) != 0) {
        httpc_explain_broken(conn->call, "the system has no room for one more socket");
        httpc_call_end(abandon(conn));
        return;
    }
    begin(conn, conn->call);
}

enum err httpc_conn_dial(struct httpc_call *call) {
    struct httpc_origin *origin = call->origin;
    int64_t most_ms = call->connect_timeout_ms < call->timeout_ms ? call->connect_timeout_ms : call->timeout_ms;
    const struct httpc_dial_options options = {.origin = origin->text.at, .timeout_ms = most_ms};
    struct httpc_conn *conn = MEM_NEW(struct httpc_conn);
    enum err err =
        httpc_race_begin(origin->httpc->options.loop, origin->httpc->dialer, &options, on_dialled, conn, &conn->race);
    if (err != ERR_NONE) {
        mem_free(conn);
        return err;
    }
    conn->httpc = origin->httpc;
    conn->origin = origin;
    conn->trust_number = origin->httpc->trust_number;
    conn->state = HTTPC_DIALLING;
    conn->call = call;
    call->conn = conn;
    origin->users++;
    return ERR_NONE;
}
