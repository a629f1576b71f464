/* What `check` opens as `serve` will: certificates with their keys, and the folder of the store. */
#ifndef PROXY_APP_CHECK_PLACES_H
#define PROXY_APP_CHECK_PLACES_H

#include "common/str.h"
#include "proxy/model/settings.h"

/* False where `serve` would not start; a line for each problem, and for each warning. Changes nothing. */
bool check_places(const struct settings *settings, struct strbuf *lines);

#endif
