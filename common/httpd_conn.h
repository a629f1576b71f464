/* The inside of httpd: what its files share. Everything belongs to the thread of the httpd's loop. */
#ifndef COMMON_HTTPD_CONN_H
#define COMMON_HTTPD_CONN_H

#include "common/httpd.h"
#include "common/httpd_io.h"
#include "common/httpd_parse.h"
#include "common/listener.h"

#include <event2/event.h>
#include <event2/event_struct.h>

enum { HTTPD_INPUT_LEN = 32 * 1024 }; /* bytes of one read */

struct httpd {
    struct httpd_options options;
    struct listener *listener; /* NULL once it listens no more */
    struct crowd *crowd;
    bool is_closing; /* nobody is let in any more */
    struct netaddr bound;
    char address[NETADDR_TEXT_LEN];
    struct httpd_conn *conns; /* a list, newest first */
    size_t conn_count;
    bool draining;            /* no answer keeps its connection alive */
    char keep_alive_line[48]; /* how long a client may count on an idle connection; empty: too short to tell */
    char *input;              /* what one read brings in; shared, as only one connection reads at a time */
    struct strbuf output;     /* an answer being put together; shared likewise */
    int64_t date_s;           /* the second that `date` was written for */
    char date[32];
    size_t date_len;
};

enum httpd_state {
    HTTPD_PROXIED,   /* the PROXY header is still to come */
    HTTPD_IDLE,      /* between requests */
    HTTPD_READING,   /* a request has begun */
    HTTPD_HANDLING,  /* a request is with the handler */
    HTTPD_ANSWERED,  /* its answer may not be sent in full yet */
    HTTPD_STREAMING, /* its answer has no end */
    HTTPD_LINGERING, /* nothing more will be sent; what still arrives is thrown away */
    HTTPD_CLOSED     /* to be freed after this turn */
};

struct httpd_conn {
    struct httpd *httpd;
    struct httpd_conn *prev, *next;
    struct httpd_io io;
    struct guest *guest;
    enum httpd_state state;
    struct event read_event, write_event;
    bool is_watched_for_reading, is_watched_for_writing;
    bool is_stepping;      /* httpd_conn_advance() is at work further up the stack */
    bool keep_alive;       /* after the answer under way */
    bool client_has_ended; /* it will send no more */
    bool is_trusted;       /* httpd_trust() */
    bool is_from_trusted;  /* its address is one of options.trusted */
    bool was_tls;          /* inside TLS up to the balancer that sent a PROXY header */
    struct loop_timer *timer;
    int64_t since_us;     /* when what there is patience for began; while writing, when bytes last went out */
    int64_t timer_due_us; /* 0: not set. It may be set earlier than the deadline, never later */
    struct str unread;    /* input not parsed yet: in httpd->input while that is at hand, else in `kept` */
    struct strbuf kept;
    size_t kept_counted; /* bytes of its room that are in the budget */
    struct strbuf out;   /* from out_sent on: not sent yet. Empty in the common case */
    size_t out_sent;
    size_t lingered; /* bytes thrown away */
    struct httpd_parser parser;
    struct arena *arena; /* of the request being read */
    size_t received;     /* bytes of it, with what was read ahead */
    size_t held;         /* bytes of memory that were counted for its guest */
    int64_t rate_us;     /* since when the rate of its body is looked at; 0: not yet */
    size_t rate_from;    /* `received` then */
    int64_t read_us;     /* when bytes of it came last */
    struct httpd_exchange *exchange;
    struct httpd_stream *stream;
    char peer[NETADDR_TEXT_LEN];
    size_t peer_len;
};

/* In the arena of its request. */
struct httpd_exchange {
    struct loop *loop;
    struct httpd_conn *conn; /* NULL: the client has gone */
    struct arena *arena;
    bool arena_taken; /* somebody else frees it */
    struct http_request *request;
    bool keep_alive, is_head;
};

struct httpd_stream {
    struct httpd_conn *conn; /* NULL: over */
    struct loop *loop;
    httpd_stream_gone *on_gone; /* NULL: closed by its owner */
    void *arg;
};

void httpd_conn_open(struct httpd *httpd, int fd, const struct netaddr *peer, struct guest *guest);
void httpd_conn_close(struct httpd_conn *conn, const char *reason);
void httpd_conn_set_peer(struct httpd_conn *conn, const struct netaddr *peer);
void httpd_conn_begin(struct httpd_conn *conn); /* its client may speak now: TLS, or a request */

/* httpd_proxy.c: reads what there is of the PROXY header. */
void httpd_proxy_read(struct httpd_conn *conn);

/* httpd_memory.c: is there room for what comes next of the request? Else large bodies that stand still were ended, and
 * there still is none. */
bool httpd_memory_allows(struct httpd_conn *conn) MUST_USE;
/* Counts for the connection's address what its request holds now; `is_over`: nothing any more. */
void httpd_memory_count(struct httpd_conn *conn, bool is_over);
void httpd_memory_count_kept(struct httpd_conn *conn); /* likewise what was read ahead, in the budget */

/* Does all that can be done now: parses, hands over, goes on after an answer. */
void httpd_conn_advance(struct httpd_conn *conn);

/* Sends, or keeps what cannot be sent now. The connection may be closed afterwards. */
void httpd_conn_send(struct httpd_conn *conn, struct str data);
size_t httpd_conn_unsent(const struct httpd_conn *conn);

void httpd_conn_enter(struct httpd_conn *conn, enum httpd_state state);

/* httpd_answer.c: an answer to what the server itself found wrong with the request being read. */
void httpd_answer_error(struct httpd_conn *conn, int status, const char *what);
struct httpd_exchange *httpd_exchange_begin(struct httpd_conn *conn);

/* httpd_stream.c: the connection of a stream has ended. */
void httpd_stream_lost(struct httpd_stream *stream);

/* httpd_answer.c: status line and headers; `body_len` < 0 for an answer without a known end. */
void httpd_write_head(struct httpd *httpd, struct strbuf *out, int status, const struct http_header *headers,
                      size_t header_count, int64_t body_len, bool keep_alive);

#endif
