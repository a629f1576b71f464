/* Layouts by what there is room for, the first that fits:
 *
 *   whole       every column as wide as its widest cell
 *   folded      headings on several lines, where they are wider than the cells
 *   fewer       without the columns that may be left out; a last line names them
 *   shorter     the widest texts are cut
 *   cards       one line per cell, an empty line between rows */
#include "proxy/app/table.h"

#include "common/terminal.h"

enum { GAP = 2, CELL_LEAST = 8, HEADING_LINES_MAX = 3 };

struct row {
    const struct str *cells;
    struct row *next;
};

struct table {
    struct arena *arena;
    struct str headings[TABLE_COLUMN_MAX];
    bool to_right[TABLE_COLUMN_MAX], optional[TABLE_COLUMN_MAX];
    size_t columns;
    struct row *first, **end;
};

/* How wide each column is; 0: it is left out. */
struct layout {
    size_t widths[TABLE_COLUMN_MAX];
    bool left_out[TABLE_COLUMN_MAX], folded;
};

struct table *table_new(struct arena *arena, const char *const *headings) {
    struct table *table = ARENA_NEW(arena, struct table);
    table->arena = arena;
    table->end = &table->first;
    for (; headings[table->columns] != NULL && table->columns < TABLE_COLUMN_MAX; table->columns++) {
        struct str heading = str_of(headings[table->columns]);
        table->optional[table->columns] = str_starts_with(heading, STR("?"));
        heading = str_from(heading, table->optional[table->columns] ? 1 : 0);
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

static bool continues_character(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t table_text_width(struct str text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += continues_character(text.at[i]) ? 0 : 1;
    return width;
}

/* Bytes of the first `width` characters. */
static size_t cut_at(struct str text, size_t width) {
    size_t i = 0;
    for (size_t seen = 0; i < text.len; i++) {
        seen += continues_character(text.at[i]) ? 0 : 1;
        if (seen > width)
            break;
    }
    return i;
}

/* C1 controls are two bytes in UTF-8; those that turn the direction of writing (U+200E,
 * U+202A to 202E, U+2066 to 2069) are three. */
static size_t control_len(struct str text) {
    unsigned char c = (unsigned char)text.at[0];
    if (c < 0x20 || c == 0x7f)
        return 1;
    if (text.len >= 2 && c == 0xC2 && (unsigned char)text.at[1] < 0xA0)
        return 2;
    if (text.len < 3 || c != 0xE2)
        return 0;
    unsigned char second = (unsigned char)text.at[1], third = (unsigned char)text.at[2];
    bool is_mark = second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE));
    bool is_isolate = second == 0x81 && third >= 0xA6 && third <= 0xA9;
    return is_mark || is_isolate ? 3 : 0;
}

void table_append_text(struct strbuf *out, struct str text, size_t width) {
    bool cut = width > 0 && table_text_width(text) > width;
    if (cut)
        text.len = cut_at(text, width - 1);
    for (size_t i = 0; i < text.len;) {
        size_t len = control_len(str_from(text, i));
        strbuf_append_char(out, len > 0 ? '?' : text.at[i]);
        i += len > 0 ? len : 1;
    }
    if (cut)
        strbuf_append(out, STR("…"));
}

static void append_spaces(struct strbuf *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        strbuf_append_char(out, ' ');
}

/* The `line`th word of a heading that is folded, all of it where it is not. */
static struct str heading_line(const struct table *table, const struct layout *layout, size_t column, size_t line) {
    struct str rest = table->headings[column], word = rest;
    if (!layout->folded)
        return line == 0 ? rest : STR("");
    for (size_t i = 0; i <= line; i++)
        if (!str_next(&rest, ' ', &word))
            return STR("");
    return word;
}

static void measure(const struct table *table, struct layout *layout) {
    for (size_t c = 0; c < table->columns; c++) {
        size_t *width = &layout->widths[c];
        *width = 0;
        for (size_t line = 0; line < HEADING_LINES_MAX; line++) {
            size_t needed = table_text_width(heading_line(table, layout, c, line));
            *width = needed > *width ? needed : *width;
        }
        for (const struct row *row = table->first; row != NULL; row = row->next) {
            size_t needed = table_text_width(row->cells[c]);
            *width = needed > *width ? needed : *width;
        }
    }
}

static size_t width_of(const struct table *table, const struct layout *layout) {
    size_t width = 0;
    for (size_t c = 0; c < table->columns; c++)
        width += layout->left_out[c] ? 0 : layout->widths[c] + (width > 0 ? GAP : 0);
    return width;
}

/* One character off the widest text column that can do with less; the first one, which names the row, last. */
static bool shorten(const struct table *table, struct layout *layout) {
    size_t widest = 0;
    for (size_t c = 1; c < table->columns; c++)
        if (!layout->left_out[c] && !table->to_right[c] && layout->widths[c] > CELL_LEAST &&
            (widest == 0 || layout->widths[c] > layout->widths[widest]))
            widest = c;
    if (layout->widths[widest] <= 2 * CELL_LEAST && widest == 0)
        return false;
    layout->widths[widest]--;
    return true;
}

/* False: it does not fit in any way. */
static bool fit(const struct table *table, size_t columns, struct layout *layout) {
    *layout = (struct layout){.folded = false};
    measure(table, layout);
    if (columns == 0 || width_of(table, layout) <= columns)
        return true;
    layout->folded = true;
    measure(table, layout);
    for (size_t c = table->columns; c > 0 && width_of(table, layout) > columns; c--)
        layout->left_out[c - 1] = table->optional[c - 1];
    while (width_of(table, layout) > columns)
        if (!shorten(table, layout))
            return false;
    return true;
}

static void print_cells(const struct table *table, const struct layout *layout, const struct str *cells,
                        struct strbuf *out) {
    size_t owed = 0; /* spaces at the end of a line are not written */
    for (size_t c = 0; c < table->columns; c++) {
        if (layout->left_out[c])
            continue;
        size_t width = table_text_width(cells[c]), most = layout->widths[c];
        size_t rest = most > width ? most - width : 0;
        if (cells[c].len > 0) {
            append_spaces(out, owed + (table->to_right[c] ? rest : 0));
            table_append_text(out, cells[c], most);
            owed = table->to_right[c] ? 0 : rest;
        } else {
            owed += rest;
        }
        owed += GAP;
    }
    strbuf_append_char(out, '\n');
}

static void print_headings(const struct table *table, const struct layout *layout, struct strbuf *out) {
    for (size_t line = 0; line < HEADING_LINES_MAX; line++) {
        struct str cells[TABLE_COLUMN_MAX];
        bool any = false;
        for (size_t c = 0; c < table->columns; c++) {
            cells[c] = heading_line(table, layout, c, line);
            any = any || (cells[c].len > 0 && !layout->left_out[c]);
        }
        if (any)
            print_cells(table, layout, cells, out);
    }
}

static void print_left_out(const struct table *table, const struct layout *layout, struct strbuf *out) {
    size_t count = 0;
    for (size_t c = 0; c < table->columns; c++)
        if (layout->left_out[c])
            strbuf_printf(out, "%s" STR_FMT, count++ == 0 ? "(too narrow for: " : ", ", STR_ARG(table->headings[c]));
    strbuf_append(out, count > 0 ? STR(")\n") : STR(""));
}

static void print_cards(const struct table *table, size_t columns, struct strbuf *out) {
    size_t widest = 0;
    for (size_t c = 0; c < table->columns; c++) {
        size_t width = table_text_width(table->headings[c]);
        widest = width > widest ? width : widest;
    }
    for (const struct row *row = table->first; row != NULL; row = row->next) {
        for (size_t c = 0; c < table->columns; c++) {
            if (row->cells[c].len == 0)
                continue;
            strbuf_append(out, table->headings[c]);
            append_spaces(out, widest - table_text_width(table->headings[c]) + GAP);
            table_append_text(out, row->cells[c], columns > widest + GAP ? columns - widest - GAP : 1);
            strbuf_append_char(out, '\n');
        }
        strbuf_append(out, row->next != NULL ? STR("\n") : STR(""));
    }
}

void table_print(const struct table *table, struct strbuf *out) {
    table_print_within(table, terminal_columns(), out);
}

void table_print_within(const struct table *table, size_t columns, struct strbuf *out) {
    struct layout layout;
    if (!fit(table, columns, &layout)) {
        print_cards(table, columns, out);
        return;
    }
    print_headings(table, &layout, out);
    for (const struct row *row = table->first; row != NULL; row = row->next)
        print_cells(table, &layout, row->cells, out);
    print_left_out(table, &layout, out);
}
