/* Statements of the SQLite store in use: values in, rows out.
 *
 * Integers are stored as 64 bits: uint64_t as the int64_t of the same bits, so that numbers from 2^63 on sort below
 * all others, which hashes do not mind and ids never reach. */
#ifndef PROXY_STORE_SQLITE_QUERY_H
#define PROXY_STORE_SQLITE_QUERY_H

#include "common/arena.h"
#include "proxy/store/sqlite_db.h"

/* One use of a statement: parameters in order, then rows, then the end, which must come. The first thing that fails
 * is kept, and told by query_end(). */
struct query {
    struct sqlite_db *db;
    sqlite3_stmt *statement;
    int parameter, column, result;
    const char *damage; /* what was read and no version has written; NULL: nothing */
};

struct query query_begin(struct sqlite_db *db, enum sql sql) MUST_USE;
void query_u64(struct query *query, uint64_t value);
void query_i64(struct query *query, int64_t value);
void query_or_null(struct query *query, int64_t value, bool there);
void query_text(struct query *query, struct str value); /* absent: NULL; must live until query_end() */
void query_blob(struct query *query, struct str value);
bool query_row(struct query *query); /* there is a (further) row */
uint64_t query_take_u64(struct query *query);
int64_t query_take_i64(struct query *query);
/* A time, with which it can be reckoned: further than 2^53 ms from 1970, and not DUE_NEVER, is damage, and 0. */
int64_t query_take_ms(struct query *query);
struct str query_take_text(struct query *query, struct arena *arena); /* texts and blobs */
struct str query_peek_text(struct query *query);                      /* uncopied: until the next row, or the end */
enum err query_end(struct query *query) MUST_USE;
enum err query_run(struct query *query) MUST_USE; /* for statements without rows: runs, and ends */
enum err query_run_id(struct sqlite_db *db, enum sql sql, uint64_t id) MUST_USE; /* likewise, with one parameter */

void query_limit(struct query *query, size_t max); /* a parameter after LIMIT */
/* The first column of up to `max` rows, and the end. */
enum err query_take_ids(struct query *query, uint64_t *ids, size_t max, size_t *count) MUST_USE;
/* Room for one element more at the end of an array in the arena. */
void *query_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size) MUST_USE;

#endif
