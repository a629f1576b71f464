/* A store that fills its disk refuses everything, so its size and the room left are told while there is time. */
#include "proxy/store/store_disk.h"

#include "common/mem.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

static uint64_t len_of(const char *path) {
    struct stat file;
    return stat(path, &file) == 0 && file.st_size > 0 ? (uint64_t)file.st_size : 0;
}

bool store_disk_read(struct str url, struct store_disk *disk) {
    struct strbuf path = {0};
    struct statvfs room;
    if (!str_starts_with(url, STR("sqlite:")))
        return false;
    disk->path = str_from(url, STR("sqlite:").len);
    strbuf_append(&path, disk->path);
    bool found = path.at != NULL && statvfs(path.at, &room) == 0;
    if (found) {
        disk->file_bytes = len_of(path.at);
        strbuf_append(&path, STR("-wal"));
        disk->log_bytes = len_of(path.at);
        disk->free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
        disk->disk_bytes = (uint64_t)room.f_blocks * room.f_frsize;
    }
    strbuf_clear(&path);
    return found;
}
