#include "common/file.h"

#include "common/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
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

enum err file_read(struct arena *arena, const char *path, size_t max_len, struct str *text, struct err_detail *detail) {
    int fd = FAULT("file.open", EMFILE) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(detail, errno);
    struct strbuf all = {0};
    enum err err = read_all(fd, max_len, &all, detail);
    if (err == ERR_NONE)
        *text = arena_str(arena, strbuf_str(&all));
    strbuf_wipe(&all);
    close(fd);
    return err;
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
