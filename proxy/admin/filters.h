/* Which messages are meant: the members of a query as a filter for the store. */
#ifndef PROXY_ADMIN_FILTERS_H
#define PROXY_ADMIN_FILTERS_H

#include "proxy/admin/query.h"
#include "proxy/store/ledger.h"

enum { FILTER_LIMIT_MAX = 500, FILTER_LIMIT_DEFAULT = 50 };

/* The names that a query may hold; ends in NULL. */
extern const char *const filter_names[];

/* ERR_INVALID with a detail that names the member. Texts are those of the query. */
enum err filter_from_query(const struct query *query, struct filter *filter, struct err_detail *detail) MUST_USE;

/* Does it leave anything out? */
bool filter_is_narrow(const struct filter *filter);

#endif
