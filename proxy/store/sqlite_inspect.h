/* A store's file that no process uses: is it whole, and what is readable of one that is not? For commands. */
#ifndef PROXY_STORE_SQLITE_INSPECT_H
#define PROXY_STORE_SQLITE_INSPECT_H

#include "common/arena.h"
#include "common/err.h"

enum { INSPECT_PROBLEMS_MAX = 100 };

struct sqlite_inspection {
    uint64_t messages, damaged; /* messages in all, and those of them that cannot be read */
    struct str *problems;       /* one line each; the first INSPECT_PROBLEMS_MAX */
    size_t problem_count;
};

/* Looks at every page and every message; writes nothing. What is wrong with the content is a problem, not an error.
 * ERR_BUSY: in use; ERR_NOT_FOUND, ERR_INVALID (another program's, or a newer version's), ERR_IO. With detail. */
enum err sqlite_inspect(struct arena *arena, const char *path, struct sqlite_inspection *found,
                        struct err_detail *detail) MUST_USE;

struct sqlite_salvage {
    uint64_t messages;     /* that were saved */
    uint64_t without_body; /* of them, those whose body could not be found though it should be there */
    uint64_t twins, steps;
};

/* Writes what is readable of `old`, whatever is damaged in it, into a new store. `old` is not changed. A message whose
 * body is lost cannot be delivered: one that was open is dead in the new store. ERR_EXISTS: there is `new` already;
 * else as above. */
enum err sqlite_salvage(struct arena *arena, const char *old_path, const char *new_path, struct sqlite_salvage *saved,
                        struct err_detail *detail) MUST_USE;

#endif
