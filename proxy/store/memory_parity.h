/* Counts of parity, and messages without a twin, in the memory store; each function is the backend_ops member of that
 * name. */
#ifndef PROXY_STORE_MEMORY_PARITY_H
#define PROXY_STORE_MEMORY_PARITY_H

#include "proxy/store/memory_tables.h"

enum err memory_add_parity(struct backend *backend, const struct parity_bucket *bucket) MUST_USE;
enum err memory_each_parity(struct backend *backend, int64_t from_ms, int64_t below_ms, bool skews,
                            each_parity_fn *each, void *arg) MUST_USE;
enum err memory_remove_parity(struct backend *backend, int64_t from_ms, int64_t below_ms) MUST_USE;
enum err memory_add_unpaired(struct backend *backend, const struct unpaired *row) MUST_USE;
enum err memory_remove_unpaired(struct backend *backend, const struct unpaired *row, bool *removed) MUST_USE;
enum err memory_scan_unpaired(struct backend *backend, struct arena *arena, const struct unpaired *after,
                              int64_t below_ms, struct unpaired *rows, size_t max, size_t *count) MUST_USE;

#endif
