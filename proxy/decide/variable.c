#include "proxy/decide/variable.h"

#include "common/bytes8.h"
#include "proxy/model/message.h"

static const struct json *walk(const struct json *at, const struct str *steps, size_t count) {
    for (size_t i = 0; at != NULL && i < count; i++)
        at = json_get_nocase(at, steps[i]);
    return at;
}

const struct json *path_find(const struct path *path, const struct json *root) {
    return walk(root, path->steps, path->has_list ? path->each : path->step_count);
}

/* `with_bools`: true and false are values only where a map gives them a meaning; as an id they are none. */
static struct str scalar_text(const struct json *value, bool with_bools) {
    if (value == NULL)
        return STR_NONE;
    if ((value->type == JSON_STRING || value->type == JSON_NUMBER) && value->text.len > 0)
        return value->text;
    if (value->type == JSON_BOOL && with_bools)
        return value->boolean ? STR("true") : STR("false");
    return STR_NONE;
}

static struct str common_text(const struct path *path, const struct json *root, bool with_bools) {
    const struct json *list = walk(root, path->steps, path->each);
    struct str common = STR_NONE;
    if (list == NULL || list->type != JSON_ARRAY)
        return STR_NONE;
    for (const struct json *element = list->first; element != NULL; element = element->next) {
        const struct json *value = walk(element, path->steps + path->each, path->step_count - path->each);
        struct str text = scalar_text(value, with_bools);
        if (text.at == NULL || (common.at != NULL && !str_eq_nocase(common, text)))
            return STR_NONE;
        if (common.at == NULL)
            common = text;
    }
    return common;
}

/* "/hooks/acme?x=1" has the segments "hooks" and "acme". */
static struct str segment_text(struct str target, size_t segment) {
    struct str rest = target, piece = STR_NONE;
    ptrdiff_t query = str_find(target, STR("?"));
    if (query >= 0)
        rest.len = (size_t)query;
    for (size_t i = 0; i <= segment; i++) /* what stands before the first slash is none */
        if (!str_next(&rest, '/', &piece))
            return STR_NONE;
    return piece.len > 0 ? piece : STR_NONE;
}

static struct str request_text(const struct path *path, const struct source *source) {
    if (path->place == PATH_TARGET)
        return segment_text(source->target, path->segment);
    struct str value = http_header_get(source->headers, source->header_count, path->steps[0]);
    return value.len > 0 ? value : STR_NONE;
}

struct str path_text(const struct path *path, const struct source *source, bool with_bools) {
    if (path->place != PATH_BODY)
        return request_text(path, source);
    if (path->has_list)
        return common_text(path, source->root, with_bools);
    return scalar_text(path_find(path, source->root), with_bools);
}

bool path_exists(const struct path *path, const struct source *source) {
    if (path->place == PATH_BODY && !path->has_list)
        return path_find(path, source->root) != NULL;
    return path_text(path, source, true).at != NULL;
}

static struct str map_value(const struct value_map *map, struct str value) {
    for (size_t i = 0; i < map->pair_count; i++)
        if (str_eq_nocase(map->pairs[i].from, value))
            return map->pairs[i].to;
    return STR_NONE;
}

/* An id that names nothing stands back behind one that does. */
static struct str path_value(const struct variable *variable, const struct source *source) {
    struct str first = STR_NONE;
    for (size_t i = 0; i < variable->path_count; i++) {
        struct str value = path_text(&variable->paths[i], source, variable->map != NULL);
        if (value.at != NULL && !(variable->is_id && id_is_placeholder(value)))
            return value;
        if (first.at == NULL)
            first = value;
    }
    return first;
}

static struct str variable_value(const struct variable *variable, const struct source *source,
                                 const struct values *values, struct arena *arena) {
    struct str value =
        variable->kind == VARIABLE_TEXT ? template_fill(&variable->text, values, arena) : path_value(variable, source);
    if (value.at == NULL)
        return variable->if_absent;
    if (variable->map == NULL)
        return value;
    struct str mapped = map_value(variable->map, value);
    return mapped.at == NULL ? variable->if_unmapped : mapped;
}

void variables_read(const struct variable *variables, size_t from, size_t to, const struct source *source,
                    struct arena *arena, struct values *values) {
    for (size_t i = from; i < to; i++)
        if (variables[i].kind != VARIABLE_GIVEN)
            values->at[i] = variable_value(&variables[i], source, values, arena);
}

struct str template_fill(const struct template *template, const struct values *values, struct arena *arena) {
    if (template->piece_count == 1 && template->pieces[0].text.at != NULL)
        return template->pieces[0].text;
    size_t len = 0;
    for (size_t i = 0; i < template->piece_count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        struct str text = piece->text.at != NULL ? piece->text : values->at[piece->variable];
        if (text.at == NULL)
            return STR_NONE;
        len += text.len;
    }
    char *filled = arena_alloc(arena, len + 1), *end = filled;
    for (size_t i = 0; i < template->piece_count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        struct str text = piece->text.at != NULL ? piece->text : values->at[piece->variable];
        memcpy(end, text.at, text.len);
        end += text.len;
    }
    return str_slice(filled, len);
}

/* A key under construction; `len` goes on counting past the end, so that too long a key is noticed once. */
struct key {
    char text[FACT_KEY_MAX];
    size_t len;
};

static bool is_escaped(char c) {
    return (unsigned char)c < 0x20 || c == 0x7F || c == '%' || c == '/';
}

static uint64_t escaped_8(uint64_t bytes) {
    return bytes8_below(bytes, 0x20) | bytes8_equal(bytes, 0x7F) | bytes8_equal(bytes, '%') | bytes8_equal(bytes, '/');
}

static void key_add_text(struct key *key, struct str text, bool lower) {
    if (text.len <= sizeof key->text && key->len <= sizeof key->text - text.len) {
        char *to = key->text + key->len;
        if (lower)
            str_lower_into(to, text);
        else
            memcpy(to, text.at, text.len);
    }
    key->len += text.len;
}

static void key_add_escaped(struct key *key, char c) {
    static const char digits[] = "0123456789ABCDEF";
    const char escaped[] = {'%', digits[(unsigned char)c >> 4], digits[(unsigned char)c & 15]};
    key_add_text(key, str_slice(escaped, sizeof escaped), false);
}

static void key_add_value(struct key *key, struct str value, bool lower) {
    bool is_plain = value.len >= 8 && bytes8_none(value, escaped_8);
    size_t from = 0;
    for (size_t i = 0; i < value.len && !is_plain; i++) {
        if (!is_escaped(value.at[i]))
            continue;
        key_add_text(key, str_slice(value.at + from, i - from), lower);
        key_add_escaped(key, value.at[i]);
        from = i + 1;
    }
    key_add_text(key, str_from(value, from), lower);
}

bool variable_is_told(const struct variable *variable, struct str value) {
    if (value.at == NULL)
        return false;
    if (variable->is_id)
        return !id_is_placeholder(value);
    struct str text = str_trim(value);
    return text.len > 0 && !str_eq(text, STR("-"));
}

struct str template_fill_key(const struct template *template, const struct variable *variables,
                             const struct values *values, struct arena *arena) {
    struct key key;
    key.len = 0;
    for (size_t i = 0; i < template->piece_count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        if (piece->text.at == NULL && !variable_is_told(&variables[piece->variable], values->at[piece->variable]))
            return STR_NONE;
        if (piece->text.at == NULL)
            key_add_value(&key, values->at[piece->variable], variables[piece->variable].is_id);
        else
            key_add_text(&key, piece->text, false);
    }
    if (key.len > sizeof key.text)
        return STR_NONE;
    return arena_str(arena, str_slice(key.text, key.len));
}

int template_find_untold(const struct template *template, const struct variable *variables,
                         const struct values *values) {
    for (size_t i = 0; i < template->piece_count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        if (piece->text.at == NULL && !variable_is_told(&variables[piece->variable], values->at[piece->variable]))
            return (int)piece->variable;
    }
    return VARIABLE_NONE;
}
