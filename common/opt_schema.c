/* Every setting is one definition, which each spelling of its name refers to: {"admin": {"listen": …}} and
 * {"admin.listen": …} mean the same. Nothing is required, because the environment may give what a file leaves out. */
#include "common/json_writer.h"
#include "common/opt.h"

struct schema {
    const struct opt_table *table;
    struct json_writer json;
};

static void write_text(struct schema *schema, const char *key, const char *text) {
    json_key(&schema->json, key);
    json_str(&schema->json, str_of(text));
}

static void write_type(struct schema *schema, const char *type) {
    write_text(schema, "type", type);
}

static void write_choices(struct schema *schema, const char *const *choices) {
    json_key(&schema->json, "enum");
    json_array_begin(&schema->json);
    for (size_t i = 0; choices[i] != NULL; i++)
        json_str(&schema->json, str_of(choices[i]));
    json_array_end(&schema->json);
}

/* Text with commas, or an array of text. */
static void write_list(struct schema *schema) {
    struct json_writer *json = &schema->json;
    json_key(json, "anyOf");
    json_array_begin(json);
    json_object_begin(json);
    write_type(schema, "string");
    json_object_end(json);
    json_object_begin(json);
    write_type(schema, "array");
    json_key(json, "items");
    json_object_begin(json);
    write_type(schema, "string");
    json_object_end(json);
    json_object_end(json);
    json_array_end(json);
}

static void write_object(struct schema *schema, const struct opt *opt) {
    write_type(schema, "object");
    json_key(&schema->json, "additionalProperties");
    json_object_begin(&schema->json);
    if (opt->choices != NULL)
        write_choices(schema, opt->choices);
    else
        write_type(schema, "string");
    json_object_end(&schema->json);
}

static void write_shape(struct schema *schema, const struct opt *opt) {
    switch (opt->type) {
    case OPT_TEXT:
        write_type(schema, "string");
        break;
    case OPT_BOOL:
        write_type(schema, "boolean");
        break;
    case OPT_INT:
        write_type(schema, "integer");
        json_key(&schema->json, "minimum");
        json_int(&schema->json, opt->min);
        json_key(&schema->json, "maximum");
        json_int(&schema->json, opt->max);
        break;
    case OPT_DURATION:
        json_key(&schema->json, "anyOf");
        json_array_begin(&schema->json);
        json_object_begin(&schema->json);
        write_text(schema, "pattern", "^(0|[0-9]+(ms|s|m|h|d))$");
        write_type(schema, "string");
        json_object_end(&schema->json);
        json_object_begin(&schema->json);
        write_type(schema, "integer");
        json_key(&schema->json, "const");
        json_int(&schema->json, 0);
        json_object_end(&schema->json);
        json_array_end(&schema->json);
        break;
    case OPT_SIZE:
        json_key(&schema->json, "anyOf");
        json_array_begin(&schema->json);
        json_object_begin(&schema->json);
        write_type(schema, "string");
        write_text(schema, "pattern", "^[0-9]+(KiB|MiB|GiB)?$");
        json_object_end(&schema->json);
        json_object_begin(&schema->json);
        write_type(schema, "integer");
        json_object_end(&schema->json);
        json_array_end(&schema->json);
        break;
    case OPT_CHOICE:
        write_choices(schema, opt->choices);
        break;
    case OPT_LIST:
    case OPT_DURATIONS:
        write_list(schema);
        break;
    case OPT_OBJECT:
        write_object(schema, opt);
        break;
    }
}

static void write_definition(struct schema *schema, const struct opt *opt) {
    json_key(&schema->json, opt->name);
    json_object_begin(&schema->json);
    write_text(schema, "description", opt->meaning);
    write_shape(schema, opt);
    if (opt->initial != NULL)
        write_text(schema, "$comment", opt->initial); /* as text, whatever the type is */
    json_object_end(&schema->json);
}

static void write_reference(struct schema *schema, struct str name) {
    struct strbuf target = {0};
    strbuf_printf(&target, "#/$defs/" STR_FMT, STR_ARG(name));
    json_key(&schema->json, "$ref");
    json_str(&schema->json, strbuf_str(&target));
    strbuf_clear(&target);
}

/* What is left of the name below the group; false where it is not in it. */
static bool take_group(const struct opt *opt, struct str group, struct str *rest) {
    *rest = str_of(opt->name);
    if (group.len == 0)
        return true;
    if (!str_starts_with(*rest, group) || rest->len <= group.len || rest->at[group.len] != '.')
        return false;
    *rest = str_from(*rest, group.len + 1);
    return true;
}

static bool is_first_of_key(const struct schema *schema, struct str group, struct str key, const struct opt *opt) {
    for (const struct opt *earlier = schema->table->opts; earlier < opt; earlier++) {
        struct str rest, first;
        if (take_group(earlier, group, &rest) && str_next(&rest, '.', &first) && str_eq(first, key))
            return false;
    }
    return true;
}

static bool has_group(const struct schema *schema, struct str name) {
    struct str rest;
    for (size_t i = 0; i < schema->table->count; i++)
        if (take_group(&schema->table->opts[i], name, &rest))
            return true;
    return false;
}

static void write_group(struct schema *schema, struct str group, const struct opt *own);

/* A name that is a setting, the front of others, or both. */
static void write_member(struct schema *schema, struct str name) {
    const struct opt *own = opt_find(schema->table, name);
    bool is_group = has_group(schema, name);
    struct json_writer *json = &schema->json;
    json_object_begin(json);
    if (is_group && own != NULL) {
        json_key(json, "anyOf");
        json_array_begin(json);
        json_object_begin(json);
        write_reference(schema, name);
        json_object_end(json);
        json_object_begin(json);
    }
    if (is_group)
        write_group(schema, name, own);
    else
        write_reference(schema, name);
    if (is_group && own != NULL) {
        json_object_end(json);
        json_array_end(json);
    }
    json_object_end(json);
}

static void write_property(struct schema *schema, struct str key, struct str name) {
    json_key_str(&schema->json, key);
    json_object_begin(&schema->json);
    write_reference(schema, name);
    json_object_end(&schema->json);
}

/* Nested at most as deep as names have dots. */
static void write_group(struct schema *schema, struct str group, const struct opt *own) { // NOLINT(misc-no-recursion)
    struct json_writer *json = &schema->json;
    write_type(schema, "object");
    json_key(json, "additionalProperties");
    json_bool(json, false);
    json_key(json, "properties");
    json_object_begin(json);
    if (own != NULL)
        write_property(schema, str_of(schema->table->own_key), str_of(own->name));
    for (const struct opt *opt = schema->table->opts; opt < schema->table->opts + schema->table->count; opt++) {
        struct str rest, whole, key;
        if (!take_group(opt, group, &rest))
            continue;
        whole = rest;
        bool is_dotted = str_next(&rest, '.', &key) && key.len < whole.len;
        if (is_dotted)
            write_property(schema, whole, str_of(opt->name));
        if (is_first_of_key(schema, group, key, opt)) {
            json_key_str(json, key);
            write_member(schema, str_slice(opt->name, (size_t)(key.at + key.len - opt->name)));
        }
    }
    json_object_end(json);
}

void opt_schema(struct strbuf *out, const struct opt_table *table, const char *title) {
    struct schema schema = {.table = table};
    struct json_writer *json = &schema.json;
    json_begin(json, out);
    json_object_begin(json);
    write_text(&schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    write_text(&schema, "title", title);
    write_group(&schema, STR(""), NULL);
    json_key(json, "$defs");
    json_object_begin(json);
    for (size_t i = 0; i < table->count; i++)
        write_definition(&schema, &table->opts[i]);
    json_object_end(json);
    json_object_end(json);
    strbuf_append_char(out, '\n');
}
