/* A type is built in a scope: {rule}, what its generation shares, what its name captures, its own variables, and those
 * of its items; the position in the scope is what templates refer to afterwards. */
#include "proxy/decide/catalog_types.h"

#include "proxy/decide/body.h"

/* ---- what both generations' types have ---- */

static void add_name(struct loader *loader, struct catalog_types *types, const struct catalog_type *type,
                     struct str name, const struct json *at) {
    char normal[TYPE_NAME_MAX];
    size_t len = catalog_normalise(type->generation, loader->catalog->rule_type_ends_at, name, normal);
    if (len == 0) {
        reader_problem(&loader->reader, at, "a type must have a name of at most %d bytes", TYPE_NAME_MAX);
        return;
    }
    struct str text = arena_str(loader->reader.arena, str_slice(normal, len));
    for (size_t i = 0; i < types->name_count; i++)
        if (str_eq(types->names[i].text, text)) {
            reader_problem(&loader->reader, at, "\"" STR_FMT "\" stands for \"" STR_FMT "\" already", STR_ARG(name),
                           STR_ARG(types->names[i].type->name));
            return;
        }
    types->names[types->name_count++] = (struct catalog_name){text, type};
}

/* Writes what is known of the scope into the type. `message_count`: variables but those of the items. */
static void take_scope(struct loader *loader, const struct scope *scope, size_t message_count,
                       struct catalog_type *type) {
    struct scope message_scope = *scope;
    message_scope.count = message_count;
    type->variables = arena_copy(loader->reader.arena, scope->variables, scope->count * sizeof scope->variables[0]);
    type->variable_count = message_count;
    type->item_variable_count = scope->count - message_count;
    for (int known = 0; known < KNOWN_COUNT; known++)
        type->known[known] = scope_find(&message_scope, well_known_name((enum well_known)known));
    int data_type = scope_find(scope, well_known_name(KNOWN_DATA_TYPE));
    type->item_data_type = data_type >= (int)message_count ? data_type : VARIABLE_NONE;
}

static const struct scheme *read_shared_scheme(struct loader *loader, const struct json *object) {
    struct str name = reader_text(&loader->reader, object, "scheme", READER_OPTIONAL);
    const struct scheme_list *schemes = &loader->catalog->schemes;
    const struct scheme *scheme = scheme_find(schemes, name.at != NULL ? name : STR("standard-webhooks"));
    if (scheme != NULL)
        return scheme;
    reader_problem(&loader->reader, json_get(object, STR("scheme")), "there is no scheme \"" STR_FMT "\"",
                   STR_ARG(name));
    return &schemes->schemes[0];
}

static void read_shared(struct loader *loader, const struct json *root, enum generation generation) {
    struct reader *reader = &loader->reader;
    const bool is_rule = generation == GENERATION_RULE;
    const struct json *object = reader_member(reader, root, is_rule ? "rule" : "event", JSON_OBJECT, READER_REQUIRED);
    scope_init(&loader->shared, reader, &loader->vocabulary, generation);
    if (object != NULL) {
        reader_expect_members(reader, object, SECTION_SHARED);
        scope_add_all(&loader->shared, reader_member(reader, object, "variables", JSON_OBJECT, READER_REQUIRED));
        if (is_rule)
            loader->catalog->rule_type_ends_at = reader_text(reader, object, "type_ends_at", READER_OPTIONAL);
        else if (json_get(object, STR("type_ends_at")) != NULL)
            reader_problem(reader, json_get(object, STR("type_ends_at")), "\"type_ends_at\" is for \"rule\" only");
    }
    *(is_rule ? &loader->catalog->rule_scheme : &loader->catalog->event_scheme) = read_shared_scheme(loader, object);
    struct catalog_type *unlisted = is_rule ? &loader->catalog->rules.unlisted : &loader->catalog->events.unlisted;
    *unlisted = (struct catalog_type){.generation = generation, .captured = VARIABLE_NONE};
    take_scope(loader, &loader->shared, loader->shared.count, unlisted);
}

static const struct body_template *read_body(struct loader *loader, const struct json *object) {
    const struct json *body = reader_member(&loader->reader, object, "body", JSON_OBJECT, READER_OPTIONAL);
    return body == NULL ? NULL : body_compile(&loader->reader, &loader->vocabulary, body);
}

/* Room for as many types as the list has elements, and for all their names. */
static struct catalog_type *types_begin(struct loader *loader, const struct json *list, struct catalog_types *types) {
    size_t name_count = 0;
    for (const struct json *object = list->first; object != NULL; object = object->next) {
        const struct json *labels = json_get(object, STR("labels"));
        name_count += 1 + (labels == NULL ? 0 : labels->count);
    }
    struct catalog_type *made = ARENA_ARRAY(loader->reader.arena, list->count, struct catalog_type);
    types->types = made;
    types->names = ARENA_ARRAY(loader->reader.arena, name_count, struct catalog_name);
    return made;
}

/* "connection.created", or a pattern with one {x} in it; "{x}" alone stands for every type. */
static void read_name(struct loader *loader, const struct json *object, struct scope *scope, const char *member,
                      struct catalog_types *types, struct catalog_type *type) {
    struct reader *reader = &loader->reader;
    struct str name = reader_text(reader, object, member, READER_REQUIRED);
    const struct json *at = json_get(object, str_of(member));
    type->name = type->label = name;
    if (name.at == NULL)
        return;
    add_name(loader, types, type, name, at);
    ptrdiff_t open = str_find(name, STR("{")), close = str_find(name, STR("}"));
    if (open < 0 && close < 0)
        return;
    type->prefix = str_slice(name.at, open < 0 ? 0 : (size_t)open);
    type->suffix = str_from(name, (size_t)close + 1);
    bool sane =
        open >= 0 && close > open + 1 && str_find(type->suffix, STR("{")) < 0 && str_find(type->suffix, STR("}")) < 0;
    type->label = ARENA_JOIN(reader->arena, type->prefix, STR("*"), type->suffix);
    if (sane)
        type->captured = scope_add_given(scope, str_slice(name.at + open + 1, (size_t)(close - open - 1)), at);
    else
        reader_problem(reader, at, "a type has at most one {x}, with a name between the braces");
}

/* ---- rules ---- */

static void read_labels(struct loader *loader, const struct json *object, const struct catalog_type *type) {
    const struct json *labels = reader_member(&loader->reader, object, "labels", JSON_ARRAY, READER_OPTIONAL);
    for (const struct json *label = labels == NULL ? NULL : labels->first; label != NULL; label = label->next)
        if (reader_expect(&loader->reader, label, JSON_STRING))
            add_name(loader, &loader->catalog->rules, type, label->text, label);
}

static void read_rule(struct loader *loader, const struct json *object, struct catalog_type *type) {
    struct reader *reader = &loader->reader;
    struct scope scope = loader->shared;
    *type = (struct catalog_type){.generation = GENERATION_RULE, .captured = VARIABLE_NONE};
    if (!reader_expect(reader, object, JSON_OBJECT))
        return;
    reader_expect_members(reader, object, SECTION_RULE);
    read_name(loader, object, &scope, "name", &loader->catalog->rules, type);
    read_labels(loader, object, type);
    const struct json *variables = reader_member(reader, object, "variables", JSON_OBJECT, READER_OPTIONAL);
    scope_add_all(&scope, variables);
    const struct json *facts = reader_member(reader, object, "facts", JSON_ARRAY, READER_OPTIONAL);
    type->fact_count = compile_facts(&scope, facts, &type->facts);
    struct str counterpart = reader_text(reader, object, "counterpart", READER_OPTIONAL);
    if (counterpart.at != NULL &&
        !compile_template(&scope, counterpart, json_get(object, STR("counterpart")), &type->counterpart))
        type->counterpart = (struct template){0};
    if (counterpart.at == NULL && type->fact_count > 0)
        reader_problem(reader, facts, "a rule without \"counterpart\" never has a twin, so it needs no facts");
    type->fact_max = type->fact_count;
    if (type->fact_max > ITEM_FACT_MAX)
        reader_problem(reader, facts, "there are too many facts: %d are possible", ITEM_FACT_MAX);
    scope_check_used(&scope, loader->shared.count, variables);
    type->body = read_body(loader, object);
    take_scope(loader, &scope, scope.count, type);
}

void loader_read_rules(struct loader *loader, const struct json *root) {
    struct catalog_types *rules = &loader->catalog->rules;
    read_shared(loader, root, GENERATION_RULE);
    const struct json *list = reader_member(&loader->reader, root, "rules", JSON_ARRAY, READER_REQUIRED);
    if (list == NULL)
        return;
    struct catalog_type *types = types_begin(loader, list, rules);
    for (const struct json *object = list->first; object != NULL; object = object->next)
        read_rule(loader, object, &types[rules->count++]);
}

/* ---- events ---- */

#define NOT_LISTED SIZE_MAX

/* The rule type that is called so; of a text with a variable in it, the pattern with the same text around it. */
static size_t find_listed(const struct catalog *catalog, struct str name) {
    ptrdiff_t open = str_find(name, STR("{")), close = str_find(name, STR("}"));
    struct str prefix = str_slice(name.at, open < 0 ? 0 : (size_t)open), suffix = str_from(name, (size_t)close + 1);
    for (size_t i = 0; i < catalog->rules.count; i++) {
        const struct catalog_type *rule = &catalog->rules.types[i];
        bool is_pattern = open >= 0 && rule->captured != VARIABLE_NONE;
        if (is_pattern ? str_eq(rule->prefix, prefix) && str_eq(rule->suffix, suffix) : str_eq(rule->name, name))
            return i;
    }
    const struct catalog_type *matched = open < 0 ? catalog_find(catalog, GENERATION_RULE, name) : NULL;
    return matched == NULL || matched->captured == VARIABLE_NONE ? NOT_LISTED
                                                                 : (size_t)(matched - catalog->rules.types);
}

static void read_condition(struct loader *loader, const struct json *object, const char *name, struct scope *scope,
                           int *variable, struct str *value) {
    struct reader *reader = &loader->reader;
    const struct json *condition = reader_member(reader, object, name, JSON_OBJECT, READER_OPTIONAL);
    if (condition == NULL)
        return;
    const struct json *member = condition->first;
    *variable = condition->count == 1 ? scope_find(scope, member->key) : VARIABLE_NONE;
    if (*variable == VARIABLE_NONE)
        reader_problem(reader, condition, "\"%s\" must name one variable and its value", name);
    else if (reader_expect(reader, member, JSON_STRING)) {
        scope->is_used[*variable] = true;
        *value = member->text;
    }
}

static void read_replaced(struct loader *loader, const struct json *element, struct scope *scope,
                          struct catalog_replaced *replaced) {
    struct reader *reader = &loader->reader;
    *replaced = (struct catalog_replaced){
        .if_variable = VARIABLE_NONE, .write_if_variable = VARIABLE_NONE, .listed = NOT_LISTED};
    if (element->type == JSON_OBJECT) {
        reader_expect_members(reader, element, SECTION_REPLACED);
        replaced->rule = reader_text(reader, element, "rule", READER_REQUIRED);
        read_condition(loader, element, "if", scope, &replaced->if_variable, &replaced->if_value);
        read_condition(loader, element, "write_if", scope, &replaced->write_if_variable, &replaced->write_if_value);
    } else if (reader_expect(reader, element, JSON_STRING)) {
        replaced->rule = element->text;
    }
    if (replaced->rule.at == NULL)
        return;
    replaced->listed = find_listed(loader->catalog, replaced->rule);
    if (replaced->listed == NOT_LISTED)
        reader_problem(reader, element, "\"rules\" has none of the name \"" STR_FMT "\"", STR_ARG(replaced->rule));
    else if (str_find(replaced->rule, STR("{")) >= 0)
        (void)compile_template(scope, replaced->rule, element, &replaced->name); /* told as a problem where it fails */
}

static void read_replaces(struct loader *loader, const struct json *object, struct scope *scope,
                          struct catalog_type *type) {
    const struct json *list = reader_member(&loader->reader, object, "replaces", JSON_ARRAY, READER_OPTIONAL);
    if (list == NULL)
        return;
    struct catalog_replaced *made = ARENA_ARRAY(loader->reader.arena, list->count, struct catalog_replaced);
    for (const struct json *element = list->first; element != NULL; element = element->next)
        read_replaced(loader, element, scope, &made[type->replaces_count++]);
    type->replaces = made;
}

static void read_items(struct loader *loader, const struct json *items, struct scope *scope,
                       struct catalog_type *type) {
    struct reader *reader = &loader->reader;
    size_t message_count = scope->count;
    reader_expect_members(reader, items, SECTION_ITEMS);
    struct str list = reader_text(reader, items, "list", READER_REQUIRED);
    const struct json *at = json_get(items, STR("list"));
    if (list.at != NULL)
        (void)compile_list_path(reader, list, at, &type->items);
    const struct json *variables = reader_member(reader, items, "variables", JSON_OBJECT, READER_REQUIRED);
    scope_add_all(scope, variables);
    const struct json *facts = reader_member(reader, items, "facts", JSON_ARRAY, READER_REQUIRED);
    type->item_fact_count = compile_facts(scope, facts, &type->item_facts);
    scope_check_used(scope, message_count, variables);
}

static bool states(const struct catalog_type *rule, const struct catalog_fact *fact) {
    for (size_t i = 0; i < rule->fact_count; i++)
        if (!fact->per_rule && str_eq(rule->facts[i].name, fact->name))
            return true;
    return false;
}

static void find_shared_facts(const struct catalog_type *event, const struct catalog_type *rule,
                              struct catalog_replaced *replaced) {
    for (size_t i = 0; i < event->item_fact_count; i++)
        if (states(rule, &event->item_facts[i]))
            replaced->told_by |= 1U << i;
    for (size_t i = 0; i < event->fact_count; i++)
        if (states(rule, &event->facts[i]))
            replaced->told_by |= 1U << (event->item_fact_count + i);
}

/* To be called when the facts are known to be few enough. */
static void find_what_tells(const struct catalog *catalog, struct catalog_type *event) {
    for (size_t k = 0; k < event->replaces_count; k++)
        if (event->replaces[k].listed < catalog->rules.count)
            find_shared_facts(event, &catalog->rules.types[event->replaces[k].listed], &event->replaces[k]);
}

static size_t facts_at_most(const struct catalog_type *type) {
    size_t count = 0;
    for (size_t i = 0; i < type->fact_count; i++)
        count += type->facts[i].per_rule ? type->replaces_count : 1;
    for (size_t i = 0; i < type->item_fact_count; i++)
        count += type->item_facts[i].per_rule ? type->replaces_count : 1;
    return count;
}

static void check_event_facts(struct loader *loader, const struct json *object, const struct catalog_type *type) {
    const size_t count = type->fact_max;
    if (count > 0 && type->replaces_count == 0)
        reader_problem(&loader->reader, object, "an event without \"replaces\" never has a twin, so it needs no facts");
    if (count > ITEM_FACT_MAX)
        reader_problem(&loader->reader, object, "there are %zu facts, which is too many: %d are possible", count,
                       ITEM_FACT_MAX);
}

static void read_event(struct loader *loader, const struct json *object, struct catalog_type *type) {
    struct reader *reader = &loader->reader;
    struct scope scope = loader->shared;
    *type = (struct catalog_type){.generation = GENERATION_EVENT, .captured = VARIABLE_NONE};
    if (!reader_expect(reader, object, JSON_OBJECT))
        return;
    reader_expect_members(reader, object, SECTION_EVENT);
    read_name(loader, object, &scope, "type", &loader->catalog->events, type);
    const struct json *variables = reader_member(reader, object, "variables", JSON_OBJECT, READER_OPTIONAL);
    scope_add_all(&scope, variables);
    read_replaces(loader, object, &scope, type);
    const struct json *facts = reader_member(reader, object, "facts", JSON_ARRAY, READER_OPTIONAL);
    type->fact_count = compile_facts(&scope, facts, &type->facts);
    scope_check_used(&scope, loader->shared.count, variables);
    size_t message_count = scope.count;
    const struct json *items = reader_member(reader, object, "items", JSON_OBJECT, READER_OPTIONAL);
    if (items != NULL)
        read_items(loader, items, &scope, type);
    type->fact_max = facts_at_most(type);
    check_event_facts(loader, object, type);
    if (type->fact_max <= ITEM_FACT_MAX)
        find_what_tells(loader->catalog, type);
    type->body = read_body(loader, object);
    take_scope(loader, &scope, message_count, type);
}

void loader_read_events(struct loader *loader, const struct json *root) {
    struct catalog_types *events = &loader->catalog->events;
    read_shared(loader, root, GENERATION_EVENT);
    const struct json *list = reader_member(&loader->reader, root, "events", JSON_ARRAY, READER_REQUIRED);
    if (list == NULL)
        return;
    struct catalog_type *types = types_begin(loader, list, events);
    for (const struct json *object = list->first; object != NULL; object = object->next)
        read_event(loader, object, &types[events->count++]);
}
