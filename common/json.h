/* JSON read into an arena by yajl, once, with limits and with the place of everything in the text.
 *
 * The tree points into the arena only (decoded strings are copied), offsets count bytes of the text that was
 * parsed. A tree is immutable once parsed and may be read by several threads.
 *
 * RFC 8259, with three liberties: a byte order mark in front is passed over (section 8.1 allows it), comments where
 * asked for, and an escaped surrogate without its other half is read as U+FFFD or `?` instead of being refused. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json_writer.h"
#include "common/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    bool boolean;        /* JSON_BOOL */
    uint32_t start, end; /* byte range of the value in the text: [start, end) */
    uint32_t key_start;  /* of a member's key, its quotation mark */
    uint32_t count;      /* children of an array or object, repeated keys included */
    struct str key;      /* decoded; of a member, else absent */
    struct str text;     /* decoded string, or a number as it was written */
    struct json *first;  /* first child of an array or object */
    struct json *next;   /* next sibling */
};

struct json_limits {
    uint32_t depth;   /* nesting of arrays and objects */
    uint32_t values;  /* values in all, the outermost included */
    bool comments;    /* accept // and block comments (files written by people) */
    bool unique_keys; /* a key that stands twice in one object is an error */
};

struct json_error {
    char what[200];        /* one line, without the place */
    uint32_t offset;       /* bytes from the start */
    uint32_t line, column; /* from 1; the column counts bytes */
};

/* ERR_INVALID (not JSON, not UTF-8, trailing text, empty, repeated key) or ERR_LIMIT (too deep, too many values,
 * longer than 4 GiB). `*root` and all below it live in the arena. `error` may be NULL. */
enum err json_parse(struct arena *arena, struct str text, const struct json_limits *limits, struct json **root,
                    struct json_error *error) MUST_USE;

/* The member of an object with that key, the last where it is repeated; NULL where there is none or `object` is
 * NULL or no object. The second ignores the case of ASCII letters, but prefers the exact spelling. */
const struct json *json_get(const struct json *object, struct str key);
const struct json *json_get_nocase(const struct json *object, struct str key);

/* Follows "payload.referenceCompany.id" through objects; NULL where a step is missing. */
const struct json *json_path(const struct json *root, struct str path);

/* The text of a string value; absent for NULL and for any other type. */
struct str json_string(const struct json *value);

bool json_is_true(const struct json *value);

/* Line and column (from 1, in bytes) of an offset. */
void json_place(struct str text, uint32_t offset, uint32_t *line, uint32_t *column);

/* Same type and same content, numbers by value, objects without regard to the order of keys. */
bool json_equal(const struct json *a, const struct json *b);

#endif
