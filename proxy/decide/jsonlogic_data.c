/* jsonlogic.com's operators that read the data, and those that work on texts and arrays. */
#include "proxy/decide/logic_coerce.h"
#include "proxy/decide/logic_rule.h"
#include "proxy/decide/logic_text.h"

#include <math.h>

static enum err merge_add(const struct logic_call *call, struct logic_value *items, uint32_t *count,
                          struct logic_value arg) {
    if (arg.type != LOGIC_ARRAY) {
        items[(*count)++] = arg;
        return ERR_NONE;
    }
    enum err err = logic_items(call->work, &arg);
    for (uint32_t i = 0; i < arg.count && err == ERR_NONE; i++)
        items[(*count)++] = arg.items[i];
    return err;
}

static enum err op_merge(const struct logic_call *call, struct logic_value *result) {
    uint64_t total = 0;
    uint32_t count = 0;
    void *block;
    for (uint32_t i = 0; i < call->count; i++)
        total += call->args[i].type == LOGIC_ARRAY ? call->args[i].count : 1;
    enum err err = logic_work_step(call->work, total);
    if (err == ERR_NONE)
        err = logic_work_alloc(call->work, (size_t)total * sizeof(struct logic_value), &block);
    if (err != ERR_NONE)
        return err;
    for (uint32_t i = 0; i < call->count && err == ERR_NONE; i++)
        err = merge_add(call, block, &count, call->args[i]);
    if (err == ERR_NONE)
        *result = logic_array(block, count);
    return err;
}

/* Both in lower case: where one of them is an id, case is of no account. */
static enum err fold_both(struct logic_work *work, struct str *a, struct str *b) {
    void *block;
    enum err err = logic_work_alloc(work, a->len + b->len, &block);
    if (err != ERR_NONE)
        return err;
    char *folded = block;
    str_lower_into(folded, *a);
    str_lower_into(folded + a->len, *b);
    *b = str_slice(folded + a->len, b->len);
    *a = str_slice(folded, a->len);
    return ERR_NONE;
}

/* Is the first argument an item of the second, or a part of its text? */
static enum err op_in(const struct logic_call *call, struct logic_value *result) {
    struct logic_value what = logic_arg(call, 0), where = logic_arg(call, 1);
    struct str text;
    bool found = false;
    enum err err = ERR_NONE;
    if (where.type == LOGIC_ARRAY) {
        err = logic_items(call->work, &where);
        if (err == ERR_NONE)
            err = logic_work_step(call->work, where.count);
        for (uint32_t i = 0; i < where.count && err == ERR_NONE && !found; i++)
            found = logic_strictly_equal(&what, &where.items[i]);
    } else if (where.type == LOGIC_STRING && where.string.len > 0) {
        err = logic_to_string(call->work, what, &text);
        if (err == ERR_NONE && (what.is_id || where.is_id))
            err = fold_both(call->work, &text, &where.string);
        found = err == ERR_NONE && str_find(where.string, text) >= 0;
    }
    if (err == ERR_NONE)
        *result = logic_bool(found);
    return err;
}

/* The arguments joined by nothing, null and undefined being empty. */
static enum err op_cat(const struct logic_call *call, struct logic_value *result) {
    struct str *pieces;
    size_t len = 0;
    void *block;
    enum err err = logic_work_alloc(call->work, call->count * sizeof *pieces, &block);
    if (err != ERR_NONE)
        return err;
    pieces = block;
    for (uint32_t i = 0; i < call->count; i++) {
        bool is_empty = call->args[i].type == LOGIC_NULL || call->args[i].type == LOGIC_UNDEFINED;
        pieces[i] = STR("");
        err = is_empty ? ERR_NONE : logic_to_string(call->work, call->args[i], &pieces[i]);
        if (err != ERR_NONE)
            return err;
        len += pieces[i].len;
    }
    err = logic_work_alloc(call->work, len, &block);
    if (err != ERR_NONE)
        return err;
    char *at = block;
    for (uint32_t i = 0; i < call->count; i++) {
        if (pieces[i].len > 0)
            memcpy(at, pieces[i].at, pieces[i].len);
        at += pieces[i].len;
    }
    *result = logic_string(str_slice(block, len));
    return ERR_NONE;
}

/* ToIntegerOrInfinity (ECMA-262, 7.1.5) */
static double to_integer(double number) {
    return isnan(number) ? 0 : trunc(number);
}

/* U+FFFD for the half of a surrogate pair that a cut leaves over: it has no UTF-8. */
static enum err patch_halves(const struct logic_call *call, struct str *text, bool cut_start, bool cut_end) {
    static const struct str half = {"\xEF\xBF\xBD", 3};
    void *block;
    enum err err = logic_work_alloc(call->work, text->len + 2 * half.len, &block);
    if (err != ERR_NONE)
        return err;
    char *at = block;
    if (cut_start) {
        memcpy(at, half.at, half.len);
        at += half.len;
    }
    if (text->len > 0)
        memcpy(at, text->at, text->len);
    at += text->len;
    if (cut_end) {
        memcpy(at, half.at, half.len);
        at += half.len;
    }
    *text = str_slice(block, (size_t)(at - (char *)block));
    return ERR_NONE;
}

/* String.prototype.substr (ECMA-262, B.2.2.1), in UTF-16 units. A negative length leaves that many off the end, for
 * which the reference adds it to the length; with "-2" this joins two texts, to no number and so to nothing. */
static enum err op_substr(const struct logic_call *call, struct logic_value *result) {
    struct str text;
    double start, wanted;
    bool cut_start, cut_end;
    enum err err = logic_to_string(call->work, logic_arg(call, 0), &text);
    if (err == ERR_NONE)
        err = logic_to_number(call->work, logic_arg(call, 1), &start);
    if (err == ERR_NONE)
        err = logic_to_number(call->work, logic_arg(call, 2), &wanted);
    if (err != ERR_NONE)
        return err;
    double len = (double)logic_utf16_len(text);
    start = to_integer(start);
    start = start < 0 ? fmax(len + start, 0) : fmin(start, len);
    double count = len - start;
    if (wanted < 0)
        count = logic_arg(call, 2).type == LOGIC_NUMBER ? fmax(to_integer(count + wanted), 0) : 0;
    else if (logic_arg(call, 2).type != LOGIC_UNDEFINED)
        count = fmin(count, to_integer(wanted));
    text = logic_utf16_slice(text, (size_t)start, (size_t)count, &cut_start, &cut_end);
    if (cut_start || cut_end)
        err = patch_halves(call, &text, cut_start, cut_end);
    if (err == ERR_NONE)
        *result = logic_string(text);
    return err;
}

/* Without a console to write to, log only hands its argument on. */
static enum err op_log(const struct logic_call *call, struct logic_value *result) {
    *result = logic_arg(call, 0);
    return ERR_NONE;
}

/* The value at `name` ("a.b", or a number); undefined where a step is missing. An empty name is the data itself. */
static enum err look_up(const struct logic_call *call, struct logic_value name, struct logic_value *value) {
    struct str path, step;
    *value = *call->data;
    if (logic_is_whole(&name))
        return ERR_NONE;
    enum err err = logic_to_string(call->work, name, &path);
    while (err == ERR_NONE && str_next(&path, '.', &step)) {
        struct logic_value from = *value;
        err = logic_follow(call->work, &from, &step, 1, value);
        if (err == ERR_NONE)
            err = logic_work_step(call->work, 1);
    }
    return err;
}

static enum err op_var(const struct logic_call *call, struct logic_value *result) {
    struct logic_value name = logic_arg(call, 0), otherwise = logic_arg(call, 1), value;
    enum err err = look_up(call, name, &value);
    if (err != ERR_NONE)
        return err;
    if (value.type == LOGIC_UNDEFINED && !logic_is_whole(&name))
        value = otherwise.type != LOGIC_UNDEFINED ? otherwise : logic_null();
    *result = value;
    return ERR_NONE;
}

/* What `var` gives for a name, or for a list of a name and a default. */
static enum err look_up_or_default(const struct logic_call *call, struct logic_value name, struct logic_value *value) {
    if (name.type != LOGIC_ARRAY)
        return look_up(call, name, value);
    enum err err = logic_items(call->work, &name);
    if (err == ERR_NONE)
        err = look_up(call, name.count > 0 ? name.items[0] : logic_undefined(), value);
    if (err == ERR_NONE && value->type == LOGIC_UNDEFINED && name.count > 1)
        *value = name.items[1];
    return err;
}

/* Those of the names that lead to nothing, null or "". */
static enum err missing(const struct logic_call *call, const struct logic_value *names, uint32_t count,
                        struct logic_value *result) {
    void *block;
    enum err err = logic_work_alloc(call->work, count * sizeof(struct logic_value), &block);
    if (err == ERR_NONE)
        err = logic_work_step(call->work, count);
    if (err != ERR_NONE)
        return err;
    struct logic_value *absent = block, value;
    uint32_t absent_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        err = look_up_or_default(call, names[i], &value);
        if (err != ERR_NONE)
            return err;
        if (value.type == LOGIC_UNDEFINED || value.type == LOGIC_NULL ||
            (value.type == LOGIC_STRING && value.string.len == 0))
            absent[absent_count++] = names[i];
    }
    *result = logic_array(absent, absent_count);
    return ERR_NONE;
}

/* The names are the arguments, or the items of the first where that is an array. */
static enum err op_missing(const struct logic_call *call, struct logic_value *result) {
    struct logic_value first = logic_arg(call, 0);
    if (first.type != LOGIC_ARRAY)
        return missing(call, call->args, call->count, result);
    enum err err = logic_items(call->work, &first);
    return err != ERR_NONE ? err : missing(call, first.items, first.count, result);
}

static enum err op_missing_some(const struct logic_call *call, struct logic_value *result) {
    struct logic_value names = logic_arg(call, 1), absent;
    double needed;
    if (names.type == LOGIC_UNDEFINED || names.type == LOGIC_NULL)
        return ERR_INVALID; /* has no length */
    enum err err = logic_to_number(call->work, logic_arg(call, 0), &needed);
    if (err == ERR_NONE && names.type == LOGIC_ARRAY)
        err = logic_items(call->work, &names);
    struct logic_call inner = *call; /* the reference calls missing with the names as its arguments */
    inner.args = names.type == LOGIC_ARRAY ? names.items : &names;
    inner.count = names.type == LOGIC_ARRAY ? names.count : 1;
    if (err == ERR_NONE)
        err = op_missing(&inner, &absent);
    if (err != ERR_NONE)
        return err;
    double len = NAN;
    if (names.type == LOGIC_ARRAY)
        len = names.count;
    else if (names.type == LOGIC_STRING)
        len = (double)logic_utf16_len(names.string);
    if (len - absent.count >= needed)
        absent.count = 0;
    *result = absent;
    return ERR_NONE;
}

logic_eager *logic_data_find(struct str name) {
    static const struct {
        struct str name;
        logic_eager *op;
    } ops[] = {
        {STR("var"), op_var},       {STR("missing"), op_missing}, {STR("missing_some"), op_missing_some},
        {STR("merge"), op_merge},   {STR("in"), op_in},           {STR("cat"), op_cat},
        {STR("substr"), op_substr}, {STR("log"), op_log},
    };
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (str_eq(ops[i].name, name))
            return ops[i].op;
    return NULL;
}
