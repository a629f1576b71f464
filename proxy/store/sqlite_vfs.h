/* How SQLite gets at the files of the store: through its usual VFS, but what a commit adds to the write-ahead log is
 * written at once. */
#ifndef PROXY_STORE_SQLITE_VFS_H
#define PROXY_STORE_SQLITE_VFS_H

#include "common/base.h"

/* The name to open a store with; any thread. In front of the VFS that is SQLite's default when it is called first. */
const char *sqlite_vfs_name(void);

#endif
