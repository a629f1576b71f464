#include "proxy/app/admin_client.h"

#include "common/file.h"
#include "common/httpc_once.h"
#include "common/json.h"
#include "common/url.h"

#include <stdlib.h>

enum {
    CONNECT_MS = 3000,
    ANSWER_MS = 600000, /* many replays take their time */
    TOKEN_MAX = 4096,
};
#define ANSWER_MAX ((size_t)64 << 20)

struct str admin_client_url(struct arena *arena, struct str listen) {
    if (str_starts_with(listen, STR(":")) || str_starts_with(listen, STR("*:")) ||
        str_starts_with(listen, STR("0.0.0.0:"))) {
        ptrdiff_t colon = str_find(listen, STR(":"));
        return arena_printf(arena, "http://127.0.0.1" STR_FMT, STR_ARG(str_from(listen, (size_t)colon)));
    }
    if (str_starts_with(listen, STR("[::]:")))
        return arena_printf(arena, "http://[::1]" STR_FMT, STR_ARG(str_from(listen, STR("[::]").len)));
    return arena_printf(arena, "http://" STR_FMT, STR_ARG(listen));
}

/* The address for people, without a password. */
static struct str shown_url(const struct admin_client *client) {
    struct strbuf masked = {0};
    url_append_masked(&masked, client->url);
    struct str copy = arena_str(client->arena, strbuf_str(&masked));
    strbuf_clear(&masked);
    return copy;
}

static enum err find_url(struct admin_client *client, const char *url, struct err_detail *detail) {
    const char *listen = getenv("HOOKSHIFT_ADMIN_LISTEN");
    if (url != NULL)
        client->url = str_of(url);
    else if (listen != NULL && listen[0] != '\0')
        client->url = admin_client_url(client->arena, str_of(listen));
    else
        client->url = STR("http://127.0.0.1:9090");
    struct url parts;
    const char *wrong = url_split(client->url, &parts);
    if (wrong != NULL)
        return err_set(detail, ERR_INVALID, "the address of the proxy, \"" STR_FMT "\", %s", STR_ARG(shown_url(client)),
                       wrong);
    while (str_ends_with(client->url, STR("/")))
        client->url.len--;
    return ERR_NONE;
}

static enum err find_token(struct admin_client *client, const char *token, struct err_detail *detail) {
    const char *path = getenv("HOOKSHIFT_ADMIN_TOKEN_FILE");
    if (token == NULL)
        token = getenv("HOOKSHIFT_ADMIN_TOKEN");
    client->token = str_of(token);
    if (token != NULL || path == NULL || path[0] == '\0')
        return ERR_NONE;
    enum err err = file_read_any(client->arena, path, TOKEN_MAX, &client->token, detail);
    if (err != ERR_NONE)
        err_prefix(detail, "HOOKSHIFT_ADMIN_TOKEN_FILE: %s", path);
    client->token = str_trim(client->token);
    return err;
}

enum err admin_client_init(struct admin_client *client, struct arena *arena, const char *url, const char *token,
                           struct err_detail *detail) {
    *client = (struct admin_client){.arena = arena};
    enum err err = find_url(client, url, detail);
    return err == ERR_NONE ? find_token(client, token, detail) : err;
}

static const struct json *parse(struct arena *arena, struct str text) {
    const struct json_limits limits = {.depth = 50, .values = 5000000};
    struct json *root;
    if (json_parse(arena, text, &limits, &root, NULL) != ERR_NONE || root->type != JSON_OBJECT)
        return NULL;
    return root;
}

/* The proxy says what is wrong in the member `detail`; anything else that may answer here does so in its own way. */
static enum err refused(const struct admin_client *client, int status, struct str body, struct err_detail *detail) {
    struct str said = json_string(json_get(parse(client->arena, body), STR("detail")));
    if (said.len == 0)
        said = str_trim(body);
    if (said.len == 0 || said.len > 300)
        said = str_of(http_status_text(status));
    enum err err = status == 404                    ? ERR_NOT_FOUND
                   : status == 401 || status == 403 ? ERR_DENIED
                   : status == 409                  ? ERR_BUSY
                   : status >= 400 && status < 500  ? ERR_INVALID
                                                    : ERR_IO;
    return err_set(detail, err, STR_FMT " (HTTP %d)", STR_ARG(said), status);
}

static enum err ask(const struct admin_client *client, const char *method, struct str path, struct str sent,
                    struct str *answer, struct err_detail *detail) {
    struct arena *arena = client->arena;
    const struct http_header headers[] = {
        {STR("Authorization"), arena_printf(arena, "Bearer " STR_FMT, STR_ARG(client->token))}};
    const struct httpc_request request = {
        .method = str_of(method),
        .url = arena_printf(arena, STR_FMT STR_FMT, STR_ARG(client->url), STR_ARG(path)),
        .headers = headers,
        .header_count = client->token.len > 0 ? 1 : 0,
        .body = sent,
        .timeout_ms = ANSWER_MS,
        .connect_timeout_ms = CONNECT_MS,
    };
    int status;
    struct str body;
    enum err err = httpc_once(arena, &request, ANSWER_MAX, &status, &body, detail);
    if (err != ERR_NONE) {
        err_prefix(detail, "the proxy at " STR_FMT " cannot be asked", STR_ARG(shown_url(client)));
        return err;
    }
    *answer = body;
    return status >= 200 && status < 300 ? ERR_NONE : refused(client, status, body, detail);
}

enum err admin_client_ask(const struct admin_client *client, const char *method, struct str path, struct str *answer,
                          struct err_detail *detail) {
    return ask(client, method, path, STR(""), answer, detail);
}

static enum err ask_json(const struct admin_client *client, const char *method, struct str path, struct str sent,
                         struct str *answer, const struct json **root, struct err_detail *detail) {
    struct str text;
    enum err err = ask(client, method, path, sent, &text, detail);
    if (err != ERR_NONE)
        return err;
    const struct json *parsed = parse(client->arena, text);
    if (parsed == NULL)
        return err_set(detail, ERR_IO, STR_FMT " answered something else than JSON; is it the admin port of hookshift?",
                       STR_ARG(shown_url(client)));
    *answer = text;
    *root = parsed;
    return ERR_NONE;
}

enum err admin_client_json(const struct admin_client *client, const char *method, struct str path, struct str *answer,
                           const struct json **root, struct err_detail *detail) {
    return ask_json(client, method, path, STR(""), answer, root, detail);
}

enum err admin_client_post(const struct admin_client *client, struct str path, struct str body, struct str *answer,
                           const struct json **root, struct err_detail *detail) {
    return ask_json(client, "POST", path, body, answer, root, detail);
}
