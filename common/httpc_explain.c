/* Why a delivery failed, for the operator who reads it in a list of attempts: what happened and, where a limit did it,
 * which. curl's own words only where they say more. */
#include "common/httpc_call.h"

#include <errno.h>
#include <stdio.h>

static void format_duration(char *into, size_t size, int64_t ms) {
    if (ms % 1000 == 0)
        snprintf(into, size, "%lld s", (long long)(ms / 1000));
    else
        snprintf(into, size, "%lld ms", (long long)ms);
}

static void format_size(char *into, size_t size, size_t len) {
    if (len > 0 && len % (1024 * 1024) == 0)
        snprintf(into, size, "%zu MiB", len / (1024 * 1024));
    else if (len > 0 && len % 1024 == 0)
        snprintf(into, size, "%zu KiB", len / 1024);
    else
        snprintf(into, size, "%zu bytes", len);
}

static enum err explain_timeout(struct httpc_call *call) {
    char within[32];
    curl_off_t sent_us = 0; /* 0 until the connection, with its TLS, stands */
    curl_easy_getinfo(call->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    format_duration(within, sizeof within,
                    sent_us == 0 && call->connect_timeout_ms < call->timeout_ms ? call->connect_timeout_ms
                                                                                : call->timeout_ms);
    snprintf(call->answer.what, sizeof call->answer.what, "no %s within %s",
             sent_us == 0          ? "connection"
             : call->head_len == 0 ? "answer"
                                   : "whole answer",
             within);
    return ERR_TIMEOUT;
}

static enum err explain_length(struct httpc_call *call) {
    char size[32];
    bool is_head = call->head_len > HTTPC_HEAD_MOST;
    format_size(size, sizeof size, is_head ? HTTPC_HEAD_MOST : call->max_answer_len);
    snprintf(call->answer.what, sizeof call->answer.what, "%s longer than %s", is_head ? "headers" : "answer", size);
    return ERR_LIMIT;
}

static enum err explain_connect(struct httpc_call *call) {
    long error = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &error);
    snprintf(call->answer.what, sizeof call->answer.what, "%s",
             error == ECONNREFUSED ? "connection refused"
             : error != 0          ? strerror((int)error)
                                   : "cannot connect");
    return ERR_CLOSED;
}

static enum err explain(struct httpc_call *call, const char *prefix, const char *what, enum err err) {
    snprintf(call->answer.what, sizeof call->answer.what, "%.30s%.120s", prefix, what); /* cut */
    return err;
}

enum err httpc_explain(struct httpc_call *call, CURLcode result) {
    const char *detail = call->error[0] != '\0' ? call->error : curl_easy_strerror(result);
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        return explain_timeout(call);
    case CURLE_WRITE_ERROR: /* on_body() and on_head() refuse what is too long, and nothing else */
        return explain_length(call);
    case CURLE_COULDNT_CONNECT:
        return explain_connect(call);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return explain(call, "connection broken: ", detail, ERR_CLOSED);
    case CURLE_GOT_NOTHING:
        return explain(call, "", "closed without an answer", ERR_CLOSED);
    case CURLE_PARTIAL_FILE:
        return explain(call, "", "closed in the middle of the answer", ERR_CLOSED);
    case CURLE_COULDNT_RESOLVE_HOST:
        return explain(call, "", "host not found", ERR_NOT_FOUND);
    case CURLE_URL_MALFORMAT:
        return explain(call, "not a URL: ", detail, ERR_INVALID);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* the scheme was checked: this is HTTP/0.9 or another HTTP */
        return explain(call, "not an HTTP/1 answer: ", detail, ERR_IO);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        return explain(call, "TLS: ", detail, ERR_IO);
    default:
        return explain(call, "", detail, ERR_IO);
    }
}
