#include "proxy/decide/catalog_compile.h"

static const struct value_map *map_find(const struct vocabulary *vocabulary, struct str name) {
    for (size_t i = 0; i < vocabulary->map_count; i++)
        if (str_eq(vocabulary->maps[i].name, name))
            return &vocabulary->maps[i];
    return NULL;
}

static void map_read(struct reader *reader, const struct json *object, struct value_map *map) {
    struct value_pair *pairs = ARENA_ARRAY(reader->arena, object->count, struct value_pair);
    map->name = object->key;
    map->pairs = pairs;
    if (!reader_expect(reader, object, JSON_OBJECT))
        return;
    for (const struct json *member = object->first; member != NULL; member = member->next)
        if (reader_expect(reader, member, JSON_STRING))
            pairs[map->pair_count++] = (struct value_pair){member->key, member->text};
}

static void fact_read(struct reader *reader, const struct json *object, struct fact_definition *fact) {
    fact->name = object->key;
    fact->key = STR("");
    if (!reader_expect(reader, object, JSON_OBJECT))
        return;
    reader_expect_members(reader, object, SECTION_FACT);
    fact->key = reader_text(reader, object, "key", READER_REQUIRED);
    struct str match = reader_text(reader, object, "match", READER_REQUIRED);
    static const enum fact_match matches[] = {MATCH_EXACT, MATCH_WINDOW, MATCH_HINT, MATCH_WITHIN};
    bool is_known = match.at == NULL;
    fact->match = MATCH_EXACT;
    for (size_t i = 0; i < ARRAY_LEN(matches) && match.at != NULL; i++)
        if (str_eq(match, fact_match_name(matches[i]))) {
            fact->match = matches[i];
            is_known = true;
        }
    if (!is_known)
        reader_problem(reader, json_get(object, STR("match")),
                       "\"match\" must be \"exact\", \"window\", \"within\" or \"hint\"");
}

void vocabulary_read(struct reader *reader, const struct json *root, struct vocabulary *vocabulary) {
    *vocabulary = (struct vocabulary){.root = root};
    const struct json *ids = reader_member(reader, root, "ids", JSON_ARRAY, READER_OPTIONAL);
    if (ids != NULL)
        vocabulary->id_count = reader_texts(reader, ids, &vocabulary->ids);
    const struct json *maps = reader_member(reader, root, "maps", JSON_OBJECT, READER_OPTIONAL);
    if (maps != NULL) {
        struct value_map *made = ARENA_ARRAY(reader->arena, maps->count, struct value_map);
        for (const struct json *member = maps->first; member != NULL; member = member->next)
            map_read(reader, member, &made[vocabulary->map_count++]);
        vocabulary->maps = made;
    }
    const struct json *facts = reader_member(reader, root, "facts", JSON_OBJECT, READER_OPTIONAL);
    if (facts != NULL) {
        struct fact_definition *made = ARENA_ARRAY(reader->arena, facts->count, struct fact_definition);
        for (const struct json *member = facts->first; member != NULL; member = member->next)
            fact_read(reader, member, &made[vocabulary->fact_count++]);
        vocabulary->facts = made;
    }
}

struct str well_known_name(enum well_known known) {
    static const char *const names[KNOWN_COUNT] = {
        [KNOWN_ID] = "id",
        [KNOWN_COMPANY] = "company",
        [KNOWN_CONNECTION] = "connection",
        [KNOWN_DATA_TYPE] = "data_type",
        [KNOWN_RULE_ID] = "rule_id",
        [KNOWN_GENERATED] = "generated",
    };
    return str_of(names[known]);
}

static bool is_well_known(struct str name) {
    for (int known = 0; known < KNOWN_COUNT; known++)
        if (str_eq(name, well_known_name((enum well_known)known)))
            return true;
    return false;
}

static bool is_id(const struct vocabulary *vocabulary, struct str name) {
    for (size_t i = 0; i < vocabulary->id_count; i++)
        if (str_eq(vocabulary->ids[i], name))
            return true;
    return false;
}

void scope_init(struct scope *scope, struct reader *reader, const struct vocabulary *vocabulary,
                enum generation generation) {
    *scope = (struct scope){.reader = reader, .vocabulary = vocabulary};
    scope->rule_is_given = generation == GENERATION_RULE;
    scope->variables[VARIABLE_RULE] = (struct variable){.name = STR("rule"), .kind = VARIABLE_GIVEN};
    scope->count = 1;
}

int scope_find(const struct scope *scope, struct str name) {
    for (size_t i = scope->count; i > 0; i--)
        if (str_eq(scope->variables[i - 1].name, name))
            return (int)i - 1;
    return VARIABLE_NONE;
}

static struct variable *scope_add(struct scope *scope, struct str name, const struct json *at) {
    if (str_eq(name, STR("rule"))) {
        reader_problem(scope->reader, at, "\"rule\" is always the name of the rule type; choose another name");
        return NULL;
    }
    if (scope->count == VARIABLE_MAX) {
        reader_problem(scope->reader, at, "there are too many variables here: %d are possible", VARIABLE_MAX);
        return NULL;
    }
    struct variable *variable = &scope->variables[scope->count++];
    *variable = (struct variable){.name = name, .is_id = is_id(scope->vocabulary, name)};
    return variable;
}

int scope_add_given(struct scope *scope, struct str name, const struct json *at) {
    if (scope_add(scope, name, at) == NULL)
        return VARIABLE_NONE;
    return (int)scope->count - 1;
}

static void unknown_variable(struct scope *scope, struct str name, const struct json *at) {
    struct strbuf known = {0};
    for (size_t i = scope->rule_is_given ? 0 : 1; i < scope->count; i++)
        strbuf_printf(&known, "%s{" STR_FMT "}", known.len == 0 ? "" : ", ", STR_ARG(scope->variables[i].name));
    reader_problem(scope->reader, at, "there is no variable {" STR_FMT "} here; there are %s", STR_ARG(name),
                   known.len == 0 ? "none" : known.at);
    strbuf_clear(&known);
}

bool compile_template(struct scope *scope, struct str text, const struct json *at, struct template *template) {
    struct template_piece *pieces = ARENA_ARRAY(scope->reader->arena, text.len, struct template_piece);
    struct str rest = text, piece;
    size_t count = 0;
    bool is_variable;
    while (rest.len > 0) {
        if (!template_next_piece(&rest, &piece, &is_variable)) {
            reader_problem(scope->reader, at, "\"" STR_FMT "\": a brace has no counterpart", STR_ARG(text));
            return false;
        }
        int position = is_variable ? scope_find(scope, piece) : VARIABLE_NONE;
        if (is_variable && (position == VARIABLE_NONE || (position == VARIABLE_RULE && !scope->rule_is_given))) {
            unknown_variable(scope, piece, at);
            return false;
        }
        if (is_variable)
            scope->is_used[position] = true;
        pieces[count++] =
            is_variable ? (struct template_piece){STR_NONE, (size_t)position} : (struct template_piece){piece, 0};
    }
    *template = (struct template){pieces, count};
    return true;
}

static void read_paths(struct scope *scope, const struct json *from, struct variable *variable) {
    const struct str *texts;
    size_t count = reader_texts(scope->reader, from, &texts);
    struct path *paths = ARENA_ARRAY(scope->reader->arena, count, struct path);
    variable->kind = VARIABLE_READ;
    variable->paths = paths;
    for (size_t i = 0; i < count; i++)
        if (compile_path(scope->reader, texts[i], from, &paths[variable->path_count]))
            variable->path_count++;
    if (from->type == JSON_ARRAY && from->count == 0)
        reader_problem(scope->reader, from, "this must be a path or a list of paths");
}

static void read_source(struct scope *scope, const struct json *object, struct variable *variable) {
    const struct json *from = json_get(object, STR("from")), *text = json_get(object, STR("text"));
    if ((from == NULL) == (text == NULL)) {
        reader_problem(scope->reader, object, "a variable has \"from\", its path or paths, or \"text\", and not both");
    } else if (from != NULL) {
        read_paths(scope, from, variable);
    } else if (reader_expect(scope->reader, text, JSON_STRING)) {
        variable->kind = VARIABLE_TEXT;
        (void)compile_template(scope, text->text, text, &variable->text); /* told as a problem where it fails */
    }
}

static void read_meaning(struct scope *scope, const struct json *object, struct variable *variable) {
    struct reader *reader = scope->reader;
    struct str map = reader_text(reader, object, "map", READER_OPTIONAL);
    variable->if_absent = reader_text(reader, object, "if_absent", READER_OPTIONAL);
    variable->if_unmapped = reader_text(reader, object, "if_unmapped", READER_OPTIONAL);
    if (map.at != NULL) {
        variable->map = map_find(scope->vocabulary, map);
        if (variable->map == NULL)
            reader_problem(reader, json_get(object, STR("map")), "\"maps\" has no \"" STR_FMT "\"", STR_ARG(map));
    } else if (variable->if_unmapped.at != NULL) {
        reader_problem(reader, json_get(object, STR("if_unmapped")), "this means nothing without \"map\"");
    }
}

static void read_variable(struct scope *scope, const struct json *member) {
    /* Compiled before it is added: what it is made of are variables before it, never itself. */
    struct variable variable = {.name = member->key};
    if (member->type == JSON_OBJECT) {
        reader_expect_members(scope->reader, member, SECTION_VARIABLE);
        read_source(scope, member, &variable);
        read_meaning(scope, member, &variable);
    } else if (member->type == JSON_STRING || member->type == JSON_ARRAY) {
        read_paths(scope, member, &variable);
    } else {
        reader_problem(scope->reader, member, "a variable is a path, a list of paths, or an object");
    }
    struct variable *added = scope_add(scope, member->key, member);
    if (added != NULL) {
        variable.is_id = added->is_id;
        *added = variable;
    }
}

void scope_add_all(struct scope *scope, const struct json *object) {
    for (const struct json *member = object == NULL ? NULL : object->first; member != NULL; member = member->next)
        read_variable(scope, member);
}

static bool value_mentions(const struct json *value, struct str braced) {
    if (value->type == JSON_STRING)
        return str_find(value->text, braced) >= 0;
    for (const struct json *child = value->first; child != NULL; child = child->next)
        if (value_mentions(child, braced))
            return true;
    return false;
}

/* Bodies are written from variables of the other generation, so each of them may use any. */
static bool bodies_mention(const struct scope *scope, struct str name) {
    static const char *const lists[] = {"rules", "events"};
    struct str braced = ARENA_JOIN(scope->reader->arena, STR("{"), name, STR("}"));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct json *list = json_get(scope->vocabulary->root, str_of(lists[i]));
        for (const struct json *type = list == NULL ? NULL : list->first; type != NULL; type = type->next) {
            const struct json *body = json_get(type, STR("body"));
            if (body != NULL && value_mentions(body, braced))
                return true;
        }
    }
    return false;
}

void scope_check_used(struct scope *scope, size_t from, const struct json *object) {
    for (const struct json *member = object == NULL ? NULL : object->first; member != NULL; member = member->next) {
        int position = scope_find(scope, member->key);
        if (position >= (int)from && !scope->is_used[position] && !is_well_known(member->key) &&
            !bodies_mention(scope, member->key))
            reader_problem(scope->reader, member, "nothing uses the variable \"" STR_FMT "\"", STR_ARG(member->key));
    }
}

static const struct fact_definition *fact_find(const struct vocabulary *vocabulary, struct str name) {
    for (size_t i = 0; i < vocabulary->fact_count; i++)
        if (str_eq(vocabulary->facts[i].name, name))
            return &vocabulary->facts[i];
    return NULL;
}

static bool compile_fact(struct scope *scope, const struct json *name, struct catalog_fact *fact) {
    const struct fact_definition *definition = fact_find(scope->vocabulary, name->text);
    if (definition == NULL) {
        reader_problem(scope->reader, name, "\"facts\" has no \"" STR_FMT "\"", STR_ARG(name->text));
        return false;
    }
    bool rule_was_given = scope->rule_is_given;
    fact->name = definition->name;
    fact->match = definition->match;
    fact->per_rule = !rule_was_given && str_find(definition->key, STR("{rule}")) >= 0;
    scope->rule_is_given = true;
    bool compiled = compile_template(scope, definition->key, name, &fact->key);
    scope->rule_is_given = rule_was_given;
    return compiled;
}

size_t compile_facts(struct scope *scope, const struct json *list, const struct catalog_fact **facts) {
    struct catalog_fact *made = ARENA_ARRAY(scope->reader->arena, list == NULL ? 0 : list->count, struct catalog_fact);
    size_t count = 0;
    for (const struct json *name = list == NULL ? NULL : list->first; name != NULL; name = name->next)
        if (reader_expect(scope->reader, name, JSON_STRING) && compile_fact(scope, name, &made[count]))
            count++;
    *facts = made;
    return count;
}
