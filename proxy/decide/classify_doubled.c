/* Programs differ in what they read of a body that says a thing twice: the first, the last, the exact spelling, any
 * spelling. One that passes here as one message and is another one to its consumer would get past the check of
 * signatures, or be paired with what it does not tell. No sender writes such a body by itself, so it is refused. */
#include "proxy/decide/classify_doubled.h"

/* The member of the object that is the second one with that key, in any letter case; NULL where there is none. */
static const struct json *second_of(const struct json *object, struct str key) {
    size_t count = 0;
    for (const struct json *member = object->first; member != NULL; member = member->next)
        if (str_eq_nocase(member->key, key) && ++count == 2)
            return member;
    return NULL;
}

/* The key that a type stands at by itself; absent for types that are put together or stand deeper. */
static struct str own_key(const struct catalog_shape *shape) {
    const struct path *path = &shape->type.pieces[0].path;
    bool is_key = shape->type.piece_count == 1 && shape->type.pieces[0].text.at == NULL && path->place == PATH_BODY &&
                  path->step_count == 1 && !path->has_list;
    return is_key ? path->steps[0] : STR_NONE;
}

static bool is_type_key(const struct catalog *catalog, struct str key) {
    for (size_t i = 0; i < catalog_shape_count(catalog); i++) {
        struct str own = own_key(catalog_shape_at(catalog, i));
        if (own.at != NULL && str_eq_nocase(own, key))
            return true;
    }
    return false;
}

static const struct json *second_type(const struct catalog *catalog, const struct json *root) {
    size_t count = 0;
    for (const struct json *member = root->first; member != NULL; member = member->next)
        if (is_type_key(catalog, member->key) && ++count == 2)
            return member;
    return NULL;
}

static const struct json *second_on_path(const struct path *path, const struct json *root) {
    if (path->place != PATH_BODY || path->step_count == 0 || (path->has_list && path->each == 0))
        return NULL;
    return second_of(root, path->steps[0]);
}

/* Types that stand deeper: each key on the way to them. */
static const struct json *second_of_shapes(const struct catalog *catalog, const struct json *root) {
    for (size_t i = 0; i < catalog_shape_count(catalog); i++) {
        const struct type_source *type = &catalog_shape_at(catalog, i)->type;
        for (size_t p = 0; p < type->piece_count; p++) {
            const struct path *path = &type->pieces[p].path;
            const struct json *at = root, *second = NULL;
            size_t steps = path->has_list ? path->each : path->step_count;
            for (size_t s = 0; path->place == PATH_BODY && type->pieces[p].text.at == NULL && s < steps; s++) {
                if (at == NULL || at->type != JSON_OBJECT)
                    break;
                second = second_of(at, path->steps[s]);
                if (second != NULL)
                    return second;
                at = json_get_nocase(at, path->steps[s]);
            }
        }
    }
    return NULL;
}

const struct json *doubled_type(const struct catalog *catalog, const struct json *root) {
    const struct json *second = second_type(catalog, root);
    return second != NULL ? second : second_of_shapes(catalog, root);
}

const struct json *doubled_member(const struct catalog_type *type, const struct json *root) {
    for (size_t v = 0; v < type->variable_count; v++)
        for (size_t p = 0; p < type->variables[v].path_count; p++) {
            const struct json *second = second_on_path(&type->variables[v].paths[p], root);
            if (second != NULL)
                return second;
        }
    return second_on_path(&type->items, root);
}
