#include "proxy/app/catalogue.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/decide/classify.h"
#include "proxy/decide/classify_explain.h"
#include "proxy/decide/classify_print.h"

#include <stdio.h>

/* Prints why each body is read as it is; false where one fits no shape. */
static bool explain_file(const char *command, const struct catalog *catalog, const char *path) {
    struct arena *arena = arena_new(0);
    struct json_error error;
    struct strbuf out = {0};
    struct classify_input input = {0};
    bool fits = false;
    if (input_read(command, arena, path, &input.body)) {
        enum err err = classify_explain(catalog, &input, &out, &error);
        fits = err == ERR_NONE;
        printf("%s\n", input_name(path));
        fputs(strbuf_str(&out).at, stdout);
        if (err == ERR_NOT_FOUND)
            puts("unrecognised: no shape fits");
        else if (err != ERR_NONE)
            (void)cli_failed(command, "%s:%u:%u: %s", input_name(path), error.line, error.column, error.what);
    }
    strbuf_clear(&out);
    arena_free(arena);
    return fits;
}

static bool classify_file(const char *command, const struct catalog *catalog, const char *path) {
    struct arena *arena = arena_new(0);
    struct message message = {0};
    struct message_parts parts;
    struct json_error error;
    struct strbuf line = {0};
    struct str body;
    bool understood = false;
    if (!input_read(command, arena, path, &body))
        goto out;
    const struct classify_input input = {.body = body};
    understood = classify_messages(catalog, &input, arena, &message, &parts, &error) == ERR_NONE;
    if (understood) {
        if (parts.count == 0)
            classify_print(&message, &line);
        for (size_t i = 0; i < parts.count; i++)
            classify_print(&parts.at[i].message, &line);
        fwrite(strbuf_str(&line).at, 1, line.len, stdout);
    } else {
        (void)cli_failed(command, "%s:%u:%u: %s", input_name(path), error.line, error.column, error.what);
    }
out:
    strbuf_clear(&line);
    arena_free(arena);
    return understood;
}

int cmd_classify(int argc, char **argv) {
    const char *catalogue = NULL;
    bool as_json; /* as it is anyway */
    bool explain = false;
    const struct cli_option options[] = {
        {"catalogue", CLI_TEXT, &catalogue}, {"json", CLI_FLAG, &as_json}, {"explain", CLI_FLAG, &explain}};
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    bool all_understood = true;
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    enum err err = catalogue_open(str_of(catalogue), &catalog, &problems);
    fputs(strbuf_str(&problems).at, stderr);
    strbuf_clear(&problems);
    if (err != ERR_NONE)
        return CLI_USAGE;
    if (first == argc)
        all_understood = (explain ? explain_file : classify_file)(argv[0], catalog, "-");
    for (int i = first; i < argc; i++)
        all_understood &= (explain ? explain_file : classify_file)(argv[0], catalog, argv[i]);
    catalog_free(catalog);
    return cli_finish(argv[0], all_understood ? CLI_OK : CLI_FAILED);
}
