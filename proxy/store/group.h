/* Jobs run as one transaction of the ledger. Of the store's thread. */
#ifndef PROXY_STORE_GROUP_H
#define PROXY_STORE_GROUP_H

#include "proxy/store/store.h"

/* Runs the list of jobs and writes each one's `err` and `detail`. A job that fails does so alone: the others are run
 * again without it. A commit that fails is the failure of all that it held. Returns how the store fared: ERR_NONE, or
 * the last error that was no job's answer, told in `detail`. */
enum err group_run(struct ledger *ledger, const struct store_hooks *hooks, struct store_job *first, size_t count,
                   struct err_detail *detail) MUST_USE;

/* Commits what is open and tells the hook. */
enum err group_commit(struct ledger *ledger, const struct store_hooks *hooks, size_t jobs) MUST_USE;

#endif
