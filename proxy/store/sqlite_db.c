#include "proxy/store/sqlite_db.h"

#include "common/fault.h"
#include "common/mem.h"
#include "proxy/store/sqlite_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKASIDE_LEN = 1024, LOOKASIDE_COUNT = 256 }; /* small pieces of memory that SQLite hands out by itself */

static bool is_out_of_space(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

enum err sqlite_db_damaged(struct sqlite_db *db, const char *what) {
    return err_set(&db->backend.detail, db->is_open ? ERR_IO : ERR_INVALID,
                   "store %s is damaged (%s): put a copy back, or move it away and begin with a new one", db->path,
                   what);
}

enum err sqlite_db_fail(struct sqlite_db *db, int result) {
    const char *what = db->handle == NULL ? sqlite3_errstr(result) : sqlite3_errmsg(db->handle);
    int os_error = db->handle == NULL ? 0 : sqlite3_system_errno(db->handle);
    if (os_error == 0 && (result & 0xFF) == SQLITE_IOERR)
        os_error = errno; /* which SQLite does not keep where a COMMIT fails */
    switch (result & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return sqlite_db_damaged(db, what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (db->is_open)
            break;
        return err_set(&db->backend.detail, ERR_BUSY, "store %s is in use by another process", db->path);
    case SQLITE_FULL:
        return err_set(&db->backend.detail, ERR_LIMIT, "store %s: disk full", db->path);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return err_set(&db->backend.detail, ERR_DENIED,
                       "store %s: %s%s%s: file and directory must be writable for user %u", db->path, what,
                       os_error == 0 ? "" : ": ", os_error == 0 ? "" : strerror(os_error), (unsigned)geteuid());
    case SQLITE_ERROR: /* a table or an index that its version has is not there */
        if (!db->is_open)
            return sqlite_db_damaged(db, what);
        break;
    case SQLITE_CONSTRAINT:
        return err_set(&db->backend.detail, ERR_EXISTS, "store %s: %s", db->path, what);
    default:
        break;
    }
    if (is_out_of_space(os_error))
        return err_set(&db->backend.detail, ERR_LIMIT, "store %s: disk full: %s", db->path, strerror(os_error));
    return err_set(&db->backend.detail, ERR_IO, "store %s: %s%s%s", db->path, what, os_error == 0 ? "" : ": ",
                   os_error == 0 ? "" : strerror(os_error));
}

static enum err denied(struct sqlite_db *db, const char *what, const char *path, int error) {
    return err_set(&db->backend.detail, is_out_of_space(error) ? ERR_LIMIT : ERR_DENIED,
                   "store %s: %s %s: %s: create it, or make it writable for user %u", db->path, what, path,
                   strerror(error), (unsigned)geteuid());
}

/* SQLite makes further files beside its own. */
static enum err check_directory(struct sqlite_db *db) {
    enum err err = ERR_NONE;
    char *copy = mem_strdup(db->path);
    const char *directory = dirname(copy);
    if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) != 0)
        err = denied(db, "directory", directory, errno);
    mem_free(copy);
    return err;
}

/* Who made the files with wider rights, or lent them out, need not have meant what senders send. */
static enum err close_to_others(struct sqlite_db *db, const char *suffix) {
    size_t len = strlen(db->path) + strlen(suffix) + 1;
    char *path = mem_alloc(len);
    struct stat found;
    enum err err = ERR_NONE;
    snprintf(path, len, "%s%s", db->path, suffix);
    if (stat(path, &found) == 0 && (found.st_mode & (S_IRWXG | S_IRWXO)) != 0 &&
        (FAULT("store.chmod", EPERM) || chmod(path, 0600) != 0))
        err = err_set(&db->backend.detail, ERR_DENIED,
                      "store %s: file %s can be read by others (mode %04o), which cannot be changed: %s: set its mode "
                      "to 0600, or give it to user %u",
                      db->path, path, (unsigned)(found.st_mode & 07777), strerror(errno), (unsigned)geteuid());
    mem_free(path);
    return err;
}

static enum err close_all_to_others(struct sqlite_db *db) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    enum err err = ERR_NONE;
    for (size_t i = 0; i < ARRAY_LEN(suffixes) && err == ERR_NONE; i++)
        err = close_to_others(db, suffixes[i]);
    return err;
}

/* With names for what SQLite would only call "unable to open", and for nobody else to read: it holds what senders
 * sent. A file that is there is not opened, for closing it would drop the locks that this process may have on it. */
static enum err check_file(struct sqlite_db *db) {
    struct stat found;
    if (stat(db->path, &found) == 0) {
        if (!S_ISREG(found.st_mode))
            return err_set(&db->backend.detail, ERR_INVALID, "store %s is not a file", db->path);
        if (faccessat(AT_FDCWD, db->path, R_OK | W_OK, AT_EACCESS) != 0)
            return denied(db, "file", db->path, errno);
        return close_all_to_others(db);
    }
    if (errno != ENOENT)
        return denied(db, "file", db->path, errno);
    int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return denied(db, "file", db->path, errno);
    if (fd >= 0)
        close(fd);
    return ERR_NONE;
}

/* Statistics about memory would cost a lock for every allocation, of which a message makes some hundred. */
static void configure(void) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err sqlite_db_open(struct sqlite_db *db, const char *path) {
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    pthread_once(&configured, configure);
    db->path = mem_strdup(path);
    cache_init(&db->cache);
    if (path[0] == '\0' || path[0] == ':') /* which SQLite would take for a store in memory */
        return err_set(&db->backend.detail, ERR_INVALID, "store: \"%s\" is not the name of a file", path);
    enum err err = check_directory(db);
    if (err == ERR_NONE)
        err = check_file(db);
    if (err != ERR_NONE)
        return err;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result =
        FAULT("store.open", EMFILE) ? SQLITE_CANTOPEN : sqlite3_open_v2(path, &db->handle, flags, sqlite_vfs_name());
    if (result != SQLITE_OK)
        return sqlite_db_fail(db, result);
    if (FAULT("store.readonly", EROFS) || sqlite3_db_readonly(db->handle, "main") == 1)
        return denied(db, "file", path, EACCES);
    sqlite3_busy_timeout(db->handle, 0);
    result = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_LEN, LOOKASIDE_COUNT);
    return result == SQLITE_OK ? ERR_NONE : sqlite_db_fail(db, result);
}

enum err sqlite_db_prepare(struct sqlite_db *db, enum sql first, enum sql last) {
    for (int i = (int)first; i <= (int)last; i++) {
        if (db->statements[i] != NULL)
            continue;
        int result = FAULT("store.prepare", 0)
                         ? SQLITE_NOMEM
                         : sqlite3_prepare_v3(db->handle, sql_text((enum sql)i), -1, SQLITE_PREPARE_PERSISTENT,
                                              &db->statements[i], NULL);
        if (result != SQLITE_OK)
            return sqlite_db_fail(db, result);
    }
    return ERR_NONE;
}

static bool find_inode(const char *path, struct sqlite_inode *inode) {
    struct stat found;
    if (stat(path, &found) != 0)
        return false;
    *inode = (struct sqlite_inode){(uint64_t)found.st_dev, (uint64_t)found.st_ino};
    return true;
}

static bool is_in_place(const char *path, const struct sqlite_inode *inode) {
    struct sqlite_inode now;
    return find_inode(path, &now) && now.device == inode->device && now.number == inode->number;
}

enum err sqlite_db_note_place(struct sqlite_db *db) {
    size_t len = strlen(db->path) + sizeof "-wal";
    db->log_path = mem_alloc(len);
    snprintf(db->log_path, len, "%s-wal", db->path);
    if (find_inode(db->path, &db->file) && find_inode(db->log_path, &db->log))
        return ERR_NONE;
    return err_set(&db->backend.detail, ERR_IO, "store %s: was removed while it was being opened", db->path);
}

enum err sqlite_db_check_place(struct sqlite_db *db) {
    bool file_is_there = is_in_place(db->path, &db->file);
    if (file_is_there && is_in_place(db->log_path, &db->log))
        return ERR_NONE;
    return err_set(&db->backend.detail, ERR_IO,
                   "store %s%s was removed or replaced while in use: put it back, and start the program again",
                   db->path, file_is_there ? "-wal" : "");
}

void sqlite_db_close(struct sqlite_db *db) {
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close(db->handle);
    cache_clear(&db->cache);
    strbuf_clear(&db->fixed);
    mem_free(db->path);
    mem_free(db->log_path);
}

enum err sqlite_db_exec(struct sqlite_db *db, const char *sql) {
    int result = FAULT("store.exec", EIO) ? SQLITE_IOERR : sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? ERR_NONE : sqlite_db_fail(db, result);
}

enum err sqlite_db_number(struct sqlite_db *db, const char *sql, int64_t *number) {
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    enum err err = ERR_NONE;
    if (result == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    else
        err = sqlite_db_fail(db, result);
    sqlite3_finalize(statement);
    return err;
}
