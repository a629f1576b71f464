/* Writes a message of one generation from one of the other, by the templates of the catalogue.
 *
 * A rule becomes one event. An event becomes one rule per item and rule type that it tells of. Pure and thread-safe;
 * what is written lives in the arena. */
#ifndef PROXY_DECIDE_TRANSLATE_H
#define PROXY_DECIDE_TRANSLATE_H

#include "proxy/decide/body.h"
#include "proxy/decide/classify.h"

struct translate_request {
    const struct catalog *catalog;
    struct str body;             /* of the source */
    struct str only_type;        /* write this type alone; absent: all that the source tells of */
    int64_t arrived_ms;          /* when the source arrived, wall time; -1: not known */
    const struct json *settings; /* translate.values; NULL: none */
    /* The newest stored body of a type of the target's generation, parsed; NULL where there is none, or no function. */
    const struct json *(*last)(void *arg, enum generation generation, struct str type);
    /* May this rule type be written? NULL: all may. */
    bool (*is_wanted)(void *arg, struct str rule_type);
    void *arg;
    bool with_notes, with_facts;
};

struct translation {
    enum generation generation; /* of what is written */
    struct str type;
    uint32_t item; /* of the source */
    struct str body;
    struct body_notes notes;
    struct str *facts; /* keys that the source states and this must state, too */
    size_t fact_count;
};

struct translations {
    enum generation source;
    struct str source_type;
    struct translation *items;
    size_t count;
};

/* ERR_INVALID: no JSON, of no known shape, or of a type that has no template; ERR_LIMIT: too deep or too many values;
 * ERR_NOT_FOUND: the source tells of nothing that may be written. The reason is in `detail`. */
enum err translate(const struct translate_request *request, struct arena *arena, struct translations *translations,
                   struct err_detail *detail) MUST_USE;

/* Likewise from a body that is parsed and of a type that is known; `captured` is what the type's {x} stands for.
 * Nothing is written where nothing may be. */
void translate_parsed(const struct translate_request *request, const struct catalog_type *type, struct str captured,
                      const struct json *root, struct arena *arena, struct translations *translations);

#endif
