/* What is wrong in one place does not keep the others from being looked at: with mistakes in the settings, the files
 * that they name are read all the same, so that one run tells everything. */
#include "proxy/app/load.h"

#include "common/file.h"
#include "proxy/decide/catalog_load.h"

#include <stdio.h>

enum { CATALOGUE_MAX = 4 * 1024 * 1024 };

/* That the file can be read at all was looked at with the settings. */
static bool check_catalogue(struct arena *arena, struct str path) {
    struct str text;
    struct catalog *catalog;
    struct strbuf problems = {0};
    if (path.at == NULL || file_read(arena, path.at, CATALOGUE_MAX, &text, NULL) != ERR_NONE)
        return path.at == NULL;
    bool is_good = catalog_load(text, path.at, &catalog, &problems) == ERR_NONE;
    if (is_good)
        catalog_free(catalog);
    fputs(strbuf_str(&problems).at, stderr);
    strbuf_clear(&problems);
    return is_good;
}

int cmd_check(int argc, char **argv) {
    struct load_options options;
    struct settings settings;
    int status = load_options_parse(argc, argv, &options);
    if (status != CLI_GO_ON)
        return status;
    struct arena *arena = arena_new(0);
    bool is_good = load_settings(&options, arena, &settings) == ERR_NONE;
    is_good &= check_catalogue(arena, settings.catalogue_path);
    arena_free(arena);
    load_options_clear(&options);
    if (!is_good)
        return CLI_USAGE;
    printf("settings and files are good\n");
    return cli_finish(argv[0], CLI_OK);
}
