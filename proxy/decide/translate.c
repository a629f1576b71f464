/* The source is read as classify() reads it, then once more for its variables: a message that is translated is rare,
 * and one that is not must not pay for it. */
#include "proxy/decide/translate.h"

#include "common/clock.h"

struct translating {
    const struct translate_request *request;
    struct arena *arena;
    const struct catalog_type *type;
    struct source source;
    struct values values;
    struct translations *out;
    size_t capacity;
};

static struct translation *add_translation(struct translating *translating) {
    struct translations *out = translating->out;
    if (out->count == translating->capacity) {
        size_t capacity = translating->capacity == 0 ? 4 : translating->capacity * 2;
        struct translation *larger = ARENA_ARRAY(translating->arena, capacity, struct translation);
        if (out->count > 0)
            memcpy(larger, out->items, out->count * sizeof *larger);
        out->items = larger;
        translating->capacity = capacity;
    }
    out->items[out->count] = (struct translation){0};
    return &out->items[out->count++];
}

static void write_one(struct translating *translating, const struct catalog_type *target, struct str name,
                      const struct json *element, uint32_t item, const struct str *keys, size_t key_count) {
    const struct translate_request *request = translating->request;
    struct strbuf text = {0};
    struct body_notes notes = {0};
    if (target->body == NULL || (request->only_type.at != NULL &&
                                 !catalog_is_same(request->catalog, target->generation, request->only_type, name)))
        return;
    struct body_values values = {
        .type = translating->type,
        .values = &translating->values,
        .root = translating->source.root,
        .element = element,
        .target_type = name,
        .arrived = request->arrived_ms < 0 ? STR_NONE : clock_format_rfc3339(translating->arena, request->arrived_ms),
        .last = request->last == NULL ? NULL : request->last(request->arg, target->generation, name),
        .settings = request->settings,
    };
    if (body_fill(target->body, &values, translating->arena, &text, request->with_notes ? &notes : NULL)) {
        struct translation *made = add_translation(translating);
        made->generation = target->generation;
        made->type = arena_str(translating->arena, name);
        made->item = item;
        made->body = arena_str(translating->arena, strbuf_str(&text));
        made->notes = notes;
        made->facts = request->with_facts ? arena_copy(translating->arena, keys, key_count * sizeof *keys) : NULL;
        made->fact_count = request->with_facts ? key_count : 0;
    }
    strbuf_clear(&text);
}

/* ---- an event as rules ---- */

static bool holds(const struct translating *translating, int variable, struct str value) {
    return variable == VARIABLE_NONE || str_eq_nocase(translating->values.at[variable], value);
}

static struct str key_of(struct translating *translating, const struct catalog_fact *fact) {
    return template_fill_key(&fact->key, translating->type->variables, &translating->values, translating->arena);
}

/* The facts of the item at hand that the rule states as well. */
static size_t shared_facts(struct translating *translating, const struct catalog_replaced *replaced,
                           struct str keys[ITEM_FACT_MAX]) {
    const struct catalog_type *type = translating->type;
    size_t count = 0;
    for (size_t i = 0; i < type->item_fact_count + type->fact_count && count < ITEM_FACT_MAX; i++) {
        bool is_of_item = i < type->item_fact_count;
        if ((replaced->told_by >> i & 1U) == 0)
            continue;
        keys[count] = key_of(translating, is_of_item ? &type->item_facts[i] : &type->facts[i - type->item_fact_count]);
        count += keys[count].at != NULL ? 1 : 0;
    }
    return count;
}

static void write_rules(struct translating *translating, const struct json *element, uint32_t item) {
    const struct translate_request *request = translating->request;
    for (size_t k = 0; k < translating->type->replaces_count; k++) {
        const struct catalog_replaced *replaced = &translating->type->replaces[k];
        const struct catalog_type *rule = catalog_type_at(request->catalog, GENERATION_RULE, replaced->listed);
        struct str name = replaced->name.piece_count == 0
                              ? replaced->rule
                              : template_fill(&replaced->name, &translating->values, translating->arena);
        if (name.at == NULL || !holds(translating, replaced->if_variable, replaced->if_value) ||
            !holds(translating, replaced->write_if_variable, replaced->write_if_value) ||
            (request->is_wanted != NULL && !request->is_wanted(request->arg, name)))
            continue;
        struct str keys[ITEM_FACT_MAX];
        size_t count = shared_facts(translating, replaced, keys);
        if (count > 0 || replaced->told_by == 0)
            write_one(translating, rule, name, element, item, keys, count);
    }
}

static void write_items(struct translating *translating) {
    const struct catalog_type *type = translating->type;
    const struct json *list = type->items.has_list ? path_find(&type->items, translating->source.root) : NULL;
    uint32_t item = 0;
    if (list == NULL || list->type != JSON_ARRAY) {
        write_rules(translating, NULL, 0);
        return;
    }
    for (const struct json *element = list->first; element != NULL && item < ITEM_MAX;
         element = element->next, item++) {
        struct source source = translating->source;
        source.root = element;
        variables_read(type->variables, type->variable_count, type->variable_count + type->item_variable_count, &source,
                       translating->arena, &translating->values);
        write_rules(translating, element, item);
    }
}

/* ---- a rule as an event ---- */

static void write_event(struct translating *translating, struct str name) {
    const struct catalog_type *event =
        name.at == NULL ? NULL : catalog_find(translating->request->catalog, GENERATION_EVENT, name);
    struct str keys[ITEM_FACT_MAX];
    size_t count = 0;
    if (event == NULL)
        return;
    for (size_t i = 0; i < translating->type->fact_count && translating->request->with_facts; i++) {
        const struct catalog_fact *fact = &translating->type->facts[i];
        keys[count] = key_of(translating, fact);
        count += keys[count].at != NULL ? 1 : 0;
    }
    write_one(translating, event, name, NULL, 0, keys, count);
}

/* ---- both ---- */

/* The variables of the message; `captured` is what its type's {x} stands for. */
static void read_values(struct translating *translating, struct str captured) {
    const struct catalog_type *type = translating->type;
    if (type->captured != VARIABLE_NONE)
        translating->values.at[type->captured] = captured;
    if (type->generation == GENERATION_RULE)
        translating->values.at[VARIABLE_RULE] = type->name;
    variables_read(type->variables, 0, type->variable_count, &translating->source, translating->arena,
                   &translating->values);
}

static void write_all(struct translating *translating) {
    if (translating->type->generation == GENERATION_EVENT)
        write_items(translating);
    else
        write_event(translating,
                    template_fill(&translating->type->counterpart, &translating->values, translating->arena));
}

static enum err read_source(struct translating *translating, struct err_detail *detail) {
    const struct json_limits limits = {.depth = BODY_DEPTH_MAX, .values = BODY_VALUES_MAX};
    const struct translate_request *request = translating->request;
    struct message message = {0};
    struct json_error error;
    struct json *root;
    enum err err = classify(request->catalog, request->body, translating->arena, &message, &error);
    if (err == ERR_NONE)
        err = json_parse(translating->arena, request->body, &limits, &root, &error);
    if (err != ERR_NONE)
        return err_set(detail, err, "line %u, column %u: %s", error.line, error.column, error.what);
    if (message.generation == GENERATION_UNKNOWN)
        return err_set(detail, ERR_INVALID, "the body has the shape of neither generation");
    if (!message.type_known || message.counterpart.len == 0)
        return err_set(detail, ERR_INVALID, "nothing corresponds to \"" STR_FMT "\"%s", STR_ARG(message.type),
                       message.type_known ? "" : ", a type that the catalogue does not list");
    translating->type = catalog_find(request->catalog, message.generation, message.type);
    if (translating->type == NULL)
        return err_set(detail, ERR_INVALID, "the catalogue does not list \"" STR_FMT "\"", STR_ARG(message.type));
    translating->source = (struct source){.root = root};
    translating->out->source = message.generation;
    translating->out->source_type = message.type;
    read_values(translating, catalog_captured(translating->type, message.type));
    return ERR_NONE;
}

static bool has_template(const struct translating *translating) {
    const struct catalog_type *type = translating->type;
    const struct catalog *catalog = translating->request->catalog;
    if (type->generation == GENERATION_RULE) {
        struct str name = template_fill(&type->counterpart, &translating->values, translating->arena);
        type = name.at == NULL ? NULL : catalog_find(catalog, GENERATION_EVENT, name);
        return type != NULL && type->body != NULL;
    }
    for (size_t k = 0; k < type->replaces_count; k++)
        if (catalog_type_at(catalog, GENERATION_RULE, type->replaces[k].listed)->body != NULL)
            return true;
    return false;
}

/* Why nothing was written. */
static enum err nothing(const struct translating *translating, struct err_detail *detail) {
    const struct str source = translating->out->source_type, only = translating->request->only_type;
    if (!has_template(translating))
        return err_set(detail, ERR_INVALID,
                       "the catalogue does not say how what corresponds to \"" STR_FMT "\" is written",
                       STR_ARG(source));
    if (only.at != NULL)
        return err_set(detail, ERR_NOT_FOUND, "this \"" STR_FMT "\" does not tell of a \"" STR_FMT "\"",
                       STR_ARG(source), STR_ARG(only));
    return err_set(detail, ERR_NOT_FOUND, "this \"" STR_FMT "\" tells of nothing that the other generation has",
                   STR_ARG(source));
}

enum err translate(const struct translate_request *request, struct arena *arena, struct translations *translations,
                   struct err_detail *detail) {
    struct translating translating = {.request = request, .arena = arena, .out = translations};
    *translations = (struct translations){0};
    enum err err = read_source(&translating, detail);
    if (translating.type == NULL) /* set when all is well */
        return err;
    write_all(&translating);
    return translations->count > 0 ? ERR_NONE : nothing(&translating, detail);
}

void translate_parsed(const struct translate_request *request, const struct catalog_type *type, struct str captured,
                      const struct json *root, struct arena *arena, struct translations *translations) {
    struct translating translating = {
        .request = request, .arena = arena, .type = type, .source = {.root = root}, .out = translations};
    *translations = (struct translations){.source = type->generation, .source_type = type->name};
    read_values(&translating, captured);
    write_all(&translating);
}
