/* Options by getopt_long(), with complaints of our own that name the nearest option. */
#include "proxy/app/cli.h"

#include "common/mem.h"
#include "common/nearest.h"
#include "common/str.h"

#include <getopt.h>

static int bad_option(char **argv, const struct cli_option *options, size_t count, bool lacks_argument) {
    const char *given = argv[optind - 1];
    if (lacks_argument)
        return cli_misused(argv[0], "%s needs a value", given);
    struct str name = str_of(given), wanted;
    while (str_starts_with(name, STR("-")))
        name = str_from(name, 1);
    struct nearest nearest;
    bool there = str_next(&name, '=', &wanted);
    nearest_begin(&nearest, there ? wanted : STR(""));
    for (size_t i = 0; i < count; i++) {
        nearest_offer(&nearest, str_of(options[i].name));
        if (str_eq(str_of(options[i].name), wanted)) /* only a flag with a value is known and wrong all the same */
            return cli_misused(argv[0], "--%s takes no value", options[i].name);
    }
    if (nearest.best.len == 0)
        return cli_misused(argv[0], "there is no option \"%s\"", given);
    return cli_misused(argv[0], "there is no option \"%s\"; did you mean \"--" STR_FMT "\"?", given,
                       STR_ARG(nearest.best));
}

static void take_option(const struct cli_option *option, const char *argument, int argc) {
    struct cli_list *list = option->value;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->value = true;
        break;
    case CLI_TEXT:
        *(const char **)option->value = argument;
        break;
    case CLI_LIST:
        if (list->items == NULL)
            list->items = MEM_ARRAY((size_t)argc, const char *);
        list->items[list->count++] = argument;
        break;
    }
}

int cli_parse(int argc, char **argv, const struct cli_option *options, size_t count, int *first) {
    enum { HELP = 1, OPTIONS = 256 };
    struct option *known = MEM_ARRAY(count + 2, struct option);
    int status = CLI_GO_ON, found;
    for (size_t i = 0; i < count; i++)
        known[i] = (struct option){options[i].name, options[i].kind == CLI_FLAG ? no_argument : required_argument, NULL,
                                   (int)(OPTIONS + i)};
    known[count] = (struct option){"help", no_argument, NULL, HELP};
    optind = 0; /* begins anew, also where options were read before */
    opterr = 0;
    while (status == CLI_GO_ON && (found = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (found >= OPTIONS) {
            take_option(&options[found - OPTIONS], optarg, argc);
        } else if (found == HELP) {
            status = cli_help(argv[0]);
        } else {
            status = bad_option(argv, options, count, found == ':');
        }
    }
    *first = optind;
    mem_free(known);
    return status;
}

void cli_list_clear(struct cli_list *list) {
    mem_free(list->items);
    *list = (struct cli_list){0};
}
