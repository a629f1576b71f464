/* Each check looks for something that has no effect: whoever wrote it meant it to have one. */
#include "proxy/decide/catalog_check.h"

#include "common/nearest.h"

static const struct json *element_at(const struct json *list, size_t index) {
    const struct json *element = list == NULL ? NULL : list->first;
    for (; element != NULL && index > 0; index--)
        element = element->next;
    return element;
}

/* ---- facts ---- */

static bool states_fact(const struct catalog_type *type, struct str name) {
    for (size_t i = 0; i < type->fact_count; i++)
        if (str_eq(type->facts[i].name, name))
            return true;
    for (size_t i = 0; i < type->item_fact_count; i++)
        if (str_eq(type->item_facts[i].name, name))
            return true;
    return false;
}

static bool is_stated_by(const struct catalog_types *types, struct str name) {
    for (size_t i = 0; i < types->count; i++)
        if (states_fact(&types->types[i], name))
            return true;
    return false;
}

static void check_facts(struct loader *loader, const struct json *root) {
    const struct json *facts = json_get(root, STR("facts"));
    for (const struct json *fact = facts == NULL ? NULL : facts->first; fact != NULL; fact = fact->next) {
        bool by_rules = is_stated_by(&loader->catalog->rules, fact->key);
        bool by_events = is_stated_by(&loader->catalog->events, fact->key);
        if (!by_rules && !by_events)
            reader_problem(&loader->reader, fact, "no type states the fact \"" STR_FMT "\"", STR_ARG(fact->key));
        else if (!by_rules || !by_events)
            reader_problem(&loader->reader, fact, "only %s state the fact \"" STR_FMT "\", so it makes no twins",
                           by_rules ? "rules" : "events", STR_ARG(fact->key));
    }
}

static bool share_a_fact(const struct catalog_type *event, const struct catalog_type *rule) {
    for (size_t i = 0; i < rule->fact_count; i++)
        if (states_fact(event, rule->facts[i].name))
            return true;
    return false;
}

static void check_replaced(struct loader *loader, const struct json *root) {
    const struct catalog *catalog = loader->catalog;
    for (size_t i = 0; i < catalog->events.count; i++) {
        const struct catalog_type *event = &catalog->events.types[i];
        const struct json *list = json_get(element_at(json_get(root, STR("events")), i), STR("replaces"));
        for (size_t k = 0; k < event->replaces_count; k++) {
            const struct catalog_replaced *replaced = &event->replaces[k];
            if (!share_a_fact(event, &catalog->rules.types[replaced->listed]))
                reader_problem(&loader->reader, element_at(list, k),
                               "\"" STR_FMT "\" shares no fact with \"" STR_FMT
                               "\", which it replaces: they are never twins, and both are handled",
                               STR_ARG(event->name), STR_ARG(replaced->rule));
            for (size_t before = 0; before < k; before++)
                if (event->replaces[before].listed == replaced->listed && replaced->if_variable == VARIABLE_NONE &&
                    event->replaces[before].if_variable == VARIABLE_NONE)
                    reader_problem(&loader->reader, element_at(list, k), "\"" STR_FMT "\" stands here twice",
                                   STR_ARG(replaced->rule));
        }
    }
}

/* ---- shapes and names ---- */

static bool hides(const struct json *earlier, const struct json *later) {
    const struct json *type = json_get(earlier, STR("type")), *other = json_get(later, STR("type"));
    const struct json *with = json_get(earlier, STR("with")), *known = json_get(earlier, STR("known"));
    if (type == NULL || other == NULL || !str_eq_nocase(type->text, other->text) || json_is_true(known))
        return false;
    return with == NULL || with->count == 0 ||
           (json_get(later, STR("with")) != NULL && json_equal(with, json_get(later, STR("with"))));
}

static void check_shapes(struct loader *loader, const struct json *root) {
    const struct json *shapes = json_get(root, STR("shapes"));
    if (shapes->count == 0)
        reader_problem(&loader->reader, shapes, "there are no shapes, so that every body is unrecognised");
    for (const struct json *later = shapes->first; later != NULL; later = later->next)
        for (const struct json *earlier = shapes->first; earlier != later; earlier = earlier->next)
            if (hides(earlier, later)) {
                reader_problem(&loader->reader, later,
                               "a shape above takes every body that has this type; put this one first, or give that "
                               "one a \"with\"");
                break;
            }
}

/* Every text of the later pattern is one of the earlier pattern too. */
static bool pattern_hides(const struct catalog_type *earlier, const struct catalog_type *later) {
    return earlier->captured != VARIABLE_NONE && later->captured != VARIABLE_NONE &&
           str_starts_with(later->prefix, earlier->prefix) && str_ends_with(later->suffix, earlier->suffix);
}

static void check_patterns(struct loader *loader, const struct catalog_types *types, const struct json *list) {
    for (size_t later = 0; later < types->count; later++)
        for (size_t earlier = 0; earlier < later; earlier++)
            if (pattern_hides(&types->types[earlier], &types->types[later]))
                reader_problem(&loader->reader, element_at(list, later),
                               "\"" STR_FMT "\" above stands for all of these as well; put this one first",
                               STR_ARG(types->types[earlier].name));
}

/* ---- variables ---- */

static bool has_variable(const struct catalog_types *types, struct str name) {
    const struct catalog_type *unlisted = &types->unlisted;
    for (size_t i = 0; i < unlisted->variable_count; i++)
        if (str_eq(unlisted->variables[i].name, name))
            return true;
    for (size_t t = 0; t < types->count; t++)
        for (size_t i = 0; i < types->types[t].variable_count + types->types[t].item_variable_count; i++)
            if (str_eq(types->types[t].variables[i].name, name))
                return true;
    return false;
}

static void check_ids(struct loader *loader, const struct json *root) {
    const struct json *ids = json_get(root, STR("ids"));
    for (const struct json *id = ids == NULL ? NULL : ids->first; id != NULL; id = id->next)
        if (!has_variable(&loader->catalog->rules, id->text) && !has_variable(&loader->catalog->events, id->text))
            reader_problem(&loader->reader, id, "there is no variable \"" STR_FMT "\"", STR_ARG(id->text));
}

static bool is_in(const struct template *template, size_t variable) {
    for (size_t i = 0; i < template->piece_count; i++)
        if (template->pieces[i].text.at == NULL && template->pieces[i].variable == variable)
            return true;
    return false;
}

static bool uses(const struct catalog_type *type, size_t variable) {
    for (size_t i = 0; i < type->variable_count + type->item_variable_count; i++)
        if (is_in(&type->variables[i].text, variable))
            return true;
    for (size_t i = 0; i < type->fact_count; i++)
        if (is_in(&type->facts[i].key, variable))
            return true;
    for (size_t i = 0; i < type->item_fact_count; i++)
        if (is_in(&type->item_facts[i].key, variable))
            return true;
    for (size_t i = 0; i < type->replaces_count; i++)
        if (is_in(&type->replaces[i].name, variable) || type->replaces[i].if_variable == (int)variable)
            return true;
    return is_in(&type->counterpart, variable);
}

/* Shared variables stand at the same place in every type. */
static bool is_used(const struct catalog_types *types, size_t variable) {
    if (uses(&types->unlisted, variable))
        return true;
    for (size_t i = 0; i < types->count; i++)
        if (uses(&types->types[i], variable))
            return true;
    return false;
}

static void check_shared(struct loader *loader, const struct catalog_types *types, const struct json *object) {
    const struct json *variables = json_get(object, STR("variables"));
    size_t position = 1; /* behind {rule} */
    for (const struct json *member = variables->first; member != NULL; member = member->next, position++) {
        struct nearest nearest;
        bool is_known = false;
        nearest_begin(&nearest, member->key);
        for (int known = 0; known < KNOWN_COUNT; known++) {
            is_known |= str_eq(member->key, well_known_name((enum well_known)known));
            nearest_offer(&nearest, well_known_name((enum well_known)known));
        }
        if (is_known || is_used(types, position))
            continue;
        if (nearest.best.at != NULL)
            reader_problem(&loader->reader, member,
                           "nothing uses the variable \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?",
                           STR_ARG(member->key), STR_ARG(nearest.best));
        else
            reader_problem(&loader->reader, member, "nothing uses the variable \"" STR_FMT "\"", STR_ARG(member->key));
    }
}

static bool map_is_used(const struct catalog_types *types, struct str name) {
    for (size_t t = 0; t <= types->count; t++) {
        const struct catalog_type *type = t < types->count ? &types->types[t] : &types->unlisted;
        for (size_t i = 0; i < type->variable_count + type->item_variable_count; i++)
            if (type->variables[i].map != NULL && str_eq(type->variables[i].map->name, name))
                return true;
    }
    return false;
}

void catalog_check_silent(struct loader *loader, const struct json *root) {
    const struct catalog *catalog = loader->catalog;
    check_shapes(loader, root);
    check_facts(loader, root);
    check_replaced(loader, root);
    check_patterns(loader, &catalog->rules, json_get(root, STR("rules")));
    check_patterns(loader, &catalog->events, json_get(root, STR("events")));
    check_ids(loader, root);
    check_shared(loader, &catalog->rules, json_get(root, STR("rule")));
    check_shared(loader, &catalog->events, json_get(root, STR("event")));
    const struct json *maps = json_get(root, STR("maps"));
    for (const struct json *map = maps == NULL ? NULL : maps->first; map != NULL; map = map->next)
        if (!map_is_used(&catalog->rules, map->key) && !map_is_used(&catalog->events, map->key))
            reader_problem(&loader->reader, map, "nothing uses the map \"" STR_FMT "\"", STR_ARG(map->key));
}
