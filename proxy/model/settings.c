#include "proxy/model/settings.h"

#include <stdio.h>

#include "proxy/model/settings_checks.h"

enum err settings_load(struct arena *arena, const struct settings_sources *sources, struct settings *settings,
                       const struct opt_problem **problems) {
    struct settings loaded = {0};
    struct optfile *optfile = optfile_new(arena, settings_table(), &loaded);
    if (sources->path != NULL)
        optfile_read_file(optfile, sources->path);
    if (sources->variables != NULL)
        optfile_read_environment(optfile, sources->variables);
    for (size_t i = 0; i < sources->assignment_count; i++)
        optfile_read_assignment(optfile, str_of(sources->assignments[i]));
    optfile_check_required(optfile);
    settings_check_all(optfile, &loaded);
    if (loaded.store_body_retention_ms > loaded.store_retention_ms)
        loaded.store_body_retention_ms = loaded.store_retention_ms;
    *settings = loaded;
    *problems = optfile_problems(optfile);
    return *problems == NULL ? ERR_NONE : ERR_INVALID;
}

static struct str find_value(const struct opt_object *object, struct str name) {
    for (size_t i = 0; i < object->count; i++)
        if (str_eq_nocase(object->pairs[i].name, name))
            return object->pairs[i].value;
    return STR_NONE;
}

bool settings_assigned(const struct settings *settings, struct str type, enum endpoint *endpoint) {
    return endpoint_parse(find_value(&settings->assign, type), endpoint);
}

enum prefer settings_prefer(const struct settings *settings, struct str event_type) {
    struct str word = find_value(&settings->pairing_prefer_by_type, event_type);
    if (word.at == NULL)
        return settings->pairing_prefer;
    return str_eq(word, STR("new")) ? PREFER_NEW : str_eq(word, STR("legacy")) ? PREFER_LEGACY : PREFER_FIRST;
}

struct str settings_route(const struct endpoint_settings *endpoint, struct str type) {
    struct str route = find_value(&endpoint->routes, type);
    return route.at != NULL ? route : endpoint->url;
}

int64_t settings_schedule_ms(const struct settings *settings) {
    int64_t sum_ms = 0;
    for (size_t i = 0; i < settings->retry_schedule.count; i++)
        sum_ms += settings->retry_schedule.ms[i];
    return sum_ms;
}

void settings_duration_text(int64_t ms, char text[DURATION_TEXT_LEN]) {
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{24 * 3600, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    int64_t rest = ms / 1000;
    size_t len = 0;
    if (rest == 0) {
        snprintf(text, DURATION_TEXT_LEN, "%lldms", (long long)ms);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (rest >= units[i].seconds)
            len += (size_t)snprintf(text + len, DURATION_TEXT_LEN - len, "%lld%c", (long long)(rest / units[i].seconds),
                                    units[i].unit);
        rest %= units[i].seconds;
    }
}
