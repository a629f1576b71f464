/* The copy grows under another name, and gets its own when it is on the disk: whoever finds a file of that name has a
 * whole copy. */
#include "proxy/store/sqlite_copy.h"

#include "common/fault.h"
#include "common/mem.h"
#include "proxy/store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct store_copying {
    struct sqlite_db *db;
    sqlite3 *target;
    sqlite3_backup *backup;
    char *path, *partial;
    bool replace;
};

static enum err fail_errno(struct err_detail *detail, const char *path, const char *what, int error) {
    enum err err = error == ENOSPC || error == EDQUOT ? ERR_LIMIT : error == EEXIST ? ERR_EXISTS : ERR_IO;
    if (error == EACCES || error == EPERM || error == EROFS || error == ENOENT || error == ENOTDIR)
        err = ERR_DENIED;
    return err_set(detail, err, "%s: %s: %s", path, what, strerror(error));
}

static enum err fail_sqlite(const struct store_copying *copying, int result, struct err_detail *detail) {
    switch (result & 0xFF) {
    case SQLITE_FULL:
        return err_set(detail, ERR_LIMIT, "%s: disk full", copying->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(detail, ERR_IO, "the store is damaged: %s", sqlite3_errstr(result));
    default:
        return err_set(detail, ERR_IO, "%s cannot be written: %s", copying->path, sqlite3_errstr(result));
    }
}

static bool is_same(const struct stat *found, const struct sqlite_inode *inode) {
    return (uint64_t)found->st_dev == inode->device && (uint64_t)found->st_ino == inode->number;
}

static enum err check_target(const struct store_copying *copying, struct err_detail *detail) {
    struct stat found;
    if (stat(copying->path, &found) != 0)
        return ERR_NONE;
    if (is_same(&found, &copying->db->file) || is_same(&found, &copying->db->log))
        return err_set(detail, ERR_INVALID, "%s is the store itself", copying->path);
    if (!S_ISREG(found.st_mode))
        return err_set(detail, ERR_INVALID, "%s is not a file", copying->path);
    if (!copying->replace)
        return err_set(detail, ERR_EXISTS, "%s exists already", copying->path);
    return ERR_NONE;
}

/* For nobody else to read: it holds what senders sent. A rest of an earlier try gives way. */
static enum err create_partial(const struct store_copying *copying, struct err_detail *detail) {
    if (unlink(copying->partial) != 0 && errno != ENOENT)
        return fail_errno(detail, copying->partial, "cannot be removed", errno);
    int fd = open(copying->partial, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(detail, copying->partial, "cannot be created", errno);
    close(fd);
    return ERR_NONE;
}

static enum err open_target(struct store_copying *copying, struct err_detail *detail) {
    int result = sqlite3_open_v2(copying->partial, &copying->target,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_exec(copying->target, "PRAGMA journal_mode = OFF; PRAGMA locking_mode = EXCLUSIVE", NULL, NULL,
                              NULL);
    if (result == SQLITE_OK) {
        copying->backup = sqlite3_backup_init(copying->target, "main", copying->db->handle, "main");
        result = copying->backup != NULL ? SQLITE_OK : sqlite3_extended_errcode(copying->target);
    }
    return result == SQLITE_OK ? ERR_NONE : fail_sqlite(copying, result, detail);
}

enum err sqlite_copy_begin(struct backend *backend, const char *path, bool replace, struct store_copying **copying,
                           struct err_detail *detail) {
    struct store_copying *made = MEM_NEW(struct store_copying);
    size_t len = strlen(path) + sizeof ".partial";
    made->db = sqlite_db_of(backend);
    made->path = mem_strdup(path);
    made->partial = mem_alloc(len);
    made->replace = replace;
    snprintf(made->partial, len, "%s.partial", path);
    enum err err = check_target(made, detail);
    if (err != ERR_NONE) {
        mem_free(made->partial); /* perhaps somebody else's */
        made->partial = NULL;
    }
    if (err == ERR_NONE)
        err = create_partial(made, detail);
    if (err == ERR_NONE)
        err = open_target(made, detail);
    if (err != ERR_NONE)
        sqlite_copy_drop(made);
    else
        *copying = made;
    return err;
}

static void close_target(struct store_copying *copying) {
    sqlite3_backup_finish(copying->backup);
    sqlite3_close(copying->target);
    copying->backup = NULL;
    copying->target = NULL;
}

void sqlite_copy_drop(struct store_copying *copying) {
    close_target(copying);
    if (copying->partial != NULL)
        (void)unlink(copying->partial);
    mem_free(copying->partial);
    mem_free(copying->path);
    mem_free(copying);
}

static int sync_path(const char *path, int flags) {
    int fd = open(path, flags | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return error;
}

static int sync_folder(const char *path) {
    char *copy = mem_strdup(path);
    int error = sync_path(dirname(copy), O_RDONLY | O_DIRECTORY);
    mem_free(copy);
    return error;
}

/* A link refuses a name that is taken meanwhile, which a rename would replace. */
static enum err put_in_place(struct store_copying *copying, struct err_detail *detail) {
    enum err err = check_target(copying, detail);
    int error = sync_path(copying->partial, O_RDONLY);
    if (err != ERR_NONE)
        return err;
    if (error == 0 && copying->replace)
        error = rename(copying->partial, copying->path) != 0 ? errno : 0;
    else if (error == 0)
        error = link(copying->partial, copying->path) != 0 ? errno : 0;
    if (error == 0)
        error = sync_folder(copying->path);
    return error == 0 ? ERR_NONE : fail_errno(detail, copying->path, "cannot be written", error);
}

enum err sqlite_copy_step(struct store_copying *copying, int pages, bool *done, struct err_detail *detail) {
    int result = FAULT("store.copy", ENOSPC) ? SQLITE_FULL : sqlite3_backup_step(copying->backup, pages);
    enum err err = ERR_NONE;
    *done = result == SQLITE_DONE;
    if (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED)
        return ERR_NONE;
    if (*done) {
        result = sqlite3_backup_finish(copying->backup);
        copying->backup = NULL;
        err = result == SQLITE_OK ? ERR_NONE : fail_sqlite(copying, result, detail);
        close_target(copying);
        if (err == ERR_NONE)
            err = put_in_place(copying, detail);
    } else {
        err = fail_sqlite(copying, result, detail);
    }
    sqlite_copy_drop(copying);
    return err;
}
