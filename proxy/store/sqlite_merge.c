#include "proxy/store/sqlite_merge.h"

#include "common/mem.h"

enum err merge_begin(struct merge *merge, struct sqlite_db *db, struct run **inputs, size_t count, uint64_t number,
                     bool is_oldest) {
    size_t hashes = 0;
    enum err err = ERR_NONE;
    *merge = (struct merge){.is_oldest = is_oldest};
    for (size_t i = 0; i < count && err == ERR_NONE; i++) {
        merge->inputs[i] = inputs[i];
        merge->cursors[i] = MEM_NEW(struct run_cursor);
        merge->input_count++;
        hashes += inputs[i]->hashes;
        err = run_cursor_seek(merge->cursors[i], db, inputs[i], NULL);
    }
    run_writer_begin(&merge->writer, db, number, inputs[0]->level + 1, hashes);
    return err;
}

/* The input whose next entry comes first; of equal ones the newest. -1: all are over. */
static int first_input(const struct merge *merge) {
    int first = -1;
    const struct entry *lowest = NULL;
    for (size_t i = 0; i < merge->input_count; i++) {
        const struct entry *entry = run_cursor_entry(merge->cursors[i]);
        if (entry != NULL && (lowest == NULL || entry_compare(entry, lowest) < 0)) {
            lowest = entry;
            first = (int)i;
        }
    }
    return first;
}

/* Past the entry, in every input that has it. */
static enum err skip(struct merge *merge, const struct entry *entry, size_t *credit) {
    enum err err = ERR_NONE;
    for (size_t i = 0; i < merge->input_count && err == ERR_NONE; i++) {
        const struct entry *next = run_cursor_entry(merge->cursors[i]);
        if (next == NULL || entry_compare(next, entry) != 0)
            continue;
        err = run_cursor_next(merge->cursors[i]);
        *credit -= *credit > 0 ? 1 : 0;
    }
    return err;
}

enum err merge_step(struct merge *merge, size_t *credit, bool *is_done, struct run **run) {
    enum err err = ERR_NONE;
    int first = 0;
    *is_done = false;
    while (*credit > 0 && err == ERR_NONE && (first = first_input(merge)) >= 0) {
        struct entry entry = *run_cursor_entry(merge->cursors[first]);
        if (entry.removed == 0 || !merge->is_oldest)
            err = run_writer_add(&merge->writer, &entry);
        if (err == ERR_NONE)
            err = skip(merge, &entry, credit);
    }
    if (err != ERR_NONE || first >= 0)
        return err;
    err = run_writer_end(&merge->writer, run);
    *is_done = err == ERR_NONE;
    return err;
}

void merge_drop(struct merge *merge) {
    for (size_t i = 0; i < merge->input_count; i++)
        mem_free(merge->cursors[i]);
    if (merge->writer.run != NULL)
        run_writer_drop(&merge->writer);
    *merge = (struct merge){0};
}
