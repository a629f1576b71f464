/* Why a delivery failed, for the operator who reads it in a list of attempts: what happened and, where a limit did it,
 * which. curl's own words only where they say more. */
#include "common/httpc_conn.h"

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

static void explain(struct httpc_call *call, const char *prefix, const char *what, enum err err) {
    snprintf(call->answer.what, sizeof call->answer.what, "%.30s%.120s", prefix, what); /* cut */
    call->answer.err = err;
}

void httpc_explain_timeout(struct httpc_call *call) {
    char within[32];
    if (call->conn != NULL && call->parser.has_head) {
        format_duration(within, sizeof within, call->timeout_ms < HTTPC_REST_MS ? call->timeout_ms : HTTPC_REST_MS);
        snprintf(call->answer.what, sizeof call->answer.what, "it did not end within %s", within);
        call->answer.err = ERR_TIMEOUT;
        return;
    }
    bool is_connected = call->conn != NULL && call->conn->state != HTTPC_DIALLING;
    bool is_connect_time = !is_connected && call->connect_due_us < call->due_us;
    format_duration(within, sizeof within, is_connect_time ? call->connect_timeout_ms : call->timeout_ms);
    snprintf(call->answer.what, sizeof call->answer.what, "no %s within %s",
             !is_connected                 ? "connection"
             : call->parser.total_len == 0 ? "answer"
                                           : "whole answer",
             within);
    call->answer.err = ERR_TIMEOUT;
}

void httpc_explain_broken(struct httpc_call *call, const char *how) {
    explain(call, how[0] == '\0' ? "connection broken" : "connection broken: ", how, ERR_CLOSED);
}

static void explain_length(struct httpc_call *call, const char *what, size_t most) {
    char size[32];
    format_size(size, sizeof size, most);
    snprintf(call->answer.what, sizeof call->answer.what, "%s longer than %s", what, size);
    call->answer.err = ERR_LIMIT;
}

void httpc_explain_fault(struct httpc_call *call) {
    const struct httpc_parser *parser = &call->parser;
    const char *reason = parser->reason != NULL ? parser->reason : "";
    switch (parser->fault) {
    case HTTPC_FAULT_HEAD_LEN:
        explain_length(call, "headers", HTTPC_HEAD_MOST);
        break;
    case HTTPC_FAULT_BODY_LEN:
        explain_length(call, "answer", parser->body_most);
        break;
    case HTTPC_FAULT_HEAD:
        explain(call, "not an HTTP/1 answer: ", reason, ERR_IO);
        break;
    case HTTPC_FAULT_BODY:
        httpc_explain_broken(call, reason);
        break;
    case HTTPC_FAULT_END_HEAD:
        explain(call, "", "closed without an answer", ERR_CLOSED);
        break;
    case HTTPC_FAULT_END_BODY:
        explain(call, "", "closed in the middle of the answer", ERR_CLOSED);
        break;
    case HTTPC_FAULT_NONE:
        break;
    }
}

static void explain_connect(struct httpc_call *call, int error) {
    explain(call, "",
            error == ECONNREFUSED ? "connection refused"
            : error != 0          ? strerror(error)
                                  : "cannot connect",
            ERR_CLOSED);
}

void httpc_explain_dial(struct httpc_call *call, const struct httpc_dial *dial, CURLcode result) {
    const char *error = httpc_dial_error(dial), *detail = error[0] != '\0' ? error : curl_easy_strerror(result);
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT:
        httpc_explain_timeout(call);
        break;
    case CURLE_COULDNT_CONNECT:
        explain_connect(call, httpc_dial_errno(dial));
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        httpc_explain_broken(call, detail);
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
        explain(call, "", "host not found", ERR_NOT_FOUND);
        break;
    case CURLE_URL_MALFORMAT:
        explain(call, "not a URL: ", detail, ERR_INVALID);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
        explain(call, "TLS: ", detail, ERR_IO);
        break;
    default:
        explain(call, "", detail, ERR_IO);
        break;
    }
}
