/* Addresses to listen on, as people write them: "127.0.0.1:8080", "[::1]:0", ":8080", "localhost:8080". */
#ifndef COMMON_NETADDR_H
#define COMMON_NETADDR_H

#include "common/err.h"
#include "common/str.h"

#include <sys/socket.h>

struct netaddr {
    struct sockaddr_storage storage;
    socklen_t len;
};

enum { NETADDR_TEXT_LEN = 64 }; /* room for any address with its port and a NUL */

/* ":8080" is every address of the machine, IPv6 where it has that; of names only "localhost" is known. ERR_INVALID with
 * detail for what cannot be read. */
enum err netaddr_parse(const char *text, struct netaddr *address, struct err_detail *detail) MUST_USE;

/* "127.0.0.1:8080", "[::1]:8080"; IPv4 clients of an IPv6 socket are written as IPv4. Returns the length. */
size_t netaddr_format(const struct netaddr *address, char text[NETADDR_TEXT_LEN]);

/* "10.0.0.0/8", "2001:db8::/32", or one address; IPv4 is compared as it is written within IPv6. */
struct netaddr_range {
    unsigned char address[16];
    unsigned bits; /* of it that count */
};
bool netaddr_range_parse(struct str text, struct netaddr_range *range) MUST_USE; /* false: it is none */
bool netaddr_range_has(const struct netaddr_range *range, const struct netaddr *address);
/* The address without its port as 16 bytes; zeros where it is of no network. */
void netaddr_bytes(const struct netaddr *address, unsigned char bytes[16]);

uint16_t netaddr_port(const struct netaddr *address);
bool netaddr_is_loopback(const struct netaddr *address);

#endif
