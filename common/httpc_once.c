#include "common/httpc_once.h"

#include <curl/curl.h>

struct answer {
    struct strbuf body;
    size_t max_len;
    bool too_long;
};

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
    struct answer *answer = arg;
    size_t len = size * count;
    answer->too_long = len > answer->max_len - answer->body.len;
    if (answer->too_long)
        return 0; /* curl gives up */
    strbuf_append(&answer->body, str_slice(data, len));
    return len;
}

static enum err add_headers(const struct httpc_request *request, struct curl_slist **list, struct err_detail *detail) {
    struct strbuf line = {0};
    enum err err = ERR_NONE;
    for (size_t i = 0; i < request->header_count && err == ERR_NONE; i++) {
        struct http_header header = request->headers[i];
        if (!http_name_is_valid(header.name) || !http_value_is_valid(header.value)) {
            err = err_set(detail, ERR_INVALID, "\"" STR_FMT "\" can be no header", STR_ARG(header.name));
            break;
        }
        line.len = 0;
        strbuf_printf(&line, STR_FMT ": " STR_FMT, STR_ARG(header.name), STR_ARG(header.value));
        struct curl_slist *longer = curl_slist_append(*list, line.at);
        if (longer == NULL)
            err = err_set(detail, ERR_IO, "out of memory");
        else
            *list = longer;
    }
    strbuf_clear(&line);
    return err;
}

static enum err fate(CURLcode code, const struct answer *answer, const char *what, struct err_detail *detail) {
    if (code == CURLE_OK)
        return ERR_NONE;
    if (answer->too_long)
        return err_set(detail, ERR_LIMIT, "the answer is longer than %zu bytes", answer->max_len);
    if (what[0] == '\0')
        what = curl_easy_strerror(code);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(detail, ERR_TIMEOUT, "%s", what);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return err_set(detail, ERR_CLOSED, "%s", what);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(detail, ERR_INVALID, "%s", what);
    default:
        return err_set(detail, ERR_IO, "%s", what);
    }
}

static void set_up(CURL *curl, const struct httpc_request *request, const char *url, const char *method,
                   struct curl_slist *headers) {
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (!str_eq(request->method, STR("GET"))) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.at != NULL ? request->body.at : "");
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

enum err httpc_once(struct arena *arena, const struct httpc_request *request, size_t max_len, int *status,
                    struct str *body, struct err_detail *detail) {
    char what[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = NULL;
    struct answer answer = {.max_len = max_len};
    CURL *curl = curl_easy_init();
    enum err err = curl == NULL ? err_set(detail, ERR_IO, "libcurl could not begin") : ERR_NONE;
    if (err == ERR_NONE)
        err = add_headers(request, &headers, detail);
    if (err != ERR_NONE)
        goto out;
    set_up(curl, request, arena_str(arena, request->url).at, arena_str(arena, request->method).at, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, what);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    err = fate(curl_easy_perform(curl), &answer, what, detail);
    if (err != ERR_NONE)
        goto out;
    long code = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    *status = (int)code;
    *body = arena_str(arena, str_slice(answer.body.len > 0 ? answer.body.at : "", answer.body.len));
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    strbuf_clear(&answer.body);
    return err;
}
