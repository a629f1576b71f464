/* Whom a TLS client trusts and what it shows of itself: authorities, a certificate and its key, read once and whole, so
 * that no connection waits for a file. OpenSSL behind it.
 *
 * Never changes once it is loaded; shared by threads, each use counted. */
#ifndef COMMON_TRUST_H
#define COMMON_TRUST_H

#include "common/err.h"
#include "common/str.h"

struct trust;

struct trust_files { /* PEM; NULL: the system's authorities; no certificate */
    const char *ca, *cert, *key;
};

/* Reads the files, which may block: not on a loop that others wait for. ERR_INVALID with detail: one that cannot be
 * read, is none of these, or a key that does not belong to the certificate. */
enum err trust_load(const struct trust_files *files, struct trust **trust, struct err_detail *detail) MUST_USE;
struct trust *trust_hold(struct trust *trust); /* one more user; NULL is fine, and stays NULL */
void trust_release(struct trust *trust);       /* the last one frees it; NULL is fine */

bool trust_is_same(const struct trust *a, const struct trust *b); /* were the files the same, byte for byte? */
bool trust_has_ca(const struct trust *trust);
/* When the first certificate of the authorities, and the client's own, ends: wall time in ms; 0: there is none. */
int64_t trust_ca_expiry_ms(const struct trust *trust);
int64_t trust_cert_expiry_ms(const struct trust *trust);

/* Puts it into a client's SSL_CTX; false where OpenSSL refuses. */
bool trust_apply(const struct trust *trust, void *ssl_context) MUST_USE;

#endif
