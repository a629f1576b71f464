/* Mistakes in a catalogue that is good enough to run with: nothing is refused for them, and twins are never found. */
#ifndef PROXY_DECIDE_CATALOG_CHECK_H
#define PROXY_DECIDE_CATALOG_CHECK_H

#include "proxy/decide/catalog_types.h"

/* For a catalogue that was read without a problem; tells problems to the loader's reader. */
void catalog_check_silent(struct loader *loader, const struct json *root);

#endif
