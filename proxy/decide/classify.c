/* The catalogue says where everything stands; this walks it. What a message keeps is copied into its arena, because
 * it may outlive the catalogue that it was read by. */
#include "proxy/decide/classify.h"

#include "common/clock.h"
#include "proxy/decide/classify_doubled.h"
#include "proxy/decide/classify_shape.h"

#include <stdio.h>

/* One body on its way to being a message. */
struct reading {
    const struct catalog_type *type;
    const struct source *source;
    struct arena *arena;
    struct values values;
    struct message *message;
    uint32_t stated; /* facts that an item states, numbered as in struct catalog_replaced */
    uint32_t noted;  /* facts of which a note says why they are not stated */
};

static void note(struct reading *reading, struct str sentence) {
    struct str *notes = &reading->message->notes;
    *notes = notes->len == 0 ? sentence : ARENA_JOIN(reading->arena, *notes, STR(" "), sentence);
}

static struct str path_name(const struct reading *reading, const struct path *path) {
    struct str name = path->place == PATH_HEADER   ? STR("the header ")
                      : path->place == PATH_TARGET ? STR("a segment of the request's path")
                                                   : STR("");
    for (size_t i = 0; i < path->step_count; i++)
        name = ARENA_JOIN(reading->arena, name, i == 0 ? STR("") : STR("."), path->steps[i],
                          path->has_list && i + 1 == path->each ? STR("[]") : STR(""));
    return name;
}

/* Says which field is missing where a fact is not stated. A value that means nothing to the map says that there is
 * nothing to state; a hint is missed by nobody. */
static void note_gap(struct reading *reading, const struct catalog_fact *fact, size_t number) {
    int position = template_find_untold(&fact->key, reading->type->variables, &reading->values);
    if (fact->match == MATCH_HINT || (reading->noted & 1U << number) != 0)
        return;
    reading->noted |= 1U << number;
    if (position == VARIABLE_NONE) {
        note(reading,
             arena_printf(reading->arena, "It does not state " STR_FMT ": the key would be longer than %d bytes.",
                          STR_ARG(fact->name), FACT_KEY_MAX));
        return;
    }
    const struct variable *variable = &reading->type->variables[position];
    if (variable->kind != VARIABLE_READ || variable->map != NULL || variable->path_count == 0)
        return;
    note(reading, arena_printf(reading->arena, "It does not state " STR_FMT ": " STR_FMT " is missing.",
                               STR_ARG(fact->name), STR_ARG(path_name(reading, &variable->paths[0]))));
}

static struct str value_at(const struct reading *reading, int position) {
    return position == VARIABLE_NONE ? STR_NONE : reading->values.at[position];
}

static struct str kept(struct reading *reading, enum well_known known) {
    return arena_str(reading->arena, value_at(reading, reading->type->known[known]));
}

static bool is_replaced_here(const struct reading *reading, const struct catalog_replaced *replaced) {
    return replaced->if_variable == VARIABLE_NONE ||
           str_eq_nocase(value_at(reading, replaced->if_variable), replaced->if_value);
}

/* The rule type that it replaces, in the words of this message; absent where a variable has no value. */
static struct str replaced_name(const struct reading *reading, const struct catalog_replaced *replaced) {
    return replaced->name.piece_count == 0 ? replaced->rule
                                           : template_fill(&replaced->name, &reading->values, reading->arena);
}

static bool add_fact(struct reading *reading, const struct catalog_fact *fact, struct item *item) {
    struct str key = template_fill_key(&fact->key, reading->type->variables, &reading->values, reading->arena);
    if (key.at != NULL)
        item->facts[item->fact_count++] = (struct fact){key, fact->match};
    return key.at != NULL;
}

/* `number`: of the first one. */
static void add_facts(struct reading *reading, const struct catalog_fact *facts, size_t count, size_t number,
                      struct item *item) {
    const struct catalog_type *type = reading->type;
    for (size_t i = 0; i < count; i++) {
        if (!facts[i].per_rule && add_fact(reading, &facts[i], item))
            reading->stated |= 1U << (number + i);
        else if (!facts[i].per_rule)
            note_gap(reading, &facts[i], number + i);
        for (size_t k = 0; facts[i].per_rule && k < type->replaces_count; k++)
            if (is_replaced_here(reading, &type->replaces[k])) {
                reading->values.at[VARIABLE_RULE] = replaced_name(reading, &type->replaces[k]);
                (void)add_fact(reading, &facts[i], item);
            }
    }
}

static struct item *make_items(struct reading *reading, size_t count) {
    struct item *items = ARENA_ARRAY(reading->arena, count, struct item);
    struct fact *facts = ARENA_ARRAY(reading->arena, count * reading->type->fact_max, struct fact);
    for (size_t i = 0; i < count; i++)
        items[i].facts = facts + i * reading->type->fact_max;
    reading->message->items = items;
    reading->message->item_count = count;
    return items;
}

static void read_element(struct reading *reading, const struct json *element, struct item *item) {
    const struct catalog_type *type = reading->type;
    size_t end = type->variable_count + type->item_variable_count;
    struct source source = *reading->source;
    source.root = element;
    variables_read(type->variables, type->variable_count, end, &source, reading->arena, &reading->values);
    item->start = element->start;
    item->end = element->end;
    item->data_type = arena_str(reading->arena, value_at(reading, type->item_data_type));
    add_facts(reading, type->item_facts, type->item_fact_count, 0, item);
}

/* A list with too many elements is one item that states nothing: it can be handled, and nothing leans on it. */
static void read_items(struct reading *reading) {
    const struct catalog_type *type = reading->type;
    const struct json *list = type->items.has_list ? path_find(&type->items, reading->source->root) : NULL;
    size_t count = list != NULL && list->type == JSON_ARRAY ? list->count : 0;
    struct item *items = make_items(reading, count == 0 || count > ITEM_MAX ? 1 : count);
    if (count > ITEM_MAX) {
        note(reading,
             arena_printf(reading->arena, "It has %zu items, and more than %d: it states no fact.", count, ITEM_MAX));
        return;
    }
    if (count > 0) {
        struct item *item = items;
        for (const struct json *element = list->first; element != NULL; element = element->next)
            read_element(reading, element, item++);
    }
    if (count <= 1)
        add_facts(reading, type->facts, type->fact_count, type->item_fact_count, &items[0]);
}

/* The type in the catalogue's spelling. */
static struct str spelled(const struct catalog_type *type, struct str captured, struct arena *arena) {
    if (type->captured == VARIABLE_NONE)
        return arena_str(arena, type->name);
    return ARENA_JOIN(arena, type->prefix, captured, type->suffix);
}

static void read_type(struct reading *reading, const struct catalog *catalog, const struct catalog_shape *shape,
                      struct str text) {
    struct message *message = reading->message;
    const struct catalog_type *type = catalog_find(catalog, shape->generation, text);
    message->type_known = type != NULL;
    reading->type = type != NULL ? type : catalog_unlisted(catalog, shape->generation);
    message->label = type != NULL ? arena_str(reading->arena, type->label) : STR("other");
    if (type != NULL && type->captured != VARIABLE_NONE)
        reading->values.at[type->captured] = catalog_captured(type, text);
    message->type = type != NULL ? spelled(type, value_at(reading, type->captured), reading->arena)
                                 : arena_str(reading->arena, text);
    if (type != NULL && type->generation == GENERATION_RULE)
        reading->values.at[VARIABLE_RULE] = message->type;
}

static bool is_told(const struct variable *variable, const struct source *source) {
    for (size_t i = 0; i < variable->path_count; i++) {
        const struct json *value =
            variable->paths[i].place == PATH_BODY ? path_find(&variable->paths[i], source->root) : NULL;
        if (value != NULL && value->type != JSON_NULL)
            return true;
    }
    return false;
}

static void read_time(struct reading *reading) {
    struct message *message = reading->message;
    int position = reading->type->known[KNOWN_GENERATED];
    struct str text = str_trim(value_at(reading, position));
    message->generated_ms = -1;
    if (position == VARIABLE_NONE || clock_parse_rfc3339(text, &message->generated_ms) ||
        clock_parse_unix(text, &message->generated_ms))
        return;
    message->generated_ms = -1;
    message->time_unreadable = text.len > 0 || is_told(&reading->type->variables[position], reading->source);
    if (message->time_unreadable)
        note(reading, STR("The time that it tells cannot be read, so its arrival counts."));
}

static void read_known(struct reading *reading) {
    const struct catalog_type *type = reading->type;
    struct message *message = reading->message;
    variables_read(type->variables, 0, type->variable_count, reading->source, reading->arena, &reading->values);
    message->company = kept(reading, KNOWN_COMPANY);
    message->connection = kept(reading, KNOWN_CONNECTION);
    message->data_type = kept(reading, KNOWN_DATA_TYPE);
    message->rule_id = kept(reading, KNOWN_RULE_ID);
    message->body_id = kept(reading, KNOWN_ID);
    if (id_is_placeholder(message->body_id))
        message->body_id = STR_NONE;
    read_time(reading);
    message->counterpart = STR_NONE;
    if (catalog_has_replacement(type))
        message->counterpart =
            type->generation == GENERATION_EVENT
                ? message->type
                : arena_str(reading->arena, template_fill(&type->counterpart, &reading->values, reading->arena));
}

static bool tells(const struct reading *reading, const struct catalog_replaced *replaced) {
    return is_replaced_here(reading, replaced) &&
           (replaced->told_by == 0 || (replaced->told_by & reading->stated) != 0);
}

/* A read without an error replaces no alert of an error. */
static void list_replaced(struct reading *reading) {
    const struct catalog_type *type = reading->type;
    struct str *names = ARENA_ARRAY(reading->arena, type->replaces_count, struct str);
    size_t count = 0;
    for (size_t i = 0; i < type->replaces_count; i++) {
        if (!tells(reading, &type->replaces[i]))
            continue;
        names[count] = arena_str(reading->arena, replaced_name(reading, &type->replaces[i]));
        count += names[count].len > 0 ? 1 : 0;
    }
    reading->message->replaces = names;
    reading->message->replaces_count = count;
}

static void forget(struct message *message, struct arena *arena) {
    message->generation = GENERATION_UNKNOWN;
    message->endpoint = ENDPOINT_LEGACY;
    message->type = message->counterpart = STR_NONE;
    message->type_known = false;
    message->label = STR("other");
    message->company = message->connection = message->data_type = STR_NONE;
    message->rule_id = message->body_id = STR_NONE;
    message->replaces_count = 0;
    message->generated_ms = -1;
    message->time_unreadable = false;
    message->notes = STR_NONE;
    message->items = ARENA_NEW(arena, struct item);
    message->item_count = 1;
}

/* `at`: where in the body; there the error is, for people who look at it. */
static enum err fail_at(struct str body, const char *what, uint32_t at, struct json_error *error) {
    if (error != NULL) {
        *error = (struct json_error){.offset = at};
        snprintf(error->what, sizeof error->what, "%s", what);
        json_place(body, at, &error->line, &error->column);
    }
    return ERR_INVALID;
}

/* What one message of the body says; of a body that holds many, the source shows one of them. `*doubled`, where it is
 * not NULL: what stands there twice, and the message says nothing. */
static void classify_source(const struct catalog *catalog, const struct source *source, struct arena *arena,
                            struct message *message, const struct json **doubled) {
    struct str type;
    forget(message, arena);
    *doubled = doubled_type(catalog, source->root);
    const struct catalog_shape *shape = *doubled != NULL ? NULL : shape_find(catalog, source, arena, &type);
    if (shape == NULL)
        return;
    struct reading reading = {.source = source, .arena = arena, .message = message};
    message->generation = shape->generation;
    message->endpoint = shape->generation == GENERATION_EVENT ? ENDPOINT_NEW : ENDPOINT_LEGACY;
    read_type(&reading, catalog, shape, type);
    *doubled = doubled_member(reading.type, source->root);
    if (*doubled != NULL)
        return;
    read_known(&reading);
    read_items(&reading);
    list_replaced(&reading);
}

/* Whole characters. */
static size_t shown_len(struct str key) {
    enum { SHOWN = 40 };
    return key.len <= SHOWN ? key.len : str_utf8_len(str_slice(key.at, SHOWN));
}

static enum err refuse_doubled(struct str body, const struct json *doubled, struct json_error *error) {
    char what[120];
    snprintf(what, sizeof what, "\"%.*s\" says a second time what the message is or tells",
             (int)shown_len(doubled->key), doubled->key.at);
    return fail_at(body, what, doubled->key_start, error);
}

/* The first message, and the others where there are more. `message`: what the caller knows of all of them. */
static const struct json *classify_opened(const struct catalog *catalog, struct opened_body *opened,
                                          struct arena *arena, struct message *message, struct message_parts *parts) {
    const struct message known = *message;
    const struct json *doubled = NULL;
    if (opened->count == 0)
        forget(message, arena);
    else
        classify_source(catalog, &opened->source, arena, message, &doubled);
    if (parts == NULL || opened->count <= 1 || doubled != NULL)
        return doubled;
    parts->at = ARENA_ARRAY(arena, opened->count, struct message_part);
    parts->count = opened->count;
    for (size_t i = 0; i < opened->count && doubled == NULL; i++) {
        parts->at[i] = (struct message_part){.message = i == 0 ? *message : known, .body = body_of(opened, i, arena)};
        body_show(opened, i);
        if (i > 0)
            classify_source(catalog, &opened->source, arena, &parts->at[i].message, &doubled);
    }
    return doubled;
}

/* The tree goes before the message is stored: it may be many times as large as the body, and the wait for a consumer
 * is long. */
enum err classify_messages(const struct catalog *catalog, const struct classify_input *input, struct arena *arena,
                           struct message *message, struct message_parts *parts, struct json_error *error) {
    struct arena *tree = arena_new(0);
    struct opened_body opened;
    struct message said = *message;
    enum err err = body_open(catalog, input, tree, &opened, error);
    if (parts != NULL)
        *parts = (struct message_parts){0};
    if (err == ERR_NONE) {
        const struct json *doubled = classify_opened(catalog, &opened, arena, &said, parts);
        if (doubled != NULL)
            err = refuse_doubled(input->body, doubled, error);
        else
            *message = said;
    }
    arena_free(tree);
    return err;
}

enum err classify_request(const struct catalog *catalog, const struct classify_input *input, struct arena *arena,
                          struct message *message, struct json_error *error) {
    return classify_messages(catalog, input, arena, message, NULL, error);
}

enum err classify(const struct catalog *catalog, struct str body, struct arena *arena, struct message *message,
                  struct json_error *error) {
    const struct classify_input input = {.body = body};
    return classify_request(catalog, &input, arena, message, error);
}

int64_t classify_time_ms(const struct message *message, int64_t retention_ms) {
    if (message->generation != GENERATION_UNKNOWN && message->generated_ms >= 0 &&
        message->generated_ms >= message->received_ms - retention_ms &&
        message->generated_ms <= message->received_ms + CLOCK_SKEW_MAX_MS)
        return message->generated_ms;
    return message->received_ms;
}
