/* The reference of the settings, of all of them or of some. */
#include "proxy/app/cli.h"

#include "common/mem.h"
#include "common/nearest.h"
#include "proxy/model/settings.h"

#include <stdio.h>

/* Is it the setting itself, or below it? */
static bool is_meant(const struct opt *opt, struct str key) {
    struct str name = str_of(opt->name), rest = str_from(name, key.len);
    return str_starts_with(name, key) && (rest.len == 0 || rest.at[0] == '.');
}

static int complain(const char *command, struct str key) {
    const struct opt_table *table = settings_table();
    struct nearest nearest;
    nearest_begin(&nearest, key);
    for (size_t i = 0; i < table->count; i++)
        nearest_offer(&nearest, str_of(table->opts[i].name));
    if (nearest.best.len == 0)
        return cli_misused(command, "there is no setting \"" STR_FMT "\"", STR_ARG(key));
    return cli_misused(command, "there is no setting \"" STR_FMT "\"; did you mean \"" STR_FMT "\"?", STR_ARG(key),
                       STR_ARG(nearest.best));
}

static int print(const char *command, const char *key, enum opt_format format) {
    struct opt_table table = *settings_table();
    struct opt *chosen = MEM_ARRAY(table.count, struct opt);
    size_t count = 0;
    for (size_t i = 0; i < table.count; i++)
        if (key == NULL || is_meant(&table.opts[i], str_of(key)))
            chosen[count++] = table.opts[i];
    table.opts = chosen;
    table.count = count;
    struct strbuf out = {0};
    if (count > 0)
        opt_reference(&out, &table, format);
    mem_free(chosen);
    if (count == 0)
        return complain(command, str_of(key));
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
    return cli_finish(command, CLI_OK);
}

static int print_schema(const char *command) {
    struct strbuf out = {0};
    opt_schema(&out, settings_table(), "settings of hookshift");
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
    return cli_finish(command, CLI_OK);
}

int cmd_settings(int argc, char **argv) {
    bool as_json = false, as_markdown = false, as_schema = false;
    const struct cli_option options[] = {
        {"json", CLI_FLAG, &as_json}, {"markdown", CLI_FLAG, &as_markdown}, {"schema", CLI_FLAG, &as_schema}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (argc - first > 1 || (as_schema && argc > first))
        return cli_misused(argv[0], as_schema ? "--schema is of all settings" : "takes one key");
    if ((as_json ? 1 : 0) + (as_markdown ? 1 : 0) + (as_schema ? 1 : 0) > 1)
        return cli_misused(argv[0], "writes JSON, Markdown or a schema, one of them");
    if (as_schema)
        return print_schema(argv[0]);
    return print(argv[0], argc > first ? argv[first] : NULL,
                 as_json       ? OPT_FORMAT_JSON
                 : as_markdown ? OPT_FORMAT_MARKDOWN
                               : OPT_FORMAT_TABLE);
}
