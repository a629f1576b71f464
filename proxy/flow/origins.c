/* Scheme, host and port make an origin. A host that is dead, or that asks to be left alone, says nothing about the
 * other hosts of the same endpoint. */
#include "proxy/flow/origins.h"

#include "common/mem.h"
#include "common/url.h"

#include <stdlib.h>

static size_t add(struct origins *origins, struct str text, int64_t first_retry_ms) {
    struct url url, other;
    if (url_split(text, &url) != NULL)
        abort(); /* the settings' check has let it pass */
    for (size_t i = 0; i < origins->count; i++)
        if (url_split(origins->items[i].text, &other) == NULL && url_is_same_origin(&url, &other))
            return i;
    struct origin *origin = &origins->items[origins->count];
    origin->text = url.origin;
    health_init(&origin->health, (uint32_t)origins->settings->concurrency, first_retry_ms);
    return origins->count++;
}

void origins_init(struct origins *origins, const struct endpoint_settings *settings, int64_t first_retry_ms) {
    size_t routes = settings->routes.count;
    *origins = (struct origins){.settings = settings};
    origins->items = MEM_ARRAY(routes + 1, struct origin);
    origins->of_route = MEM_ARRAY(routes, size_t);
    origins->of_url = add(origins, settings->url, first_retry_ms);
    for (size_t i = 0; i < routes; i++)
        origins->of_route[i] = add(origins, settings->routes.pairs[i].value, first_retry_ms);
}

void origins_clear(struct origins *origins) {
    mem_free(origins->items);
    mem_free(origins->of_route);
    *origins = (struct origins){0};
}

size_t origins_find(const struct origins *origins, struct str type) {
    const struct opt_object *routes = &origins->settings->routes;
    if (origins->count == 1)
        return 0;
    for (size_t i = 0; i < routes->count; i++)
        if (str_eq_nocase(routes->pairs[i].name, type))
            return origins->of_route[i];
    return origins->of_url;
}

bool origins_are_up(const struct origins *origins) {
    for (size_t i = 0; i < origins->count; i++)
        if (!health_is_up(&origins->items[i].health))
            return false;
    return true;
}

uint32_t origins_in_flight(const struct origins *origins) {
    uint32_t in_flight = 0;
    for (size_t i = 0; i < origins->count; i++)
        in_flight += atomic_load(&origins->items[i].health.in_flight);
    return in_flight;
}

int64_t origins_wait_ms(const struct origins *origins, int64_t now_ms) {
    int64_t wait_ms = INT64_MAX;
    for (size_t i = 0; i < origins->count; i++) {
        int64_t wait = health_wait_ms(&origins->items[i].health, now_ms);
        wait_ms = wait < wait_ms ? wait : wait_ms;
    }
    return wait_ms;
}
