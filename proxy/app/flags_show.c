#include "proxy/app/flags_show.h"

#include "proxy/app/flag_file.h"

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

struct widths {
    int key, normal;
};

static struct widths measure(const struct flags *flags, struct strbuf *cell) {
    struct widths widths = {4, 7};
    for (size_t i = 0; i < flags_count(flags); i++) {
        struct flag_view flag = flags_at(flags, i);
        default_text(&flag, cell);
        widths.key = (int)flag.key.len > widths.key ? (int)flag.key.len : widths.key;
        widths.normal = (int)cell->len > widths.normal ? (int)cell->len : widths.normal;
    }
    return widths;
}

static void show_rows(const struct flags *flags) {
    struct strbuf normal = {0}, targeting = {0};
    struct widths widths = measure(flags, &normal);
    printf("%-*s  %-8s  %-7s  %-*s  %s\n", widths.key, "FLAG", "STATE", "TYPE", widths.normal, "DEFAULT", "TARGETING");
    for (size_t i = 0; i < flags_count(flags); i++) {
        struct flag_view flag = flags_at(flags, i);
        default_text(&flag, &normal);
        targeting_text(&flag, &targeting);
        printf("%-*.*s  %-8s  %-7s  %-*s  %s\n", widths.key, STR_ARG(flag.key), state_of(&flag).at, type_of(&flag).at,
               widths.normal, normal.at, targeting.at);
    }
    strbuf_clear(&normal);
    strbuf_clear(&targeting);
}

void flags_show_table(const char *path, const struct flags *flags, const struct flag_problems *problems) {
    if (flags != NULL)
        show_rows(flags);
    if (flags != NULL && problems->count > 0)
        putchar('\n');
    flag_problems_print(stdout, path, problems, FLAG_WARNING);
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
