#include "proxy/app/flag_report.h"

#include "common/json.h"
#include "proxy/admin/query.h"
#include "proxy/app/admin_client.h"

const char *flag_severity_name(enum flag_severity severity) {
    static const char *const names[] = {"warning", "broken", "refused"};
    return names[severity];
}

static void write_problem(struct strbuf *out, const char *path, const struct flag_problem *problem) {
    strbuf_append(out, str_of(path));
    if (problem->line > 0)
        strbuf_printf(out, ":%u:%u", problem->line, problem->column);
    strbuf_printf(out, ": %s: ", flag_severity_name(problem->severity));
    if (problem->flag.len > 0)
        strbuf_printf(out, STR_FMT ": ", STR_ARG(problem->flag));
    strbuf_append(out, problem->what);
    strbuf_append_char(out, '\n');
}

void flag_problems_write(struct strbuf *out, const char *path, const struct flag_problems *problems,
                         enum flag_severity least) {
    for (const struct flag_problem *problem = problems->first; problem != NULL; problem = problem->next)
        if (problem->severity >= least)
            write_problem(out, path, problem);
    if (problems->left_off > 0 && least < FLAG_REFUSED)
        strbuf_printf(out, "%s: and %zu more\n", path, problems->left_off);
}

enum err flag_report_ask(const char *url, const char *token, const char *since, struct arena *arena,
                         const struct json **root, struct err_detail *detail) {
    struct admin_client client;
    struct str answer, path = STR("/api/parity");
    enum err err = admin_client_init(&client, arena, url, token, detail);
    if (since != NULL) {
        struct strbuf encoded = {0};
        query_encode(&encoded, str_of(since));
        path = arena_printf(arena, "/api/parity?since=" STR_FMT, STR_ARG(strbuf_str(&encoded)));
        strbuf_clear(&encoded);
    }
    return err != ERR_NONE ? err : admin_client_json(&client, "GET", path, &answer, root, detail);
}

enum err flag_report_parity(const struct flags *flags, const char *url, const char *token, struct arena *arena,
                            struct flag_problems *problems, struct err_detail *detail) {
    const struct json *root;
    if (!flags_consumer_may_be(flags, FLAG_LEGACY_CONSUMER, false))
        return ERR_NONE;
    enum err err = flag_report_ask(url, token, NULL, arena, &root, detail);
    if (err != ERR_NONE)
        return err;
    struct str verdict = json_string(json_get(root, STR("verdict")));
    const struct json *reasons = json_get(root, STR("reasons"));
    struct str reason = reasons == NULL ? STR_NONE : json_string(reasons->first);
    if (!str_eq(verdict, STR("ready")))
        flag_problems_add(problems, arena, FLAG_WARNING, consumer_flag_key(FLAG_LEGACY_CONSUMER),
                          arena_printf(arena, "legacy is switched off though parity is " STR_FMT "%s" STR_FMT,
                                       STR_ARG(verdict), reason.len > 0 ? ": " : "", STR_ARG(reason)));
    return ERR_NONE;
}

enum err flag_report_failures(const char *url, const char *token, struct arena *arena, struct flag_problems *problems,
                              struct err_detail *detail) {
    struct admin_client client;
    const struct json *root;
    struct str answer;
    enum err err = admin_client_init(&client, arena, url, token, detail);
    if (err == ERR_NONE)
        err = admin_client_json(&client, "GET", STR("/api/flags"), &answer, &root, detail);
    if (err != ERR_NONE)
        return err;
    const struct json *list = json_get(root, STR("flags"));
    for (const struct json *flag = list == NULL ? NULL : list->first; flag != NULL; flag = flag->next) {
        const struct json *failures = json_get(flag, STR("evaluation_errors"));
        const struct json *count = json_get(failures, STR("count"));
        if (count != NULL)
            flag_problems_add(
                problems, arena, FLAG_WARNING, json_string(json_get(flag, STR("name"))),
                arena_printf(
                    arena, STR_FMT " evaluations failed since the proxy started, the last at " STR_FMT " (" STR_FMT ")",
                    STR_ARG(count->text), STR_ARG(json_string(json_get(failures, STR("last_at")))),
                    STR_ARG(json_string(json_get(failures, STR("last"))))));
    }
    return ERR_NONE;
}
