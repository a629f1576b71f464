/* The store that forgets: for trials, and the reference that others are compared with. Nothing grows with the number of
 * messages but the filters of a list. */
#include "proxy/store/backend.h"

#include "common/mem.h"
#include "proxy/store/memory_parity.h"

static void memory_close(struct backend *backend) {
    tables_clear(tables_of(backend));
    mem_free(CONTAINER_OF(backend, struct backend_memory, backend));
}

static enum err memory_begin(struct backend *backend) {
    tables_commit(tables_of(backend)); /* what was written outside of a group stands */
    return ERR_NONE;
}

static enum err memory_commit(struct backend *backend) {
    tables_commit(tables_of(backend));
    return ERR_NONE;
}

static void memory_rollback(struct backend *backend) {
    tables_rollback(tables_of(backend));
}

static enum err not_found(struct backend *backend, uint64_t id) {
    return err_set(&backend->detail, ERR_NOT_FOUND, "no message %llu", (unsigned long long)id);
}

static enum err memory_last_id(struct backend *backend, uint64_t *id) {
    *id = shelf_last_id(&tables_of(backend)->messages);
    return ERR_NONE;
}

static enum err memory_insert(struct backend *backend, const struct record *record, const struct content *content) {
    struct message_row *row = message_row_new(record, content);
    if (tables_put_message(tables_of(backend), row))
        return ERR_NONE;
    message_row_free(row);
    return err_set(&backend->detail, ERR_EXISTS, "message %llu exists already", (unsigned long long)record->id);
}

static enum err memory_update(struct backend *backend, const struct record *record) {
    struct message_row *row = tables_message(tables_of(backend), record->id);
    if (row == NULL)
        return not_found(backend, record->id);
    tables_change_message(tables_of(backend), row, record);
    return ERR_NONE;
}

static enum err memory_load(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) {
    const struct message_row *row = tables_message(tables_of(backend), id);
    (void)arena; /* what is taken out stays until the group ends, and nothing else moves */
    if (row == NULL)
        return not_found(backend, id);
    *record = row->record;
    return ERR_NONE;
}

static enum err memory_load_content(struct backend *backend, struct arena *arena, uint64_t id,
                                    struct content *content) {
    const struct message_row *row = tables_message(tables_of(backend), id);
    if (row == NULL || row->content == NULL)
        return err_set(&backend->detail, ERR_NOT_FOUND, "no content of message %llu", (unsigned long long)id);
    const struct content *found = &row->content->content;
    *content = (struct content){arena_str(arena, found->headers), arena_str(arena, found->body)};
    return ERR_NONE;
}

static enum err memory_remove_content(struct backend *backend, uint64_t id) {
    struct message_row *row = tables_message(tables_of(backend), id);
    if (row != NULL && row->content != NULL)
        tables_take_content(tables_of(backend), row);
    return ERR_NONE;
}

static enum err memory_remove(struct backend *backend, uint64_t id) {
    struct message_row *row = tables_message(tables_of(backend), id);
    if (row != NULL)
        tables_take_message(tables_of(backend), row);
    return ERR_NONE;
}

static enum err memory_find_identity(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max, size_t *count) {
    struct tree tree = tables_identities(tables_of(backend), hash);
    size_t found = 0;
    for (struct tree_node *node = tree_first(&tree); node != NULL && found < max; node = tree_next(node))
        ids[found++] = CONTAINER_OF(node, struct message_row, by_identity)->record.id;
    *count = found;
    return ERR_NONE;
}

static enum err memory_add_fact(struct backend *backend, const struct fact_row *fact) {
    struct fact_entry *entry = mem_alloc(sizeof *entry);
    *entry = (struct fact_entry){.fact = *fact};
    if (!tables_put_fact(tables_of(backend), entry))
        mem_free(entry);
    return ERR_NONE;
}

static enum err memory_remove_fact(struct backend *backend, const struct fact_row *fact) {
    struct fact_entry key = {.fact = *fact};
    struct tree tree = tables_facts(tables_of(backend), fact->hash);
    struct fact_entry *entry = ROW_AT(tree_find(&tree, &key.by_hash), struct fact_entry, by_hash);
    if (entry != NULL)
        tables_take_fact(tables_of(backend), entry);
    return ERR_NONE;
}

static enum err memory_find_facts(struct backend *backend, uint64_t hash, int64_t from_ms, int64_t to_ms,
                                  struct fact_row *rows, size_t max, size_t *count) {
    struct fact_entry key = {.fact = {.time_ms = to_ms, .message = UINT64_MAX}};
    struct tree tree = tables_facts(tables_of(backend), hash);
    size_t found = 0;
    struct tree_node *node = tree_at_least(&tree, &key.by_hash);
    for (; node != NULL && found < max; node = tree_next(node)) {
        const struct fact_row *fact = &CONTAINER_OF(node, struct fact_entry, by_hash)->fact;
        if (fact->time_ms < from_ms)
            break;
        rows[found++] = *fact;
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_add_twin(struct backend *backend, const struct twin *twin) {
    struct tables *tables = tables_of(backend);
    struct message_row *event = tables_message(tables, twin->event), *rule = tables_message(tables, twin->rule);
    if (event == NULL || rule == NULL)
        return not_found(backend, event == NULL ? twin->event : twin->rule);
    struct twin_row *row = mem_alloc(sizeof *row);
    *row = (struct twin_row){.twin = *twin, .event = event, .rule = rule};
    if (!tables_put_twin(tables, row))
        mem_free(row);
    return ERR_NONE;
}

static size_t count_nodes(const struct tree *tree) {
    size_t count = 0;
    for (const struct tree_node *node = tree_first(tree); node != NULL; node = tree_next(node))
        count++;
    return count;
}

static enum err memory_find_twins(struct backend *backend, struct arena *arena, uint64_t id, struct twin **twins,
                                  size_t *count) {
    const struct message_row *row = tables_message(tables_of(backend), id);
    *twins = NULL;
    *count = 0;
    if (row == NULL || (row->as_event == NULL && row->as_rule == NULL))
        return ERR_NONE;
    struct tree events = message_twins_as_event(row), rules = message_twins_as_rule(row);
    *twins = ARENA_ARRAY(arena, count_nodes(&events) + count_nodes(&rules), struct twin);
    for (struct tree_node *node = tree_first(&events); node != NULL; node = tree_next(node))
        (*twins)[(*count)++] = CONTAINER_OF(node, struct twin_row, by_event)->twin;
    for (struct tree_node *node = tree_first(&rules); node != NULL; node = tree_next(node))
        (*twins)[(*count)++] = CONTAINER_OF(node, struct twin_row, by_rule)->twin;
    return ERR_NONE;
}

static enum err memory_add_step(struct backend *backend, uint64_t id, const struct step *step) {
    struct message_row *row = tables_message(tables_of(backend), id);
    if (row == NULL)
        return not_found(backend, id);
    tables_put_step(tables_of(backend), row, step_row_new(step));
    return ERR_NONE;
}

static size_t count_steps(const struct step_row *newest) {
    size_t count = 0;
    for (; newest != NULL; newest = newest->older)
        count++;
    return count;
}

static enum err memory_steps(struct backend *backend, struct arena *arena, uint64_t id, struct step **steps,
                             size_t *count) {
    const struct message_row *row = tables_message(tables_of(backend), id);
    *count = row == NULL ? 0 : count_steps(row->steps);
    *steps = ARENA_ARRAY(arena, *count, struct step);
    size_t left = *count;
    for (const struct step_row *step = left == 0 ? NULL : row->steps; step != NULL; step = step->older) {
        (*steps)[--left] = step->step;
        (*steps)[left].why = arena_str(arena, step->step.why);
    }
    return ERR_NONE;
}

static enum err memory_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due,
                           size_t max, size_t *count) {
    size_t found = 0;
    struct tree_node *node = tree_first(&tables_of(backend)->due[endpoint][state]);
    for (; node != NULL && found < max; node = tree_next(node)) {
        const struct record *record = &CONTAINER_OF(node, struct message_row, by_due)->record;
        due[found++] = (struct due){record->id, record->due_ms};
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_due_after(struct backend *backend, enum endpoint endpoint, enum state state,
                                 const struct due *after, struct due *due, size_t max, size_t *count) {
    size_t found = 0;
    const struct message_row key = {.record = {.id = after->id + 1, .due_ms = after->due_ms}};
    struct tree_node *node = tree_at_least(&tables_of(backend)->due[endpoint][state], &key.by_due);
    for (; node != NULL && found < max; node = tree_next(node)) {
        const struct record *record = &CONTAINER_OF(node, struct message_row, by_due)->record;
        due[found++] = (struct due){record->id, record->due_ms};
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_scan(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                            size_t *count) {
    const struct shelf *messages = &tables_of(backend)->messages;
    size_t found = 0;
    while (found < max && shelf_above(messages, &after, (uint8_t)(states & MARK_ANY)) != NULL)
        ids[found++] = after;
    *count = found;
    return ERR_NONE;
}

static enum err memory_scan_content(struct backend *backend, uint64_t after, uint64_t below, uint64_t *ids, size_t max,
                                    size_t *count) {
    const struct shelf *messages = &tables_of(backend)->messages;
    size_t found = 0;
    while (found < max && shelf_above(messages, &after, MARK_CONTENT) != NULL && after < below)
        ids[found++] = after;
    *count = found;
    return ERR_NONE;
}

static bool row_passes(const struct filter *filter, const struct message_row *row) {
    const void *twin = row->record.generation == GENERATION_EVENT ? (const void *)row->as_event : row->as_rule;
    return filter_passes(filter, &row->record) && (!filter->unpaired || twin == NULL);
}

static enum err memory_list(struct backend *backend, struct arena *arena, const struct filter *filter,
                            struct record **records, size_t *count) {
    const struct shelf *messages = &tables_of(backend)->messages;
    uint8_t marks = (uint8_t)(filter->state < 0 ? (unsigned)MARK_ANY : 1U << filter->state);
    uint64_t id = filter->before == 0 ? UINT64_MAX : filter->before;
    struct record *found = NULL;
    size_t found_count = 0, looked_at = 0, capacity = 0;
    const struct message_row *row;
    while (found_count < filter->limit && (filter->look_max == 0 || looked_at < filter->look_max) &&
           (row = shelf_below(messages, &id, marks)) != NULL && id > filter->after) {
        looked_at++;
        if (!row_passes(filter, row))
            continue;
        if (found_count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            struct record *larger = ARENA_ARRAY(arena, capacity, struct record);
            if (found_count > 0)
                memcpy(larger, found, found_count * sizeof *found);
            found = larger;
        }
        found[found_count++] = row->record;
    }
    if (filter->looked_to != NULL)
        *filter->looked_to = found_count < filter->limit && looked_at == filter->look_max && looked_at > 0 ? id : 0;
    *records = found;
    *count = found_count;
    return ERR_NONE;
}

static struct meta_row *find_meta(struct backend *backend, struct str name) {
    struct meta_row key = {.name = name};
    return ROW_AT(tree_find(&tables_of(backend)->meta, &key.by_name), struct meta_row, by_name);
}

static enum err memory_get_meta(struct backend *backend, struct arena *arena, struct str name, struct str *value) {
    const struct meta_row *row = find_meta(backend, name);
    if (row == NULL)
        return err_set(&backend->detail, ERR_NOT_FOUND, "no value \"" STR_FMT "\"", STR_ARG(name));
    *value = arena_str(arena, row->value);
    return ERR_NONE;
}

static enum err memory_put_meta(struct backend *backend, struct str name, struct str value) {
    struct tables *tables = tables_of(backend);
    struct meta_row *row = find_meta(backend, name);
    if (row != NULL) {
        tables_change_meta(tables, row, value);
        return ERR_NONE;
    }
    row = meta_row_new(name, value);
    if (tables_put_meta(tables, row))
        return ERR_NONE;
    meta_row_free(row);
    return err_set(&backend->detail, ERR_EXISTS, "value exists already");
}

static enum err memory_probe(struct backend *backend) {
    (void)backend;
    return ERR_NONE;
}

struct backend *backend_memory_new(void) {
    static const struct backend_ops ops = {
        .close = memory_close,
        .begin = memory_begin,
        .commit = memory_commit,
        .rollback = memory_rollback,
        .last_id = memory_last_id,
        .insert = memory_insert,
        .update = memory_update,
        .load = memory_load,
        .load_content = memory_load_content,
        .remove = memory_remove,
        .remove_content = memory_remove_content,
        .find_identity = memory_find_identity,
        .add_fact = memory_add_fact,
        .remove_fact = memory_remove_fact,
        .find_facts = memory_find_facts,
        .add_twin = memory_add_twin,
        .find_twins = memory_find_twins,
        .add_step = memory_add_step,
        .steps = memory_steps,
        .due = memory_due,
        .due_after = memory_due_after,
        .scan = memory_scan,
        .scan_content = memory_scan_content,
        .list = memory_list,
        .add_parity = memory_add_parity,
        .each_parity = memory_each_parity,
        .remove_parity = memory_remove_parity,
        .add_unpaired = memory_add_unpaired,
        .remove_unpaired = memory_remove_unpaired,
        .scan_unpaired = memory_scan_unpaired,
        .get_meta = memory_get_meta,
        .put_meta = memory_put_meta,
        .probe = memory_probe,
    };
    struct backend_memory *memory = MEM_NEW(struct backend_memory);
    memory->backend.ops = &ops;
    memory->backend.forgets = true;
    tables_init(&memory->tables);
    return &memory->backend;
}
