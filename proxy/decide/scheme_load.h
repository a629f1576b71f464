/* Reads signature schemes from JSON: those that are built in, and those of a catalogue. */
#ifndef PROXY_DECIDE_SCHEME_LOAD_H
#define PROXY_DECIDE_SCHEME_LOAD_H

#include "proxy/decide/catalog_reader.h"
#include "proxy/decide/scheme.h"

struct scheme_list {
    const struct scheme *schemes;
    size_t count;
};

/* The built-in ones and those of `object` (NULL: none), which may not have the name of another; problems are told to
 * the reader, in whose arena everything lives. */
void schemes_read(struct reader *reader, const struct json *object, struct scheme_list *list);

/* NULL where there is none of that name. */
const struct scheme *scheme_find(const struct scheme_list *list, struct str name);

#endif
