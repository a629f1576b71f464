#include "common/json_writer.h"

#include "common/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The caller's nesting is wrong: going on would write something that is not JSON. */
static void expect(bool holds) {
    if (!holds)
        abort();
}

void json_begin(struct json_writer *writer, struct strbuf *out) {
    *writer = (struct json_writer){.out = out};
}

static void before_item(struct json_writer *writer) {
    if (writer->has_item && !writer->after_key)
        strbuf_append_char(writer->out, ',');
    writer->has_item = true;
    writer->after_key = false;
}

static void level_begin(struct json_writer *writer, char bracket) {
    before_item(writer);
    strbuf_append_char(writer->out, bracket);
    writer->depth++;
    writer->has_item = false;
}

static void level_end(struct json_writer *writer, char bracket) {
    expect(writer->depth > 0 && !writer->after_key);
    strbuf_append_char(writer->out, bracket);
    writer->depth--;
    writer->has_item = true;
}

void json_object_begin(struct json_writer *writer) {
    level_begin(writer, '{');
}

void json_object_end(struct json_writer *writer) {
    level_end(writer, '}');
}

void json_array_begin(struct json_writer *writer) {
    level_begin(writer, '[');
}

void json_array_end(struct json_writer *writer) {
    level_end(writer, ']');
}

static void write_escaped(struct strbuf *out, uint32_t code) {
    static const char letters[] = {
        ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    if (code < sizeof letters && letters[code] != '\0') {
        strbuf_append_char(out, '\\');
        strbuf_append_char(out, letters[code]);
    } else {
        strbuf_printf(out, "\\u%04x", code);
    }
}

/* Bytes of the character at the front that is to be escaped, else 0. JSON asks for C0 only; the other controls would
 * be obeyed by the terminal that the text is printed to. */
static size_t escaped_len(struct str text) {
    char c = text.at[0];
    if (c == '"' || c == '\\')
        return 1;
    return c >= ' ' && c < 0x7F ? 0 : str_control_len(text);
}

static void write_utf8(struct strbuf *out, struct str text) {
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t len = escaped_len(str_from(text, i));
        if (len == 0)
            continue;
        strbuf_append(out, str_slice(text.at + done, i - done));
        write_escaped(out, str_code_point(str_from(text, i)));
        done = i + len;
        i = done - 1;
    }
    strbuf_append(out, str_from(text, done));
}

static void write_plain(struct strbuf *out, struct str text) {
    strbuf_reserve(out, text.len + 2);
    char *to = out->at + out->len;
    *to++ = '"';
    if (text.len > 0)
        memcpy(to, text.at, text.len);
    to[text.len] = '"';
    to[text.len + 1] = '\0';
    out->len += text.len + 2;
}

static void write_quoted(struct strbuf *out, struct str text) {
    if (str_is_plain(text)) {
        write_plain(out, text);
        return;
    }
    strbuf_append_char(out, '"');
    while (text.len > 0) {
        size_t good = str_utf8_len(text);
        write_utf8(out, str_slice(text.at, good));
        if (good < text.len)
            strbuf_append(out, STR("\xEF\xBF\xBD"));
        text = str_from(text, good + 1);
    }
    strbuf_append_char(out, '"');
}

static void before_key(struct json_writer *writer) {
    expect(writer->depth > 0 && !writer->after_key);
    before_item(writer);
}

static void after_key(struct json_writer *writer) {
    strbuf_append_char(writer->out, ':');
    writer->after_key = true;
}

void json_key_str(struct json_writer *writer, struct str key) {
    before_key(writer);
    write_quoted(writer->out, key);
    after_key(writer);
}

void json_key(struct json_writer *writer, const char *key) {
    before_key(writer);
    write_plain(writer->out, str_of(key));
    after_key(writer);
}

void json_raw(struct json_writer *writer, struct str json) {
    before_item(writer);
    strbuf_append(writer->out, json);
}

void json_str(struct json_writer *writer, struct str value) {
    if (value.at == NULL) {
        json_null(writer);
        return;
    }
    before_item(writer);
    write_quoted(writer->out, value);
}

void json_int(struct json_writer *writer, int64_t value) {
    before_item(writer);
    strbuf_append_i64(writer->out, value);
}

void json_double(struct json_writer *writer, double value) {
    if (!isfinite(value)) {
        json_null(writer);
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    json_raw(writer, str_of(text));
}

void json_bool(struct json_writer *writer, bool value) {
    json_raw(writer, value ? STR("true") : STR("false"));
}

void json_null(struct json_writer *writer) {
    json_raw(writer, STR("null"));
}

static void write_children(struct json_writer *writer, const struct json *value) {
    for (const struct json *child = value->first; child != NULL; child = child->next) {
        if (value->type == JSON_OBJECT)
            json_key_str(writer, child->key);
        json_value(writer, child);
    }
}

/* Recursion is bounded by the depth that the tree was parsed with. */
void json_value(struct json_writer *writer, const struct json *value) {
    switch (value->type) {
    case JSON_NULL:
        json_null(writer);
        break;
    case JSON_BOOL:
        json_bool(writer, value->boolean);
        break;
    case JSON_NUMBER:
        json_raw(writer, value->text);
        break;
    case JSON_STRING:
        json_str(writer, value->text);
        break;
    case JSON_ARRAY:
        json_array_begin(writer);
        write_children(writer, value);
        json_array_end(writer);
        break;
    case JSON_OBJECT:
        json_object_begin(writer);
        write_children(writer, value);
        json_object_end(writer);
        break;
    }
}
