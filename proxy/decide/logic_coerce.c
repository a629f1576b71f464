/* JavaScript's conversions, by the letter of the standard: what rules that work elsewhere lean on without saying so. */
#include "proxy/decide/logic_coerce.h"

#include "proxy/decide/logic_text.h"

#include <math.h>

/* Number() of a string (ECMA-262, 7.1.4.1.1 StringToNumber). */
static enum err string_to_number(struct logic_work *work, struct str text, double *number) {
    text = logic_trim(text);
    *number = text.len == 0 ? 0 : NAN;
    if (text.len == 0 || logic_radix_number(text, number))
        return ERR_NONE;
    if (logic_decimal_prefix(text) != text.len)
        return ERR_NONE;
    return logic_read_decimal(work, text, number);
}

enum err logic_to_number(struct logic_work *work, struct logic_value value, double *number) {
    struct str text = STR_NONE; /* gcc does not see that every way out without an error sets it */
    enum err err;
    switch (value.type) {
    case LOGIC_UNDEFINED:
        *number = NAN;
        return ERR_NONE;
    case LOGIC_NULL:
        *number = 0;
        return ERR_NONE;
    case LOGIC_BOOL:
        *number = value.boolean ? 1 : 0;
        return ERR_NONE;
    case LOGIC_NUMBER:
        *number = value.number;
        return ERR_NONE;
    case LOGIC_STRING:
    case LOGIC_ARRAY:
    case LOGIC_OBJECT:
        break;
    }
    err = logic_to_string(work, value, &text);
    return err != ERR_NONE ? err : string_to_number(work, text, number);
}

enum err logic_parse_float(struct logic_work *work, struct logic_value value, double *number) {
    struct str text;
    if (value.type == LOGIC_NUMBER) { /* the detour over text would give the number back, and 0 for -0 */
        *number = value.number == 0 ? 0 : value.number;
        return ERR_NONE;
    }
    enum err err = logic_to_string(work, value, &text);
    if (err != ERR_NONE)
        return err;
    text = logic_trim(text);
    size_t len = logic_decimal_prefix(text);
    *number = NAN;
    return len == 0 ? ERR_NONE : logic_read_decimal(work, str_slice(text.at, len), number);
}

/* Text that grows in the arena of the evaluation. */
struct growing {
    char *at;
    size_t len, capacity;
};

static enum err grow(struct logic_work *work, struct growing *text, struct str more) {
    if (more.len > text->capacity - text->len) {
        size_t capacity = (text->capacity + more.len) * 2;
        void *block;
        enum err err = logic_work_alloc(work, capacity, &block);
        if (err != ERR_NONE)
            return err;
        if (text->len > 0)
            memcpy(block, text->at, text->len);
        text->at = block;
        text->capacity = capacity;
    }
    if (more.len > 0)
        memcpy(text->at + text->len, more.at, more.len);
    text->len += more.len;
    return ERR_NONE;
}

/* Array.prototype.join(","): null and undefined are empty, the rest as String(). */
static enum err join(struct logic_work *work, struct logic_value array, struct str *joined) {
    struct growing text = {0};
    if (work->depth_left == 0)
        return ERR_LIMIT;
    work->depth_left--;
    enum err err = logic_items(work, &array);
    if (err == ERR_NONE)
        err = logic_work_step(work, array.count);
    for (uint32_t i = 0; i < array.count && err == ERR_NONE; i++) {
        struct str piece = STR("");
        if (array.items[i].type != LOGIC_NULL && array.items[i].type != LOGIC_UNDEFINED)
            err = logic_to_string(work, array.items[i], &piece);
        if (err == ERR_NONE && i > 0)
            err = grow(work, &text, STR(","));
        if (err == ERR_NONE)
            err = grow(work, &text, piece);
    }
    work->depth_left++;
    if (err == ERR_NONE)
        *joined = str_slice(text.at == NULL ? "" : text.at, text.len);
    return err;
}

static enum err number_to_string(struct logic_work *work, double number, struct str *text) {
    char digits[LOGIC_NUMBER_TEXT_MAX];
    struct str written = logic_number_text(number, digits);
    void *block;
    enum err err = logic_work_alloc(work, written.len, &block);
    if (err != ERR_NONE)
        return err;
    memcpy(block, written.at, written.len);
    *text = str_slice(block, written.len);
    return ERR_NONE;
}

enum err logic_to_string(struct logic_work *work, struct logic_value value, struct str *text) {
    switch (value.type) {
    case LOGIC_UNDEFINED:
        *text = STR("undefined");
        break;
    case LOGIC_NULL:
        *text = STR("null");
        break;
    case LOGIC_BOOL:
        *text = value.boolean ? STR("true") : STR("false");
        break;
    case LOGIC_NUMBER:
        return number_to_string(work, value.number, text);
    case LOGIC_STRING:
        *text = value.string;
        break;
    case LOGIC_ARRAY:
        return join(work, value, text);
    case LOGIC_OBJECT:
        *text = STR("[object Object]");
        break;
    }
    return ERR_NONE;
}

/* Arrays and objects are equal to themselves only: those that were parsed by their JSON, those that were made by their
 * place, which is one of its own even where an array is empty. */
static bool same_identity(const struct logic_value *a, const struct logic_value *b) {
    if (a->json != NULL || b->json != NULL)
        return a->json == b->json;
    return a->type == LOGIC_ARRAY ? a->items == b->items : a->object == b->object;
}

bool logic_strictly_equal(const struct logic_value *a, const struct logic_value *b) {
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case LOGIC_UNDEFINED:
    case LOGIC_NULL:
        return true;
    case LOGIC_BOOL:
        return a->boolean == b->boolean;
    case LOGIC_NUMBER:
        return a->number == b->number;
    case LOGIC_STRING:
        return logic_same_text(a, b);
    case LOGIC_ARRAY:
    case LOGIC_OBJECT:
        break;
    }
    return same_identity(a, b);
}

static bool is_nullish(const struct logic_value *value) {
    return value->type == LOGIC_NULL || value->type == LOGIC_UNDEFINED;
}

static bool is_compound(const struct logic_value *value) {
    return value->type == LOGIC_ARRAY || value->type == LOGIC_OBJECT;
}

/* ToPrimitive (ECMA-262, 7.1.1): arrays and objects become their text. */
static enum err to_primitive(struct logic_work *work, struct logic_value *value) {
    struct str text;
    if (!is_compound(value))
        return ERR_NONE;
    enum err err = logic_to_string(work, *value, &text);
    if (err == ERR_NONE)
        *value = logic_string(text);
    return err;
}

/* IsLooselyEqual (ECMA-262, 7.2.15). */
enum err logic_loosely_equal(struct logic_work *work, struct logic_value a, struct logic_value b, bool *equal) {
    if (a.type == b.type || is_nullish(&a) || is_nullish(&b)) {
        *equal = is_nullish(&a) || is_nullish(&b) ? is_nullish(&a) && is_nullish(&b) : logic_strictly_equal(&a, &b);
        return ERR_NONE;
    }
    if (is_compound(&a) && is_compound(&b)) {
        *equal = false; /* an array and an object */
        return ERR_NONE;
    }
    enum err err = to_primitive(work, &a);
    if (err == ERR_NONE)
        err = to_primitive(work, &b);
    if (err != ERR_NONE)
        return err;
    if (a.type == LOGIC_STRING && b.type == LOGIC_STRING) {
        *equal = logic_same_text(&a, &b);
        return ERR_NONE;
    }
    double x, y;
    err = logic_to_number(work, a, &x);
    if (err == ERR_NONE)
        err = logic_to_number(work, b, &y);
    if (err == ERR_NONE)
        *equal = x == y;
    return err;
}

/* IsLessThan (ECMA-262, 7.2.13); `<=` of JavaScript is "not greater, and neither is NaN". */
enum err logic_less(struct logic_work *work, struct logic_value a, struct logic_value b, bool or_equal, bool *less) {
    enum err err = to_primitive(work, &a);
    if (err == ERR_NONE)
        err = to_primitive(work, &b);
    if (err != ERR_NONE)
        return err;
    if (a.type == LOGIC_STRING && b.type == LOGIC_STRING) {
        int order = logic_utf16_compare(a.string, b.string);
        *less = order < 0 || (or_equal && order == 0);
        return ERR_NONE;
    }
    double x, y;
    err = logic_to_number(work, a, &x);
    if (err == ERR_NONE)
        err = logic_to_number(work, b, &y);
    if (err == ERR_NONE)
        *less = x < y || (or_equal && x == y);
    return err;
}
