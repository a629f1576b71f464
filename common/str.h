/* Slices of text that somebody else owns, and a growing buffer.
 *
 * A `struct str` never ends in NUL by promise, may hold NUL bytes, and lives as long as what it points into. */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include "common/base.h"

#include <string.h>

struct str {
    const char *at; /* NULL only where len is 0 and "absent" differs from "empty" */
    size_t len;
};

#define STR(literal) ((struct str){("" literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
#define STR_FMT      "%.*s"
#define STR_ARG(s)   (int)(s).len, str_chars(s)

static inline struct str str_of(const char *text) {
    return (struct str){text, text == NULL ? 0 : strlen(text)};
}

static inline struct str str_slice(const char *at, size_t len) {
    return (struct str){at, len};
}

/* Never NULL, which printf() may not be given even for no bytes at all. */
static inline const char *str_chars(struct str s) {
    return s.at != NULL ? s.at : "";
}

bool str_same_nocase(const char *a, const char *b, size_t len); /* ASCII letters only */

/* Names are compared with lists of names all the time, and nearly all differ in length or first byte already. */
static inline bool str_eq(struct str a, struct str b) {
    return a.len == b.len && (a.len == 0 || (a.at[0] == b.at[0] && memcmp(a.at, b.at, a.len) == 0));
}

/* Upper and lower case of a letter differ in one bit. */
static inline bool str_eq_nocase(struct str a, struct str b) {
    return a.len == b.len &&
           (a.len == 0 || ((a.at[0] | 0x20) == (b.at[0] | 0x20) && str_same_nocase(a.at, b.at, a.len)));
}

/* Copies to where there is room for it; returns the end. */
static inline char *str_put(char *to, struct str s) {
    if (s.len > 0)
        memcpy(to, s.at, s.len);
    return to + s.len;
}

void str_lower_into(char *to, struct str s); /* its bytes, ASCII letters in lower case */
/* Printable ASCII without quotes and backslashes: the same in JSON as it is. */
bool str_is_plain(struct str s);
int str_compare(struct str a, struct str b); /* by bytes, as memcmp */
bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);
struct str str_trim(struct str s);                 /* without spaces, tabs, CR and LF at both ends */
ptrdiff_t str_find(struct str s, struct str what); /* offset of the first, or -1 */
struct str str_from(struct str s, size_t offset);  /* the rest; empty where offset is past the end */

/* Cuts the next piece up to `separator` off the front of `rest`; false when there is none left.
 * "a,,b" gives "a", "" and "b"; an empty text gives one empty piece, an absent one gives none. */
bool str_next(struct str *rest, char separator, struct str *piece);

bool str_to_u64(struct str s, uint64_t *value);  /* decimal digits only, the whole of it, no overflow */
bool str_to_i64(struct str s, int64_t *value);   /* likewise, with an optional minus sign */
bool str_to_double(struct str s, double *value); /* decimal, as in JSON, the whole of it */

enum { I64_TEXT_LEN = 20 };
/* In decimal; a slice of `text`, at its end and without a NUL. */
struct str str_of_i64(int64_t value, char text[I64_TEXT_LEN]);

/* Bytes of the control character at the front of UTF-8 text, 0 where there is none there: C0, DEL and C1, which a
 * terminal obeys, the marks that turn the direction of writing, and the separators of lines and paragraphs. */
size_t str_control_len(struct str s);

uint32_t str_code_point(struct str s); /* of the first character of UTF-8 text that is not empty; below U+10000 */

bool str_is_utf8(struct str s);
size_t str_utf8_len(struct str s); /* bytes at the front that are UTF-8; s.len where all of them are */

/* A buffer on the heap, always ended by a NUL that `len` does not count (once anything was appended). */
struct strbuf {
    char *at;
    size_t len, capacity;
};

void strbuf_clear(struct strbuf *buf); /* frees; the buffer can be used again */
void strbuf_wipe(struct strbuf *buf);  /* likewise, and overwrites what is in it before */
void strbuf_reserve(struct strbuf *buf, size_t more);
void strbuf_append(struct strbuf *buf, struct str s);
void strbuf_append_char(struct strbuf *buf, char c);
void strbuf_append_i64(struct strbuf *buf, int64_t value); /* in decimal */
void strbuf_printf(struct strbuf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
struct str strbuf_str(const struct strbuf *buf);

#endif
