/* Field parity: do events tell the same as the rules that really came? Now and then some pairs of twins are read back
 * and compared member by member; the counts are kept since the start of the process.
 *
 * Belongs to one loop, on which everything here is called. */
#ifndef PROXY_FLOW_FIELDS_H
#define PROXY_FLOW_FIELDS_H

#include "common/loop.h"
#include "proxy/decide/compare.h"
#include "proxy/decide/field_judge.h"
#include "proxy/flow/service.h"

enum { FIELD_EXAMPLES = 5 };

struct field_example {
    uint64_t rule, event;
};

/* One member of one rule type. */
struct field {
    char *member;
    uint64_t counts[LEAF_RESULT_COUNT];
    struct field_example examples[FIELD_EXAMPLES]; /* the newest pairs that are neither equal nor left alone; 0: none */
};

struct field_type {
    char *name;
    uint64_t pairs;
    struct field *fields;
    size_t count;
};

struct fields;

/* Begins to compare at once, at most settings->parity_compare pairs a second. */
struct fields *fields_new(struct service *service, struct loop *loop) MUST_USE;
void fields_free(struct fields *fields); /* when the store no longer answers; NULL is fine */

size_t fields_type_count(const struct fields *fields);
const struct field_type *fields_type_at(const struct fields *fields, size_t index);

/* Pairs in which the member was compared, and in which both did not tell the same. */
uint64_t field_compared(const struct field *field);
uint64_t field_different(const struct field *field);

/* What the verdict rests on; the texts live as long as `fields`. */
struct field_evidence fields_evidence(const struct field_type *type, const struct field *field);
/* All of it, in the arena. `fields` may be NULL. */
size_t fields_evidence_all(const struct fields *fields, struct arena *arena, struct field_evidence **evidence);

/* Writes a list of rule types, each with its members. `fields` may be NULL. */
void fields_write(struct json_writer *json, struct arena *arena, const struct fields *fields,
                  const struct settings *settings);

/* Compares one pair and counts it. Types and members end in NUL. */
void fields_note(struct fields *fields, const struct twin_pair *pair);

#endif
