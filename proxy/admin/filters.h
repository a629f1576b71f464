/* Which messages are meant: the members of a query as a filter for the store. */
#ifndef PROXY_ADMIN_FILTERS_H
#define PROXY_ADMIN_FILTERS_H

#include "proxy/admin/query.h"
#include "proxy/decide/catalog.h"
#include "proxy/store/ledger.h"

enum { FILTER_LIMIT_MAX = 500, FILTER_LIMIT_DEFAULT = 50, FILTER_AUDIT_MAX = 5000 };

/* ERR_INVALID with a detail that names the member. Texts are those of the query. */
enum err filter_from_query(const struct query *query, struct filter *filter, struct err_detail *detail) MUST_USE;

/* The same for a list, which may be asked for one `id`: absent where it is not. */
enum err filter_for_list(const struct query *query, struct filter *filter, struct str *id,
                         struct err_detail *detail) MUST_USE;

/* For an audit: by period, company and type; `limit` is the number of messages looked at. */
enum err filter_for_audit(const struct query *query, struct filter *filter, struct err_detail *detail) MUST_USE;

/* "true", "1" or a name without a value; "false", "0" or no such name. ERR_INVALID with a detail for the rest. */
enum err filter_read_bool(const struct query *query, struct str name, bool *value, struct err_detail *detail) MUST_USE;

/* A type in another spelling that the catalogue knows becomes its name, as messages have it. */
void filter_settle_type(struct filter *filter, const struct catalog *catalog);

/* Does it leave anything out? */
bool filter_is_narrow(const struct filter *filter);

#endif
