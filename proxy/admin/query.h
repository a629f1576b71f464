/* The query of a request, decoded: "a=1&b=x%20y". Lives in the arena. */
#ifndef PROXY_ADMIN_QUERY_H
#define PROXY_ADMIN_QUERY_H

#include "common/arena.h"
#include "common/err.h"

enum { QUERY_MAX = 32 };

struct query_pair {
    struct str name, value; /* a name without "=" has an empty value */
};

struct query {
    struct query_pair pairs[QUERY_MAX]; /* in the order given */
    size_t count;
};

/* ERR_INVALID for a wrong percent sign or text that is not UTF-8, ERR_LIMIT for too many pairs; with detail. */
enum err query_parse(struct arena *arena, struct str text, struct query *query, struct err_detail *detail) MUST_USE;

/* The last value of that name; absent. */
struct str query_get(const struct query *query, struct str name);

/* ERR_INVALID where it holds a name that is not among `known` (ends in NULL), or one twice; the detail says which and
 * what there is. */
enum err query_check(const struct query *query, const char *const *known, struct err_detail *detail) MUST_USE;

/* One segment of a path, which query_encode() has written. ERR_INVALID as query_parse(). */
enum err query_decode(struct arena *arena, struct str text, struct str *decoded, struct err_detail *detail) MUST_USE;

/* Percent-encodes for a query or one segment of a path. */
void query_encode(struct strbuf *out, struct str text);

#endif
