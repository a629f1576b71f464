/* Asks the running proxy to rehearse, waits, and shows what would have happened. An interrupt ends the rehearsal too.
 */
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"
#include "proxy/app/input.h"
#include "proxy/app/table.h"

#include "common/json.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { POLL_MS = 100 };

struct rehearse_options {
    const char *url, *token, *flags, *since;
    struct cli_list settings;
    bool json;
};

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int number) {
    (void)number;
    is_interrupted = 1;
}

static struct str number_of(struct arena *arena, const struct json *object, const char *key) {
    const struct json *value = json_get(object, str_of(key));
    return value != NULL && value->type == JSON_NUMBER ? arena_str(arena, value->text) : STR("-");
}

static void add_row(struct table *table, struct arena *arena, struct str type, const struct json *row) {
    const struct json *rehearsed = json_get(row, STR("rehearsed")), *really = json_get(row, STR("really"));
    const struct str cells[] = {type,
                                number_of(arena, rehearsed, "legacy"),
                                number_of(arena, rehearsed, "new"),
                                number_of(arena, rehearsed, "both"),
                                number_of(arena, rehearsed, "nobody"),
                                number_of(arena, really, "legacy"),
                                number_of(arena, really, "new"),
                                number_of(arena, really, "both"),
                                number_of(arena, really, "nobody")};
    table_add(table, cells);
}

static void print_report(struct arena *arena, const struct json *root, struct strbuf *out) {
    static const char *const headings[] = {"TYPE",           ">LEGACY", ">NEW",  ">BOTH",   ">NOBODY",
                                           ">REALLY LEGACY", ">NEW",    ">BOTH", ">NOBODY", NULL};
    const struct json *types = json_get(root, STR("types")), *examples = json_get(root, STR("examples"));
    bool is_good = json_is_true(json_get(root, STR("good")));
    strbuf_printf(out, "Would each occurrence have been handled once? %s\nFrom " STR_FMT " to " STR_FMT "\n\n",
                  is_good ? "Yes" : "No", STR_ARG(json_string(json_get(root, STR("since")))),
                  STR_ARG(json_string(json_get(root, STR("until")))));
    struct table *table = table_new(arena, headings);
    for (const struct json *type = types == NULL ? NULL : types->first; type != NULL; type = type->next)
        add_row(table, arena, json_string(json_get(type, STR("type"))), type);
    add_row(table, arena, STR("all"), root);
    table_print(table, out);
    for (const struct json *each = examples == NULL ? NULL : examples->first; each != NULL; each = each->next)
        strbuf_printf(out, "%s  " STR_FMT " " STR_FMT ": " STR_FMT " (" STR_FMT ")\n",
                      each == examples->first ? "\nFor example\n" : "", STR_ARG(json_string(json_get(each, STR("id")))),
                      STR_ARG(json_string(json_get(each, STR("type")))),
                      STR_ARG(json_string(json_get(each, STR("by")))),
                      STR_ARG(json_string(json_get(each, STR("key")))));
}

static struct str request_body(struct arena *arena, const struct rehearse_options *options, struct str flags) {
    struct strbuf text = {0}, settings = {0};
    struct json_writer json;
    for (size_t i = 0; i < options->settings.count; i++)
        strbuf_printf(&settings, "%s%s", i > 0 ? "\n" : "", options->settings.items[i]);
    json_begin(&json, &text);
    json_object_begin(&json);
    json_key(&json, "flags");
    json_str(&json, flags);
    if (options->since != NULL) {
        json_key(&json, "since");
        json_str(&json, str_of(options->since));
    }
    json_key(&json, "settings");
    json_str(&json, settings.len > 0 ? strbuf_str(&settings) : STR(""));
    json_object_end(&json);
    struct str body = arena_str(arena, strbuf_str(&text));
    strbuf_clear(&text);
    strbuf_clear(&settings);
    return body;
}

static int complain(const char *command, enum err err, const struct err_detail *detail) {
    return err == ERR_INVALID ? cli_misused(command, "%s", detail->text) : cli_failed(command, "%s", detail->text);
}

static void show_progress(const struct json *root) {
    struct str messages = json_string(json_get(root, STR("messages")));
    const struct json *count = json_get(root, STR("messages"));
    if (count != NULL && count->type == JSON_NUMBER)
        messages = count->text;
    fprintf(stderr, "\rrehearsing: " STR_FMT " messages", STR_ARG(messages));
}

/* Asks until it is over. CLI_GO_ON: `*root` has the report. */
static int wait_for_end(const char *command, const struct admin_client *client, struct str *answer,
                        const struct json **root) {
    bool is_terminal = isatty(STDERR_FILENO) != 0, is_told = false;
    for (;;) {
        struct err_detail detail;
        bool cancel = is_interrupted && !is_told;
        is_told = is_told || cancel;
        enum err err = cancel ? admin_client_json(client, "POST", STR("/api/rehearse/cancel"), answer, root, &detail)
                              : admin_client_json(client, "GET", STR("/api/rehearse"), answer, root, &detail);
        if (err != ERR_NONE)
            return complain(command, err, &detail);
        struct str state = json_string(json_get(*root, STR("state")));
        if (is_terminal)
            show_progress(*root);
        if (!str_eq(state, STR("running"))) {
            if (is_terminal)
                fputc('\n', stderr);
            if (str_eq(state, STR("done")))
                return CLI_GO_ON;
            return cli_failed(command, "the rehearsal ended early: " STR_FMT,
                              STR_ARG(json_string(json_get(*root, STR("why")))));
        }
        struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}

static int rehearse(const char *command, struct arena *arena, const struct rehearse_options *options) {
    struct admin_client client;
    struct err_detail detail;
    struct str answer, flags;
    const struct json *root = NULL;
    if (admin_client_init(&client, arena, options->url, options->token, &detail) != ERR_NONE)
        return cli_misused(command, "%s", detail.text);
    if (!input_read(command, arena, options->flags, &flags))
        return CLI_USAGE;
    enum err err =
        admin_client_post(&client, STR("/api/rehearse"), request_body(arena, options, flags), &answer, &root, &detail);
    if (err != ERR_NONE)
        return complain(command, err, &detail);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    int status = wait_for_end(command, &client, &answer, &root);
    if (status != CLI_GO_ON)
        return status;
    struct strbuf out = {0};
    if (options->json)
        strbuf_printf(&out, STR_FMT "\n", STR_ARG(str_trim(answer)));
    else
        print_report(arena, root, &out);
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
    return cli_finish(command, json_is_true(json_get(root, STR("good"))) ? CLI_OK : CLI_FAILED);
}

int cmd_rehearse(int argc, char **argv) {
    struct rehearse_options asked = {0};
    const struct cli_option options[] = {{"admin", CLI_TEXT, &asked.url},        {"token", CLI_TEXT, &asked.token},
                                         {"flags", CLI_TEXT, &asked.flags},      {"since", CLI_TEXT, &asked.since},
                                         {"setting", CLI_LIST, &asked.settings}, {"json", CLI_FLAG, &asked.json}};
    struct arena *arena = arena_new_for_secrets();
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    if (status == CLI_GO_ON && asked.flags == NULL)
        status = cli_misused(argv[0], "--flags is missing: the flag file to rehearse with");
    if (status == CLI_GO_ON)
        status = rehearse(argv[0], arena, &asked);
    cli_list_clear(&asked.settings);
    arena_free(arena);
    return status;
}
