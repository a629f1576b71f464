/* URLs that requests are sent to, judged by libcurl's parser, which is the one that will use them. */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include "common/str.h"

/* NULL for an absolute URL of http or https with a host; else what is wrong with it ("has no host"), with static
 * lifetime. User names and passwords are refused, since URLs are shown; so is a fragment, which is never sent. */
const char *url_check(struct str text);

/* Of a URL that passed the check: is there a path other than "/"? */
bool url_has_path(struct str url);

#endif
