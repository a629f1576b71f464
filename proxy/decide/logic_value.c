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

enum err logic_work_step(struct logic_work *work, uint64_t steps) {
    if (steps > work->steps_left)
        return ERR_LIMIT;
    work->steps_left -= (uint32_t)steps;
    return ERR_NONE;
}

/* strtod() wants a NUL behind the text; numbers too long for the stack are rare and go to the arena. */
enum err logic_read_decimal(struct logic_work *work, struct str text, double *number) {
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
        err = logic_read_decimal(work, json->text, &number);
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
