#include "common/netaddr.h"

#include "common/str.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST_LEN = 256, PORT_LEN = 6 };

static bool copy_text(struct str from, char *to, size_t size) {
    if (from.len >= size)
        return false;
    if (from.len > 0)
        memcpy(to, from.at, from.len);
    to[from.len] = '\0';
    return true;
}

/* "[host]:port" or "host:port", where a host with colons needs its brackets. */
static bool split(const char *text, char host[HOST_LEN], char port[PORT_LEN]) {
    const char *colon = strrchr(text, ':');
    uint64_t number;
    if (colon == NULL || !str_to_u64(str_of(colon + 1), &number) || number > UINT16_MAX)
        return false;
    struct str name = str_slice(text, (size_t)(colon - text));
    if (name.len >= 2 && name.at[0] == '[' && name.at[name.len - 1] == ']')
        name = str_slice(name.at + 1, name.len - 2);
    else if (str_find(name, STR(":")) >= 0)
        return false;
    return copy_text(name, host, HOST_LEN) && copy_text(str_of(colon + 1), port, PORT_LEN);
}

/* Numbers only, as a lookup could block or give another answer the next time; but everybody writes "localhost". */
static int look_up(const char *host, const char *port, struct addrinfo **found) {
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (strcmp(host, "localhost") == 0)
        return getaddrinfo("127.0.0.1", port, &hints, found);
    if (host[0] != '\0')
        return getaddrinfo(host, port, &hints, found);
    int probe = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0); /* a kernel may be without IPv6 */
    if (probe < 0)
        return getaddrinfo("0.0.0.0", port, &hints, found);
    close(probe);
    return getaddrinfo("::", port, &hints, found);
}

enum err netaddr_parse(const char *text, struct netaddr *address, struct err_detail *detail) {
    char host[HOST_LEN], port[PORT_LEN];
    struct addrinfo *found = NULL;
    if (!split(text, host, port))
        return err_set(detail, ERR_INVALID, "\"%s\" is no address to listen on: HOST:PORT, [IPV6]:PORT or :PORT", text);
    int failed = look_up(host, port, &found);
    if (failed != 0)
        return err_set(detail, ERR_INVALID, "no IP address in \"%s\": %s", text, gai_strerror(failed));
    *address = (struct netaddr){.len = found->ai_addrlen};
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return ERR_NONE;
}

static const struct sockaddr_in *as_ipv4(const struct netaddr *address) {
    return (const struct sockaddr_in *)(const void *)&address->storage;
}

static const struct sockaddr_in6 *as_ipv6(const struct netaddr *address) {
    return (const struct sockaddr_in6 *)(const void *)&address->storage;
}

uint16_t netaddr_port(const struct netaddr *address) {
    bool ipv6 = address->storage.ss_family == AF_INET6;
    return ntohs(ipv6 ? as_ipv6(address)->sin6_port : as_ipv4(address)->sin_port);
}

size_t netaddr_format(const struct netaddr *address, char text[NETADDR_TEXT_LEN]) {
    char host[INET6_ADDRSTRLEN] = "?";
    bool brackets = false;
    if (address->storage.ss_family == AF_INET) {
        inet_ntop(AF_INET, &as_ipv4(address)->sin_addr, host, sizeof host);
    } else if (IN6_IS_ADDR_V4MAPPED(&as_ipv6(address)->sin6_addr)) {
        inet_ntop(AF_INET, &as_ipv6(address)->sin6_addr.s6_addr[12], host, sizeof host);
    } else {
        inet_ntop(AF_INET6, &as_ipv6(address)->sin6_addr, host, sizeof host);
        brackets = true;
    }
    return (size_t)snprintf(text, NETADDR_TEXT_LEN, "%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "",
                            (unsigned)netaddr_port(address));
}

bool netaddr_is_loopback(const struct netaddr *address) {
    if (address->storage.ss_family == AF_INET)
        return ntohl(as_ipv4(address)->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&as_ipv6(address)->sin6_addr);
}

void netaddr_bytes(const struct netaddr *address, unsigned char bytes[16]) {
    memset(bytes, 0, 16);
    if (address->storage.ss_family == AF_INET) {
        bytes[10] = bytes[11] = 0xFF;
        memcpy(bytes + 12, &as_ipv4(address)->sin_addr, 4);
    } else if (address->storage.ss_family == AF_INET6) {
        memcpy(bytes, &as_ipv6(address)->sin6_addr, 16);
    }
}

static bool read_bits(struct str text, uint64_t most, uint64_t *bits) {
    return text.len > 0 && text.len <= 3 && str_to_u64(text, bits) && *bits <= most;
}

bool netaddr_range_parse(struct str text, struct netaddr_range *range) {
    char host[HOST_LEN];
    struct in_addr ipv4;
    ptrdiff_t slash = str_find(text, STR("/"));
    if (!copy_text(str_slice(text.at, slash < 0 ? text.len : (size_t)slash), host, sizeof host))
        return false;
    *range = (struct netaddr_range){0};
    bool is_ipv4 = inet_pton(AF_INET, host, &ipv4) == 1;
    if (is_ipv4) {
        range->address[10] = range->address[11] = 0xFF;
        memcpy(range->address + 12, &ipv4, 4);
    } else if (inet_pton(AF_INET6, host, range->address) != 1) {
        return false;
    }
    uint64_t most = is_ipv4 ? 32 : 128, bits = most;
    if (slash >= 0 && !read_bits(str_from(text, (size_t)slash + 1), most, &bits))
        return false;
    range->bits = (unsigned)(is_ipv4 ? 96 + bits : bits);
    return true;
}

bool netaddr_range_has(const struct netaddr_range *range, const struct netaddr *address) {
    unsigned char bytes[16];
    size_t whole = range->bits / 8;
    unsigned rest = range->bits % 8, mask = 0xFFU << (8 - rest) & 0xFFU;
    netaddr_bytes(address, bytes);
    return memcmp(bytes, range->address, whole) == 0 &&
           (rest == 0 || ((bytes[whole] ^ range->address[whole]) & mask) == 0);
}
