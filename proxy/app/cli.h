/* The command line: one table of commands, and what they share when they read their options.
 *
 * Every command is a function in a file of its own, cmd_NAME.c; argv[0] is the name of the command. Its result is the
 * exit status. Results go to standard output, everything else to standard error. */
#ifndef PROXY_APP_CLI_H
#define PROXY_APP_CLI_H

#include "common/base.h"

#include <stdio.h>

enum {
    CLI_OK = 0,     /* done, or yes */
    CLI_FAILED = 1, /* failed, or no */
    CLI_USAGE = 2,  /* wrong usage or configuration */
    CLI_GO_ON = -1  /* no exit status: cli_parse() found nothing that ends the command */
};

/* What help and completion know of a command. */
struct cli_command {
    const char *name;
    const char *usage;   /* what follows the name; several forms stand on lines of their own */
    const char *summary; /* one line */
    const char *more;    /* for `help NAME`; may be NULL */
    int (*run)(int argc, char **argv);
};
size_t cli_command_count(void);
const struct cli_command *cli_command_at(size_t index);

/* Usage, and all that `help` tells, in lines of at most 80 characters. */
void cli_print_usage(FILE *out, const struct cli_command *command);
void cli_print_help(const struct cli_command *command);
void cli_print_overview(FILE *out);

/* Runs the command that argv[1] names and returns the exit status. */
int cli_run(int argc, char **argv);

enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_LIST };

struct cli_list {
    const char **items; /* what was given, in order; the texts are argv's */
    size_t count;
};

struct cli_option {
    const char *name; /* without the dashes; a text or list takes one argument each time */
    enum cli_kind kind;
    void *value; /* bool *, const char **, struct cli_list * */
};

/* Reads options, which may stand before, between and behind the other arguments; those end up behind, from
 * argv[*first] on. Returns CLI_GO_ON, or the exit status where the command is over: --help was asked for and given,
 * or an option is wrong and was complained about. Lists are freed by cli_list_clear(), also in that case. */
int cli_parse(int argc, char **argv, const struct cli_option *options, size_t count, int *first) MUST_USE;
void cli_list_clear(struct cli_list *list);

/* Explains the command on standard output; returns the exit status. */
int cli_help(const char *command);

/* Complains about what was given to the command, shows how it is used, and returns CLI_USAGE. */
int cli_misused(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Says on standard error what went wrong and returns CLI_FAILED. */
int cli_failed(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* Have results reached standard output? A full disk or a reader that left is a failure. Returns `status`, or
 * CLI_FAILED with a complaint. */
int cli_finish(const char *command, int status);

int cmd_completion(int argc, char **argv);
int cmd_ramp(int argc, char **argv);
int cmd_store(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_settings(int argc, char **argv);
int cmd_classify(int argc, char **argv);
int cmd_catalogue(int argc, char **argv);
int cmd_translate(int argc, char **argv);
int cmd_rehearse(int argc, char **argv);
int cmd_flags(int argc, char **argv);
int cmd_parity(int argc, char **argv);
int cmd_messages(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_sign(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_sink(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_health(int argc, char **argv);

#endif
