/* How a vendor signs its webhooks, as data: which header, what is signed, how the code is written.
 *
 * A scheme is compiled from a catalogue (scheme_load.h), never changes, and lives as long as the catalogue. Standard
 * Webhooks (signature.h) is one of them: it signs with two families of headers and two kinds of keys. */
#ifndef PROXY_DECIDE_SCHEME_H
#define PROXY_DECIDE_SCHEME_H

#include "common/hmac.h"
#include "proxy/decide/signature.h"

enum { SCHEME_PIECE_MAX = 16 };

enum scheme_part { PART_TEXT, PART_BODY, PART_TIME, PART_ID, PART_METHOD, PART_URL, PART_PATH };

struct scheme_piece {
    enum scheme_part part;
    struct str text; /* of PART_TEXT */
};

enum scheme_encoding { ENCODING_HEX, ENCODING_BASE64 };
enum scheme_key { KEY_TEXT, KEY_BASE64, KEY_HEX, KEY_WHSEC };

struct scheme {
    struct str name;
    bool is_standard;         /* Standard Webhooks: nothing below counts */
    struct str header;        /* that carries the codes */
    struct str before, after; /* of a code: "v1=" */
    char separator;           /* of entries; spaces around them do not count */
    struct str time_before;   /* of the entry that is the time: "t="; absent: there is none in the header */
    struct str time_header;   /* absent: there is none */
    struct str id_header;     /* absent: there is none */
    const struct scheme_piece *signed_pieces;
    size_t signed_count;
    bool has_time; /* one of the two above */
    enum scheme_encoding encoding;
    enum scheme_key key;
    enum hmac_digest digest;
};

/* ERR_INVALID with detail, in which the secret does not stand. */
enum err scheme_key_new(const struct scheme *scheme, struct str secret, struct signature_key **key,
                        struct err_detail *detail) MUST_USE;
/* Does the scheme sign the URL? */
bool scheme_signs_url(const struct scheme *scheme);
/* Is the key as long as the scheme's standard asks? NULL: yes, or it asks for nothing; else what is wrong. */
const char *scheme_key_weakness(const struct scheme *scheme, struct str secret);

/* What was received, or is about to be sent. */
struct scheme_request {
    struct str method, url, target, body; /* url: all of it; target: path and query, absent: those of the url */
    const struct http_header *headers;
    size_t header_count;
};

struct scheme_check {
    const struct scheme *scheme;
    struct signature_key *const *keys; /* any of them */
    size_t key_count;
    int64_t now_s;
    int64_t tolerance_s; /* both ways, itself included; negative: the time may be any */
};

/* Compares in constant time. `off_s`, where not NULL: how far the signature's time is from now (negative: behind), 0
 * where it has none or it cannot be read. */
enum signature_result scheme_verify(const struct scheme_check *check, const struct scheme_request *request,
                                    int64_t *off_s);

enum { SCHEME_HEADER_MAX = 3 };
/* The headers that sign the request with every key, in the order of the keys; how many there are. Not for Standard
 * Webhooks. `id` is for the header of the id, where the scheme has one. Values live in the arena. */
size_t scheme_sign(const struct scheme *scheme, struct signature_key *const *keys, size_t key_count,
                   const struct scheme_request *request, struct str id, int64_t now_s, struct arena *arena,
                   struct http_header headers[SCHEME_HEADER_MAX]);

#endif
