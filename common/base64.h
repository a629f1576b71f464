/* Base64 after RFC 4648 section 4: the standard alphabet, and no other byte in between. */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/arena.h"
#include "common/base.h"
#include "common/str.h"

enum base64_padding { BASE64_PADDED, BASE64_ANY_PADDING /* "=" may be left out, but not half of it */ };

/* Bytes that a text of that length cannot exceed when decoded. */
#define BASE64_DECODED_MAX(text_len) ((text_len) / 4 * 3 + 3)

/* Characters of so many bytes, padding included. */
#define BASE64_ENCODED_LEN(bytes_len) (((bytes_len) + 2) / 3 * 4)

struct str base64_encode(struct arena *arena, struct str bytes);
/* Into `text`, which has room for BASE64_ENCODED_LEN and the NUL that is put behind. */
void base64_write(struct str bytes, char *text);

/* Decodes into `bytes`, which has room for BASE64_DECODED_MAX, and says how many there are. False for anything that
 * no encoder writes, bits left over at the end included (RFC 4648 section 3.5); then the room may hold some bytes. */
bool base64_decode(struct str text, enum base64_padding padding, unsigned char *bytes, size_t *len) MUST_USE;

#endif
