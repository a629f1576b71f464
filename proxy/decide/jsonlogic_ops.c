/* jsonlogic.com's comparisons and arithmetic. Each is what the reference writes in one line of JavaScript; an argument
 * that is not there is undefined, which is why {"-": [3]} negates and {"<": [1, 2]} compares two. */
#include "proxy/decide/logic_coerce.h"
#include "proxy/decide/logic_rule.h"

#include <math.h>

static enum err op_equal(const struct logic_call *call, struct logic_value *result) {
    bool equal;
    enum err err = logic_loosely_equal(call->work, logic_arg(call, 0), logic_arg(call, 1), &equal);
    if (err == ERR_NONE)
        *result = logic_bool(equal);
    return err;
}

static enum err op_unequal(const struct logic_call *call, struct logic_value *result) {
    bool equal;
    enum err err = logic_loosely_equal(call->work, logic_arg(call, 0), logic_arg(call, 1), &equal);
    if (err == ERR_NONE)
        *result = logic_bool(!equal);
    return err;
}

static enum err op_identical(const struct logic_call *call, struct logic_value *result) {
    struct logic_value a = logic_arg(call, 0), b = logic_arg(call, 1);
    *result = logic_bool(logic_strictly_equal(&a, &b));
    return ERR_NONE;
}

static enum err op_not_identical(const struct logic_call *call, struct logic_value *result) {
    struct logic_value a = logic_arg(call, 0), b = logic_arg(call, 1);
    *result = logic_bool(!logic_strictly_equal(&a, &b));
    return ERR_NONE;
}

/* a < b, and with a third argument a < b < c */
static enum err between(const struct logic_call *call, bool or_equal, struct logic_value *result) {
    bool low, high = true;
    enum err err = logic_less(call->work, logic_arg(call, 0), logic_arg(call, 1), or_equal, &low);
    if (err == ERR_NONE && low && logic_arg(call, 2).type != LOGIC_UNDEFINED)
        err = logic_less(call->work, logic_arg(call, 1), logic_arg(call, 2), or_equal, &high);
    if (err == ERR_NONE)
        *result = logic_bool(low && high);
    return err;
}

static enum err op_less(const struct logic_call *call, struct logic_value *result) {
    return between(call, false, result);
}

static enum err op_less_or_equal(const struct logic_call *call, struct logic_value *result) {
    return between(call, true, result);
}

static enum err op_greater(const struct logic_call *call, struct logic_value *result) {
    bool less;
    enum err err = logic_less(call->work, logic_arg(call, 1), logic_arg(call, 0), false, &less);
    if (err == ERR_NONE)
        *result = logic_bool(less);
    return err;
}

static enum err op_greater_or_equal(const struct logic_call *call, struct logic_value *result) {
    bool less;
    enum err err = logic_less(call->work, logic_arg(call, 1), logic_arg(call, 0), true, &less);
    if (err == ERR_NONE)
        *result = logic_bool(less);
    return err;
}

static enum err op_truthy(const struct logic_call *call, struct logic_value *result) {
    struct logic_value a = logic_arg(call, 0);
    *result = logic_bool(logic_truthy(&a));
    return ERR_NONE;
}

static enum err op_not(const struct logic_call *call, struct logic_value *result) {
    struct logic_value a = logic_arg(call, 0);
    *result = logic_bool(!logic_truthy(&a));
    return ERR_NONE;
}

static enum err two_numbers(const struct logic_call *call, double *a, double *b) {
    enum err err = logic_to_number(call->work, logic_arg(call, 0), a);
    return err != ERR_NONE ? err : logic_to_number(call->work, logic_arg(call, 1), b);
}

static enum err op_remainder(const struct logic_call *call, struct logic_value *result) {
    double a, b;
    enum err err = two_numbers(call, &a, &b);
    if (err == ERR_NONE)
        *result = logic_number(fmod(a, b)); /* keeps the sign of a, as JavaScript does */
    return err;
}

static enum err op_divide(const struct logic_call *call, struct logic_value *result) {
    double a, b;
    enum err err = two_numbers(call, &a, &b);
    if (err != ERR_NONE)
        return err;
    if (b != 0)
        *result = logic_number(a / b);
    else if (a == 0 || isnan(a))
        *result = logic_number(NAN);
    else
        *result = logic_number(signbit(a) == signbit(b) ? INFINITY : -INFINITY);
    return ERR_NONE;
}

static enum err op_subtract(const struct logic_call *call, struct logic_value *result) {
    double a, b;
    enum err err = two_numbers(call, &a, &b);
    if (err == ERR_NONE)
        *result = logic_number(logic_arg(call, 1).type == LOGIC_UNDEFINED ? -a : a - b);
    return err;
}

static enum err op_add(const struct logic_call *call, struct logic_value *result) {
    double sum = 0, number;
    for (uint32_t i = 0; i < call->count; i++) {
        enum err err = logic_parse_float(call->work, call->args[i], &number);
        if (err != ERR_NONE)
            return err;
        sum += number;
    }
    *result = logic_number(sum);
    return ERR_NONE;
}

/* Without an initial value: one argument comes back as it is, and none is an error, as of Array.prototype.reduce. */
static enum err op_multiply(const struct logic_call *call, struct logic_value *result) {
    double product = 1, number;
    if (call->count == 0)
        return ERR_INVALID;
    if (call->count == 1) {
        *result = call->args[0];
        return ERR_NONE;
    }
    for (uint32_t i = 0; i < call->count; i++) {
        enum err err = logic_parse_float(call->work, call->args[i], &number);
        if (err != ERR_NONE)
            return err;
        product *= number;
    }
    *result = logic_number(product);
    return ERR_NONE;
}

/* Math.min and Math.max: NaN where any argument is; of nothing, the infinity that every number beats. */
static enum err extreme(const struct logic_call *call, bool largest, struct logic_value *result) {
    double best = largest ? -INFINITY : INFINITY, number;
    for (uint32_t i = 0; i < call->count; i++) {
        enum err err = logic_to_number(call->work, call->args[i], &number);
        if (err != ERR_NONE)
            return err;
        if (isnan(number) || isnan(best))
            best = NAN;
        else if (largest ? number > best : number < best)
            best = number;
    }
    *result = logic_number(best);
    return ERR_NONE;
}

static enum err op_min(const struct logic_call *call, struct logic_value *result) {
    return extreme(call, false, result);
}

static enum err op_max(const struct logic_call *call, struct logic_value *result) {
    return extreme(call, true, result);
}

logic_eager *logic_arithmetic_find(struct str name) {
    static const struct {
        struct str name;
        logic_eager *op;
    } ops[] = {
        {STR("=="), op_equal},    {STR("==="), op_identical},
        {STR("!="), op_unequal},  {STR("!=="), op_not_identical},
        {STR("!"), op_not},       {STR("!!"), op_truthy},
        {STR(">"), op_greater},   {STR(">="), op_greater_or_equal},
        {STR("<"), op_less},      {STR("<="), op_less_or_equal},
        {STR("max"), op_max},     {STR("min"), op_min},
        {STR("+"), op_add},       {STR("-"), op_subtract},
        {STR("*"), op_multiply},  {STR("/"), op_divide},
        {STR("%"), op_remainder},
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_eq(ops[i].name, name))
            return ops[i].op;
    return NULL;
}
