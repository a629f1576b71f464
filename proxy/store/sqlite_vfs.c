#include "proxy/store/sqlite_vfs.h"

#include "proxy/store/sqlite_vfs_internal.h"

#include <pthread.h>
#include <string.h>

static sqlite3_vfs first, further;
static sqlite3_vfs *usual;

int wrapped_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xRead(real, bytes, len, at);
}

int wrapped_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xWrite(real, bytes, len, at);
}

int wrapped_truncate(sqlite3_file *file, sqlite3_int64 size) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xTruncate(real, size);
}

int wrapped_sync(sqlite3_file *file, int flags) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xSync(real, flags);
}

int wrapped_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xFileSize(real, size);
}

int wrapped_lock(sqlite3_file *file, int level) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xLock(real, level);
}

int wrapped_unlock(sqlite3_file *file, int level) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xUnlock(real, level);
}

int wrapped_check_reserved_lock(sqlite3_file *file, int *is_locked) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xCheckReservedLock(real, is_locked);
}

int wrapped_file_control(sqlite3_file *file, int op, void *arg) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xFileControl(real, op, arg);
}

int wrapped_sector_size(sqlite3_file *file) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xSectorSize(real);
}

int wrapped_characteristics(sqlite3_file *file) {
    sqlite3_file *real = wrapped_of(file)->real;
    return real->pMethods->xDeviceCharacteristics(real);
}

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    if ((flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)) == 0)
        return usual->xOpen(usual, name, file, flags, flags_out);
    memset((void *)file, 0, WRAPPED_LEN_MAX);
    sqlite3_file *real = (sqlite3_file *)(void *)((char *)file + WRAPPED_LEN_MAX);
    int result = usual->xOpen(usual, name, real, flags, flags_out);
    if (result != SQLITE_OK)
        return result; /* without methods there is nothing to close */
    wrapped_of(file)->real = real;
    if ((flags & SQLITE_OPEN_WAL) != 0)
        vfs_log_begin(file);
    else
        vfs_main_begin(file, name, self == &further);
    return SQLITE_OK;
}

static void register_vfs(sqlite3_vfs *vfs, const char *name) {
    *vfs = *usual;
    vfs->pNext = NULL;
    vfs->zName = name;
    vfs->szOsFile = WRAPPED_LEN_MAX + usual->szOsFile;
    vfs->xOpen = open_file;
    sqlite3_vfs_register(vfs, 0);
}

static void register_both(void) {
    usual = sqlite3_vfs_find(NULL);
    register_vfs(&first, "hookshift");
    register_vfs(&further, "hookshift-further");
}

static void register_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_both);
}

const char *sqlite_vfs_name(void) {
    register_once();
    return first.zName;
}

const char *sqlite_vfs_further_name(void) {
    register_once();
    return further.zName;
}
