#include "common/ed25519.h"

#include "common/hmac.h"
#include "common/mem.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct ed25519_key {
    EVP_PKEY *key;
    bool is_private;
};

static struct ed25519_key *key_new(EVP_PKEY *key, bool is_private) {
    struct ed25519_key *made = MEM_NEW(struct ed25519_key);
    made->key = key;
    made->is_private = is_private;
    return made;
}

enum err ed25519_public_new(struct str public_bytes, struct ed25519_key **key) {
    EVP_PKEY *parsed =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)public_bytes.at, public_bytes.len);
    if (parsed == NULL)
        return ERR_INVALID;
    *key = key_new(parsed, false);
    return ERR_NONE;
}

enum err ed25519_private_new(struct str seed, struct str public_bytes, struct ed25519_key **key) {
    unsigned char derived[ED25519_PUBLIC_LEN];
    size_t len = sizeof derived;
    EVP_PKEY *parsed = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)seed.at, seed.len);
    if (parsed == NULL)
        return ERR_INVALID;
    if (EVP_PKEY_get_raw_public_key(parsed, derived, &len) != 1 ||
        !hmac_equal(public_bytes, str_slice((const char *)derived, len))) {
        EVP_PKEY_free(parsed);
        return ERR_INVALID;
    }
    *key = key_new(parsed, true);
    return ERR_NONE;
}

void ed25519_free(struct ed25519_key *key) {
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key); /* which clears it */
    mem_free(key);
}

bool ed25519_can_sign(const struct ed25519_key *key) {
    return key->is_private;
}

static NO_RETURN void give_up(const char *what) {
    fprintf(stderr, "hookshift: OpenSSL could not %s\n", what);
    abort();
}

/* That there is no memory says nothing of the signature: who sent it shall not be told that it is wrong. */
bool ed25519_verify(const struct ed25519_key *key, struct str text, struct str signature) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->key) != 1)
        give_up("check a signature");
    bool valid = EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.len,
                                  (const unsigned char *)text.at, text.len) == 1;
    EVP_MD_CTX_free(context);
    return valid;
}

void ed25519_sign(const struct ed25519_key *key, struct str text, unsigned char signature[ED25519_SIGNATURE_LEN]) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = ED25519_SIGNATURE_LEN;
    if (context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) != 1 ||
        EVP_DigestSign(context, signature, &len, (const unsigned char *)text.at, text.len) != 1)
        give_up("sign");
    EVP_MD_CTX_free(context);
}
