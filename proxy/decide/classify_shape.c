/* A list of messages is read one element at a time: the tree is changed so that the list has just that element, and
 * all paths of the catalogue are written as if it never had more. */
#include "proxy/decide/classify_shape.h"

enum {
    MESSAGES_MAX = 1024,     /* of one body */
    BODIES_LEN_MAX = 8 << 20 /* bytes, of all bodies that one body becomes: what surrounds a list is in each of them */
};

bool shape_has(const struct catalog_with *with, const struct source *source) {
    if (with->value_count == 0)
        return path_exists(&with->path, source);
    struct str text = path_text(&with->path, source, true);
    for (size_t i = 0; i < with->value_count; i++)
        if (str_eq_nocase(text, with->values[i]))
            return true;
    return false;
}

bool shape_has_all(const struct catalog_shape *shape, const struct source *source) {
    for (size_t i = 0; i < shape->with_count; i++)
        if (shape_has(&shape->with[i], source) != shape->needs_all)
            return !shape->needs_all;
    return shape->needs_all || shape->with_count == 0;
}

/* A type that is one member must be a string; one that is made of several takes numbers as well. */
struct str shape_type(const struct type_source *type, const struct source *source, struct arena *arena) {
    const struct type_piece *first = &type->pieces[0];
    if (type->piece_count == 1 && first->path.place == PATH_BODY && !first->path.has_list)
        return json_string(path_find(&first->path, source->root));
    struct str parts[TYPE_PIECE_MAX];
    for (size_t i = 0; i < type->piece_count; i++) {
        parts[i] = type->pieces[i].text;
        if (parts[i].at == NULL)
            parts[i] = path_text(&type->pieces[i].path, source, false);
        if (parts[i].at == NULL)
            return STR_NONE;
    }
    return arena_join_parts(arena, parts, type->piece_count);
}

/* The first shape that the body has, and the type that stands there; NULL where it has none. */
const struct catalog_shape *shape_find(const struct catalog *catalog, const struct source *source, struct arena *arena,
                                       struct str *type) {
    for (size_t i = 0; i < catalog_shape_count(catalog); i++) {
        const struct catalog_shape *shape = catalog_shape_at(catalog, i);
        *type = shape_type(&shape->type, source, arena);
        if (type->at != NULL && shape_has_all(shape, source) &&
            (!shape->known || catalog_find(catalog, shape->generation, *type) != NULL))
            return shape;
    }
    *type = STR_NONE;
    return NULL;
}

/* ---- many messages in one body ---- */

/* The list whose elements are messages; NULL: the body is one message. */
static const struct json *find_messages(const struct catalog *catalog, const struct json *root) {
    for (size_t i = 0; i < catalog_shape_count(catalog); i++) {
        const struct path *path = &catalog_shape_at(catalog, i)->messages;
        const struct json *list = path->has_list ? path_find(path, root) : NULL;
        if (list != NULL && list->type == JSON_ARRAY)
            return list;
    }
    return NULL;
}

static const struct json *last_of(const struct json *list) {
    const struct json *last = list->first;
    while (last->next != NULL)
        last = last->next;
    return last;
}

/* More than would fit are none that could be recognised: the body goes as it is where such bodies go. */
static bool would_fit(const struct json *list, struct str body) {
    size_t around = body.len - (last_of(list)->end - list->first->start);
    return list->count <= MESSAGES_MAX && body.len + around * list->count <= BODIES_LEN_MAX;
}

static void open_list(struct opened_body *opened, const struct json *list, struct arena *arena) {
    size_t count = 0;
    opened->list = (struct json *)(uintptr_t)list; /* of the tree that body_open() made */
    opened->count = list->count;
    if (list->count <= 1)
        return;
    if (!would_fit(list, opened->body)) {
        opened->count = 0;
        return;
    }
    opened->elements = ARENA_ARRAY(arena, list->count, struct json *);
    for (struct json *element = list->first; element != NULL; element = element->next)
        opened->elements[count++] = element;
    body_show(opened, 0);
}

void body_show(struct opened_body *opened, size_t index) {
    if (opened->elements == NULL)
        return;
    opened->list->first = opened->elements[index];
    opened->list->first->next = NULL;
    opened->list->count = 1;
}

struct str body_of(const struct opened_body *opened, size_t index, struct arena *arena) {
    if (opened->elements == NULL)
        return opened->body;
    const struct json *element = opened->elements[index], *first = opened->elements[0];
    const struct json *last = opened->elements[opened->count - 1];
    const char *body = opened->body.at;
    return ARENA_JOIN(arena, str_slice(body, first->start),
                      str_slice(body + element->start, element->end - element->start),
                      str_from(opened->body, last->end));
}

static enum err refuse_root(struct str body, const struct json *root, struct json_error *error) {
    if (error != NULL) {
        *error = (struct json_error){.what = "this must be an object", .offset = root->start};
        json_place(body, root->start, &error->line, &error->column);
    }
    return ERR_INVALID;
}

enum err body_open(const struct catalog *catalog, const struct classify_input *input, struct arena *arena,
                   struct opened_body *opened, struct json_error *error) {
    const struct json_limits limits = {.depth = BODY_DEPTH_MAX, .values = BODY_VALUES_MAX, .in_place = true};
    const bool pass_others = catalog_answers(catalog)->other_bodies_pass;
    struct json *root = NULL;
    enum err err = json_parse(arena, input->body, &limits, &root, error);
    *opened =
        (struct opened_body){.source = {root, input->headers, input->header_count, input->target}, .body = input->body};
    if (err != ERR_NONE)
        return pass_others ? ERR_NONE : err;
    const struct json *list = find_messages(catalog, root);
    if (list != NULL) {
        open_list(opened, list, arena);
        return ERR_NONE;
    }
    opened->count = root->type == JSON_OBJECT ? 1 : 0;
    return root->type == JSON_OBJECT || pass_others ? ERR_NONE : refuse_root(input->body, root, error);
}
