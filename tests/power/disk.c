/* What the usual VFS does beyond its interface is written down as well: it syncs the folder after the first sync of a
 * journal or log that was opened to be created, and after a deletion that was asked to be durable. Shared memory and
 * mapped files are not offered: the store locks exclusively and uses neither. */
#include "tests/power/disk.h"

#include "common/mem.h"
#include "tests/model/must.h"

#include <sqlite3.h>
#include <string.h>

struct shim_file {
    sqlite3_file base;
    bool is_recorded, folder_due;
    enum disk_file file;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs shim;
static sqlite3_vfs *usual;
static struct disk_log *recorded;
static disk_fails_fn *fails;

static struct shim_file *shim_of(sqlite3_file *file) {
    return CONTAINER_OF(file, struct shim_file, base);
}

const char *disk_ending(enum disk_file file) {
    static const char *const endings[] = {[DISK_MAIN] = "", [DISK_WAL] = "-wal", [DISK_JOURNAL] = "-journal"};
    return endings[file];
}

static struct disk_op *add_op(struct disk_log *log, enum disk_act act, enum disk_file file) {
    if (log->count == log->capacity) {
        log->capacity = log->capacity == 0 ? 4096 : log->capacity * 2;
        log->ops = mem_resize(log->ops, log->capacity * sizeof *log->ops);
    }
    struct disk_op *op = &log->ops[log->count++];
    *op = (struct disk_op){.act = act, .file = file};
    return op;
}

void disk_mark(struct disk_log *log, int64_t commit) {
    add_op(log, DISK_MARK, DISK_MAIN)->at = commit;
}

void disk_record(struct disk_log *log, const char *path) {
    recorded = log;
    if (log != NULL)
        log->path = path;
}

void disk_fail_by(disk_fails_fn *fails_fn) {
    fails = fails_fn;
}

static int failure(const char *what) {
    return fails == NULL ? SQLITE_OK : fails(what);
}

void disk_log_clear(struct disk_log *log) {
    for (size_t i = 0; i < log->count; i++)
        mem_free(log->ops[i].bytes);
    mem_free(log->ops);
    *log = (struct disk_log){0};
}

static bool is_recorded(const char *name, enum disk_file *file) {
    size_t len = recorded == NULL || name == NULL ? 0 : strlen(recorded->path);
    if (len == 0 || strncmp(name, recorded->path, len) != 0)
        return false;
    for (int f = 0; f < DISK_FILES; f++)
        if (strcmp(name + len, disk_ending((enum disk_file)f)) == 0) {
            *file = (enum disk_file)f;
            return true;
        }
    return false;
}

static int do_close(sqlite3_file *file) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods == NULL ? SQLITE_OK : own->real->pMethods->xClose(own->real);
}

static int do_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 at) {
    struct shim_file *own = shim_of(file);
    int failed = failure("read");
    if (failed != SQLITE_OK)
        return failed;
    return own->real->pMethods->xRead(own->real, bytes, len, at);
}

static int do_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at) {
    struct shim_file *own = shim_of(file);
    int failed = failure("write");
    if (failed != SQLITE_OK) {
        (void)own->real->pMethods->xWrite(own->real, bytes, len / 2, at);
        return failed;
    }
    int result = own->real->pMethods->xWrite(own->real, bytes, len, at);
    if (result == SQLITE_OK && own->is_recorded) {
        struct disk_op *op = add_op(recorded, DISK_WRITE, own->file);
        op->at = at;
        op->len = (size_t)len;
        op->bytes = mem_copy(bytes, (size_t)len);
    }
    return result;
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size) {
    struct shim_file *own = shim_of(file);
    int failed = failure("truncate");
    int result = failed != SQLITE_OK ? failed : own->real->pMethods->xTruncate(own->real, size);
    if (result == SQLITE_OK && own->is_recorded)
        add_op(recorded, DISK_TRUNCATE, own->file)->at = size;
    return result;
}

static int do_sync(sqlite3_file *file, int flags) {
    struct shim_file *own = shim_of(file);
    int failed = failure("sync");
    if (failed != SQLITE_OK && own->is_recorded)
        add_op(recorded, DISK_SYNC_FAILED, own->file);
    int result = failed != SQLITE_OK ? failed : own->real->pMethods->xSync(own->real, flags);
    if (result == SQLITE_OK && own->is_recorded) {
        add_op(recorded, DISK_SYNC, own->file);
        if (own->folder_due)
            add_op(recorded, DISK_SYNC_FOLDER, own->file);
        own->folder_due = false;
    }
    return result;
}

static int do_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xFileSize(own->real, size);
}

static int do_lock(sqlite3_file *file, int level) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xLock(own->real, level);
}

static int do_unlock(sqlite3_file *file, int level) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xUnlock(own->real, level);
}

static int do_check_reserved_lock(sqlite3_file *file, int *is_locked) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xCheckReservedLock(own->real, is_locked);
}

static int do_file_control(sqlite3_file *file, int op, void *arg) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xFileControl(own->real, op, arg);
}

static int do_sector_size(sqlite3_file *file) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xSectorSize(own->real);
}

static int do_characteristics(sqlite3_file *file) {
    struct shim_file *own = shim_of(file);
    return own->real->pMethods->xDeviceCharacteristics(own->real);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_file_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_check_reserved_lock,
    .xFileControl = do_file_control,
    .xSectorSize = do_sector_size,
    .xDeviceCharacteristics = do_characteristics,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    struct shim_file *own = shim_of(file);
    (void)vfs;
    memset(own, 0, sizeof *own);
    own->real = (sqlite3_file *)(own + 1);
    own->is_recorded = is_recorded(name, &own->file);
    int failed = failure("open");
    int result = failed != SQLITE_OK ? failed : usual->xOpen(usual, name, own->real, flags, flags_out);
    own->base.pMethods = result == SQLITE_OK ? &methods : NULL;
    if (result == SQLITE_OK && own->is_recorded) {
        own->folder_due = own->file != DISK_MAIN && (flags & SQLITE_OPEN_CREATE) != 0;
        if (!recorded->exists[own->file])
            add_op(recorded, DISK_CREATE, own->file);
        recorded->exists[own->file] = true;
    }
    return result;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
    enum disk_file file;
    (void)vfs;
    int failed = failure("delete");
    int result = failed != SQLITE_OK ? failed : usual->xDelete(usual, name, sync_folder);
    if (result != SQLITE_OK || !is_recorded(name, &file))
        return result;
    recorded->exists[file] = false;
    add_op(recorded, DISK_DELETE, file);
    if (sync_folder != 0)
        add_op(recorded, DISK_SYNC_FOLDER, file);
    return result;
}

void disk_install(void) {
    usual = sqlite3_vfs_find(NULL);
    MUST(usual != NULL);
    shim = *usual;
    shim.pNext = NULL;
    shim.zName = "recording";
    shim.szOsFile = (int)sizeof(struct shim_file) + usual->szOsFile;
    shim.xOpen = do_open;
    shim.xDelete = do_delete;
    MUST(sqlite3_vfs_register(&shim, 1) == SQLITE_OK);
}
