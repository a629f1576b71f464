/* A body before it is read: the messages it holds, and the questions that decide the generation and type of one. For
 * classify() and its explanation. */
#ifndef PROXY_DECIDE_CLASSIFY_SHAPE_H
#define PROXY_DECIDE_CLASSIFY_SHAPE_H

#include "proxy/decide/classify.h"

/* The type that stands there, a text; absent where there is none. */
struct str shape_type(const struct type_source *type, const struct source *source, struct arena *arena);
/* Is that path there, with a value that is asked for? And all that the shape asks for? */
bool shape_has(const struct catalog_with *with, const struct source *source);
bool shape_has_all(const struct catalog_shape *shape, const struct source *source);
/* The first shape that the body has, and the type that stands there; NULL where it has none. */
const struct catalog_shape *shape_find(const struct catalog *catalog, const struct source *source, struct arena *arena,
                                       struct str *type);

/* A body and the messages in it. */
struct opened_body {
    struct source source; /* shows one message: of a list of many, body_show() leaves one element in it */
    size_t count;         /* 1 where the body is one message; 0: it holds none that could be recognised */
    struct json *list;    /* whose elements are messages; NULL: the body is one */
    struct json **elements;
    struct str body;
};

/* Parses the body into the arena, and shows its first message. Errors as classify(). */
enum err body_open(const struct catalog *catalog, const struct classify_input *input, struct arena *arena,
                   struct opened_body *opened, struct json_error *error) MUST_USE;
void body_show(struct opened_body *opened, size_t index);
/* The body with that message alone: all that stands around the list's elements, and the element, byte for byte. */
struct str body_of(const struct opened_body *opened, size_t index, struct arena *arena);

#endif
