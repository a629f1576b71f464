/* URLs that requests are sent to: one judgement for settings, which refuse what cannot be sent, and for the sending.
 *
 * Taken apart here, without a copy; the name of the host is judged by libcurl's parser as well, which will use it. */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include "common/str.h"

/* All are slices of the text. */
struct url {
    bool is_tls;
    struct str origin; /* "http://host:8080" */
    struct str host;   /* "host", "[::1]" */
    uint16_t port;     /* the scheme's own where the text has none */
    struct str path;   /* "/hooks"; empty where there is none, which differs from "/" */
    struct str query;  /* "?a=b", or empty */
};

/* NULL for an absolute URL of http or https (in any letter case) with a host, all of it printable ASCII; else what is
 * wrong with it ("has no host"), with static lifetime. User names and passwords are refused, since URLs are shown. A
 * fragment is left out. */
const char *url_split(struct str text, struct url *url);

/* The same for a setting: a fragment, which is never sent, is refused too, and so is a host that libcurl refuses, and a
 * query without a path. */
const char *url_check(struct str text);

/* Same scheme, host and port? Both passed url_split(). */
bool url_is_same_origin(const struct url *a, const struct url *b);

/* Appends the text without what may be a user name and a password: "http://...@host/". */
void url_append_masked(struct strbuf *out, struct str text);

#endif
