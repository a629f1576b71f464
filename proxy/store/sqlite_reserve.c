/* Where SQLite's log fills the disk, the file needs as much room again before the log can be copied into it, and only
 * then is the log written from its beginning. So the reserve is at least twice what the log grows to, and on a small
 * disk, of which it takes a sixteenth, the log is kept smaller (sqlite_has_room()). */
#include "proxy/store/sqlite_reserve.h"

#include "common/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SHARE = 16, LEAST = 256 * 1024, MOST = 64 * 1024 * 1024 };

/* False where the system does not say. */
static bool find_room(const struct sqlite_reserve *reserve, int64_t *total, int64_t *available) {
    struct statvfs about;
    size_t folder_len = (size_t)(strrchr(reserve->path, '/') - reserve->path);
    char *folder = mem_copy(reserve->path, folder_len + 2);
    folder[folder_len == 0 ? 1 : folder_len] = '\0';
    bool is_known = statvfs(folder, &about) == 0;
    mem_free(folder);
    if (!is_known)
        return false;
    *total = (int64_t)(about.f_blocks * about.f_frsize);
    *available = (int64_t)(about.f_bavail * about.f_frsize);
    return true;
}

static bool take(const char *path, int64_t len) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool is_taken = posix_fallocate(fd, 0, (off_t)len) == 0 && ftruncate(fd, (off_t)len) == 0;
    close(fd);
    if (!is_taken)
        unlink(path);
    return is_taken;
}

void sqlite_reserve_open(struct sqlite_reserve *reserve, const char *path) {
    struct stat about;
    int64_t total, available;
    size_t size = strlen(path) + sizeof "./-reserve";
    reserve->path = mem_alloc(size);
    snprintf(reserve->path, size, "%s%s-reserve", strchr(path, '/') == NULL ? "./" : "", path);
    reserve->len = LEAST;
    if (find_room(reserve, &total, &available))
        reserve->len = total / SHARE < LEAST ? LEAST : total / SHARE > MOST ? MOST : total / SHARE;
    reserve->is_held = stat(reserve->path, &about) == 0 && about.st_blocks > 0;
    (void)sqlite_reserve_renew(reserve);
}

void sqlite_reserve_release(struct sqlite_reserve *reserve) {
    if (reserve->is_held && unlink(reserve->path) == 0)
        reserve->is_held = false;
}

int64_t sqlite_reserve_renew(struct sqlite_reserve *reserve) {
    int64_t total, available;
    if (!find_room(reserve, &total, &available))
        return 0;
    if (reserve->is_held || available < reserve->len / 2)
        return available;
    int64_t len = available < reserve->len ? available : reserve->len;
    reserve->is_held = take(reserve->path, len);
    return reserve->is_held ? available - len : available;
}

void sqlite_reserve_close(struct sqlite_reserve *reserve) {
    mem_free(reserve->path);
    reserve->path = NULL;
}
