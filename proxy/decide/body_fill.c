/* Fills a template. A member whose value is not there is left out: it is written first and taken back where nothing
 * came of it, so each part of a template is looked at once. */
#include "proxy/decide/body_node.h"

struct filling {
    const struct body_values *from;
    struct arena *arena;
    struct json_writer json;
    struct body_notes *notes;
};

/* A value on its way into a body: a node of a parsed tree, or a text. */
struct found {
    const struct json *node;
    struct str text;
    enum body_source source;
    struct str detail;
};

static bool fill_node(struct filling *filling, const struct body_template *node, struct str member);

static bool is_there(const struct found *found) {
    return found->node != NULL || found->text.at != NULL;
}

const char *body_source_name(enum body_source source) {
    static const char *const names[] = {
        [BODY_CONSTANT] = "constant", [BODY_VARIABLE] = "variable", [BODY_PATH] = "path",
        [BODY_LAST] = "last",         [BODY_SETTING] = "setting",   [BODY_NOT_REPLACED] = "not replaced",
        [BODY_NOWHERE] = "no source",
    };
    return names[source];
}

static void note(struct filling *filling, struct str member, const struct found *found, struct str value) {
    struct body_notes *notes = filling->notes;
    if (notes == NULL)
        return;
    if (notes->count == notes->capacity) {
        size_t capacity = notes->capacity == 0 ? 16 : notes->capacity * 2;
        struct body_note *larger = ARENA_ARRAY(filling->arena, capacity, struct body_note);
        if (notes->count > 0)
            memcpy(larger, notes->items, notes->count * sizeof *larger);
        notes->items = larger;
        notes->capacity = capacity;
    }
    notes->items[notes->count++] = (struct body_note){arena_str(filling->arena, member), found->source, found->detail,
                                                      arena_str(filling->arena, value)};
}

/* ---- where values come from ---- */

static const struct json *walk(const struct json *at, const struct path *path) {
    for (size_t i = path->has_list ? path->each : 0; at != NULL && i < path->step_count; i++)
        at = json_get_nocase(at, path->steps[i]);
    return at;
}

/* "payload.dataTypes[].status" means the element at hand where payload.dataTypes is the list of items. */
static bool leads_into_items(const struct path *path, const struct path *items) {
    if (!path->has_list || !items->has_list || path->each != items->each)
        return false;
    for (size_t i = 0; i < items->each; i++)
        if (!str_eq_nocase(path->steps[i], items->steps[i]))
            return false;
    return true;
}

static const struct json *find_path(const struct body_values *from, const struct path *path) {
    if (path->place != PATH_BODY)
        return NULL;
    if (from->element != NULL && leads_into_items(path, &from->type->items))
        return walk(from->element, path);
    const struct json *found = path_find(path, from->root);
    if (!path->has_list)
        return found;
    bool is_single = found != NULL && found->type == JSON_ARRAY && found->count == 1;
    return is_single ? walk(found->first, path) : NULL;
}

static int find_variable(const struct catalog_type *type, struct str name) {
    for (size_t i = type->variable_count + type->item_variable_count; i > 0; i--)
        if (str_eq(type->variables[i - 1].name, name))
            return (int)i - 1;
    return VARIABLE_NONE;
}

static struct str variable_text(const struct body_values *from, struct str name) {
    if (str_eq(name, STR("type")))
        return from->target_type;
    if (str_eq(name, STR("arrived")))
        return from->arrived;
    int position = find_variable(from->type, name);
    return position == VARIABLE_NONE ? STR_NONE : from->values->at[position];
}

/* The node that a variable was read from, where it is the value just as it stood there. */
static const struct json *variable_node(const struct body_values *from, struct str name, struct str text) {
    int position = find_variable(from->type, name);
    if (position == VARIABLE_NONE || from->type->variables[position].map != NULL)
        return NULL;
    const struct variable *variable = &from->type->variables[position];
    bool is_of_item = (size_t)position >= from->type->variable_count;
    for (size_t i = 0; i < variable->path_count; i++) {
        const struct json *root = is_of_item ? from->element : from->root;
        const struct path *path = &variable->paths[i];
        const struct json *node = path->place == PATH_BODY && !path->has_list ? path_find(path, root) : NULL;
        if (node != NULL && node->text.at != NULL && str_eq(node->text, text))
            return node;
    }
    return NULL;
}

static struct found find_text(const struct filling *filling, const struct body_template *node) {
    struct found found = {.source = BODY_VARIABLE, .detail = node->at->type == JSON_STRING ? node->at->text : STR_NONE};
    struct strbuf text = {0};
    if (found.detail.at == NULL)
        found.detail = json_string(json_get(node->at, STR("text")));
    for (size_t i = 0; i < node->piece_count; i++) {
        struct str piece = node->pieces[i].text;
        if (node->pieces[i].is_variable)
            piece = variable_text(filling->from, piece);
        if (piece.at == NULL) {
            strbuf_clear(&text);
            return found;
        }
        strbuf_append(&text, piece);
    }
    found.text = arena_str(filling->arena, strbuf_str(&text));
    strbuf_clear(&text);
    if (node->piece_count == 1)
        found.node = variable_node(filling->from, node->pieces[0].text, found.text);
    return found;
}

static struct found find_from(const struct filling *filling, const struct body_template *node) {
    struct found found = {.source = BODY_PATH};
    for (size_t i = 0; i < node->path_count && found.node == NULL; i++) {
        found.node = find_path(filling->from, &node->paths[i]);
        if (found.node != NULL && found.node->type == JSON_NULL)
            found.node = NULL;
        found.detail = node->path_texts[i];
    }
    return found;
}

static struct found find_newest(const struct filling *filling, const struct body_template *node) {
    const struct body_values *from = filling->from;
    struct found found = {.source = BODY_LAST, .detail = node->path_count > 0 ? node->path_texts[0] : STR_NONE};
    if (node->path_count > 0 && from->last != NULL)
        found.node = path_find(&node->paths[0], from->last);
    if (found.node != NULL && found.node->type != JSON_NULL)
        return found;
    found.node = from->settings == NULL ? NULL : json_get_nocase(from->settings, found.detail);
    if (found.node != NULL)
        found.source = BODY_SETTING;
    return found;
}

/* ---- what is written ---- */

/* The text of a scalar, as maps see it. */
static struct str scalar_text(const struct found *found) {
    if (found->node == NULL || found->node->text.at != NULL)
        return found->node == NULL ? found->text : found->node->text;
    if (found->node->type == JSON_BOOL)
        return found->node->boolean ? STR("true") : STR("false");
    return STR_NONE;
}

static void map(const struct body_template *node, struct found *found) {
    struct str text = scalar_text(found);
    found->node = NULL;
    found->text = STR_NONE;
    for (size_t i = 0; text.at != NULL && i < node->pair_count; i++)
        if (str_eq_nocase(node->pairs[i].from, text)) {
            found->node = node->pairs[i].to;
            found->text = node->pairs[i].text;
            return;
        }
}

static void write_found(struct filling *filling, struct str member, const struct found *found) {
    size_t start = filling->json.out->len;
    if (found->node != NULL)
        json_value(&filling->json, found->node);
    else
        json_str(&filling->json, found->text);
    struct str value = str_from(strbuf_str(filling->json.out), start);
    if (value.len > 0 && value.at[0] == ',')
        value = str_from(value, 1);
    note(filling, member, found, value);
}

static bool fill_value(struct filling *filling, const struct body_template *node, struct str member) {
    struct found found = {.node = node->at, .source = BODY_CONSTANT};
    if (node->kind == BODY_TEXT)
        found = find_text(filling, node);
    else if (node->kind == BODY_FROM)
        found = find_from(filling, node);
    else if (node->kind == BODY_NEWEST)
        found = find_newest(filling, node);
    else if (node->at->type == JSON_OBJECT) /* {"text": …} without a variable */
        found.node = json_get(node->at, STR("text"));
    if (is_there(&found) && node->has_map)
        map(node, &found);
    if (!is_there(&found) && node->if_absent != NULL)
        found = (struct found){.node = node->if_absent, .source = BODY_CONSTANT, .detail = found.detail};
    if (!is_there(&found)) {
        found.source = BODY_NOWHERE;
        note(filling, member, &found, STR_NONE);
        return false;
    }
    write_found(filling, member, &found);
    return true;
}

static struct str join(struct filling *filling, struct str member, struct str key) {
    if (filling->notes == NULL)
        return STR_NONE;
    return member.len == 0 ? key : ARENA_JOIN(filling->arena, member, STR("."), key);
}

static bool fill_child(struct filling *filling, const struct body_template *child, struct str member) {
    struct json_writer before = filling->json;
    size_t len = filling->json.out->len;
    if (child->key.at != NULL)
        json_key_str(&filling->json, child->key);
    if (fill_node(filling, child, member))
        return true;
    filling->json = before;
    filling->json.out->len = len;
    return false;
}

static bool fill_children(struct filling *filling, const struct body_template *node, struct str member) {
    bool is_object = node->kind == BODY_OBJECT, any = node->child_count == 0;
    if (is_object)
        json_object_begin(&filling->json);
    else
        json_array_begin(&filling->json);
    for (size_t i = 0; i < node->child_count; i++) {
        const struct body_template *child = &node->children[i];
        struct str name = is_object                ? join(filling, member, child->key)
                          : filling->notes == NULL ? STR_NONE
                                                   : ARENA_JOIN(filling->arena, member, STR("[]"));
        if (fill_child(filling, child, name))
            any = true;
    }
    if (is_object)
        json_object_end(&filling->json);
    else
        json_array_end(&filling->json);
    return any;
}

static bool fill_node(struct filling *filling, const struct body_template *node, struct str member) {
    if (node->kind == BODY_OBJECT || node->kind == BODY_ARRAY)
        return fill_children(filling, node, member);
    if (node->kind != BODY_NEVER)
        return fill_value(filling, node, member);
    const struct found never = {.source = BODY_NOT_REPLACED};
    note(filling, member, &never, STR_NONE);
    return false;
}

bool body_fill(const struct body_template *template, const struct body_values *values, struct arena *arena,
               struct strbuf *out, struct body_notes *notes) {
    struct filling filling = {.from = values, .arena = arena, .notes = notes};
    json_begin(&filling.json, out);
    return fill_child(&filling, template, STR(""));
}
