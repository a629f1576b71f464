#include "common/json.h"

#include <math.h>

const struct json *json_get(const struct json *object, struct str key) {
    const struct json *found = NULL;
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    for (const struct json *member = object->first; member != NULL; member = member->next)
        if (str_eq(member->key, key))
            found = member;
    return found;
}

const struct json *json_get_nocase(const struct json *object, struct str key) {
    const struct json *exact = NULL, *alike = NULL;
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        if (str_eq(member->key, key))
            exact = member;
        else if (str_eq_nocase(member->key, key))
            alike = member;
    }
    return exact != NULL ? exact : alike;
}

const struct json *json_path(const struct json *root, struct str path) {
    struct str step;
    while (root != NULL && str_next(&path, '.', &step))
        root = json_get(root, step);
    return root;
}

struct str json_string(const struct json *value) {
    return value != NULL && value->type == JSON_STRING ? value->text : STR_NONE;
}

bool json_is_true(const struct json *value) {
    return value != NULL && value->type == JSON_BOOL && value->boolean;
}

/* Integers beyond 2^53 are told apart; numbers that no double holds are equal only where they are written alike. */
static bool numbers_equal(struct str a, struct str b) {
    int64_t whole_a, whole_b;
    double real_a, real_b;
    if (str_eq(a, b))
        return true;
    if (str_to_i64(a, &whole_a) && str_to_i64(b, &whole_b))
        return whole_a == whole_b;
    return str_to_double(a, &real_a) && str_to_double(b, &real_b) && isfinite(real_a) && real_a == real_b;
}

static bool arrays_equal(const struct json *a, const struct json *b) {
    const struct json *left = a->first, *right = b->first;
    while (left != NULL && right != NULL && json_equal(left, right)) {
        left = left->next;
        right = right->next;
    }
    return left == NULL && right == NULL;
}

/* Every member of `a` that counts (the last of its key) stands in `b` with the same content. */
static bool object_within(const struct json *a, const struct json *b) {
    for (const struct json *member = a->first; member != NULL; member = member->next) {
        const struct json *other = json_get(b, member->key);
        if (other == NULL || !json_equal(json_get(a, member->key), other))
            return false;
    }
    return true;
}

static bool has_keys_of(const struct json *a, const struct json *b) {
    for (const struct json *member = b->first; member != NULL; member = member->next)
        if (json_get(a, member->key) == NULL)
            return false;
    return true;
}

bool json_equal(const struct json *a, const struct json *b) {
    if (a == NULL || b == NULL || a->type != b->type)
        return a == b;
    switch (a->type) {
    case JSON_NULL:
        return true;
    case JSON_BOOL:
        return a->boolean == b->boolean;
    case JSON_NUMBER:
        return numbers_equal(a->text, b->text);
    case JSON_STRING:
        return str_eq(a->text, b->text);
    case JSON_ARRAY:
        return a->count == b->count && arrays_equal(a, b);
    case JSON_OBJECT:
        return object_within(a, b) && has_keys_of(a, b);
    }
    return false;
}
