/* Cells as small named values: "parity:TYPE:m:PLACE" and "parity:TYPE:h:PLACE"; the types in "parity:types", each as
 * its length, a colon and the name. */
#include "proxy/store/parity_internal.h"

#include "common/mem.h"

#define TYPES_NAME STR("parity:types")

static struct str cell_name(struct arena *arena, const struct series *series, char ring, size_t place) {
    return arena_printf(arena, "parity:%s:%c:%zu", series->name, ring, place);
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

static enum err read_series(struct series *series, struct backend *backend, struct arena *scratch, int64_t now_ms) {
    enum err err = ERR_NONE;
    (void)now_ms;
    for (size_t i = 0; i < HOURS && err == ERR_NONE; i++) {
        arena_reset(scratch);
        err = read_cell(backend, scratch, series, 'h', i, &series->hours[i]);
        if (err == ERR_NONE && i < MINUTES)
            err = read_cell(backend, scratch, series, 'm', i, &series->minutes[i]);
    }
    memset(series->minute_dirty, 0, sizeof series->minute_dirty);
    memset(series->hour_dirty, 0, sizeof series->hour_dirty);
    return err;
}

static void read_names(struct parity *parity, struct str names) {
    uint64_t len;
    ptrdiff_t colon;
    while ((colon = str_find(names, STR(":"))) > 0 && str_to_u64(str_slice(names.at, (size_t)colon), &len)) {
        names = str_from(names, (size_t)colon + 1);
        if (len > names.len)
            return;
        (void)parity_series(parity, str_slice(names.at, (size_t)len));
        names = str_from(names, (size_t)len);
    }
}

enum err parity_read(struct parity *parity, struct backend *backend, struct arena *scratch, int64_t now_ms) {
    struct str names;
    enum err err = backend->ops->get_meta(backend, scratch, TYPES_NAME, &names);
    if (err == ERR_NONE)
        read_names(parity, names);
    if (err == ERR_NOT_FOUND)
        err = ERR_NONE;
    parity->series_written = parity->series_count;
    for (size_t i = 0; i < parity->series_count && err == ERR_NONE; i++)
        err = read_series(parity->series[i], backend, scratch, now_ms);
    parity_forget_young(parity);
    return err;
}

static enum err write_names(struct parity *parity, struct backend *backend) {
    struct strbuf names = {0};
    for (size_t i = 0; i < parity->series_count; i++)
        strbuf_printf(&names, "%zu:%s", strlen(parity->series[i]->name), parity->series[i]->name);
    enum err err = backend->ops->put_meta(backend, TYPES_NAME, strbuf_str(&names));
    strbuf_clear(&names);
    if (err == ERR_NONE)
        parity->series_written = parity->series_count;
    return err;
}

static enum err write_ring(struct backend *backend, struct arena *arena, const struct series *series, char ring,
                           const struct parity_cell *cells, bool *dirty, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!dirty[i])
            continue;
        struct str value = str_slice((const char *)&cells[i], sizeof cells[i]);
        enum err err = backend->ops->put_meta(backend, cell_name(arena, series, ring, i), value);
        if (err != ERR_NONE)
            return err;
        dirty[i] = false;
    }
    return ERR_NONE;
}

enum err parity_write(struct parity *parity, struct backend *backend) {
    enum err err = ERR_NONE;
    if (parity->note_count == 0)
        return ERR_NONE;
    struct arena *arena = arena_new(0);
    if (parity->is_stale)
        err = parity_read(parity, backend, arena, 0);
    parity->is_stale = err != ERR_NONE;
    if (err == ERR_NONE) {
        parity->is_written = true;
        parity_count_notes(parity);
    }
    if (err == ERR_NONE && parity->series_written != parity->series_count)
        err = write_names(parity, backend);
    for (size_t i = 0; i < parity->series_count && err == ERR_NONE; i++) {
        struct series *series = parity->series[i];
        err = write_ring(backend, arena, series, 'm', series->minutes, series->minute_dirty, MINUTES);
        if (err == ERR_NONE)
            err = write_ring(backend, arena, series, 'h', series->hours, series->hour_dirty, HOURS);
    }
    arena_free(arena);
    return err;
}
