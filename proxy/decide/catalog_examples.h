/* The examples that stand in a catalogue, tried: documentation that cannot become wrong. */
#ifndef PROXY_DECIDE_CATALOG_EXAMPLES_H
#define PROXY_DECIDE_CATALOG_EXAMPLES_H

#include "proxy/decide/catalog.h"

struct examples_result {
    size_t passed, failed;
    size_t unshown; /* facts that no pair of twins shows */
};

/* Tries all of them, as if both messages of a pair had arrived together, or as far apart as they say. Appends a line
 * for each example with what was read, more lines where it fails, and one for each fact that no example shows. */
void examples_try(const struct catalog *catalog, int64_t window_ms, struct strbuf *out, struct examples_result *result);

#endif
