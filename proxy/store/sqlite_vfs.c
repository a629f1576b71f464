/* SQLite writes each page of a commit to its log in two calls, a head of 24 bytes and the page: some forty calls for
 * ten messages, which cost more than what they write. Here they are gathered, and written in one, when the frame that
 * ends the commit is complete.
 *
 *     head of a frame (https://www.sqlite.org/fileformat2.html#walformat): bytes 4 to 7 are not 0 in the last frame of
 *     a commit
 *
 * So nothing that SQLite takes for committed is ever only here, and a failure is told while it can still roll back.
 * Whatever else is done to the log finds it written. */
#include "proxy/store/sqlite_vfs.h"

#include "common/mem.h"

#include <pthread.h>
#include <sqlite3.h>
#include <string.h>

enum { GATHER_MAX = 0x1FFFF /* what the usual VFS writes in one call */, FRAME_HEAD_LEN = 24 };

struct log_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
    char *gathered;     /* `len` bytes, for `at` on */
    size_t len;
    int64_t at;
    bool ends_commit; /* the frame whose page is awaited */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *usual;

static struct log_file *log_of(sqlite3_file *file) {
    return CONTAINER_OF(file, struct log_file, base);
}

static int write_gathered(struct log_file *log) {
    size_t len = log->len;
    log->len = 0; /* also where it fails: then it belongs to what is rolled back */
    return len == 0 ? SQLITE_OK : log->real->pMethods->xWrite(log->real, log->gathered, (int)len, log->at);
}

static bool is_head_of_last_frame(const unsigned char *bytes, int len) {
    return len == FRAME_HEAD_LEN && (bytes[4] | bytes[5] | bytes[6] | bytes[7]) != 0;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
    struct log_file *log = log_of(file);
    bool is_end = log->ends_commit;
    log->ends_commit = is_head_of_last_frame(bytes, len);
    int result = SQLITE_OK;
    if (at != log->at + (int64_t)log->len || log->len + (size_t)len > GATHER_MAX)
        result = write_gathered(log);
    if (result != SQLITE_OK || (size_t)len > GATHER_MAX)
        return result != SQLITE_OK ? result : log->real->pMethods->xWrite(log->real, bytes, len, at);
    if (log->len == 0)
        log->at = at;
    memcpy(log->gathered + log->len, bytes, (size_t)len);
    log->len += (size_t)len;
    return is_end ? write_gathered(log) : SQLITE_OK;
}

static int log_close(sqlite3_file *file) {
    struct log_file *log = log_of(file);
    mem_free(log->gathered);
    return log->real->pMethods->xClose(log->real);
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at) {
    struct log_file *log = log_of(file);
    int result = write_gathered(log);
    return result != SQLITE_OK ? result : log->real->pMethods->xRead(log->real, bytes, len, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct log_file *log = log_of(file);
    int result = write_gathered(log);
    return result != SQLITE_OK ? result : log->real->pMethods->xTruncate(log->real, size);
}

static int log_sync(sqlite3_file *file, int flags) {
    struct log_file *log = log_of(file);
    int result = write_gathered(log);
    return result != SQLITE_OK ? result : log->real->pMethods->xSync(log->real, flags);
}

static int log_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    struct log_file *log = log_of(file);
    int result = write_gathered(log);
    return result != SQLITE_OK ? result : log->real->pMethods->xFileSize(log->real, size);
}

static int log_lock(sqlite3_file *file, int level) {
    return log_of(file)->real->pMethods->xLock(log_of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level) {
    return log_of(file)->real->pMethods->xUnlock(log_of(file)->real, level);
}

static int log_check_reserved_lock(sqlite3_file *file, int *is_locked) {
    return log_of(file)->real->pMethods->xCheckReservedLock(log_of(file)->real, is_locked);
}

static int log_file_control(sqlite3_file *file, int op, void *arg) {
    return log_of(file)->real->pMethods->xFileControl(log_of(file)->real, op, arg);
}

static int log_sector_size(sqlite3_file *file) {
    return log_of(file)->real->pMethods->xSectorSize(log_of(file)->real);
}

static int log_characteristics(sqlite3_file *file) {
    return log_of(file)->real->pMethods->xDeviceCharacteristics(log_of(file)->real);
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_file_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_check_reserved_lock,
    .xFileControl = log_file_control,
    .xSectorSize = log_sector_size,
    .xDeviceCharacteristics = log_characteristics,
};

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    (void)self;
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return usual->xOpen(usual, name, file, flags, flags_out);
    struct log_file *log = log_of(file);
    *log = (struct log_file){.real = (sqlite3_file *)(log + 1)};
    int result = usual->xOpen(usual, name, log->real, flags, flags_out);
    if (result != SQLITE_OK)
        return result; /* without methods there is nothing to close */
    log->gathered = mem_alloc(GATHER_MAX);
    log->base.pMethods = &log_methods;
    return SQLITE_OK;
}

static void register_vfs(void) {
    usual = sqlite3_vfs_find(NULL);
    vfs = *usual;
    vfs.pNext = NULL;
    vfs.zName = "hookshift";
    vfs.szOsFile = (int)sizeof(struct log_file) + usual->szOsFile;
    vfs.xOpen = open_file;
    sqlite3_vfs_register(&vfs, 0);
}

const char *sqlite_vfs_name(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_vfs);
    return vfs.zName;
}
