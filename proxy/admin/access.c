/* Three ways in are closed here:
 *
 *   a stranger on the network   has no token; without one in the settings the port listens on loopback only
 *   a page of another site      in the browser of somebody who may: Origin and Sec-Fetch-Site (W3C Fetch Metadata) give
 *                               it away, and the token is no cookie that the browser would add by itself
 *   a name that is rebound      to 127.0.0.1 (DNS rebinding): without a token, Host must be a name of loopback */
#include "proxy/admin/access.h"

#include "common/hmac.h"

static struct str header(const struct http_request *request, struct str name) {
    return http_header_get(request->headers, request->header_count, name);
}

static bool token_is_right(const struct http_request *request, struct str token) {
    struct str given = header(request, STR("authorization"));
    if (given.len < 7 || !str_eq_nocase(str_slice(given.at, 7), STR("bearer ")))
        return false;
    given = str_trim(str_from(given, 7));
    return token.len > 0 && hmac_equal(given, token);
}

/* Without its port. What follows the name and is no port belongs to the name: "[::1].evil" is not "[::1]". */
static struct str host_name(struct str host) {
    bool is_bracketed = host.len > 0 && host.at[0] == '[';
    ptrdiff_t end = str_find(host, is_bracketed ? STR("]") : STR(":"));
    uint64_t port;
    if (end < 0)
        return host;
    size_t len = (size_t)end + (is_bracketed ? 1 : 0);
    struct str rest = str_from(host, len);
    bool is_port = rest.len > 1 && rest.at[0] == ':' && str_to_u64(str_from(rest, 1), &port) && port <= UINT16_MAX;
    return rest.len == 0 || is_port ? str_slice(host.at, len) : host;
}

/* 127.0.0.0/8 written as four numbers: no name that somebody else could give an address to. */
static bool is_loopback_ipv4(struct str name) {
    struct str piece;
    uint64_t number, count = 0;
    if (!str_starts_with(name, STR("127.")))
        return false;
    while (str_next(&name, '.', &piece)) {
        if (!str_to_u64(piece, &number) || number > 255)
            return false;
        count++;
    }
    return count == 4;
}

static bool host_is_loopback(const struct http_request *request) {
    struct str name = host_name(header(request, STR("host")));
    return str_eq_nocase(name, STR("localhost")) || str_eq_nocase(name, STR("localhost.")) ||
           str_eq(name, STR("[::1]")) || is_loopback_ipv4(name);
}

static bool is_cross_site(const struct http_request *request) {
    struct str site = header(request, STR("sec-fetch-site"));
    if (site.at != NULL && !str_eq(site, STR("same-origin")) && !str_eq(site, STR("none")))
        return true;
    struct str origin = header(request, STR("origin"));
    if (origin.at == NULL)
        return false;
    ptrdiff_t slashes = str_find(origin, STR("://"));
    return slashes < 0 || !str_eq_nocase(str_from(origin, (size_t)slashes + 3), header(request, STR("host")));
}

const char *access_token_state(const struct http_request *request, struct str token) {
    if (token.len == 0)
        return "none";
    if (header(request, STR("authorization")).at == NULL)
        return "missing";
    return token_is_right(request, token) ? "right" : "wrong";
}

struct access access_check(enum access_role role, const struct http_request *request, struct str token) {
    struct access access = {.has_token = token_is_right(request, token)};
    bool needs_token = role == ACCESS_CHANGE || (role == ACCESS_READ && token.len > 0);
    if (role == ACCESS_CHANGE && is_cross_site(request)) {
        access.status = 403;
        access.why = "requests from other sites are refused";
    } else if (role == ACCESS_CHANGE && token.len == 0) {
        access.status = 403;
        access.why = "changes need a token, and none is set: set admin.token and send it as a bearer token";
    } else if (needs_token && !access.has_token) {
        access.status = 401;
        access.why = "this needs the token of the setting admin.token, as \"Authorization: Bearer TOKEN\"";
    } else if (role == ACCESS_READ && token.len == 0 && !host_is_loopback(request)) {
        access.status = 403;
        access.why = "without a token (setting admin.token) the Host header must be localhost or a loopback address";
    }
    return access;
}
