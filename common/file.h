/* Whole files in memory, and where files are. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/str.h"

/* Reads all of it; also from what is no regular file, such as a pipe (and waits for its end). ERR_NOT_FOUND,
 * ERR_DENIED, ERR_LIMIT (more than max_len bytes), ERR_INVALID (a folder), ERR_IO; the detail says why in a few words,
 * without the path. */
enum err file_read(struct arena *arena, const char *path, size_t max_len, struct str *text,
                   struct err_detail *detail) MUST_USE;

/* The name of the file system that holds `path`, where that forgets: in memory (tmpfs, ramfs), or the upper layer of a
 * container (overlay). NULL where it keeps, or where nobody can tell. */
const char *file_system_that_forgets(const char *path);

#endif
