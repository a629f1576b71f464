/* The migration at a glance. The proxy is asked three things, how it stands, its flags and the verdict; people get some
 * lines of each, programs all of it as one object.
 *
 * --watch draws over what it drew before: home, each line to its end, and what is below it is cleared. Where standard
 * output is no terminal the pictures stand one below the other. */
#include "proxy/app/status_view.h"

#include "common/terminal.h"
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_MS = 2000 };

struct status_options {
    const char *command, *url, *token;
    bool json, watch;
};

static enum err ask_all(const struct admin_client *client, struct status_answers *answers, struct err_detail *detail) {
    struct str text;
    enum err err = admin_client_json(client, "GET", STR("/api/status"), &text, &answers->status, detail);
    if (err == ERR_NONE)
        err = admin_client_json(client, "GET", STR("/api/flags"), &text, &answers->flags, detail);
    if (err == ERR_NONE)
        err = admin_client_json(client, "GET", STR("/api/parity"), &text, &answers->parity, detail);
    answers->url = client->url;
    return err;
}

static void print_picture(struct str text, size_t columns, bool in_place) {
    struct strbuf out = {0};
    struct str line;
    strbuf_append(&out, in_place ? STR("\x1b[H") : STR(""));
    while (text.len > 0 && str_next(&text, '\n', &line)) {
        table_append_text(&out, line, columns);
        strbuf_append(&out, in_place ? STR("\x1b[K\n") : STR("\n"));
    }
    strbuf_append(&out, in_place ? STR("\x1b[J") : STR(""));
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
}

/* One picture, also of a proxy that does not answer where it is watched. */
static int show_once(const struct status_options *options, const struct admin_client *asked, bool in_place) {
    struct arena *arena = arena_new(0);
    struct admin_client client = *asked;
    struct status_answers answers;
    struct err_detail detail;
    struct strbuf out = {0};
    int status = CLI_OK;
    client.arena = arena;
    enum err err = ask_all(&client, &answers, &detail);
    if (err != ERR_NONE && !options->watch)
        status = cli_failed(options->command, "%s", detail.text);
    else if (err != ERR_NONE)
        strbuf_printf(&out, "hookshift at " STR_FMT ": no answer\n%s\n", STR_ARG(client.url), detail.text);
    else if (options->json)
        status_write_json(&answers, &out);
    else
        status_write_text(arena, &answers, terminal_columns(), &out);
    if (options->json)
        fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    else
        print_picture(strbuf_str(&out), terminal_columns(), in_place);
    strbuf_clear(&out);
    arena_free(arena);
    return cli_finish(options->command, status);
}

static int watch(const struct status_options *options, const struct admin_client *client) {
    const struct timespec pause = {.tv_sec = WATCH_MS / 1000};
    bool in_place = !options->json && isatty(STDOUT_FILENO) != 0;
    if (in_place)
        printf("\x1b[2J");
    int status;
    do {
        status = show_once(options, client, in_place);
        if (status == CLI_OK && !in_place && !options->json)
            printf("\n");
    } while (status == CLI_OK && nanosleep(&pause, NULL) == 0);
    return status;
}

int cmd_status(int argc, char **argv) {
    struct status_options asked = {.command = argv[0]};
    const struct cli_option options[] = {{"admin", CLI_TEXT, &asked.url},
                                         {"token", CLI_TEXT, &asked.token},
                                         {"watch", CLI_FLAG, &asked.watch},
                                         {"json", CLI_FLAG, &asked.json}};
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    if (status != CLI_GO_ON)
        return status;
    struct arena *arena = arena_new_for_secrets();
    struct admin_client client;
    struct err_detail detail;
    if (admin_client_init(&client, arena, asked.url, asked.token, &detail) != ERR_NONE)
        status = cli_misused(argv[0], "%s", detail.text);
    else
        status = asked.watch ? watch(&asked, &client) : show_once(&asked, &client, false);
    arena_free(arena);
    return status;
}
