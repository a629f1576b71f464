/* JSON text read into a tree by yajl, once, with limits.
 *
 * RFC 8259, with three liberties: a byte order mark in front is passed over (section 8.1 allows it), comments where
 * asked for, and an escaped surrogate without its other half is read as U+FFFD or `?` instead of being refused. */
#ifndef COMMON_JSON_PARSE_H
#define COMMON_JSON_PARSE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/str.h"

struct json;

struct json_limits {
    uint32_t depth;   /* nesting of arrays and objects */
    uint32_t values;  /* values in all, the outermost included */
    bool comments;    /* accept // and block comments (files written by people) */
    bool unique_keys; /* a key that stands twice in one object is an error */
    bool in_place;    /* the text lives as long as the tree: what has no escapes stays there, without a NUL behind it */
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

/* Line and column (from 1, in bytes) of an offset. */
void json_place(struct str text, uint32_t offset, uint32_t *line, uint32_t *column);

#endif
