/* The inside of a body template, for the modules that compile and fill it. */
#ifndef PROXY_DECIDE_BODY_NODE_H
#define PROXY_DECIDE_BODY_NODE_H

#include "proxy/decide/body.h"

enum body_kind {
    BODY_OBJECT,
    BODY_ARRAY,
    BODY_TEXT,   /* a text with variables */
    BODY_FROM,   /* paths of the source's body */
    BODY_NEWEST, /* {"last": …} */
    BODY_FIXED,  /* a constant */
    BODY_NEVER   /* {"not_replaced": true} */
};

/* Literal text, or the name of a variable. */
struct body_piece {
    struct str text;
    bool is_variable;
};

/* A value of the source, without regard to letter case, and the JSON value that is written for it. */
struct body_pair {
    struct str from;
    const struct json *to; /* NULL: `text` */
    struct str text;
};

struct body_template {
    struct str key; /* absent in arrays and at the top */
    enum body_kind kind;
    const struct json *at; /* where it stands, and the constant that it is */
    const struct body_template *children;
    size_t child_count;
    const struct body_piece *pieces;
    size_t piece_count;
    const struct path *paths;
    const struct str *path_texts;
    size_t path_count;
    const struct body_pair *pairs;
    size_t pair_count;
    bool has_map, is_not_compared;
    const struct json *if_absent; /* NULL: left out */
};

#endif
