/* Three kinds of work are metered: steps, nesting and bytes. Rules come from a file that people write, and contexts
 * from messages that anybody sends; `reduce` over `cat` doubles a text with every item, and nothing in the language
 * forbids it. */
#include "proxy/decide/logic_value.h"

#include "proxy/decide/logic_text.h"

#include <math.h>
#include <stdlib.h>

enum err logic_work_alloc(struct logic_work *work, size_t size, void **block) {
    if (size > work->bytes_left)
        return ERR_LIMIT;
    work->bytes_left -= size;
    *block = arena_alloc(work->arena, size > 0 ? size : 1); /* a place of its own: empty arrays differ by it */
    return ERR_NONE;
}

enum err logic_work_step(struct logic_work *work, uint32_t steps) {
    if (steps > work->steps_left)
        return ERR_LIMIT;
    work->steps_left -= steps;
    return ERR_NONE;
}

/* strtod() wants a NUL behind the text; numbers too long for the stack are rare and go to the arena. */
static enum err read_decimal(struct logic_work *work, struct str text, double *number) {
    char small[64];
    char *copy = small;
    if (text.len >= sizeof small) {
        void *block;
        enum err err = logic_work_alloc(work, text.len + 1, &block);
        if (err != ERR_NONE)
            return err;
        copy = block;
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *number = strtod(copy, NULL);
    return ERR_NONE;
}

enum err logic_from_json(struct logic_work *work, const struct json *json, struct logic_value *value) {
    enum err err = ERR_NONE;
    double number;
    switch (json->type) {
    case JSON_NULL:
        *value = logic_null();
        break;
    case JSON_BOOL:
        *value = logic_bool(json->boolean);
        break;
    case JSON_NUMBER:
        err = read_decimal(work, json->text, &number);
        if (err == ERR_NONE)
            *value = logic_number(number);
        break;
    case JSON_STRING:
        *value = logic_string(json->text);
        break;
    case JSON_ARRAY:
        *value = (struct logic_value){.type = LOGIC_ARRAY, .count = json->count, .json = json};
        break;
    case JSON_OBJECT:
        *value = (struct logic_value){.type = LOGIC_OBJECT, .json = json};
        break;
    }
    return err;
}

enum err logic_items(struct logic_work *work, struct logic_value *value) {
    if (value->items != NULL || value->count == 0)
        return ERR_NONE;
    enum err err = logic_work_step(work, value->count);
    if (err != ERR_NONE)
        return err;
    void *block;
    err = logic_work_alloc(work, value->count * sizeof(struct logic_value), &block);
    if (err != ERR_NONE)
        return err;
    struct logic_value *items = block;
    uint32_t i = 0;
    for (const struct json *item = value->json->first; item != NULL && err == ERR_NONE; item = item->next)
        err = logic_from_json(work, item, &items[i++]);
    if (err == ERR_NONE)
        value->items = items;
    return err;
}

static enum err array_property(struct logic_work *work, const struct logic_value *value, struct str key,
                               struct logic_value *property) {
    uint32_t index;
    if (str_eq(key, STR("length"))) {
        *property = logic_number(value->count);
        return ERR_NONE;
    }
    if (!logic_array_index(key, &index) || index >= value->count) {
        *property = logic_undefined();
        return ERR_NONE;
    }
    if (value->items != NULL) {
        *property = value->items[index];
        return ERR_NONE;
    }
    enum err err = logic_work_step(work, index + 1);
    if (err != ERR_NONE)
        return err;
    const struct json *item = value->json->first;
    while (index-- > 0)
        item = item->next;
    return logic_from_json(work, item, property);
}

static void string_property(const struct logic_value *value, struct str key, struct logic_value *property) {
    uint32_t index;
    *property = logic_undefined();
    if (str_eq(key, STR("length"))) {
        *property = logic_number((double)logic_utf16_len(value->string));
    } else if (logic_array_index(key, &index) && index < logic_utf16_len(value->string)) {
        bool cut_start, cut_end;
        struct str unit = logic_utf16_slice(value->string, index, 1, &cut_start, &cut_end);
        *property = logic_string(cut_start || cut_end ? STR("\xEF\xBF\xBD") : unit);
    }
}

static enum err object_property(struct logic_work *work, const struct logic_value *value, struct str key,
                                struct logic_value *property) {
    const struct json *base = value->json;
    if (value->object != NULL) {
        for (size_t i = 0; i < value->object->field_count; i++) {
            if (str_eq(value->object->fields[i].key, key)) {
                *property = value->object->fields[i].value;
                return ERR_NONE;
            }
        }
        base = value->object->base;
    }
    const struct json *member = json_get(base, key);
    if (member != NULL)
        return logic_from_json(work, member, property);
    *property = logic_undefined();
    return ERR_NONE;
}

enum err logic_property(struct logic_work *work, const struct logic_value *value, struct str key,
                        struct logic_value *property) {
    if (value->type == LOGIC_OBJECT)
        return object_property(work, value, key, property);
    if (value->type == LOGIC_ARRAY)
        return array_property(work, value, key, property);
    *property = logic_undefined();
    if (value->type == LOGIC_STRING)
        string_property(value, key, property);
    return ERR_NONE;
}

bool logic_truthy(const struct logic_value *value) {
    switch (value->type) {
    case LOGIC_UNDEFINED:
    case LOGIC_NULL:
        return false;
    case LOGIC_BOOL:
        return value->boolean;
    case LOGIC_NUMBER:
        return value->number != 0 && !isnan(value->number);
    case LOGIC_STRING:
        return value->string.len > 0;
    case LOGIC_ARRAY:
        return value->count > 0;
    case LOGIC_OBJECT:
        break;
    }
    return true;
}

/* Number() of a string (ECMA-262, 7.1.4.1.1 StringToNumber). */
static enum err string_to_number(struct logic_work *work, struct str text, double *number) {
    text = logic_trim(text);
    *number = text.len == 0 ? 0 : NAN;
    if (text.len == 0 || logic_radix_number(text, number))
        return ERR_NONE;
    if (logic_decimal_prefix(text) != text.len)
        return ERR_NONE;
    return read_decimal(work, text, number);
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
    return len == 0 ? ERR_NONE : read_decimal(work, str_slice(text.at, len), number);
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

/* Arrays and objects are equal to themselves only. */
static bool same_identity(const struct logic_value *a, const struct logic_value *b) {
    if (a->json != NULL || b->json != NULL)
        return a->json == b->json;
    if (a->type == LOGIC_ARRAY)
        return a->items != NULL && a->items == b->items && a->count == b->count;
    return a->object == b->object;
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
        return str_eq(a->string, b->string);
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
        *equal = str_eq(a.string, b.string);
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
