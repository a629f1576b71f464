#include "proxy/decide/logic_vectors.h"

#include "proxy/decide/jsonlogic.h"
#include "proxy/decide/logic_coerce.h"

#include <math.h>

enum { CASE_DEPTH_MAX = 1000, CASE_VALUES_MAX = 2000000 };

static bool is_json_null(const struct logic_value *value) {
    return value->type == LOGIC_NULL || value->type == LOGIC_UNDEFINED ||
           (value->type == LOGIC_NUMBER && !isfinite(value->number));
}

static enum err matches(struct logic_work *work, struct logic_value value, const struct json *expected, bool *same);

static enum err items_match(struct logic_work *work, struct logic_value value, const struct json *expected,
                            bool *same) {
    enum err err = logic_items(work, &value);
    *same = value.count == expected->count;
    const struct json *item = expected->first;
    for (uint32_t i = 0; err == ERR_NONE && *same && i < value.count; i++, item = item->next)
        err = matches(work, value.items[i], item, same);
    return err;
}

static enum err members_match(struct logic_work *work, struct logic_value value, const struct json *expected,
                              bool *same) {
    enum err err = ERR_NONE;
    *same = true;
    for (const struct json *m = expected->first; m != NULL && err == ERR_NONE && *same; m = m->next) {
        struct logic_value found;
        err = logic_property(work, &value, m->key, &found);
        if (err == ERR_NONE)
            err = matches(work, found, m, same);
        *same = *same && found.type != LOGIC_UNDEFINED;
    }
    return err;
}

static enum err matches(struct logic_work *work, struct logic_value value, const struct json *expected, bool *same) {
    struct logic_value wanted;
    enum err err = logic_from_json(work, expected, &wanted);
    if (err != ERR_NONE)
        return err;
    if (is_json_null(&value))
        value = logic_null();
    *same = false;
    if (value.type != wanted.type)
        return ERR_NONE;
    if (value.type == LOGIC_ARRAY)
        return items_match(work, value, expected, same);
    if (value.type == LOGIC_OBJECT)
        return members_match(work, value, expected, same);
    *same = logic_strictly_equal(&value, &wanted);
    return ERR_NONE;
}

enum err logic_case_run(const struct json *rule, const struct json *data, const struct json *expected, bool *holds,
                        struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct logic_work work = {arena, LOGIC_STEPS_MAX, CASE_DEPTH_MAX, LOGIC_BYTES_MAX};
    const struct logic_compiler compiler = {.arena = arena};
    struct logic_context context = {.targeting_key = json_string(json_get(data, STR("targetingKey")))};
    const struct logic_rule *compiled;
    struct logic_fault fault;
    struct logic_value result;
    bool same;
    enum err err = logic_compile(&compiler, rule, 0, &compiled, &fault);
    if (err != ERR_NONE) {
        err = err_set(detail, err, "%s", fault.what);
        goto out;
    }
    err = logic_from_json(&work, data, &context.data);
    if (err == ERR_NONE)
        err = logic_apply(compiled, &context, arena, &result);
    if (err != ERR_NONE) {
        err = err_set(detail, err, "the rule cannot be applied: %s", err_name(err));
        goto out;
    }
    err = matches(&work, result, expected, &same);
    if (err == ERR_NONE)
        *holds = same;
    else
        err = err_set(detail, err, "the result cannot be compared: %s", err_name(err));
out:
    arena_free(arena);
    return err;
}

static void run_case(struct str text, const struct json *item, struct logic_vectors_result *result,
                     struct strbuf *report) {
    struct err_detail detail = {.text = "another result"};
    const struct json *rule = item->first, *data = rule->next;
    bool holds = false;
    if (logic_case_run(rule, data, data->next, &holds, &detail) == ERR_NONE && holds) {
        result->passed++;
        return;
    }
    result->failed++;
    strbuf_printf(report, "failed: " STR_FMT ": %s\n", (int)(item->end - item->start), text.at + item->start,
                  detail.text);
}

enum err logic_vectors_run(struct str text, struct logic_vectors_result *result, struct strbuf *report,
                           struct err_detail *detail) {
    static const struct json_limits limits = {.depth = CASE_DEPTH_MAX, .values = CASE_VALUES_MAX};
    struct logic_vectors_result counted = {0};
    struct arena *arena = arena_new(0);
    struct json_error error;
    struct json *root;
    enum err err = json_parse(arena, text, &limits, &root, &error);
    if (err != ERR_NONE)
        err = err_set(detail, err, "%u:%u: %s", error.line, error.column, error.what);
    else if (root->type != JSON_ARRAY)
        err = err_set(detail, ERR_INVALID, "1:1: a list of [rule, data, result] is wanted");
    for (const struct json *item = err == ERR_NONE ? root->first : NULL; item != NULL; item = item->next) {
        if (item->type == JSON_STRING)
            continue;
        if (item->type != JSON_ARRAY || item->count != 3) {
            uint32_t line, column;
            json_place(text, item->start, &line, &column);
            err = err_set(detail, ERR_INVALID, "%u:%u: [rule, data, result] is wanted", line, column);
            break;
        }
        run_case(text, item, &counted, report);
    }
    if (err == ERR_NONE)
        *result = counted;
    arena_free(arena);
    return err;
}
