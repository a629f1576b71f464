/* Messages and their content in the SQLite store; each function is the backend_ops member of that name. */
#ifndef PROXY_STORE_SQLITE_MESSAGES_H
#define PROXY_STORE_SQLITE_MESSAGES_H

#include "proxy/store/backend.h"

enum err sqlite_last_id(struct backend *backend, uint64_t *id) MUST_USE;
enum err sqlite_insert(struct backend *backend, const struct record *record, const struct content *content) MUST_USE;
enum err sqlite_update(struct backend *backend, const struct record *record) MUST_USE;
enum err sqlite_load(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) MUST_USE;
enum err sqlite_load_content(struct backend *backend, struct arena *arena, uint64_t id,
                             struct content *content) MUST_USE;
enum err sqlite_remove_content(struct backend *backend, uint64_t id) MUST_USE;
enum err sqlite_remove(struct backend *backend, uint64_t id) MUST_USE;
enum err sqlite_find_identity(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max,
                              size_t *count) MUST_USE;

#endif
