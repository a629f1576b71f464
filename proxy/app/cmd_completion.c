/* Completion is made of what help says: a command's options are the words of its usage that begin with --, its
 * subcommands the first words of the forms, and "table|jsonl|csv" behind an option are its values. So there is nothing
 * to keep in step. */
#include "proxy/app/cli.h"

#include "common/str.h"
#include "proxy/model/settings.h"

#include <stdio.h>

enum { WORDS_MAX = 64, WORD_MAX = 40 };

/* What may stand behind an option. */
enum value_kind { VALUE_NONE, VALUE_ANY, VALUE_FILE, VALUE_SETTING, VALUE_CHOICE };

struct option_word {
    struct str name; /* "--format" */
    enum value_kind value;
    struct str choices; /* "table|jsonl|csv" */
};

struct words {
    struct option_word options[WORDS_MAX];
    size_t option_count;
    struct str subcommands[WORDS_MAX];
    size_t subcommand_count;
};

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static size_t word_len(struct str text) {
    size_t len = 0;
    while (len < text.len && is_word_char(text.at[len]))
        len++;
    return len;
}

/* "FILE]..." is FILE, "table|jsonl|csv |" is all three. */
static struct option_word option_at(struct str text) {
    struct option_word word = {.name = str_slice(text.at, word_len(text))};
    struct str rest = str_from(text, word.name.len);
    if (rest.len < 2 || rest.at[0] != ' ' || rest.at[1] == '|' || rest.at[1] == '[' || rest.at[1] == '-' ||
        rest.at[1] == '(')
        return word;
    rest = str_from(rest, 1);
    size_t len = 0;
    while (len < rest.len && strchr(" ],.\n", rest.at[len]) == NULL)
        len++;
    struct str value = str_slice(rest.at, len);
    bool is_file = str_eq(value, STR("FILE")) || str_eq(word.name, STR("--file"));
    word.value = is_file                                      ? VALUE_FILE
                 : str_eq(value, STR("KEY=VALUE"))            ? VALUE_SETTING
                 : str_find(value, STR("|")) > 0              ? VALUE_CHOICE
                 : value.len > 0 && is_word_char(value.at[0]) ? VALUE_NONE
                                                              : VALUE_ANY;
    word.choices = word.value == VALUE_CHOICE ? value : STR("");
    return word;
}

static void add_option(struct words *words, struct option_word word) {
    for (size_t i = 0; i < words->option_count; i++)
        if (str_eq(words->options[i].name, word.name)) {
            if (words->options[i].value == VALUE_NONE)
                words->options[i] = word;
            return;
        }
    if (word.name.len > 2 && words->option_count < WORDS_MAX)
        words->options[words->option_count++] = word;
}

static void add_options(struct words *words, struct str text) {
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.at[i] != '-' || text.at[i + 1] != '-' || (i > 0 && is_word_char(text.at[i - 1])))
            continue;
        struct option_word word = option_at(str_from(text, i));
        add_option(words, word);
        i += word.name.len;
    }
}

/* A form begins with a word in small letters where it is a subcommand: "show ID", "[list] [FILTER...]". */
static void add_subcommand(struct words *words, struct str form) {
    if (form.len > 0 && form.at[0] == '[')
        form = str_from(form, 1);
    size_t len = word_len(form);
    struct str word = str_slice(form.at, len);
    bool ends_there = len == form.len || form.at[len] == ' ' || form.at[len] == ']' || form.at[len] == '|';
    if (len == 0 || word.at[0] == '-' || !ends_there)
        return;
    for (size_t i = 0; i < words->subcommand_count; i++)
        if (str_eq(words->subcommands[i], word))
            return;
    if (words->subcommand_count < WORDS_MAX)
        words->subcommands[words->subcommand_count++] = word;
    if (len < form.len && form.at[len] == '|')
        add_subcommand(words, str_from(form, len + 1));
}

static void collect(const struct cli_command *command, struct words *words) {
    struct str forms = str_of(command->usage), form;
    *words = (struct words){.option_count = 0};
    while (str_next(&forms, '\n', &form))
        add_subcommand(words, form);
    add_options(words, str_of(command->usage));
    add_options(words, str_of(command->more));
    add_option(words, (struct option_word){.name = STR("--help")});
}

static void print_choices(struct str choices) {
    struct str choice;
    for (const char *gap = ""; str_next(&choices, '|', &choice); gap = " ")
        printf("%s" STR_FMT, gap, STR_ARG(choice));
}

static void print_settings(const char *after) {
    const struct opt_table *table = settings_table();
    for (size_t i = 0; i < table->count; i++)
        printf("%s%s%s", i == 0 ? "" : " ", table->opts[i].name, after);
}

static void print_command_names(void) {
    for (size_t i = 0; i < cli_command_count(); i++)
        printf("%s%s", i == 0 ? "" : " ", cli_command_at(i)->name);
}

/* The words that may stand anywhere in a command. */
static void print_words(const struct cli_command *command, const struct words *words) {
    for (size_t i = 0; i < words->subcommand_count; i++)
        printf(STR_FMT " ", STR_ARG(words->subcommands[i]));
    if (str_eq(str_of(command->name), STR("help"))) {
        print_command_names();
        printf(" ");
    }
    if (str_eq(str_of(command->name), STR("settings"))) {
        print_settings("");
        printf(" ");
    }
    for (size_t i = 0; i < words->option_count; i++)
        printf("%s" STR_FMT, i == 0 ? "" : " ", STR_ARG(words->options[i].name));
}

/* "command:--option" to what completes its value; `line` prints one case of the shell. */
typedef void print_value_case(const struct cli_command *command, const struct option_word *option);

static void print_value_cases(print_value_case *print) {
    struct words words;
    for (size_t i = 0; i < cli_command_count(); i++) {
        collect(cli_command_at(i), &words);
        for (size_t k = 0; k < words.option_count; k++)
            if (words.options[k].value != VALUE_NONE)
                print(cli_command_at(i), &words.options[k]);
    }
}

static void print_bash_value(const struct cli_command *command, const struct option_word *option) {
    printf("    %s:" STR_FMT ") ", command->name, STR_ARG(option->name));
    if (option->value == VALUE_FILE) {
        printf("COMPREPLY=($(compgen -f -- \"$cur\"))");
    } else if (option->value == VALUE_CHOICE || option->value == VALUE_SETTING) {
        printf("COMPREPLY=($(compgen -W '");
        if (option->value == VALUE_CHOICE)
            print_choices(option->choices);
        else
            print_settings("=");
        printf("' -- \"$cur\"))");
    } else {
        printf("COMPREPLY=()");
    }
    printf("; return ;;\n");
}

static void print_bash(void) {
    struct words words;
    printf("# bash completion of hookshift: source <(hookshift completion bash)\n"
           "_hookshift() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W '");
    print_command_names();
    printf("' -- \"$cur\"))\n        return\n    fi\n    case $command:$prev in\n");
    print_value_cases(print_bash_value);
    printf("    esac\n    case $command in\n");
    for (size_t i = 0; i < cli_command_count(); i++) {
        collect(cli_command_at(i), &words);
        printf("    %s) words='", cli_command_at(i)->name);
        print_words(cli_command_at(i), &words);
        printf("' ;;\n");
    }
    printf("    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -o default -F _hookshift hookshift\n");
}

/* In single quotes, for zsh and fish. */
static void print_quoted(const char *text) {
    putchar('\'');
    for (const char *c = text; *c != '\0'; c++)
        printf(*c == '\'' ? "'\\''" : "%c", *c);
    putchar('\'');
}

static void print_zsh_value(const struct cli_command *command, const struct option_word *option) {
    printf("    %s:" STR_FMT ") ", command->name, STR_ARG(option->name));
    if (option->value == VALUE_FILE)
        printf("_files");
    else if (option->value == VALUE_ANY)
        printf("_message value");
    else
        printf("compadd %s-- ", option->value == VALUE_SETTING ? "-S '' " : "");
    if (option->value == VALUE_CHOICE)
        print_choices(option->choices);
    if (option->value == VALUE_SETTING)
        print_settings("=");
    printf("; return ;;\n");
}

static void print_zsh(void) {
    struct words words;
    printf("#compdef hookshift\n"
           "# zsh completion of hookshift: hookshift completion zsh >\"${fpath[1]}/_hookshift\"\n"
           "_hookshift() {\n"
           "    local command=${words[2]} prev=${words[CURRENT-1]}\n"
           "    local -a commands\n"
           "    if (( CURRENT == 2 )); then\n"
           "        commands=(\n");
    for (size_t i = 0; i < cli_command_count(); i++) {
        struct strbuf entry = {0};
        strbuf_printf(&entry, "%s:%s", cli_command_at(i)->name, cli_command_at(i)->summary);
        printf("            ");
        print_quoted(entry.at);
        printf("\n");
        strbuf_clear(&entry);
    }
    printf("        )\n        _describe command commands\n        return\n    fi\n    case $command:$prev in\n");
    print_value_cases(print_zsh_value);
    printf("    esac\n    case $command in\n");
    for (size_t i = 0; i < cli_command_count(); i++) {
        collect(cli_command_at(i), &words);
        printf("    %s) compadd -- ", cli_command_at(i)->name);
        print_words(cli_command_at(i), &words);
        printf(" ;;\n");
    }
    printf("    esac\n    _files\n}\n"
           "if [ \"$funcstack[1]\" = _hookshift ]; then _hookshift \"$@\"; else compdef _hookshift hookshift; fi\n");
}

static void print_fish_option(const struct cli_command *command, const struct option_word *option) {
    printf("complete -c hookshift -n '__fish_seen_subcommand_from %s' -l " STR_FMT, command->name,
           STR_ARG(str_from(option->name, 2)));
    if (option->value == VALUE_FILE)
        printf(" -r -F");
    else if (option->value != VALUE_NONE)
        printf(" -x");
    if (option->value == VALUE_CHOICE || option->value == VALUE_SETTING)
        printf(" -a '");
    if (option->value == VALUE_CHOICE)
        print_choices(option->choices);
    if (option->value == VALUE_SETTING)
        print_settings("=");
    printf(option->value == VALUE_CHOICE || option->value == VALUE_SETTING ? "'\n" : "\n");
}

static void print_fish_command(const struct cli_command *command) {
    struct words words;
    collect(command, &words);
    printf("complete -c hookshift -n __fish_use_subcommand -a %s -d ", command->name);
    print_quoted(command->summary);
    printf("\n");
    for (size_t i = 0; i < words.subcommand_count; i++)
        printf("complete -c hookshift -n '__fish_seen_subcommand_from %s' -a " STR_FMT "\n", command->name,
               STR_ARG(words.subcommands[i]));
    for (size_t i = 0; i < words.option_count; i++)
        print_fish_option(command, &words.options[i]);
}

static void print_fish(void) {
    printf("# fish completion of hookshift: hookshift completion fish >~/.config/fish/completions/hookshift.fish\n"
           "complete -c hookshift -n __fish_use_subcommand -f\n");
    for (size_t i = 0; i < cli_command_count(); i++)
        print_fish_command(cli_command_at(i));
}

int cmd_completion(int argc, char **argv) {
    static const struct {
        const char *shell;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    int first, status = cli_parse(argc, argv, NULL, 0, &first);
    if (status != CLI_GO_ON)
        return status;
    for (size_t i = 0; argc - first == 1 && i < ARRAY_LEN(shells); i++)
        if (str_eq(str_of(argv[first]), str_of(shells[i].shell))) {
            shells[i].print();
            return cli_finish(argv[0], CLI_OK);
        }
    return cli_misused(argv[0], "takes one shell: bash, zsh or fish");
}
