/* Looks at messages of a running proxy and replays them: every form is one or some requests to its API, and a view of
 * the answer for people. */
#include "common/json.h"
#include "proxy/admin/query.h"
#include "proxy/app/message_pages.h"
#include "proxy/app/table.h"

#include <stdio.h>

struct run {
    const char *command;
    struct arena *arena;
    struct admin_client client;
    const char *admin, *token, *format_text;
    struct message_filter filter;
    enum list_format format;
    bool as_json, follow, body, force, is_dry_run;
};

static struct str path_with_filters(const struct run *run, const char *path) {
    struct strbuf query = {0};
    message_filter_append(&run->filter, &query);
    message_query_append(&query, "before", run->filter.before);
    message_query_append(&query, "limit", run->filter.limit);
    message_query_append(&query, "force", run->force ? "true" : NULL);
    message_query_append(&query, "dry_run", run->is_dry_run ? "true" : NULL);
    struct str whole =
        arena_printf(run->arena, "%s%s" STR_FMT, path, query.len > 0 ? "?" : "", STR_ARG(strbuf_str(&query)));
    strbuf_clear(&query);
    return whole;
}

static struct str path_of_message(const struct run *run, const char *id, const char *after) {
    struct strbuf segment = {0};
    query_encode(&segment, str_of(id));
    struct str path = arena_printf(run->arena, "/api/messages/" STR_FMT "%s", STR_ARG(strbuf_str(&segment)), after);
    strbuf_clear(&segment);
    return path;
}

static int failed(const struct run *run, enum err err, const struct err_detail *detail) {
    cli_failed(run->command, "%s", detail->text);
    return err == ERR_INVALID ? CLI_USAGE : CLI_FAILED;
}

static struct str text_of(const struct json *object, struct str key) {
    const struct json *value = json_get(object, key);
    return value == NULL ? STR("") : value->text;
}

static int list_as_json(const struct run *run) {
    struct str answer;
    const struct json *root;
    struct err_detail detail;
    enum err err =
        admin_client_json(&run->client, "GET", path_with_filters(run, "/api/messages"), &answer, &root, &detail);
    if (err != ERR_NONE)
        return failed(run, err, &detail);
    fwrite(str_chars(answer), 1, answer.len, stdout);
    return CLI_OK;
}

static int list(const struct run *run) {
    const struct message_pages pages = {.command = run->command,
                                        .client = &run->client,
                                        .filter = &run->filter,
                                        .path = "/api/messages",
                                        .format = run->format};
    if (run->follow)
        return message_pages_follow(&pages);
    return run->format == FORMAT_JSON ? list_as_json(run) : message_pages_print(&pages);
}

static void print_plain(struct str text) {
    struct strbuf out = {0};
    table_append_text(&out, text, 0);
    fwrite(strbuf_str(&out).at, 1, out.len, stdout);
    strbuf_clear(&out);
}

static void print_story(const struct json *root) {
    const struct json *lines = json_get(root, STR("story"));
    printf("Message " STR_FMT ", " STR_FMT "\n", STR_ARG(text_of(root, STR("id"))),
           STR_ARG(text_of(root, STR("state"))));
    print_plain(text_of(root, STR("why")));
    printf("\n\n");
    for (const struct json *each = lines == NULL ? NULL : lines->first; each != NULL; each = each->next) {
        printf(STR_FMT "  ", STR_ARG(text_of(each, STR("at"))));
        print_plain(text_of(each, STR("text")));
        putchar('\n');
    }
    const struct json *headers = json_get(root, STR("headers"));
    if (headers == NULL) {
        printf("\nIts headers and body are past their retention.\n");
        return;
    }
    printf("\n");
    for (const struct json *each = headers->first; each != NULL; each = each->next) {
        print_plain(each->key);
        printf(": ");
        print_plain(each->text);
        putchar('\n');
    }
    struct str body = text_of(root, STR("body"));
    if (body.len > 0)
        printf("\n" STR_FMT "\n", STR_ARG(body));
}

/* The other messages of the id that was asked for: the twin, nearly always. */
static enum err show_also(const struct run *run, const struct json *root, struct err_detail *detail) {
    enum { SHOWN_MAX = 10 };
    const struct json *also = json_get(root, STR("also"));
    enum err err = ERR_NONE;
    size_t shown = 0;
    for (const struct json *id = also == NULL ? NULL : also->first; id != NULL && err == ERR_NONE; id = id->next) {
        struct str answer;
        const struct json *other;
        if (shown++ == SHOWN_MAX) {
            printf("\nAnd %u more; --json lists their ids.\n", also->count - SHOWN_MAX);
            break;
        }
        err = admin_client_json(&run->client, "GET", path_of_message(run, arena_str(run->arena, id->text).at, ""),
                                &answer, &other, detail);
        if (err == ERR_NONE) {
            printf("\n");
            print_story(other);
        }
    }
    return err;
}

/* As it came, and nothing besides. */
static int show_body(const struct run *run, const struct json *root) {
    const struct json *body = json_get(root, STR("body"));
    if (!json_is_true(json_get(root, STR("has_content"))))
        return cli_failed(run->command, "the body of " STR_FMT " is past its retention",
                          STR_ARG(text_of(root, STR("id"))));
    if (body == NULL)
        return cli_failed(run->command, "bodies are shown with the token only: --token, or HOOKSHIFT_ADMIN_TOKEN");
    fwrite(body->text.at, 1, body->text.len, stdout);
    return CLI_OK;
}

static int show(const struct run *run, const char *id) {
    struct str answer;
    const struct json *root;
    struct err_detail detail;
    enum err err = admin_client_json(&run->client, "GET", path_of_message(run, id, ""), &answer, &root, &detail);
    if (err == ERR_NONE && run->body)
        return show_body(run, root);
    if (err == ERR_NONE && run->as_json) {
        fwrite(str_chars(answer), 1, answer.len, stdout);
    } else if (err == ERR_NONE) {
        print_story(root);
        err = show_also(run, root, &detail);
    }
    return err == ERR_NONE ? CLI_OK : failed(run, err, &detail);
}

static int replay_ids(const struct run *run, char **ids, int count) {
    int status = CLI_OK;
    for (int i = 0; i < count; i++) {
        struct str answer;
        struct err_detail detail;
        if (admin_client_ask(&run->client, "POST", path_with_filters(run, path_of_message(run, ids[i], "/replay").at),
                             &answer, &detail) != ERR_NONE)
            status = cli_failed(run->command, "%s: %s", ids[i], detail.text);
        else if (run->as_json)
            fwrite(str_chars(answer), 1, answer.len, stdout);
        else
            printf("%s %s be delivered again\n", ids[i], run->is_dry_run ? "would" : "will");
    }
    return status;
}

static int replay_many(const struct run *run) {
    struct str answer;
    const struct json *root;
    struct err_detail detail;
    enum err err =
        admin_client_json(&run->client, "POST", path_with_filters(run, "/api/replay"), &answer, &root, &detail);
    if (err != ERR_NONE)
        return failed(run, err, &detail);
    const struct json *skipped = json_get(root, STR("skipped"));
    if (run->as_json)
        fwrite(str_chars(answer), 1, answer.len, stdout);
    else
        printf(STR_FMT " messages %s be delivered again; left out: " STR_FMT " handled already, " STR_FMT
                       " under way, " STR_FMT " whose body is gone\n",
               STR_ARG(text_of(root, STR("replayed"))), run->is_dry_run ? "would" : "will",
               STR_ARG(text_of(skipped, STR("handled"))), STR_ARG(text_of(skipped, STR("under_way"))),
               STR_ARG(text_of(skipped, STR("content_gone"))));
    if (json_is_true(json_get(root, STR("complete"))))
        return CLI_OK;
    return cli_failed(run->command, "the proxy is stopping; the rest was not replayed");
}

static int replay(const struct run *run, char **ids, int count) {
    bool has_filters = message_filter_is_given(&run->filter);
    if (count > 0 && has_filters)
        return cli_misused(run->command, "replay takes ids or filters, not both");
    if (count == 0 && !has_filters)
        return cli_misused(run->command, "replay takes ids, or filters such as --state dead");
    return count > 0 ? replay_ids(run, ids, count) : replay_many(run);
}

static int dispatch(const struct run *run, char **arguments, int count) {
    struct str what = count == 0 ? STR("list") : str_of(arguments[0]);
    bool is_list = str_eq(what, STR("list")), is_show = str_eq(what, STR("show"));
    bool is_replay = str_eq(what, STR("replay"));
    if (!is_list && !is_show && !is_replay)
        return cli_misused(run->command, "there is list, show and replay, but no \"%s\"", arguments[0]);
    if (!is_list && (run->follow || run->format_text != NULL))
        return cli_misused(run->command, "--follow and --format are for lists");
    if (!is_show && run->body)
        return cli_misused(run->command, "--body is for show");
    if (!is_replay && (run->force || run->is_dry_run))
        return cli_misused(run->command, "--force and --dry-run belong to replay");
    if (is_list)
        return count <= 1 ? list(run) : cli_misused(run->command, "list takes no argument \"%s\"", arguments[1]);
    if (is_replay)
        return replay(run, arguments + 1, count - 1);
    if (count != 2 || message_filter_is_given(&run->filter))
        return cli_misused(run->command, "show takes one id");
    return show(run, arguments[1]);
}

/* What the options mean together. CLI_GO_ON, or the exit status. */
static int settle(struct run *run) {
    struct err_detail detail;
    enum err err = message_filter_settle(&run->filter, run->arena, &detail);
    if (err == ERR_NONE && run->format_text != NULL)
        err = list_format_parse(run->format_text, &run->format, &detail);
    if (err == ERR_NONE && run->format_text != NULL && run->as_json)
        return cli_misused(run->command, "takes --json or --format, not both");
    if (err == ERR_NONE && run->as_json)
        run->format = run->follow ? FORMAT_JSONL : FORMAT_JSON;
    if (err == ERR_NONE)
        err = admin_client_init(&run->client, run->arena, run->admin, run->token, &detail);
    return err == ERR_NONE ? CLI_GO_ON : cli_misused(run->command, "%s", detail.text);
}

int cmd_messages(int argc, char **argv) {
    struct run run = {.command = argv[0]};
    const struct cli_option options[] = {
        {"admin", CLI_TEXT, &run.admin},        {"token", CLI_TEXT, &run.token},
        MESSAGE_FILTER_OPTIONS(&run.filter),    {"format", CLI_TEXT, &run.format_text},
        {"follow", CLI_FLAG, &run.follow},      {"body", CLI_FLAG, &run.body},
        {"json", CLI_FLAG, &run.as_json},       {"force", CLI_FLAG, &run.force},
        {"dry-run", CLI_FLAG, &run.is_dry_run},
    };
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    run.arena = arena_new_for_secrets();
    status = settle(&run);
    if (status == CLI_GO_ON)
        status = cli_finish(argv[0], dispatch(&run, argv + first, argc - first));
    arena_free(run.arena);
    return status;
}
