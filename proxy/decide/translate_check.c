/* A template that writes what its own catalogue reads as something else would hide an occurrence from pairing. So each
 * body is written once from each of its sources, with values that were made up, and read again. */
#include "proxy/decide/translate_check.h"

#include "proxy/decide/body_node.h"
#include "proxy/decide/made_up.h"
#include "proxy/decide/translate.h"

struct checking {
    const struct catalog *catalog;
    struct reader reader;
    const struct catalog_type *target;
};

/* ---- variables ---- */

static bool has_variable(const struct catalog_type *source, struct str name) {
    for (size_t i = 1; i < source->variable_count + source->item_variable_count; i++)
        if (str_eq(source->variables[i].name, name))
            return true;
    return false;
}

static bool replaces(const struct catalog *catalog, const struct catalog_type *event, const struct catalog_type *rule) {
    for (size_t k = 0; k < event->replaces_count; k++)
        if (catalog_type_at(catalog, GENERATION_RULE, event->replaces[k].listed) == rule)
            return true;
    return false;
}

/* The next type from `*index` on that the target can be written from; NULL: there is none. */
static const struct catalog_type *next_source(const struct checking *checking, size_t *index) {
    bool to_rule = checking->target->generation == GENERATION_RULE;
    enum generation generation = to_rule ? GENERATION_EVENT : GENERATION_RULE;
    while (*index < catalog_type_count(checking->catalog, generation)) {
        const struct catalog_type *type = catalog_type_at(checking->catalog, generation, (*index)++);
        if (to_rule ? replaces(checking->catalog, type, checking->target)
                    : replaces(checking->catalog, checking->target, type))
            return type;
    }
    return NULL;
}

static bool check_variable(void *arg, struct str variable, const struct path *path, const struct json *at) {
    struct checking *checking = arg;
    struct strbuf known = {0};
    size_t index = 0;
    const struct catalog_type *source;
    (void)path;
    if (variable.at == NULL || str_eq(variable, STR("type")) || str_eq(variable, STR("arrived")))
        return true;
    while ((source = next_source(checking, &index)) != NULL) {
        if (has_variable(source, variable)) {
            strbuf_clear(&known);
            return true;
        }
        for (size_t i = 1; known.len == 0 && i < source->variable_count + source->item_variable_count; i++)
            strbuf_printf(&known, "{" STR_FMT "}, ", STR_ARG(source->variables[i].name));
    }
    reader_problem(&checking->reader, at,
                   "what this is written from has no variable {" STR_FMT "}; there are %s{type}, {arrived}",
                   STR_ARG(variable), known.len == 0 ? "" : known.at);
    strbuf_clear(&known);
    return true;
}

/* ---- facts ---- */

static bool states(const struct message *message, struct str key) {
    for (size_t i = 0; i < message->item_count; i++)
        for (size_t f = 0; f < message->items[i].fact_count; f++)
            if (str_eq_nocase(message->items[i].facts[f].key, key))
                return true;
    return false;
}

/* What the source says, as a message. */
static void read_again(const struct checking *checking, struct str body, struct arena *arena, struct message *message) {
    struct json_error error;
    *message = (struct message){0};
    if (classify(checking->catalog, body, arena, message, &error) != ERR_NONE)
        *message = (struct message){0};
}

static void tell_difference(struct checking *checking, const struct catalog_type *source, struct str key) {
    reader_problem(&checking->reader, checking->target->body->at,
                   "written from \"" STR_FMT "\" it does not say again \"" STR_FMT "\"", STR_ARG(source->name),
                   STR_ARG(key));
}

/* Writes the target from the made-up body, and reads it again. */
static bool check_body(struct checking *checking, const struct catalog_type *source, const struct json *root,
                       struct arena *arena) {
    struct translate_request request = {
        .catalog = checking->catalog, .only_type = checking->target->name, .arrived_ms = 0, .with_facts = true};
    struct translations written;
    if (checking->target->captured != VARIABLE_NONE)
        request.only_type = STR_NONE;
    translate_parsed(&request, source, made_up_captured(), root, arena, &written);
    for (size_t i = 0; i < written.count; i++) {
        const struct translation *translation = &written.items[i];
        struct message message;
        if (catalog_find(checking->catalog, translation->generation, translation->type) != checking->target)
            continue;
        read_again(checking, translation->body, arena, &message);
        if (message.generation != checking->target->generation ||
            catalog_find(checking->catalog, message.generation, message.type) != checking->target) {
            reader_problem(&checking->reader, checking->target->body->at,
                           "written from \"" STR_FMT "\" it is not read as \"" STR_FMT "\" again: " STR_FMT,
                           STR_ARG(source->name), STR_ARG(checking->target->name), STR_ARG(translation->body));
            return false;
        }
        for (size_t f = 0; f < translation->fact_count; f++)
            if (!states(&message, translation->facts[f])) {
                tell_difference(checking, source, translation->facts[f]);
                return false;
            }
    }
    return true;
}

static void check_facts(struct checking *checking) {
    const struct catalog_type *source;
    size_t index = 0;
    while ((source = next_source(checking, &index)) != NULL) {
        struct arena *arena = arena_new(16 * 1024);
        const struct json *root;
        for (size_t number = 0; (root = made_up_body(source, number, arena)) != NULL; number++)
            if (!check_body(checking, source, root, arena))
                break;
        arena_free(arena);
    }
}

size_t translate_check(const struct catalog *catalog, struct str text, const char *file, struct strbuf *problems) {
    static const enum generation generations[] = {GENERATION_RULE, GENERATION_EVENT};
    struct arena *arena = arena_new(4096);
    struct checking checking = {.catalog = catalog, .reader = {arena, text, file, problems, 0}};
    for (size_t g = 0; g < ARRAY_LEN(generations); g++)
        for (size_t i = 0; i < catalog_type_count(catalog, generations[g]); i++) {
            checking.target = catalog_type_at(catalog, generations[g], i);
            if (checking.target->body == NULL)
                continue;
            size_t before = checking.reader.problem_count;
            (void)body_visit(checking.target->body, check_variable, &checking);
            if (checking.reader.problem_count == before)
                check_facts(&checking);
        }
    arena_free(arena);
    return checking.reader.problem_count;
}
