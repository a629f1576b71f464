/* What is wrong in one place does not keep the others from being looked at: with mistakes in the settings, the files
 * that they name are read all the same, so that one run tells everything. */
#include "proxy/app/load.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/json_writer.h"
#include "proxy/app/check_places.h"
#include "proxy/app/catalogue.h"
#include "proxy/app/flag_report.h"
#include "proxy/app/keys.h"
#include "proxy/app/type_names.h"
#include "proxy/decide/flags.h"
#include "proxy/model/settings_warnings.h"

#include <stdio.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

/* The file, what settings say of its types, and the secrets by the schemes that it has. */
static bool check_catalogue(struct arena *arena, struct settings *settings, struct strbuf *lines) {
    struct catalog *catalog = NULL;
    if (catalogue_open(settings->catalogue, &catalog, lines) != ERR_NONE)
        return false;
    bool is_good = type_names_settle(settings, catalog, arena, lines) == ERR_NONE;
    is_good &= type_names_check_ignored(settings, catalog, arena, lines) == 0;
    is_good &= type_names_check_known(settings, catalog, lines) == 0;
    is_good &= keys_check(settings, catalog, lines);
    catalog_free(catalog);
    return is_good;
}

struct check {
    struct load_options sources;
    const char *admin, *token; /* NULL: no proxy is asked */
    bool as_json;
    struct strbuf lines; /* what is wrong */
};

/* Where a proxy is named, it says whether legacy may be off. */
static bool check_parity(struct check *check, const struct flags *flags, struct arena *arena,
                         struct flag_problems *problems) {
    struct err_detail detail;
    if (check->admin == NULL ||
        flag_report_parity(flags, check->admin, check->token, arena, problems, &detail) == ERR_NONE)
        return true;
    strbuf_printf(&check->lines, "parity is unknown: %s\n", detail.text);
    return false;
}

static bool check_flags(struct check *check, struct arena *arena, struct str path) {
    struct str text;
    struct err_detail detail;
    struct flags *flags;
    struct flag_problems problems = {0};
    if (path.at == NULL)
        return true; /* the settings lack it, and that was told */
    if (file_read(arena, path.at, FILE_MAX, &text, &detail) != ERR_NONE) {
        strbuf_printf(&check->lines, STR_FMT ": cannot be read: %s\n", STR_ARG(path), detail.text);
        return false;
    }
    bool is_good = flags_load(text, arena, &flags, &problems) == ERR_NONE;
    if (is_good) {
        flags_warn_of_both_off(flags, clock_wall_ms() / 1000, arena, &problems);
        is_good = check_parity(check, flags, arena, &problems);
        flags_free(flags);
    }
    flag_problems_write(&check->lines, path.at, &problems, FLAG_WARNING);
    return is_good && (problems.count == 0 || problems.worst == FLAG_WARNING);
}

/* For programs, with the problems one by one; for people, the problems are diagnostics. */
static void print_result(const struct check *check, bool is_good) {
    struct str lines = strbuf_str(&check->lines), line;
    struct strbuf out = {0};
    struct json_writer json;
    if (!check->as_json) {
        fputs(lines.at, stderr);
        if (is_good)
            printf("settings and files are good\n");
        return;
    }
    json_begin(&json, &out);
    json_object_begin(&json);
    json_key(&json, "good");
    json_bool(&json, is_good);
    json_key(&json, "problems");
    json_array_begin(&json);
    while (str_next(&lines, '\n', &line))
        if (line.len > 0)
            json_str(&json, line);
    json_array_end(&json);
    json_object_end(&json);
    puts(strbuf_str(&out).at);
    strbuf_clear(&out);
}

static int run(const char *command, struct check *check) {
    struct settings settings;
    struct arena *arena = arena_new_for_secrets();
    bool is_good = load_settings_telling(&check->sources, arena, &settings, &check->lines) == ERR_NONE;
    is_good &= check_catalogue(arena, &settings, &check->lines);
    settings_warnings(&settings, &check->lines);
    is_good &= check_places(&settings, &check->lines);
    is_good &= check_flags(check, arena, settings.flags_path);
    arena_free(arena);
    print_result(check, is_good);
    strbuf_clear(&check->lines);
    int status = cli_finish(command, CLI_OK);
    return is_good ? status : CLI_USAGE;
}

int cmd_check(int argc, char **argv) {
    struct check check = {0};
    const struct cli_option options[] = {{"config", CLI_TEXT, &check.sources.config},
                                         {"set", CLI_LIST, &check.sources.assignments},
                                         {"admin", CLI_TEXT, &check.admin},
                                         {"token", CLI_TEXT, &check.token},
                                         {"json", CLI_FLAG, &check.as_json}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no arguments, but \"%s\" was given; a file is named with --config",
                             argv[first]);
    if (status == CLI_GO_ON)
        status = run(argv[0], &check);
    load_options_clear(&check.sources);
    return status;
}
