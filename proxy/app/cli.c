/* The table below is all there is to know about commands: running, help, and complaints come from it. */
#include "proxy/app/cli.h"

#include "common/nearest.h"
#include "common/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static int run_help(int argc, char **argv);
static int run_version(int argc, char **argv);

static const struct cli_command commands[] = {
    {"serve", "[--config FILE] [--set KEY=VALUE]...", "run the proxy",
     "Settings come from the file, then from HOOKSHIFT_... variables, then from --set.\n"
     "SIGTERM ends it in order, SIGHUP reloads the flag file.",
     cmd_serve},
    {"check", "[--config FILE] [--set KEY=VALUE]... [--admin URL] [--token T] [--json]",
     "validate settings and flag file; start nothing",
     "Prints every problem with file, line and key. Exit status 2 where there is one that is more than a warning.\n"
     "With --admin it also warns where legacy is off while the proxy there says that parity is not ready.",
     cmd_check},
    {"settings", "[KEY] [--json | --markdown | --schema]", "list every setting: name, type, default, meaning",
     "With KEY, one setting, or all that begin with it (`settings endpoints.new`).\n"
     "--schema prints a JSON Schema of the settings file, for editors.",
     cmd_settings},
    {"catalogue",
     "list [--json]\n"
     "show NAME|FILE\n"
     "check NAME|FILE\n"
     "test NAME|FILE [--window DURATION]\n"
     "reference",
     "look at, check and try catalogues of vendors",
     "`list` names those that are built in, `show` prints one with its comments. `check` tells every mistake with "
     "line\n"
     "and column, also those that no message would show (exit status 2). `test` tries the examples that stand in it,\n"
     "prints what was read of each, and exits 1 where one fails; --window is what pairing.window will be (10m).\n"
     "`reference` lists every member that the file may have.",
     cmd_catalogue},
    {"classify", "[--catalogue NAME|FILE] [--explain] [--json] [FILE...]",
     "tell what bodies are: generation, type, id, company, facts",
     "One JSON line per message, with --json or without. --explain says instead, per shape of the catalogue, why it\n"
     "does not fit, and per variable which path gave its value; exit status 1 where a body is unrecognised.\n"
     "`-`, or no file, reads standard input.",
     cmd_classify},
    {"translate",
     "--to rule|event [--type T] [--value NAME=VALUE]... [--explain] [--json]\n"
     "[--catalogue FILE] [FILE...]",
     "write bodies of one generation as the other",
     "One body per line. An event can become several rules; --type writes one type alone. --value gives members\n"
     "that no message of the other generation tells (--value ClientName=Acme). --explain says where each member\n"
     "came from, and what has no source. `-`, or no file, reads standard input.",
     cmd_translate},
    {"flags",
     "show --file F [--admin URL] [--token T] [--json]\n"
     "set NAME on|off [--percent N] [--company ID...] --file F [--force]\n"
     "set legacy-consumer off [--if-ready] [--since T] [--admin URL] --file F\n"
     "eval --file F --flag K [--type T] [--context JSON] [--default JSON] [--json]\n"
     "eval --vectors FILE",
     "look at, switch and evaluate flags",
     "`show` prints flags and every problem with its place; exit status 1 where a flag is broken, 2 where the\n"
     "file is refused. With --admin it also warns where legacy is off while the proxy there says that parity is\n"
     "not ready. `set` switches a consumer: it rewrites the flag file in one step and keeps the rest of it, for\n"
     "everybody, or by targeting for a share of the companies and for some by name (repeated, or by commas); then\n"
     "the flag is the opposite for all others. A rule that somebody else wrote is not touched, unless --force is\n"
     "given. --if-ready asks the running proxy and refuses, exit status 1, unless parity is ready there. Both\n"
     "commands warn where both consumers may be off for one message.\n"
     "`eval` prints value, variant, reason, errorCode and metadata; T is boolean, string, number, integer, float\n"
     "or object. --vectors runs a file of JsonLogic cases, [rule, data, result] each, and counts them.",
     cmd_flags},
    {"ramp",
     "--file F [--steps 1,5,25,50,100] [--every 30m] [--max-errors 1%] [--dry-run] "
     "[--admin URL] [--token T]",
     "give the new consumer more and more, as long as it is well",
     "Sets new-consumer to the next share of the companies and watches it for the\n"
     "length of a step. Where more than --max-errors of the attempts at new fail or of\n"
     "the alerts have no event, a message for new dies, or the consumer is down, it\n"
     "goes one step back and ends with exit status 1. The flag file is all that it\n"
     "remembers: ended at any time, it goes on where it was. A change of the share by\n"
     "somebody else ends it.",
     cmd_ramp},
    {"status", "[--watch] [--admin URL] [--token T] [--json]", "the migration at a glance",
     "Stage (expand: legacy alone, both, contract: new alone), flags, verdict, flow,\n"
     "backlog, store and consumers. --watch draws it again every 2 s.",
     cmd_status},
    {"parity", "[--since DURATION] [--fields] [--admin URL] [--token T] [--json]", "may legacy be switched off?",
     "Exit status 0 only when the verdict is ready, so that a pipeline can wait for it.\n"
     "--fields also says of each member whether events tell the same as the rules.",
     cmd_parity},
    {"rehearse",
     "--flags FILE [--since 24h] [--setting KEY=VALUE]... [--json] "
     "[--admin URL] [--token T]",
     "what would have happened under other flags?",
     "Admits the stored messages of the period again into a scratch ledger of the\n"
     "running proxy, under the flag file and settings given, with consumers that take\n"
     "everything. Changes nothing. Exit status 0 only if no occurrence would be left\n"
     "unhandled and none handled twice.",
     cmd_rehearse},
    {"messages",
     "[list] [FILTER...] [--format table|jsonl|csv | --json] [--follow]\n"
     "show ID [--body] [--json]\n"
     "replay ID... [--force] [--dry-run]\n"
     "replay FILTER... [--force] [--dry-run] [--json]",
     "look at messages, and deliver them again",
     "Filters: --since T, --until T, --company C, --type NAME (read.* means all\n"
     "types that begin so), --generation rule|event|unknown, --state S,\n"
     "--endpoint legacy|new, --unpaired (no twin yet), --near-miss (a twin that was\n"
     "too far away in time), --before ID, --limit N.\n"
     "T is 2024-09-01T12:00:00Z, 2024-09-01, 12:30, yesterday, 24h (ago) or unix\n"
     "seconds, in UTC. A table shows the newest 50; jsonl and csv have no limit.\n"
     "--follow prints messages as they come.\n"
     "`show` takes any id that the vendor knows: webhook-id, AlertId, event id, push\n"
     "or sync id. --body prints the body alone, which needs the token.\n"
     "A replay needs the token. It leaves out what is handled already, by the\n"
     "message's own consumer or by a twin; --force delivers all of it again.\n"
     "--dry-run says what would be delivered. All forms take --admin URL (http://127.0.0.1:9090) and --token T\n"
     "(HOOKSHIFT_ADMIN_TOKEN).",
     cmd_messages},
    {"audit",
     "[--since T] [--until T] [--company C] [--type NAME] "
     "[--format table|jsonl|csv | --json] [--admin URL] [--token T]",
     "who handled what: once, by both sides, or by nobody",
     "One entry per occurrence, from what the store holds: which side handled it,\n"
     "when, and by which message. Those that both sides or nobody handled come\n"
     "first, the sums last. An occurrence belongs to the period in which its first\n"
     "message came. T and NAME are as for `messages`. A key that recurs within\n"
     "pairing.window is told as \"one of N occurrences of this key\".\n"
     "Exit status 0 only where each occurrence was handled once.",
     cmd_audit},
    {"store",
     "backup FILE [--force] [--admin URL] [--token T] [--json]\n"
     "check [FILE] [--config FILE] [--set KEY=VALUE]... [--json]\n"
     "salvage OLD NEW [--json]",
     "copy, check or rescue the store's file",
     "`backup` has the running proxy write a consistent copy to FILE, on its own\n"
     "machine, which needs the token; --force replaces a file, but never the store.\n"
     "`check` looks at every page and message of a file that is not in use: FILE, or\n"
     "the one of the settings (hookshift.db); exit status 1 where something is wrong.\n"
     "`salvage` writes what is readable of a damaged file into a new store.",
     cmd_store},
    {"sign", "--secret S... [--scheme NAME] [--catalogue C] [--url U] [--id I] [--timestamp T] [--json] [FILE]",
     "print signature headers for a body",
     "By Standard Webhooks (the secret is whsec_ and base64), or by the scheme NAME: pagerduty, stripe, github, or\n"
     "one of the catalogue. Without --id a random one is made; without --timestamp (unix seconds) it is now.\n"
     "`-`, or no file, reads standard input.",
     cmd_sign},
    {"verify",
     "--secret S... [--scheme NAME] [--catalogue C] [--authorization VALUE]... [--header 'NAME: VALUE']...\n"
     "[--request] [--tolerance SECONDS] [--now T] [FILE]\n"
     "--vectors FILE",
     "check the signature of a body, or of a recorded request",
     "Prints ok (exit status 0), or missing_header, invalid_timestamp, too_old, too_new or no_match (1). Any of\n"
     "the secrets may have signed. The scheme is Standard Webhooks (webhook-* or svix-*), pagerduty, stripe, github,\n"
     "or one of the catalogue. With --request, FILE is a whole request as it was recorded: request line, headers, an\n"
     "empty line, the body. The time may be 300 s off unless told otherwise. --vectors runs a file of test vectors and "
     "prints how many passed and failed.",
     cmd_verify},
    {"sink", "[--listen ADDR] [--status N] [--delay D] [--fail-first N]", "a consumer for trying things out",
     "Answers every request and prints it as one JSON line. Listens on 127.0.0.1:8081 unless told otherwise;\n"
     "--status is what it answers (200), --delay how long it takes (0), and the first --fail-first are answered 503.",
     cmd_sink},
    {"demo", "[--keep]", "play a whole migration against two consumers",
     "Runs a proxy and two sinks in a folder of their own, which --keep leaves behind.", cmd_demo},
    {"health", "[--admin URL | --config FILE] [--set KEY=VALUE]...",
     "is the proxy ready? For health checks of containers",
     "Without --admin the address is the setting admin.listen: of the file, --set, or HOOKSHIFT_ADMIN_LISTEN.",
     cmd_health},
    {"completion", "bash|zsh|fish", "print completion for a shell",
     "bash: source <(hookshift completion bash). The files of a package do it by\n"
     "themselves.",
     cmd_completion},
    {"version", "[--json]", "print the version", NULL, run_version},
    {"help", "[COMMAND]", "explain a command", NULL, run_help},
};

size_t cli_command_count(void) {
    return ARRAY_LEN(commands);
}

const struct cli_command *cli_command_at(size_t index) {
    return &commands[index];
}

static const struct cli_command *find_command(struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_eq(str_of(commands[i].name), name))
            return &commands[i];
    return NULL;
}

int cli_help(const char *command) {
    cli_print_help(find_command(str_of(command)));
    return cli_finish(command, CLI_OK);
}

static int unknown_command(const char *name) {
    struct nearest nearest;
    nearest_begin(&nearest, str_of(name));
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        nearest_offer(&nearest, str_of(commands[i].name));
    fprintf(stderr, "hookshift: there is no command \"%s\"", name);
    if (nearest.best.len > 0)
        fprintf(stderr, "; did you mean \"" STR_FMT "\"?", STR_ARG(nearest.best));
    fprintf(stderr, "\nhookshift: `hookshift help` lists them\n");
    return CLI_USAGE;
}

static int run_version(int argc, char **argv) {
    bool as_json = argc == 2 && str_eq(str_of(argv[1]), STR("--json"));
    if (argc > 1 && !as_json)
        return cli_misused(argv[0], "takes no arguments");
    puts(as_json ? "{\"version\":\"" HOOKSHIFT_VERSION "\"}" : "hookshift " HOOKSHIFT_VERSION);
    return cli_finish(argv[0], CLI_OK);
}

static int run_help(int argc, char **argv) {
    if (argc > 2)
        return cli_misused("help", "takes one command");
    if (argc < 2) {
        cli_print_overview(stdout);
        return cli_finish("help", CLI_OK);
    }
    const struct cli_command *command = find_command(str_of(argv[1]));
    if (command == NULL)
        return unknown_command(argv[1]);
    return cli_help(command->name);
}

int cli_run(int argc, char **argv) {
    if (argc < 2) {
        cli_print_overview(stderr);
        return CLI_USAGE;
    }
    struct str name = str_of(argv[1]);
    if (str_eq(name, STR("--help")) || str_eq(name, STR("-h")))
        name = STR("help");
    else if (str_eq(name, STR("--version")) || str_eq(name, STR("-V")))
        name = STR("version");
    const struct cli_command *command = find_command(name);
    if (command == NULL)
        return unknown_command(argv[1]);
    return command->run(argc - 1, argv + 1);
}

int cli_misused(const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "hookshift %s: ", command);
    vfprintf(stderr, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized)
    fputc('\n', stderr);
    va_end(arguments);
    const struct cli_command *known = find_command(str_of(command));
    if (known != NULL)
        cli_print_usage(stderr, known);
    return CLI_USAGE;
}

int cli_failed(const char *command, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "hookshift %s: ", command);
    vfprintf(stderr, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized)
    fputc('\n', stderr);
    va_end(arguments);
    return CLI_FAILED;
}

int cli_finish(const char *command, int status) {
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    return cli_failed(command, "could not write to standard output%s%s", errno != 0 ? ": " : "",
                      errno != 0 ? strerror(errno) : "");
}
