/* Brings the write-ahead log home into the file, on a thread and a connection of its own, while groups are committed.
 *
 *     commits ──► log ── has 16 MiB ──► passes beside the commits, each bringing home what came during the last one
 *                                   └─► the rest, while the next group waits: then the log begins anew
 *
 * Calls come from the store's thread. */
#ifndef PROXY_STORE_SQLITE_CHECKPOINT_H
#define PROXY_STORE_SQLITE_CHECKPOINT_H

#include "proxy/store/sqlite_db.h"

struct checkpointer;

/* When the tables are there. ERR_IO; checkpointer_stop() is due also then. */
enum err checkpointer_start(struct sqlite_db *db, enum store_sync sync) MUST_USE;
void checkpointer_stop(struct sqlite_db *db); /* also where there is none */

/* Around each group; a second end is none. The beginning waits for the rest of the log to be home, where that is under
 * way: for as long as some pages take to write and sync. */
void checkpointer_begin_group(struct sqlite_db *db);
void checkpointer_end_group(struct sqlite_db *db);

/* For tests, before a file is opened: how many pages the log has when it is brought home. */
void checkpointer_limit(int frames);

#endif
