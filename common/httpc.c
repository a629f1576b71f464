/* libcurl decides when, the loop waits:
 *
 *     httpc_send ─► curl_multi_add_handle ─► on_curl_timer, on_curl_socket: what curl wants to wait for
 *     on_socket, on_timer ─► curl_multi_socket_action ─► report_finished ─► done()
 *
 * Callbacks of the caller run only in report_finished() and run_invalid(), where curl is not at work, so that they may
 * send and cancel as they like. */
#include "common/httpc.h"

#include "common/clock.h"
#include "common/httpc_call.h"
#include "common/mem.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct watched {
    struct httpc *httpc;
    struct watched *next; /* in `spare` */
    struct event event;
    short what; /* 0: not watched */
};

struct httpc {
    struct httpc_options options;
    char *ca_file, *user_agent;
    CURLM *multi;
    struct loop_timer *timer;
    struct httpc_call *calls; /* in flight */
    size_t call_count;
    struct httpc_call *spare_calls;
    size_t spare_call_count;
    struct watched *spare_watched;
};

enum err httpc_global_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_NONE : ERR_IO;
}

void httpc_global_clear(void) {
    curl_global_cleanup();
}

static void link_call(struct httpc *httpc, struct httpc_call *call) {
    call->prev = NULL;
    call->next = httpc->calls;
    if (httpc->calls != NULL)
        httpc->calls->prev = call;
    httpc->calls = call;
    httpc->call_count++;
}

static void unlink_call(struct httpc *httpc, struct httpc_call *call) {
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        httpc->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
    httpc->call_count--;
}

/* Takes the call out of all lists, so that nothing that happens now can reach it. */
static void take_out(struct httpc *httpc, struct httpc_call *call) {
    if (call->is_in_multi && curl_multi_remove_handle(httpc->multi, call->easy) != CURLM_OK)
        abort(); /* a handle that curl holds on to would be used after it is gone */
    call->is_in_multi = false;
    unlink_call(httpc, call);
}

static void put_back(struct httpc *httpc, struct httpc_call *call) {
    if (httpc->spare_call_count >= httpc->options.max_idle_connections) {
        httpc_call_free(call);
        return;
    }
    arena_reset(call->arena);
    call->next = httpc->spare_calls;
    httpc->spare_calls = call;
    httpc->spare_call_count++;
}

static struct httpc_call *take_spare(struct httpc *httpc) {
    struct httpc_call *call = httpc->spare_calls;
    if (call == NULL) {
        call = httpc_call_new(&httpc->options);
        if (call == NULL)
            abort(); /* out of memory, or a libcurl that was built without what the build asked for */
        return call;
    }
    httpc->spare_calls = call->next;
    httpc->spare_call_count--;
    return call;
}

static void report_finished(struct httpc *httpc) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(httpc->multi, &left)) != NULL) {
        struct httpc_call *call = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        httpc_call_conclude(call, result);
        take_out(httpc, call);
        call->done(&call->answer, call->arg);
        put_back(httpc, call);
    }
}

static void run_curl(struct httpc *httpc, curl_socket_t fd, int mask) {
    int running;
    if (curl_multi_socket_action(httpc->multi, fd, mask, &running) != CURLM_OK)
        abort(); /* wrong use or no memory: what curl(3) lists for it is nothing that could be mended */
    report_finished(httpc);
}

static void on_timer(void *arg) {
    run_curl(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg) {
    (void)multi;
    struct httpc *httpc = arg;
    if (timeout_ms < 0)
        loop_timer_cancel(httpc->timer);
    else
        loop_timer_set(httpc->timer, timeout_ms);
    return 0;
}

static void on_socket(evutil_socket_t fd, short what, void *arg) {
    struct watched *watched = arg;
    int mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    run_curl(watched->httpc, fd, mask);
}

static struct watched *take_watched(struct httpc *httpc) {
    struct watched *watched = httpc->spare_watched;
    if (watched == NULL) {
        watched = MEM_NEW(struct watched);
        watched->httpc = httpc;
    } else {
        httpc->spare_watched = watched->next;
    }
    return watched;
}

static void forget_socket(struct httpc *httpc, struct watched *watched) {
    if (watched == NULL)
        return;
    if (watched->what != 0)
        event_del(&watched->event);
    watched->what = 0;
    watched->next = httpc->spare_watched;
    httpc->spare_watched = watched;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int wish, void *arg, void *socket_arg) {
    (void)easy;
    struct httpc *httpc = arg;
    struct watched *watched = socket_arg;
    if (wish == CURL_POLL_REMOVE) {
        forget_socket(httpc, watched);
        curl_multi_assign(httpc->multi, fd, NULL);
        return 0;
    }
    if (watched == NULL) {
        watched = take_watched(httpc);
        curl_multi_assign(httpc->multi, fd, watched);
    }
    short what = (short)(((wish & CURL_POLL_IN) != 0 ? EV_READ : 0) | ((wish & CURL_POLL_OUT) != 0 ? EV_WRITE : 0));
    if (watched->what == what)
        return 0;
    if (watched->what != 0)
        event_del(&watched->event);
    event_assign(&watched->event, loop_base(httpc->options.loop), fd, (short)(what | EV_PERSIST), on_socket, watched);
    /* Where the system has no room to watch it, the transfer ends by its timeout; -1 would end all others as well. */
    watched->what = what != 0 && event_add(&watched->event, NULL) == 0 ? what : 0;
    return 0;
}

struct httpc *httpc_new(const struct httpc_options *options) {
    struct httpc *httpc = MEM_NEW(struct httpc);
    httpc->options = *options;
    httpc->ca_file = options->ca_file == NULL ? NULL : mem_strdup(options->ca_file);
    httpc->user_agent = options->user_agent == NULL ? NULL : mem_strdup(options->user_agent);
    httpc->options.ca_file = httpc->ca_file;
    httpc->options.user_agent = httpc->user_agent;
    httpc->timer = loop_timer_new(options->loop, on_timer, httpc);
    httpc->multi = curl_multi_init();
    long idle = options->max_idle_connections == 0 ? 1 : (long)options->max_idle_connections; /* 0 is "many" to curl */
    if (httpc->multi == NULL || curl_multi_setopt(httpc->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) != CURLM_OK ||
        curl_multi_setopt(httpc->multi, CURLMOPT_SOCKETDATA, httpc) != CURLM_OK ||
        curl_multi_setopt(httpc->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) != CURLM_OK ||
        curl_multi_setopt(httpc->multi, CURLMOPT_TIMERDATA, httpc) != CURLM_OK ||
        curl_multi_setopt(httpc->multi, CURLMOPT_MAXCONNECTS, idle) != CURLM_OK)
        abort(); /* out of memory */
    return httpc;
}

/* A request that could not be sent, told from the loop as any other end. */
static void run_invalid(void *arg) {
    struct httpc_call *call = arg;
    struct httpc *httpc = call->httpc;
    if (httpc == NULL) {
        httpc_call_free(call);
        return;
    }
    take_out(httpc, call);
    call->done(&call->answer, call->arg);
    put_back(httpc, call);
}

struct httpc_call *httpc_send(struct httpc *httpc, const struct httpc_request *request, httpc_done *done, void *arg) {
    struct httpc_call *call = take_spare(httpc);
    call->httpc = httpc;
    call->done = done;
    call->arg = arg;
    call->began_us = clock_mono_us();
    call->head_len = call->body_len = 0;
    call->error[0] = '\0';
    call->answer = (struct httpc_answer){.retry_after_ms = -1, .body = STR("")};
    link_call(httpc, call);
    call->answer.err = httpc_call_prepare(call, &httpc->options, request);
    if (call->answer.err != ERR_NONE) {
        loop_defer(httpc->options.loop, run_invalid, call);
        return call;
    }
    if (curl_multi_add_handle(httpc->multi, call->easy) != CURLM_OK)
        abort(); /* out of memory */
    call->is_in_multi = true;
    return call;
}

static void cancel(struct httpc *httpc, struct httpc_call *call) {
    bool was_in_multi = call->is_in_multi;
    take_out(httpc, call);
    if (was_in_multi)
        put_back(httpc, call);
    else
        call->httpc = NULL; /* run_invalid() frees it */
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
    while (httpc->calls != NULL)
        cancel(httpc, httpc->calls);
    while (httpc->spare_calls != NULL)
        httpc_call_free(take_spare(httpc));
    if (curl_multi_cleanup(httpc->multi) != CURLM_OK)
        abort(); /* a handle is still inside */
    while (httpc->spare_watched != NULL)
        mem_free(take_watched(httpc));
    loop_timer_free(httpc->timer);
    mem_free(httpc->ca_file);
    mem_free(httpc->user_agent);
    mem_free(httpc);
}
