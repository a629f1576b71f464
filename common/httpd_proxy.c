/* The header comes before everything else on the connection, TLS included, and not a byte behind it may be read here.
 * Its client counts for the limits of addresses in place of the balancer. */
#include "common/httpd_conn.h"

#include "common/log.h"
#include "common/proxy_header.h"

#include <sys/socket.h>

static void refuse(struct httpd_conn *conn) {
    LOG(LOG_WARN, "connection closed: it does not begin with a PROXY header of version 2 (listen.proxy_protocol)",
        LOG_STR("peer", str_slice(conn->peer, conn->peer_len)));
    httpd_conn_close(conn, "no PROXY header");
}

/* False: there is no room for the client's address, and the connection is closed. */
static bool change_guest(struct httpd_conn *conn, const struct netaddr *client) {
    struct crowd *crowd = conn->httpd->crowd;
    crowd_leave(crowd, conn->guest);
    conn->guest = crowd_enter(crowd, client);
    if (conn->guest != NULL) {
        httpd_conn_set_peer(conn, client);
        return true;
    }
    httpd_conn_close(conn, "too many connections");
    return false;
}

static void use(struct httpd_conn *conn, const struct proxy_header *header) {
    strbuf_clear(&conn->kept);
    conn->was_tls = header->is_tls;
    if (!header->has_source || change_guest(conn, &header->source))
        httpd_conn_begin(conn);
}

void httpd_proxy_read(struct httpd_conn *conn) {
    struct proxy_header header;
    size_t need;
    for (;;) {
        enum proxy_header_result result =
            proxy_header_parse((const unsigned char *)conn->kept.at, conn->kept.len, &header, &need);
        if (result == PROXY_HEADER_DONE) {
            use(conn, &header);
            return;
        }
        if (result == PROXY_HEADER_BAD) {
            refuse(conn);
            return;
        }
        ssize_t got = httpd_io_read(&conn->io, conn->httpd->input, need - conn->kept.len);
        if (got == HTTPD_IO_AGAIN)
            return;
        if (got <= 0) {
            httpd_conn_close(conn, "ended within the PROXY header");
            return;
        }
        strbuf_append(&conn->kept, str_slice(conn->httpd->input, (size_t)got));
    }
}
