/* Two bodies of the same type, one by the vendor and one by a template: what differs in spelling alone must not count.
 */
#include "proxy/decide/compare.h"

#include "common/clock.h"

struct comparison {
    const struct catalog *catalog;
    const struct body_template *template;
    struct arena *arena;
    struct leaf *leaves;
    size_t count;
};

const char *leaf_result_name(enum leaf_result result) {
    static const char *const names[LEAF_RESULT_COUNT] = {
        [LEAF_EQUAL] = "equal",           [LEAF_DIFFERS] = "differs",           [LEAF_ONLY_RULE] = "only_rule",
        [LEAF_ONLY_EVENT] = "only_event", [LEAF_NOT_REPLACED] = "not_replaced",
    };
    return names[result];
}

static void add_leaf(struct comparison *comparison, struct str member, enum leaf_result result) {
    if (comparison->count == LEAF_MAX)
        return;
    if (body_is_not_replaced(comparison->template, member))
        result = LEAF_NOT_REPLACED;
    comparison->leaves[comparison->count++] = (struct leaf){member, result};
}

static bool is_absent(const struct json *value) {
    return value == NULL || value->type == JSON_NULL;
}

static bool is_object(const struct json *value, unsigned depth) {
    return value != NULL && value->type == JSON_OBJECT && depth < LEAF_DEPTH_MAX;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(struct str text) {
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (i == 8 || i == 13 || i == 18 || i == 23 ? c != '-' : !is_digit)
            return false;
    }
    return true;
}

static bool is_same_time(struct str a, struct str b) {
    int64_t a_ms, b_ms;
    return clock_parse_rfc3339(a, &a_ms) && clock_parse_rfc3339(b, &b_ms) && a_ms == b_ms;
}

/* A number and the text of that number tell the same. */
static bool is_same_number(const struct json *a, const struct json *b) {
    double left, right;
    return (a->type == JSON_NUMBER || b->type == JSON_NUMBER) && str_to_double(a->text, &left) &&
           str_to_double(b->text, &right) && left == right && a->text.len < 16 && b->text.len < 16;
}

static bool is_same_type(const struct catalog *catalog, struct str a, struct str b) {
    const struct catalog_type *type = catalog_find(catalog, GENERATION_RULE, a);
    return type != NULL && type == catalog_find(catalog, GENERATION_RULE, b);
}

static bool is_same(const struct catalog *catalog, const struct json *a, const struct json *b) {
    bool are_texts =
        (a->type == JSON_STRING || a->type == JSON_NUMBER) && (b->type == JSON_STRING || b->type == JSON_NUMBER);
    if (!are_texts || (a->type == JSON_NUMBER && b->type == JSON_NUMBER))
        return json_equal(a, b);
    return str_eq(a->text, b->text) || (is_uuid(a->text) && str_eq_nocase(a->text, b->text)) || is_same_number(a, b) ||
           is_same_time(a->text, b->text) || is_same_type(catalog, a->text, b->text);
}

static struct str join(struct comparison *comparison, struct str member, struct str key) {
    return member.len == 0 ? arena_str(comparison->arena, key) : ARENA_JOIN(comparison->arena, member, STR("."), key);
}

static void compare_values(struct comparison *comparison, struct str member, const struct json *rule,
                           const struct json *written, unsigned depth) {
    if (is_object(rule, depth) || is_object(written, depth)) {
        for (const struct json *child = is_object(rule, depth) ? rule->first : NULL; child != NULL; child = child->next)
            compare_values(comparison, join(comparison, member, child->key), child,
                           json_get_nocase(written, child->key), depth + 1);
        for (const struct json *child = is_object(written, depth) ? written->first : NULL; child != NULL;
             child = child->next)
            if (json_get_nocase(rule, child->key) == NULL)
                compare_values(comparison, join(comparison, member, child->key), NULL, child, depth + 1);
    } else if (is_absent(rule) && is_absent(written)) {
        return;
    } else if (is_absent(rule) || is_absent(written)) {
        add_leaf(comparison, member, is_absent(rule) ? LEAF_ONLY_EVENT : LEAF_ONLY_RULE);
    } else {
        add_leaf(comparison, member, is_same(comparison->catalog, rule, written) ? LEAF_EQUAL : LEAF_DIFFERS);
    }
}

size_t compare_bodies(const struct catalog *catalog, const struct body_template *template, const struct json *rule,
                      const struct json *written, struct arena *arena, struct leaf leaves[LEAF_MAX]) {
    struct comparison comparison = {.catalog = catalog, .template = template, .arena = arena, .leaves = leaves};
    compare_values(&comparison, STR(""), rule, written, 0);
    return comparison.count;
}
