/* The servers that an endpoint's messages go to, each with a health of its own: its URL may be one, its routes others.
 *
 * Made before the first thread runs; the health inside is for any thread, all else is constant. */
#ifndef PROXY_FLOW_ORIGINS_H
#define PROXY_FLOW_ORIGINS_H

#include "proxy/flow/health.h"
#include "proxy/model/settings.h"

struct origin {
    struct str text; /* "http://host:8080"; of the settings */
    struct health health;
};

struct origins {
    const struct endpoint_settings *settings;
    struct origin *items;
    size_t count;
    size_t *of_route, of_url; /* which of the items */
};

/* The settings have passed their checks and live on. */
void origins_init(struct origins *origins, const struct endpoint_settings *settings, int64_t first_retry_ms);
void origins_clear(struct origins *origins);

/* Where messages of that type go to: an index of `items`. */
size_t origins_find(const struct origins *origins, struct str type);

bool origins_are_up(const struct origins *origins); /* all of them */
uint32_t origins_in_flight(const struct origins *origins);
/* Milliseconds until one of them may have a place again where none has now; 0 where one has now, as far as its health
 * tells. */
int64_t origins_wait_ms(const struct origins *origins, int64_t now_ms);

#endif
