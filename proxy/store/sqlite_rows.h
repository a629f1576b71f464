/* Records as rows of the table `message`, and back. */
#ifndef PROXY_STORE_SQLITE_ROWS_H
#define PROXY_STORE_SQLITE_ROWS_H

#include "proxy/store/sqlite_query.h"

/* The parameters of SQL_INSERT_MESSAGE and SQL_UPDATE_MESSAGE; texts must live until query_end(). */
void row_bind_insert(struct query *query, const struct record *record);
void row_bind_update(struct query *query, const struct record *record);
/* The row that the query stands on; ERR_IO where it holds what no version has written. */
enum err row_read(struct query *query, struct arena *arena, struct record *record) MUST_USE;

/* Endpoint and open state, as messages of both are found by when they are due. */
int64_t row_queue(enum endpoint endpoint, enum state state);

/* 31 bits of a company's id in any letter case, 0 only for none: narrow, for an index that finds what the text then
 * decides. */
uint32_t row_company_hash(struct str company);

#endif
