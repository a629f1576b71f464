/* The inside of httpc: what its files share. Everything belongs to the thread of the client's loop.
 *
 * A call has a connection from the moment it begins until its answer; a connection has a call unless it is idle. Where
 * they go to is an origin, which holds the idle ones. */
#ifndef COMMON_HTTPC_CONN_H
#define COMMON_HTTPC_CONN_H

#include "common/httpc_io.h"
#include "common/httpc_parse.h"
#include "common/httpc_race.h"
#include "common/url.h"

#include <event2/event.h>
#include <event2/event_struct.h>

enum {
    HTTPC_INPUT_LEN = 16 * 1024, /* bytes of one read */
    HTTPC_REST_MS = 1000         /* a body may end this long after its head */
};

struct httpc {
    struct httpc_options options;
    char *user_agent;
    struct httpc_dialer *dialer;
    uint64_t trust_number;        /* how often the trust was changed */
    struct httpc_origin *origins; /* those in use */
    size_t idle_count;            /* connections, of all origins */
    struct loop_timer *timer;
    int64_t timer_due_us;            /* 0: not set. It may be set earlier than the first deadline, never later */
    struct httpc_call *first, *last; /* in flight, oldest first */
    size_t call_count;
    struct httpc_call *spare;
    size_t spare_count;
    char *input; /* what one read brings in; shared, as only one connection reads at a time */
};

/* Scheme, host and port. */
struct httpc_origin {
    struct httpc *httpc;
    struct httpc_origin *next;
    size_t users;    /* calls and connections; the last one frees it */
    struct str text; /* as in the URL */
    char *host;      /* for the Host header */
    bool is_tls;
    struct httpc_conn *newest, *oldest; /* idle connections */
};

enum httpc_state {
    HTTPC_DIALLING,
    HTTPC_BUSY,
    HTTPC_IDLE,
    HTTPC_CLOSED /* to be freed after this turn */
};

struct httpc_conn {
    struct httpc *httpc;
    struct httpc_origin *origin;
    struct httpc_conn *newer, *older; /* while idle */
    enum httpc_state state;
    struct httpc_call *call;
    struct httpc_race *race; /* while dialling */
    struct httpc_io io;
    struct event read_event, write_event;
    bool is_watched_for_writing;
    bool is_reused;         /* it has carried an answer before the call it carries now */
    bool cannot_be_written; /* the answer may be on its way all the same */
    uint64_t trust_number;  /* when it was dialled */
    int64_t opened_us, idle_since_us;
};

struct httpc_call {
    struct httpc *httpc; /* NULL: cancelled while its callback was still to come */
    struct httpc_call *prev, *next;
    struct httpc_origin *origin;
    struct httpc_conn *conn;
    httpc_done *done;
    void *arg;
    struct strbuf out; /* the request as it goes over the wire */
    struct str body;   /* what follows it, where that is too large to be copied; the caller's */
    size_t head_len;   /* of `out`, all but the body */
    size_t out_sent;
    bool is_head;     /* its method is HEAD */
    bool was_retried; /* its first connection turned out to be stale */
    int64_t began_us, timeout_ms, connect_timeout_ms;
    int64_t due_us, connect_due_us;
    struct httpc_parser parser;
    struct httpc_answer answer;
};

/* httpc.c. After each of these the call is gone. */
void httpc_call_end(struct httpc_call *call);    /* `answer` says how */
void httpc_call_failed(struct httpc_call *call); /* likewise; but a head that has come is the answer */
void httpc_call_answered(struct httpc_call *call);
void httpc_call_again(struct httpc_call *call); /* on another connection */
void httpc_watch_deadline(struct httpc *httpc, int64_t due_us);

/* httpc_request.c: makes `out` and finds the origin. ERR_INVALID with `answer.what` set. */
enum err httpc_request_write(struct httpc_call *call, const struct httpc_request *request) MUST_USE;

/* httpc_origin.c. Found or made, with one more user; NULL where libcurl does not take the host. */
struct httpc_origin *httpc_origin_hold(struct httpc *httpc, const struct url *url) MUST_USE;
void httpc_origin_release(struct httpc_origin *origin);
struct httpc_conn *httpc_origin_take(struct httpc_origin *origin) MUST_USE; /* the newest idle one, or NULL */
void httpc_origin_keep(struct httpc_conn *conn);                            /* idle from now on; or closes it */
void httpc_origin_drop(struct httpc_conn *conn);                            /* out of the idle ones */
void httpc_origins_drop_tls(struct httpc *httpc);                           /* closes all idle ones with TLS */
/* Closes what has been idle for too long; returns when the next one will be, 0 for never. */
int64_t httpc_origins_prune(struct httpc *httpc, int64_t now_us);

/* httpc_conn.c. ERR_INVALID: curl does not take the call's origin. */
enum err httpc_conn_dial(struct httpc_call *call) MUST_USE;
void httpc_conn_use(struct httpc_conn *conn, struct httpc_call *call); /* an idle one */
void httpc_conn_close(struct httpc_conn *conn);

/* httpc_explain.c: each writes `answer.what`, for people, and `answer.err`. */
void httpc_explain_dial(struct httpc_call *call, const struct httpc_dial *dial, CURLcode result);
void httpc_explain_broken(struct httpc_call *call, const char *how);
void httpc_explain_fault(struct httpc_call *call);
void httpc_explain_timeout(struct httpc_call *call);

#endif
