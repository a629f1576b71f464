/* Compiled rules from the inside: shared by the compiler, the evaluator and the operators, and by nobody else. */
#ifndef PROXY_DECIDE_LOGIC_RULE_H
#define PROXY_DECIDE_LOGIC_RULE_H

#include "proxy/decide/jsonlogic.h"

enum logic_kind {
    LOGIC_LITERAL, /* `value` as it is */
    LOGIC_LIST,    /* an array whose items are rules */
    LOGIC_PATH,    /* `var` with a name known when compiled: `path`, and args[1] as default where there is one */
    LOGIC_LAZY,    /* an operator that decides itself which of its arguments are applied */
    LOGIC_EAGER,   /* an operator that gets the values of its arguments */
};

struct logic_eval; /* one application under way */

typedef enum err logic_lazy(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                            struct logic_value *result);

/* Arguments of an eager operator. */
struct logic_call {
    struct logic_work *work;
    const struct logic_context *context;
    const struct logic_value *data; /* of the scope: inside `map` and its kin, the item */
    const struct logic_value *args;
    uint32_t count;
};
typedef enum err logic_eager(const struct logic_call *call, struct logic_value *result);

struct logic_rule {
    enum logic_kind kind;
    uint32_t count; /* arguments, items, or steps of the path */
    const struct logic_rule **args;
    struct logic_value value;
    const struct str *path;
    const struct logic_rule *fallback; /* of a path; NULL: null */
    logic_lazy *lazy;
    logic_eager *eager;
};

struct logic_eval {
    struct logic_work work;
    const struct logic_context *context;
};

/* The argument, or undefined. */
static inline struct logic_value logic_arg(const struct logic_call *call, uint32_t index) {
    return index < call->count ? call->args[index] : logic_undefined();
}

/* Is this the name by which `var` means all of the data? Not so [], though its text is empty too. */
static inline bool logic_is_whole(const struct logic_value *name) {
    return name->type == LOGIC_UNDEFINED || name->type == LOGIC_NULL ||
           (name->type == LOGIC_STRING && name->string.len == 0);
}

enum err logic_eval_rule(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                         struct logic_value *result) MUST_USE;

/* Operators by name; NULL where it is not of that sort. */
logic_lazy *logic_lazy_find(struct str name);
logic_eager *logic_arithmetic_find(struct str name);
logic_eager *logic_data_find(struct str name);
logic_eager *logic_custom_find(struct str name); /* flagd's */

/* Follows `steps` from `data`, as `var` does: `*value` is undefined where a step leads nowhere. */
enum err logic_follow(struct logic_work *work, const struct logic_value *data, const struct str *steps,
                      uint32_t step_count, struct logic_value *value) MUST_USE;

#endif
