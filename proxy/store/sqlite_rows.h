/* Records as rows of the table `message`, and back. What never changes of a message is one value, `fixed`: SQLite takes
 * some hundred instructions for each column of each row that it writes, reads or writes anew. */
#ifndef PROXY_STORE_SQLITE_ROWS_H
#define PROXY_STORE_SQLITE_ROWS_H

#include "proxy/store/sqlite_query.h"

/* The part of the record below its line; into `fixed`, in place of what is there. */
void row_encode(const struct record *record, struct strbuf *fixed);
/* Fills in that part; texts are slices of `fixed`. NULL, or what is wrong with it. */
const char *row_decode(struct str fixed, struct record *record) MUST_USE;

/* The parameters of SQL_INSERT_MESSAGE and SQL_UPDATE_MESSAGE; texts must live until query_end(). */
void row_bind_insert(struct query *query, const struct record *record, struct str fixed);
void row_bind_update(struct query *query, const struct record *record);
/* The row that the query stands on; texts of the record, and `*fixed`, live until the next row or the end. ERR_DAMAGED
 * where it holds what no version has written. */
enum err row_peek(struct query *query, struct record *record, struct str *fixed) MUST_USE;
/* Copies what the texts of a record that was decoded from `fixed` point to. */
void row_keep(struct arena *arena, struct record *record, struct str fixed);

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
