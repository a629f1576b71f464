/* Reads a template of a body out of the catalogue.
 *
 *   "text with {variable}"        {"text": …, "map": …, "if_absent": …}
 *   {"from": "a.b", …}            {"last": "A.b"}            {"not_replaced": true}
 *   numbers, true, false, null    other objects and lists: of templates
 *
 * An object is one of the special forms by its first member, so that a body may have members of these names elsewhere.
 */
#include "proxy/decide/body_node.h"

#include "proxy/decide/catalog_path.h"

static void compile_node(struct reader *reader, const struct vocabulary *vocabulary, const struct json *value,
                         struct body_template *node);

static void compile_text(struct reader *reader, const struct json *value, struct body_template *node) {
    struct body_piece *pieces = ARENA_ARRAY(reader->arena, value->text.len, struct body_piece);
    struct str rest = value->text;
    node->kind = BODY_TEXT;
    node->pieces = pieces;
    while (rest.len > 0) {
        struct body_piece *piece = &pieces[node->piece_count++];
        if (!template_next_piece(&rest, &piece->text, &piece->is_variable)) {
            reader_problem(reader, value, "\"" STR_FMT "\": a brace has no counterpart", STR_ARG(value->text));
            return;
        }
    }
    if (node->piece_count == 0 || (node->piece_count == 1 && !pieces[0].is_variable))
        node->kind = BODY_FIXED;
}

static void compile_paths(struct reader *reader, const struct json *from, struct body_template *node) {
    const struct str *texts;
    size_t count = reader_texts(reader, from, &texts);
    struct path *paths = ARENA_ARRAY(reader->arena, count, struct path);
    struct str *names = ARENA_ARRAY(reader->arena, count, struct str);
    node->kind = BODY_FROM;
    node->paths = paths;
    node->path_texts = names;
    for (size_t i = 0; i < count; i++) {
        names[node->path_count] = texts[i];
        if (compile_path(reader, texts[i], from, &paths[node->path_count]))
            node->path_count++;
    }
    if (from->type == JSON_ARRAY && from->count == 0)
        reader_problem(reader, from, "this must be a path or a list of paths");
}

static const struct value_map *find_map(const struct vocabulary *vocabulary, struct str name) {
    for (size_t i = 0; i < vocabulary->map_count; i++)
        if (str_eq(vocabulary->maps[i].name, name))
            return &vocabulary->maps[i];
    return NULL;
}

static void compile_named_map(struct reader *reader, const struct vocabulary *vocabulary, const struct json *map,
                              struct body_template *node) {
    const struct value_map *found = find_map(vocabulary, map->text);
    if (found == NULL) {
        reader_problem(reader, map, "\"maps\" has no \"" STR_FMT "\"", STR_ARG(map->text));
        return;
    }
    struct body_pair *pairs = ARENA_ARRAY(reader->arena, found->pair_count, struct body_pair);
    for (size_t i = 0; i < found->pair_count; i++)
        pairs[node->pair_count++] = (struct body_pair){found->pairs[i].from, NULL, found->pairs[i].to};
    node->pairs = pairs;
}

static void compile_map(struct reader *reader, const struct vocabulary *vocabulary, const struct json *map,
                        struct body_template *node) {
    if (map == NULL)
        return;
    node->has_map = true;
    if (map->type == JSON_STRING) {
        compile_named_map(reader, vocabulary, map, node);
        return;
    }
    if (map->type != JSON_OBJECT) {
        reader_problem(reader, map, "\"map\" must be the name of a map, or an object of values");
        return;
    }
    struct body_pair *pairs = ARENA_ARRAY(reader->arena, map->count, struct body_pair);
    for (const struct json *member = map->first; member != NULL; member = member->next)
        pairs[node->pair_count++] = (struct body_pair){member->key, member, STR_NONE};
    node->pairs = pairs;
}

static void compile_last(struct reader *reader, const struct json *last, struct body_template *node) {
    const struct str *texts;
    struct path *path = ARENA_NEW(reader->arena, struct path);
    node->kind = BODY_NEWEST;
    if (!reader_expect(reader, last, JSON_STRING) || reader_texts(reader, last, &texts) != 1)
        return;
    node->path_texts = texts;
    node->paths = path;
    if (!compile_path(reader, texts[0], last, path))
        return;
    if (path->has_list)
        reader_problem(reader, last, "\"last\" must be a path like A.b, without a list");
    node->path_count = 1;
}

/* True: the object is one of the special forms. */
static bool compile_special(struct reader *reader, const struct vocabulary *vocabulary, const struct json *object,
                            struct body_template *node) {
    const struct json *first = object->first;
    if (first == NULL)
        return false;
    if (str_eq(first->key, STR("text"))) {
        reader_expect_members(reader, object, SECTION_BODY);
        if (reader_expect(reader, first, JSON_STRING))
            compile_text(reader, first, node);
    } else if (str_eq(first->key, STR("from"))) {
        reader_expect_members(reader, object, SECTION_BODY);
        compile_paths(reader, first, node);
    } else if (str_eq(first->key, STR("last"))) {
        reader_expect_members(reader, object, SECTION_BODY);
        compile_last(reader, first, node);
    } else if (str_eq(first->key, STR("not_replaced"))) {
        reader_expect_members(reader, object, SECTION_BODY);
        node->kind = BODY_NEVER;
        if (!json_is_true(first))
            reader_problem(reader, first, "\"not_replaced\" is true, or is not there");
        return true;
    } else {
        return false;
    }
    node->is_not_compared = reader_member(reader, object, "not_replaced", JSON_BOOL, READER_OPTIONAL) != NULL;
    compile_map(reader, vocabulary, json_get(object, STR("map")), node);
    node->if_absent = json_get(object, STR("if_absent"));
    return true;
}

static void compile_children(struct reader *reader, const struct vocabulary *vocabulary, const struct json *value,
                             struct body_template *node) {
    struct body_template *children = ARENA_ARRAY(reader->arena, value->count, struct body_template);
    node->kind = value->type == JSON_OBJECT ? BODY_OBJECT : BODY_ARRAY;
    node->children = children;
    for (const struct json *child = value->first; child != NULL; child = child->next)
        compile_node(reader, vocabulary, child, &children[node->child_count++]);
}

static void compile_node(struct reader *reader, const struct vocabulary *vocabulary, const struct json *value,
                         struct body_template *node) {
    *node = (struct body_template){.key = value->key, .kind = BODY_FIXED, .at = value};
    if (value->type == JSON_STRING)
        compile_text(reader, value, node);
    else if (value->type == JSON_ARRAY)
        compile_children(reader, vocabulary, value, node);
    else if (value->type == JSON_OBJECT && !compile_special(reader, vocabulary, value, node))
        compile_children(reader, vocabulary, value, node);
}

const struct body_template *body_compile(struct reader *reader, const struct vocabulary *vocabulary,
                                         const struct json *value) {
    struct body_template *node = ARENA_NEW(reader->arena, struct body_template);
    compile_node(reader, vocabulary, value, node);
    node->key = STR_NONE;
    return node;
}

bool body_visit(const struct body_template *template, body_visit_fn *visit, void *arg) {
    for (size_t i = 0; i < template->piece_count; i++)
        if (template->pieces[i].is_variable && !visit(arg, template->pieces[i].text, NULL, template->at))
            return false;
    for (size_t i = 0; template->kind == BODY_FROM && i < template->path_count; i++)
        if (!visit(arg, STR_NONE, &template->paths[i], template->at))
            return false;
    for (size_t i = 0; i < template->child_count; i++)
        if (!body_visit(&template->children[i], visit, arg))
            return false;
    return true;
}

static bool is_other_variable(void *arg, struct str variable, const struct path *path, const struct json *at) {
    const struct str *wanted = arg;
    (void)path;
    (void)at;
    return !str_eq(variable, *wanted);
}

bool body_uses(const struct body_template *template, struct str variable) {
    return !body_visit(template, is_other_variable, &variable);
}

bool body_is_not_replaced(const struct body_template *template, struct str member) {
    struct str rest = member, step;
    const struct body_template *at = template;
    while (at != NULL && str_next(&rest, '.', &step)) {
        const struct body_template *found = NULL;
        if (str_ends_with(step, STR("[]")))
            step.len -= 2;
        for (size_t i = 0; i < at->child_count && found == NULL; i++)
            if (str_eq_nocase(at->children[i].key, step))
                found = &at->children[i];
        at = found;
        if (at != NULL && at->kind == BODY_ARRAY && at->child_count > 0)
            at = &at->children[0];
        if (at != NULL && (at->kind == BODY_NEVER || at->kind == BODY_NEWEST || at->is_not_compared))
            return true;
    }
    return false;
}
