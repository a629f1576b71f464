/* Paths as they stand in a catalogue's file, and texts with paths in braces. */
#include "proxy/decide/catalog_path.h"

/* Headers whose values are credentials: facts and types are stored and shown. */
static bool is_secret_header(struct str name) {
    static const struct str names[] = {{"authorization", 13}, {"proxy-authorization", 19}, {"cookie", 6}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, names[i]))
            return true;
    return false;
}

static bool compile_header(struct reader *reader, struct str name, const struct json *at, struct path *path) {
    if (!http_name_is_valid(name) || is_secret_header(name)) {
        reader_problem(reader, at, "\"header:" STR_FMT "\" names no header that may be read; expected header:NAME",
                       STR_ARG(name));
        return false;
    }
    *path = (struct path){.text = path->text, .place = PATH_HEADER, .steps = {name}, .step_count = 1};
    return true;
}

static bool compile_segment(struct reader *reader, struct str number, const struct json *at, struct path *path) {
    uint64_t segment;
    if (!str_to_u64(number, &segment) || segment == 0 || segment > PATH_SEGMENT_MAX) {
        reader_problem(reader, at, "\"path:" STR_FMT "\" is no segment of a path; expected path:1 to path:%d",
                       STR_ARG(number), PATH_SEGMENT_MAX);
        return false;
    }
    *path = (struct path){.text = path->text, .place = PATH_TARGET, .segment = (size_t)segment};
    return true;
}

/* One step of a path in the body; false where it cannot be. */
static bool compile_step(struct str step, bool is_last, struct path *path) {
    bool is_list = str_ends_with(step, STR("[]"));
    if (is_list)
        step.len -= 2;
    bool is_body_list = is_list && step.len == 0 && path->step_count == 0;
    if (step.len > 0 && memchr(step.at, '[', step.len) != NULL)
        return false;
    if ((step.len == 0 && !is_body_list) || path->step_count == PATH_STEP_MAX || (is_list && path->has_list) ||
        (is_list && is_last))
        return false;
    if (step.len > 0)
        path->steps[path->step_count++] = step;
    if (is_list) {
        path->has_list = true;
        path->each = path->step_count;
    }
    return true;
}

bool compile_path(struct reader *reader, struct str text, const struct json *at, struct path *path) {
    static const struct str header = {"header:", 7}, segment = {"path:", 5};
    struct str rest = text, step;
    *path = (struct path){.text = text};
    if (str_starts_with(text, header))
        return compile_header(reader, str_from(text, header.len), at, path);
    if (str_starts_with(text, segment))
        return compile_segment(reader, str_from(text, segment.len), at, path);
    while (str_next(&rest, '.', &step))
        if (!compile_step(step, rest.at == NULL, path)) {
            reader_problem(reader, at,
                           "\"" STR_FMT "\" is no path; it must be like a.b.c, a.list[].c, header:NAME or path:2, %d "
                           "keys at most",
                           STR_ARG(text), PATH_STEP_MAX);
            return false;
        }
    return true;
}

bool compile_list_path(struct reader *reader, struct str text, const struct json *at, struct path *path) {
    *path = (struct path){0};
    if (str_eq(text, STR("[]"))) {
        path->has_list = true;
        return true;
    }
    struct str list = str_ends_with(text, STR("[]")) ? str_slice(text.at, text.len - 2) : text;
    if (!compile_path(reader, list, at, path))
        return false;
    if (path->place == PATH_BODY && !path->has_list) {
        path->has_list = true;
        path->each = path->step_count;
        return true;
    }
    reader_problem(reader, at, "\"" STR_FMT "\": the path to the list must be like a.b.c", STR_ARG(text));
    return false;
}

bool template_next_piece(struct str *rest, struct str *piece, bool *is_variable) {
    *is_variable = rest->at[0] == '{';
    const char *end = memchr(rest->at, *is_variable ? '}' : '{', rest->len);
    if (*is_variable && end == NULL)
        return false;
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);
    *piece = *is_variable ? str_slice(rest->at + 1, len - 1) : str_slice(rest->at, len);
    *rest = str_from(*rest, *is_variable ? len + 1 : len);
    return *is_variable || memchr(piece->at, '}', piece->len) == NULL;
}

bool compile_type_source(struct reader *reader, struct str text, const struct json *at, struct type_source *source) {
    *source = (struct type_source){.text = text};
    struct type_piece *pieces = ARENA_ARRAY(reader->arena, TYPE_PIECE_MAX, struct type_piece);
    struct str rest = text, piece;
    bool is_path = true;
    source->pieces = pieces;
    if (str_find(text, STR("{")) < 0 && str_find(text, STR("}")) < 0) {
        source->piece_count = 1;
        return compile_path(reader, text, at, &pieces[0].path);
    }
    while (rest.len > 0) {
        if (source->piece_count == TYPE_PIECE_MAX || !template_next_piece(&rest, &piece, &is_path)) {
            reader_problem(reader, at, "\"" STR_FMT "\": a brace has no counterpart, or there are more than %d parts",
                           STR_ARG(text), TYPE_PIECE_MAX);
            return false;
        }
        struct type_piece *made = &pieces[source->piece_count++];
        if (!is_path)
            made->text = piece;
        else if (!compile_path(reader, piece, at, &made->path))
            return false;
    }
    return true;
}
