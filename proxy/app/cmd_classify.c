#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/classify.h"
#include "proxy/decide/classify_print.h"

#include <stdio.h>

static enum err load(const char *command, const char *path, struct catalog **catalog) {
    struct strbuf problems = {0};
    struct arena *arena = arena_new(0);
    struct str text;
    enum err err = ERR_IO;
    if (input_read(command, arena, path, &text)) {
        err = catalog_load(text, input_name(path), catalog, &problems);
        fputs(strbuf_str(&problems).at, stderr);
    }
    strbuf_clear(&problems);
    arena_free(arena);
    return err;
}

static bool classify_file(const char *command, const struct catalog *catalog, const char *path) {
    struct arena *arena = arena_new(0);
    struct message message = {0};
    struct json_error error;
    struct strbuf line = {0};
    struct str body;
    bool understood = false;
    if (!input_read(command, arena, path, &body))
        goto out;
    understood = classify(catalog, body, arena, &message, &error) == ERR_NONE;
    if (understood) {
        classify_print(&message, &line);
        fwrite(line.at, 1, line.len, stdout);
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
    const struct cli_option options[] = {{"catalogue", CLI_TEXT, &catalogue}, {"json", CLI_FLAG, &as_json}};
    struct catalog *catalog = NULL;
    bool all_understood = true;
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (catalogue == NULL)
        catalog = catalog_builtin();
    else if (load(argv[0], catalogue, &catalog) != ERR_NONE)
        return CLI_USAGE;
    if (first == argc)
        all_understood = classify_file(argv[0], catalog, "-");
    for (int i = first; i < argc; i++)
        all_understood &= classify_file(argv[0], catalog, argv[i]);
    catalog_free(catalog);
    return cli_finish(argv[0], all_understood ? CLI_OK : CLI_FAILED);
}
