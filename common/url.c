#include "common/url.h"

#include "common/mem.h"

#include <curl/curl.h>
#include <stdlib.h>

static bool has_part(CURLU *url, CURLUPart part) {
    char *text = NULL;
    bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return is_there;
}

static const char *why_refused(CURLUcode code) {
    switch (code) {
    case CURLUE_OUT_OF_MEMORY:
        abort();
    case CURLUE_NO_HOST:
        return "has no host";
    case CURLUE_BAD_PORT_NUMBER:
        return "has a port that is none";
    case CURLUE_BAD_HOSTNAME:
    case CURLUE_BAD_IPV6:
        return "has a host that is none";
    default:
        return "is no URL";
    }
}

static const char *check_parts(CURLU *url, struct str rest) {
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
        return "has a user name or password in it: set a header instead";
    if (has_part(url, CURLUPART_FRAGMENT) || str_find(rest, STR("#")) >= 0)
        return "has a fragment (#), which is never sent";
    ptrdiff_t slash = str_find(rest, STR("/")), query = str_find(rest, STR("?"));
    if (query >= 0 && (slash < 0 || slash > query))
        return "has a query without a path";
    return NULL;
}

/* What follows the scheme; absent for others than the two. libcurl would guess a scheme, or take one slash for two. */
static struct str cut_scheme(struct str text) {
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (text.len >= schemes[i].len && str_eq_nocase(str_slice(text.at, schemes[i].len), schemes[i]))
            return str_from(text, schemes[i].len);
    return STR_NONE;
}

const char *url_check(struct str text) {
    struct str rest = cut_scheme(text);
    if (rest.at == NULL)
        return "does not begin with http:// or https://";
    if (rest.len == 0 || memchr("/?#", rest.at[0], 3) != NULL)
        return "has no host";
    if (memchr(text.at, '\0', text.len) != NULL)
        return "is no URL";
    CURLU *url = curl_url();
    if (url == NULL)
        abort();
    char *copy = mem_zalloc(text.len + 1);
    memcpy(copy, text.at, text.len);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, copy, 0);
    const char *wrong = code == CURLUE_OK ? check_parts(url, rest) : why_refused(code);
    mem_free(copy);
    curl_url_cleanup(url);
    return wrong;
}

bool url_has_path(struct str url) {
    struct str rest = cut_scheme(url);
    ptrdiff_t slash = str_find(rest, STR("/"));
    return slash >= 0 && (size_t)slash + 1 < rest.len;
}
