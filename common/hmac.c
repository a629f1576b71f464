/* A copy of a keyed context costs more than the code of a short message, so that the last one used waits for the next
 * use. Whoever takes it has it alone, and makes another one where somebody else has it: no thread waits for another. */
#include "common/hmac.h"

#include "common/fatal.h"
#include "common/fault.h"
#include "common/mem.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdlib.h>

struct hmac_key {
    EVP_MAC_CTX *prepared;          /* keyed and otherwise untouched: what others are copied from */
    _Atomic(EVP_MAC_CTX *) *unused; /* a copy that nobody uses at the moment; or NULL */
};

static EVP_MAC_CTX *context_new(enum hmac_digest which, struct str secret) {
    static const char *const names[] = {[HMAC_SHA256] = "SHA256", [HMAC_SHA1] = "SHA1", [HMAC_SHA512] = "SHA512"};
    char digest[8];
    snprintf(digest, sizeof digest, "%s", names[which]);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *mac = FAULT("hmac.fetch", 0) ? NULL : EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac); /* the context holds its own reference */
    if (context != NULL && EVP_MAC_init(context, (const unsigned char *)secret.at, secret.len, params) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    return context;
}

enum err hmac_key_new(struct str secret, struct hmac_key **key) {
    return hmac_key_new_for(HMAC_SHA256, secret, key);
}

enum err hmac_key_new_for(enum hmac_digest digest, struct str secret, struct hmac_key **key) {
    if (secret.len == 0)
        return ERR_INVALID;
    EVP_MAC_CTX *prepared = context_new(digest, secret);
    if (prepared == NULL)
        return ERR_IO;
    *key = MEM_NEW(struct hmac_key);
    (*key)->prepared = prepared;
    (*key)->unused = mem_zalloc(sizeof *(*key)->unused);
    return ERR_NONE;
}

void hmac_key_free(struct hmac_key *key) {
    if (key == NULL)
        return;
    EVP_MAC_CTX_free(key->prepared); /* which clears it */
    EVP_MAC_CTX_free(atomic_load(key->unused));
    mem_free(key->unused);
    mem_free(key);
}

static NO_RETURN void give_up(void) {
    fatal_say("hookshift: OpenSSL could not compute a message authentication code");
    abort();
}

/* Ready to be fed; without a key EVP_MAC_init() begins anew under the one that the context has. */
static EVP_MAC_CTX *context_take(const struct hmac_key *key) {
    EVP_MAC_CTX *context = atomic_exchange(key->unused, NULL);
    if (context == NULL)
        context = FAULT("hmac.copy", 0) ? NULL : EVP_MAC_CTX_dup(key->prepared);
    if (context == NULL || EVP_MAC_init(context, NULL, 0, NULL) != 1)
        give_up();
    return context;
}

static void context_give_back(const struct hmac_key *key, EVP_MAC_CTX *context) {
    EVP_MAC_CTX_free(atomic_exchange(key->unused, context));
}

size_t hmac_code(const struct hmac_key *key, const struct str *parts, size_t part_count,
                 unsigned char code[HMAC_CODE_MAX]) {
    EVP_MAC_CTX *context = context_take(key);
    for (size_t i = 0; i < part_count; i++)
        if (parts[i].len > 0 && EVP_MAC_update(context, (const unsigned char *)parts[i].at, parts[i].len) != 1)
            give_up();
    size_t len = 0;
    if (EVP_MAC_final(context, code, &len, HMAC_CODE_MAX) != 1)
        give_up();
    context_give_back(key, context);
    return len;
}

void hmac_sha256(const struct hmac_key *key, const struct str *parts, size_t part_count,
                 unsigned char code[HMAC_SHA256_LEN]) {
    unsigned char room[HMAC_CODE_MAX];
    if (hmac_code(key, parts, part_count, room) != HMAC_SHA256_LEN)
        give_up();
    memcpy(code, room, HMAC_SHA256_LEN);
}

bool hmac_equal(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}
