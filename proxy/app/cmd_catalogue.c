/* What a person who writes a catalogue needs: those that are built in to copy from, every mistake with its place, and
 * the examples of the file tried. */
#include "proxy/app/catalogue.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/decide/catalog_examples.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/catalog_members.h"
#include "common/units.h"

#include <stdio.h>

enum { WINDOW_MS = 10 * 60 * 1000 /* as pairing.window by default */ };

static int list_built_in(const char *command, bool as_json) {
    struct strbuf out = {0};
    struct json_writer json;
    json_begin(&json, &out);
    if (as_json)
        json_array_begin(&json);
    for (size_t i = 0; i < catalog_built_in_count(); i++) {
        const struct catalog_built_in one = catalog_built_in_at(i);
        struct catalog *catalog = NULL;
        struct strbuf problems = {0};
        if (catalog_load(one.text, one.file, &catalog, &problems) != ERR_NONE)
            return cli_failed(command, "%s", strbuf_str(&problems).at);
        if (as_json) {
            json_object_begin(&json);
            json_key(&json, "name");
            json_str(&json, str_of(one.name));
            json_key(&json, "about");
            json_str(&json, catalog_about(catalog));
            json_object_end(&json);
        } else {
            strbuf_printf(&out, "%-12s " STR_FMT "\n", one.name, STR_ARG(catalog_about(catalog)));
        }
        catalog_free(catalog);
    }
    if (as_json) {
        json_array_end(&json);
        strbuf_append_char(&out, '\n');
    }
    fputs(strbuf_str(&out).at, stdout);
    strbuf_clear(&out);
    return cli_finish(command, CLI_OK);
}

static int show_text(const char *command, const char *name) {
    struct arena *arena = arena_new(0);
    struct strbuf problems = {0};
    struct str text;
    const char *file;
    int status = CLI_USAGE;
    if (catalogue_read(str_of(name), arena, &text, &file, &problems) == ERR_NONE) {
        fwrite(text.at, 1, text.len, stdout);
        status = cli_finish(command, CLI_OK);
    }
    fputs(strbuf_str(&problems).at, stderr);
    strbuf_clear(&problems);
    arena_free(arena);
    return status;
}

/* Reads it with every check; problems go to standard error. */
static struct catalog *open_checked(const char *name) {
    struct strbuf problems = {0};
    struct catalog *catalog = NULL;
    if (catalogue_open_checked(str_of(name), &catalog, &problems) != ERR_NONE)
        catalog = NULL;
    fputs(strbuf_str(&problems).at, stderr);
    strbuf_clear(&problems);
    return catalog;
}

static int check_file(const char *command, const char *name) {
    struct catalog *catalog = open_checked(name);
    if (catalog == NULL)
        return CLI_USAGE;
    printf("%zu rule types, %zu event types, %zu examples: no mistakes found\n",
           catalog_type_count(catalog, GENERATION_RULE), catalog_type_count(catalog, GENERATION_EVENT),
           catalog_examples(catalog) == NULL ? (size_t)0 : (size_t)catalog_examples(catalog)->count);
    catalog_free(catalog);
    return cli_finish(command, CLI_OK);
}

static int test_file(const char *command, const char *name, int64_t window_ms) {
    struct strbuf out = {0};
    struct examples_result result;
    struct catalog *catalog = open_checked(name);
    if (catalog == NULL)
        return CLI_USAGE;
    examples_try(catalog, window_ms, &out, &result);
    fputs(strbuf_str(&out).at, stdout);
    printf("%zu passed, %zu failed\n", result.passed, result.failed);
    if (result.passed + result.failed == 0)
        printf("there are no \"examples\" in it\n");
    strbuf_clear(&out);
    catalog_free(catalog);
    return cli_finish(command, result.failed == 0 && result.passed > 0 ? CLI_OK : CLI_FAILED);
}

static int print_reference(const char *command) {
    struct strbuf out = {0};
    catalog_members_write(&out);
    fputs(strbuf_str(&out).at, stdout);
    strbuf_clear(&out);
    return cli_finish(command, CLI_OK);
}

int cmd_catalogue(int argc, char **argv) {
    const char *window = NULL;
    int64_t window_ms = WINDOW_MS;
    bool as_json = false;
    const struct cli_option options[] = {{"window", CLI_TEXT, &window}, {"json", CLI_FLAG, &as_json}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (first == argc)
        return cli_misused(argv[0], "what is missing: list, show, check, test or reference");
    struct str what = str_of(argv[first]);
    int count = argc - first - 1;
    const char *name = count > 0 ? argv[first + 1] : NULL;
    if (window != NULL && !duration_parse(str_of(window), &window_ms))
        return cli_misused(argv[0], "--window must be a duration such as 10m");
    if (str_eq(what, STR("list")) && count == 0)
        return list_built_in(argv[0], as_json);
    if (str_eq(what, STR("reference")) && count == 0)
        return print_reference(argv[0]);
    if (count != 1)
        return cli_misused(argv[0], "show, check and test take one NAME or FILE");
    if (str_eq(what, STR("show")))
        return show_text(argv[0], name);
    if (str_eq(what, STR("check")))
        return check_file(argv[0], name);
    if (str_eq(what, STR("test")))
        return test_file(argv[0], name, window_ms);
    return cli_misused(argv[0], "\"%s\" is none of list, show, check, test and reference", argv[first]);
}
