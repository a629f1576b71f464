/* Variables that are read out of a JSON body, and templates that are filled with them.
 *
 * All structs are plain data, compiled by the loader of the catalogue and never changed afterwards; the texts they
 * hold live as long as the catalogue. Values live in the arena of the message, or where the variable's texts live. */
#ifndef PROXY_DECIDE_VARIABLE_H
#define PROXY_DECIDE_VARIABLE_H

#include "common/arena.h"
#include "common/http.h"
#include "common/json.h"
#include "common/str.h"

enum { VARIABLE_MAX = 32, PATH_STEP_MAX = 8, VARIABLE_NONE = -1 /* a position: no variable */ };

/* Where a value is looked for. */
enum path_place {
    PATH_BODY,
    PATH_HEADER, /* steps[0] is the name of the header */
    PATH_TARGET  /* `segment` of the request's path */
};

/* "payload.company.id": keys from the outside in, found in any letter case. "payload.list[].id": the one value that
 * every element of the list has, so there is none where the list is empty or its elements differ. "[].id": the body
 * itself is the list. "header:NAME": the header's value. "path:2": the second segment of the request's path. */
struct path {
    struct str text; /* as it was written */
    enum path_place place;
    struct str steps[PATH_STEP_MAX];
    size_t step_count;
    bool has_list;
    size_t each;    /* so many steps lead to the list, where there is one */
    size_t segment; /* from 1 */
};

/* What values are read from: the body, or an element of it, and the request that it came with. */
struct source {
    const struct json *root;
    const struct http_header *headers; /* none where there is only a body */
    size_t header_count;
    struct str target; /* path and query; absent where there is only a body */
};

struct value_pair {
    struct str from, to;
};

/* Values in the vendor's words, in any letter case, to the words of the catalogue. */
struct value_map {
    struct str name;
    const struct value_pair *pairs;
    size_t pair_count;
};

/* Literal text, or the value of a variable where `text` is absent. */
struct template_piece {
    struct str text;
    size_t variable;
};

struct template {
    const struct template_piece *pieces;
    size_t piece_count;
};

enum variable_kind {
    VARIABLE_GIVEN, /* by the caller: what a type's pattern captured, the name of a rule type */
    VARIABLE_READ,  /* the first of its paths that leads to a value */
    VARIABLE_TEXT   /* a template of variables before it */
};

struct variable {
    struct str name;
    enum variable_kind kind;
    bool is_id; /* written in lower case in fact keys */
    const struct path *paths;
    size_t path_count;
    struct template text;
    const struct value_map *map; /* NULL: the value as it is */
    struct str if_absent;        /* the value where there is none, not mapped; may be absent too */
    struct str if_unmapped;      /* the value where the map does not know it; may be absent too */
};

/* The values of variables, by position; absent: it has none. */
struct values {
    struct str at[VARIABLE_MAX];
};

/* What a path leads to in the body, of any type; NULL where there is nothing. Of a path with a list: the list. */
const struct json *path_find(const struct path *path, const struct json *root);
/* Does the path lead to anything, of any type (null too)? */
bool path_exists(const struct path *path, const struct source *source);
/* The string, number, header or segment that it leads to; absent where there is none or it is empty. true and false
 * are values only `with_bools`. */
struct str path_text(const struct path *path, const struct source *source, bool with_bools);

/* Fills values->at[from .. to) of `variables`; those before `from` are there already, so are given ones. */
void variables_read(const struct variable *variables, size_t from, size_t to, const struct source *source,
                    struct arena *arena, struct values *values);

/* Has the variable a value that may stand in a fact? Blanks, dashes and ids that name nothing may not. */
bool variable_is_told(const struct variable *variable, struct str value);

/* The template with its variables' values; absent where one of them has none. */
struct str template_fill(const struct template *template, const struct values *values, struct arena *arena);

/* Likewise, as the key of a fact: ids in lower case, and '/', '%' and control characters of values as %XX, so that
 * different values never make the same key. Absent where a variable is not told, or where the key would be longer
 * than FACT_KEY_MAX. */
struct str template_fill_key(const struct template *template, const struct variable *variables,
                             const struct values *values, struct arena *arena);

/* The first variable that stands in the way of a key, or VARIABLE_NONE where the key is too long. */
int template_find_untold(const struct template *template, const struct variable *variables,
                         const struct values *values);

#endif
