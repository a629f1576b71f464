/* A VFS of SQLite in front of the usual one, and the default from disk_install() on: writes down all that is done to
 * the files of one store, in order, so that the disk can be put together again as of any moment.
 *
 * One thread. */
#ifndef TESTS_POWER_DISK_H
#define TESTS_POWER_DISK_H

#include "common/base.h"

enum disk_file { DISK_MAIN, DISK_WAL, DISK_JOURNAL, DISK_FILES };

enum disk_act {
    DISK_CREATE,
    DISK_WRITE,
    DISK_TRUNCATE, /* `at` is the new length */
    DISK_SYNC,
    DISK_SYNC_FAILED,
    DISK_DELETE,
    DISK_SYNC_FOLDER, /* what was created and deleted before it is durable */
    DISK_MARK,        /* not of the disk: the store said that commit number `at` is durable */
};

struct disk_op {
    enum disk_act act;
    enum disk_file file;
    int64_t at;
    size_t len;
    unsigned char *bytes;
};

struct disk_log {
    struct disk_op *ops;
    size_t count, capacity;
    bool exists[DISK_FILES];
    const char *path;
};

void disk_install(void);
const char *disk_ending(enum disk_file file); /* "", "-wal", "-journal" */

/* From now on what is done to the store at `path` goes into `log`; NULL: no longer. Other files are let pass. */
void disk_record(struct disk_log *log, const char *path);
void disk_mark(struct disk_log *log, int64_t commit);
void disk_log_clear(struct disk_log *log);

/* Asked before whatever is done to any file ("read", "write", ...): the result of SQLite that it shall fail with, or
 * SQLITE_OK. What is written fails half way. NULL: nobody is asked. */
typedef int disk_fails_fn(const char *what);
void disk_fail_by(disk_fails_fn *fails);

#endif
