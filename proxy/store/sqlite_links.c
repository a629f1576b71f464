#include "proxy/store/sqlite_links.h"

#include "proxy/store/sqlite_index.h"
#include "proxy/store/sqlite_query.h"

enum err sqlite_add_fact(struct backend *backend, const struct fact_row *row) {
    return sqlite_index_add(sqlite_db_of(backend), row);
}

enum err sqlite_remove_fact(struct backend *backend, const struct fact_row *row) {
    return sqlite_index_remove(sqlite_db_of(backend), row);
}

enum err sqlite_find_facts(struct backend *backend, uint64_t hash, int64_t from_ms, int64_t to_ms,
                           struct fact_row *rows, size_t max, size_t *count) {
    const struct fact_row first = {.hash = hash, .time_ms = to_ms, .message = UINT64_MAX};
    return sqlite_index_find(sqlite_db_of(backend), &first, from_ms, rows, max, count);
}

enum err sqlite_add_twin(struct backend *backend, const struct twin *twin) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_ADD_TWIN);
    query_u64(&query, twin->event);
    query_i64(&query, twin->item);
    query_u64(&query, twin->rule);
    query_u64(&query, twin->group);
    return query_run(&query);
}

struct twin_list {
    struct twin *twins;
    size_t count, capacity;
};

static enum err append_twins(struct backend *backend, struct arena *arena, enum sql sql, uint64_t id,
                             struct twin_list *list) {
    struct query query = query_begin(sqlite_db_of(backend), sql);
    query_u64(&query, id);
    while (query_row(&query)) {
        list->twins = query_grow(arena, list->twins, list->count, &list->capacity, sizeof *list->twins);
        struct twin *twin = &list->twins[list->count++];
        twin->event = query_take_u64(&query);
        twin->item = (uint32_t)query_take_i64(&query);
        twin->rule = query_take_u64(&query);
        twin->group = query_take_u64(&query);
    }
    return query_end(&query);
}

/* A message is an event or a rule, and ids are of all messages: one of the two finds nothing. */
enum err sqlite_find_twins(struct backend *backend, struct arena *arena, uint64_t id, struct twin **twins,
                           size_t *count) {
    struct twin_list list = {0};
    enum err err = append_twins(backend, arena, SQL_FIND_TWINS_OF_EVENT, id, &list);
    if (err == ERR_NONE && list.count == 0)
        err = append_twins(backend, arena, SQL_FIND_TWINS_OF_RULE, id, &list);
    if (err == ERR_NONE) {
        *twins = list.twins;
        *count = list.count;
    }
    return err;
}

enum err sqlite_add_step(struct backend *backend, uint64_t id, const struct step *step) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_ADD_STEP);
    query_u64(&query, id);
    query_i64(&query, step->at_ms);
    query_i64(&query, step->state);
    query_i64(&query, step->attempt);
    query_i64(&query, step->status);
    query_i64(&query, step->duration_us);
    query_text(&query, step->why);
    return query_run(&query);
}

enum err sqlite_steps(struct backend *backend, struct arena *arena, uint64_t id, struct step **steps, size_t *count) {
    struct query query = query_begin(sqlite_db_of(backend), SQL_STEPS);
    query_u64(&query, id);
    struct step *list = NULL;
    size_t found = 0, capacity = 0;
    enum err err = ERR_NONE;
    while (err == ERR_NONE && query_row(&query)) {
        list = query_grow(arena, list, found, &capacity, sizeof *list);
        struct step *step = &list[found++];
        step->at_ms = query_take_ms(&query);
        int64_t state = query_take_i64(&query);
        step->state = (enum state)state;
        step->attempt = (uint32_t)query_take_i64(&query);
        step->status = (int)query_take_i64(&query);
        step->duration_us = query_take_i64(&query);
        step->why = query_take_text(&query, arena);
        if (state < 0 || state >= STATE_COUNT)
            err = sqlite_db_damaged(query.db, "a step to no known state");
    }
    enum err end = query_end(&query);
    if (err == ERR_NONE)
        err = end;
    if (err == ERR_NONE) {
        *steps = list;
        *count = found;
    }
    return err;
}
