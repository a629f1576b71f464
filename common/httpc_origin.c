/* Where requests go to, and the connections that wait there. The one that was used last is used next, so that a client
 * that has become calmer lets the others grow old, and finds the one whose end is least likely to be on its way. */
#include "common/httpc_conn.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdlib.h>

static const int64_t IDLE_MOST_US = INT64_C(118) * 1000 * 1000; /* what is older, servers tend to have forgotten */

/* The host, with its port where that is not the scheme's own (RFC 9112, 3.2). */
static char *host_of(const char *text) {
    char *host = NULL, *port = NULL;
    struct strbuf value = {0};
    CURLU *url = curl_url();
    if (url == NULL || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        abort(); /* out of memory: url_check() has seen it */
    CURLUcode has_port = curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
    strbuf_append(&value, str_of(host));
    if (has_port == CURLUE_OK) {
        strbuf_append(&value, STR(":"));
        strbuf_append(&value, str_of(port));
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return value.at;
}

struct httpc_origin *httpc_origin_hold(struct httpc *httpc, const struct url *url) {
    struct str text = url->origin;
    for (struct httpc_origin *origin = httpc->origins; origin != NULL; origin = origin->next) {
        if (str_eq(origin->text, text)) {
            origin->users++;
            return origin;
        }
    }
    if (url_check(text) != NULL)
        return NULL;
    struct httpc_origin *origin = MEM_NEW(struct httpc_origin);
    char *copy = mem_zalloc(text.len + 1);
    memcpy(copy, text.at, text.len);
    *origin = (struct httpc_origin){.httpc = httpc,
                                    .next = httpc->origins,
                                    .users = 1,
                                    .text = str_slice(copy, text.len),
                                    .host = host_of(copy),
                                    .is_tls = url->is_tls};
    httpc->origins = origin;
    return origin;
}

void httpc_origin_release(struct httpc_origin *origin) {
    struct httpc_origin **link = &origin->httpc->origins;
    if (--origin->users > 0)
        return;
    while (*link != origin)
        link = &(*link)->next;
    *link = origin->next;
    mem_free((char *)(uintptr_t)origin->text.at);
    mem_free(origin->host);
    mem_free(origin);
}

void httpc_origin_drop(struct httpc_conn *conn) {
    struct httpc_origin *origin = conn->origin;
    if (conn->newer != NULL)
        conn->newer->older = conn->older;
    else
        origin->newest = conn->older;
    if (conn->older != NULL)
        conn->older->newer = conn->newer;
    else
        origin->oldest = conn->newer;
    conn->newer = conn->older = NULL;
    origin->httpc->idle_count--;
}

/* A name may have moved: a connection that has lived long enough makes room for one to where the name points now. */
static bool is_too_old(const struct httpc_conn *conn, int64_t now_us) {
    int64_t most_ms = conn->httpc->options.connection_age_ms;
    return most_ms > 0 && now_us - conn->opened_us >= most_ms * 1000;
}

struct httpc_conn *httpc_origin_take(struct httpc_origin *origin) {
    int64_t now_us = origin->newest == NULL ? 0 : clock_mono_us();
    while (origin->newest != NULL) {
        struct httpc_conn *conn = origin->newest;
        if (!is_too_old(conn, now_us)) {
            httpc_origin_drop(conn);
            return conn;
        }
        httpc_conn_close(conn); /* the caller is a user of the origin as well */
    }
    return NULL;
}

void httpc_origins_drop_tls(struct httpc *httpc) {
    struct httpc_origin *next;
    for (struct httpc_origin *origin = httpc->origins; origin != NULL; origin = next) {
        next = origin->next;
        origin->users++; /* it stays while its connections go */
        while (origin->is_tls && origin->newest != NULL)
            httpc_conn_close(origin->newest);
        httpc_origin_release(origin);
    }
}

static struct httpc_conn *oldest_of_all(const struct httpc *httpc) {
    struct httpc_conn *oldest = NULL;
    for (const struct httpc_origin *origin = httpc->origins; origin != NULL; origin = origin->next)
        if (origin->oldest != NULL && (oldest == NULL || origin->oldest->idle_since_us < oldest->idle_since_us))
            oldest = origin->oldest;
    return oldest;
}

void httpc_origin_keep(struct httpc_conn *conn) {
    struct httpc_origin *origin = conn->origin;
    struct httpc *httpc = origin->httpc;
    conn->idle_since_us = clock_mono_us();
    conn->older = origin->newest;
    if (origin->newest != NULL)
        origin->newest->newer = conn;
    else
        origin->oldest = conn;
    origin->newest = conn;
    httpc->idle_count++;
    httpc_watch_deadline(httpc, conn->idle_since_us + IDLE_MOST_US);
    if (httpc->idle_count > httpc->options.max_idle_connections)
        httpc_conn_close(oldest_of_all(httpc));
}

int64_t httpc_origins_prune(struct httpc *httpc, int64_t now_us) {
    struct httpc_conn *oldest = oldest_of_all(httpc);
    while (oldest != NULL && oldest->idle_since_us + IDLE_MOST_US <= now_us) {
        httpc_conn_close(oldest);
        oldest = oldest_of_all(httpc);
    }
    return oldest == NULL ? 0 : oldest->idle_since_us + IDLE_MOST_US;
}
