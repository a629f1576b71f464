/* Signatures of webhooks after Standard Webhooks 1.0 (https://www.standardwebhooks.com), as Svix sends them too.
 *
 * Signed is "id.timestamp.body". Three headers carry it, `webhook-id`, `webhook-timestamp` and `webhook-signature`,
 * or the same three as `svix-*`: one complete family, never a mixture. Keys never change once made, and may be used
 * by several threads. */
#ifndef PROXY_DECIDE_SIGNATURE_H
#define PROXY_DECIDE_SIGNATURE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/hmac.h"
#include "common/http.h"

struct signature_key;

/* Parses a secret: `whsec_` (or nothing) and base64 of a symmetric key of any length but 0, padded or not; `whpk_`
 * and `whsk_`, the public and private key of Ed25519. ERR_INVALID with detail, in which the secret does not stand. */
enum err signature_key_new(struct str secret, struct signature_key **key, struct err_detail *detail) MUST_USE;
void signature_key_free(struct signature_key *key); /* wipes it; NULL is fine */
bool signature_key_can_sign(const struct signature_key *key);
/* A symmetric key for other schemes than Standard Webhooks (scheme.h). ERR_INVALID where it is empty. */
enum err signature_key_from_bytes(struct str bytes, enum hmac_digest digest, struct signature_key **key) MUST_USE;
bool signature_key_is_hmac(const struct signature_key *key);
/* The code of the parts in one piece, of a symmetric key; how long it is. */
size_t signature_key_code(const struct signature_key *key, const struct str *parts, size_t count,
                          unsigned char code[HMAC_CODE_MAX]);

enum signature_family { SIGNATURE_SVIX = 1, SIGNATURE_WEBHOOK = 2, SIGNATURE_ANY_FAMILY = 3 };

/* What the headers of one family say; absent where there is no such header or it is empty. */
struct signature_headers {
    struct str id, timestamp, signature; /* of several lines, the first */
    bool is_svix;
};

/* The family of headers that counts: the first complete one of svix-* and webhook-*. False where neither is; then
 * `found` has the id that is there all the same, if any (for deduplication where nothing is verified). */
bool signature_find(const struct http_header *headers, size_t header_count, enum signature_family families,
                    struct signature_headers *found);

enum signature_result {
    SIGNATURE_OK,
    SIGNATURE_MISSING_HEADER,
    SIGNATURE_INVALID_TIMESTAMP, /* not the decimal digits of unix seconds */
    SIGNATURE_TOO_OLD,
    SIGNATURE_TOO_NEW,
    SIGNATURE_NO_MATCH
};
const char *signature_result_name(enum signature_result result); /* "ok", "missing_header", ... */

struct signature_check {
    enum signature_family families;
    struct signature_key *const *keys; /* any of them */
    size_t key_count;
    int64_t now_s;
    int64_t tolerance_s; /* both ways, itself included; negative: the timestamp may be any */
};

/* Unix seconds as the standard writes them: no sign, no leading zero. */
bool signature_time(struct str text, int64_t *seconds);

/* Compares in constant time. Several lines of the signature header are one list. Entries of versions other than v1 (and
 * v1a for Ed25519) are skipped. */
enum signature_result signature_verify(const struct signature_check *check, const struct http_header *headers,
                                       size_t header_count, struct str body);

/* The value of the signature header: "v1,…" or "v1a,…". The key must be able to sign. */
struct str signature_sign(const struct signature_key *key, struct str id, int64_t timestamp_s, struct str body,
                          struct arena *arena);

/* One for each key, separated by spaces, so that receivers can change over from one secret to the next. */
struct str signature_sign_all(struct signature_key *const *keys, size_t count, struct str id, int64_t timestamp_s,
                              struct str body, struct arena *arena);

/* Is `value` one of these texts? In time that depends on the lengths alone. */
bool signature_authorization_matches(struct str value, const struct str *accepted, size_t accepted_count);

#endif
