/* Messages by what they wait for, and as people look for them, in the SQLite store; each function is the
 * backend_ops member of that name. */
#ifndef PROXY_STORE_SQLITE_LISTS_H
#define PROXY_STORE_SQLITE_LISTS_H

#include "proxy/store/backend.h"

enum err sqlite_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due, size_t max,
                    size_t *count) MUST_USE;
enum err sqlite_due_after(struct backend *backend, enum endpoint endpoint, enum state state, const struct due *after,
                          struct due *due, size_t max, size_t *count) MUST_USE;
enum err sqlite_scan(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                     size_t *count) MUST_USE;
enum err sqlite_scan_content(struct backend *backend, uint64_t after, uint64_t below, uint64_t *ids, size_t max,
                             size_t *count) MUST_USE;
enum err sqlite_list(struct backend *backend, struct arena *arena, const struct filter *filter, struct record **records,
                     size_t *count) MUST_USE;

#endif
