/* HMAC-SHA-256 (RFC 2104) by OpenSSL, with the key prepared once.
 *
 * A key never changes and may be used by several threads. That OpenSSL fails with a key it has accepted is beyond
 * mending, like memory running out: the process says so and aborts. */
#ifndef COMMON_HMAC_H
#define COMMON_HMAC_H

#include "common/base.h"
#include "common/err.h"
#include "common/str.h"

enum { HMAC_SHA256_LEN = 32, HMAC_CODE_MAX = 64 };

enum hmac_digest { HMAC_SHA256, HMAC_SHA1, HMAC_SHA512 };

struct hmac_key;

/* ERR_INVALID for an empty key, ERR_IO where OpenSSL refuses it (it can be configured to refuse short ones). */
enum err hmac_key_new(struct str secret, struct hmac_key **key) MUST_USE;
/* Likewise for another digest than SHA-256. */
enum err hmac_key_new_for(enum hmac_digest digest, struct str secret, struct hmac_key **key) MUST_USE;
void hmac_key_free(struct hmac_key *key); /* wiped; NULL is fine */

/* The code of the parts as if they stood in one piece. */
void hmac_sha256(const struct hmac_key *key, const struct str *parts, size_t part_count,
                 unsigned char code[HMAC_SHA256_LEN]);

/* Likewise of whatever digest the key is for; how long the code is. */
size_t hmac_code(const struct hmac_key *key, const struct str *parts, size_t part_count,
                 unsigned char code[HMAC_CODE_MAX]);

/* In time that depends on the lengths alone; different lengths are not equal. */
bool hmac_equal(struct str a, struct str b) MUST_USE;

#endif
