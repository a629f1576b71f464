/* SQLite writes each page of a commit to its log in two calls, a head of 24 bytes and the page: some forty calls for
 * ten messages, which cost more than what they write. Here they are gathered, and written in one, when the frame that
 * ends the commit is complete.
 *
 *     head of a frame (https://www.sqlite.org/fileformat2.html#walformat): bytes 4 to 7 are not 0 in the last frame of
 *     a commit
 *
 * So nothing that SQLite takes for committed is ever only here, and a failure is told while it can still roll back.
 * Whatever else is done to the log finds it written. */
#include "proxy/store/sqlite_vfs_internal.h"

#include "common/mem.h"
#include "proxy/store/sqlite_vfs.h"

#include <string.h>

enum { GATHER_MAX = 0x1FFFF /* what the usual VFS writes in one call */, FRAME_HEAD_LEN = 24 };

struct log_file {
    struct wrapped wrapped;
    char *gathered; /* `len` bytes, for `at` on; NULL: nothing was ever written */
    size_t len;
    int64_t at;
    bool ends_commit; /* the frame whose page is awaited */
    bool is_synced;   /* by another connection */
};

_Static_assert(sizeof(struct log_file) <= WRAPPED_LEN_MAX, "there is room before the real file");

static struct log_file *log_of(sqlite3_file *file) {
    return CONTAINER_OF(wrapped_of(file), struct log_file, wrapped);
}

static int write_gathered(struct log_file *log) {
    size_t len = log->len;
    log->len = 0; /* also where it fails: then it belongs to what is rolled back */
    return len == 0 ? SQLITE_OK : wrapped_write(&log->wrapped.base, log->gathered, (int)len, log->at);
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
        return result != SQLITE_OK ? result : wrapped_write(file, bytes, len, at);
    if (log->gathered == NULL)
        log->gathered = mem_alloc(GATHER_MAX);
    if (log->len == 0)
        log->at = at;
    memcpy(log->gathered + log->len, bytes, (size_t)len);
    log->len += (size_t)len;
    return is_end ? write_gathered(log) : SQLITE_OK;
}

static int log_close(sqlite3_file *file) {
    struct log_file *log = log_of(file);
    mem_free(log->gathered);
    return log->wrapped.real->pMethods->xClose(log->wrapped.real);
}

static int log_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at) {
    int result = write_gathered(log_of(file));
    return result != SQLITE_OK ? result : wrapped_read(file, bytes, len, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int result = write_gathered(log_of(file));
    return result != SQLITE_OK ? result : wrapped_truncate(file, size);
}

static int log_sync(sqlite3_file *file, int flags) {
    int result = write_gathered(log_of(file));
    return result != SQLITE_OK || log_of(file)->is_synced ? result : wrapped_sync(file, flags);
}

static int log_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    int result = write_gathered(log_of(file));
    return result != SQLITE_OK ? result : wrapped_file_size(file, size);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_file_size,
    .xLock = wrapped_lock,
    .xUnlock = wrapped_unlock,
    .xCheckReservedLock = wrapped_check_reserved_lock,
    .xFileControl = wrapped_file_control,
    .xSectorSize = wrapped_sector_size,
    .xDeviceCharacteristics = wrapped_characteristics,
};

void sqlite_vfs_log_is_synced(struct sqlite3_file *log) {
    log_of(log)->is_synced = true;
}

void vfs_log_begin(sqlite3_file *file) {
    file->pMethods = &methods;
}
