/* Signatures with Ed25519 (RFC 8032) by OpenSSL. Keys never change and may be used by several threads. */
#ifndef COMMON_ED25519_H
#define COMMON_ED25519_H

#include "common/base.h"
#include "common/err.h"
#include "common/str.h"

enum { ED25519_PUBLIC_LEN = 32, ED25519_SEED_LEN = 32, ED25519_SIGNATURE_LEN = 64 };

struct ed25519_key;

/* ERR_INVALID for another length or what OpenSSL does not take for a key. */
enum err ed25519_public_new(struct str public_bytes, struct ed25519_key **key) MUST_USE;
/* The seed, and the public key that it must give. */
enum err ed25519_private_new(struct str seed, struct str public_bytes, struct ed25519_key **key) MUST_USE;
void ed25519_free(struct ed25519_key *key); /* wiped; NULL is fine */
bool ed25519_can_sign(const struct ed25519_key *key);

bool ed25519_verify(const struct ed25519_key *key, struct str text, struct str signature) MUST_USE;
/* The key must be a private one. */
void ed25519_sign(const struct ed25519_key *key, struct str text, unsigned char signature[ED25519_SIGNATURE_LEN]);

#endif
