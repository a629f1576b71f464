/* What can change while the process runs are files: the settings file, and those that NAME_FILE variables name. A
 * setting that a variable or --set gives keeps that value, whatever the file says. Of each value a hash is kept: among
 * them are secrets, and some that were overridden, which nobody needs. */
#include "proxy/app/settings_watch.h"

#include "common/log.h"
#include "common/mem.h"
#include "proxy/app/load.h"

#include <stdlib.h>
#include <unistd.h>

struct settings_watch {
    struct load_options options;
    uint64_t *start; /* hashes of the values, as many as the table has rows */
};

/* Variables that name a file, like environ. */
static const char **file_variables(struct arena *arena) {
    size_t count = 0, kept = 0;
    while (environ[count] != NULL)
        count++;
    const char **variables = ARENA_ARRAY(arena, count + 1, const char *);
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(environ[i], '=');
        if (equals != NULL && str_ends_with(str_slice(environ[i], (size_t)(equals - environ[i])), STR("_FILE")))
            variables[kept++] = environ[i];
    }
    return variables;
}

static const struct opt_problem *read_files(const struct settings_watch *watch, struct arena *arena,
                                            struct settings *settings) {
    *settings = (struct settings){0};
    struct optfile *optfile = optfile_new(arena, settings_table(), settings);
    if (watch->options.config != NULL)
        optfile_read_file(optfile, watch->options.config);
    optfile_read_environment(optfile, (const char *const *)file_variables(arena));
    return optfile_problems(optfile);
}

struct settings_watch *settings_watch_new(int argc, char **argv) {
    const struct opt_table *table = settings_table();
    struct settings_watch *watch = MEM_NEW(struct settings_watch);
    struct arena *arena = arena_new_for_secrets();
    struct settings settings = {0};
    watch->start = MEM_ARRAY(table->count, uint64_t);
    if (load_options_parse(argc, argv, &watch->options) == CLI_GO_ON)
        (void)read_files(watch, arena, &settings); /* mistakes were told */
    for (size_t i = 0; i < table->count; i++)
        watch->start[i] = opt_value_hash(&table->opts[i], &settings);
    mem_wipe(&settings, sizeof settings);
    arena_free(arena);
    return watch;
}

static bool is_named(const char *text, struct str name) {
    struct str whole = str_of(text);
    return str_starts_with(whole, name) && whole.len > name.len && whole.at[name.len] == '=';
}

/* Given by a variable, or with --set: the file does not count. */
static bool is_overridden(const struct settings_watch *watch, const struct opt *opt, struct arena *arena) {
    struct str variable = opt_variable(arena, settings_table(), opt);
    for (char **at = environ; *at != NULL; at++)
        if (is_named(*at, variable))
            return true;
    for (size_t i = 0; i < watch->options.assignments.count; i++)
        if (is_named(watch->options.assignments.items[i], str_of(opt->name)))
            return true;
    return false;
}

static size_t tell_edited(const struct settings_watch *watch, const struct settings *now, struct arena *arena) {
    const struct opt_table *table = settings_table();
    size_t edited = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct opt *opt = &table->opts[i];
        if (opt_value_hash(opt, now) == watch->start[i] || is_overridden(watch, opt, arena))
            continue;
        LOG(LOG_WARN, "setting was edited since the start, it needs a restart", LOG_TEXTZ("setting", opt->name));
        edited++;
    }
    return edited;
}

static size_t tell_problems(const struct opt_problem *problems) {
    struct strbuf line = {0};
    size_t count = 0;
    for (const struct opt_problem *problem = problems; problem != NULL; problem = problem->next, count++) {
        line.len = 0;
        opt_problem_print(&line, problem);
        LOG(LOG_ERROR, "settings have a mistake, a restart would fail", LOG_STR("what", strbuf_str(&line)));
    }
    strbuf_clear(&line);
    return count;
}

void settings_watch_report(struct settings_watch *watch) {
    if (watch == NULL)
        return;
    struct arena *arena = arena_new_for_secrets();
    struct settings now;
    size_t problems = tell_problems(read_files(watch, arena, &now));
    if (problems == 0 && tell_edited(watch, &now, arena) == 0)
        LOG(LOG_INFO, "settings read, nothing changed since the start",
            LOG_TEXTZ(watch->options.config != NULL ? "file" : NULL, watch->options.config));
    arena_free(arena);
}

void settings_watch_free(struct settings_watch *watch) {
    if (watch == NULL)
        return;
    load_options_clear(&watch->options);
    mem_free(watch->start);
    mem_free(watch);
}
