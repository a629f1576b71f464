#include "proxy/app/table.h"

enum { GAP = 2 };

struct row {
    const struct str *cells;
    struct row *next;
};

struct table {
    struct arena *arena;
    struct str headings[TABLE_COLUMN_MAX];
    bool to_right[TABLE_COLUMN_MAX];
    size_t columns;
    struct row *first, **end;
};

struct table *table_new(struct arena *arena, const char *const *headings) {
    struct table *table = ARENA_NEW(arena, struct table);
    table->arena = arena;
    table->end = &table->first;
    for (; headings[table->columns] != NULL && table->columns < TABLE_COLUMN_MAX; table->columns++) {
        struct str heading = str_of(headings[table->columns]);
        table->to_right[table->columns] = str_starts_with(heading, STR(">"));
        table->headings[table->columns] = str_from(heading, table->to_right[table->columns] ? 1 : 0);
    }
    return table;
}

void table_add(struct table *table, const struct str *cells) {
    struct row *row = ARENA_NEW(table->arena, struct row);
    row->cells = arena_copy(table->arena, cells, table->columns * sizeof *cells);
    *table->end = row;
    table->end = &row->next;
}

/* Characters, as a terminal counts them: bytes that do not continue one. */
static size_t width_of(struct str text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += ((unsigned char)text.at[i] & 0xC0) != 0x80 ? 1 : 0;
    return width;
}

static void measure(size_t *widths, size_t columns, const struct str *cells) {
    for (size_t c = 0; c < columns; c++) {
        size_t width = width_of(cells[c]);
        if (width > widths[c])
            widths[c] = width;
    }
}

/* What comes from messages may hold control characters, which a terminal would act on. */
static void append_plain(struct strbuf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++)
        strbuf_append_char(out, (unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f ? '?' : text.at[i]);
}

static void append_spaces(struct strbuf *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        strbuf_append_char(out, ' ');
}

static void print_row(const struct table *table, const size_t *widths, const struct str *cells, struct strbuf *out) {
    size_t owed = 0; /* spaces at the end of a line are not written */
    for (size_t c = 0; c < table->columns; c++) {
        size_t rest = widths[c] - width_of(cells[c]);
        if (cells[c].len > 0) {
            append_spaces(out, owed + (table->to_right[c] ? rest : 0));
            append_plain(out, cells[c]);
            owed = table->to_right[c] ? 0 : rest;
        } else {
            owed += rest;
        }
        owed += GAP;
    }
    strbuf_append_char(out, '\n');
}

void table_print(const struct table *table, struct strbuf *out) {
    size_t widths[TABLE_COLUMN_MAX] = {0};
    measure(widths, table->columns, table->headings);
    for (const struct row *row = table->first; row != NULL; row = row->next)
        measure(widths, table->columns, row->cells);
    print_row(table, widths, table->headings, out);
    for (const struct row *row = table->first; row != NULL; row = row->next)
        print_row(table, widths, row->cells, out);
}
