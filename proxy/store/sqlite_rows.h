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

/* Under which hashes the index finds a message, besides those of its facts. */
uint64_t row_identity_key(uint64_t identity_hash);
uint64_t row_type_key(struct str type);
uint64_t row_company_key(struct str company); /* in any letter case */
uint64_t row_generation_key(enum generation generation);
/* All that a record has; the number of them. */
enum { ROW_KEYS = 4 };
size_t row_keys(enum generation generation, uint64_t identity_hash, struct str type, struct str company,
                uint64_t keys[ROW_KEYS]);

#endif
