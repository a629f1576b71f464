/* A consumer's URL that leads back to hookshift: each delivery would come in again as a message. Told before the start
 * where the addresses alone show it; else the mark on deliveries does, when the first one comes back.
 *
 * Names other than localhost and the machine's own are not looked up: a lookup may block, and may answer otherwise the
 * next time. */
#include "proxy/model/settings_checks.h"

#include "common/netaddr.h"
#include "common/url.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

enum { HOST_LEN = 256 };

/* One of them or none: both in the order of the network. */
struct ip {
    bool is_v4, is_v6;
    struct in_addr v4;
    struct in6_addr v6;
};

static struct ip ip_of(const struct sockaddr_storage *storage) {
    struct ip ip = {.is_v4 = storage->ss_family == AF_INET, .is_v6 = storage->ss_family == AF_INET6};
    if (ip.is_v4)
        ip.v4 = ((const struct sockaddr_in *)(const void *)storage)->sin_addr;
    if (ip.is_v6)
        ip.v6 = ((const struct sockaddr_in6 *)(const void *)storage)->sin6_addr;
    return ip;
}

static bool is_same(const struct ip *a, const struct ip *b) {
    return (a->is_v4 && b->is_v4 && a->v4.s_addr == b->v4.s_addr) ||
           (a->is_v6 && b->is_v6 && IN6_ARE_ADDR_EQUAL(&a->v6, &b->v6));
}

static bool is_any(const struct ip *ip) {
    return (ip->is_v4 && ip->v4.s_addr == INADDR_ANY) || (ip->is_v6 && IN6_IS_ADDR_UNSPECIFIED(&ip->v6));
}

static bool is_loopback(const struct ip *ip) {
    return (ip->is_v4 && ntohl(ip->v4.s_addr) >> 24 == IN_LOOPBACKNET) || (ip->is_v6 && IN6_IS_ADDR_LOOPBACK(&ip->v6));
}

static bool is_of_this_machine(const struct ip *ip) {
    struct ifaddrs *list;
    bool is_own = is_loopback(ip) || is_any(ip);
    if (is_own || getifaddrs(&list) != 0)
        return is_own;
    for (const struct ifaddrs *entry = list; entry != NULL && !is_own; entry = entry->ifa_next) {
        struct sockaddr_storage storage = {0};
        if (entry->ifa_addr == NULL)
            continue;
        bool is_v6 = entry->ifa_addr->sa_family == AF_INET6;
        if (!is_v6 && entry->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&storage, entry->ifa_addr, is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
        struct ip own = ip_of(&storage);
        is_own = is_same(ip, &own);
    }
    freeifaddrs(list);
    return is_own;
}

/* Does whoever listens at `listen` hear what is sent to the address? */
static bool is_heard(const struct ip *listen, const struct ip *ip) {
    bool listens_to_v4 = listen->is_v4 || (listen->is_v6 && is_any(listen)); /* the latter hears both */
    if (is_any(listen))
        return (ip->is_v4 ? listens_to_v4 : listen->is_v6) && is_of_this_machine(ip);
    return is_same(listen, ip) || (is_any(ip) && is_loopback(listen) && listen->is_v4 == ip->is_v4);
}

static bool is_name_heard(const struct ip *listen, const char *name) {
    char own[HOST_LEN] = "";
    size_t len = strlen(name);
    bool is_localhost =
        strcasecmp(name, "localhost") == 0 || (len > 10 && strcasecmp(name + len - 10, ".localhost") == 0);
    const struct ip v4 = {.is_v4 = true, .v4.s_addr = htonl(INADDR_LOOPBACK)};
    const struct ip v6 = {.is_v6 = true, .v6 = IN6ADDR_LOOPBACK_INIT};
    if (is_localhost)
        return is_heard(listen, &v4) || is_heard(listen, &v6);
    return is_any(listen) && gethostname(own, sizeof own - 1) == 0 && strcasecmp(name, own) == 0;
}

/* The host as a NUL-terminated text: without brackets, and without the dot that ends a full name. */
static bool copy_host(struct str host, char text[HOST_LEN]) {
    if (host.at[0] == '[')
        host = str_slice(host.at + 1, host.len - 2);
    if (str_ends_with(host, STR(".")))
        host.len--;
    if (host.len >= HOST_LEN)
        return false;
    memcpy(text, host.at, host.len);
    text[host.len] = '\0';
    return true;
}

static bool leads_to(const struct url *url, struct str listen_text) {
    struct netaddr listen;
    struct ip ip = {0};
    char host[HOST_LEN];
    if (listen_text.at == NULL || netaddr_parse(listen_text.at, &listen, NULL) != ERR_NONE ||
        netaddr_port(&listen) != url->port || !copy_host(url->host, host))
        return false;
    struct ip heard = ip_of(&listen.storage);
    ip.is_v4 = inet_aton(host, &ip.v4) == 1; /* in all the spellings that getaddrinfo() takes */
    ip.is_v6 = !ip.is_v4 && inet_pton(AF_INET6, host, &ip.v6) == 1;
    if (ip.is_v6 && IN6_IS_ADDR_V4MAPPED(&ip.v6)) {
        memcpy(&ip.v4, &ip.v6.s6_addr[12], sizeof ip.v4);
        ip.is_v4 = true;
        ip.is_v6 = false;
    }
    return ip.is_v4 || ip.is_v6 ? is_heard(&heard, &ip) : is_name_heard(&heard, host);
}

static void check_url(struct optfile *optfile, const struct settings *settings, const char *name, struct str text) {
    struct url url;
    if (text.at == NULL || url_split(text, &url) != NULL)
        return; /* told already */
    const char *own = leads_to(&url, settings->listen)         ? "listen"
                      : leads_to(&url, settings->admin_listen) ? "admin.listen"
                                                               : NULL;
    if (own != NULL)
        optfile_complain(optfile, name, "the consumer's address",
                         "\"" STR_FMT "\" is hookshift's own address, %s: deliveries would come back to it",
                         STR_ARG(text), own);
}

void settings_check_urls(struct optfile *optfile, const struct settings *settings) {
    for (int e = 0; e < ENDPOINT_COUNT; e++) {
        const struct endpoint_settings *endpoint = &settings->endpoints[e];
        char url[64], routes[64];
        snprintf(url, sizeof url, "endpoints.%s.url", endpoint_name((enum endpoint)e));
        snprintf(routes, sizeof routes, "endpoints.%s.routes", endpoint_name((enum endpoint)e));
        check_url(optfile, settings, url, endpoint->url);
        for (size_t i = 0; i < endpoint->routes.count; i++)
            check_url(optfile, settings, routes, endpoint->routes.pairs[i].value);
    }
}
