/* Whole files in memory, and where files are. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "common/arena.h"
#include "common/err.h"
#include "common/str.h"

/* Reads all of a regular file. ERR_NOT_FOUND, ERR_DENIED, ERR_LIMIT (more than max_len bytes), ERR_INVALID (a folder, a
 * pipe, a device), ERR_IO; the detail says why in a few words, without the path. */
enum err file_read(struct arena *arena, const char *path, size_t max_len, struct str *text,
                   struct err_detail *detail) MUST_USE;
/* The same of what is no regular file too, such as a pipe, whose end it waits for: for what a person hands to a
 * command. */
enum err file_read_any(struct arena *arena, const char *path, size_t max_len, struct str *text,
                       struct err_detail *detail) MUST_USE;

/* The path leads to a file that has no name any more. So it is with a file that was mounted alone (a bind mount of a
 * single file) and then replaced at its source: the mount goes on showing the old one. */
bool file_is_orphaned(const char *path);

/* "a pipe", "a folder", ...: what the path leads to where that is no regular file; NULL where it is one, or nothing. */
const char *file_why_not_regular(const char *path);

/* The name of the file system that holds `path`, where that forgets: in memory (tmpfs, ramfs), or the upper layer of a
 * container (overlay). NULL where it keeps, or where nobody can tell. */
const char *file_system_that_forgets(const char *path);

#endif
