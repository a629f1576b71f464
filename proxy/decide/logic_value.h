/* The values that JsonLogic rules work on: JavaScript's, as far as JSON and its operators can make them.
 *
 * Values point into what they came from: a parsed JSON tree, a compiled rule, or the arena of the evaluation. */
#ifndef PROXY_DECIDE_LOGIC_VALUE_H
#define PROXY_DECIDE_LOGIC_VALUE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/json.h"
#include "common/str.h"

enum logic_type { LOGIC_UNDEFINED, LOGIC_NULL, LOGIC_BOOL, LOGIC_NUMBER, LOGIC_STRING, LOGIC_ARRAY, LOGIC_OBJECT };

struct logic_object;

struct logic_value {
    enum logic_type type;
    bool boolean;
    bool is_id;     /* a text, in lower case, that others are compared with without regard to case */
    uint32_t count; /* items of an array */
    union {
        double number;
        struct str string;
        const struct logic_value *items;   /* of an array; NULL while it is still JSON, or empty */
        const struct logic_object *object; /* NULL: the JSON object below */
    };
    const struct json *json; /* the array or object as parsed, or NULL */
};

/* An object with some fields of its own in front of the members of a JSON object (or of none). */
struct logic_field {
    struct str key;
    struct logic_value value;
};
struct logic_object {
    const struct logic_field *fields;
    size_t field_count;
    const struct json *base;
};

/* What one evaluation may still use. Every function below that takes it fails with ERR_LIMIT once a part of it is
 * used up, so that no rule, however written, costs more than this. */
struct logic_work {
    struct arena *arena;
    uint32_t steps_left; /* nodes evaluated and items visited */
    uint32_t depth_left; /* nesting */
    size_t bytes_left;   /* taken from the arena */
};

enum err logic_work_alloc(struct logic_work *work, size_t size, void **block) MUST_USE;
enum err logic_work_step(struct logic_work *work, uint64_t steps) MUST_USE;

static inline struct logic_value logic_undefined(void) {
    return (struct logic_value){.type = LOGIC_UNDEFINED};
}
static inline struct logic_value logic_null(void) {
    return (struct logic_value){.type = LOGIC_NULL};
}
static inline struct logic_value logic_bool(bool boolean) {
    return (struct logic_value){.type = LOGIC_BOOL, .boolean = boolean};
}
static inline struct logic_value logic_number(double number) {
    return (struct logic_value){.type = LOGIC_NUMBER, .number = number};
}
static inline struct logic_value logic_string(struct str string) {
    return (struct logic_value){.type = LOGIC_STRING, .string = string};
}
static inline struct logic_value logic_id(struct str id) {
    return (struct logic_value){.type = LOGIC_STRING, .is_id = true, .string = id};
}
/* Two texts: the same, or where one of them is an id, the same without regard to the case of ASCII letters. */
static inline bool logic_same_text(const struct logic_value *a, const struct logic_value *b) {
    return a->is_id || b->is_id ? str_eq_nocase(a->string, b->string) : str_eq(a->string, b->string);
}
static inline struct logic_value logic_array(const struct logic_value *items, uint32_t count) {
    return (struct logic_value){.type = LOGIC_ARRAY, .items = items, .count = count};
}
static inline struct logic_value logic_object(const struct logic_object *object) {
    return (struct logic_value){.type = LOGIC_OBJECT, .object = object};
}

/* Reads a number that is written as JSON or JavaScript write it. */
enum err logic_read_decimal(struct logic_work *work, struct str text, double *number) MUST_USE;

enum err logic_from_json(struct logic_work *work, const struct json *json, struct logic_value *value) MUST_USE;
/* Makes an array's items readable at value->items. */
enum err logic_items(struct logic_work *work, struct logic_value *value) MUST_USE;
/* value[key] as in JavaScript, "length" of arrays and strings included; undefined where there is none. */
enum err logic_property(struct logic_work *work, const struct logic_value *value, struct str key,
                        struct logic_value *property) MUST_USE;

bool logic_truthy(const struct logic_value *value); /* jsonlogic.com/truthy: JavaScript's, but [] is falsy */
#endif
