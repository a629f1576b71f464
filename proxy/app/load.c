#include "proxy/app/load.h"

#include <stdio.h>
#include <unistd.h>

int load_options_parse(int argc, char **argv, struct load_options *options) {
    struct load_options parsed = {0};
    const struct cli_option known[] = {{"config", CLI_TEXT, &parsed.config}, {"set", CLI_LIST, &parsed.assignments}};
    int first, status = cli_parse(argc, argv, known, ARRAY_LEN(known), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no arguments, but \"%s\" was given; a file is named with --config",
                             argv[first]);
    if (status == CLI_GO_ON)
        *options = parsed;
    else
        load_options_clear(&parsed);
    return status;
}

void load_options_clear(struct load_options *options) {
    cli_list_clear(&options->assignments);
}

enum err load_settings_telling(const struct load_options *options, struct arena *arena, struct settings *settings,
                               struct strbuf *lines) {
    const struct settings_sources sources = {
        .path = options->config,
        .variables = (const char *const *)environ,
        .assignments = options->assignments.items,
        .assignment_count = options->assignments.count,
    };
    const struct opt_problem *problems;
    enum err err = settings_load(arena, &sources, settings, &problems);
    for (const struct opt_problem *problem = problems; problem != NULL; problem = problem->next) {
        opt_problem_print(lines, problem);
        strbuf_append_char(lines, '\n');
    }
    return err;
}

enum err load_settings(const struct load_options *options, struct arena *arena, struct settings *settings) {
    struct strbuf lines = {0};
    enum err err = load_settings_telling(options, arena, settings, &lines);
    fputs(strbuf_str(&lines).at, stderr);
    strbuf_clear(&lines);
    return err;
}

int app_load_settings(int argc, char **argv, struct arena *arena, struct settings *settings) {
    struct load_options options;
    int status = load_options_parse(argc, argv, &options);
    if (status != CLI_GO_ON)
        return status;
    if (load_settings(&options, arena, settings) != ERR_NONE)
        status = CLI_USAGE;
    load_options_clear(&options);
    return status;
}
