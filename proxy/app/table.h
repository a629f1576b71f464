/* A table of text for people: columns as wide as what stands in them, as far as there is room. */
#ifndef PROXY_APP_TABLE_H
#define PROXY_APP_TABLE_H

#include "common/arena.h"

enum { TABLE_COLUMN_MAX = 16 };

struct table;

/* `headings` ends in NULL. A heading that begins with "?" may be left out where there is no room, the last one first;
 * one that (then) begins with ">" is for numbers, set to the right. Lives in the arena. */
struct table *table_new(struct arena *arena, const char *const *headings) MUST_USE;
/* One text per heading, which must live as long as the table; absent ones are empty. */
void table_add(struct table *table, const struct str *cells);
/* For standard output: as wide as the terminal that it is, or as it comes where it is none. */
void table_print(const struct table *table, struct strbuf *out);
/* In so many columns, 0: any number. Where there is little room cells are cut, then there is one line per cell. */
void table_print_within(const struct table *table, size_t columns, struct strbuf *out);

/* Characters as a terminal counts them. */
size_t table_text_width(struct str text);
/* Without control characters, which a terminal would act on, and cut to `width` characters where that is not 0. */
void table_append_text(struct strbuf *out, struct str text, size_t width);

#endif
