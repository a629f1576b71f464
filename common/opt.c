#include "common/opt.h"

#include "common/units.h"

const struct opt *opt_find(const struct opt_table *table, struct str name) {
    for (const struct opt *opt = table->opts; opt < table->opts + table->count; opt++)
        if (str_eq(str_of(opt->name), name))
            return opt;
    return NULL;
}

struct str opt_variable(struct arena *arena, const struct opt_table *table, const struct opt *opt) {
    struct strbuf name = {0};
    strbuf_append(&name, str_of(table->env_prefix));
    for (const char *c = opt->name; *c != '\0'; c++)
        strbuf_append_char(&name, *c == '.' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    struct str copy = arena_str(arena, strbuf_str(&name));
    strbuf_clear(&name);
    return copy;
}

void opt_amount_print(struct strbuf *out, const struct opt *opt, int64_t amount) {
    if (opt->type == OPT_DURATION || opt->type == OPT_DURATIONS)
        duration_print(out, amount);
    else if (opt->type == OPT_SIZE)
        size_print(out, (size_t)amount);
    else
        strbuf_printf(out, "%lld", (long long)amount);
}

static void print_choices(struct strbuf *out, const char *const *choices) {
    for (size_t i = 0; choices[i] != NULL; i++)
        strbuf_printf(out, "%s%s", i == 0 ? "" : choices[i + 1] == NULL ? " or " : ", ", choices[i]);
}

static void describe_amount(struct strbuf *out, const struct opt *opt, const char *what, const char *such_as) {
    strbuf_printf(out, "%s from ", what);
    opt_amount_print(out, opt, opt->min);
    if (opt->max == INT64_MAX) {
        strbuf_append(out, STR(" on"));
    } else {
        strbuf_append(out, STR(" to "));
        opt_amount_print(out, opt, opt->max);
    }
    strbuf_append(out, str_of(such_as));
}

void opt_describe(struct strbuf *out, const struct opt *opt) {
    switch (opt->type) {
    case OPT_TEXT:
        strbuf_append(out, STR("a text"));
        break;
    case OPT_BOOL:
        strbuf_append(out, STR("true or false"));
        break;
    case OPT_INT:
        describe_amount(out, opt, "a whole number", "");
        break;
    case OPT_DURATION:
        describe_amount(out, opt, "a duration", ", such as 250ms, 10s, 5m, 2h or 15d");
        break;
    case OPT_SIZE:
        describe_amount(out, opt, "a size", ", such as 64KiB or 1MiB");
        break;
    case OPT_CHOICE:
        print_choices(out, opt->choices);
        break;
    case OPT_LIST:
        strbuf_append(out, STR("a list of texts: a JSON array, or text with commas"));
        break;
    case OPT_DURATIONS:
        describe_amount(out, opt, "a list of durations", ", such as 5s,30s,2m");
        break;
    case OPT_OBJECT:
        strbuf_append(out, STR("a JSON object whose values are "));
        print_choices(out, opt->choices != NULL ? opt->choices : (const char *const[]){"strings", NULL});
        break;
    }
}
