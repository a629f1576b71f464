/* Encoding is OpenSSL's. Its decoders skip white space, take padding anywhere for zeros and do not look at the bits
 * left over: too lenient for secrets, where a lost character must be noticed; and the arena is no place for those. */
#include "common/base64.h"

#include <openssl/evp.h>

enum { ENCODED_AT_ONCE = 3 << 20 /* EVP_EncodeBlock takes an int */ };

void base64_write(struct str bytes, char *text) {
    *text = '\0';
    for (size_t done = 0; done < bytes.len; done += ENCODED_AT_ONCE) {
        size_t len = bytes.len - done < ENCODED_AT_ONCE ? bytes.len - done : ENCODED_AT_ONCE;
        text += EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.at + done, (int)len);
    }
}

struct str base64_encode(struct arena *arena, struct str bytes) {
    size_t len = BASE64_ENCODED_LEN(bytes.len);
    char *text = arena_alloc(arena, len + 1);
    base64_write(bytes, text);
    return str_slice(text, len);
}

/* The value of a character, or -1. */
static int sextet(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool cut_padding(struct str *text, enum base64_padding padding) {
    size_t pads = 0;
    for (; pads < 2 && text->len > 0 && text->at[text->len - 1] == '='; pads++)
        text->len--;
    if (pads == 0 && padding == BASE64_ANY_PADDING)
        return text->len % 4 != 1;
    return (text->len + pads) % 4 == 0;
}

bool base64_decode(struct str text, enum base64_padding padding, unsigned char *bytes, size_t *len) {
    uint32_t bits = 0;
    int bit_count = 0;
    size_t out = 0;
    if (!cut_padding(&text, padding))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.at[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xFFFF;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[out++] = (unsigned char)(bits >> bit_count);
        }
    }
    if ((bits & ((1U << bit_count) - 1)) != 0)
        return false;
    *len = out;
    return true;
}
