#include "common/clock.h"
#include "proxy/app/cli.h"
#include "proxy/app/flag_report.h"
#include "proxy/app/flags_set.h"
#include "proxy/app/flags_show.h"
#include "proxy/app/input.h"
#include "proxy/decide/logic_vectors.h"

#include <stdio.h>

/* --- flags eval */

struct eval {
    const char *command, *file, *flag, *type, *context, *fallback, *vectors;
};

/* A JSON text from the command line. CLI_GO_ON, or the exit status. */
static int read_json(const char *command, const char *option, const char *text, struct arena *arena,
                     const struct json **value) {
    static const struct json_limits limits = {.depth = 200, .values = 1000000};
    struct json_error error;
    struct json *root;
    if (text == NULL)
        return CLI_GO_ON;
    if (json_parse(arena, str_of(text), &limits, &root, &error) != ERR_NONE)
        return cli_misused(command, "--%s: %u:%u: %s", option, error.line, error.column, error.what);
    *value = root;
    return CLI_GO_ON;
}

/* Loads the file, whatever it holds: `*flags` stays NULL where it is refused. False: it cannot be read. */
static bool load_file(const char *command, const char *path, struct arena *arena, struct flags **flags,
                      struct flag_problems *problems) {
    struct str text;
    if (!input_read(command, arena, path, &text))
        return false;
    if (flags_load(text, arena, flags, problems) != ERR_NONE)
        *flags = NULL;
    return true;
}

static int eval_flag(const struct eval *eval, enum flag_type type, const struct json *context,
                     const struct json *fallback, struct arena *arena) {
    struct flags *flags = NULL;
    struct flag_problems problems;
    if (!load_file(eval->command, eval->file, arena, &flags, &problems))
        return CLI_USAGE;
    struct flag_outcome outcome;
    struct strbuf out = {0};
    struct json_writer writer;
    flag_problems_write(&out, input_name(eval->file), &problems, FLAG_BROKEN);
    fputs(strbuf_str(&out).at, stderr);
    strbuf_clear(&out);
    if (flags == NULL)
        return CLI_USAGE;
    flags_eval(flags, str_of(eval->flag), context, fallback, type, clock_wall_ms() / 1000, arena, &outcome);
    json_begin(&writer, &out);
    flags_outcome_write(&outcome, &writer);
    puts(out.at);
    strbuf_clear(&out);
    flags_free(flags);
    return cli_finish(eval->command, CLI_OK);
}

static int eval_vectors(const struct eval *eval, struct arena *arena) {
    struct logic_vectors_result result = {0};
    struct err_detail detail;
    struct strbuf report = {0};
    struct str text;
    if (!input_read(eval->command, arena, eval->vectors, &text))
        return CLI_USAGE;
    int status = CLI_USAGE;
    if (logic_vectors_run(text, &result, &report, &detail) == ERR_NONE) {
        fputs(strbuf_str(&report).at, stdout);
        printf("%zu passed, %zu failed\n", result.passed, result.failed);
        status = cli_finish(eval->command, result.failed == 0 ? CLI_OK : CLI_FAILED);
    } else {
        (void)cli_failed(eval->command, "%s:%s", input_name(eval->vectors), detail.text);
    }
    strbuf_clear(&report);
    return status;
}

static int run_eval(int argc, char **argv) {
    struct eval eval = {.command = argv[0]};
    bool as_json; /* as it is anyway */
    const struct cli_option options[] = {
        {"json", CLI_FLAG, &as_json},         {"file", CLI_TEXT, &eval.file},
        {"flag", CLI_TEXT, &eval.flag},       {"type", CLI_TEXT, &eval.type},
        {"context", CLI_TEXT, &eval.context}, {"default", CLI_TEXT, &eval.fallback},
        {"vectors", CLI_TEXT, &eval.vectors},
    };
    const struct json *context = NULL, *fallback = NULL;
    enum flag_type type = FLAG_TYPE_ANY;
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (first < argc)
        return cli_misused(argv[0], "eval takes options only, not \"%s\"", argv[first]);
    if (eval.vectors == NULL && (eval.file == NULL || eval.flag == NULL))
        return cli_misused(argv[0], "--%s is missing", eval.file == NULL ? "file" : "flag");
    if (eval.type != NULL && !flag_type_parse(str_of(eval.type), &type))
        return cli_misused(argv[0], "--type is boolean, string, number, integer, float or object");
    struct arena *arena = arena_new(0);
    status = read_json(argv[0], "context", eval.context, arena, &context);
    if (status == CLI_GO_ON)
        status = read_json(argv[0], "default", eval.fallback, arena, &fallback);
    if (status == CLI_GO_ON && context != NULL && context->type != JSON_OBJECT && context->type != JSON_NULL)
        status = cli_misused(argv[0], "--context must be an object");
    if (status == CLI_GO_ON)
        status = eval.vectors != NULL ? eval_vectors(&eval, arena) : eval_flag(&eval, type, context, fallback, arena);
    arena_free(arena);
    return status;
}

/* --- flags show */

struct show {
    const char *command, *file, *admin, *token;
    bool as_json;
};

static int show_file(const struct show *show, struct arena *arena) {
    struct flags *flags = NULL;
    struct flag_problems problems;
    struct err_detail detail;
    if (!load_file(show->command, show->file, arena, &flags, &problems))
        return CLI_USAGE;
    if (flags != NULL)
        flags_warn_of_both_off(flags, clock_wall_ms() / 1000, arena, &problems);
    bool asked = flags == NULL || show->admin == NULL ||
                 (flag_report_parity(flags, show->admin, show->token, arena, &problems, &detail) == ERR_NONE &&
                  flag_report_failures(show->admin, show->token, arena, &problems, &detail) == ERR_NONE);
    if (show->as_json)
        flags_show_json(flags, &problems);
    else
        flags_show_table(input_name(show->file), flags, &problems, arena);
    bool is_broken = problems.count > 0 && problems.worst >= FLAG_BROKEN;
    int status = flags == NULL ? CLI_USAGE : is_broken ? CLI_FAILED : CLI_OK;
    flags_free(flags);
    if (!asked)
        return cli_failed(show->command, "parity is unknown: %s", detail.text);
    return cli_finish(show->command, status);
}

static int run_show(int argc, char **argv) {
    struct show show = {.command = argv[0]};
    const struct cli_option options[] = {{"file", CLI_TEXT, &show.file},
                                         {"json", CLI_FLAG, &show.as_json},
                                         {"admin", CLI_TEXT, &show.admin},
                                         {"token", CLI_TEXT, &show.token}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    if (first < argc || show.file == NULL)
        return cli_misused(argv[0], first < argc ? "show takes options only" : "--file is missing");
    struct arena *arena = arena_new(0);
    status = show_file(&show, arena);
    arena_free(arena);
    return status;
}

int cmd_flags(int argc, char **argv) {
    static const struct {
        struct str name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{STR("eval"), run_eval}, {STR("set"), flags_set_run}, {STR("show"), run_show}};
    if (argc > 1 && (str_eq(str_of(argv[1]), STR("--help")) || str_eq(str_of(argv[1]), STR("-h"))))
        return cli_help(argv[0]);
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(verbs); i++) {
        if (str_eq(verbs[i].name, str_of(argv[1]))) {
            argv[1] = argv[0]; /* the options are read, and complaints made, on behalf of the command */
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return cli_misused(argv[0], "say what to do: show, set or eval");
}
