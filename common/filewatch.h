/* Watches one file by its path and says when it may have changed: edited in place, renamed over, deleted and made
 * again, reached through another symbolic link (as Kubernetes swaps a ConfigMap), in a directory that is new.
 *
 * Belongs to the loop's thread. What has changed, and whether, is for the caller to read. */
#ifndef COMMON_FILEWATCH_H
#define COMMON_FILEWATCH_H

#include "common/loop.h"

enum { FILEWATCH_POLL_MS = 2000 };

struct filewatch;
typedef void filewatch_changed(void *arg);

/* The file need not exist. What happens to it after this call is told; so read it after this call. `changed` is called
 * some 50 ms after the last of a burst of events (250 ms at most after the first), and within `poll_ms` where the file
 * system does not tell. Without inotify there is only the polling. A relative path is taken from the directory that is
 * current now. */
struct filewatch *filewatch_new(struct loop *loop, const char *path, int64_t poll_ms, filewatch_changed *changed,
                                void *arg) MUST_USE;
void filewatch_free(struct filewatch *watch); /* also from inside `changed`; NULL is fine */

#endif
