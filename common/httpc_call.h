/* One request of httpc: its curl handle with everything that must live as long as the transfer. Part of httpc. */
#ifndef COMMON_HTTPC_CALL_H
#define COMMON_HTTPC_CALL_H

#include "common/arena.h"
#include "common/httpc.h"

#include <curl/curl.h>

enum { HTTPC_HEAD_MOST = 64 * 1024 }; /* bytes of status lines and headers, all of an answer */

struct httpc_call {
    struct httpc *httpc; /* NULL: ended while its callback was still to come */
    struct httpc_call *prev, *next;
    CURL *easy;
    struct arena *arena; /* URL, header list and body of the request under way */
    httpc_done *done;
    void *arg;
    bool is_in_multi;
    int64_t began_us, timeout_ms, connect_timeout_ms;
    size_t max_answer_len;
    char *system_ca_file;      /* curl's; what a handle is given back when a request had its own */
    size_t head_len, body_len; /* bytes received */
    struct httpc_answer answer;
    char error[CURL_ERROR_SIZE];
    char body[HTTPC_BODY_KEPT];
};

/* With all that stays the same from request to request. NULL: curl has no memory or lacks a feature. */
struct httpc_call *httpc_call_new(const struct httpc_options *options) MUST_USE;
void httpc_call_free(struct httpc_call *call);

/* Makes the handle ready; ERR_INVALID with `answer.what` set. */
enum err httpc_call_prepare(struct httpc_call *call, const struct httpc_options *options,
                            const struct httpc_request *request) MUST_USE;

/* httpc_explain.c: writes `answer.what` for a transfer that failed, and returns its error. */
enum err httpc_explain(struct httpc_call *call, CURLcode result);

/* Fills the answer in from how the transfer ended. */
void httpc_call_conclude(struct httpc_call *call, CURLcode result);

#endif
