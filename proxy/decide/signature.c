/* The received signature is never decoded: what the right one would be is computed, written as base64 and compared
 * as text, so that each message has exactly one valid v1 signature per key. (Ed25519 has to be decoded.)
 *
 * Joining the signed parts by full stops lets an id that holds one stand for another cut, "a.1" 2 for "a" 1. Nothing
 * comes of it: the part cut off would have to be a timestamp near enough, and the body does not begin with a digit. */
#include "proxy/decide/signature.h"

#include "common/base64.h"
#include "common/ed25519.h"
#include "common/hmac.h"
#include "common/mem.h"

enum { ENTRY_MAX = 64 /* of one signature header: keys being rotated are two or three */ };

struct signature_key {
    struct hmac_key *hmac;       /* symmetric, or */
    struct ed25519_key *ed25519; /* asymmetric */
};

enum secret_kind { SECRET_SYMMETRIC, SECRET_PUBLIC, SECRET_PRIVATE };

static enum secret_kind cut_prefix(struct str *secret) {
    static const struct {
        struct str text;
        enum secret_kind kind;
    } prefixes[] = {{{"whsec_", 6}, SECRET_SYMMETRIC}, {{"whpk_", 5}, SECRET_PUBLIC}, {{"whsk_", 5}, SECRET_PRIVATE}};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (str_starts_with(*secret, prefixes[i].text)) {
            *secret = str_from(*secret, prefixes[i].text.len);
            return prefixes[i].kind;
        }
    return SECRET_SYMMETRIC;
}

static enum err key_from_bytes(enum secret_kind kind, struct str bytes, struct signature_key *key,
                               struct err_detail *detail) {
    if (kind == SECRET_SYMMETRIC) {
        enum err err = hmac_key_new(bytes, &key->hmac);
        return err == ERR_NONE ? err : err_set(detail, err, "the secret is empty, or no key to OpenSSL");
    }
    if (kind == SECRET_PUBLIC) {
        if (ed25519_public_new(bytes, &key->ed25519) == ERR_NONE)
            return ERR_NONE;
        return err_set(detail, ERR_INVALID, "what follows whpk_ must be the 32 bytes of an Ed25519 public key");
    }
    struct str seed = str_slice(bytes.at, bytes.len < ED25519_SEED_LEN ? bytes.len : ED25519_SEED_LEN);
    if (ed25519_private_new(seed, str_from(bytes, ED25519_SEED_LEN), &key->ed25519) == ERR_NONE)
        return ERR_NONE;
    return err_set(detail, ERR_INVALID, "what follows whsk_ must be an Ed25519 seed of 32 bytes and its public key");
}

enum err signature_key_new(struct str secret, struct signature_key **key, struct err_detail *detail) {
    enum secret_kind kind = cut_prefix(&secret);
    enum base64_padding padding = kind == SECRET_SYMMETRIC ? BASE64_ANY_PADDING : BASE64_PADDED;
    size_t room = BASE64_DECODED_MAX(secret.len), len = 0;
    unsigned char *bytes = mem_zalloc(room);
    struct signature_key made = {0};
    enum err err;
    if (base64_decode(secret, padding, bytes, &len))
        err = key_from_bytes(kind, str_slice((const char *)bytes, len), &made, detail);
    else
        err = err_set(detail, ERR_INVALID, "a secret is whsec_ and base64; this one is not base64, or is cut off");
    mem_wipe(bytes, room);
    mem_free(bytes);
    if (err == ERR_NONE)
        *key = mem_copy(&made, sizeof made);
    return err;
}

void signature_key_free(struct signature_key *key) {
    if (key == NULL)
        return;
    hmac_key_free(key->hmac);
    ed25519_free(key->ed25519);
    mem_free(key);
}

bool signature_key_can_sign(const struct signature_key *key) {
    return key->hmac != NULL || ed25519_can_sign(key->ed25519);
}

enum err signature_key_from_bytes(struct str bytes, enum hmac_digest digest, struct signature_key **key) {
    struct signature_key made = {0};
    enum err err = hmac_key_new_for(digest, bytes, &made.hmac);
    if (err == ERR_NONE)
        *key = mem_copy(&made, sizeof made);
    return err;
}

bool signature_key_is_hmac(const struct signature_key *key) {
    return key->hmac != NULL;
}

size_t signature_key_code(const struct signature_key *key, const struct str *parts, size_t count,
                          unsigned char code[HMAC_CODE_MAX]) {
    return hmac_code(key->hmac, parts, count, code);
}

static struct str signature_header_name(bool svix) {
    return svix ? STR("svix-signature") : STR("webhook-signature");
}

static bool headers_of(const struct http_header *headers, size_t count, bool svix, struct signature_headers *found) {
    found->id = http_header_get(headers, count, svix ? STR("svix-id") : STR("webhook-id"));
    found->is_svix = svix;
    found->signature = http_header_get(headers, count, signature_header_name(svix));
    if (found->signature.len == 0)
        return false;
    found->timestamp = http_header_get(headers, count, svix ? STR("svix-timestamp") : STR("webhook-timestamp"));
    return found->id.len > 0 && found->timestamp.len > 0;
}

bool signature_find(const struct http_header *headers, size_t header_count, enum signature_family families,
                    struct signature_headers *found) {
    struct signature_headers svix = {0}, webhook = {0};
    if ((families & SIGNATURE_SVIX) != 0 && headers_of(headers, header_count, true, &svix)) {
        *found = svix;
        return true;
    }
    bool complete = (families & SIGNATURE_WEBHOOK) != 0 && headers_of(headers, header_count, false, &webhook);
    *found = webhook;
    if (!complete && found->id.len == 0)
        found->id = svix.id;
    return complete;
}

const char *signature_result_name(enum signature_result result) {
    static const char *const names[] = {"ok", "missing_header", "invalid_timestamp", "too_old", "too_new", "no_match"};
    return names[result];
}

/* One way only to write a number, because the text is what was signed: no sign, no leading zero. */
bool signature_time(struct str text, int64_t *seconds) {
    uint64_t value;
    if (!str_to_u64(text, &value) || value > INT64_MAX || (text.len > 1 && text.at[0] == '0'))
        return false;
    *seconds = (int64_t)value;
    return true;
}

struct signed_text {
    struct str id, timestamp, body;
};

/* "v1," and the code in base64, with a NUL behind it. */
struct hmac_entry {
    char text[3 + BASE64_ENCODED_LEN(HMAC_SHA256_LEN) + 1];
};

static struct str hmac_entry_str(const struct hmac_entry *entry) {
    return str_slice(entry->text, sizeof entry->text - 1);
}

static void hmac_entry_write(const struct hmac_key *key, const struct signed_text *text, struct hmac_entry *entry) {
    const struct str parts[] = {text->id, STR("."), text->timestamp, STR("."), text->body};
    unsigned char code[HMAC_SHA256_LEN];
    hmac_sha256(key, parts, ARRAY_LEN(parts), code);
    memcpy(entry->text, "v1,", 3);
    base64_write(str_slice((const char *)code, sizeof code), entry->text + 3);
    mem_wipe(code, sizeof code);
}

/* The entries of all lines of the signature header. */
struct entries {
    const struct http_header *headers;
    size_t header_count, next;
    struct str name, rest; /* of the header; what is left of the line */
    int count;
};

static bool entries_next(struct entries *entries, struct str *entry) {
    if (entries->count++ == ENTRY_MAX)
        return false;
    while (!str_next(&entries->rest, ' ', entry)) {
        while (entries->next < entries->header_count &&
               !str_eq_nocase(entries->headers[entries->next].name, entries->name))
            entries->next++;
        if (entries->next == entries->header_count)
            return false;
        entries->rest = entries->headers[entries->next++].value;
    }
    return true;
}

static bool hmac_header_matches(const struct hmac_key *key, const struct signed_text *text, struct entries entries) {
    struct hmac_entry expected; /* the right one for whatever was sent: not to be left behind */
    struct str entry;
    bool matches = false;
    hmac_entry_write(key, text, &expected);
    while (entries_next(&entries, &entry))
        matches |= hmac_equal(entry, hmac_entry_str(&expected));
    mem_wipe(&expected, sizeof expected);
    return matches;
}

static struct strbuf joined(const struct signed_text *text) {
    struct strbuf joined = {0};
    const struct str parts[] = {text->id, STR("."), text->timestamp, STR("."), text->body};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        strbuf_append(&joined, parts[i]);
    return joined;
}

static bool ed25519_entry_matches(const struct ed25519_key *key, struct str text, struct str entry) {
    unsigned char signature[BASE64_DECODED_MAX(2 * ED25519_SIGNATURE_LEN)];
    size_t len;
    struct str encoded = str_from(entry, 4);
    if (!str_starts_with(entry, STR("v1a,")) || encoded.len > 2 * ED25519_SIGNATURE_LEN)
        return false;
    if (!base64_decode(encoded, BASE64_PADDED, signature, &len) || len != ED25519_SIGNATURE_LEN)
        return false;
    return ed25519_verify(key, text, str_slice((const char *)signature, len));
}

static bool ed25519_header_matches(const struct ed25519_key *key, const struct signed_text *text,
                                   struct entries entries) {
    struct strbuf signed_bytes = joined(text);
    struct str entry;
    bool matches = false;
    while (entries_next(&entries, &entry))
        matches |= ed25519_entry_matches(key, strbuf_str(&signed_bytes), entry);
    strbuf_clear(&signed_bytes);
    return matches;
}

/* Neither this loop nor those over entries stop at a match: which one it was stays unknown to a clock. */
static bool any_key_matches(const struct signature_check *check, const struct signed_text *text,
                            const struct entries *entries) {
    bool matches = false;
    for (size_t i = 0; i < check->key_count; i++) {
        const struct signature_key *key = check->keys[i];
        matches |= key->hmac != NULL ? hmac_header_matches(key->hmac, text, *entries)
                                     : ed25519_header_matches(key->ed25519, text, *entries);
    }
    return matches;
}

enum signature_result signature_verify(const struct signature_check *check, const struct http_header *headers,
                                       size_t header_count, struct str body) {
    struct signature_headers found;
    int64_t timestamp_s;
    if (!signature_find(headers, header_count, check->families, &found))
        return SIGNATURE_MISSING_HEADER;
    if (!signature_time(found.timestamp, &timestamp_s))
        return SIGNATURE_INVALID_TIMESTAMP;
    if (check->tolerance_s >= 0 && timestamp_s < check->now_s - check->tolerance_s)
        return SIGNATURE_TOO_OLD;
    if (check->tolerance_s >= 0 && timestamp_s > check->now_s + check->tolerance_s)
        return SIGNATURE_TOO_NEW;
    struct signed_text text = {found.id, found.timestamp, body};
    const struct entries entries = {
        .headers = headers, .header_count = header_count, .name = signature_header_name(found.is_svix)};
    return any_key_matches(check, &text, &entries) ? SIGNATURE_OK : SIGNATURE_NO_MATCH;
}

struct str signature_sign(const struct signature_key *key, struct str id, int64_t timestamp_s, struct str body,
                          struct arena *arena) {
    struct signed_text text = {id, arena_i64(arena, timestamp_s), body};
    if (key->hmac != NULL) {
        struct hmac_entry entry;
        hmac_entry_write(key->hmac, &text, &entry);
        return arena_str(arena, hmac_entry_str(&entry));
    }
    unsigned char signature[ED25519_SIGNATURE_LEN];
    struct strbuf signed_bytes = joined(&text);
    ed25519_sign(key->ed25519, strbuf_str(&signed_bytes), signature);
    strbuf_clear(&signed_bytes);
    struct str encoded = base64_encode(arena, str_slice((const char *)signature, sizeof signature));
    return ARENA_JOIN(arena, STR("v1a,"), encoded);
}

struct str signature_sign_all(struct signature_key *const *keys, size_t count, struct str id, int64_t timestamp_s,
                              struct str body, struct arena *arena) {
    struct str all = signature_sign(keys[0], id, timestamp_s, body, arena);
    for (size_t i = 1; i < count; i++)
        all = ARENA_JOIN(arena, all, STR(" "), signature_sign(keys[i], id, timestamp_s, body, arena));
    return all;
}

bool signature_authorization_matches(struct str value, const struct str *accepted, size_t accepted_count) {
    bool matches = false;
    for (size_t i = 0; i < accepted_count; i++)
        matches |= hmac_equal(value, accepted[i]);
    return matches;
}
