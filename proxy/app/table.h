/* A table of text for people: columns as wide as what stands in them. */
#ifndef PROXY_APP_TABLE_H
#define PROXY_APP_TABLE_H

#include "common/arena.h"

enum { TABLE_COLUMN_MAX = 12 };

struct table;

/* `headings` ends in NULL; one that begins with ">" is for numbers, set to the right. Lives in the arena. */
struct table *table_new(struct arena *arena, const char *const *headings) MUST_USE;
/* One text per heading, which must live as long as the table; absent ones are empty. */
void table_add(struct table *table, const struct str *cells);
void table_print(const struct table *table, struct strbuf *out);

#endif
