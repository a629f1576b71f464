/* A flag file on disk, changed in one step: whoever reads it finds the old text or the new one, whole. */
#ifndef PROXY_APP_FLAG_FILE_H
#define PROXY_APP_FLAG_FILE_H

#include "common/err.h"
#include "common/str.h"

enum { FLAG_FILE_MAX = 16 << 20 /* bytes */ };

/* Appends the new text to `out`; a failure leaves the file as it is. */
typedef enum err flag_file_editor(void *arg, struct str text, struct strbuf *out, struct err_detail *detail);

/* Reads the file, has it edited, and puts a new file, with the same owner and permissions and already on the disk, in
 * its place. A symbolic link stays; the file it leads to is replaced. Changes made in this way wait for each other, so
 * none is lost. `*unreadable` says that it failed before the editor was asked. */
enum err flag_file_edit(const char *path, flag_file_editor *editor, void *arg, bool *unreadable,
                        struct err_detail *detail) MUST_USE;

#endif
