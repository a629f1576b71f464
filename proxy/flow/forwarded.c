/* Consumers believe these headers: in who sent a message, and in the name and scheme that their links begin with. So
 * nothing of them passes that was said by somebody who is not trusted (CWE-348). */
#include "proxy/flow/forwarded.h"

/* All fields of that name as one list, where the sender is trusted; else absent. */
static struct str told_before(struct arena *arena, const struct http_request *http, struct str name) {
    struct str list = STR_NONE;
    for (size_t i = 0; http->is_trusted && i < http->header_count; i++) {
        const struct http_header *header = &http->headers[i];
        if (!str_eq_nocase(header->name, name) || header->value.len == 0)
            continue;
        list = list.len == 0 ? header->value : ARENA_JOIN(arena, list, STR(", "), header->value);
    }
    return list;
}

static struct str behind(struct arena *arena, struct str before, struct str own) {
    return before.len == 0 ? own : ARENA_JOIN(arena, before, STR(", "), own);
}

/* "127.0.0.1:50312" without its port, "[::1]:50312" without its brackets as well. */
static struct str address_of(struct str peer) {
    size_t len = peer.len;
    while (len > 0 && peer.at[len - 1] != ':')
        len--;
    struct str address = str_slice(peer.at, len > 0 ? len - 1 : 0);
    bool is_bracketed = address.len >= 2 && address.at[0] == '[';
    return is_bracketed ? str_slice(address.at + 1, address.len - 2) : address;
}

/* The first one that is told holds the name and scheme that the client used. */
static struct str first_or(struct str before, struct str own) {
    return before.len > 0 ? before : own;
}

/* for=192.0.2.43;host="example.com:8080";proto=https, where an address with colons is written in brackets and quoted.
 * httpd lets no host in that could end the quotation. */
static struct str element(struct arena *arena, struct str address, struct str host, struct str proto) {
    bool is_ipv6 = str_find(address, STR(":")) >= 0;
    struct str from = is_ipv6 ? ARENA_JOIN(arena, STR("\"["), address, STR("]\"")) : address;
    if (host.len == 0)
        return ARENA_JOIN(arena, STR("for="), from, STR(";proto="), proto);
    return ARENA_JOIN(arena, STR("for="), from, STR(";host=\""), host, STR("\";proto="), proto);
}

struct str forwarded_encode(struct arena *arena, const struct http_request *http) {
    struct str address = address_of(http->peer), proto = http->is_tls ? STR("https") : STR("http");
    struct str host = http_header_get(http->headers, http->header_count, STR("host"));
    struct str addresses = behind(arena, told_before(arena, http, STR("x-forwarded-for")), address);
    struct str elements =
        behind(arena, told_before(arena, http, STR("forwarded")), element(arena, address, host, proto));
    proto = first_or(told_before(arena, http, STR("x-forwarded-proto")), proto);
    host = first_or(told_before(arena, http, STR("x-forwarded-host")), host);
    struct str lines = ARENA_JOIN(arena, STR("X-Forwarded-For:"), addresses, STR("\nX-Forwarded-Proto:"), proto,
                                  STR("\nForwarded:"), elements, STR("\n"));
    return host.len == 0 ? lines : ARENA_JOIN(arena, lines, STR("X-Forwarded-Host:"), host, STR("\n"));
}
