/* Who may ask what on the admin port. A pure function of the request. */
#ifndef PROXY_ADMIN_ACCESS_H
#define PROXY_ADMIN_ACCESS_H

#include "common/err.h"
#include "common/httpd.h"

enum access_role {
    ACCESS_OPEN,  /* anybody who reaches the port: health checks, the page without its data */
    ACCESS_READ,  /* the token where there is one; else whoever is on this machine */
    ACCESS_CHANGE /* the token, always, and not from another site */
};

struct access {
    int status;     /* 0: granted; else the HTTP status of the refusal */
    bool has_token; /* the right token was given: bodies may be shown */
    const char *why;
};

/* What the request says of the token: "none" (there is none to give), "missing", "wrong" or "right". */
const char *access_token_state(const struct http_request *request, struct str token);

/* `token`: admin.token, absent where there is none. It is compared in constant time. */
struct access access_check(enum access_role role, const struct http_request *request, struct str token);

#endif
