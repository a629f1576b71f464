/* The store as a file: a copy while it is in use, which the proxy makes, and what needs the file for itself. */
#include "common/json.h"
#include "common/units.h"
#include "proxy/admin/query.h"
#include "proxy/app/admin_client.h"
#include "proxy/app/cli.h"
#include "proxy/app/load.h"
#include "proxy/store/sqlite_inspect.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct store_command {
    const char *name, *url, *token;
    struct load_options load;
    struct arena *arena;
    bool force, json;
};

/* As the proxy must name it, which runs in another folder. */
static bool make_absolute(struct arena *arena, const char *path, struct str *absolute) {
    char folder[PATH_MAX];
    if (path[0] == '/')
        *absolute = str_of(path);
    else if (getcwd(folder, sizeof folder) == NULL)
        return false;
    else
        *absolute = arena_printf(arena, "%s/%s", folder, path);
    return true;
}

static int backup(const struct store_command *command, const char *path) {
    struct admin_client client;
    struct err_detail detail;
    struct str absolute, answer;
    const struct json *root;
    struct strbuf query = {0};
    if (!make_absolute(command->arena, path, &absolute))
        return cli_failed(command->name, "the folder of %s: %s", path, strerror(errno));
    if (admin_client_init(&client, command->arena, command->url, command->token, &detail) != ERR_NONE)
        return cli_misused(command->name, "%s", detail.text);
    query_encode(&query, absolute);
    struct str target = arena_printf(command->arena, "/api/store/backup?path=" STR_FMT "%s",
                                     STR_ARG(strbuf_str(&query)), command->force ? "&force=true" : "");
    strbuf_clear(&query);
    enum err err = admin_client_json(&client, "POST", target, &answer, &root, &detail);
    if (err == ERR_BUSY && !command->force)
        return cli_failed(command->name, "%s; --force replaces a file that is there", detail.text);
    if (err != ERR_NONE)
        return cli_failed(command->name, "%s", detail.text);
    if (command->json)
        printf(STR_FMT "\n", STR_ARG(str_trim(answer)));
    else
        printf("%s: " STR_FMT " bytes\n", path, STR_ARG(json_get(root, STR("bytes"))->text));
    return CLI_OK;
}

/* The file that is named, or else the one of the settings. CLI_GO_ON, or the exit status. */
static int find_file(struct store_command *command, const char *given, const char **path) {
    static const char scheme[] = "sqlite:";
    if (given != NULL) {
        *path = str_starts_with(str_of(given), str_of(scheme)) ? given + strlen(scheme) : given;
        return CLI_GO_ON;
    }
    struct settings settings = {.store_url = str_of(getenv("HOOKSHIFT_STORE_URL"))};
    if (command->load.config != NULL || command->load.assignments.count > 0) {
        if (load_settings(&command->load, command->arena, &settings) != ERR_NONE)
            return CLI_USAGE;
    } else if (settings.store_url.len == 0) {
        settings.store_url = STR("sqlite:hookshift.db");
    }
    if (!str_starts_with(settings.store_url, str_of(scheme)))
        return cli_misused(command->name, "store.url is \"" STR_FMT "\": there is no file to check",
                           STR_ARG(settings.store_url));
    *path = arena_str(command->arena, str_from(settings.store_url, strlen(scheme))).at;
    return CLI_GO_ON;
}

static int check(struct store_command *command, const char *given) {
    struct sqlite_inspection found;
    struct err_detail detail;
    const char *path = NULL;
    int status = find_file(command, given, &path);
    if (status != CLI_GO_ON)
        return status;
    enum err err = sqlite_inspect(command->arena, path, &found, &detail);
    if (err == ERR_BUSY)
        return cli_failed(command->name, "%s; check a copy: `hookshift store backup FILE`", detail.text);
    if (err != ERR_NONE)
        return cli_failed(command->name, "%s", detail.text);
    for (size_t i = 0; i < found.problem_count; i++)
        fprintf(stderr, "%s: " STR_FMT "\n", path, STR_ARG(found.problems[i]));
    bool good = found.problem_count == 0;
    if (command->json)
        printf("{\"good\":%s,\"messages\":%llu,\"damaged\":%llu,\"problems\":%zu}\n", good ? "true" : "false",
               (unsigned long long)found.messages, (unsigned long long)found.damaged, found.problem_count);
    else
        printf("%s: %s; %llu messages, %llu of them damaged\n", path, good ? "good" : "DAMAGED",
               (unsigned long long)found.messages, (unsigned long long)found.damaged);
    return good ? CLI_OK : CLI_FAILED;
}

static int salvage(const struct store_command *command, const char *old, const char *new) {
    struct sqlite_salvage saved;
    struct err_detail detail;
    enum err err = sqlite_salvage(command->arena, old, new, &saved, &detail);
    if (err != ERR_NONE)
        return cli_failed(command->name, "%s", detail.text);
    if (command->json)
        printf("{\"messages\":%llu,\"without_body\":%llu,\"twins\":%llu,\"steps\":%llu}\n",
               (unsigned long long)saved.messages, (unsigned long long)saved.without_body,
               (unsigned long long)saved.twins, (unsigned long long)saved.steps);
    else
        printf("%s: %llu messages, %llu of them without a body; %llu twins, %llu steps\n", new,
               (unsigned long long)saved.messages, (unsigned long long)saved.without_body,
               (unsigned long long)saved.twins, (unsigned long long)saved.steps);
    return CLI_OK;
}

static int dispatch(struct store_command *command, char **arguments, int count) {
    struct str what = count == 0 ? STR("") : str_of(arguments[0]);
    if (str_eq(what, STR("backup")))
        return count == 2 ? backup(command, arguments[1]) : cli_misused(command->name, "backup takes one file");
    if (command->force)
        return cli_misused(command->name, "--force is for backup");
    if (str_eq(what, STR("check")))
        return count <= 2 ? check(command, count == 2 ? arguments[1] : NULL)
                          : cli_misused(command->name, "check takes one file");
    if (str_eq(what, STR("salvage")))
        return count == 3 ? salvage(command, arguments[1], arguments[2])
                          : cli_misused(command->name, "salvage takes two files, the damaged one and a new one");
    return cli_misused(command->name, "there is backup, check and salvage, but no \"" STR_FMT "\"", STR_ARG(what));
}

int cmd_store(int argc, char **argv) {
    struct store_command command = {.name = argv[0]};
    const struct cli_option options[] = {
        {"admin", CLI_TEXT, &command.url},          {"token", CLI_TEXT, &command.token},
        {"config", CLI_TEXT, &command.load.config}, {"set", CLI_LIST, &command.load.assignments},
        {"force", CLI_FLAG, &command.force},        {"json", CLI_FLAG, &command.json},
    };
    command.arena = arena_new_for_secrets();
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON)
        status = cli_finish(argv[0], dispatch(&command, argv + first, argc - first));
    load_options_clear(&command.load);
    arena_free(command.arena);
    return status;
}
