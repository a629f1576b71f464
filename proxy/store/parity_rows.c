/* Cells as small named values: "parity:TYPE:m:PLACE" and "parity:TYPE:h:PLACE"; the types in "parity:types", each as
 * its length, a colon and the name. */
#include "proxy/store/parity_internal.h"

#include "common/fault.h"

#include <errno.h>

#define TYPES_NAME STR("parity:types")

static struct str cell_name(struct arena *arena, const struct series *series, char ring, size_t place) {
    struct strbuf name = {0};
    strbuf_append(&name, STR("parity:"));
    strbuf_append(&name, series->name);
    strbuf_printf(&name, ":%c:%zu", ring, place);
    struct str copy = arena_str(arena, strbuf_str(&name));
    strbuf_clear(&name);
    return copy;
}

static enum err read_cell(struct backend *backend, struct arena *arena, const struct series *series, char ring,
                          size_t place, struct parity_cell *cell) {
    struct str value;
    enum err err = backend->ops->get_meta(backend, arena, cell_name(arena, series, ring, place), &value);
    *cell = (struct parity_cell){0};
    if (err == ERR_NONE && value.len == sizeof *cell)
        memcpy(cell, value.at, sizeof *cell);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* To the minute, or the hour: the cells know no more. */
static void see_unreplaced(struct series *series, const struct parity_cell *cell) {
    if (cell->unreplaced > 0 && cell->start_ms > series->last_unreplaced_ms)
        series->last_unreplaced_ms = cell->start_ms;
}

static enum err read_series(struct series *series, struct backend *backend, struct arena *scratch) {
    enum err err = ERR_NONE;
    series->last_unreplaced_ms = 0;
    for (size_t i = 0; i < HOURS && err == ERR_NONE; i++) {
        arena_reset(scratch);
        err = read_cell(backend, scratch, series, 'h', i, &series->hours[i]);
        see_unreplaced(series, &series->hours[i]);
        if (err == ERR_NONE && i < MINUTES) {
            err = read_cell(backend, scratch, series, 'm', i, &series->minutes[i]);
            see_unreplaced(series, &series->minutes[i]);
        }
    }
    memset(series->minute_marks, 0, sizeof series->minute_marks);
    memset(series->hour_marks, 0, sizeof series->hour_marks);
    return err;
}

/* The number of names that could be read. */
static size_t read_names(struct parity *parity, struct str names) {
    uint64_t len;
    ptrdiff_t colon;
    size_t count = 0;
    for (; (colon = str_find(names, STR(":"))) > 0 && str_to_u64(str_slice(names.at, (size_t)colon), &len); count++) {
        names = str_from(names, (size_t)colon + 1);
        if (len > names.len || count > PARITY_TYPE_MAX)
            break;
        (void)parity_series_add(parity, str_slice(names.at, (size_t)len));
        names = str_from(names, (size_t)len);
    }
    return count;
}

enum err parity_read(struct parity *parity, struct backend *backend, struct arena *scratch) {
    struct str names = STR_NONE;
    enum err err = FAULT("parity.read", EIO) ? err_set(&backend->detail, ERR_IO, "parity cannot be read")
                                             : backend->ops->get_meta(backend, scratch, TYPES_NAME, &names);
    if (err != ERR_NONE && err != ERR_NOT_FOUND)
        return err;
    parity->log.names = err == ERR_NONE ? read_names(parity, names) : 0;
    err = ERR_NONE;
    for (size_t i = 0; i < parity->series_count && err == ERR_NONE; i++)
        err = read_series(parity->series[i], backend, scratch);
    if (err == ERR_NONE)
        err = parity_log_read(parity, backend, scratch);
    parity_cut_young(parity, 0);
    return err;
}

static enum err write_names(struct parity *parity, struct backend *backend) {
    struct strbuf names = {0};
    for (size_t i = 0; i < parity->series_count; i++) {
        strbuf_printf(&names, "%zu:", parity->series[i]->name.len);
        strbuf_append(&names, parity->series[i]->name);
    }
    enum err err = backend->ops->put_meta(backend, TYPES_NAME, strbuf_str(&names));
    strbuf_clear(&names);
    if (err == ERR_NONE)
        parity->log.names = parity->series_count;
    return err;
}

static enum err write_ring(struct backend *backend, struct arena *arena, const struct series *series, char ring,
                           const struct parity_cell *cells, const unsigned char *marks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct str value = str_slice((const char *)&cells[i], sizeof cells[i]);
        enum err err = marks[i] == CELL_KEPT
                           ? ERR_NONE
                           : backend->ops->put_meta(backend, cell_name(arena, series, ring, i), value);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_NONE;
}

enum err parity_cells_write(struct parity *parity, struct backend *backend, struct arena *scratch) {
    enum err err = parity->log.names == parity->series_count ? ERR_NONE : write_names(parity, backend);
    for (size_t i = 0; i < parity->series_count && err == ERR_NONE; i++) {
        struct series *series = parity->series[i];
        err = write_ring(backend, scratch, series, 'm', series->minutes, series->minute_marks, MINUTES);
        if (err == ERR_NONE)
            err = write_ring(backend, scratch, series, 'h', series->hours, series->hour_marks, HOURS);
    }
    return err;
}

static enum err write_log(struct parity *parity, struct backend *backend) {
    if (backend->forgets)
        return ERR_NONE;
    struct arena *arena = arena_new(0);
    enum err err = parity_log_write(parity, backend, arena);
    arena_free(arena);
    return err;
}

enum err parity_write(struct parity *parity, struct backend *backend) {
    if (parity->note_count == 0)
        return ERR_NONE;
    parity_undo_begin(parity);
    parity_count_notes(parity);
    return FAULT("parity.write", EIO) ? err_set(&backend->detail, ERR_IO, "parity cannot be written")
                                      : write_log(parity, backend);
}
