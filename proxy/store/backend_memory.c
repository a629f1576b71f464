/* The store that forgets: for trials, and the reference that others are compared with. Every lookup walks one tree
 * from its first match to its last, so that nothing grows with the number of messages but the filters of a list. */
#include "proxy/store/backend.h"

#include "common/mem.h"
#include "proxy/store/memory_rows.h"

struct backend_memory {
    struct backend backend; /* first */
    struct tables tables;
};

static struct tables *tables_of(struct backend *backend) {
    return &CONTAINER_OF(backend, struct backend_memory, backend)->tables;
}

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

static enum err put(struct backend *backend, struct row *row, const char *what) {
    if (tables_put(tables_of(backend), row))
        return ERR_NONE;
    row_free(row);
    return err_set(&backend->detail, ERR_EXISTS, "%s exists already", what);
}

static enum err not_found(struct backend *backend, uint64_t id) {
    return err_set(&backend->detail, ERR_NOT_FOUND, "no message %llu", (unsigned long long)id);
}

static enum err memory_last_id(struct backend *backend, uint64_t *id) {
    struct head *last = ROW_AT(tree_last(&tables_of(backend)->heads), struct head, by_id);
    *id = last == NULL ? 0 : last->record.id;
    return ERR_NONE;
}

/* The texts of a record that never change. */
enum { TEXTS = 11 };

static void record_texts(struct record *record, struct str *texts[TEXTS]) {
    struct str *all[TEXTS] = {&record->identity,     &record->type,      &record->counterpart, &record->company,
                              &record->connection,   &record->data_type, &record->rule_id,     &record->target,
                              &record->trace_parent, &record->facts,     &record->admission};
    memcpy((void *)texts, (void *)all, sizeof all);
}

static void record_copy_texts(struct arena *arena, struct record *record) {
    struct str *texts[TEXTS];
    record_texts(record, texts);
    for (size_t i = 0; i < TEXTS; i++)
        *texts[i] = arena_str(arena, *texts[i]);
}

/* Moves a text to `bytes`; returns what is behind it. */
static char *text_move(struct str *text, char *bytes) {
    if (text->at == NULL)
        return bytes;
    memcpy(bytes, text->at, text->len);
    text->at = bytes;
    return bytes + text->len;
}

/* All in one piece: what a message costs in memory, too, is the number of pieces. */
static struct texts *texts_new(struct record *record) {
    struct str *texts[TEXTS];
    size_t len = 0;
    record_texts(record, texts);
    for (size_t i = 0; i < TEXTS; i++)
        len += texts[i]->len;
    struct texts *made = ROW_NEW_WITH(TABLE_TEXTS, struct texts, len);
    char *bytes = made->bytes;
    for (size_t i = 0; i < TEXTS; i++)
        bytes = text_move(texts[i], bytes);
    return made;
}

static struct content_row *content_new(uint64_t id, const struct content *content) {
    struct content_row *row = ROW_NEW_WITH(TABLE_CONTENT, struct content_row, content->headers.len + content->body.len);
    row->id = id;
    row->content = *content;
    (void)text_move(&row->content.body, text_move(&row->content.headers, row->bytes));
    return row;
}

static enum err memory_insert(struct backend *backend, const struct record *record, const struct content *content) {
    struct tables *tables = tables_of(backend);
    if (tables_head(tables, record->id) != NULL)
        return err_set(&backend->detail, ERR_EXISTS, "message %llu exists already", (unsigned long long)record->id);
    struct head *head = ROW_NEW(TABLE_HEAD, struct head);
    head->record = *record;
    head->texts = texts_new(&head->record);
    head->record.trimmed = text_copy(record->trimmed);
    enum err err = put(backend, &head->texts->row, "text");
    if (err == ERR_NONE)
        err = put(backend, &head->row, "message");
    return err != ERR_NONE ? err : put(backend, &content_new(record->id, content)->row, "content");
}

static enum err memory_update(struct backend *backend, const struct record *record) {
    struct tables *tables = tables_of(backend);
    struct head *old = tables_head(tables, record->id);
    if (old == NULL)
        return not_found(backend, record->id);
    struct head *head = ROW_NEW(TABLE_HEAD, struct head);
    head->texts = old->texts;
    head->record = old->record;
    head->record.state = record->state;
    head->record.due_ms = record->due_ms;
    head->record.changed_ms = record->changed_ms;
    head->record.attempts = record->attempts;
    head->record.tries = record->tries;
    head->record.marks = record->marks;
    head->record.trimmed = text_copy(record->trimmed);
    tables_take(tables, &old->row);
    return put(backend, &head->row, "message");
}

static struct record record_copy(struct arena *arena, const struct head *head) {
    struct record record = head->record;
    record_copy_texts(arena, &record);
    record.trimmed = arena_str(arena, record.trimmed);
    return record;
}

static enum err memory_load(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) {
    const struct head *head = tables_head(tables_of(backend), id);
    if (head == NULL)
        return not_found(backend, id);
    *record = record_copy(arena, head);
    return ERR_NONE;
}

static struct content_row *find_content(struct backend *backend, uint64_t id) {
    struct content_row key = {.id = id};
    return ROW_AT(tree_find(&tables_of(backend)->contents, &key.by_id), struct content_row, by_id);
}

static enum err memory_load_content(struct backend *backend, struct arena *arena, uint64_t id,
                                    struct content *content) {
    const struct content_row *row = find_content(backend, id);
    if (row == NULL)
        return err_set(&backend->detail, ERR_NOT_FOUND, "no content of message %llu", (unsigned long long)id);
    *content = (struct content){arena_str(arena, row->content.headers), arena_str(arena, row->content.body)};
    return ERR_NONE;
}

static enum err memory_remove_content(struct backend *backend, uint64_t id) {
    struct content_row *row = find_content(backend, id);
    if (row != NULL)
        tables_take(tables_of(backend), &row->row);
    return ERR_NONE;
}

/* The first twin of the message, and the next one of it; NULL where there is none (left). */
static struct twin_row *first_twin(struct tables *tables, uint64_t id) {
    struct twin_row key = {.twin.event = id};
    struct twin_row *row = ROW_AT(tree_at_least(&tables->twins, &key.by_event), struct twin_row, by_event);
    if (row != NULL && row->twin.event == id)
        return row;
    key = (struct twin_row){.twin.rule = id};
    row = ROW_AT(tree_at_least(&tables->rules, &key.by_rule), struct twin_row, by_rule);
    return row != NULL && row->twin.rule == id ? row : NULL;
}

static struct twin_row *next_twin(struct twin_row *row, uint64_t id) {
    bool is_event = row->twin.event == id;
    row = is_event ? ROW_AT(tree_next(&row->by_event), struct twin_row, by_event)
                   : ROW_AT(tree_next(&row->by_rule), struct twin_row, by_rule);
    return row != NULL && (is_event ? row->twin.event : row->twin.rule) == id ? row : NULL;
}

static struct step_row *first_step(struct tables *tables, uint64_t id) {
    struct step_row key = {.id = id};
    struct step_row *row = ROW_AT(tree_at_least(&tables->steps, &key.by_id), struct step_row, by_id);
    return row != NULL && row->id == id ? row : NULL;
}

static struct step_row *next_step(const struct step_row *row) {
    struct step_row *next = ROW_AT(tree_next(&row->by_id), struct step_row, by_id);
    return next != NULL && next->id == row->id ? next : NULL;
}

static enum err memory_remove(struct backend *backend, uint64_t id) {
    struct tables *tables = tables_of(backend);
    struct head *head = tables_head(tables, id);
    if (head != NULL) {
        tables_take(tables, &head->texts->row);
        tables_take(tables, &head->row);
    }
    for (struct step_row *step; (step = first_step(tables, id)) != NULL;)
        tables_take(tables, &step->row);
    for (struct twin_row *twin; (twin = first_twin(tables, id)) != NULL;)
        tables_take(tables, &twin->row);
    return memory_remove_content(backend, id);
}

static enum err memory_find_identity(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max, size_t *count) {
    struct head key = {.record = {.identity_hash = hash, .id = UINT64_MAX}};
    size_t found = 0;
    struct tree_node *node =
        hash == 0 ? NULL : tree_at_least(&tables_of(backend)->identities[hash_shard(hash)], &key.by_identity);
    for (; node != NULL && found < max; node = tree_next(node)) {
        const struct record *record = &CONTAINER_OF(node, struct head, by_identity)->record;
        if (record->identity_hash != hash)
            break;
        ids[found++] = record->id;
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_add_fact(struct backend *backend, const struct fact_row *fact) {
    struct fact_entry *entry = ROW_NEW(TABLE_FACT, struct fact_entry);
    entry->fact = *fact;
    if (!tables_put(tables_of(backend), &entry->row))
        row_free(&entry->row);
    return ERR_NONE;
}

static enum err memory_remove_fact(struct backend *backend, const struct fact_row *fact) {
    struct fact_entry key = {.fact = *fact};
    struct tables *tables = tables_of(backend);
    struct fact_entry *entry =
        ROW_AT(tree_find(&tables->facts[hash_shard(fact->hash)], &key.by_hash), struct fact_entry, by_hash);
    if (entry != NULL)
        tables_take(tables, &entry->row);
    return ERR_NONE;
}

static enum err memory_find_facts(struct backend *backend, uint64_t hash, int64_t from_ms, int64_t to_ms,
                                  struct fact_row *rows, size_t max, size_t *count) {
    struct fact_entry key = {.fact = {.hash = hash, .time_ms = to_ms, .message = UINT64_MAX}};
    size_t found = 0;
    struct tree_node *node = tree_at_least(&tables_of(backend)->facts[hash_shard(hash)], &key.by_hash);
    for (; node != NULL && found < max; node = tree_next(node)) {
        const struct fact_row *fact = &CONTAINER_OF(node, struct fact_entry, by_hash)->fact;
        if (fact->hash != hash || fact->time_ms < from_ms)
            break;
        rows[found++] = *fact;
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_add_twin(struct backend *backend, const struct twin *twin) {
    struct twin_row *row = ROW_NEW(TABLE_TWIN, struct twin_row);
    row->twin = *twin;
    if (!tables_put(tables_of(backend), &row->row))
        row_free(&row->row);
    return ERR_NONE;
}

static enum err memory_find_twins(struct backend *backend, struct arena *arena, uint64_t id, struct twin **twins,
                                  size_t *count) {
    struct tables *tables = tables_of(backend);
    size_t found = 0;
    for (struct twin_row *row = first_twin(tables, id); row != NULL; row = next_twin(row, id))
        found++;
    struct twin *copies = ARENA_ARRAY(arena, found, struct twin);
    size_t copied = 0;
    for (struct twin_row *row = first_twin(tables, id); row != NULL; row = next_twin(row, id))
        copies[copied++] = row->twin;
    *twins = copies;
    *count = found;
    return ERR_NONE;
}

static enum err memory_add_step(struct backend *backend, uint64_t id, const struct step *step) {
    struct step_row key = {.id = id, .number = UINT64_MAX};
    struct tables *tables = tables_of(backend);
    const struct step_row *last = ROW_AT(tree_below(&tables->steps, &key.by_id), struct step_row, by_id);
    struct step_row *row = ROW_NEW(TABLE_STEP, struct step_row);
    row->id = id;
    row->number = last != NULL && last->id == id ? last->number + 1 : 0;
    row->step = *step;
    row->step.why = text_copy(step->why);
    return put(backend, &row->row, "step");
}

static enum err memory_steps(struct backend *backend, struct arena *arena, uint64_t id, struct step **steps,
                             size_t *count) {
    struct tables *tables = tables_of(backend);
    size_t found = 0;
    for (const struct step_row *row = first_step(tables, id); row != NULL; row = next_step(row))
        found++;
    struct step *copies = ARENA_ARRAY(arena, found, struct step);
    size_t copied = 0;
    for (const struct step_row *row = first_step(tables, id); row != NULL; row = next_step(row)) {
        copies[copied] = row->step;
        copies[copied++].why = arena_str(arena, row->step.why);
    }
    *steps = copies;
    *count = found;
    return ERR_NONE;
}

static enum err memory_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due,
                           size_t max, size_t *count) {
    struct head key = {.record = {.endpoint = endpoint, .state = state, .due_ms = INT64_MIN}};
    size_t found = 0;
    struct tree_node *node = tree_at_least(&tables_of(backend)->due, &key.by_due);
    for (; node != NULL && found < max; node = tree_next(node)) {
        const struct record *record = &CONTAINER_OF(node, struct head, by_due)->record;
        if (record->endpoint != endpoint || record->state != state)
            break;
        due[found++] = (struct due){record->id, record->due_ms};
    }
    *count = found;
    return ERR_NONE;
}

/* The first message of that state with an id above `after`. */
static const struct head *next_in_state(struct tables *tables, enum state state, uint64_t after) {
    struct head key = {.record = {.state = state, .id = after + 1}};
    if (after == UINT64_MAX)
        return NULL;
    const struct head *head = ROW_AT(tree_at_least(&tables->states, &key.by_state), struct head, by_state);
    return head != NULL && head->record.state == state ? head : NULL;
}

static enum err memory_scan(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                            size_t *count) {
    size_t found = 0;
    while (found < max) {
        const struct head *lowest = NULL;
        for (int state = 0; state < STATE_COUNT; state++) {
            const struct head *head = NULL;
            if ((states >> state & 1U) != 0)
                head = next_in_state(tables_of(backend), (enum state)state, after);
            if (head != NULL && (lowest == NULL || head->record.id < lowest->record.id))
                lowest = head;
        }
        if (lowest == NULL)
            break;
        ids[found++] = after = lowest->record.id;
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_scan_content(struct backend *backend, uint64_t after, uint64_t below, uint64_t *ids, size_t max,
                                    size_t *count) {
    struct content_row key = {.id = after + 1};
    size_t found = 0;
    struct tree_node *node = after == UINT64_MAX ? NULL : tree_at_least(&tables_of(backend)->contents, &key.by_id);
    for (; node != NULL && found < max; node = tree_next(node)) {
        uint64_t id = CONTAINER_OF(node, struct content_row, by_id)->id;
        if (id >= below)
            break;
        ids[found++] = id;
    }
    *count = found;
    return ERR_NONE;
}

static enum err memory_list(struct backend *backend, struct arena *arena, const struct filter *filter,
                            struct record **records, size_t *count) {
    struct tables *tables = tables_of(backend);
    struct head key = {.record.id = filter->before == 0 ? UINT64_MAX : filter->before};
    struct record *found = ARENA_ARRAY(arena, filter->limit, struct record);
    size_t found_count = 0;
    struct tree_node *node = tree_below(&tables->heads, &key.by_id);
    for (; node != NULL && found_count < filter->limit; node = tree_prev(node)) {
        const struct head *head = CONTAINER_OF(node, struct head, by_id);
        if (filter_passes(filter, &head->record))
            found[found_count++] = record_copy(arena, head);
    }
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
    struct meta_row *old = find_meta(backend, name);
    if (old != NULL)
        tables_take(tables_of(backend), &old->row);
    struct meta_row *row = ROW_NEW(TABLE_META, struct meta_row);
    row->name = text_copy(name);
    row->value = text_copy(value);
    return put(backend, &row->row, "value");
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
        .scan = memory_scan,
        .scan_content = memory_scan_content,
        .list = memory_list,
        .get_meta = memory_get_meta,
        .put_meta = memory_put_meta,
        .probe = memory_probe,
    };
    struct backend_memory *memory = MEM_NEW(struct backend_memory);
    memory->backend.ops = &ops;
    tables_init(&memory->tables);
    return &memory->backend;
}
