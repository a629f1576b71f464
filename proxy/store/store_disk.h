/* The room that a store takes, and that is left to it. May be called from any thread; asks the file system. */
#ifndef PROXY_STORE_STORE_DISK_H
#define PROXY_STORE_STORE_DISK_H

#include "common/str.h"

struct store_disk {
    struct str path;                 /* of the file; points into the url */
    uint64_t file_bytes, log_bytes;  /* the file, and what is beside it and not yet brought home */
    uint64_t free_bytes, disk_bytes; /* of its file system; free: for this process */
};

/* False where the store is in no file, or the file system does not answer. */
bool store_disk_read(struct str url, struct store_disk *disk) MUST_USE;

#endif
