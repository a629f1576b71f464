/* What HTTP's client and server side share: header fields and status texts. */
#ifndef COMMON_HTTP_H
#define COMMON_HTTP_H

#include "common/str.h"

struct http_header {
    struct str name, value;
};

/* The first header of that name (any case), else absent. */
struct str http_header_get(const struct http_header *headers, size_t count, struct str name);

/* Is `name` a token, and `value` free of control characters but the tab (RFC 9110, 5.1 and 5.5)? */
bool http_name_is_valid(struct str name);
bool http_value_is_valid(struct str value);

/* "Not Found"; "Unknown" for a status without a name in RFC 9110. */
const char *http_status_text(int status);

#endif
