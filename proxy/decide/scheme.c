/* As with Standard Webhooks, the right code is computed, written as the vendor writes it, and compared as text. */
#include "proxy/decide/scheme.h"

#include "common/base64.h"
#include "common/mem.h"

enum {
    ENTRY_MAX = 64, /* of one request: keys being rotated are two or three */
    CODE_TEXT_MAX = 2 * HMAC_CODE_MAX + 1,
    WHSEC_LEAST = 24, /* bytes, https://github.com/standard-webhooks/standard-webhooks, "Signature scheme" */
    WHSEC_MOST = 64
};

/* Unix seconds reach this in the year 5138: what is larger are milliseconds. */
#define MILLISECONDS_FROM INT64_C(100000000000)

/* ---- keys ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool hex_decode(struct str text, unsigned char *bytes, size_t *len) {
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        int high = hex_digit(text.at[i]), low = hex_digit(text.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (unsigned char)(high * 16 + low);
    }
    *len = text.len / 2;
    return text.len % 2 == 0;
}

static enum err key_from_text(const struct scheme *scheme, struct str secret, struct signature_key **key,
                              struct err_detail *detail) {
    unsigned char *bytes = mem_zalloc(BASE64_DECODED_MAX(secret.len) + secret.len);
    struct str decoded = secret;
    size_t len = 0;
    bool is_good = true;
    if (scheme->key == KEY_BASE64)
        is_good = base64_decode(secret, BASE64_ANY_PADDING, bytes, &len);
    else if (scheme->key == KEY_HEX)
        is_good = hex_decode(secret, bytes, &len);
    if (scheme->key != KEY_TEXT)
        decoded = str_slice((const char *)bytes, len);
    enum err err = is_good ? signature_key_from_bytes(decoded, scheme->digest, key)
                           : err_set(detail, ERR_INVALID, "the scheme \"" STR_FMT "\" takes %s; this is none",
                                     STR_ARG(scheme->name), scheme->key == KEY_HEX ? "hexadecimal digits" : "base64");
    if (is_good && err != ERR_NONE)
        (void)err_set(detail, err, "the secret is empty, or no key to OpenSSL");
    mem_wipe(bytes, BASE64_DECODED_MAX(secret.len) + secret.len);
    mem_free(bytes);
    return err;
}

enum err scheme_key_new(const struct scheme *scheme, struct str secret, struct signature_key **key,
                        struct err_detail *detail) {
    if (scheme->is_standard)
        return signature_key_new(secret, key, detail);
    if (scheme->key != KEY_WHSEC)
        return key_from_text(scheme, secret, key, detail);
    struct signature_key *made;
    enum err err = signature_key_new(secret, &made, detail);
    if (err == ERR_NONE && !signature_key_is_hmac(made)) {
        signature_key_free(made);
        return err_set(detail, ERR_INVALID, "the scheme \"" STR_FMT "\" takes whsec_ and base64",
                       STR_ARG(scheme->name));
    }
    if (err == ERR_NONE)
        *key = made;
    return err;
}

const char *scheme_key_weakness(const struct scheme *scheme, struct str secret) {
    struct str prefix = STR("whsec_"), encoded = str_from(secret, prefix.len);
    if (!scheme->is_standard || !str_starts_with(secret, prefix))
        return NULL;
    size_t room = BASE64_DECODED_MAX(encoded.len), len = 0;
    unsigned char *bytes = mem_zalloc(room);
    bool is_base64 = base64_decode(encoded, BASE64_ANY_PADDING, bytes, &len);
    mem_wipe(bytes, room);
    mem_free(bytes);
    if (!is_base64 || (len >= WHSEC_LEAST && len <= WHSEC_MOST))
        return NULL;
    return len < WHSEC_LEAST ? "the key is shorter than the 24 to 64 bytes that Standard Webhooks asks for"
                             : "the key is longer than the 24 to 64 bytes that Standard Webhooks asks for";
}

/* ---- what is signed ---- */

bool scheme_signs_url(const struct scheme *scheme) {
    for (size_t i = 0; i < scheme->signed_count; i++)
        if (scheme->signed_pieces[i].part == PART_URL)
            return true;
    return false;
}

/* Path and query of a URL. */
static struct str url_target(struct str url) {
    ptrdiff_t authority = str_find(url, STR("://"));
    struct str rest = str_from(url, authority < 0 ? 0 : (size_t)authority + 3);
    ptrdiff_t slash = str_find(rest, STR("/"));
    return slash < 0 ? STR("/") : str_from(rest, (size_t)slash);
}

static size_t signed_parts(const struct scheme *scheme, const struct scheme_request *request, struct str id,
                           struct str time, struct str parts[SCHEME_PIECE_MAX]) {
    for (size_t i = 0; i < scheme->signed_count; i++) {
        const struct scheme_piece *piece = &scheme->signed_pieces[i];
        const struct str values[] = {[PART_TEXT] = piece->text,
                                     [PART_BODY] = request->body,
                                     [PART_TIME] = time,
                                     [PART_ID] = id,
                                     [PART_METHOD] = request->method,
                                     [PART_URL] = request->url,
                                     [PART_PATH] =
                                         request->target.at != NULL ? request->target : url_target(request->url)};
        parts[i] = values[piece->part];
    }
    return scheme->signed_count;
}

/* The code as the vendor writes it; `text` is to be wiped where it is the right one for what was received. */
static struct str code_text(const struct scheme *scheme, const struct signature_key *key, const struct str *parts,
                            size_t count, char text[CODE_TEXT_MAX]) {
    unsigned char code[HMAC_CODE_MAX];
    size_t len = signature_key_code(key, parts, count, code);
    if (scheme->encoding == ENCODING_BASE64) {
        base64_write(str_slice((const char *)code, len), text);
        mem_wipe(code, sizeof code);
        return str_of(text);
    }
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = "0123456789abcdef"[code[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[code[i] & 15];
    }
    mem_wipe(code, sizeof code);
    return str_slice(text, 2 * len);
}

/* ---- verifying ---- */

/* The entries of all header lines of the scheme's name, one after the other. */
struct entries {
    const struct scheme *scheme;
    const struct scheme_request *request;
    size_t header;
    struct str rest; /* of the line */
    int count;
};

static struct entries entries_begin(const struct scheme *scheme, const struct scheme_request *request) {
    return (struct entries){.scheme = scheme, .request = request};
}

static bool entries_next(struct entries *entries, struct str *entry) {
    struct str piece;
    if (entries->count++ == ENTRY_MAX)
        return false;
    for (;;) {
        if (str_next(&entries->rest, entries->scheme->separator, &piece)) {
            *entry = str_trim(piece);
            return true;
        }
        while (entries->header < entries->request->header_count &&
               !str_eq_nocase(entries->request->headers[entries->header].name, entries->scheme->header))
            entries->header++;
        if (entries->header == entries->request->header_count)
            return false;
        entries->rest = entries->request->headers[entries->header++].value;
    }
}

static bool cut(struct str *entry, struct str before, struct str after) {
    if (!str_starts_with(*entry, before) || !str_ends_with(*entry, after) || entry->len < before.len + after.len)
        return false;
    *entry = str_slice(entry->at + before.len, entry->len - before.len - after.len);
    return true;
}

static struct str time_of(const struct scheme *scheme, const struct scheme_request *request) {
    struct entries entries = entries_begin(scheme, request);
    struct str entry;
    if (scheme->time_header.at != NULL)
        return http_header_get(request->headers, request->header_count, scheme->time_header);
    while (scheme->time_before.at != NULL && entries_next(&entries, &entry))
        if (cut(&entry, scheme->time_before, STR("")))
            return entry;
    return STR_NONE;
}

/* Hexadecimal digits may be written in either case; nothing else of a code may. */
static bool code_equals(const struct scheme *scheme, struct str sent, struct str right) {
    char lower[CODE_TEXT_MAX];
    if (sent.len != right.len)
        return false;
    if (scheme->encoding == ENCODING_HEX) {
        str_lower_into(lower, sent);
        sent = str_slice(lower, sent.len);
    }
    return hmac_equal(sent, right);
}

/* No loop stops at a match: which one it was stays unknown to a clock. */
static bool any_key_matches(const struct scheme_check *check, const struct scheme_request *request, struct str id,
                            struct str time) {
    struct str parts[SCHEME_PIECE_MAX], entry;
    size_t count = signed_parts(check->scheme, request, id, time, parts);
    bool matches = false;
    for (size_t i = 0; i < check->key_count; i++) {
        char text[CODE_TEXT_MAX];
        struct str right = code_text(check->scheme, check->keys[i], parts, count, text);
        struct entries entries = entries_begin(check->scheme, request);
        while (entries_next(&entries, &entry))
            if (cut(&entry, check->scheme->before, check->scheme->after))
                matches |= code_equals(check->scheme, entry, right);
        mem_wipe(text, sizeof text);
    }
    return matches;
}

static bool has_code(const struct scheme *scheme, const struct scheme_request *request) {
    struct entries entries = entries_begin(scheme, request);
    struct str entry;
    while (entries_next(&entries, &entry))
        if (entry.len > 0)
            return true;
    return false;
}

static enum signature_result verify_standard(const struct scheme_check *check, const struct scheme_request *request,
                                             int64_t *off_s) {
    const struct signature_check standard = {.families = SIGNATURE_ANY_FAMILY,
                                             .keys = check->keys,
                                             .key_count = check->key_count,
                                             .now_s = check->now_s,
                                             .tolerance_s = check->tolerance_s};
    struct signature_headers found;
    int64_t time_s;
    if (signature_find(request->headers, request->header_count, SIGNATURE_ANY_FAMILY, &found) &&
        signature_time(found.timestamp, &time_s))
        *off_s = time_s - check->now_s;
    return signature_verify(&standard, request->headers, request->header_count, request->body);
}

enum signature_result scheme_verify(const struct scheme_check *check, const struct scheme_request *request,
                                    int64_t *off_s) {
    const struct scheme *scheme = check->scheme;
    int64_t ignored, time_s;
    struct str id = STR(""), time = STR("");
    if (off_s == NULL)
        off_s = &ignored;
    *off_s = 0;
    if (scheme->is_standard)
        return verify_standard(check, request, off_s);
    if (!has_code(scheme, request))
        return SIGNATURE_MISSING_HEADER;
    if (scheme->id_header.at != NULL) {
        id = http_header_get(request->headers, request->header_count, scheme->id_header);
        if (id.len == 0)
            return SIGNATURE_MISSING_HEADER;
    }
    if (scheme->has_time) {
        time = time_of(scheme, request);
        if (time.len == 0)
            return SIGNATURE_MISSING_HEADER;
        if (!signature_time(time, &time_s))
            return SIGNATURE_INVALID_TIMESTAMP;
        *off_s = (time_s >= MILLISECONDS_FROM ? time_s / 1000 : time_s) - check->now_s;
        if (check->tolerance_s >= 0 && *off_s < -check->tolerance_s)
            return SIGNATURE_TOO_OLD;
        if (check->tolerance_s >= 0 && *off_s > check->tolerance_s)
            return SIGNATURE_TOO_NEW;
    }
    return any_key_matches(check, request, id, time) ? SIGNATURE_OK : SIGNATURE_NO_MATCH;
}

/* ---- signing ---- */

size_t scheme_sign(const struct scheme *scheme, struct signature_key *const *keys, size_t key_count,
                   const struct scheme_request *request, struct str id, int64_t now_s, struct arena *arena,
                   struct http_header headers[SCHEME_HEADER_MAX]) {
    struct str parts[SCHEME_PIECE_MAX], time = arena_i64(arena, now_s), value = STR_NONE;
    size_t part_count = signed_parts(scheme, request, id, time, parts), count = 0;
    struct str separator = str_slice(&scheme->separator, 1);
    if (scheme->time_before.at != NULL)
        value = ARENA_JOIN(arena, scheme->time_before, time);
    for (size_t i = 0; i < key_count; i++) {
        char text[CODE_TEXT_MAX];
        struct str code = code_text(scheme, keys[i], parts, part_count, text);
        value = ARENA_JOIN(arena, value, value.at != NULL ? separator : STR(""), scheme->before, code, scheme->after);
    }
    headers[count++] = (struct http_header){scheme->header, value};
    if (scheme->time_header.at != NULL)
        headers[count++] = (struct http_header){scheme->time_header, time};
    if (scheme->id_header.at != NULL)
        headers[count++] = (struct http_header){scheme->id_header, id};
    return count;
}
