#include "common/url.h"

#include "common/mem.h"

#include <curl/curl.h>
#include <stdlib.h>

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

/* What follows the scheme; absent for others than the two. libcurl would guess a scheme, or take one slash for two. */
static struct str cut_scheme(struct str text, bool *is_tls) {
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        *is_tls = i == 1;
        if (text.len >= schemes[i].len && str_eq_nocase(str_slice(text.at, schemes[i].len), schemes[i]))
            return str_from(text, schemes[i].len);
    }
    return STR_NONE;
}

/* Whatever could end the request line, or is to be written in another way, is no part of a URL. */
static bool is_printable(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] >= 0x7F)
            return false;
    return true;
}

static size_t length_until(struct str text, const char *ends) {
    size_t len = 0;
    while (len < text.len && strchr(ends, text.at[len]) == NULL)
        len++;
    return len;
}

/* ":8080", or nothing. */
static bool read_port(struct str text, uint16_t *port) {
    uint64_t number;
    if (text.len == 0)
        return true;
    if (text.at[0] != ':' || text.len > 6 || !str_to_u64(str_from(text, 1), &number) || number == 0 ||
        number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* "host", "host:8080", "[::1]:8080" */
static const char *split_authority(struct str authority, struct url *url) {
    bool is_bracketed = authority.len > 0 && authority.at[0] == '[';
    size_t len = is_bracketed ? length_until(authority, "]") + 1 : length_until(authority, ":");
    if (memchr(authority.at, '@', authority.len) != NULL)
        return "has a user name or password in it: set a header instead";
    if (len > authority.len)
        return "has a host that is none";
    url->host = str_slice(authority.at, len);
    if (len == 0)
        return "has no host";
    struct str rest = str_from(authority, len);
    if (rest.len > 0 && rest.at[0] != ':')
        return "has a host that is none"; /* "[::1].evil" */
    return read_port(rest, &url->port) ? NULL : "has a port that is none";
}

const char *url_split(struct str text, struct url *url) {
    struct str rest = cut_scheme(text, &url->is_tls);
    if (rest.at == NULL)
        return "does not begin with http:// or https://";
    size_t len = length_until(rest, "/?#");
    if (len == 0)
        return "has no host";
    if (!is_printable(str_slice(rest.at, len)))
        return "has a host that is none";
    if (!is_printable(text))
        return "is no URL: it has a space or a character other than ASCII, which is written as %XX";
    url->port = url->is_tls ? 443 : 80;
    const char *wrong = split_authority(str_slice(rest.at, len), url);
    if (wrong != NULL)
        return wrong;
    url->origin = str_slice(text.at, (size_t)(rest.at - text.at) + len);
    rest = str_from(rest, len);
    len = length_until(rest, "?#");
    url->path = str_slice(rest.at, len);
    rest = str_from(rest, len);
    url->query = str_slice(rest.at, length_until(rest, "#"));
    return NULL;
}

static const char *check_with_curl(struct str origin) {
    CURLU *handle = curl_url();
    if (handle == NULL)
        abort();
    char *copy = mem_zalloc(origin.len + 1);
    memcpy(copy, origin.at, origin.len);
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, copy, 0);
    mem_free(copy);
    curl_url_cleanup(handle);
    return code == CURLUE_OK ? NULL : why_refused(code);
}

const char *url_check(struct str text) {
    struct url url;
    const char *wrong = url_split(text, &url);
    if (wrong == NULL)
        wrong = check_with_curl(url.origin);
    if (wrong != NULL)
        return wrong;
    if (str_find(text, STR("#")) >= 0)
        return "has a fragment (#), which is never sent";
    return url.query.len > 0 && url.path.len == 0 ? "has a query without a path" : NULL;
}

bool url_is_same_origin(const struct url *a, const struct url *b) {
    return a->is_tls == b->is_tls && a->port == b->port && str_eq_nocase(a->host, b->host);
}

/* A password may hold a slash by mistake, so that all up to the last "@" may be one. */
void url_append_masked(struct strbuf *out, struct str text) {
    ptrdiff_t scheme = str_find(text, STR("://"));
    size_t begin = scheme < 0 ? 0 : (size_t)scheme + 3, at = text.len;
    while (at > begin && text.at[at - 1] != '@')
        at--;
    bool is_userinfo = at > begin && (scheme >= 0 || memchr(text.at, ':', at) != NULL);
    if (is_userinfo) {
        strbuf_append(out, str_slice(text.at, begin));
        strbuf_append(out, STR("..."));
        text = str_from(text, at - 1);
    }
    strbuf_append(out, text);
}
