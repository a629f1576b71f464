/* What is known of a vendor's two generations of webhooks: the types, which replaces which, and what facts they state.
 *
 * A catalogue is compiled from JSON once (catalog_load.h), never changes, and may be read by any thread until it is
 * freed. catalog.json describes the format by example; which vendor it is makes no difference to the program. */
#ifndef PROXY_DECIDE_CATALOG_H
#define PROXY_DECIDE_CATALOG_H

#include "proxy/decide/scheme.h"
#include "proxy/decide/variable.h"
#include "proxy/model/message.h"

/* The variables that mean something to the program itself. */
enum well_known {
    KNOWN_ID,
    KNOWN_COMPANY,
    KNOWN_CONNECTION,
    KNOWN_DATA_TYPE,
    KNOWN_RULE_ID,
    KNOWN_GENERATED,
    KNOWN_COUNT
};

/* Position 0 of every type's variables: the name of the rule type. */
enum { VARIABLE_RULE = 0 };

struct catalog_fact {
    struct str name; /* the same fact has the same name on both sides */
    struct template key;
    enum fact_match match;
    bool per_rule; /* of an event: once for each rule type that it replaces */
};

struct body_template;

/* A rule type that an event replaces; always, or where a variable has a certain value. */
struct catalog_replaced {
    struct str rule;      /* as listed: "{type}" of a pattern */
    struct template name; /* the rule type that a message replaces; no pieces: it is always `rule` */
    size_t listed;        /* its position among the rules */
    int if_variable;      /* position, or VARIABLE_NONE */
    struct str if_value;
    int write_if_variable; /* likewise, for writing the rule from the event */
    struct str write_if_value;
    uint32_t told_by; /* which facts of the event the rule states as well: bit i for item fact i, then those of the
                         whole message; none: the event tells of the rule's occurrences whatever it states */
};

struct catalog_type {
    enum generation generation;
    struct str name;           /* as listed, with {x} where it is a pattern */
    struct str label;          /* for people and metrics: the name, with * in place of {x} */
    struct str prefix, suffix; /* of a pattern: what stands around {x} */
    int captured;              /* position of x, or VARIABLE_NONE: no pattern */
    const struct variable *variables;
    size_t variable_count;       /* of the message */
    size_t item_variable_count;  /* of each element, after those of the message */
    int known[KNOWN_COUNT];      /* positions, or VARIABLE_NONE */
    int item_data_type;          /* position, or VARIABLE_NONE */
    struct template counterpart; /* of a rule; no pieces: nothing replaces it */
    struct catalog_replaced *replaces;
    size_t replaces_count;            /* of an event */
    const struct catalog_fact *facts; /* of a message that is one item */
    size_t fact_count;
    struct path items; /* to the list; no steps: the message is one item */
    const struct catalog_fact *item_facts;
    size_t item_fact_count;
    size_t fact_max;                  /* no item has more facts than this */
    const struct body_template *body; /* how it is written from the other generation; NULL: not at all */
};

/* Where a type stands: one path alone, or text and paths in turn. */
struct type_piece {
    struct str text; /* absent: the path */
    struct path path;
};

enum { TYPE_PIECE_MAX = 16 };

struct type_source {
    struct str text; /* as it was written */
    const struct type_piece *pieces;
    size_t piece_count;
};

/* A path that must be there: with any value, or with one of `values`. */
struct catalog_with {
    struct path path;
    const struct str *values;
    size_t value_count;
};

/* One way to see what generation a body is of. */
struct catalog_shape {
    enum generation generation;
    struct type_source type;
    const struct catalog_with *with; /* none: nothing else is asked for */
    size_t with_count;
    bool needs_all;       /* of `with`; else one is enough */
    bool known;           /* the type must be in the catalogue */
    struct path messages; /* to the list whose elements are messages; no list: the body is one message */
};

/* What the vendor wants to be answered. */
struct catalog_answers {
    int accepted_status; /* 0: any 2xx will do */
    int again_later_status;
    bool other_bodies_pass; /* what is no JSON object is unrecognised, and not refused */
};

struct catalog;

/* What is built into the program, the first by default. */
struct catalog_built_in {
    const char *name, *file; /* the name of the setting; what problems call it */
    struct str text;
};
size_t catalog_built_in_count(void);
struct catalog_built_in catalog_built_in_at(size_t index);
/* The first of them. */
struct catalog *catalog_builtin(void) MUST_USE;
void catalog_free(struct catalog *catalog); /* NULL is fine */

struct str catalog_about(const struct catalog *catalog); /* one line for people */
/* What people call a message of the generation: "rule", "v2 webhook". */
struct str catalog_generation_name(const struct catalog *catalog, enum generation generation);
const struct catalog_answers *catalog_answers(const struct catalog *catalog);
const struct json *catalog_examples(const struct catalog *catalog); /* a list; NULL: none */
size_t catalog_shape_count(const struct catalog *catalog);
const struct catalog_shape *catalog_shape_at(const struct catalog *catalog, size_t index);

/* The type that a text names, in any spelling that is listed; NULL where it is not known. */
const struct catalog_type *catalog_find(const struct catalog *catalog, enum generation generation, struct str type);
/* Do both texts name the same type, listed or not? Of a rule type, what it is called with does not count. */
bool catalog_is_same(const struct catalog *catalog, enum generation generation, struct str a, struct str b);
/* What holds for types that are not listed: what all messages of the generation have in common. */
const struct catalog_type *catalog_unlisted(const struct catalog *catalog, enum generation generation);

/* What the type's {x} stands for in `text`, a type that is known to be of this pattern; absent for other types. */
struct str catalog_captured(const struct catalog_type *type, struct str text);

/* All listed types of a generation, in the order of the file. */
size_t catalog_type_count(const struct catalog *catalog, enum generation generation);
const struct catalog_type *catalog_type_at(const struct catalog *catalog, enum generation generation, size_t index);
/* How messages of the generation are signed, and the scheme of a name (NULL: there is none). */
const struct scheme *catalog_scheme(const struct catalog *catalog, enum generation generation);
const struct scheme *catalog_scheme_named(const struct catalog *catalog, struct str name);
size_t catalog_scheme_count(const struct catalog *catalog);
const struct scheme *catalog_scheme_at(const struct catalog *catalog, size_t index);

/* Rules: an event can replace it. Events: it replaces a rule. */
bool catalog_has_replacement(const struct catalog_type *type);

/* Of the text it was compiled from: another catalogue has another one. */
uint64_t catalog_digest(const struct catalog *catalog);

#endif
