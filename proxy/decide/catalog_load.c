/* Everything is checked before anything is used, and reading goes on after a problem, so that one run tells all. */
#include "proxy/decide/catalog_load.h"

#include "common/mem.h"
#include "common/units.h"
#include "proxy/decide/catalog_check.h"
#include "proxy/decide/catalog_types.h"

#include <xxhash.h>

enum { FILE_DEPTH_MAX = 64, FILE_VALUES_MAX = 100000, FORMAT = 1 };

/* A list of paths, of which one must be there; or an object of paths to the values that all of them must have. */
static void read_with(struct reader *reader, const struct json *with, struct catalog_shape *shape) {
    if (with == NULL)
        return;
    if (with->type != JSON_ARRAY && with->type != JSON_OBJECT) {
        reader_problem(reader, with, "\"with\" must be a list of paths, or an object of paths and their values");
        return;
    }
    struct catalog_with *made = ARENA_ARRAY(reader->arena, with->count, struct catalog_with);
    shape->needs_all = with->type == JSON_OBJECT;
    for (const struct json *at = with->first; at != NULL; at = at->next) {
        struct catalog_with *one = &made[shape->with_count];
        if (shape->needs_all)
            one->value_count = reader_texts(reader, at, &one->values);
        if (!shape->needs_all && !reader_expect(reader, at, JSON_STRING))
            continue;
        if (compile_path(reader, shape->needs_all ? at->key : at->text, at, &one->path))
            shape->with_count++;
    }
    shape->with = made;
}

static void read_shape(struct reader *reader, const struct json *object, struct catalog_shape *shape) {
    if (!reader_expect(reader, object, JSON_OBJECT))
        return;
    reader_expect_members(reader, object, SECTION_SHAPE);
    struct str generation = reader_text(reader, object, "generation", READER_REQUIRED);
    if (generation.at != NULL &&
        (!generation_parse(generation, &shape->generation) || shape->generation == GENERATION_UNKNOWN))
        reader_problem(reader, json_get(object, STR("generation")), "\"generation\" must be \"rule\" or \"event\"");
    struct str type = reader_text(reader, object, "type", READER_REQUIRED);
    if (type.at != NULL)
        (void)compile_type_source(reader, type, json_get(object, STR("type")), &shape->type);
    read_with(reader, json_get(object, STR("with")), shape);
    struct str messages = reader_text(reader, object, "messages", READER_OPTIONAL);
    if (messages.at != NULL)
        (void)compile_list_path(reader, messages, json_get(object, STR("messages")), &shape->messages);
    shape->known = json_is_true(reader_member(reader, object, "known", JSON_BOOL, READER_OPTIONAL));
}

static void read_shapes(struct loader *loader, const struct json *root) {
    const struct json *list = reader_member(&loader->reader, root, "shapes", JSON_ARRAY, READER_REQUIRED);
    if (list == NULL)
        return;
    struct catalog_shape *shapes = ARENA_ARRAY(loader->reader.arena, list->count, struct catalog_shape);
    for (const struct json *object = list->first; object != NULL; object = object->next)
        read_shape(&loader->reader, object, &shapes[loader->catalog->shape_count++]);
    loader->catalog->shapes = shapes;
}

static void read_names(struct loader *loader, const struct json *root) {
    struct reader *reader = &loader->reader;
    struct catalog *catalog = loader->catalog;
    const struct json *names = reader_member(reader, root, "names", JSON_OBJECT, READER_OPTIONAL);
    catalog->rule_name = STR("rule");
    catalog->event_name = STR("event");
    if (names == NULL)
        return;
    reader_expect_members(reader, names, SECTION_NAMES);
    struct str rule = reader_text(reader, names, "rule", READER_OPTIONAL);
    struct str event = reader_text(reader, names, "event", READER_OPTIONAL);
    if (rule.at != NULL)
        catalog->rule_name = rule;
    if (event.at != NULL)
        catalog->event_name = event;
}

static int read_status(struct reader *reader, const struct json *object, const char *key, int least, int most,
                       int otherwise) {
    const struct json *member = reader_member(reader, object, key, JSON_NUMBER, READER_OPTIONAL);
    int64_t status;
    if (member == NULL)
        return otherwise;
    if (str_to_i64(member->text, &status) && status >= least && status <= most)
        return (int)status;
    reader_problem(reader, member, "\"%s\" must be a status from %d to %d", key, least, most);
    return otherwise;
}

static void read_answers(struct loader *loader, const struct json *root) {
    struct reader *reader = &loader->reader;
    struct catalog_answers *answers = &loader->catalog->answers;
    const struct json *object = reader_member(reader, root, "answers", JSON_OBJECT, READER_OPTIONAL);
    *answers = (struct catalog_answers){.again_later_status = 503};
    if (object == NULL)
        return;
    reader_expect_members(reader, object, SECTION_ANSWERS);
    answers->accepted_status = read_status(reader, object, "accepted_status", 200, 299, 0);
    answers->again_later_status = read_status(reader, object, "again_later_status", 400, 599, 503);
    struct str other = reader_text(reader, object, "other_bodies", READER_OPTIONAL);
    answers->other_bodies_pass = str_eq(other, STR("unrecognised"));
    if (other.at != NULL && !answers->other_bodies_pass && !str_eq(other, STR("refused")))
        reader_problem(reader, json_get(object, STR("other_bodies")),
                       "\"other_bodies\" must be \"refused\" or \"unrecognised\"");
}

static void read_examples(struct loader *loader, const struct json *root) {
    struct reader *reader = &loader->reader;
    const struct json *list = reader_member(reader, root, "examples", JSON_ARRAY, READER_OPTIONAL);
    loader->catalog->examples = list;
    for (const struct json *object = list == NULL ? NULL : list->first; object != NULL; object = object->next) {
        if (!reader_expect(reader, object, JSON_OBJECT))
            continue;
        reader_expect_members(reader, object, SECTION_EXAMPLE);
        const struct json *apart = reader_member(reader, object, "apart", JSON_STRING, READER_OPTIONAL);
        int64_t apart_ms;
        if (apart != NULL && !duration_parse(apart->text, &apart_ms))
            reader_problem(reader, apart, "\"apart\" must be a duration such as 1h");
        bool is_pair = json_get(object, STR("old")) != NULL && json_get(object, STR("new")) != NULL;
        bool is_body = json_get(object, STR("body")) != NULL;
        const struct json *twins = reader_member(reader, object, "twins", JSON_BOOL, READER_OPTIONAL);
        if (is_pair == is_body || (is_pair && twins == NULL))
            reader_problem(reader, object,
                           "an example has \"old\", \"new\" and \"twins\", or \"body\" and what is "
                           "read of it");
    }
}

static bool is_replaced(const struct catalog *catalog, size_t listed) {
    for (size_t i = 0; i < catalog->events.count; i++)
        for (size_t k = 0; k < catalog->events.types[i].replaces_count; k++)
            if (catalog->events.types[i].replaces[k].listed == listed)
                return true;
    return false;
}

/* Both sides must tell the same: who has a counterpart, and who replaces whom. */
static void check_counterparts(struct loader *loader, const struct json *root) {
    const struct catalog *catalog = loader->catalog;
    const struct json *object = json_get(root, STR("rules"))->first;
    for (size_t i = 0; i < catalog->rules.count; i++, object = object->next) {
        const struct json *at = json_get(object, STR("counterpart"));
        bool replaced = is_replaced(catalog, i);
        if (at == NULL && replaced)
            reader_problem(&loader->reader, object, "\"counterpart\" is missing: an event replaces this rule");
        if (at != NULL && !replaced)
            reader_problem(&loader->reader, at, "no event says that it \"replaces\" this rule");
        struct str text = json_string(at);
        if (text.len > 0 && str_find(text, STR("{")) < 0 && catalog_find(catalog, GENERATION_EVENT, text) == NULL)
            reader_problem(&loader->reader, at, "\"events\" has no type \"" STR_FMT "\"", STR_ARG(text));
    }
}

static void read_all(struct loader *loader, const struct json *root) {
    struct reader *reader = &loader->reader;
    reader_expect_members(reader, root, SECTION_FILE);
    const struct json *format = reader_member(reader, root, "format", JSON_NUMBER, READER_REQUIRED);
    if (format != NULL && !str_eq(format->text, STR("1")))
        reader_problem(reader, format, "\"format\" must be %d", FORMAT);
    loader->catalog->about = reader_text(reader, root, "about", READER_OPTIONAL);
    read_names(loader, root);
    read_answers(loader, root);
    read_examples(loader, root);
    vocabulary_read(reader, root, &loader->vocabulary);
    schemes_read(reader, reader_member(reader, root, "schemes", JSON_OBJECT, READER_OPTIONAL),
                 &loader->catalog->schemes);
    read_shapes(loader, root);
    loader_read_rules(loader, root);
    catalog_sort_names(&loader->catalog->rules);
    loader_read_events(loader, root);
    catalog_sort_names(&loader->catalog->events);
    if (reader->problem_count == 0)
        check_counterparts(loader, root);
}

static enum err parse(struct loader *loader, struct json **root) {
    const struct json_limits limits = {FILE_DEPTH_MAX, FILE_VALUES_MAX, true, true, false};
    struct reader *reader = &loader->reader;
    struct json_error error;
    enum err err = json_parse(reader->arena, reader->text, &limits, root, &error);
    if (err != ERR_NONE)
        strbuf_printf(reader->problems, "%s:%u:%u: %s\n", reader->file, error.line, error.column, error.what);
    return err;
}

static enum err load(struct str text, const char *file, bool is_checked, struct catalog **catalog,
                     struct strbuf *problems) {
    struct json *root = NULL;
    struct catalog *made = MEM_NEW(struct catalog);
    made->arena = arena_new(64 * 1024);
    made->digest = XXH3_64bits(text.at, text.len);
    struct loader loader = {.reader = {made->arena, text, file, problems, 0}, .catalog = made};
    enum err err = parse(&loader, &root);
    if (err == ERR_NONE && reader_expect(&loader.reader, root, JSON_OBJECT))
        read_all(&loader, root);
    if (err == ERR_NONE && is_checked && loader.reader.problem_count == 0)
        catalog_check_silent(&loader, root);
    if (err == ERR_NONE && loader.reader.problem_count > 0)
        err = ERR_INVALID;
    if (err == ERR_NONE)
        *catalog = made;
    else
        catalog_free(made);
    return err;
}

enum err catalog_load(struct str text, const char *file, struct catalog **catalog, struct strbuf *problems) {
    return load(text, file, false, catalog, problems);
}

enum err catalog_load_checked(struct str text, const char *file, struct catalog **catalog, struct strbuf *problems) {
    return load(text, file, true, catalog, problems);
}
