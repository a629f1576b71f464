/* Between two writings of the cells each group adds one entry to a log: some bytes for each note, where the cells of
 * all types of a minute and an hour are some 60 values to be written. What is in memory after a crash is thus what was
 * committed: the cells, and what the entries since then count once more.
 *
 *     "parity:epoch"    how often the cells were written
 *     "parity:log:N"    the epoch in which the entry was written, and what its group counted; an entry of another
 *                       epoch is one that the cells hold already, and will be overwritten */
#include "proxy/store/parity_internal.h"

#define EPOCH_NAME STR("parity:epoch")

enum { GROUPS_MAX = 64, BYTES_MAX = 16 * 1024 };

static struct str entry_name(struct arena *arena, size_t number) {
    return ARENA_JOIN(arena, STR("parity:log:"), arena_i64(arena, (int64_t)number));
}

static enum err read_epoch(struct parity *parity, struct backend *backend, struct arena *scratch) {
    struct str value;
    enum err err = backend->ops->get_meta(backend, scratch, EPOCH_NAME, &value);
    if (err == ERR_NONE && value.len == sizeof parity->log.epoch)
        memcpy(&parity->log.epoch, value.at, value.len);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Counts an entry; false where it is none of this epoch. */
static bool read_entry(struct parity *parity, struct str value) {
    int64_t epoch;
    if (value.len < sizeof epoch)
        return false;
    memcpy(&epoch, value.at, sizeof epoch);
    if (epoch != parity->log.epoch || !parity_count_entry(parity, str_from(value, sizeof epoch)))
        return false;
    parity->log.groups++;
    parity->log.len += value.len;
    return true;
}

enum err parity_log_read(struct parity *parity, struct backend *backend, struct arena *scratch) {
    parity->log.epoch = 0;
    parity->log.groups = parity->log.len = 0;
    enum err err = read_epoch(parity, backend, scratch);
    for (bool more = true; more && err == ERR_NONE && parity->log.groups < GROUPS_MAX;) {
        struct str value = STR_NONE;
        arena_reset(scratch);
        err = backend->ops->get_meta(backend, scratch, entry_name(scratch, parity->log.groups), &value);
        more = err == ERR_NONE && read_entry(parity, value);
    }
    parity_kept(parity);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err add_entry(struct parity *parity, struct backend *backend, struct arena *scratch) {
    struct str epoch = str_slice((const char *)&parity->log.epoch, sizeof parity->log.epoch);
    struct str value = ARENA_JOIN(scratch, epoch, strbuf_str(&parity->entry));
    enum err err = backend->ops->put_meta(backend, entry_name(scratch, parity->log.groups), value);
    parity->log.groups++;
    parity->log.len += value.len;
    return err;
}

/* A name that the store has not yet changes the places of others: entries tell series by place. */
enum err parity_log_write(struct parity *parity, struct backend *backend, struct arena *scratch) {
    if (parity->log.names == parity->series_count && parity->log.groups < GROUPS_MAX &&
        parity->log.len + parity->entry.len <= BYTES_MAX)
        return add_entry(parity, backend, scratch);
    parity->log.epoch++;
    parity->log.groups = parity->log.len = 0;
    parity->cells_written = true;
    enum err err = parity_cells_write(parity, backend, scratch);
    if (err != ERR_NONE)
        return err;
    struct str epoch = str_slice((const char *)&parity->log.epoch, sizeof parity->log.epoch);
    return backend->ops->put_meta(backend, EPOCH_NAME, epoch);
}
