/* A JSON value as a tree, with the place of everything in the text. json_parse() makes it, json_value() writes it.
 *
 * The tree points into the arena only (decoded strings are copied, unless `in_place` was asked for), offsets count
 * bytes of the text that was parsed. A tree is immutable once parsed and may be read by several threads. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/json_parse.h"
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

/* The member of an object with that key, the last where it is repeated; NULL where there is none or `object` is
 * NULL or no object. The second ignores the case of ASCII letters, but prefers the exact spelling. */
const struct json *json_get(const struct json *object, struct str key);
const struct json *json_get_nocase(const struct json *object, struct str key);

/* Follows "payload.referenceCompany.id" through objects; NULL where a step is missing. */
const struct json *json_path(const struct json *root, struct str path);

/* The text of a string value; absent for NULL and for any other type. */
struct str json_string(const struct json *value);

bool json_is_true(const struct json *value);

/* Same type and same content, numbers by value, objects without regard to the order of keys. */
bool json_equal(const struct json *a, const struct json *b);

#endif
