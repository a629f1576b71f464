#include "common/str.h"

#include "common/bytes8.h"
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_ROOM = 256 /* of a buffer: what is shorter is not worth growing for */ };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint64_t lower_eight(uint64_t bytes) {
    return bytes | bytes8_upper(bytes) >> 2; /* 0x80 becomes 0x20 */
}

static bool same_eight(const char *a, const char *b) {
    return lower_eight(bytes8_load(a)) == lower_eight(bytes8_load(b));
}

/* The last eight, too, in one go: that some are looked at twice does no harm. */
bool str_same_nocase(const char *a, const char *b, size_t len) {
    size_t i = 0;
    for (; i + 8 <= len; i += 8)
        if (!same_eight(a + i, b + i))
            return false;
    if (len >= 8)
        return same_eight(a + len - 8, b + len - 8);
    for (; i < len; i++)
        if (a[i] != b[i] && lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static void write_lower_eight(char *to, const char *from) {
    uint64_t bytes = lower_eight(bytes8_load(from));
    memcpy(to, &bytes, sizeof bytes);
}

void str_lower_into(char *to, struct str s) {
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8)
        write_lower_eight(to + i, s.at + i);
    if (s.len >= 8)
        write_lower_eight(to + s.len - 8, s.at + s.len - 8);
    for (; s.len < 8 && i < s.len; i++)
        to[i] = lower(s.at[i]);
}

static uint64_t not_plain(uint64_t bytes) {
    return bytes8_below(bytes, ' ') | bytes8_equal(bytes, '"') | bytes8_equal(bytes, '\\') | bytes8_equal(bytes, 0x7F) |
           (bytes & BYTES8_HIGH);
}

bool str_is_plain(struct str s) {
    if (s.len >= 8)
        return bytes8_none(s, not_plain);
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < ' ' || s.at[i] > '~' || s.at[i] == '"' || s.at[i] == '\\')
            return false;
    return true;
}

int str_compare(struct str a, struct str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    if (len > 0 && a.at[0] != b.at[0])
        return (unsigned char)a.at[0] - (unsigned char)b.at[0];
    int order = len == 0 ? 0 : memcmp(a.at, b.at, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts_with(struct str s, struct str prefix) {
    return s.len >= prefix.len && str_eq(str_slice(s.at, prefix.len), prefix);
}

bool str_ends_with(struct str s, struct str suffix) {
    return s.len >= suffix.len && str_eq(str_from(s, s.len - suffix.len), suffix);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s) {
    while (s.len > 0 && is_blank(s.at[0]))
        s = str_from(s, 1);
    while (s.len > 0 && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

ptrdiff_t str_find(struct str s, struct str what) {
    if (what.len == 0)
        return 0;
    const char *hit = s.len == 0 ? NULL : memmem(s.at, s.len, what.at, what.len);
    return hit == NULL ? -1 : hit - s.at;
}

struct str str_from(struct str s, size_t offset) {
    if (offset >= s.len)
        return str_slice(s.at == NULL ? NULL : s.at + s.len, 0);
    return str_slice(s.at + offset, s.len - offset);
}

bool str_next(struct str *rest, char separator, struct str *piece) {
    if (rest->at == NULL)
        return false;
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
    if (end == NULL) {
        *piece = *rest;
        *rest = STR_NONE;
    } else {
        *piece = str_slice(rest->at, (size_t)(end - rest->at));
        *rest = str_slice(end + 1, rest->len - piece->len - 1);
    }
    return true;
}

bool str_to_u64(struct str s, uint64_t *value) {
    uint64_t sum = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool str_to_i64(struct str s, int64_t *value) {
    bool negative = s.len > 0 && s.at[0] == '-';
    uint64_t magnitude;
    if (!str_to_u64(negative ? str_from(s, 1) : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1U : 0U))
        return false;
    *value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

struct str str_of_i64(int64_t value, char text[I64_TEXT_LEN]) {
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t at = I64_TEXT_LEN;
    do {
        text[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (value < 0)
        text[--at] = '-';
    return str_slice(text + at, I64_TEXT_LEN - at);
}

bool str_to_double(struct str s, double *value) {
    char text[400]; /* longer numbers have no more digits than a double can tell apart */
    if (s.len == 0 || s.len >= sizeof text)
        return false;
    if (!((s.at[0] >= '0' && s.at[0] <= '9') || (s.at[0] == '-' && s.len > 1 && s.at[1] >= '0' && s.at[1] <= '9')))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == 'x' || s.at[i] == 'X')
            return false; /* strtod() would take hexadecimal */
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    char *end;
    *value = strtod(text, &end); /* the process never leaves the "C" locale */
    return end == text + s.len;
}

/* Bytes of the character at `p`; 0 where it is none. RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
static size_t utf8_char_len(const unsigned char *p, size_t room) {
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xC2 && c <= 0xDF ? 2 : c >= 0xE0 && c <= 0xEF ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
    if (len == 0 || room < len)
        return 0;
    if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) || (c == 0xF0 && p[1] < 0x90) ||
        (c == 0xF4 && p[1] > 0x8F))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

/* Are the next eight bytes all below 0x80, as nearly everything that arrives is? */
static bool is_ascii_8(const char *at) {
    return (bytes8_load(at) & BYTES8_HIGH) == 0;
}

size_t str_utf8_len(struct str s) {
    size_t at = 0, len;
    for (;;) {
        while (s.len - at >= 8 && is_ascii_8(s.at + at))
            at += 8;
        if (at == s.len || (len = utf8_char_len((const unsigned char *)s.at + at, s.len - at)) == 0)
            return at;
        at += len;
    }
}

bool str_is_utf8(struct str s) {
    return str_utf8_len(s) == s.len;
}

void strbuf_clear(struct strbuf *buf) {
    mem_free(buf->at);
    *buf = (struct strbuf){0};
}

void strbuf_wipe(struct strbuf *buf) {
    if (buf->at != NULL)
        mem_wipe(buf->at, buf->capacity);
    strbuf_clear(buf);
}

void strbuf_reserve(struct strbuf *buf, size_t more) {
    size_t need = buf->len + more + 1;
    if (need <= buf->capacity)
        return;
    size_t capacity = buf->capacity < FIRST_ROOM ? FIRST_ROOM : buf->capacity;
    while (capacity < need)
        capacity *= 2;
    buf->at = mem_resize(buf->at, capacity);
    buf->capacity = capacity;
}

void strbuf_append(struct strbuf *buf, struct str s) {
    strbuf_reserve(buf, s.len);
    if (s.len > 0)
        memcpy(buf->at + buf->len, s.at, s.len);
    buf->len += s.len;
    buf->at[buf->len] = '\0';
}

void strbuf_append_char(struct strbuf *buf, char c) {
    strbuf_reserve(buf, 1);
    buf->at[buf->len++] = c;
    buf->at[buf->len] = '\0';
}

void strbuf_append_i64(struct strbuf *buf, int64_t value) {
    char digits[I64_TEXT_LEN];
    strbuf_append(buf, str_of_i64(value, digits));
}

/* Into the room that is there; a second time only where that was not enough. */
void strbuf_printf(struct strbuf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = buf->at == NULL ? 0 : buf->capacity - buf->len;
    int len = vsnprintf(buf->at == NULL ? NULL : buf->at + buf->len, room, format, args);
    va_end(args);
    if (len > 0 && (size_t)len >= room) {
        strbuf_reserve(buf, (size_t)len);
        vsnprintf(buf->at + buf->len, (size_t)len + 1, format, again);
    }
    buf->len += len > 0 ? (size_t)len : 0;
    va_end(again);
}

struct str strbuf_str(const struct strbuf *buf) {
    return str_slice(buf->at == NULL ? "" : buf->at, buf->len);
}
