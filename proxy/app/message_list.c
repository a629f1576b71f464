/* Programs get every member (JSON lines) or those of the table (CSV, whose columns are fixed); people get a table. */
#include "proxy/app/message_list.h"

#include "common/clock.h"
#include "common/moment.h"
#include "proxy/admin/query.h"
#include "proxy/app/table.h"

bool message_filter_is_given(const struct message_filter *filter) {
    return filter->since != NULL || filter->until != NULL || filter->company != NULL || filter->type != NULL ||
           filter->generation != NULL || filter->state != NULL || filter->endpoint != NULL || filter->before != NULL ||
           filter->limit != NULL || filter->unpaired || filter->near_miss;
}

static enum err settle_moment(const char **moment, const char *name, struct arena *arena, int64_t now_ms, int64_t *ms,
                              struct err_detail *detail) {
    if (*moment == NULL)
        return ERR_NONE;
    if (!moment_parse(str_of(*moment), now_ms, ms) || *ms <= 0)
        return err_set(detail, ERR_INVALID, "--%s is \"%s\", but must be " MOMENT_FORMS, name, *moment);
    *moment = clock_format_rfc3339(arena, *ms).at;
    return ERR_NONE;
}

enum err message_filter_settle(struct message_filter *filter, struct arena *arena, struct err_detail *detail) {
    int64_t now_ms = clock_wall_ms(), since_ms = 0, until_ms = INT64_MAX;
    enum err err = settle_moment(&filter->since, "since", arena, now_ms, &since_ms, detail);
    if (err == ERR_NONE)
        err = settle_moment(&filter->until, "until", arena, now_ms, &until_ms, detail);
    if (err == ERR_NONE && since_ms >= until_ms)
        err = err_set(detail, ERR_INVALID, "--since (%s) must be before --until (%s)", filter->since, filter->until);
    return err;
}

void message_query_append(struct strbuf *query, const char *name, const char *value) {
    if (value == NULL)
        return;
    strbuf_printf(query, "%s%s=", query->len == 0 ? "" : "&", name);
    query_encode(query, str_of(value));
}

void message_filter_append(const struct message_filter *filter, struct strbuf *query) {
    message_query_append(query, "since", filter->since);
    message_query_append(query, "until", filter->until);
    message_query_append(query, "company", filter->company);
    message_query_append(query, "type", filter->type);
    message_query_append(query, "generation", filter->generation);
    message_query_append(query, "state", filter->state);
    message_query_append(query, "endpoint", filter->endpoint);
    message_query_append(query, "unpaired", filter->unpaired ? "true" : NULL);
    message_query_append(query, "near_miss", filter->near_miss ? "true" : NULL);
}

enum err list_format_parse(const char *text, enum list_format *format, struct err_detail *detail) {
    static const struct {
        struct str name;
        enum list_format format;
    } formats[] = {{{"table", 5}, FORMAT_TABLE}, {{"jsonl", 5}, FORMAT_JSONL}, {{"csv", 3}, FORMAT_CSV}};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (text != NULL && str_eq(str_of(text), formats[i].name)) {
            *format = formats[i].format;
            return ERR_NONE;
        }
    return err_set(detail, ERR_INVALID, "--format is \"%s\", but must be table, jsonl or csv", text);
}

static bool is_formula(struct str cell) {
    return cell.len > 0 && memchr("=+-@\t\r", cell.at[0], 6) != NULL;
}

static void append_cell(struct strbuf *out, struct str cell) {
    bool quoted = is_formula(cell);
    for (size_t i = 0; i < cell.len && !quoted; i++)
        quoted = cell.at[i] == ',' || cell.at[i] == '"' || cell.at[i] == '\n' || cell.at[i] == '\r';
    if (!quoted) {
        strbuf_append(out, cell);
        return;
    }
    strbuf_append(out, is_formula(cell) ? STR("\"'") : STR("\""));
    for (size_t i = 0; i < cell.len; i++)
        strbuf_append(out, cell.at[i] == '"' ? STR("\"\"") : str_slice(cell.at + i, 1));
    strbuf_append_char(out, '"');
}

void csv_append_row(struct strbuf *out, const struct str *cells, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_append_char(out, ',');
        append_cell(out, cells[i]);
    }
    strbuf_append(out, STR("\r\n"));
}

enum { CSV_COLUMNS = 12, TABLE_COLUMNS = 7 };

static struct str text_of(const struct json *object, const char *key) {
    const struct json *value = json_get(object, str_of(key));
    return value == NULL ? STR("") : value->text;
}

static void print_csv(const struct json *messages, bool with_headings, struct strbuf *out) {
    static const char *const columns[CSV_COLUMNS] = {"id",      "state",    "generation", "endpoint",
                                                     "type",    "company",  "connection", "data_type",
                                                     "rule_id", "received", "changed",    "attempt_count"};
    struct str cells[CSV_COLUMNS];
    for (size_t c = 0; c < CSV_COLUMNS; c++)
        cells[c] = str_of(columns[c]);
    if (with_headings)
        csv_append_row(out, cells, CSV_COLUMNS);
    for (const struct json *each = messages->first; each != NULL; each = each->next) {
        for (size_t c = 0; c < CSV_COLUMNS; c++)
            cells[c] = text_of(each, columns[c]);
        csv_append_row(out, cells, CSV_COLUMNS);
    }
}

static void print_table(struct arena *arena, const struct json *messages, struct strbuf *out) {
    static const char *const headings[] = {"id",      "state",    "?generation", "type",
                                           "company", "received", "?>attempts",  NULL};
    struct table *table = table_new(arena, headings);
    for (const struct json *each = messages->first; each != NULL; each = each->next) {
        const struct str cells[TABLE_COLUMNS] = {
            text_of(each, "id"),      text_of(each, "state"),    text_of(each, "generation"),   text_of(each, "type"),
            text_of(each, "company"), text_of(each, "received"), text_of(each, "attempt_count")};
        table_add(table, cells);
    }
    table_print(table, out);
}

void message_rows_print(struct arena *arena, const struct json *messages, enum list_format format, bool with_headings,
                        struct strbuf *out) {
    if (format == FORMAT_CSV)
        print_csv(messages, with_headings, out);
    else if (format == FORMAT_TABLE)
        print_table(arena, messages, out);
    for (const struct json *each = messages->first; format == FORMAT_JSONL && each != NULL; each = each->next) {
        struct json_writer json;
        json_begin(&json, out);
        json_value(&json, each);
        strbuf_append_char(out, '\n');
    }
}
