/*      12 bytes    1        1         2          up to PROXY_HEADER_MOST
 *     signature │ 0x2 cmd │ family │ length │ addresses, then TLVs (type, length of 16 bits, value)
 *
 * Only what is fully understood passes: a header that we read in another way than the balancer meant it would give one
 * client the address of another. */
#include "common/proxy_header.h"

#include <netinet/in.h>
#include <string.h>

enum { FIXED_LEN = 16, IPV4_LEN = 12, IPV6_LEN = 36, UNIX_LEN = 216, TLV_LEN = 3, TLV_TLS = 0x20, TLS_USED = 1 };
enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };
enum { FAMILY_NONE = 0x00, FAMILY_IPV4 = 0x11, FAMILY_IPV6 = 0x21, FAMILY_UNIX = 0x31 };

static const unsigned char signature[12] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

static void read_ipv4(const unsigned char *at, struct netaddr *source) {
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&source->storage;
    *source = (struct netaddr){.len = sizeof *ipv4};
    ipv4->sin_family = AF_INET;
    memcpy(&ipv4->sin_addr, at, 4);
    memcpy(&ipv4->sin_port, at + 8, 2);
}

static void read_ipv6(const unsigned char *at, struct netaddr *source) {
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)&source->storage;
    *source = (struct netaddr){.len = sizeof *ipv6};
    ipv6->sin6_family = AF_INET6;
    memcpy(&ipv6->sin6_addr, at, 16);
    memcpy(&ipv6->sin6_port, at + 32, 2);
}

/* What follows the addresses; false where it is no list of TLVs. */
static bool read_tlvs(const unsigned char *at, size_t len, struct proxy_header *header) {
    while (len > 0) {
        if (len < TLV_LEN)
            return false;
        size_t value_len = (size_t)at[1] << 8 | at[2];
        if (value_len > len - TLV_LEN)
            return false;
        if (at[0] == TLV_TLS && value_len >= 5)
            header->is_tls = (at[TLV_LEN] & TLS_USED) != 0;
        at += TLV_LEN + value_len;
        len -= TLV_LEN + value_len;
    }
    return true;
}

static bool read_rest(unsigned char family, const unsigned char *at, size_t len, struct proxy_header *header) {
    size_t addresses_len = family == FAMILY_IPV4   ? IPV4_LEN
                           : family == FAMILY_IPV6 ? IPV6_LEN
                           : family == FAMILY_UNIX ? UNIX_LEN
                                                   : 0;
    if ((family != FAMILY_NONE && addresses_len == 0) || len < addresses_len)
        return false;
    if (family == FAMILY_NONE)
        return true; /* whatever follows says nothing that is understood */
    header->has_source = family != FAMILY_UNIX;
    if (family == FAMILY_IPV4)
        read_ipv4(at, &header->source);
    else if (family == FAMILY_IPV6)
        read_ipv6(at, &header->source);
    return read_tlvs(at + addresses_len, len - addresses_len, header);
}

enum proxy_header_result proxy_header_parse(const unsigned char *at, size_t len, struct proxy_header *header,
                                            size_t *need) {
    *header = (struct proxy_header){0};
    *need = FIXED_LEN;
    if (len > 0 && memcmp(at, signature, len < sizeof signature ? len : sizeof signature) != 0)
        return PROXY_HEADER_BAD;
    if (len < FIXED_LEN)
        return PROXY_HEADER_MORE;
    size_t rest_len = (size_t)at[14] << 8 | at[15];
    *need = FIXED_LEN + rest_len;
    if ((at[12] != COMMAND_LOCAL && at[12] != COMMAND_PROXY) || *need > PROXY_HEADER_MOST)
        return PROXY_HEADER_BAD;
    if (len < *need)
        return PROXY_HEADER_MORE;
    if (at[12] == COMMAND_LOCAL)
        return PROXY_HEADER_DONE;
    return read_rest(at[13], at + FIXED_LEN, rest_len, header) ? PROXY_HEADER_DONE : PROXY_HEADER_BAD;
}
