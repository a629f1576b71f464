#include "tests/model/mirror.h"

#include "tests/model/must.h"
#include <string.h>

static struct mirror *mirror_of(struct backend *backend) {
    return CONTAINER_OF(backend, struct mirror, base);
}

void mirror_arm(struct mirror *mirror, unsigned fail_at) {
    mirror->fail_at = fail_at;
    mirror->failed = false;
}

static bool fails_now(struct mirror *mirror) {
    if (mirror->fail_at == 0 || --mirror->fail_at > 0)
        return false;
    mirror->failed = true;
    if (mirror->on_fail != NULL)
        mirror->on_fail(mirror->arg);
    return true;
}

/* Gives `err` of a call of the backend behind, or the failure that is due. */
#define FORWARD(mirror, call)                                                                                          \
    (fails_now(mirror) ? err_set(&(mirror)->base.detail, ERR_IO, "failed on demand")                                   \
                       : forward_detail((mirror), (mirror)->inner->ops->call))

static enum err forward_detail(struct mirror *mirror, enum err err) {
    if (err != ERR_NONE)
        mirror->base.detail = mirror->inner->detail;
    return err;
}

const struct mirror_record *mirror_find(const struct mirror_data *data, uint64_t id) {
    size_t low = 0, high = data->record_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (data->records[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < data->record_count && data->records[low].id == id ? &data->records[low] : NULL;
}

static struct mirror_record *find(struct mirror *mirror, uint64_t id) {
    const struct mirror_record *found = mirror_find(&mirror->now, id);
    return found == NULL ? NULL : &mirror->now.records[found - mirror->now.records];
}

void mirror_copy(struct mirror_data *to, const struct mirror_data *from) {
    to->record_count = from->record_count;
    to->twin_count = from->twin_count;
    memcpy(to->twins, from->twins, from->twin_count * sizeof *to->twins);
    memcpy(to->records, from->records, from->record_count * sizeof *to->records);
}

static void do_close(struct backend *backend) {
    struct mirror *mirror = mirror_of(backend);
    mirror->inner->ops->close(mirror->inner);
    mirror->inner = NULL;
}

static enum err do_begin(struct backend *backend) {
    struct mirror *mirror = mirror_of(backend);
    MUST(!mirror->in_group);
    enum err err = FORWARD(mirror, begin(mirror->inner));
    if (err == ERR_NONE) {
        mirror->in_group = true;
        mirror_copy(&mirror->saved, &mirror->now);
    }
    return err;
}

static enum err do_commit(struct backend *backend) {
    struct mirror *mirror = mirror_of(backend);
    MUST(mirror->in_group);
    enum err err = FORWARD(mirror, commit(mirror->inner));
    if (err == ERR_NONE)
        mirror->in_group = false;
    return err;
}

void mirror_lose_group(struct mirror *mirror) {
    if (mirror->in_group)
        mirror_copy(&mirror->now, &mirror->saved);
    mirror->in_group = false;
}

static void do_rollback(struct backend *backend) {
    struct mirror *mirror = mirror_of(backend);
    mirror->inner->ops->rollback(mirror->inner);
    mirror_lose_group(mirror);
}

static enum err do_last_id(struct backend *backend, uint64_t *id) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, last_id(mirror->inner, id));
}

static uint32_t bits_of(struct str bitmap) {
    uint32_t bits = 0;
    for (size_t i = 0; i < bitmap.len * 8; i++)
        if (((unsigned)(unsigned char)bitmap.at[i / 8] >> (i % 8) & 1U) != 0) {
            MUST(i < SKETCH_ITEMS);
            bits |= 1U << i;
        }
    return bits;
}

static void note_state(struct mirror_record *to, const struct record *from) {
    to->state = from->state;
    to->due_ms = from->due_ms;
    to->changed_ms = from->changed_ms;
    to->attempts = from->attempts;
    to->tries = from->tries;
    to->marks = from->marks;
    size_t len = (to->item_count + 7) / 8;
    to->trimmed = bits_of(str_slice(from->trimmed.at, from->trimmed.len < len ? from->trimmed.len : len));
    to->again = from->trimmed.len > len ? bits_of(str_from(from->trimmed, len)) : 0;
}

static enum err do_insert(struct backend *backend, const struct record *record, const struct content *content) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, insert(mirror->inner, record, content));
    if (err != ERR_NONE)
        return err;
    struct mirror_data *data = &mirror->now;
    MUST(mirror->in_group && data->record_count < MIRROR_RECORDS);
    MUST(data->record_count == 0 || data->records[data->record_count - 1].id < record->id);
    struct mirror_record *to = &data->records[data->record_count++];
    *to = (struct mirror_record){
        .id = record->id,
        .there = true,
        .generation = record->generation,
        .endpoint = record->endpoint,
        .time_ms = record->time_ms,
        .received_ms = record->received_ms,
        .item_count = record->item_count,
        .group = record->group,
    };
    note_state(to, record);
    return ERR_NONE;
}

static enum err do_update(struct backend *backend, const struct record *record) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, update(mirror->inner, record));
    if (err == ERR_NONE) {
        struct mirror_record *to = find(mirror, record->id);
        MUST(mirror->in_group && to != NULL && to->there);
        note_state(to, record);
    }
    return err;
}

static enum err do_load(struct backend *backend, struct arena *arena, uint64_t id, struct record *record) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, load(mirror->inner, arena, id, record));
}

static enum err do_load_content(struct backend *backend, struct arena *arena, uint64_t id, struct content *content) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, load_content(mirror->inner, arena, id, content));
}

static void drop_twins(struct mirror_data *data, uint64_t id) {
    size_t kept = 0;
    for (size_t i = 0; i < data->twin_count; i++)
        if (data->twins[i].event != id && data->twins[i].rule != id)
            data->twins[kept++] = data->twins[i];
    data->twin_count = kept;
}

static enum err do_remove(struct backend *backend, uint64_t id) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, remove(mirror->inner, id));
    if (err == ERR_NONE) {
        struct mirror_record *record = find(mirror, id);
        MUST(mirror->in_group && record != NULL && record->there);
        record->there = false;
        drop_twins(&mirror->now, id);
    }
    return err;
}

static enum err do_remove_content(struct backend *backend, uint64_t id) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, remove_content(mirror->inner, id));
}

static enum err do_find_identity(struct backend *backend, uint64_t hash, uint64_t *ids, size_t max, size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, find_identity(mirror->inner, hash, ids, max, count));
}

static enum err do_add_fact(struct backend *backend, const struct fact_row *row) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, add_fact(mirror->inner, row));
    if (err == ERR_NONE)
        find(mirror, row->message)->fact_rows++;
    return err;
}

static enum err do_remove_fact(struct backend *backend, const struct fact_row *row) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, remove_fact(mirror->inner, row));
    if (err == ERR_NONE)
        find(mirror, row->message)->fact_rows--;
    return err;
}

static enum err do_find_facts(struct backend *backend, uint64_t hash, int64_t from_ms, int64_t to_ms,
                              struct fact_row *rows, size_t max, size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, find_facts(mirror->inner, hash, from_ms, to_ms, rows, max, count));
}

static bool has_twin(const struct mirror_data *data, const struct twin *twin) {
    for (size_t i = 0; i < data->twin_count; i++)
        if (data->twins[i].event == twin->event && data->twins[i].rule == twin->rule &&
            data->twins[i].item == twin->item)
            return true;
    return false;
}

static enum err do_add_twin(struct backend *backend, const struct twin *twin) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, add_twin(mirror->inner, twin));
    struct mirror_data *data = &mirror->now;
    if (err != ERR_NONE || has_twin(data, twin))
        return err;
    MUST(mirror->in_group && data->twin_count < MIRROR_TWINS);
    data->twins[data->twin_count++] =
        (struct mirror_twin){.event = twin->event, .rule = twin->rule, .group = twin->group, .item = twin->item};
    return ERR_NONE;
}

static enum err do_find_twins(struct backend *backend, struct arena *arena, uint64_t id, struct twin **twins,
                              size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, find_twins(mirror->inner, arena, id, twins, count));
}

static enum err do_add_step(struct backend *backend, uint64_t id, const struct step *step) {
    struct mirror *mirror = mirror_of(backend);
    enum err err = FORWARD(mirror, add_step(mirror->inner, id, step));
    if (err == ERR_NONE) {
        struct mirror_record *record = find(mirror, id);
        MUST(record != NULL && record->there);
        record->steps++;
        record->step_state = step->state;
    }
    return err;
}

static enum err do_steps(struct backend *backend, struct arena *arena, uint64_t id, struct step **steps,
                         size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, steps(mirror->inner, arena, id, steps, count));
}

static enum err do_due(struct backend *backend, enum endpoint endpoint, enum state state, struct due *due, size_t max,
                       size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, due(mirror->inner, endpoint, state, due, max, count));
}

static enum err do_scan(struct backend *backend, uint32_t states, uint64_t after, uint64_t *ids, size_t max,
                        size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, scan(mirror->inner, states, after, ids, max, count));
}

static enum err do_scan_content(struct backend *backend, uint64_t after, uint64_t below, uint64_t *ids, size_t max,
                                size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, scan_content(mirror->inner, after, below, ids, max, count));
}

static enum err do_list(struct backend *backend, struct arena *arena, const struct filter *filter,
                        struct record **records, size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, list(mirror->inner, arena, filter, records, count));
}

static enum err do_add_parity(struct backend *backend, const struct parity_bucket *bucket) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, add_parity(mirror->inner, bucket));
}

static enum err do_each_parity(struct backend *backend, int64_t from_ms, int64_t below_ms, bool skews,
                               each_parity_fn *each, void *arg) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, each_parity(mirror->inner, from_ms, below_ms, skews, each, arg));
}

static enum err do_remove_parity(struct backend *backend, int64_t from_ms, int64_t below_ms) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, remove_parity(mirror->inner, from_ms, below_ms));
}

static enum err do_add_unpaired(struct backend *backend, const struct unpaired *row) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, add_unpaired(mirror->inner, row));
}

static enum err do_remove_unpaired(struct backend *backend, const struct unpaired *row, bool *removed) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, remove_unpaired(mirror->inner, row, removed));
}

static enum err do_scan_unpaired(struct backend *backend, struct arena *arena, const struct unpaired *after,
                                 int64_t below_ms, struct unpaired *rows, size_t max, size_t *count) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, scan_unpaired(mirror->inner, arena, after, below_ms, rows, max, count));
}

static enum err do_get_meta(struct backend *backend, struct arena *arena, struct str name, struct str *value) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, get_meta(mirror->inner, arena, name, value));
}

static enum err do_put_meta(struct backend *backend, struct str name, struct str value) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, put_meta(mirror->inner, name, value));
}

static enum err do_probe(struct backend *backend) {
    struct mirror *mirror = mirror_of(backend);
    return FORWARD(mirror, probe(mirror->inner));
}

static const struct backend_ops mirror_ops = {
    .close = do_close,
    .begin = do_begin,
    .commit = do_commit,
    .rollback = do_rollback,
    .last_id = do_last_id,
    .insert = do_insert,
    .update = do_update,
    .load = do_load,
    .load_content = do_load_content,
    .remove = do_remove,
    .remove_content = do_remove_content,
    .find_identity = do_find_identity,
    .add_fact = do_add_fact,
    .remove_fact = do_remove_fact,
    .find_facts = do_find_facts,
    .add_twin = do_add_twin,
    .find_twins = do_find_twins,
    .add_step = do_add_step,
    .steps = do_steps,
    .due = do_due,
    .scan = do_scan,
    .scan_content = do_scan_content,
    .list = do_list,
    .add_parity = do_add_parity,
    .each_parity = do_each_parity,
    .remove_parity = do_remove_parity,
    .add_unpaired = do_add_unpaired,
    .remove_unpaired = do_remove_unpaired,
    .scan_unpaired = do_scan_unpaired,
    .get_meta = do_get_meta,
    .put_meta = do_put_meta,
    .probe = do_probe,
};

void mirror_attach(struct mirror *mirror, struct backend *inner) {
    mirror->base.ops = &mirror_ops;
    mirror->inner = inner;
    mirror->in_group = false;
    mirror_arm(mirror, 0);
}

void mirror_clear(struct mirror *mirror) {
    mirror->now.record_count = 0;
    mirror->now.twin_count = 0;
}
