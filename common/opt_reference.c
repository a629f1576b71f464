#include "common/json_writer.h"
#include "common/opt.h"

static const char *type_name(const struct opt *opt) {
    static const char *const names[] = {
        [OPT_TEXT] = "text",     [OPT_BOOL] = "boolean",  [OPT_INT] = "number", [OPT_DURATION] = "duration",
        [OPT_SIZE] = "size",     [OPT_CHOICE] = "choice", [OPT_LIST] = "list",  [OPT_DURATIONS] = "list of durations",
        [OPT_OBJECT] = "object",
    };
    return names[opt->type];
}

static const char *shown_default(const struct opt *opt) {
    if (opt->is_required)
        return "required";
    if (opt->initial_shown != NULL)
        return opt->initial_shown;
    return opt->initial != NULL ? opt->initial : "none";
}

static bool has_range(const struct opt *opt) {
    return opt->type == OPT_INT || opt->type == OPT_DURATION || opt->type == OPT_SIZE || opt->type == OPT_DURATIONS;
}

/* The meaning, and what may stand there where the type does not say it. */
static void print_meaning(struct strbuf *out, const struct opt *opt) {
    strbuf_append(out, str_of(opt->meaning));
    if (!has_range(opt) && opt->choices == NULL)
        return;
    strbuf_append(out, STR(" ("));
    if (opt->choices != NULL) {
        for (size_t i = 0; opt->choices[i] != NULL; i++)
            strbuf_printf(out, "%s%s", i == 0 ? "" : ", ", opt->choices[i]);
    } else {
        opt_amount_print(out, opt, opt->min);
        strbuf_append(out, STR(" to "));
        opt_amount_print(out, opt, opt->max);
    }
    strbuf_append_char(out, ')');
}

static int width(const struct opt_table *table, const char *(*column)(const struct opt *)) {
    size_t most = 0;
    for (size_t i = 0; i < table->count; i++) {
        size_t len = strlen(column(&table->opts[i]));
        most = len > most ? len : most;
    }
    return (int)most;
}

static const char *name_of(const struct opt *opt) {
    return opt->name;
}

static void print_table(struct strbuf *out, const struct opt_table *table) {
    int name_width = width(table, name_of), type_width = width(table, type_name);
    int default_width = width(table, shown_default);
    strbuf_printf(out, "%-*s  %-*s  %-*s  %s\n", name_width, "NAME", type_width, "TYPE", default_width, "DEFAULT",
                  "MEANING");
    for (const struct opt *opt = table->opts; opt < table->opts + table->count; opt++) {
        strbuf_printf(out, "%-*s  %-*s  %-*s  ", name_width, opt->name, type_width, type_name(opt), default_width,
                      shown_default(opt));
        print_meaning(out, opt);
        strbuf_append_char(out, '\n');
    }
}

static void append_cell(struct strbuf *out, struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '|')
            strbuf_append_char(out, '\\');
        strbuf_append_char(out, text.at[i]);
    }
}

static void print_markdown(struct strbuf *out, const struct opt_table *table) {
    strbuf_append(out, STR("| key | type | default | meaning |\n|---|---|---|---|\n"));
    for (const struct opt *opt = table->opts; opt < table->opts + table->count; opt++) {
        bool is_literal = opt->initial != NULL && opt->initial_shown == NULL && !opt->is_required;
        const char *tick = is_literal ? "`" : "";
        struct strbuf meaning = {0};
        print_meaning(&meaning, opt);
        strbuf_printf(out, "| `%s` | %s | %s%s%s | ", opt->name, type_name(opt), tick, shown_default(opt), tick);
        append_cell(out, strbuf_str(&meaning));
        strbuf_append(out, STR(" |\n"));
        strbuf_clear(&meaning);
    }
}

static void write_text(struct json_writer *writer, const char *key, const char *text) {
    json_key(writer, key);
    json_str(writer, str_of(text));
}

static void write_amount(struct json_writer *writer, const char *key, const struct opt *opt, int64_t amount) {
    struct strbuf text = {0};
    opt_amount_print(&text, opt, amount);
    json_key(writer, key);
    if (opt->type == OPT_INT)
        json_int(writer, amount);
    else
        json_str(writer, strbuf_str(&text));
    strbuf_clear(&text);
}

static void write_opt(struct json_writer *writer, const struct opt *opt, struct str variable) {
    json_object_begin(writer);
    write_text(writer, "name", opt->name);
    write_text(writer, "type", type_name(opt));
    write_text(writer, "default", opt->initial);
    if (has_range(opt)) {
        write_amount(writer, "minimum", opt, opt->min);
        write_amount(writer, "maximum", opt, opt->max);
    }
    if (opt->choices != NULL) {
        json_key(writer, "choices");
        json_array_begin(writer);
        for (size_t i = 0; opt->choices[i] != NULL; i++)
            json_str(writer, str_of(opt->choices[i]));
        json_array_end(writer);
    }
    json_key(writer, "required");
    json_bool(writer, opt->is_required);
    json_key(writer, "secret");
    json_bool(writer, opt->is_secret);
    json_key(writer, "variable");
    json_str(writer, variable);
    write_text(writer, "meaning", opt->meaning);
    json_object_end(writer);
}

static void print_json(struct strbuf *out, const struct opt_table *table) {
    struct arena *arena = arena_new(0);
    struct json_writer writer;
    json_begin(&writer, out);
    json_array_begin(&writer);
    for (size_t i = 0; i < table->count; i++)
        write_opt(&writer, &table->opts[i], opt_variable(arena, table, &table->opts[i]));
    json_array_end(&writer);
    strbuf_append_char(out, '\n');
    arena_free(arena);
}

void opt_reference(struct strbuf *out, const struct opt_table *table, enum opt_format format) {
    switch (format) {
    case OPT_FORMAT_TABLE:
        print_table(out, table);
        break;
    case OPT_FORMAT_JSON:
        print_json(out, table);
        break;
    case OPT_FORMAT_MARKDOWN:
        print_markdown(out, table);
        break;
    }
}
