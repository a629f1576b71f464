/* May legacy be switched off? Exit status 0 only for yes, so that a pipeline can ask. */
#include "proxy/admin/query.h"
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"
#include "proxy/app/table.h"

#include "common/json.h"
#include "common/terminal.h"

#include <stdio.h>

static struct str number_of(struct arena *arena, const struct json *object, const char *key) {
    const struct json *value = json_get(object, str_of(key));
    return value != NULL && value->type == JSON_NUMBER ? arena_str(arena, value->text) : STR("-");
}

/* Milliseconds as people read them. */
static struct str time_of(struct arena *arena, const struct json *skew, const char *key) {
    int64_t ms;
    const struct json *value = json_get(skew, str_of(key));
    if (value == NULL || !str_to_i64(value->text, &ms))
        return STR("-");
    if (ms < 1000)
        return arena_printf(arena, "%lld ms", (long long)ms);
    return ms < 120000 ? arena_printf(arena, "%.1f s", (double)ms / 1000)
                       : arena_printf(arena, "%.1f min", (double)ms / 60000);
}

static struct str text_of(const struct json *object, const char *key) {
    struct str text = json_string(json_get(object, str_of(key)));
    return text.len > 0 ? text : STR("-");
}

static void add_rules(struct table *table, struct arena *arena, const struct json *type) {
    const struct str cells[] = {
        text_of(type, "type"),
        text_of(type, "verdict"),
        number_of(arena, type, "rules"),
        number_of(arena, type, "paired"),
        number_of(arena, type, "rule_only"),
        number_of(arena, type, "waiting"),
    };
    table_add(table, cells);
}

static void add_events(struct table *table, struct arena *arena, const struct json *type) {
    const struct str cells[] = {
        text_of(type, "type"),
        number_of(arena, type, "events"),
        number_of(arena, type, "event_only"),
        number_of(arena, type, "events_waiting"),
        number_of(arena, type, "near_misses"),
        text_of(type, "last_unpaired"),
    };
    table_add(table, cells);
}

/* "34 %" of the pairs. */
static struct str share_of(struct arena *arena, const struct json *type, const char *key, const char *other) {
    int64_t part, rest;
    if (!str_to_i64(number_of(arena, type, key), &part) || !str_to_i64(number_of(arena, type, other), &rest) ||
        part + rest <= 0)
        return STR("-");
    return arena_printf(arena, "%.0f %%", 100 * (double)part / (double)(part + rest));
}

static void add_times(struct table *table, struct arena *arena, const struct json *type) {
    const struct json *skew = json_get(type, STR("skew_ms"));
    const struct str cells[] = {
        text_of(type, "type"),       share_of(arena, type, "rule_first", "event_first"),
        time_of(arena, skew, "p50"), time_of(arena, skew, "p99"),
        time_of(arena, skew, "max"),
    };
    table_add(table, cells);
}

typedef void add_row_fn(struct table *table, struct arena *arena, const struct json *type);

static void print_table(struct arena *arena, const struct json *root, const char *const *headings, add_row_fn *add,
                        struct strbuf *out) {
    struct table *table = table_new(arena, headings);
    for (const struct json *type = json_get(root, STR("types"))->first; type != NULL; type = type->next)
        add(table, arena, type);
    add(table, arena, json_get(root, STR("all")));
    table_print(table, out);
}

/* Three tables, because one of all columns is wider than a terminal. */
static void print_types(struct arena *arena, const struct json *root, struct strbuf *out) {
    static const char *const rules[] = {"RULE TYPE", "VERDICT", ">RULES", ">PAIRED", ">ALONE", ">WAITING", NULL};
    static const char *const events[] = {"RULE TYPE",    ">EVENTS",    ">ALONE", ">WAITING",
                                         ">NEAR MISSES", "LAST ALONE", NULL};
    static const char *const times[] = {"RULE TYPE", ">RULE FIRST", ">SKEW P50", ">P99", ">MAX", NULL};
    const struct json *types = json_get(root, STR("types"));
    if (types == NULL || types->count == 0)
        return;
    print_table(arena, root, rules, add_rules, out);
    strbuf_append_char(out, '\n');
    print_table(arena, root, events, add_events, out);
    strbuf_append_char(out, '\n');
    print_table(arena, root, times, add_times, out);
}

static void print_unreplaced(struct arena *arena, const struct json *root, struct strbuf *out) {
    const struct json *types = json_get(root, STR("without_replacement"));
    for (const struct json *type = types == NULL ? NULL : types->first; type != NULL; type = type->next)
        strbuf_printf(out, "%s" STR_FMT ": " STR_FMT " came; nothing replaces it%s\n",
                      type == types->first ? "\nWithout a replacement\n  " : "  ",
                      STR_ARG(json_string(json_get(type, STR("type")))), STR_ARG(number_of(arena, type, "rules")),
                      json_is_true(json_get(type, STR("acknowledged"))) ? " (acknowledged)" : "");
}

enum { LINE_WIDTH = 80 };

static size_t line_width(void) {
    size_t columns = terminal_columns();
    return columns > 0 && columns < LINE_WIDTH ? columns : LINE_WIDTH;
}

/* Breaks the text between words; the lines after the first are set in by `indent`. */
static void print_wrapped(struct strbuf *out, struct str text, size_t indent) {
    size_t column = indent;
    struct str word, rest = text;
    for (bool first = true; str_next(&rest, ' ', &word); first = false) {
        if (!first && column + 1 + word.len > line_width()) {
            strbuf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            strbuf_append_char(out, ' ');
            column++;
        }
        strbuf_append(out, word);
        column += word.len;
    }
    strbuf_append_char(out, '\n');
}

static void print_report(struct arena *arena, const struct json *root, struct strbuf *out) {
    struct str verdict = json_string(json_get(root, STR("verdict")));
    const struct json *reasons = json_get(root, STR("reasons"));
    print_wrapped(out,
                  arena_printf(arena, STR_FMT " %s (" STR_FMT ")",
                               STR_ARG(json_string(json_get(root, STR("question")))),
                               str_eq(verdict, STR("ready")) ? "Yes" : "No", STR_ARG(verdict)),
                  0);
    for (const struct json *reason = reasons == NULL ? NULL : reasons->first; reason != NULL; reason = reason->next) {
        strbuf_append(out, STR("  - "));
        print_wrapped(out, reason->text, 4);
    }
    print_wrapped(out,
                  arena_printf(arena, "Looking at " STR_FMT " to " STR_FMT,
                               STR_ARG(json_string(json_get(root, STR("since")))),
                               STR_ARG(json_string(json_get(root, STR("until"))))),
                  0);
    strbuf_append_char(out, '\n');
    print_types(arena, root, out);
    print_unreplaced(arena, root, out);
}

static void add_field(struct table *table, struct arena *arena, const struct json *field) {
    const struct json *examples = json_get(field, STR("examples"));
    const struct json *first = examples == NULL ? NULL : examples->first;
    struct str example = json_string(json_get(first, STR("rule")));
    const struct str cells[] = {text_of(field, "member"),
                                number_of(arena, field, "compared"),
                                number_of(arena, field, "equal"),
                                number_of(arena, field, "differs"),
                                number_of(arena, field, "only_rule"),
                                number_of(arena, field, "only_event"),
                                example.len > 0 ? example : STR("-")};
    table_add(table, cells);
}

/* Members that the vendor does not replace are not compared, and only counted. */
static void print_fields(struct arena *arena, const struct json *root, struct strbuf *out) {
    static const char *const headings[] = {"MEMBER",   ">PAIRS",    ">EQUAL",  ">DIFFER",
                                           ">IN RULE", ">IN EVENT", "EXAMPLE", NULL};
    const struct json *types = json_get(root, STR("fields"));
    if (types == NULL || types->count == 0)
        strbuf_append(out, STR("\nNo pair was compared yet (parity.compare)\n"));
    for (const struct json *type = types == NULL ? NULL : types->first; type != NULL; type = type->next) {
        struct table *table = table_new(arena, headings);
        const struct json *fields = json_get(type, STR("fields"));
        strbuf_printf(out, "\n" STR_FMT ": " STR_FMT " pairs compared\n", STR_ARG(text_of(type, "type")),
                      STR_ARG(number_of(arena, type, "pairs")));
        for (const struct json *field = fields == NULL ? NULL : fields->first; field != NULL; field = field->next)
            if (!str_eq(number_of(arena, field, "compared"), STR("0")))
                add_field(table, arena, field);
        table_print(table, out);
    }
    strbuf_append(out, STR("(in rule, in event: only that one of the two has the member)\n"));
}

struct parity_options {
    const char *url, *token, *since;
    bool json, fields;
};

static int ask(const char *command, struct arena *arena, const struct parity_options *options) {
    struct admin_client client;
    struct err_detail detail;
    struct str answer, path = STR("/api/parity");
    const struct json *root;
    if (admin_client_init(&client, arena, options->url, options->token, &detail) != ERR_NONE)
        return cli_misused(command, "%s", detail.text);
    struct strbuf since = {0};
    if (options->since != NULL) {
        query_encode(&since, str_of(options->since));
        path = arena_printf(arena, "/api/parity?since=" STR_FMT, STR_ARG(strbuf_str(&since)));
        strbuf_clear(&since);
    }
    enum err err = admin_client_json(&client, "GET", path, &answer, &root, &detail);
    if (err != ERR_NONE)
        return err == ERR_INVALID ? cli_misused(command, "%s", detail.text) : cli_failed(command, "%s", detail.text);
    struct strbuf out = {0};
    if (options->json)
        strbuf_printf(&out, STR_FMT "\n", STR_ARG(str_trim(answer)));
    else
        print_report(arena, root, &out);
    if (options->fields && !options->json)
        print_fields(arena, root, &out);
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
    bool is_ready = str_eq(json_string(json_get(root, STR("verdict"))), STR("ready"));
    return cli_finish(command, is_ready ? CLI_OK : CLI_FAILED);
}

int cmd_parity(int argc, char **argv) {
    struct parity_options asked = {0};
    const struct cli_option options[] = {{"admin", CLI_TEXT, &asked.url},
                                         {"token", CLI_TEXT, &asked.token},
                                         {"since", CLI_TEXT, &asked.since},
                                         {"fields", CLI_FLAG, &asked.fields},
                                         {"json", CLI_FLAG, &asked.json}};
    struct arena *arena = arena_new_for_secrets();
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    if (status == CLI_GO_ON)
        status = ask(argv[0], arena, &asked);
    arena_free(arena);
    return status;
}
