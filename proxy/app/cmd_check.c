/* What is wrong in one place does not keep the others from being looked at: with mistakes in the settings, the files
 * that they name are read all the same, so that one run tells everything. */
#include "proxy/app/load.h"

#include "common/file.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/flags.h"

#include <stdio.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

/* That the file can be read at all was looked at with the settings. */
static bool check_catalogue(struct arena *arena, struct str path) {
    struct str text;
    struct catalog *catalog;
    struct strbuf problems = {0};
    if (path.at == NULL || file_read(arena, path.at, FILE_MAX, &text, NULL) != ERR_NONE)
        return path.at == NULL;
    bool is_good = catalog_load(text, path.at, &catalog, &problems) == ERR_NONE;
    if (is_good)
        catalog_free(catalog);
    fputs(strbuf_str(&problems).at, stderr);
    strbuf_clear(&problems);
    return is_good;
}

static void print_flag_problem(struct str path, const struct flag_problem *problem) {
    fprintf(stderr, STR_FMT, STR_ARG(path));
    if (problem->line > 0)
        fprintf(stderr, ":%u:%u", problem->line, problem->column);
    fprintf(stderr, ": %s", problem->severity == FLAG_WARNING ? "warning: " : "");
    if (problem->flag.len > 0)
        fprintf(stderr, STR_FMT ": ", STR_ARG(problem->flag));
    fprintf(stderr, STR_FMT "\n", STR_ARG(problem->what));
}

static bool check_flags(struct arena *arena, struct str path) {
    struct str text;
    struct err_detail detail;
    struct flags *flags;
    struct flag_problems problems = {0};
    if (path.at == NULL)
        return true; /* the settings lack it, and that was told */
    if (file_read(arena, path.at, FILE_MAX, &text, &detail) != ERR_NONE) {
        fprintf(stderr, STR_FMT ": cannot be read: %s\n", STR_ARG(path), detail.text);
        return false;
    }
    bool is_good = flags_load(text, arena, &flags, &problems) == ERR_NONE;
    if (is_good)
        flags_free(flags);
    for (const struct flag_problem *problem = problems.first; problem != NULL; problem = problem->next)
        print_flag_problem(path, problem);
    if (problems.left_off > 0)
        fprintf(stderr, STR_FMT ": and %zu more\n", STR_ARG(path), problems.left_off);
    return is_good && (problems.count == 0 || problems.worst == FLAG_WARNING);
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
    is_good &= check_flags(arena, settings.flags_path);
    arena_free(arena);
    load_options_clear(&options);
    if (!is_good)
        return CLI_USAGE;
    printf("settings and files are good\n");
    return cli_finish(argv[0], CLI_OK);
}
