/* Templates of bodies: how a message of one generation is written from what is known of one of the other.
 *
 * A template is a JSON value in the catalogue. It is compiled once, never changes, and may be read by any thread. Names
 * of variables are looked up when it is filled, because one template is filled from several types. */
#ifndef PROXY_DECIDE_BODY_H
#define PROXY_DECIDE_BODY_H

#include "proxy/decide/catalog.h"
#include "proxy/decide/catalog_compile.h"

struct body_template; /* lives in the arena of the catalogue */

/* Where the value of a member came from. */
enum body_source {
    BODY_CONSTANT,     /* it stands in the template */
    BODY_VARIABLE,     /* variables of the source */
    BODY_PATH,         /* a path of the source's body */
    BODY_LAST,         /* the newest stored message of the type */
    BODY_SETTING,      /* translate.values */
    BODY_NOT_REPLACED, /* the vendor says that nothing replaces it: left out */
    BODY_NOWHERE       /* the source has none: left out */
};

/* One member of a body, in dotted form: "Data.dataType", "payload.dataTypes[].status". */
struct body_note {
    struct str member;
    enum body_source source;
    struct str detail; /* the variables or the path; absent where there is nothing to say */
    struct str value;  /* as JSON; absent where the member was left out */
};

/* What a template is filled from. Members may be absent. */
struct body_values {
    const struct catalog_type *type; /* of the source */
    const struct values *values;     /* of its variables */
    const struct json *root;         /* its body */
    const struct json *element;      /* the item at hand, where the type has items */
    struct str target_type;          /* {type}: what is written, as the vendor names it */
    struct str arrived;              /* {arrived}: when the source arrived, RFC 3339 */
    const struct json *last;         /* the newest stored body of the target's type */
    const struct json *settings;     /* translate.values: an object of dotted names */
};

struct body_notes {
    struct body_note *items;
    size_t count, capacity;
};

/* Compiles the value; every problem is told to the reader. The value must live as long as the template. */
const struct body_template *body_compile(struct reader *reader, const struct vocabulary *vocabulary,
                                         const struct json *value) MUST_USE;

/* Writes the body into `out`, and what each member came from into `notes` (which may be NULL), in the arena. False:
 * nothing of it has a value. */
bool body_fill(const struct body_template *template, const struct body_values *values, struct arena *arena,
               struct strbuf *out, struct body_notes *notes) MUST_USE;

/* Does a text of the template name the variable? */
bool body_uses(const struct body_template *template, struct str variable);

/* Each variable that the template names and each path that it reads, in order. Stops where it returns false. */
typedef bool body_visit_fn(void *arg, struct str variable, const struct path *path, const struct json *at);
bool body_visit(const struct body_template *template, body_visit_fn *visit, void *arg);

/* Does the template say of the member "Data.dataType" that nothing replaces it? */
bool body_is_not_replaced(const struct body_template *template, struct str member);

const char *body_source_name(enum body_source source);

#endif
