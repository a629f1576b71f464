/* What hangs on messages in the SQLite store: facts, twins and steps; each function is the backend_ops
 * member of that name. */
#ifndef PROXY_STORE_SQLITE_LINKS_H
#define PROXY_STORE_SQLITE_LINKS_H

#include "proxy/store/backend.h"

enum err sqlite_add_fact(struct backend *backend, const struct fact_row *row) MUST_USE;
enum err sqlite_remove_fact(struct backend *backend, const struct fact_row *row) MUST_USE;
enum err sqlite_find_facts(struct backend *backend, uint64_t hash, int64_t from_ms, int64_t to_ms,
                           struct fact_row *rows, size_t max, size_t *count) MUST_USE;
enum err sqlite_add_twin(struct backend *backend, const struct twin *twin) MUST_USE;
enum err sqlite_find_twins(struct backend *backend, struct arena *arena, uint64_t id, struct twin **twins,
                           size_t *count) MUST_USE;
enum err sqlite_add_step(struct backend *backend, uint64_t id, const struct step *step) MUST_USE;
enum err sqlite_steps(struct backend *backend, struct arena *arena, uint64_t id, struct step **steps,
                      size_t *count) MUST_USE;

#endif
