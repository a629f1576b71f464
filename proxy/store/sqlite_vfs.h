/* How SQLite gets at the files of the store: through its usual VFS, with three differences.
 *
 * What a commit adds to the write-ahead log is written at once. The file belongs to this process, from the first use of
 * it until it is closed. And the index of the log is in the memory of the process, where all its connections find it.
 */
#ifndef PROXY_STORE_SQLITE_VFS_H
#define PROXY_STORE_SQLITE_VFS_H

#include "common/base.h"

/* Names to open a store with, any thread: by the first connection, to which a store that is open already is locked, in
 * this process as in others; and by further ones, to which it is not. In front of the VFS that is SQLite's default when
 * the first of them is called first. */
const char *sqlite_vfs_name(void);
const char *sqlite_vfs_further_name(void);

struct sqlite3_file;
/* The connection that has this log open need not sync it: what it sees of it has been synced by the one that commits.
 */
void sqlite_vfs_log_is_synced(struct sqlite3_file *log);

#endif
