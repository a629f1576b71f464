#include "proxy/decide/catalog.h"

#include "catalog_json.h"
#include "catalogue_pagerduty_json.h"
#include "catalogue_stripe_json.h"
#include "common/mem.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/catalog_parts.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *file;
    const unsigned char *text;
    const size_t *len;
} built_in[] = {
    {"codat", "catalog.json", catalog_json, &catalog_json_len},
    {"pagerduty", "catalogue_pagerduty.json", catalogue_pagerduty_json, &catalogue_pagerduty_json_len},
    {"stripe", "catalogue_stripe.json", catalogue_stripe_json, &catalogue_stripe_json_len},
};

size_t catalog_built_in_count(void) {
    return ARRAY_LEN(built_in);
}

struct catalog_built_in catalog_built_in_at(size_t index) {
    return (struct catalog_built_in){.name = built_in[index].name,
                                     .file = built_in[index].file,
                                     .text = str_slice((const char *)built_in[index].text, *built_in[index].len)};
}

struct catalog *catalog_builtin(void) {
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    struct catalog_built_in first = catalog_built_in_at(0);
    if (catalog_load(first.text, first.file, &catalog, &problems) != ERR_NONE) { /* GCOVR_EXCL_BR_LINE */
        /* A bug of this program, which no test can have built in. GCOVR_EXCL_START */
        struct str shown = strbuf_str(&problems);
        fprintf(stderr, "hookshift: the built-in catalogue is broken:\n" STR_FMT, STR_ARG(shown));
        abort();
        /* GCOVR_EXCL_STOP */
    }
    return catalog;
}

void catalog_free(struct catalog *catalog) {
    if (catalog == NULL)
        return;
    arena_free(catalog->arena);
    mem_free(catalog);
}

struct str catalog_about(const struct catalog *catalog) {
    return catalog->about;
}

struct str catalog_generation_name(const struct catalog *catalog, enum generation generation) {
    if (generation == GENERATION_UNKNOWN)
        return str_of(generation_name(generation));
    return generation == GENERATION_RULE ? catalog->rule_name : catalog->event_name;
}

const struct catalog_answers *catalog_answers(const struct catalog *catalog) {
    return &catalog->answers;
}

const struct json *catalog_examples(const struct catalog *catalog) {
    return catalog->examples;
}

size_t catalog_shape_count(const struct catalog *catalog) {
    return catalog->shape_count;
}

const struct catalog_shape *catalog_shape_at(const struct catalog *catalog, size_t index) {
    return &catalog->shapes[index];
}

static const struct catalog_types *types_of(const struct catalog *catalog, enum generation generation) {
    return generation == GENERATION_RULE ? &catalog->rules : &catalog->events;
}

const struct catalog_type *catalog_unlisted(const struct catalog *catalog, enum generation generation) {
    return &types_of(catalog, generation)->unlisted;
}

size_t catalog_type_count(const struct catalog *catalog, enum generation generation) {
    return types_of(catalog, generation)->count;
}

const struct catalog_type *catalog_type_at(const struct catalog *catalog, enum generation generation, size_t index) {
    return &types_of(catalog, generation)->types[index];
}

const struct scheme *catalog_scheme(const struct catalog *catalog, enum generation generation) {
    return generation == GENERATION_RULE ? catalog->rule_scheme : catalog->event_scheme;
}

const struct scheme *catalog_scheme_named(const struct catalog *catalog, struct str name) {
    return scheme_find(&catalog->schemes, name);
}

size_t catalog_scheme_count(const struct catalog *catalog) {
    return catalog->schemes.count;
}

const struct scheme *catalog_scheme_at(const struct catalog *catalog, size_t index) {
    return &catalog->schemes.schemes[index];
}

bool catalog_has_replacement(const struct catalog_type *type) {
    return type->generation == GENERATION_RULE ? type->counterpart.piece_count > 0 : type->replaces_count > 0;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

size_t catalog_normalise(enum generation generation, struct str ends_at, struct str type, char out[TYPE_NAME_MAX]) {
    bool is_rule = generation == GENERATION_RULE;
    size_t len = 0;
    if (is_rule && ends_at.len > 0 && str_find(type, ends_at) >= 0)
        type.len = (size_t)str_find(type, ends_at);
    for (size_t i = 0; i < type.len; i++) {
        char c = type.at[i];
        if (is_rule && is_space(c))
            continue;
        if (len == TYPE_NAME_MAX)
            return 0;
        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return len;
}

static int compare_names(const void *a, const void *b) {
    return str_compare(((const struct catalog_name *)a)->text, ((const struct catalog_name *)b)->text);
}

void catalog_sort_names(struct catalog_types *types) {
    if (types->name_count > 0)
        qsort(types->names, types->name_count, sizeof types->names[0], compare_names);
}

bool catalog_is_same(const struct catalog *catalog, enum generation generation, struct str a, struct str b) {
    char normal_a[TYPE_NAME_MAX], normal_b[TYPE_NAME_MAX];
    size_t len_a = catalog_normalise(generation, catalog->rule_type_ends_at, a, normal_a);
    size_t len_b = catalog_normalise(generation, catalog->rule_type_ends_at, b, normal_b);
    return str_eq_nocase(a, b) || (len_a > 0 && str_eq(str_slice(normal_a, len_a), str_slice(normal_b, len_b)));
}

static bool matches_pattern(const struct catalog_type *type, struct str text) {
    if (type->captured == VARIABLE_NONE || text.len <= type->prefix.len + type->suffix.len)
        return false;
    return str_eq_nocase(str_slice(text.at, type->prefix.len), type->prefix) &&
           str_eq_nocase(str_from(text, text.len - type->suffix.len), type->suffix);
}

struct str catalog_captured(const struct catalog_type *type, struct str text) {
    if (type->captured == VARIABLE_NONE)
        return STR_NONE;
    return str_slice(text.at + type->prefix.len, text.len - type->prefix.len - type->suffix.len);
}

const struct catalog_type *catalog_find(const struct catalog *catalog, enum generation generation, struct str type) {
    const struct catalog_types *types = types_of(catalog, generation);
    char normal[TYPE_NAME_MAX];
    struct catalog_name wanted = {
        str_slice(normal, catalog_normalise(generation, catalog->rule_type_ends_at, type, normal)), NULL};
    if (wanted.text.len > 0 && types->name_count > 0) {
        const struct catalog_name *found =
            bsearch(&wanted, types->names, types->name_count, sizeof types->names[0], compare_names);
        if (found != NULL)
            return found->type;
    }
    for (size_t i = 0; i < types->count; i++)
        if (matches_pattern(&types->types[i], type))
            return &types->types[i];
    return NULL;
}

uint64_t catalog_digest(const struct catalog *catalog) {
    return catalog->digest;
}
