/* Any settings file, behind a line of three dashes assignments, one a line, and behind another one variables of the
 * environment: each mistake is told with its place and key, and what passes without one is within its ranges. Secrets
 * are told of nowhere. */
#include "common/mem.h"
#include "common/url.h"
#include "proxy/model/settings.h"
#include "proxy/model/settings_checks.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_MOST = 32 };

/* Inputs that give a secret hold it: whatever else is wrong, no report may show it. */
#define SECRET "hunter2hunter2"

static void require(bool holds) {
    if (!holds)
        abort();
}

static struct str cut_part(struct str *rest) {
    struct str part = *rest, mark = STR("\n---\n");
    ptrdiff_t cut = rest->len == 0 ? -1 : str_find(*rest, mark);
    *rest = cut < 0 ? STR("") : str_from(*rest, (size_t)cut + mark.len);
    if (cut >= 0)
        part.len = (size_t)cut;
    return part;
}

static void read_assignments(struct optfile *optfile, struct str lines) {
    struct str line;
    for (int i = 0; i < LINES_MOST && str_next(&lines, '\n', &line); i++)
        if (line.len > 0)
            optfile_read_assignment(optfile, line);
}

/* Those that name a file would make the outcome depend on the machine. */
static void read_variables(struct optfile *optfile, struct arena *arena, struct str lines) {
    const char *variables[LINES_MOST + 1] = {NULL};
    struct str line;
    for (size_t count = 0; count < LINES_MOST && str_next(&lines, '\n', &line);)
        if (str_starts_with(line, STR("HOOKSHIFT_")) && str_find(line, STR("_FILE=")) < 0)
            variables[count++] = arena_str(arena, line).at;
    optfile_read_environment(optfile, variables);
}

static void check_problem(const struct opt_problem *problem, bool holds_secret) {
    struct strbuf line = {0};
    opt_problem_print(&line, problem);
    require(problem->what.len > 0 && problem->place.len > 0);
    require(!holds_secret || str_find(strbuf_str(&line), STR(SECRET)) < 0);
    strbuf_clear(&line);
}

static void check_endpoint(const struct endpoint_settings *endpoint) {
    require(url_check(endpoint->url) == NULL);
    require(endpoint->timeout_ms > 0 && endpoint->connect_timeout_ms > 0 && endpoint->concurrency > 0);
    for (size_t i = 0; i < endpoint->secrets.count; i++)
        require(settings_check_not_empty(endpoint->secrets.items[i]) == NULL);
    for (size_t i = 0; i < endpoint->headers.count; i++)
        require(settings_check_header_name(endpoint->headers.pairs[i].name) == NULL);
    for (size_t i = 0; i < endpoint->routes.count; i++)
        require(url_check(endpoint->routes.pairs[i].value) == NULL);
}

static void check_good(const struct settings *settings) {
    require(settings->listen.len > 0 && settings->admin_listen.len > 0 && settings->flags_path.len > 0);
    require((settings->tls_cert_path.at == NULL) == (settings->tls_key_path.at == NULL));
    require(settings->connection_limit > 0 && settings->backlog_limit > 0 && settings->request_time_ms > 0);
    require(settings->retry_schedule.count > 0 && settings->retry_schedule.ms[0] > 0);
    for (int i = 0; i < ENDPOINT_COUNT; i++)
        check_endpoint(&settings->endpoints[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str rest = str_slice((const char *)data, size), file = cut_part(&rest), assignments = cut_part(&rest);
    struct arena *arena = arena_new(0);
    struct settings settings = {0};
    struct optfile *optfile = optfile_new(arena, settings_table(), &settings);
    optfile_read_json(optfile, "f", file);
    read_variables(optfile, arena, rest);
    read_assignments(optfile, assignments);
    optfile_check_required(optfile);
    settings_check_all(optfile, &settings);
    /* As the value of a secret, and nowhere that is shown. */
    bool holds_secret = str_starts_with(file, STR("{\"admin\":{\"token\":\"" SECRET)) &&
                        str_find(str_from(file, 40), STR(SECRET)) < 0 && str_find(assignments, STR(SECRET)) < 0 &&
                        str_find(rest, STR(SECRET)) < 0;
    for (const struct opt_problem *each = optfile_problems(optfile); each != NULL; each = each->next)
        check_problem(each, holds_secret);
    if (optfile_problems(optfile) == NULL)
        check_good(&settings);
    arena_free(arena);
    return 0;
}
