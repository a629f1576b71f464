/* A call from its beginning to its end:
 *
 *   - httpc_send() writes the request and begins it
 *   - over an idle connection (httpc_conn_use), else over a new one (httpc_conn_dial)
 *   - httpc_call_answered() or, in trouble, httpc_call_end() calls done()
 *
 * libcurl connects, resolves names and speaks TLS (httpc_dial.c); what goes over the connection is our own, since
 * through its multi interface a request costs about eight times as much. Callbacks of the caller run as the last thing
 * that is done for a call, so that they may send and cancel as they like.
 *
 * One timer looks after all deadlines. It is set for the first one and, when it fires, goes through all of them; calls
 * that are answered in time never touch it. */
#include "common/httpc_conn.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum err httpc_global_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_NONE : ERR_IO;
}

void httpc_global_clear(void) {
    curl_global_cleanup();
}

static void link_call(struct httpc *httpc, struct httpc_call *call) {
    call->next = NULL;
    call->prev = httpc->last;
    if (httpc->last != NULL)
        httpc->last->next = call;
    else
        httpc->first = call;
    httpc->last = call;
    httpc->call_count++;
}

static void unlink_call(struct httpc *httpc, struct httpc_call *call) {
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        httpc->first = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    else
        httpc->last = call->prev;
    httpc->call_count--;
}

/* Ends all that is done for the call, so that nothing that happens now can reach it. */
static void take_out(struct httpc *httpc, struct httpc_call *call) {
    if (call->conn != NULL) {
        struct httpc_conn *conn = call->conn;
        conn->call = NULL;
        call->conn = NULL;
        httpc_conn_close(conn);
    }
    if (call->origin != NULL)
        httpc_origin_release(call->origin);
    call->origin = NULL;
    unlink_call(httpc, call);
}

static void call_free(struct httpc_call *call) {
    strbuf_wipe(&call->out);
    mem_free(call);
}

static void put_back(struct httpc *httpc, struct httpc_call *call) {
    if (httpc->spare_count >= httpc->options.max_idle_connections) {
        call_free(call);
        return;
    }
    if (call->head_len > 0)
        mem_wipe(call->out.at, call->head_len); /* headers may hold a secret */
    call->head_len = 0;
    call->next = httpc->spare;
    httpc->spare = call;
    httpc->spare_count++;
}

static struct httpc_call *take_spare(struct httpc *httpc) {
    struct httpc_call *call = httpc->spare;
    if (call == NULL)
        return MEM_NEW(struct httpc_call);
    httpc->spare = call->next;
    httpc->spare_count--;
    return call;
}

void httpc_call_end(struct httpc_call *call) {
    struct httpc *httpc = call->httpc;
    call->answer.duration_us = clock_mono_us() - call->began_us;
    take_out(httpc, call);
    call->done(&call->answer, call->arg);
    put_back(httpc, call);
}

/* "200 OK" */
static void write_status(struct httpc_answer *answer) {
    char digits[I64_TEXT_LEN];
    struct str number = str_of_i64(answer->status, digits), text = str_of(http_status_text(answer->status));
    memcpy(answer->what, number.at, number.len);
    answer->what[number.len] = ' ';
    memcpy(answer->what + number.len + 1, text.at, text.len + 1);
}

void httpc_call_answered(struct httpc_call *call) {
    struct httpc_answer *answer = &call->answer;
    answer->err = ERR_NONE;
    answer->status = call->parser.status;
    answer->retry_after_ms = httpc_parser_retry_after_ms(&call->parser);
    answer->body = httpc_parser_body(&call->parser);
    write_status(answer);
    httpc_call_end(call);
}

void httpc_call_failed(struct httpc_call *call) {
    struct httpc_answer *answer = &call->answer;
    if (!call->parser.has_head) {
        httpc_call_end(call);
        return;
    }
    snprintf(answer->note, sizeof answer->note, "body cut short: %.140s", answer->what); /* cut */
    httpc_call_answered(call);
}

/* A call that ended before it began, told from the loop as any other end. */
static void end_later(void *arg) {
    struct httpc_call *call = arg;
    if (call->httpc == NULL)
        call_free(call);
    else
        httpc_call_end(call);
}

static void begin(struct httpc_call *call, struct httpc_conn *idle) {
    struct httpc *httpc = call->httpc;
    call->parser.has_head = false; /* of the connection before this one, or of the call before this one */
    httpc_watch_deadline(httpc,
                         call->connect_due_us < call->due_us && idle == NULL ? call->connect_due_us : call->due_us);
    if (idle != NULL) {
        httpc_conn_use(idle, call);
        return;
    }
    call->answer.err = httpc_conn_dial(call);
    if (call->answer.err != ERR_NONE) {
        memcpy(call->answer.what, "curl does not take the request", sizeof "curl does not take the request");
        loop_defer(httpc->options.loop, end_later, call);
    }
}

void httpc_call_again(struct httpc_call *call) {
    call->was_retried = true;
    call->connect_due_us = clock_mono_us() + call->connect_timeout_ms * 1000;
    begin(call, NULL);
}

/* When the call is given up, as it stands now. */
static int64_t due_us(const struct httpc_call *call) {
    bool is_dialling = call->conn != NULL && call->conn->state == HTTPC_DIALLING;
    return is_dialling && call->connect_due_us < call->due_us ? call->connect_due_us : call->due_us;
}

void httpc_watch_deadline(struct httpc *httpc, int64_t due_us) {
    if (httpc->timer_due_us != 0 && httpc->timer_due_us <= due_us)
        return;
    httpc->timer_due_us = due_us;
    loop_timer_set(httpc->timer, (due_us - clock_mono_us()) / 1000 + 1);
}

static struct httpc_call *first_overdue(const struct httpc *httpc, int64_t now_us) {
    struct httpc_call *call = httpc->first;
    while (call != NULL && (call->conn == NULL || due_us(call) > now_us))
        call = call->next;
    return call;
}

static void on_timer(void *arg) {
    struct httpc *httpc = arg;
    struct httpc_call *call;
    int64_t now_us = clock_mono_us();
    httpc->timer_due_us = 0;
    while ((call = first_overdue(httpc, now_us)) != NULL) {
        httpc_explain_timeout(call);
        httpc_call_failed(call);
    }
    int64_t prune_us = httpc_origins_prune(httpc, now_us);
    if (prune_us != 0)
        httpc_watch_deadline(httpc, prune_us);
    for (call = httpc->first; call != NULL; call = call->next)
        httpc_watch_deadline(httpc, due_us(call));
}

struct httpc *httpc_new(const struct httpc_options *options) {
    struct httpc *httpc = MEM_NEW(struct httpc);
    httpc->options = *options;
    httpc->user_agent = options->user_agent == NULL ? NULL : mem_strdup(options->user_agent);
    httpc->options.user_agent = httpc->user_agent;
    httpc->dialer = httpc_dialer_new(options->loop, options->trust);
    httpc->timer = loop_timer_new(options->loop, on_timer, httpc);
    httpc->input = mem_alloc(HTTPC_INPUT_LEN);
    return httpc;
}

void httpc_set_trust(struct httpc *httpc, struct trust *trust) {
    struct httpc_dialer *old = httpc->dialer;
    httpc->dialer = httpc_dialer_new(httpc->options.loop, trust);
    httpc->trust_number++;
    httpc_origins_drop_tls(httpc);
    httpc_dialer_free(old);
}

struct httpc_call *httpc_send(struct httpc *httpc, const struct httpc_request *request, httpc_done *done, void *arg) {
    struct httpc_call *call = take_spare(httpc);
    call->httpc = httpc;
    call->origin = NULL;
    call->conn = NULL;
    call->done = done;
    call->arg = arg;
    call->was_retried = false;
    call->began_us = clock_mono_us();
    call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : 1;
    call->connect_timeout_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : 1;
    call->due_us = call->began_us + call->timeout_ms * 1000;
    call->connect_due_us = call->began_us + call->connect_timeout_ms * 1000;
    call->answer = (struct httpc_answer){.retry_after_ms = -1, .body = STR("")};
    link_call(httpc, call);
    call->answer.err = httpc_request_write(call, request);
    if (call->answer.err != ERR_NONE)
        loop_defer(httpc->options.loop, end_later, call);
    else
        begin(call, httpc_origin_take(call->origin));
    return call;
}

static void cancel(struct httpc *httpc, struct httpc_call *call) {
    bool has_begun = call->conn != NULL;
    take_out(httpc, call);
    if (has_begun)
        put_back(httpc, call);
    else
        call->httpc = NULL; /* end_later() frees it */
}

void httpc_cancel(struct httpc_call *call) {
    cancel(call->httpc, call);
}

size_t httpc_in_flight(const struct httpc *httpc) {
    return httpc->call_count;
}

void httpc_free(struct httpc *httpc) {
    if (httpc == NULL)
        return;
    while (httpc->first != NULL)
        cancel(httpc, httpc->first);
    while (httpc->spare != NULL)
        call_free(take_spare(httpc));
    while (httpc->origins != NULL) /* goes with its last idle connection */
        httpc_conn_close(httpc->origins->newest);
    httpc_dialer_free(httpc->dialer);
    loop_timer_free(httpc->timer);
    mem_free(httpc->input);
    mem_free(httpc->user_agent);
    mem_free(httpc);
}
