/* Settings name types as people write them ("Sync Started", as the vendor's pages do); messages carry the catalogue's
 * names. This brings the two together, once, when both have been read. */
#ifndef PROXY_APP_TYPE_NAMES_H
#define PROXY_APP_TYPE_NAMES_H

#include "common/arena.h"
#include "common/str.h"
#include "proxy/decide/catalog.h"
#include "proxy/model/settings.h"

/* Every rule type in routes, `assign` and `parity.ignore` that the catalogue lists gets its name there. The new lists
 * live in the arena, the names in the catalogue. ERR_INVALID with a line in `problems` for each type that stands in an
 * object twice, and for each in `assign` that has a counterpart: pairing rests on such a type staying where it is. */
enum err type_names_settle(struct settings *settings, const struct catalog *catalog, struct arena *arena,
                           struct strbuf *problems) MUST_USE;
/* Names in `assign`, routes and `pairing.prefer_by_type` that the catalogue does not know, or that have no effect
 * there: one line in `problems` each, with the nearest right name. Returns how many are almost a known name, or have no
 * effect: `check` takes these for errors. Others may be types that the catalogue lacks, and are warnings. */
size_t type_names_check_known(const struct settings *settings, const struct catalog *catalog, struct strbuf *problems);
/* What stands in `parity.ignore` and has no effect, or is known to nobody: one line in `problems` each; the number of
 * them. `check` takes it for an error; a proxy starts all the same, because a vendor's types are an open set. */
size_t type_names_check_ignored(const struct settings *settings, const struct catalog *catalog, struct arena *arena,
                                struct strbuf *problems) MUST_USE;

#endif
