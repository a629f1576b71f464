/* What is wrong in one place does not keep the others from being looked at: with mistakes in the settings, the files
 * that they name are read all the same, so that one run tells everything. */
#include "proxy/app/load.h"

#include "common/file.h"
#include "proxy/app/flag_report.h"
#include "proxy/app/type_names.h"
#include "proxy/decide/catalog_load.h"
#include "proxy/decide/flags.h"

#include <stdio.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

/* The file, and what settings say of its types. That it can be read at all was looked at with the settings. */
static bool check_catalogue(struct arena *arena, struct settings *settings) {
    struct str text, path = settings->catalogue_path;
    struct catalog *catalog = NULL;
    struct strbuf problems = {0};
    bool is_good = false;
    if (path.at == NULL)
        catalog = catalog_builtin();
    else if (file_read(arena, path.at, FILE_MAX, &text, NULL) == ERR_NONE &&
             catalog_load(text, path.at, &catalog, &problems) != ERR_NONE)
        catalog = NULL;
    if (catalog != NULL)
        is_good = type_names_settle(settings, catalog, arena, &problems) == ERR_NONE;
    catalog_free(catalog);
    fputs(strbuf_str(&problems).at, stderr);
    strbuf_clear(&problems);
    return is_good;
}

struct check {
    struct load_options sources;
    const char *admin, *token; /* NULL: no proxy is asked */
};

/* Where a proxy is named, it says whether legacy may be off. */
static bool check_parity(const struct check *check, const struct flags *flags, struct arena *arena,
                         struct flag_problems *problems) {
    struct err_detail detail;
    if (check->admin == NULL ||
        flag_report_parity(flags, check->admin, check->token, arena, problems, &detail) == ERR_NONE)
        return true;
    fprintf(stderr, "parity is unknown: %s\n", detail.text);
    return false;
}

static bool check_flags(const struct check *check, struct arena *arena, struct str path) {
    struct str text;
    struct err_detail detail;
    struct flags *flags;
    struct flag_problems problems = {0};
    struct strbuf lines = {0};
    if (path.at == NULL)
        return true; /* the settings lack it, and that was told */
    if (file_read(arena, path.at, FILE_MAX, &text, &detail) != ERR_NONE) {
        fprintf(stderr, STR_FMT ": cannot be read: %s\n", STR_ARG(path), detail.text);
        return false;
    }
    bool is_good = flags_load(text, arena, &flags, &problems) == ERR_NONE;
    if (is_good) {
        is_good = check_parity(check, flags, arena, &problems);
        flags_free(flags);
    }
    flag_problems_write(&lines, path.at, &problems, FLAG_WARNING);
    fputs(strbuf_str(&lines).at, stderr);
    strbuf_clear(&lines);
    return is_good && (problems.count == 0 || problems.worst == FLAG_WARNING);
}

int cmd_check(int argc, char **argv) {
    struct check check = {0};
    struct settings settings;
    const struct cli_option options[] = {{"config", CLI_TEXT, &check.sources.config},
                                         {"set", CLI_LIST, &check.sources.assignments},
                                         {"admin", CLI_TEXT, &check.admin},
                                         {"token", CLI_TEXT, &check.token}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no arguments, but \"%s\" was given; a file is named with --config",
                             argv[first]);
    if (status == CLI_GO_ON) {
        struct arena *arena = arena_new_for_secrets();
        bool is_good = load_settings(&check.sources, arena, &settings) == ERR_NONE;
        is_good &= check_catalogue(arena, &settings);
        is_good &= check_flags(&check, arena, settings.flags_path);
        arena_free(arena);
        if (is_good)
            printf("settings and files are good\n");
        status = is_good ? cli_finish(argv[0], CLI_OK) : CLI_USAGE;
    }
    load_options_clear(&check.sources);
    return status;
}
