#include "proxy/app/admin_client.h"
#include "proxy/app/load.h"

#include <stdio.h>

/* With --config or --set the address stands in the settings, as the proxy itself reads them. */
static int url_from_settings(const struct load_options *load, struct arena *arena, const char **url) {
    struct settings settings;
    if (*url != NULL || (load->config == NULL && load->assignments.count == 0))
        return CLI_GO_ON;
    if (load_settings(load, arena, &settings) != ERR_NONE)
        return CLI_USAGE;
    *url = admin_client_url(arena, settings.admin_listen).at;
    return CLI_GO_ON;
}

static int ask(const char *command, struct arena *arena, const char *url) {
    struct admin_client client;
    struct err_detail detail;
    struct str answer;
    if (admin_client_init(&client, arena, url, NULL, &detail) != ERR_NONE)
        return cli_misused(command, "%s", detail.text);
    if (admin_client_ask(&client, "GET", STR("/readyz"), &answer, &detail) != ERR_NONE)
        return cli_failed(command, "%s", detail.text);
    printf("ready\n");
    return cli_finish(command, CLI_OK);
}

int cmd_health(int argc, char **argv) {
    const char *url = NULL;
    struct load_options load = {0};
    const struct cli_option options[] = {
        {"admin", CLI_TEXT, &url}, {"config", CLI_TEXT, &load.config}, {"set", CLI_LIST, &load.assignments}};
    struct arena *arena = arena_new_for_secrets();
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes no argument \"%s\"", argv[first]);
    if (status == CLI_GO_ON)
        status = url_from_settings(&load, arena, &url);
    if (status == CLI_GO_ON)
        status = ask(argv[0], arena, url);
    load_options_clear(&load);
    arena_free(arena);
    return status;
}
