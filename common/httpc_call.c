/* Handles are used again and again, with their header list in an arena that is emptied in between: curl copies neither
 * headers nor body, and a request costs next to no allocation. */
#include "common/httpc_call.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdio.h>

enum { BUFFER_LEN = 4096 };
static const int64_t RETRY_AFTER_MOST_MS = INT64_C(365) * 24 * 3600 * 1000;

/* The first bytes are kept; 0 tells curl to break off. */
static size_t on_body(char *at, size_t size, size_t count, void *arg) {
    struct httpc_call *call = arg;
    size_t len = size * count, room = call->body_len < sizeof call->body ? sizeof call->body - call->body_len : 0;
    if (room > 0)
        memcpy(call->body + call->body_len, at, len < room ? len : room);
    call->body_len += len;
    return call->body_len > call->max_answer_len ? 0 : len;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): as curl calls it */
static size_t on_head(char *at, size_t size, size_t count, void *arg) {
    (void)at;
    struct httpc_call *call = arg;
    call->head_len += size * count;
    return call->head_len > HTTPC_HEAD_MOST ? 0 : size * count;
}

static bool set_lasting_options(struct httpc_call *call, const struct httpc_options *options) {
    CURL *easy = call->easy;
    bool failed = curl_easy_setopt(easy, CURLOPT_PRIVATE, call) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_LEN) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent) != CURLE_OK;
    return !failed;
}

struct httpc_call *httpc_call_new(const struct httpc_options *options) {
    struct httpc_call *call = MEM_NEW(struct httpc_call);
    call->easy = curl_easy_init();
    call->arena = arena_new(0);
    call->max_answer_len = options->max_answer_len;
    if (call->easy != NULL && set_lasting_options(call, options) &&
        curl_easy_getinfo(call->easy, CURLINFO_CAINFO, &call->system_ca_file) == CURLE_OK)
        return call;
    httpc_call_free(call);
    return NULL;
}

void httpc_call_free(struct httpc_call *call) {
    curl_easy_cleanup(call->easy);
    arena_free(call->arena);
    mem_free(call);
}

static enum err refuse(struct httpc_call *call, const char *what) {
    snprintf(call->answer.what, sizeof call->answer.what, "%s", what);
    return ERR_INVALID;
}

static bool is_clients_own(struct str name) {
    const struct str names[] = {
        STR("Connection"), STR("Content-Length"),      STR("Expect"),           STR("HTTP2-Settings"),
        STR("Keep-Alive"), STR("Proxy-Authorization"), STR("Proxy-Connection"), STR("TE"),
        STR("Trailer"),    STR("Transfer-Encoding"),   STR("Upgrade"),
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, names[i]))
            return true;
    return false;
}

struct header_list {
    struct arena *arena;
    struct curl_slist *first, **end;
};

static void list_append(struct header_list *list, struct str line) {
    struct curl_slist *item = ARENA_NEW(list->arena, struct curl_slist);
    *item = (struct curl_slist){.data = (char *)(uintptr_t)line.at}; /* curl only reads it */
    *list->end = item;
    list->end = &item->next;
}

/* "Name: value"; curl's way of writing an empty value is "Name;", and "Name:" takes one of its own headers away. */
static void append_header(struct header_list *list, const struct http_header *header) {
    struct str value = str_trim(header->value);
    if (value.len == 0)
        list_append(list, ARENA_JOIN(list->arena, header->name, STR(";")));
    else
        list_append(list, ARENA_JOIN(list->arena, header->name, STR(": "), value));
}

static enum err make_header_list(struct httpc_call *call, const struct httpc_request *request,
                                 struct curl_slist **result) {
    const struct str unwanted[] = {STR("Expect"), STR("Accept"), STR("Content-Type")}; /* unless the caller sets them */
    struct header_list list = {.arena = call->arena, .end = &list.first};
    for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
        if (http_header_get(request->headers, request->header_count, unwanted[i]).at == NULL || i == 0)
            list_append(&list, ARENA_JOIN(call->arena, unwanted[i], STR(":")));
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        if (!http_name_is_valid(header->name) || !http_value_is_valid(header->value))
            return refuse(call, "a header has characters that it may not have");
        if (!is_clients_own(header->name))
            append_header(&list, header);
    }
    *result = list.first;
    return ERR_NONE;
}

static bool is_url_text(struct str url) {
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] >= 0x7F)
            return false;
    return str_starts_with(url, STR("http://")) || str_starts_with(url, STR("https://"));
}

/* HTTPGET and POST undo what the request before set; CUSTOMREQUEST then only replaces the word. */
static bool set_method_and_body(struct httpc_call *call, const struct httpc_request *request) {
    CURL *easy = call->easy;
    bool is_get = str_eq(request->method, STR("GET")), is_post = str_eq(request->method, STR("POST"));
    struct str method = arena_str(call->arena, request->method), body = arena_str(call->arena, request->body);
    bool failed = false;
    if (is_post || body.len > 0) {
        failed |= curl_easy_setopt(easy, CURLOPT_POST, 1L) != CURLE_OK;
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.at == NULL ? "" : body.at) != CURLE_OK;
        failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) != CURLE_OK;
    } else {
        failed |= curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) != CURLE_OK;
        failed |= curl_easy_setopt(easy, CURLOPT_NOBODY, str_eq(method, STR("HEAD")) ? 1L : 0L) != CURLE_OK;
    }
    bool is_plain = is_post || (is_get && body.len == 0);
    failed |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is_plain ? NULL : method.at) != CURLE_OK;
    return !failed;
}

static bool set_limits_and_tls(struct httpc_call *call, const struct httpc_options *options,
                               const struct httpc_request *request) {
    CURL *easy = call->easy;
    const char *ca_file = request->ca_file != NULL   ? request->ca_file
                          : options->ca_file != NULL ? options->ca_file
                                                     : call->system_ca_file;
    long timeout_ms = (long)(request->timeout_ms > 0 ? request->timeout_ms : 1); /* 0 is "never" to curl */
    long connect_ms = (long)(request->connect_timeout_ms > 0 ? request->connect_timeout_ms : 1);
    call->timeout_ms = timeout_ms;
    call->connect_timeout_ms = connect_ms;
    bool failed = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_SSLCERT, request->cert_file) != CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_SSLKEY, request->key_file) != CURLE_OK;
    return !failed;
}

enum err httpc_call_prepare(struct httpc_call *call, const struct httpc_options *options,
                            const struct httpc_request *request) {
    struct curl_slist *headers = NULL;
    if (!is_url_text(request->url))
        return refuse(call, "not an http or https URL");
    if (!http_name_is_valid(request->method))
        return refuse(call, "not a method");
    enum err err = make_header_list(call, request, &headers);
    if (err != ERR_NONE)
        return err;
    struct str url = arena_str(call->arena, request->url);
    if (curl_easy_setopt(call->easy, CURLOPT_URL, url.at) != CURLE_OK ||
        curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, headers) != CURLE_OK || !set_method_and_body(call, request) ||
        !set_limits_and_tls(call, options, request))
        return refuse(call, "curl does not take the request");
    return ERR_NONE;
}

/* Retry-After: seconds, or a date (RFC 9110, 10.2.3); -1 where there is none that can be read. */
static int64_t read_retry_after_ms(struct httpc_call *call) {
    struct curl_header *header;
    uint64_t seconds;
    if (curl_easy_header(call->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    if (str_to_u64(str_of(header->value), &seconds))
        return seconds < (uint64_t)RETRY_AFTER_MOST_MS / 1000 ? (int64_t)seconds * 1000 : RETRY_AFTER_MOST_MS;
    time_t date = curl_getdate(header->value, NULL);
    if (date < 0)
        return -1;
    int64_t after_ms = (int64_t)date * 1000 - clock_wall_ms();
    if (after_ms > RETRY_AFTER_MOST_MS)
        return RETRY_AFTER_MOST_MS;
    return after_ms < 0 ? 0 : after_ms;
}

void httpc_call_conclude(struct httpc_call *call, CURLcode result) {
    struct httpc_answer *answer = &call->answer;
    answer->duration_us = clock_mono_us() - call->began_us;
    answer->retry_after_ms = -1;
    if (result != CURLE_OK) {
        answer->err = httpc_explain(call, result);
        return;
    }
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    answer->retry_after_ms = read_retry_after_ms(call);
    answer->body = str_slice(call->body, call->body_len < sizeof call->body ? call->body_len : sizeof call->body);
    snprintf(answer->what, sizeof answer->what, "%ld %s", status, http_status_text((int)status));
}
