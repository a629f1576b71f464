/* A rule is compiled into a tree whose nodes carry the function to call, so that applying it neither compares names
 * nor reads numbers:
 *
 *     {"if": [{"in": [{"var": "companyId"}, ["a", "b"]]}, "on", null]}
 *
 *     lazy if ── eager in ── path companyId
 *             │           └─ literal ["a", "b"]
 *             ├─ literal "on"
 *             └─ literal null
 *
 * What is a rule and what is data follows the reference: an object with exactly one member is a rule, every other
 * object is itself. Rules behind {"$ref": name} are compiled once and shared, so the tree is a graph without cycles. */
#include "proxy/decide/jsonlogic.h"

#include "proxy/decide/logic_coerce.h"
#include "proxy/decide/logic_rule.h"

#include <stdio.h>

static enum err fault_set(struct logic_fault *fault, enum err err, const struct json *at, const char *what,
                          struct str name) {
    fault->at = at;
    snprintf(fault->what, sizeof fault->what, "%s \"%.*s\"", what, (int)(name.len < 80 ? name.len : 80), name.at);
    return err;
}

static struct logic_work compile_work(struct arena *arena) {
    return (struct logic_work){arena, UINT32_MAX, LOGIC_DEPTH_MAX, SIZE_MAX};
}

static struct logic_rule *rule_new(struct arena *arena, enum logic_kind kind) {
    struct logic_rule *rule = ARENA_NEW(arena, struct logic_rule);
    rule->kind = kind;
    return rule;
}

static enum err compile_literal(struct arena *arena, const struct json *json, const struct logic_rule **rule) {
    struct logic_work work = compile_work(arena);
    struct logic_rule *literal = rule_new(arena, LOGIC_LITERAL);
    enum err err = logic_from_json(&work, json, &literal->value);
    *rule = literal;
    return err;
}

/* Items of an array, or the one thing that stands in its place: {"!": x} is {"!": [x]}. */
static enum err compile_args(const struct logic_compiler *compiler, const struct json *json, uint32_t depth,
                             struct logic_rule *rule, struct logic_fault *fault) {
    bool is_array = json->type == JSON_ARRAY;
    const struct json *item = is_array ? json->first : json;
    enum err err = ERR_NONE;
    rule->count = is_array ? json->count : 1;
    rule->args = ARENA_ARRAY(compiler->arena, rule->count, const struct logic_rule *);
    for (uint32_t i = 0; i < rule->count && err == ERR_NONE; i++, item = item->next)
        err = logic_compile(compiler, item, depth + 1, &rule->args[i], fault);
    return err;
}

static bool all_literal(const struct logic_rule *rule) {
    for (uint32_t i = 0; i < rule->count; i++)
        if (rule->args[i]->kind != LOGIC_LITERAL)
            return false;
    return true;
}

static enum err compile_list(const struct logic_compiler *compiler, const struct json *json, uint32_t depth,
                             const struct logic_rule **rule, struct logic_fault *fault) {
    struct logic_rule *list = rule_new(compiler->arena, LOGIC_LIST);
    enum err err = compile_args(compiler, json, depth, list, fault);
    if (err != ERR_NONE)
        return err;
    if (all_literal(list)) {
        struct logic_value *items = ARENA_ARRAY(compiler->arena, list->count + 1, struct logic_value);
        for (uint32_t i = 0; i < list->count; i++)
            items[i] = list->args[i]->value;
        list->kind = LOGIC_LITERAL;
        list->value = logic_array(items, list->count);
    }
    *rule = list;
    return ERR_NONE;
}

/* Is it a text, or none at all, and not something that has to be computed or made a text first? */
static bool is_plain_name(const struct logic_rule *rule) {
    return rule->kind == LOGIC_LITERAL && (rule->value.type == LOGIC_STRING || logic_is_whole(&rule->value));
}

/* {"var": "a.b"} becomes a path. */
static void compile_path(struct arena *arena, struct logic_rule *rule) {
    struct logic_value name = rule->count > 0 ? rule->args[0]->value : logic_undefined();
    rule->fallback = rule->count > 1 ? rule->args[1] : NULL;
    rule->kind = LOGIC_PATH;
    rule->count = 0;
    if (logic_is_whole(&name))
        return;
    struct str text = name.string, step;
    uint32_t steps = 1;
    for (size_t i = 0; i < text.len; i++)
        steps += text.at[i] == '.';
    struct str *path = ARENA_ARRAY(arena, steps, struct str);
    while (str_next(&text, '.', &step))
        path[rule->count++] = step;
    rule->path = path;
}

static enum err compile_reference(const struct logic_compiler *compiler, const struct json *json, uint32_t depth,
                                  const struct logic_rule **rule, struct logic_fault *fault) {
    const struct json *name = json->first;
    if (name->type != JSON_STRING)
        return fault_set(fault, ERR_INVALID, name, "a name must follow", STR("$ref"));
    enum err err = compiler->resolve(compiler->arg, name->text, depth, rule, fault);
    if (err == ERR_NOT_FOUND)
        return fault_set(fault, ERR_INVALID, name, "there is no evaluator", name->text);
    return err;
}

static logic_eager *eager_find(struct str name) {
    logic_eager *op = logic_arithmetic_find(name);
    if (op == NULL)
        op = logic_data_find(name);
    return op != NULL ? op : logic_custom_find(name);
}

bool logic_is_operator(struct str name) {
    return logic_lazy_find(name) != NULL || eager_find(name) != NULL;
}

static enum err compile_operator(const struct logic_compiler *compiler, const struct json *json, uint32_t depth,
                                 const struct logic_rule **rule, struct logic_fault *fault) {
    const struct json *body = json->first;
    struct logic_rule *call = rule_new(compiler->arena, LOGIC_EAGER);
    call->lazy = logic_lazy_find(body->key);
    call->eager = eager_find(body->key);
    if (call->lazy == NULL && call->eager == NULL)
        return fault_set(fault, ERR_INVALID, json, "unknown operator", body->key);
    call->kind = call->lazy != NULL ? LOGIC_LAZY : LOGIC_EAGER;
    enum err err = compile_args(compiler, body, depth, call, fault);
    if (err != ERR_NONE)
        return err;
    *rule = call;
    if (str_eq(body->key, STR("var")) && (call->count == 0 || is_plain_name(call->args[0])))
        compile_path(compiler->arena, call);
    return ERR_NONE;
}

enum err logic_compile(const struct logic_compiler *compiler, const struct json *json, uint32_t depth,
                       const struct logic_rule **rule, struct logic_fault *fault) {
    if (depth >= LOGIC_DEPTH_MAX)
        return fault_set(fault, ERR_LIMIT, json, "nested too deep", STR(""));
    if (json->type == JSON_ARRAY)
        return compile_list(compiler, json, depth, rule, fault);
    if (json->type != JSON_OBJECT || json->count != 1)
        return compile_literal(compiler->arena, json, rule);
    if (compiler->resolve != NULL && str_eq(json->first->key, STR("$ref")))
        return compile_reference(compiler, json, depth, rule, fault);
    return compile_operator(compiler, json, depth, rule, fault);
}

enum err logic_follow(struct logic_work *work, const struct logic_value *data, const struct str *steps,
                      uint32_t step_count, struct logic_value *value) {
    struct logic_value at = *data;
    for (uint32_t i = 0; i < step_count; i++) {
        struct logic_value from = at;
        enum err err = logic_property(work, &from, steps[i], &at);
        if (err != ERR_NONE)
            return err;
    }
    *value = at;
    return ERR_NONE;
}

static enum err eval_path(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                          struct logic_value *result) {
    struct logic_value found;
    enum err err = logic_follow(&eval->work, data, rule->path, rule->count, &found);
    if (err != ERR_NONE)
        return err;
    if (found.type == LOGIC_UNDEFINED && rule->count > 0) {
        if (rule->fallback != NULL)
            err = logic_eval_rule(eval, rule->fallback, data, &found);
        if (found.type == LOGIC_UNDEFINED)
            found = logic_null();
    }
    *result = found;
    return err;
}

static enum err eval_args(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                          struct logic_value *args) {
    enum err err = ERR_NONE;
    for (uint32_t i = 0; i < rule->count && err == ERR_NONE; i++)
        err = logic_eval_rule(eval, rule->args[i], data, &args[i]);
    return err;
}

static enum err args_alloc(struct logic_eval *eval, uint32_t count, struct logic_value **args) {
    void *block;
    enum err err = logic_work_alloc(&eval->work, count * sizeof(struct logic_value), &block);
    if (err == ERR_NONE)
        *args = block;
    return err;
}

static enum err eval_list(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                          struct logic_value *result) {
    struct logic_value *items;
    enum err err = args_alloc(eval, rule->count, &items);
    if (err == ERR_NONE)
        err = eval_args(eval, rule, data, items);
    if (err == ERR_NONE)
        *result = logic_array(items, rule->count);
    return err;
}

static enum err eval_eager(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                           struct logic_value *result) {
    struct logic_value few[3], *args = few;
    enum err err = rule->count > ARRAY_LEN(few) ? args_alloc(eval, rule->count, &args) : ERR_NONE;
    if (err == ERR_NONE)
        err = eval_args(eval, rule, data, args);
    if (err != ERR_NONE)
        return err;
    struct logic_call call = {&eval->work, eval->context, data, args, rule->count};
    return rule->eager(&call, result);
}

enum err logic_eval_rule(struct logic_eval *eval, const struct logic_rule *rule, const struct logic_value *data,
                         struct logic_value *result) {
    if (rule->kind == LOGIC_LITERAL) {
        *result = rule->value;
        return ERR_NONE;
    }
    enum err err = logic_work_step(&eval->work, 1 + rule->count);
    if (err != ERR_NONE || eval->work.depth_left == 0)
        return ERR_LIMIT;
    eval->work.depth_left--;
    if (rule->kind == LOGIC_PATH)
        err = eval_path(eval, rule, data, result);
    else if (rule->kind == LOGIC_EAGER)
        err = eval_eager(eval, rule, data, result);
    else if (rule->kind == LOGIC_LAZY)
        err = rule->lazy(eval, rule, data, result);
    else
        err = eval_list(eval, rule, data, result);
    eval->work.depth_left++;
    return err;
}

enum err logic_apply(const struct logic_rule *rule, const struct logic_context *context, struct arena *arena,
                     struct logic_value *result) {
    struct logic_work work = {arena, LOGIC_STEPS_MAX, LOGIC_DEPTH_MAX, LOGIC_BYTES_MAX};
    return logic_apply_within(rule, context, &work, result);
}

enum err logic_apply_within(const struct logic_rule *rule, const struct logic_context *context, struct logic_work *work,
                            struct logic_value *result) {
    struct logic_eval eval = {.work = *work, .context = context};
    struct logic_value value; /* operators may begin to write before they fail */
    enum err err = logic_eval_rule(&eval, rule, &context->data, &value);
    *work = eval.work;
    if (err == ERR_NONE)
        *result = value;
    return err;
}
