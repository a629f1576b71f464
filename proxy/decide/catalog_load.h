/* Reads a catalogue from JSON and checks it. */
#ifndef PROXY_DECIDE_CATALOG_LOAD_H
#define PROXY_DECIDE_CATALOG_LOAD_H

#include "common/err.h"
#include "common/str.h"
#include "proxy/decide/catalog.h"

/* Compiles `text`, in which comments are allowed. ERR_INVALID or ERR_LIMIT: then `problems` got one line for each
 * thing that is wrong, "FILE:LINE:COLUMN: what, and what would be right". `text` need not outlive the call. */
enum err catalog_load(struct str text, const char *file, struct catalog **catalog, struct strbuf *problems) MUST_USE;

/* Likewise, and looks for mistakes that no message would show: what can have no effect is a problem too. */
enum err catalog_load_checked(struct str text, const char *file, struct catalog **catalog,
                              struct strbuf *problems) MUST_USE;

#endif
