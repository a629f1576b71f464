/* Do the templates of a catalogue say what its facts say? */
#ifndef PROXY_DECIDE_TRANSLATE_CHECK_H
#define PROXY_DECIDE_TRANSLATE_CHECK_H

#include "proxy/decide/catalog.h"

/* Looks for variables that no source of a template has, and writes a body of each type from made-up ones of its
 * sources: read again, it must state the same facts. `text` and `file` are what the catalogue was loaded from. Appends
 * one line "FILE:LINE:COLUMN: …" per problem; how many there are. */
size_t translate_check(const struct catalog *catalog, struct str text, const char *file,
                       struct strbuf *problems) MUST_USE;

#endif
