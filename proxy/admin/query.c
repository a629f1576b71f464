#include "proxy/admin/query.h"

static int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Percent signs, and as forms are encoded plus signs for spaces. */
static bool decode(struct arena *arena, struct str text, bool plus_is_space, struct str *decoded) {
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = i + 2 < text.len ? digit_of(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? digit_of(text.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[len++] = c;
    }
    *decoded = str_slice(out, len);
    return str_is_utf8(*decoded);
}

enum err query_parse(struct arena *arena, struct str text, struct query *query, struct err_detail *detail) {
    struct query read = {.count = 0};
    struct str piece;
    while (str_next(&text, '&', &piece)) {
        if (piece.len == 0)
            continue;
        if (read.count == QUERY_MAX)
            return err_set(detail, ERR_LIMIT, "the query has more than %d members", QUERY_MAX);
        ptrdiff_t equals = str_find(piece, STR("="));
        struct str name = equals < 0 ? piece : str_slice(piece.at, (size_t)equals);
        struct str value = equals < 0 ? STR("") : str_from(piece, (size_t)equals + 1);
        struct query_pair *pair = &read.pairs[read.count++];
        if (!decode(arena, name, true, &pair->name) || !decode(arena, value, true, &pair->value))
            return err_set(detail, ERR_INVALID, "\"" STR_FMT "\" in the query cannot be decoded", STR_ARG(piece));
    }
    *query = read;
    return ERR_NONE;
}

struct str query_get(const struct query *query, struct str name) {
    for (size_t i = query->count; i > 0; i--)
        if (str_eq(query->pairs[i - 1].name, name))
            return query->pairs[i - 1].value;
    return STR_NONE;
}

static enum err complain_unknown(struct str name, const char *const *known, struct err_detail *detail) {
    struct strbuf names = {0};
    for (size_t k = 0; known[k] != NULL; k++)
        strbuf_printf(&names, "%s%s", k == 0 ? "" : ", ", known[k]);
    enum err err = err_set(detail, ERR_INVALID, "there is no \"" STR_FMT "\" here; there is %s", STR_ARG(name),
                           names.len > 0 ? names.at : "nothing to give");
    strbuf_clear(&names);
    return err;
}

enum err query_check(const struct query *query, const char *const *known, struct err_detail *detail) {
    for (size_t i = 0; i < query->count; i++) {
        struct str name = query->pairs[i].name;
        size_t k = 0;
        while (known[k] != NULL && !str_eq(name, str_of(known[k])))
            k++;
        if (known[k] == NULL)
            return complain_unknown(name, known, detail);
        for (size_t before = 0; before < i; before++)
            if (str_eq(query->pairs[before].name, name))
                return err_set(detail, ERR_INVALID, "\"" STR_FMT "\" is given twice", STR_ARG(name));
    }
    return ERR_NONE;
}

enum err query_decode(struct arena *arena, struct str text, struct str *decoded, struct err_detail *detail) {
    if (decode(arena, text, false, decoded))
        return ERR_NONE;
    return err_set(detail, ERR_INVALID, "\"" STR_FMT "\" in the path cannot be decoded", STR_ARG(text));
}

void query_encode(struct strbuf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            strbuf_append_char(out, (char)c);
        else
            strbuf_printf(out, "%%%02X", c);
    }
}
