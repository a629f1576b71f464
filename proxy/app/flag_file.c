/* The lock is on the folder, not on the file: a file that is replaced by renaming takes its lock with it into
 * oblivion, and the next to come would lock the new one. The data reach the disk before the name does, and the name
 * before success is reported. */
#include "proxy/app/flag_file.h"

#include "common/file.h"
#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A call of the system failed: what, and why. */
static enum err failed(struct err_detail *detail, const char *what) {
    enum err err = errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED : ERR_IO;
    return err_set(detail, err, "%s: %s", what, strerror(errno));
}

static enum err write_all(int file, struct str text, struct err_detail *detail) {
    while (text.len > 0) {
        ssize_t len = write(file, text.at, text.len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return failed(detail, "cannot write a new file");
        text = str_from(text, (size_t)len);
    }
    return ERR_NONE;
}

/* Owner and permissions of the old file: a proxy that runs as somebody else must still be able to read the new one. */
static enum err take_after(int file, const struct stat *old, struct err_detail *detail) {
    struct stat fresh;
    if (fstat(file, &fresh) != 0)
        return failed(detail, "cannot look at the new file");
    bool is_same = fresh.st_uid == old->st_uid && fresh.st_gid == old->st_gid;
    if (!is_same && fchown(file, old->st_uid, old->st_gid) != 0)
        return failed(detail, "cannot give the new file to the owner of the old one");
    if (fchmod(file, old->st_mode & 07777) != 0)
        return failed(detail, "cannot give the new file the permissions of the old one");
    return ERR_NONE;
}

static enum err fill(int file, const struct stat *old, struct str text, struct err_detail *detail) {
    enum err err = take_after(file, old, detail);
    if (err == ERR_NONE)
        err = write_all(file, text, detail);
    if (err == ERR_NONE && fsync(file) != 0)
        err = failed(detail, "cannot bring the new file to the disk");
    return err;
}

/* `path` has no symbolic links in it, and lies in the folder. */
static enum err replace(const char *path, int folder, struct str text, struct err_detail *detail) {
    struct stat old;
    struct strbuf name = {0};
    if (stat(path, &old) != 0)
        return failed(detail, "cannot look at the file");
    strbuf_printf(&name, "%s.XXXXXX", path);
    int file = mkostemp(name.at, O_CLOEXEC);
    enum err err = file < 0 ? failed(detail, "cannot make a new file beside it") : fill(file, &old, text, detail);
    if (file >= 0 && close(file) != 0 && err == ERR_NONE)
        err = failed(detail, "cannot close the new file");
    bool is_made = file >= 0;
    if (err == ERR_NONE && rename(name.at, path) != 0)
        err = failed(detail, "cannot put the new file in its place");
    else if (err == ERR_NONE)
        is_made = false; /* under that name no more */
    if (err == ERR_NONE && fsync(folder) != 0)
        err = failed(detail, "cannot bring the new name to the disk");
    if (is_made)
        unlink(name.at);
    strbuf_clear(&name);
    return err;
}

/* Opens the folder of `path` and waits until nobody else changes what is in it; -1 where it cannot. */
static int lock_folder(const char *path) {
    char *copy = mem_strdup(path);
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), status;
    mem_free(copy);
    if (folder < 0)
        return -1;
    while ((status = flock(folder, LOCK_EX)) != 0 && errno == EINTR)
        ;
    if (status == 0)
        return folder;
    close(folder);
    return -1;
}

static enum err edit_locked(const char *path, int folder, flag_file_editor *editor, void *arg, bool *unreadable,
                            struct err_detail *detail) {
    struct arena *arena = arena_new(0);
    struct strbuf out = {0};
    struct str text;
    enum err err = file_read(arena, path, FLAG_FILE_MAX, &text, detail);
    *unreadable = err != ERR_NONE;
    if (err == ERR_NONE)
        err = editor(arg, text, &out, detail);
    if (err == ERR_NONE && !str_eq(text, strbuf_str(&out)))
        err = replace(path, folder, strbuf_str(&out), detail);
    strbuf_clear(&out);
    arena_free(arena);
    return err;
}

enum err flag_file_edit(const char *path, flag_file_editor *editor, void *arg, bool *unreadable,
                        struct err_detail *detail) {
    *unreadable = true;
    char *real = realpath(path, NULL);
    if (real == NULL)
        return failed(detail, "cannot be read");
    int folder = lock_folder(real);
    enum err err;
    if (folder < 0) {
        err = failed(detail, "cannot lock its folder");
    } else {
        err = edit_locked(real, folder, editor, arg, unreadable, detail);
        close(folder);
    }
    free(real);
    return err;
}
