/* JSON written into a buffer: the writer keeps commas and quoting right, nesting is up to the caller.
 *
 * Text that is not UTF-8 is written with U+FFFD in place of each wrong byte. What ends more than was begun, or a key
 * outside of its place, is a bug and aborts. */
#ifndef COMMON_JSON_WRITER_H
#define COMMON_JSON_WRITER_H

#include "common/str.h"

struct json;

struct json_writer {
    struct strbuf *out;
    uint32_t depth;
    bool has_item; /* on the open level; the one outside of it has one as soon as this one was begun */
    bool after_key;
};

void json_begin(struct json_writer *writer, struct strbuf *out);
void json_object_begin(struct json_writer *writer);
void json_object_end(struct json_writer *writer);
void json_array_begin(struct json_writer *writer);
void json_array_end(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *key); /* a word of the program's own: written as it is */
void json_key_str(struct json_writer *writer, struct str key);
void json_str(struct json_writer *writer, struct str value); /* an absent one writes null */
void json_int(struct json_writer *writer, int64_t value);
void json_double(struct json_writer *writer, double value); /* shortest text that reads back the same; NaN: null */
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
void json_raw(struct json_writer *writer, struct str json);            /* a whole value, already JSON */
void json_value(struct json_writer *writer, const struct json *value); /* a parsed tree again, numbers as written */

#endif
