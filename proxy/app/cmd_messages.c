/* Looks at messages of a running proxy and replays them: every form is one or some requests to its API, and a view of
 * the answer for people. */
#include "common/json.h"
#include "proxy/admin/query.h"
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"
#include "proxy/app/table.h"

#include <stdio.h>

struct run {
    const char *command;
    struct arena *arena;
    struct admin_client client;
    const char *admin, *token;
    const char *state, *generation, *type, *company, *before, *limit;
    bool as_json;
};

static void add_member(struct strbuf *query, const char *name, const char *value) {
    if (value == NULL)
        return;
    strbuf_printf(query, "%s%s=", query->len == 0 ? "?" : "&", name);
    query_encode(query, str_of(value));
}

static struct str path_with_filters(const struct run *run, const char *path) {
    struct strbuf query = {0};
    add_member(&query, "state", run->state);
    add_member(&query, "generation", run->generation);
    add_member(&query, "type", run->type);
    add_member(&query, "company", run->company);
    add_member(&query, "before", run->before);
    add_member(&query, "limit", run->limit);
    struct str whole = arena_printf(run->arena, "%s" STR_FMT, path, STR_ARG(strbuf_str(&query)));
    strbuf_clear(&query);
    return whole;
}

static bool has_filters(const struct run *run) {
    return run->state != NULL || run->generation != NULL || run->type != NULL || run->company != NULL ||
           run->before != NULL || run->limit != NULL;
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

static void print_list(const struct run *run, const struct json *root) {
    static const char *const headings[] = {"id",      "state",    "generation", "type",
                                           "company", "received", ">attempts",  NULL};
    struct table *table = table_new(run->arena, headings);
    const struct json *messages = json_get(root, STR("messages"));
    for (const struct json *each = messages == NULL ? NULL : messages->first; each != NULL; each = each->next) {
        const struct str cells[] = {text_of(each, STR("id")),           text_of(each, STR("state")),
                                    text_of(each, STR("generation")),   text_of(each, STR("type")),
                                    text_of(each, STR("company")),      text_of(each, STR("received")),
                                    text_of(each, STR("attempt_count"))};
        table_add(table, cells);
    }
    struct strbuf out = {0};
    table_print(table, &out);
    fwrite(out.at, 1, out.len, stdout);
    strbuf_clear(&out);
    struct str next = json_string(json_get(root, STR("next")));
    if (next.len > 0)
        fprintf(stderr, "older ones: --before " STR_FMT "\n", STR_ARG(next));
}

static int list(const struct run *run) {
    struct str answer;
    const struct json *root;
    struct err_detail detail;
    enum err err =
        admin_client_json(&run->client, "GET", path_with_filters(run, "/api/messages"), &answer, &root, &detail);
    if (err != ERR_NONE)
        return failed(run, err, &detail);
    if (run->as_json)
        fwrite(answer.at, 1, answer.len, stdout);
    else
        print_list(run, root);
    return CLI_OK;
}

/* Control characters would be acted on by a terminal. */
static void print_plain(struct str text) {
    for (size_t i = 0; i < text.len; i++)
        putchar((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f ? '?' : text.at[i]);
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

static int show(const struct run *run, const char *id) {
    struct str answer;
    const struct json *root;
    struct err_detail detail;
    enum err err = admin_client_json(&run->client, "GET", path_of_message(run, id, ""), &answer, &root, &detail);
    if (err != ERR_NONE)
        return failed(run, err, &detail);
    if (run->as_json)
        fwrite(answer.at, 1, answer.len, stdout);
    else
        print_story(root);
    return CLI_OK;
}

static int replay_ids(const struct run *run, char **ids, int count) {
    int status = CLI_OK;
    for (int i = 0; i < count; i++) {
        struct str answer;
        struct err_detail detail;
        if (admin_client_ask(&run->client, "POST", path_of_message(run, ids[i], "/replay"), &answer, &detail) !=
            ERR_NONE)
            status = cli_failed(run->command, "%s: %s", ids[i], detail.text);
        else if (run->as_json)
            fwrite(answer.at, 1, answer.len, stdout);
        else
            printf("%s will be delivered again\n", ids[i]);
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
        fwrite(answer.at, 1, answer.len, stdout);
    else
        printf(STR_FMT " messages will be delivered again; left out: " STR_FMT " under way, " STR_FMT
                       " whose body is gone\n",
               STR_ARG(text_of(root, STR("replayed"))), STR_ARG(text_of(skipped, STR("under_way"))),
               STR_ARG(text_of(skipped, STR("content_gone"))));
    if (json_is_true(json_get(root, STR("complete"))))
        return CLI_OK;
    return cli_failed(run->command, "the proxy is stopping; the rest was not replayed");
}

static int dispatch(const struct run *run, char **arguments, int count) {
    struct str what = count == 0 ? STR("list") : str_of(arguments[0]);
    if (count == 0 || (count == 1 && str_eq(what, STR("list"))))
        return list(run);
    if (str_eq(what, STR("show"))) {
        if (count != 2 || has_filters(run))
            return cli_misused(run->command, "show takes one id");
        return show(run, arguments[1]);
    }
    if (!str_eq(what, STR("replay")))
        return cli_misused(run->command, "there is show and replay, but no \"%s\"", arguments[0]);
    if (count > 1 && has_filters(run))
        return cli_misused(run->command, "replay takes ids or filters, not both");
    if (count == 1 && !has_filters(run))
        return cli_misused(run->command, "replay takes ids, or filters such as --state dead");
    return count > 1 ? replay_ids(run, arguments + 1, count - 1) : replay_many(run);
}

int cmd_messages(int argc, char **argv) {
    struct run run = {.command = argv[0]};
    const struct cli_option options[] = {
        {"admin", CLI_TEXT, &run.admin},           {"token", CLI_TEXT, &run.token}, {"state", CLI_TEXT, &run.state},
        {"generation", CLI_TEXT, &run.generation}, {"type", CLI_TEXT, &run.type},   {"company", CLI_TEXT, &run.company},
        {"before", CLI_TEXT, &run.before},         {"limit", CLI_TEXT, &run.limit}, {"json", CLI_FLAG, &run.as_json},
    };
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status != CLI_GO_ON)
        return status;
    struct err_detail detail;
    run.arena = arena_new_for_secrets();
    if (admin_client_init(&run.client, run.arena, run.admin, run.token, &detail) != ERR_NONE)
        status = cli_misused(argv[0], "%s", detail.text);
    else
        status = cli_finish(argv[0], dispatch(&run, argv + first, argc - first));
    arena_free(run.arena);
    return status;
}
