#include "proxy/app/type_names.h"

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
