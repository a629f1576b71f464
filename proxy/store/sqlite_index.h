/* The index of hashes: which messages have an identity, state a fact, are of a type, of a company or of a generation.
 *
 *     sqlite_index_add() ─► recent entries, in memory ── many of them ──► a run ── several of a level ──► a larger run
 *                           and as one row of each group                          some entries with each group
 *
 * All of it belongs to the transaction of the file: what a rollback undoes is undone here, and what was committed is
 * here again when the file is opened. */
#ifndef PROXY_STORE_SQLITE_INDEX_H
#define PROXY_STORE_SQLITE_INDEX_H

#include "proxy/store/sqlite_db.h"

struct sqlite_index;

/* After sqlite_db_prepare(); db->index is made, and closed by sqlite_index_close() also where this fails. */
enum err sqlite_index_open(struct sqlite_db *db) MUST_USE;
void sqlite_index_close(struct sqlite_db *db); /* also where there is none */

/* As it is in the file: it may not be after a rollback. The others do so by themselves, but for the estimate. */
enum err sqlite_index_refresh(struct sqlite_db *db) MUST_USE;

/* Again: no error, no second entry. */
enum err sqlite_index_add(struct sqlite_db *db, const struct fact_row *row) MUST_USE;
enum err sqlite_index_remove(struct sqlite_db *db, const struct fact_row *row) MUST_USE;

/* Entries of first->hash, from `first` on in their order (the latest first, then by message downwards and item
 * upwards) and not older than `from_ms`. */
enum err sqlite_index_find(struct sqlite_db *db, const struct fact_row *first, int64_t from_ms, struct fact_row *rows,
                           size_t max, size_t *count) MUST_USE;
/* About how many entries of that hash there are. */
size_t sqlite_index_estimate(struct sqlite_db *db, uint64_t hash);

/* What the transaction has added goes into the file, before it is committed; then the one or the other. */
enum err sqlite_index_write(struct sqlite_db *db) MUST_USE;
void sqlite_index_kept(struct sqlite_db *db);
void sqlite_index_undo(struct sqlite_db *db);

/* For tests, before a file is opened: how many recent entries make a run, and how many runs a larger one. */
void sqlite_index_limit(size_t recent, size_t runs);

#endif
