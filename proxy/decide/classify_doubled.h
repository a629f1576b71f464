/* Keys that decide something and stand in a body twice. Part of classify. Pure; any thread. */
#ifndef PROXY_DECIDE_CLASSIFY_DOUBLED_H
#define PROXY_DECIDE_CLASSIFY_DOUBLED_H

#include "proxy/decide/catalog.h"

/* The member by which an object names its type a second time: by two keys that hold types, or by one that stands there
 * twice, in any letter case and whatever their values are. NULL: it does not. */
const struct json *doubled_type(const struct catalog *catalog, const struct json *root);

/* Likewise for the outermost keys that anything of a message of that type is read from. */
const struct json *doubled_member(const struct catalog_type *type, const struct json *root);

#endif
