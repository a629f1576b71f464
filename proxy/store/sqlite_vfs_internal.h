/* What the files of the VFS share: sqlite_vfs.c opens, sqlite_vfs_log.c is the write-ahead log, sqlite_vfs_main.c the
 * file itself. Other files (journals) are left to the usual VFS. */
#ifndef PROXY_STORE_SQLITE_VFS_INTERNAL_H
#define PROXY_STORE_SQLITE_VFS_INTERNAL_H

#include "common/base.h"

#include <sqlite3.h>

struct wrapped { /* what SQLite holds; a larger one begins with it */
    sqlite3_file base;
    sqlite3_file *real; /* behind the largest one */
};

enum { WRAPPED_LEN_MAX = 96 };

static inline struct wrapped *wrapped_of(sqlite3_file *file) {
    return CONTAINER_OF(file, struct wrapped, base);
}

/* Each calls the real file. */
int wrapped_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at);
int wrapped_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at);
int wrapped_truncate(sqlite3_file *file, sqlite3_int64 size);
int wrapped_sync(sqlite3_file *file, int flags);
int wrapped_file_size(sqlite3_file *file, sqlite3_int64 *size);
int wrapped_lock(sqlite3_file *file, int level);
int wrapped_unlock(sqlite3_file *file, int level);
int wrapped_check_reserved_lock(sqlite3_file *file, int *is_locked);
int wrapped_file_control(sqlite3_file *file, int op, void *arg);
int wrapped_sector_size(sqlite3_file *file);
int wrapped_characteristics(sqlite3_file *file);

/* The real file is open: makes the rest of what is before it. */
void vfs_log_begin(sqlite3_file *file);
void vfs_main_begin(sqlite3_file *file, const char *name, bool is_further);

#endif
