/* The rule types and event types of a catalogue, as they are read from its file. */
#ifndef PROXY_DECIDE_CATALOG_TYPES_H
#define PROXY_DECIDE_CATALOG_TYPES_H

#include "proxy/decide/catalog_compile.h"
#include "proxy/decide/catalog_parts.h"
#include "proxy/decide/catalog_reader.h"

struct loader {
    struct reader reader;
    struct catalog *catalog;
    struct vocabulary vocabulary;
    struct scope shared; /* of the generation that is being read */
};

/* Read the members "rule" and "rules", then "event" and "events" of the file; problems are told to the reader. */
void loader_read_rules(struct loader *loader, const struct json *root);
void loader_read_events(struct loader *loader, const struct json *root);

#endif
