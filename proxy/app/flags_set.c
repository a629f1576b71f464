/* Switching a consumer off is the one step of a migration that can lose data, so it is told what speaks against it:
 *
 *     --if-ready ─► the verdict of the running proxy ─► not ready: nothing is written
 *     the file is written ─► may both consumers be off for one message now? ─► a warning */
#include "proxy/app/flags_set.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"
#include "proxy/app/flag_file.h"
#include "proxy/app/flag_report.h"
#include "proxy/decide/flags_edit.h"

#include <stdio.h>

struct set_options {
    const char *command, *file, *percent, *admin, *token, *since;
    struct cli_list companies;
    bool if_ready;
    struct flags_switch wanted;
};

static bool parse_consumer(struct str name, enum consumer_flag *flag) {
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++)
        if (str_eq(name, consumer_flag_key(i))) {
            *flag = i;
            return true;
        }
    return false;
}

/* Companies are given one by one, by commas, or one after the other behind NAME and on. */
static void take_companies(struct set_options *options, int argc, char **argv, int first, struct arena *arena) {
    size_t given = options->companies.count + (size_t)(argc - first), count = 0, room = 0;
    const char **texts = ARENA_ARRAY(arena, given + 1, const char *);
    for (size_t i = 0; i < options->companies.count; i++)
        texts[count++] = options->companies.items[i];
    for (int i = first; i < argc; i++)
        texts[count++] = argv[i];
    for (size_t i = 0; i < count; i++)
        room += strlen(texts[i]) + 1;
    struct str *companies = ARENA_ARRAY(arena, room + 1, struct str);
    for (size_t i = 0; i < count; i++) {
        struct str company, rest = str_of(texts[i]);
        while (str_next(&rest, ',', &company))
            if (str_trim(company).len > 0)
                companies[options->wanted.company_count++] = arena_str(arena, str_trim(company));
    }
    options->wanted.companies = companies;
}

static int parse_percent(struct set_options *options) {
    uint64_t percent;
    struct str text = str_of(options->percent);
    options->wanted.percent = -1;
    if (options->percent == NULL)
        return CLI_GO_ON;
    if (str_ends_with(text, STR("%")))
        text.len--;
    if (!str_to_u64(text, &percent) || percent > 100)
        return cli_misused(options->command, "--percent=%s: must be a whole number from 0 to 100", options->percent);
    options->wanted.percent = (int)percent;
    return CLI_GO_ON;
}

/* NAME, on or off, and companies. CLI_GO_ON, or the exit status. */
static int parse_arguments(struct set_options *options, int argc, char **argv, int first, struct arena *arena) {
    const char *command = options->command;
    struct flags_switch *wanted = &options->wanted;
    if (argc - first < 2 || (argc - first > 2 && options->companies.count == 0))
        return cli_misused(command, "set takes the name of a flag, and on or off");
    if (!parse_consumer(str_of(argv[first]), &wanted->flag))
        return cli_misused(command, "set switches legacy-consumer, new-consumer or new-consumer-shadow, not \"%s\"",
                           argv[first]);
    wanted->on = str_eq(str_of(argv[first + 1]), STR("on"));
    if (!wanted->on && !str_eq(str_of(argv[first + 1]), STR("off")))
        return cli_misused(command, "a flag is set on or off, not \"%s\"", argv[first + 1]);
    if (options->file == NULL)
        return cli_misused(command, "--file is missing");
    take_companies(options, argc, argv, first + 2, arena);
    if (options->companies.count > 0 && wanted->company_count == 0)
        return cli_misused(command, "--company is empty");
    return parse_percent(options);
}

static bool takes_legacy_away(const struct set_options *options) {
    return options->wanted.flag == FLAG_LEGACY_CONSUMER && !options->wanted.on;
}

static void tell_reasons(const struct json *root) {
    const struct json *reasons = json_get(root, STR("reasons"));
    for (const struct json *reason = reasons == NULL ? NULL : reasons->first; reason != NULL; reason = reason->next)
        fprintf(stderr, "  - " STR_FMT "\n", STR_ARG(reason->text));
}

/* CLI_GO_ON where the verdict is ready, or where nobody insists on it. */
static int ask_verdict(const struct set_options *options, struct arena *arena) {
    const struct json *root = NULL;
    struct err_detail detail;
    if (!options->if_ready && options->admin == NULL) {
        fprintf(stderr, "warning: nobody was asked whether legacy may be switched off; --if-ready asks the running "
                        "proxy first\n");
        return CLI_GO_ON;
    }
    enum err err = flag_report_ask(options->admin, options->token, options->since, arena, &root, &detail);
    if (err != ERR_NONE && options->if_ready)
        return cli_failed(options->command, "nothing was switched: the verdict is unknown: %s", detail.text);
    if (err != ERR_NONE) {
        fprintf(stderr, "warning: whether legacy may be switched off is unknown: %s\n", detail.text);
        return CLI_GO_ON;
    }
    struct str verdict = json_string(json_get(root, STR("verdict")));
    if (str_eq(verdict, STR("ready")))
        return CLI_GO_ON;
    if (options->if_ready)
        (void)cli_failed(options->command, "nothing was switched: parity is " STR_FMT, STR_ARG(verdict));
    else
        fprintf(stderr, "warning: legacy is switched off though parity is " STR_FMT "\n", STR_ARG(verdict));
    tell_reasons(root);
    return options->if_ready ? CLI_FAILED : CLI_GO_ON;
}

static enum err switch_flag(void *arg, struct str text, struct strbuf *out, struct err_detail *detail) {
    const struct set_options *options = arg;
    return flags_edit_switch(text, &options->wanted, out, detail);
}

/* Of the file as it is now. */
static void warn_of_gap(const struct set_options *options, struct arena *arena) {
    struct str text;
    struct flags *flags;
    struct flag_problems problems, gaps = {0};
    struct strbuf out = {0};
    if (file_read(arena, options->file, FLAG_FILE_MAX, &text, NULL) != ERR_NONE ||
        flags_load(text, arena, &flags, &problems) != ERR_NONE)
        return; /* it was written a moment ago */
    flags_warn_of_both_off(flags, clock_wall_ms() / 1000, arena, &gaps);
    flag_problems_write(&out, options->file, &gaps, FLAG_WARNING);
    fputs(strbuf_str(&out).at, stderr);
    strbuf_clear(&out);
    flags_free(flags);
}

static void tell_done(const struct set_options *options) {
    const struct flags_switch *wanted = &options->wanted;
    struct str key = consumer_flag_key(wanted->flag);
    printf(STR_FMT " is %s", STR_ARG(key), wanted->on ? "on" : "off");
    if (wanted->company_count > 0)
        printf(" for %zu %s", wanted->company_count, wanted->company_count == 1 ? "company" : "companies");
    if (wanted->percent >= 0)
        printf("%s %d %% of %s", wanted->company_count > 0 ? " and" : " for", wanted->percent,
               wanted->company_count > 0 ? "the others" : "all companies");
    if (wanted->company_count > 0 || wanted->percent >= 0)
        printf(", %s for all others,", wanted->on ? "off" : "on");
    printf(" in %s\n", options->file);
}

static int set_flag(struct set_options *options, struct arena *arena) {
    struct err_detail detail;
    bool unreadable;
    int status = takes_legacy_away(options) ? ask_verdict(options, arena) : CLI_GO_ON;
    if (status != CLI_GO_ON)
        return status;
    if (flag_file_edit(options->file, switch_flag, options, &unreadable, &detail) != ERR_NONE) {
        (void)cli_failed(options->command, "%s: %s", options->file, detail.text);
        return unreadable ? CLI_USAGE : CLI_FAILED;
    }
    warn_of_gap(options, arena);
    tell_done(options);
    return cli_finish(options->command, CLI_OK);
}

int flags_set_run(int argc, char **argv) {
    struct set_options set = {.command = argv[0]};
    const struct cli_option options[] = {
        {"file", CLI_TEXT, &set.file},         {"force", CLI_FLAG, &set.wanted.force},
        {"percent", CLI_TEXT, &set.percent},   {"company", CLI_LIST, &set.companies},
        {"if-ready", CLI_FLAG, &set.if_ready}, {"admin", CLI_TEXT, &set.admin},
        {"token", CLI_TEXT, &set.token},       {"since", CLI_TEXT, &set.since},
    };
    struct arena *arena = arena_new_for_secrets();
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON)
        status = parse_arguments(&set, argc, argv, first, arena);
    if (status == CLI_GO_ON && set.if_ready && !takes_legacy_away(&set))
        status = cli_misused(argv[0], "--if-ready is about legacy-consumer off; nothing else needs the verdict");
    if (status == CLI_GO_ON)
        status = set_flag(&set, arena);
    cli_list_clear(&set.companies);
    arena_free(arena);
    return status;
}
