#include "proxy/app/flags_show.h"

#include "proxy/app/flag_report.h"
#include "proxy/app/table.h"

#include <stdio.h>

enum { TARGETING_SHOWN = 60 /* bytes; rules have no end, lines have */ };

static struct str state_of(const struct flag_view *flag) {
    return flag->is_disabled ? STR("DISABLED") : flag->is_broken ? STR("BROKEN") : STR("ENABLED");
}

static struct str type_of(const struct flag_view *flag) {
    const struct json *first = flag->variants == NULL ? NULL : flag->variants->first;
    if (first == NULL)
        return STR("-");
    return first->type == JSON_BOOL     ? STR("boolean")
           : first->type == JSON_NUMBER ? STR("number")
           : first->type == JSON_STRING ? STR("string")
                                        : STR("object");
}

/* "off (false)", or "-" where the caller's default counts. */
static void default_text(const struct flag_view *flag, struct strbuf *out) {
    struct json_writer writer;
    out->len = 0;
    if (flag->default_variant.at == NULL) {
        strbuf_append(out, STR("-"));
        return;
    }
    strbuf_append(out, flag->default_variant);
    strbuf_append(out, STR(" ("));
    json_begin(&writer, out);
    json_value(&writer, json_get(flag->variants, flag->default_variant));
    strbuf_append(out, STR(")"));
}

static void targeting_text(const struct flag_view *flag, struct strbuf *out) {
    struct json_writer writer;
    out->len = 0;
    if (flag->targeting == NULL) {
        strbuf_append(out, STR("none"));
        return;
    }
    json_begin(&writer, out);
    json_value(&writer, flag->targeting);
    if (out->len <= TARGETING_SHOWN)
        return;
    out->len = TARGETING_SHOWN;
    while (out->len > 0 && ((unsigned char)out->at[out->len] & 0xC0) == 0x80) /* not inside of a character */
        out->len--;
    strbuf_append(out, STR("..."));
}

static void write_table(const struct flags *flags, struct arena *arena, struct strbuf *out) {
    static const char *const headings[] = {"FLAG", "STATE", "TYPE", "DEFAULT", "TARGETING", NULL};
    struct table *table = table_new(arena, headings);
    struct strbuf cell = {0};
    for (size_t i = 0; i < flags_count(flags); i++) {
        struct flag_view flag = flags_at(flags, i);
        struct str cells[] = {flag.key, state_of(&flag), type_of(&flag), STR_NONE, STR_NONE};
        default_text(&flag, &cell);
        cells[3] = arena_str(arena, strbuf_str(&cell));
        targeting_text(&flag, &cell);
        cells[4] = arena_str(arena, strbuf_str(&cell));
        table_add(table, cells);
    }
    table_print(table, out);
    strbuf_clear(&cell);
}

void flags_show_table(const char *path, const struct flags *flags, const struct flag_problems *problems,
                      struct arena *arena) {
    struct strbuf out = {0};
    if (flags != NULL)
        write_table(flags, arena, &out);
    if (flags != NULL && problems->count > 0)
        strbuf_append_char(&out, '\n');
    flag_problems_write(&out, path, problems, FLAG_WARNING);
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
}

static void write_flag(struct json_writer *writer, const struct flag_view *flag) {
    json_object_begin(writer);
    json_key(writer, "key");
    json_str(writer, flag->key);
    json_key(writer, "state");
    json_str(writer, flag->is_disabled ? STR("DISABLED") : STR("ENABLED"));
    json_key(writer, "broken");
    json_bool(writer, flag->is_broken);
    json_key(writer, "defaultVariant");
    json_str(writer, flag->default_variant);
    if (flag->variants != NULL) {
        json_key(writer, "variants");
        json_value(writer, flag->variants);
    }
    if (flag->targeting != NULL) {
        json_key(writer, "targeting");
        json_value(writer, flag->targeting);
    }
    json_object_end(writer);
}

static void write_problem(struct json_writer *writer, const struct flag_problem *problem) {
    json_object_begin(writer);
    json_key(writer, "severity");
    json_str(writer, str_of(flag_severity_name(problem->severity)));
    if (problem->line > 0) {
        json_key(writer, "line");
        json_int(writer, problem->line);
        json_key(writer, "column");
        json_int(writer, problem->column);
    }
    if (problem->flag.at != NULL) {
        json_key(writer, "flag");
        json_str(writer, problem->flag);
    }
    json_key(writer, "what");
    json_str(writer, problem->what);
    json_object_end(writer);
}

void flags_show_json(const struct flags *flags, const struct flag_problems *problems) {
    struct strbuf out = {0};
    struct json_writer writer;
    json_begin(&writer, &out);
    json_object_begin(&writer);
    json_key(&writer, "flags");
    json_array_begin(&writer);
    for (size_t i = 0; flags != NULL && i < flags_count(flags); i++) {
        struct flag_view flag = flags_at(flags, i);
        write_flag(&writer, &flag);
    }
    json_array_end(&writer);
    json_key(&writer, "problems");
    json_array_begin(&writer);
    for (const struct flag_problem *problem = problems->first; problem != NULL; problem = problem->next)
        write_problem(&writer, problem);
    json_array_end(&writer);
    json_object_end(&writer);
    puts(out.at);
    strbuf_clear(&out);
}
