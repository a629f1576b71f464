/* From a request to its handler: route, then who may, then what was asked, then the handler. The table says all that
 * there is on the port, and what each needs. */
#include "proxy/admin/admin.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/netaddr.h"
#include "proxy/admin/access.h"
#include "proxy/admin/call.h"
#include "proxy/flow/worker.h"

struct route {
    const char *method;
    const char *path; /* a star is one segment, which becomes call->id */
    enum access_role role;
    admin_handler *handler;
};

static const struct route routes[] = {
    {"GET", "/", ACCESS_OPEN, admin_page},
    {"GET", "/page/*", ACCESS_OPEN, admin_page},
    {"GET", "/healthz", ACCESS_OPEN, admin_healthz},
    {"GET", "/readyz", ACCESS_OPEN, admin_readyz},
    {"GET", "/metrics", ACCESS_READ, admin_metrics},
    {"GET", "/api/access", ACCESS_OPEN, admin_access},
    {"GET", "/api/status", ACCESS_READ, admin_status},
    {"GET", "/api/flags", ACCESS_READ, admin_flags},
    {"GET", "/api/parity", ACCESS_READ, admin_parity},
    {"GET", "/api/fields", ACCESS_READ, admin_fields},
    {"GET", "/api/rehearse", ACCESS_READ, admin_rehearse_show},
    {"POST", "/api/rehearse", ACCESS_READ, admin_rehearse_begin},
    {"POST", "/api/rehearse/cancel", ACCESS_READ, admin_rehearse_cancel},
    {"GET", "/api/flow", ACCESS_READ, admin_flow},
    {"GET", "/api/messages", ACCESS_READ, admin_messages},
    {"GET", "/api/audit", ACCESS_READ, admin_audit},
    {"GET", "/api/messages/*", ACCESS_READ, admin_message},
    {"POST", "/api/messages/*/replay", ACCESS_CHANGE, admin_replay_one},
    {"POST", "/api/store/backup", ACCESS_CHANGE, admin_backup},
    {"POST", "/api/replay", ACCESS_CHANGE, admin_replay_many},
};

enum { BODY_MAX = 256 * 1024, HEADERS_MAX = 16 * 1024, CONNECTIONS_MAX = 256, STRANGER_MS = 5000 };

static bool path_matches(struct str pattern, struct str path, struct str *id) {
    struct str want, have;
    for (;;) {
        bool more = str_next(&pattern, '/', &want);
        if (more != str_next(&path, '/', &have))
            return false;
        if (!more)
            return true;
        if (str_eq(want, STR("*")) && have.len > 0)
            *id = have;
        else if (!str_eq(want, have))
            return false;
    }
}

/* NULL where there is none; `*allowed` then names the methods that the path has, if any. */
static const struct route *find_route(struct str method, struct str path, struct str *id, const char **allowed) {
    bool is_head = str_eq(method, STR("HEAD"));
    *allowed = NULL;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!path_matches(str_of(routes[i].path), path, id))
            continue;
        if (str_eq(method, str_of(routes[i].method)) || (is_head && routes[i].method[0] == 'G'))
            return &routes[i];
        *allowed = routes[i].method[0] == 'G' ? "GET, HEAD" : "POST";
    }
    return NULL;
}

/* A POST may give what it means in its body as well: {"state": "dead"}. */
static enum err add_body(struct admin_call *call, struct err_detail *detail) {
    const struct json_limits limits = {.depth = 2, .values = 100, .unique_keys = true};
    struct json *root;
    struct json_error error;
    if (call->request->body.len == 0)
        return ERR_NONE;
    if (json_parse(call->arena, call->request->body, &limits, &root, &error) != ERR_NONE)
        return err_set(detail, ERR_INVALID, "the body is not the JSON expected: %s", error.what);
    if (root->type != JSON_OBJECT)
        return err_set(detail, ERR_INVALID, "the body must be a JSON object, or empty");
    for (const struct json *each = root->first; each != NULL; each = each->next) {
        struct str text = each->type != JSON_BOOL ? each->text : each->boolean ? STR("true") : STR("false");
        if (each->type != JSON_STRING && each->type != JSON_NUMBER && each->type != JSON_BOOL)
            return err_set(detail, ERR_INVALID, "\"" STR_FMT "\" must be a text, a number, true or false",
                           STR_ARG(each->key));
        if (call->query.count == QUERY_MAX)
            return err_set(detail, ERR_LIMIT, "the body has too many members");
        call->query.pairs[call->query.count++] = (struct query_pair){each->key, text};
    }
    return ERR_NONE;
}

static void serve(struct admin_call *call, const struct route *route, struct str query) {
    struct err_detail detail;
    struct access access = access_check(route->role, call->request, call->admin->service->settings->admin_token);
    if (access.status != 0) {
        answer_problem(call->exchange, access.status, "%s", access.why);
        return;
    }
    call->has_token = access.has_token;
    if (access.has_token)
        httpd_trust(call->exchange);
    enum err err = query_parse(call->arena, query, &call->query, &detail);
    if (err == ERR_NONE && route->method[0] == 'P')
        err = add_body(call, &detail);
    if (err != ERR_NONE)
        answer_problem(call->exchange, 400, "%s", detail.text);
    else
        route->handler(call);
}

static void on_exchange(struct httpd_exchange *exchange, void *arg) {
    struct arena *arena = httpd_arena(exchange);
    struct admin_call *call = ARENA_NEW(arena, struct admin_call);
    const struct http_request *request = httpd_request(exchange);
    *call = (struct admin_call){.admin = arg, .exchange = exchange, .request = request, .arena = arena};
    ptrdiff_t mark = str_find(request->target, STR("?"));
    struct str path = mark < 0 ? request->target : str_slice(request->target.at, (size_t)mark);
    struct str query = mark < 0 ? STR_NONE : str_from(request->target, (size_t)mark + 1);
    const char *allowed;
    const struct route *route = find_route(request->method, path, &call->id, &allowed);
    if (route != NULL)
        serve(call, route, query);
    else if (allowed != NULL)
        answer_wrong_method(exchange, allowed);
    else
        answer_problem(exchange, 404, "there is nothing at this path");
}

static void on_error(struct httpd_exchange *exchange, int status, const char *what, void *arg) {
    (void)arg;
    answer_problem(exchange, status, "%s", what);
}

static enum err listen_on(struct admin *admin, struct err_detail *detail) {
    const struct settings *settings = admin->service->settings;
    struct netaddr address;
    enum err err = netaddr_parse(settings->admin_listen.at, &address, detail);
    if (err == ERR_NONE && settings->admin_token.len == 0 && !netaddr_is_loopback(&address))
        err = err_set(detail, ERR_DENIED,
                      STR_FMT " is open to other machines, which needs a token: set admin.token, or listen on loopback",
                      STR_ARG(settings->admin_listen));
    if (err == ERR_NONE) {
        const struct httpd_options options = {
            .loop = admin->loop,
            .listen = settings->admin_listen.at,
            .limits = {.body_len = BODY_MAX,
                       .header_len = HEADERS_MAX,
                       .header_count = 100,
                       .connections = CONNECTIONS_MAX,
                       .connections_of_one = CONNECTIONS_MAX / 2,
                       .request_ms = STRANGER_MS,
                       .idle_ms = 60000,
                       .stranger_idle_ms = STRANGER_MS},
            .makes_room = true, /* for probes: who fills the port and says nothing goes */
            .handler = on_exchange,
            .error_handler = on_error,
            .arg = admin,
        };
        err = httpd_new(&options, &admin->httpd, detail);
    }
    return err;
}

enum err admin_new(struct service *service, struct loop *loop, struct admin **admin, struct err_detail *detail) {
    struct admin *made = MEM_NEW(struct admin);
    made->service = service;
    made->loop = loop;
    enum err err = listen_on(made, detail);
    if (err != ERR_NONE) {
        mem_free(made);
        return err;
    }
    struct loop **loops = MEM_ARRAY(service->worker_count, struct loop *);
    for (size_t i = 0; i < service->worker_count; i++)
        loops[i] = service->workers[i]->loop;
    made->live = live_new(service, loop);
    service->fields = fields_new(service, loop);
    made->parity_watch = parity_watch_new(service, loop);
    made->rehearse = rehearse_new(service, loop);
    made->pulse = pulse_new(loop, loops, service->worker_count);
    mem_free(loops);
    *admin = made;
    return ERR_NONE;
}

const char *admin_address(const struct admin *admin) {
    return httpd_address(admin->httpd);
}

void admin_set_listening(struct admin *admin, bool listening) {
    admin->listening = listening;
}

void admin_note_reload(struct admin *admin, const struct err_detail *detail) {
    admin->reloaded_ms = clock_wall_ms();
    admin->reload_trouble = detail != NULL ? *detail : (struct err_detail){""};
}

void admin_free(struct admin *admin) {
    if (admin == NULL)
        return;
    loop_flush(admin->loop); /* the last answers of the store, whose calls need it */
    parity_watch_free(admin->parity_watch);
    live_free(admin->live);
    fields_free(admin->service->fields);
    admin->service->fields = NULL;
    rehearse_free(admin->rehearse);
    pulse_free(admin->pulse);
    httpd_free(admin->httpd);
    mem_free(admin);
}
