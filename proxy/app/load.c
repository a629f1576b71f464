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

static void forget_secrets(const struct load_options *options) {
    opt_forget_environment(settings_table(), (const char *const *)environ);
    for (size_t i = 0; i < options->assignments.count; i++)
        opt_forget_assignment(settings_table(), str_of(options->assignments.items[i]));
}

int app_load_settings(int argc, char **argv, struct arena *arena, struct settings *settings) {
    struct load_options options;
    int status = load_options_parse(argc, argv, &options);
    if (status != CLI_GO_ON)
        return status;
    struct arena *reading = arena_new_for_secrets();
    if (load_settings(&options, reading, settings) == ERR_NONE)
        opt_values_move(arena, settings_table(), settings);
    else
        status = CLI_USAGE;
    arena_free(reading);
    forget_secrets(&options);
    load_options_clear(&options);
    return status;
}
