/* Operators that apply their arguments themselves: conditions, which leave out what they do not need, and loops over
 * arrays, which apply one argument once per item. Step by step as jsonlogic.com's reference does. */
#include "proxy/decide/logic_rule.h"

/* if(c1, v1, c2, v2, ..., otherwise) */
static enum err op_if(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                      struct logic_value *result) {
    uint32_t i = 0;
    for (; i + 1 < rule->count; i += 2) {
        struct logic_value condition;
        enum err err = logic_eval_rule(eval, rule->args[i], data, &condition);
        if (err != ERR_NONE)
            return err;
        if (logic_truthy(&condition))
            return logic_eval_rule(eval, rule->args[i + 1], data, result);
    }
    if (i + 1 == rule->count)
        return logic_eval_rule(eval, rule->args[i], data, result);
    *result = logic_null();
    return ERR_NONE;
}

/* The first argument whose truth is `wanted`, else the last. */
static enum err first_or_last(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                              bool wanted, struct logic_value *result) {
    struct logic_value current = logic_undefined();
    for (uint32_t i = 0; i < rule->count; i++) {
        enum err err = logic_eval_rule(eval, rule->args[i], data, &current);
        if (err != ERR_NONE)
            return err;
        if (logic_truthy(&current) == wanted)
            break;
    }
    *result = current;
    return ERR_NONE;
}

static enum err op_and(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                       struct logic_value *result) {
    return first_or_last(eval, rule, data, false, result);
}

static enum err op_or(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                      struct logic_value *result) {
    return first_or_last(eval, rule, data, true, result);
}

/* What a loop runs over: the first argument's items; none where it is no array. */
static enum err loop_items(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                           struct logic_value *array) {
    *array = logic_undefined();
    enum err err = rule->count > 0 ? logic_eval_rule(eval, rule->args[0], data, array) : ERR_NONE;
    if (err != ERR_NONE || array->type != LOGIC_ARRAY) {
        *array = logic_array(NULL, 0);
        return err;
    }
    err = logic_items(&eval->work, array);
    return err != ERR_NONE ? err : logic_work_step(&eval->work, array->count);
}

/* The second argument applied to one item; undefined where there is no second argument. */
static enum err loop_body(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *item,
                          struct logic_value *result) {
    *result = logic_undefined();
    return rule->count > 1 ? logic_eval_rule(eval, rule->args[1], item, result) : ERR_NONE;
}

static enum err map_or_filter(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                              bool is_filter, struct logic_value *result) {
    struct logic_value array;
    void *block;
    enum err err = loop_items(eval, rule, data, &array);
    if (err == ERR_NONE)
        err = logic_work_alloc(&eval->work, array.count * sizeof(struct logic_value), &block);
    if (err != ERR_NONE)
        return err;
    struct logic_value *kept = block, value;
    uint32_t count = 0;
    for (uint32_t i = 0; i < array.count; i++) {
        err = loop_body(eval, rule, &array.items[i], &value);
        if (err != ERR_NONE)
            return err;
        if (!is_filter)
            kept[count++] = value;
        else if (logic_truthy(&value))
            kept[count++] = array.items[i];
    }
    *result = logic_array(kept, count);
    return ERR_NONE;
}

static enum err op_map(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                       struct logic_value *result) {
    return map_or_filter(eval, rule, data, false, result);
}

static enum err op_filter(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                          struct logic_value *result) {
    return map_or_filter(eval, rule, data, true, result);
}

/* Objects that hold an accumulator may be the accumulator of the next round: each has its own place. */
static enum err reduce_scope(struct logic_eval *eval, const struct logic_value *current,
                             const struct logic_value *accumulator, struct logic_value *scope) {
    struct {
        struct logic_object object;
        struct logic_field fields[2];
    } * place;
    void *block;
    enum err err = logic_work_alloc(&eval->work, sizeof *place, &block);
    if (err != ERR_NONE)
        return err;
    place = block;
    place->fields[0] = (struct logic_field){STR("current"), *current};
    place->fields[1] = (struct logic_field){STR("accumulator"), *accumulator};
    place->object = (struct logic_object){.fields = place->fields, .field_count = 2};
    *scope = logic_object(&place->object);
    return ERR_NONE;
}

/* reduce(array, rule over {current, accumulator}, initial) */
static enum err op_reduce(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                          struct logic_value *result) {
    struct logic_value array, accumulator = logic_null(), scope;
    enum err err = loop_items(eval, rule, data, &array);
    if (err == ERR_NONE && rule->count > 2)
        err = logic_eval_rule(eval, rule->args[2], data, &accumulator);
    for (uint32_t i = 0; i < array.count && err == ERR_NONE; i++) {
        err = reduce_scope(eval, &array.items[i], &accumulator, &scope);
        if (err == ERR_NONE)
            err = loop_body(eval, rule, &scope, &accumulator);
    }
    if (err == ERR_NONE)
        *result = accumulator;
    return err;
}

/* Does the body hold for an item, or with `wanted` false: does it fail for one? */
static enum err any_item(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                         bool wanted, uint32_t *count, bool *found) {
    struct logic_value array, value;
    enum err err = loop_items(eval, rule, data, &array);
    *count = array.count;
    *found = false;
    for (uint32_t i = 0; i < array.count && err == ERR_NONE && !*found; i++) {
        err = loop_body(eval, rule, &array.items[i], &value);
        *found = err == ERR_NONE && logic_truthy(&value) == wanted;
    }
    return err;
}

/* All of nothing is false here: "all" of an empty set tells of no item that holds. */
static enum err op_all(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                       struct logic_value *result) {
    uint32_t count;
    bool found;
    enum err err = any_item(eval, rule, data, false, &count, &found);
    if (err == ERR_NONE)
        *result = logic_bool(count > 0 && !found);
    return err;
}

static enum err op_none(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                        struct logic_value *result) {
    uint32_t count;
    bool found;
    enum err err = any_item(eval, rule, data, true, &count, &found);
    if (err == ERR_NONE)
        *result = logic_bool(!found);
    return err;
}

static enum err op_some(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                        struct logic_value *result) {
    uint32_t count;
    bool found;
    enum err err = any_item(eval, rule, data, true, &count, &found);
    if (err == ERR_NONE)
        *result = logic_bool(found);
    return err;
}

logic_lazy *logic_lazy_find(struct str name) {
    static const struct {
        struct str name;
        logic_lazy *op;
    } ops[] = {
        {STR("if"), op_if},     {STR("?:"), op_if},         {STR("and"), op_and}, {STR("or"), op_or},
        {STR("map"), op_map},   {STR("filter"), op_filter}, {STR("all"), op_all}, {STR("none"), op_none},
        {STR("some"), op_some}, {STR("reduce"), op_reduce},
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_eq(ops[i].name, name))
            return ops[i].op;
    return NULL;
}
