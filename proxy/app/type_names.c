#include "proxy/app/type_names.h"

#include "common/nearest.h"
#include "proxy/decide/verdict.h"

static struct str settled(const struct catalog *catalog, struct str name) {
    const struct catalog_type *rule = catalog_find(catalog, GENERATION_RULE, name);
    return rule != NULL ? rule->name : name;
}

static bool settle_object(struct opt_object *object, const char *setting, const struct catalog *catalog,
                          struct arena *arena, struct strbuf *problems) {
    struct opt_pair *pairs = ARENA_ARRAY(arena, object->count, struct opt_pair);
    bool is_good = true;
    for (size_t i = 0; i < object->count; i++) {
        pairs[i] = (struct opt_pair){settled(catalog, object->pairs[i].name), object->pairs[i].value};
        for (size_t before = 0; before < i; before++)
            if (str_eq_nocase(pairs[before].name, pairs[i].name)) {
                strbuf_printf(problems, "%s: \"" STR_FMT "\" and \"" STR_FMT "\" are the same type; expected it once\n",
                              setting, STR_ARG(object->pairs[before].name), STR_ARG(object->pairs[i].name));
                is_good = false;
            }
    }
    object->pairs = pairs;
    return is_good;
}

static void settle_list(struct opt_list *list, const struct catalog *catalog, struct arena *arena) {
    struct str *items = ARENA_ARRAY(arena, list->count, struct str);
    for (size_t i = 0; i < list->count; i++)
        items[i] = settled(catalog, list->items[i]);
    list->items = items;
}

static bool has_counterpart(const struct catalog *catalog, struct str name) {
    const struct catalog_type *type = catalog_find(catalog, GENERATION_RULE, name);
    if (type == NULL)
        type = catalog_find(catalog, GENERATION_EVENT, name);
    return type != NULL && catalog_has_replacement(type);
}

static bool check_assigned(const struct opt_object *assign, const struct catalog *catalog, struct strbuf *problems) {
    bool is_good = true;
    for (size_t i = 0; i < assign->count; i++)
        if (has_counterpart(catalog, assign->pairs[i].name)) {
            strbuf_printf(problems,
                          "assign: \"" STR_FMT "\" has a counterpart in the other generation; expected a type "
                          "without one\n",
                          STR_ARG(assign->pairs[i].name));
            is_good = false;
        }
    return is_good;
}

enum err type_names_settle(struct settings *settings, const struct catalog *catalog, struct arena *arena,
                           struct strbuf *problems) {
    static const char *const routes[] = {
        [ENDPOINT_LEGACY] = "endpoints.legacy.routes", [ENDPOINT_NEW] = "endpoints.new.routes"};
    bool is_good = true;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        is_good &= settle_object(&settings->endpoints[e].routes, routes[e], catalog, arena, problems);
    is_good &= settle_object(&settings->assign, "assign", catalog, arena, problems);
    is_good &= check_assigned(&settings->assign, catalog, problems);
    settle_list(&settings->parity_ignore, catalog, arena);
    return is_good ? ERR_NONE : ERR_INVALID;
}

size_t type_names_check_ignored(const struct settings *settings, const struct catalog *catalog, struct arena *arena,
                                struct strbuf *problems) {
    size_t count = 0;
    for (size_t i = 0; i < settings->parity_ignore.count; i++) {
        const char *wrong = verdict_check_ignored(arena, catalog, settings->parity_ignore.items[i]);
        if (wrong == NULL)
            continue;
        strbuf_printf(problems, "parity.ignore: %s\n", wrong);
        count++;
    }
    return count;
}

static const struct catalog_type *find_any(const struct catalog *catalog, struct str name) {
    const struct catalog_type *type = catalog_find(catalog, GENERATION_RULE, name);
    return type != NULL ? type : catalog_find(catalog, GENERATION_EVENT, name);
}

static void offer_types(struct nearest *nearest, const struct catalog *catalog, enum generation generation) {
    for (size_t i = 0; i < catalog_type_count(catalog, generation); i++)
        nearest_offer(nearest, catalog_type_at(catalog, generation, i)->name);
}

/* True where the name is almost one that is known. */
static bool tell_unknown(const char *setting, struct str name, bool events_only, const struct catalog *catalog,
                         struct strbuf *problems) {
    struct nearest nearest;
    nearest_begin(&nearest, name);
    offer_types(&nearest, catalog, GENERATION_EVENT);
    if (!events_only)
        offer_types(&nearest, catalog, GENERATION_RULE);
    if (nearest.best.at != NULL)
        strbuf_printf(problems, "%s: \"" STR_FMT "\" is no type of the catalogue; did you mean \"" STR_FMT "\"?\n",
                      setting, STR_ARG(name), STR_ARG(nearest.best));
    else
        strbuf_printf(problems,
                      "%s: warning: \"" STR_FMT
                      "\" is no type of the catalogue; it counts only if the vendor sends it\n",
                      setting, STR_ARG(name));
    return nearest.best.at != NULL;
}

static size_t check_names(const char *setting, const struct opt_object *object, const struct catalog *catalog,
                          struct strbuf *problems) {
    size_t wrong = 0;
    for (size_t i = 0; i < object->count; i++)
        if (find_any(catalog, object->pairs[i].name) == NULL)
            wrong += tell_unknown(setting, object->pairs[i].name, false, catalog, problems) ? 1 : 0;
    return wrong;
}

/* Ownership is asked for by the type of the event. */
static size_t check_preferred(const struct opt_object *object, const struct catalog *catalog, struct strbuf *problems) {
    static const char setting[] = "pairing.prefer_by_type";
    size_t wrong = 0;
    for (size_t i = 0; i < object->count; i++) {
        struct str name = object->pairs[i].name;
        const struct catalog_type *event = catalog_find(catalog, GENERATION_EVENT, name);
        bool is_rule = event == NULL && catalog_find(catalog, GENERATION_RULE, name) != NULL;
        if (event != NULL && catalog_has_replacement(event))
            continue;
        if (event == NULL && !is_rule) {
            wrong += tell_unknown(setting, name, true, catalog, problems) ? 1 : 0;
            continue;
        }
        wrong++;
        strbuf_printf(problems, "%s: \"" STR_FMT "\" %s\n", setting, STR_ARG(name),
                      is_rule ? "is a type of rules; expected the type of the event that replaces it"
                              : "has no counterpart, so that nothing is preferred to it");
    }
    return wrong;
}

size_t type_names_check_known(const struct settings *settings, const struct catalog *catalog, struct strbuf *problems) {
    return check_names("endpoints.legacy.routes", &settings->endpoints[ENDPOINT_LEGACY].routes, catalog, problems) +
           check_names("endpoints.new.routes", &settings->endpoints[ENDPOINT_NEW].routes, catalog, problems) +
           check_names("assign", &settings->assign, catalog, problems) +
           check_preferred(&settings->pairing_prefer_by_type, catalog, problems);
}
