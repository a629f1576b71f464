/* A day in the life of a store: messages of both generations admitted in groups, delivered, failing, dying, taken over,
 * replayed; flags that change, time that passes, retention, restarts. The same for a seed.
 *
 * Every commit that went through is written into the book and marked in the log of the disk. */
#ifndef TESTS_POWER_WORK_H
#define TESTS_POWER_WORK_H

#include "proxy/store/ledger.h"
#include "tests/power/book.h"
#include "tests/power/disk.h"

struct work_result {
    size_t messages;                                               /* admitted and not forgotten; without duplicates */
    size_t groups;                                                 /* that were committed */
    size_t delivered, suppressed, dead, removed, restarts, failed; /* failed: groups */
};

/* Works on a new store at `path` until `messages` are admitted, and closes it. `fails`, where not NULL, is asked by the
 * disk while groups are written; those that fail are no commits, and what they held is tried again. */
struct work_result work_run(const char *path, enum store_sync sync, uint64_t seed, size_t messages, struct book *book,
                            struct disk_log *log, disk_fails_fn *fails);

/* A ledger over the file, by the same settings as in work_run(); its backend in `backend`. Errors as ledger_open(). */
enum err work_open(const char *path, enum store_sync sync, struct ledger **ledger, struct err_detail *detail) MUST_USE;

/* What a sender does after the power came back: sends a message of `message` again, and a new one. Errors of the store;
 * ERR_EXISTS: what was there was admitted once more. */
enum err work_go_on(struct ledger *ledger, uint64_t id) MUST_USE;

#endif
