/* JsonLogic rules (jsonlogic.com), compiled once and applied many times, with flagd's operators added.
 *
 * A compiled rule is immutable, lives in the arena it was compiled into, points into the JSON tree it was compiled
 * from, and may be applied by several threads at once. Applying allocates from the given arena only, and its cost is
 * bounded: a rule that would go on for too long, too deep or over too much text fails. */
#ifndef PROXY_DECIDE_JSONLOGIC_H
#define PROXY_DECIDE_JSONLOGIC_H

#include "proxy/decide/logic_value.h"

struct logic_rule;

enum {
    LOGIC_DEPTH_MAX = 250,    /* nesting of rules, $ref followed, and of values turned into text */
    LOGIC_STEPS_MAX = 200000, /* rules applied and items visited by one application */
    LOGIC_BYTES_MAX = 4 << 20 /* of the arena, by one application */
};

/* What is wrong with a rule and where. */
struct logic_fault {
    const struct json *at;
    char what[160];
};

/* Finds the compiled form of a rule that {"$ref": name} stands for: ERR_NOT_FOUND where there is none, ERR_INVALID
 * with `fault` set where it is broken or refers to itself. `depth` is to be handed on to logic_compile(). */
typedef enum err logic_resolve(void *arg, struct str name, uint32_t depth, const struct logic_rule **rule,
                               struct logic_fault *fault);

struct logic_compiler {
    struct arena *arena;
    logic_resolve *resolve; /* NULL: "$ref" is an unknown operator */
    void *arg;
};

/* ERR_INVALID for an operator that does not exist or a reference that leads nowhere, ERR_LIMIT for too deep a rule.
 * `depth` is 0 but for a rule compiled on behalf of another. */
enum err logic_compile(const struct logic_compiler *compiler, const struct json *json, uint32_t depth,
                       const struct logic_rule **rule, struct logic_fault *fault) MUST_USE;

struct logic_context {
    struct logic_value data;  /* what `var` reads */
    struct str flag_key;      /* `fractional` without a bucketing value hashes this ... */
    struct str targeting_key; /* ... followed by this; absent or empty: the operator gives null */
};

/* ERR_INVALID where JavaScript would throw, ERR_LIMIT where the rule costs too much. The result may point into the
 * rule, the data and the arena. */
enum err logic_apply(const struct logic_rule *rule, const struct logic_context *context, struct arena *arena,
                     struct logic_value *result) MUST_USE;

/* The same within what `work` still allows, of which it is then taken. */
enum err logic_apply_within(const struct logic_rule *rule, const struct logic_context *context, struct logic_work *work,
                            struct logic_value *result) MUST_USE;

bool logic_is_operator(struct str name);

#endif
