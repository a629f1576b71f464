/* Help in lines that fit 80 columns, whatever the lines of the table are: prose is filled anew, and a form of usage is
 * broken between its arguments. */
#include "proxy/app/cli.h"

#include "common/str.h"

enum { COLUMNS = 80, FORM_INDENT = 8 };

/* How long the argument at the front of the text is: "[--set KEY=VALUE]...", "--format table|csv", "FILE". */
static size_t argument_len(struct str text) {
    bool is_option = str_starts_with(text, STR("--"));
    int depth = 0;
    size_t len = 0;
    for (; len < text.len; len++) {
        char c = text.at[len];
        depth += c == '[' ? 1 : c == ']' ? -1 : 0;
        if (c != ' ' || depth > 0)
            continue;
        char next = len + 1 < text.len ? text.at[len + 1] : ' ';
        if (!is_option || next == '-' || next == '[') /* else it is the option's value */
            break;
        is_option = false;
    }
    return len;
}

static void print_form(FILE *out, const char *lead, const struct cli_command *command, struct str form) {
    size_t used = (size_t)fprintf(out, "%s hookshift %s", lead, command->name);
    while (form.len > 0) {
        size_t len = argument_len(form);
        if (used + 1 + len > COLUMNS) {
            fprintf(out, "\n%*s", FORM_INDENT, "");
            used = FORM_INDENT;
        }
        used += 1 + len;
        fprintf(out, " " STR_FMT, STR_ARG(str_slice(form.at, len)));
        form = str_from(form, len);
        form = str_from(form, form.len > 0 ? 1 : 0);
    }
    fputc('\n', out);
}

/* One paragraph: the ends of its lines are spaces like others. */
static void print_prose(FILE *out, struct str text) {
    size_t used = 0;
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && text.at[len] != ' ' && text.at[len] != '\n')
            len++;
        if (used > 0 && used + 1 + len > COLUMNS) {
            fputc('\n', out);
            used = 0;
        }
        if (len > 0)
            fprintf(out, "%s" STR_FMT, used > 0 ? " " : "", STR_ARG(str_slice(text.at, len)));
        used += len + (used > 0 && len > 0 ? 1 : 0);
        text = str_from(text, len);
        text = str_from(text, text.len > 0 ? 1 : 0);
    }
    fputc('\n', out);
}

void cli_print_usage(FILE *out, const struct cli_command *command) {
    struct str forms = str_of(command->usage), form;
    for (const char *lead = "usage:"; str_next(&forms, '\n', &form); lead = "      ")
        print_form(out, lead, command, form);
}

void cli_print_help(const struct cli_command *command) {
    printf("hookshift %s: %s\n\n", command->name, command->summary);
    cli_print_usage(stdout, command);
    if (command->more == NULL)
        return;
    printf("\n");
    print_prose(stdout, str_of(command->more));
}

void cli_print_overview(FILE *out) {
    print_prose(out, STR("hookshift lets two generations of webhooks run side by side: each occurrence is handled "
                         "once."));
    fprintf(out, "\nusage: hookshift COMMAND [ARGUMENT]...\n\n");
    for (size_t i = 0; i < cli_command_count(); i++)
        fprintf(out, "  %-12s%s\n", cli_command_at(i)->name, cli_command_at(i)->summary);
    fprintf(out, "\n");
    print_prose(out, STR("`hookshift help COMMAND` says more. Exit status: 0 done or yes, 1 no or failed, 2 wrong "
                         "usage."));
}
