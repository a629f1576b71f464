/* The questions are those that classify() asks, one by one, and in its order. */
#include "proxy/decide/classify_explain.h"

#include "proxy/decide/classify_shape.h"

struct explaining {
    const struct catalog *catalog;
    const struct source *source;
    struct arena *arena;
    struct strbuf *out;
};

static void explain_with(const struct explaining *explaining, const struct catalog_shape *shape) {
    for (size_t i = 0; i < shape->with_count; i++) {
        const struct catalog_with *with = &shape->with[i];
        struct str value = path_text(&with->path, explaining->source, true);
        if (shape_has(with, explaining->source))
            continue;
        if (!path_exists(&with->path, explaining->source))
            strbuf_printf(explaining->out, "    \"with\": " STR_FMT " is missing\n", STR_ARG(with->path.text));
        else
            strbuf_printf(explaining->out, "    \"with\": " STR_FMT " is \"" STR_FMT "\", which is not asked for\n",
                          STR_ARG(with->path.text), STR_ARG(value));
    }
}

/* Does it fit? */
static bool explain_shape(const struct explaining *explaining, size_t index) {
    const struct catalog_shape *shape = catalog_shape_at(explaining->catalog, index);
    struct str type = shape_type(&shape->type, explaining->source, explaining->arena);
    strbuf_printf(explaining->out, "shape %zu, %s, type at " STR_FMT ": ", index + 1,
                  generation_name(shape->generation), STR_ARG(shape->type.text));
    if (type.at == NULL) {
        strbuf_append(explaining->out, STR("no, there is no text\n"));
        return false;
    }
    if (!shape_has_all(shape, explaining->source)) {
        strbuf_printf(explaining->out, "no, though the type is \"" STR_FMT "\"\n", STR_ARG(type));
        explain_with(explaining, shape);
        return false;
    }
    if (shape->known && catalog_find(explaining->catalog, shape->generation, type) == NULL) {
        strbuf_printf(explaining->out, "no, \"" STR_FMT "\" is not listed\n", STR_ARG(type));
        return false;
    }
    strbuf_printf(explaining->out, "yes, the type is \"" STR_FMT "\"\n", STR_ARG(type));
    return true;
}

static void explain_source(const struct explaining *explaining, const struct variable *variable,
                           const struct source *source) {
    for (size_t i = 0; i < variable->path_count; i++) {
        struct str value = path_text(&variable->paths[i], source, variable->map != NULL);
        if (value.at != NULL) {
            strbuf_printf(explaining->out, ", \"" STR_FMT "\" at " STR_FMT, STR_ARG(value),
                          STR_ARG(variable->paths[i].text));
            return;
        }
        strbuf_printf(explaining->out, ", nothing at " STR_FMT, STR_ARG(variable->paths[i].text));
    }
    if (variable->kind == VARIABLE_TEXT)
        strbuf_append(explaining->out, STR(", a text"));
    else if (variable->kind == VARIABLE_GIVEN)
        strbuf_append(explaining->out, STR(", of the type"));
}

static void explain_variables(const struct explaining *explaining, const struct catalog_type *type, size_t from,
                              size_t to, const struct source *source, struct values *values) {
    variables_read(type->variables, from, to, source, explaining->arena, values);
    for (size_t i = from > 1 ? from : 1; i < to; i++) {
        const struct variable *variable = &type->variables[i];
        struct str value = values->at[i];
        strbuf_printf(explaining->out, "    {" STR_FMT "} ", STR_ARG(variable->name));
        if (value.at != NULL)
            strbuf_printf(explaining->out, "= \"" STR_FMT "\"", STR_ARG(value));
        else
            strbuf_append(explaining->out, STR("has no value"));
        explain_source(explaining, variable, source);
        if (variable->map != NULL)
            strbuf_printf(explaining->out, ", through the map \"" STR_FMT "\"", STR_ARG(variable->map->name));
        strbuf_append_char(explaining->out, '\n');
    }
}

static void explain_facts(const struct explaining *explaining, const struct catalog_type *type,
                          const struct catalog_fact *facts, size_t count, const struct values *values) {
    for (size_t i = 0; i < count; i++) {
        struct str key = template_fill_key(&facts[i].key, type->variables, values, explaining->arena);
        strbuf_printf(explaining->out, "    fact " STR_FMT ": ", STR_ARG(facts[i].name));
        if (key.at != NULL)
            strbuf_printf(explaining->out, STR_FMT "\n", STR_ARG(key));
        else if (facts[i].per_rule)
            strbuf_append(explaining->out, STR("one for each rule that it replaces\n"));
        else
            strbuf_append(explaining->out, STR("not stated, because a variable has no value\n"));
    }
}

static void explain_items(const struct explaining *explaining, const struct catalog_type *type, struct values *values) {
    const struct json *list = type->items.has_list ? path_find(&type->items, explaining->source->root) : NULL;
    size_t number = 0;
    for (const struct json *element = list != NULL && list->type == JSON_ARRAY ? list->first : NULL; element != NULL;
         element = element->next) {
        struct source source = *explaining->source;
        source.root = element;
        strbuf_printf(explaining->out, "  item %zu\n", ++number);
        explain_variables(explaining, type, type->variable_count, type->variable_count + type->item_variable_count,
                          &source, values);
        explain_facts(explaining, type, type->item_facts, type->item_fact_count, values);
    }
}

static void explain_type(const struct explaining *explaining, const struct catalog_shape *shape) {
    struct str text = shape_type(&shape->type, explaining->source, explaining->arena);
    const struct catalog_type *listed = catalog_find(explaining->catalog, shape->generation, text);
    const struct catalog_type *type =
        listed != NULL ? listed : catalog_unlisted(explaining->catalog, shape->generation);
    struct values values = {0};
    if (listed == NULL)
        strbuf_append(explaining->out, STR("the type is not listed: it states no facts\n"));
    else
        strbuf_printf(explaining->out, "listed as \"" STR_FMT "\"\n", STR_ARG(listed->name));
    if (type->captured != VARIABLE_NONE)
        values.at[type->captured] = catalog_captured(type, text);
    if (listed != NULL && shape->generation == GENERATION_RULE)
        values.at[VARIABLE_RULE] = type->captured != VARIABLE_NONE ? text : type->name;
    explain_variables(explaining, type, 0, type->variable_count, explaining->source, &values);
    explain_facts(explaining, type, type->facts, type->fact_count, &values);
    explain_items(explaining, type, &values);
}

enum err classify_explain(const struct catalog *catalog, const struct classify_input *input, struct strbuf *out,
                          struct json_error *error) {
    struct arena *arena = arena_new(0);
    struct opened_body opened;
    enum err err = body_open(catalog, input, arena, &opened, error);
    const struct explaining explaining = {catalog, &opened.source, arena, out};
    bool fits = false;
    if (err == ERR_NONE && opened.count == 0)
        strbuf_append(out, STR("the body holds no message that could be recognised\n"));
    else if (err == ERR_NONE && opened.count > 1)
        strbuf_printf(out, "the body holds %zu messages; this is the first\n", opened.count);
    for (size_t i = 0; err == ERR_NONE && opened.count > 0 && !fits && i < catalog_shape_count(catalog); i++) {
        fits = explain_shape(&explaining, i);
        if (fits)
            explain_type(&explaining, catalog_shape_at(catalog, i));
    }
    arena_free(arena);
    return err != ERR_NONE ? err : fits ? ERR_NONE : ERR_NOT_FOUND;
}
