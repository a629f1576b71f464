/* How commands ask a running proxy, through its admin port. */
#ifndef PROXY_APP_ADMIN_CLIENT_H
#define PROXY_APP_ADMIN_CLIENT_H

#include "common/arena.h"
#include "common/err.h"

struct json;

struct admin_client {
    struct arena *arena; /* of the caller: answers live in it */
    struct str url;      /* without a slash at the end */
    struct str token;    /* absent where there is none */
};

/* Where the proxy is and what opens it: `url` (--admin), else by HOOKSHIFT_ADMIN_LISTEN, else http://127.0.0.1:9090;
 * `token` (--token), else HOOKSHIFT_ADMIN_TOKEN, else the file that HOOKSHIFT_ADMIN_TOKEN_FILE names. NULL for what
 * was not given. ERR_INVALID for a URL that is none, and the errors of reading that file; with detail. */
enum err admin_client_init(struct admin_client *client, struct arena *arena, const char *url, const char *token,
                           struct err_detail *detail) MUST_USE;

/* The URL at which something that listens on `listen` ("0.0.0.0:9090", ":9090") is reached from this machine. */
struct str admin_client_url(struct arena *arena, struct str listen);

/* Sends a request and reads the answer. Whatever is not 2xx is an error whose detail says what the proxy said:
 * ERR_NOT_FOUND (404), ERR_DENIED (401, 403), ERR_BUSY (409), ERR_INVALID (other 4xx), ERR_IO; or what httpc_once()
 * says. */
enum err admin_client_ask(const struct admin_client *client, const char *method, struct str path, struct str *answer,
                          struct err_detail *detail) MUST_USE;
/* Likewise; the answer must be a JSON object. */
enum err admin_client_json(const struct admin_client *client, const char *method, struct str path, struct str *answer,
                           const struct json **root, struct err_detail *detail) MUST_USE;

/* Likewise, a POST with a JSON body. */
enum err admin_client_post(const struct admin_client *client, struct str path, struct str body, struct str *answer,
                           const struct json **root, struct err_detail *detail) MUST_USE;

#endif
