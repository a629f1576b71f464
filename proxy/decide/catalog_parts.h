/* The inside of a catalogue, for the module that builds it. Everything lives in its arena. */
#ifndef PROXY_DECIDE_CATALOG_PARTS_H
#define PROXY_DECIDE_CATALOG_PARTS_H

#include "proxy/decide/catalog.h"
#include "proxy/decide/scheme_load.h"

/* A spelling of a type, normalised, and what it names. */
struct catalog_name {
    struct str text;
    const struct catalog_type *type;
};

struct catalog_types {
    const struct catalog_type *types; /* in the order of the file */
    size_t count;
    struct catalog_name *names; /* sorted by text */
    size_t name_count;
    struct catalog_type unlisted;
};

struct catalog {
    struct arena *arena;
    struct str about;
    uint64_t digest;                  /* of its text */
    struct str rule_name, event_name; /* for people */
    struct catalog_answers answers;
    const struct json *examples;
    struct str rule_type_ends_at; /* what of a rule's type does not count begins here; absent: all counts */
    const struct catalog_shape *shapes;
    size_t shape_count;
    struct catalog_types rules, events;
    struct scheme_list schemes;
    const struct scheme *rule_scheme, *event_scheme;
};

enum { TYPE_NAME_MAX = 256 };

/* The form in which spellings are compared: of rules, without what follows the end mark and without white space;
 * all in lower case. Returns the length, or 0 where there is no such form (empty, or longer than the room). */
size_t catalog_normalise(enum generation generation, struct str ends_at, struct str type, char out[TYPE_NAME_MAX]);

/* Makes them ready for catalog_find(). */
void catalog_sort_names(struct catalog_types *types);

#endif
