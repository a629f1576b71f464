/* Answers without an end (server-sent events). The connection is closed at the end of one, so that no framing is
 * needed, and its owner hears of a client that left from the loop, never from inside one of its own calls. */
#include "common/httpd_conn.h"

#include "common/mem.h"

enum { UNSENT_MOST = 256 * 1024 };

struct httpd_stream *httpd_answer_stream(struct httpd_exchange *exchange, const struct http_header *headers,
                                         size_t header_count, httpd_stream_gone *on_gone, void *arg) {
    struct httpd_conn *conn = exchange->conn;
    struct httpd_stream *stream = MEM_NEW(struct httpd_stream);
    *stream = (struct httpd_stream){.conn = conn, .loop = exchange->loop, .on_gone = on_gone, .arg = arg};
    if (conn == NULL) {
        httpd_stream_lost(stream);
    } else {
        struct strbuf *out = &conn->httpd->output;
        out->len = 0;
        httpd_write_head(conn->httpd, out, 200, headers, header_count, -1, false);
        conn->exchange = NULL;
        conn->stream = stream;
        conn->keep_alive = false;
        conn->unread = STR_NONE;
        httpd_conn_enter(conn, HTTPD_STREAMING);
        httpd_conn_send(conn, strbuf_str(out));
        httpd_conn_advance(conn);
    }
    if (!exchange->arena_taken)
        arena_free(exchange->arena); /* the exchange is in it */
    return stream;
}

enum err httpd_stream_write(struct httpd_stream *stream, struct str data) {
    struct httpd_conn *conn = stream->conn;
    if (conn == NULL)
        return ERR_CLOSED;
    if (httpd_conn_unsent(conn) + data.len > UNSENT_MOST)
        return ERR_LIMIT;
    httpd_conn_send(conn, data);
    httpd_conn_advance(conn); /* harmless where sending has closed it: it lives until the end of the turn */
    return stream->conn == NULL ? ERR_CLOSED : ERR_NONE;
}

void httpd_stream_close(struct httpd_stream *stream) {
    struct httpd_conn *conn = stream->conn;
    stream->on_gone = NULL;
    if (conn == NULL)
        return; /* its end is on the way already */
    conn->stream = NULL;
    httpd_conn_enter(conn, HTTPD_ANSWERED);
    httpd_conn_advance(conn);
    mem_free(stream);
}

static void end_stream(void *arg) {
    struct httpd_stream *stream = arg;
    if (stream->on_gone != NULL)
        stream->on_gone(stream, stream->arg);
    mem_free(stream);
}

void httpd_stream_lost(struct httpd_stream *stream) {
    stream->conn = NULL;
    loop_defer(stream->loop, end_stream, stream);
}
