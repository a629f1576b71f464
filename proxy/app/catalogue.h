/* The catalogue that a setting or an option names. */
#ifndef PROXY_APP_CATALOGUE_H
#define PROXY_APP_CATALOGUE_H

#include "common/err.h"
#include "proxy/decide/catalog.h"

/* `name`: of a catalogue that is built in, or a file; absent: the first that is built in. Problems are lines, as
 * catalog_load() writes them. ERR_INVALID, or ERR_IO where the file cannot be read. */
enum err catalogue_open(struct str name, struct catalog **catalog, struct strbuf *problems) MUST_USE;

/* Likewise, with every check of catalog_load_checked(). */
enum err catalogue_open_checked(struct str name, struct catalog **catalog, struct strbuf *problems) MUST_USE;

/* The text of it, in the arena; `file` gets what problems call it. */
enum err catalogue_read(struct str name, struct arena *arena, struct str *text, const char **file,
                        struct strbuf *problems) MUST_USE;

#endif
