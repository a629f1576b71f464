#include "common/file.h"

#include "common/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PIECE_LEN = 16384 };

static enum err fail(struct err_detail *detail, int number) {
    enum err err = number == ENOENT || number == ENOTDIR ? ERR_NOT_FOUND
                   : number == EACCES || number == EPERM ? ERR_DENIED
                   : number == EISDIR                    ? ERR_INVALID
                                                         : ERR_IO;
    return err_set(detail, err, "%s", strerror(number));
}

/* Room for a piece more. What was read may be a secret, so what it moves out of is wiped. */
static void more_room(struct strbuf *all) {
    if (all->len + PIECE_LEN < all->capacity)
        return;
    struct strbuf larger = {0};
    strbuf_reserve(&larger, 2 * all->len + PIECE_LEN);
    strbuf_append(&larger, strbuf_str(all));
    strbuf_wipe(all);
    *all = larger;
}

static enum err read_all(int fd, size_t max_len, struct strbuf *all, struct err_detail *detail) {
    for (;;) {
        more_room(all);
        ssize_t got = FAULT("file.read", EIO) ? -1 : read(fd, all->at + all->len, PIECE_LEN);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(detail, errno);
        if (got == 0)
            return ERR_NONE;
        all->len += (size_t)got;
        if (all->len > max_len)
            return err_set(detail, ERR_LIMIT, "larger than %zu bytes", max_len);
    }
}

static const char *kind_of(mode_t mode) {
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

static enum err check_regular(int fd, struct err_detail *detail) {
    struct stat about;
    if (fstat(fd, &about) != 0)
        return fail(detail, errno);
    if (!S_ISREG(about.st_mode))
        return err_set(detail, ERR_INVALID, "is %s, and must be a regular file", kind_of(about.st_mode));
    return ERR_NONE;
}

static enum err read_file(struct arena *arena, const char *path, bool any_kind, size_t max_len, struct str *text,
                          struct err_detail *detail) {
    int wait = any_kind ? 0 : O_NONBLOCK | O_NOCTTY; /* else a pipe without a writer would hold open(2) up */
    int fd = FAULT("file.open", EMFILE) ? -1 : open(path, O_RDONLY | O_CLOEXEC | wait);
    if (fd < 0)
        return fail(detail, errno);
    struct strbuf all = {0};
    enum err err = any_kind ? ERR_NONE : check_regular(fd, detail);
    if (err == ERR_NONE)
        err = read_all(fd, max_len, &all, detail);
    if (err == ERR_NONE)
        *text = arena_str(arena, strbuf_str(&all));
    strbuf_wipe(&all);
    close(fd);
    return err;
}

enum err file_read(struct arena *arena, const char *path, size_t max_len, struct str *text, struct err_detail *detail) {
    return read_file(arena, path, false, max_len, text, detail);
}

enum err file_read_any(struct arena *arena, const char *path, size_t max_len, struct str *text,
                       struct err_detail *detail) {
    return read_file(arena, path, true, max_len, text, detail);
}

bool file_is_orphaned(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_nlink == 0;
}

const char *file_why_not_regular(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && !S_ISREG(about.st_mode) ? kind_of(about.st_mode) : NULL;
}

const char *file_system_that_forgets(const char *path) {
    struct statfs about;
    if (statfs(path, &about) != 0)
        return NULL;
    switch ((unsigned long)about.f_type) {
    case TMPFS_MAGIC:
        return "tmpfs";
    case RAMFS_MAGIC:
        return "ramfs";
    case OVERLAYFS_SUPER_MAGIC:
        return "overlay";
    default:
        return NULL;
    }
}
