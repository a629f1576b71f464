/* A consistent copy of the SQLite file, made some pages at a time on the store's own connection, by SQLite's backup:
 * what is written meanwhile is written to the copy as well, so that the copy is the store as of its last step.
 *
 * Outside of groups only: SQLite copies nothing while a transaction is open. */
#ifndef PROXY_STORE_SQLITE_COPY_H
#define PROXY_STORE_SQLITE_COPY_H

#include "proxy/store/backend.h"

struct store_copying;

/* ERR_EXISTS: there is such a file, and it is not to be replaced; ERR_INVALID: it is the store itself, or no name of a
 * file; ERR_DENIED, ERR_LIMIT (disk full), ERR_IO. */
enum err sqlite_copy_begin(struct backend *backend, const char *path, bool replace, struct store_copying **copying,
                           struct err_detail *detail) MUST_USE;
/* `*done`: the copy is complete, on the disk and in its place; it is freed, as it is on an error. */
enum err sqlite_copy_step(struct store_copying *copying, int pages, bool *done, struct err_detail *detail) MUST_USE;
void sqlite_copy_drop(struct store_copying *copying); /* removes what there is of the copy */

#endif
