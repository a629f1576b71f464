#include "common/optfile_internal.h"

#include "common/file.h"
#include "common/nearest.h"
#include "common/url.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 1024 * 1024 };

static struct str PRINTF_LIKE(2, 0) text_printf(struct arena *arena, const char *format, va_list args) {
    char text[400];
    vsnprintf(text, sizeof text, format, args);
    return arena_str(arena, str_of(text));
}

struct opt_problem *optfile_add_problem(struct optfile *optfile, struct str place, uint32_t line, struct str key) {
    struct opt_problem *problem = ARENA_NEW(optfile->arena, struct opt_problem);
    *problem = (struct opt_problem){.place = place, .line = line, .key = arena_str(optfile->arena, key)};
    if (optfile->last == NULL)
        optfile->first = problem;
    else
        optfile->last->next = problem;
    optfile->last = problem;
    return problem;
}

const struct opt_problem *optfile_problems(const struct optfile *optfile) {
    return optfile->first;
}

size_t optfile_index(const struct optfile *optfile, const struct opt *opt) {
    return (size_t)(opt - optfile->table->opts);
}

struct optfile *optfile_new(struct arena *arena, const struct opt_table *table, void *values) {
    struct optfile *optfile = ARENA_NEW(arena, struct optfile);
    *optfile = (struct optfile){.arena = arena, .table = table, .values = values};
    optfile->origins = ARENA_ARRAY(arena, table->count, struct opt_origin);
    optfile->variables = ARENA_ARRAY(arena, table->count, struct str);
    for (size_t i = 0; i < table->count; i++) {
        const struct opt *opt = &table->opts[i];
        struct opt_fault fault = {0};
        optfile->variables[i] = opt_variable(arena, table, opt);
        if (opt->initial == NULL || opt_value_from_text(arena, opt, str_of(opt->initial), values, &fault))
            continue;
        fprintf(stderr, "the default of %s " STR_FMT "\n", opt->name, STR_ARG(fault.what));
        abort();
    }
    return optfile;
}

bool optfile_is_given(const struct optfile *optfile, const char *name) {
    const struct opt *opt = opt_find(optfile->table, str_of(name));
    return opt != NULL && optfile->origins[optfile_index(optfile, opt)].is_given;
}

void optfile_complain(struct optfile *optfile, const char *name, const char *right, const char *what, ...) {
    const struct opt *opt = opt_find(optfile->table, str_of(name));
    if (opt == NULL)
        abort();
    const struct opt_origin *origin = &optfile->origins[optfile_index(optfile, opt)];
    struct str somewhere = optfile->file.at != NULL ? optfile->file : STR("settings");
    struct opt_problem *problem = optfile_add_problem(optfile, origin->is_given ? origin->place : somewhere,
                                                      origin->line, origin->is_given ? origin->key : str_of(name));
    va_list args;
    va_start(args, what);
    problem->what = text_printf(optfile->arena, what, args);
    va_end(args);
    problem->right = arena_str(optfile->arena, str_of(right));
}

void optfile_read_file(struct optfile *optfile, const char *path) {
    struct str text;
    struct err_detail detail;
    if (file_read(optfile->arena, path, FILE_MAX, &text, &detail) == ERR_NONE) {
        optfile_read_json(optfile, path, text);
        return;
    }
    optfile->file_is_unreadable = true;
    struct opt_problem *problem = optfile_add_problem(optfile, arena_str(optfile->arena, str_of(path)), 0, STR_NONE);
    problem->what = arena_printf(optfile->arena, "cannot be read: %s", detail.text);
}

/* A value that stands in no file. */
static void give_text(struct optfile *optfile, const struct opt *opt, struct str place, struct str key,
                      struct str text) {
    struct opt_fault fault = {0};
    optfile->origins[optfile_index(optfile, opt)] = (struct opt_origin){.place = place, .key = key, .is_given = true};
    if (opt_value_from_text(optfile->arena, opt, text, optfile->values, &fault))
        return;
    struct opt_problem *problem = optfile_add_problem(optfile, place, 0, key);
    problem->what = fault.what;
    problem->right = fault.right;
}

/* The value of a variable; absent where there is none of that name. */
static struct str find_variable(const char *const *variables, struct str name) {
    for (; *variables != NULL; variables++) {
        struct str variable = str_of(*variables);
        if (str_starts_with(variable, name) && variable.len > name.len && variable.at[name.len] == '=')
            return str_from(variable, name.len + 1);
    }
    return STR_NONE;
}

static const struct opt *opt_of_variable(const struct optfile *optfile, struct str name) {
    for (size_t i = 0; i < optfile->table->count; i++)
        if (str_eq(optfile->variables[i], name))
            return &optfile->table->opts[i];
    return NULL;
}

/* NAME_FILE=PATH, as secrets reach containers. */
static void read_variable_file(struct optfile *optfile, const struct opt *opt, struct str name, const char *path) {
    struct str text, place = STR("environment");
    struct err_detail detail;
    optfile->origins[optfile_index(optfile, opt)] = (struct opt_origin){.place = place, .key = name, .is_given = true};
    if (file_read(optfile->arena, path, FILE_MAX, &text, &detail) != ERR_NONE) {
        struct opt_problem *problem = optfile_add_problem(optfile, place, 0, name);
        problem->what = arena_printf(optfile->arena, "%.200s cannot be read: %s", path, detail.text);
        return;
    }
    while (text.len > 0 && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
        text.len--;
    give_text(optfile, opt, place, name, text);
}

static bool is_no_setting(const struct opt_table *table, const char *variable) {
    for (const char *const *pattern = table->env_not_settings; pattern != NULL && *pattern != NULL; pattern++)
        if (fnmatch(*pattern, variable, 0) == 0)
            return true;
    return false;
}

/* The nearest variable to a stem (what stands between prefix and suffix), written whole; absent where none is near. */
static struct str nearest_variable(const struct optfile *optfile, struct str stem, const char *suffix) {
    size_t prefix_len = strlen(optfile->table->env_prefix);
    struct nearest nearest;
    nearest_begin(&nearest, stem);
    for (size_t i = 0; i < optfile->table->count; i++)
        nearest_offer(&nearest, str_from(optfile->variables[i], prefix_len));
    if (nearest.best.at == NULL)
        return STR_NONE;
    return arena_printf(optfile->arena, "%s" STR_FMT "%s", optfile->table->env_prefix, STR_ARG(nearest.best), suffix);
}

static void complain_of_variable(struct optfile *optfile, struct str name) {
    struct opt_problem *problem = optfile_add_problem(optfile, STR("environment"), 0, name);
    struct str stem = str_from(name, strlen(optfile->table->env_prefix));
    problem->what = STR("is no setting");
    problem->nearest = nearest_variable(optfile, stem, "");
    if (problem->nearest.at == NULL && str_ends_with(stem, STR("_FILE")))
        problem->nearest = nearest_variable(optfile, str_slice(stem.at, stem.len - strlen("_FILE")), "_FILE");
}

static void read_variable(struct optfile *optfile, const char *const *variables, struct str name, const char *value) {
    const struct opt *opt = opt_of_variable(optfile, name);
    if (opt != NULL) { /* also for a setting whose own name ends in "file" */
        give_text(optfile, opt, STR("environment"), name, arena_str(optfile->arena, str_of(value)));
        return;
    }
    struct str stem = str_slice(name.at, name.len < 5 ? 0 : name.len - 5);
    opt = str_ends_with(name, STR("_FILE")) ? opt_of_variable(optfile, stem) : NULL;
    if (opt == NULL) {
        complain_of_variable(optfile, name);
    } else if (find_variable(variables, stem).at != NULL) {
        struct opt_problem *problem = optfile_add_problem(optfile, STR("environment"), 0, name);
        problem->what = arena_printf(optfile->arena, STR_FMT " is set as well", STR_ARG(stem));
        problem->right = STR("one of the two");
    } else {
        read_variable_file(optfile, opt, name, value);
    }
}

void optfile_read_environment(struct optfile *optfile, const char *const *variables) {
    for (const char *const *variable = variables; *variable != NULL; variable++) {
        const char *equals = strchr(*variable, '=');
        if (equals == NULL || !str_starts_with(str_of(*variable), str_of(optfile->table->env_prefix)))
            continue;
        struct str name = arena_str(optfile->arena, str_slice(*variable, (size_t)(equals - *variable)));
        if (!is_no_setting(optfile->table, *variable))
            read_variable(optfile, variables, name, equals + 1);
    }
}

void optfile_read_assignment(struct optfile *optfile, struct str assignment) {
    struct str value = assignment, key, place = STR("--set");
    bool has_key = str_next(&value, '=', &key) && key.len > 0 && value.at != NULL;
    const struct opt *opt = has_key ? opt_find(optfile->table, key) : NULL;
    if (opt != NULL) {
        give_text(optfile, opt, place, str_of(opt->name), arena_str(optfile->arena, value));
        return;
    }
    struct strbuf shown = {0};
    url_append_masked(&shown, str_find(key, STR("://")) < 0
                                  ? key
                                  : assignment); /* a URL with a password may stand there by mistake */
    struct opt_problem *problem =
        optfile_add_problem(optfile, place, 0, shown.len == 0 ? key : arena_str(optfile->arena, strbuf_str(&shown)));
    strbuf_clear(&shown);
    problem->what = has_key ? STR("is no setting") : STR("has no value");
    problem->right = has_key ? STR_NONE : STR("KEY=VALUE");
    struct nearest nearest;
    nearest_begin(&nearest, problem->key);
    for (size_t i = 0; has_key && i < optfile->table->count; i++)
        nearest_offer(&nearest, str_of(optfile->table->opts[i].name));
    problem->nearest = nearest.best;
}

void optfile_check_required(struct optfile *optfile) {
    for (size_t i = 0; i < optfile->table->count && !optfile->file_is_unreadable; i++) {
        const struct opt *opt = &optfile->table->opts[i];
        if (!opt->is_required || optfile->origins[i].is_given)
            continue;
        struct str place = optfile->file.at != NULL ? optfile->file : STR("settings");
        struct opt_problem *problem = optfile_add_problem(optfile, place, 0, str_of(opt->name));
        problem->what = STR("is required and missing");
        problem->right = arena_printf(optfile->arena, "it in the file, as " STR_FMT ", or with --set",
                                      STR_ARG(optfile->variables[i]));
    }
}

void opt_problem_print(struct strbuf *out, const struct opt_problem *problem) {
    strbuf_append(out, problem->place);
    if (problem->line > 0)
        strbuf_printf(out, ":%u", problem->line);
    if (problem->key.len > 0)
        strbuf_printf(out, ": " STR_FMT, STR_ARG(problem->key));
    strbuf_printf(out, ": " STR_FMT, STR_ARG(problem->what));
    if (problem->right.len > 0)
        strbuf_printf(out, "; expected " STR_FMT, STR_ARG(problem->right));
    if (problem->nearest.len > 0)
        strbuf_printf(out, "; did you mean \"" STR_FMT "\"?", STR_ARG(problem->nearest));
}
