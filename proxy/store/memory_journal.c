/* Every change has an entry that undoes it: a row put is taken, a row taken is put back where it was, a row changed
 * gets back what it had. Backwards, so that each finds the tables as they were when it was made. */
#include "proxy/store/memory_journal.h"

#include "common/mem.h"
#include "proxy/store/memory_links.h"

#include <assert.h>

struct change *journal_note(struct tables *tables, enum change_kind kind) {
    if (tables->change_count == tables->change_capacity) {
        tables->change_capacity = tables->change_capacity == 0 ? 64 : tables->change_capacity * 2;
        tables->journal = mem_resize(tables->journal, tables->change_capacity * sizeof *tables->journal);
    }
    struct change *change = &tables->journal[tables->change_count++];
    change->kind = kind;
    return change;
}

struct changeable changeable_of(const struct record *record) {
    return (struct changeable){
        .state = record->state,
        .attempts = record->attempts,
        .tries = record->tries,
        .marks = record->marks,
        .due_ms = record->due_ms,
        .changed_ms = record->changed_ms,
        .trimmed = record->trimmed,
    };
}

void message_change(struct tables *tables, struct message_row *row, const struct changeable *to) {
    struct record *record = &row->record;
    bool has_other_state = record->state != to->state,
         has_other_place = has_other_state || record->due_ms != to->due_ms;
    if (has_other_place)
        due_unlink(tables, row);
    record->state = to->state;
    record->attempts = to->attempts;
    record->tries = to->tries;
    record->marks = to->marks;
    record->due_ms = to->due_ms;
    record->changed_ms = to->changed_ms;
    record->trimmed = to->trimmed;
    if (has_other_place)
        due_link(tables, row);
    if (has_other_state)
        message_mark(tables, row);
}

static void change_back(struct tables *tables, struct message_row *row, const struct changeable *was) {
    if (was->trimmed_changed)
        text_free(row->record.trimmed);
    message_change(tables, row, was);
}

/* What the change has left behind for a rollback. */
static void forget(const struct change *change) {
    switch (change->kind) {
    case MESSAGE_TAKEN:
        message_row_free(change->row.message);
        break;
    case MESSAGE_CHANGED:
        if (change->was.record.trimmed_changed)
            text_free(change->was.record.trimmed);
        break;
    case CONTENT_TAKEN:
        mem_free(change->was.content);
        break;
    case FACT_TAKEN:
        mem_free(change->row.fact);
        break;
    case TWIN_TAKEN:
        mem_free(change->row.twin);
        break;
    case META_CHANGED:
        text_free(change->was.value);
        break;
    case BUCKET_CHANGED:
        mem_free(change->was.counts);
        break;
    case BUCKET_TAKEN:
        mem_free(change->row.bucket);
        break;
    case UNPAIRED_TAKEN:
        mem_free(change->row.unpaired);
        break;
    case MESSAGE_PUT:
    case STEP_PUT:
    case FACT_PUT:
    case TWIN_PUT:
    case META_PUT:
    case BUCKET_PUT:
    case UNPAIRED_PUT:
        break;
    }
}

void tables_commit(struct tables *tables) {
    for (size_t i = 0; i < tables->change_count; i++)
        forget(&tables->journal[i]);
    tables->change_count = 0;
}

static void take_newest_step(struct message_row *row) {
    struct step_row *step = row->steps;
    row->steps = step->older;
    mem_free(step);
}

static void put_back(bool linked) {
    assert(linked);
    (void)linked;
}

static void undo_parity(struct tables *tables, const struct change *change) {
    switch (change->kind) {
    case BUCKET_PUT:
        bucket_unlink(tables, change->row.bucket);
        mem_free(change->row.bucket);
        break;
    case BUCKET_CHANGED:
        change->row.bucket->bucket.counts = *change->was.counts;
        mem_free(change->was.counts);
        break;
    case BUCKET_TAKEN:
        put_back(bucket_link(tables, change->row.bucket));
        break;
    case UNPAIRED_PUT:
        unpaired_unlink(tables, change->row.unpaired);
        mem_free(change->row.unpaired);
        break;
    default: /* UNPAIRED_TAKEN */
        put_back(unpaired_link(tables, change->row.unpaired));
        break;
    }
}

static void undo(struct tables *tables, const struct change *change) {
    struct message_row *message = change->row.message;
    switch (change->kind) {
    case MESSAGE_PUT:
        message_unlink(tables, message);
        message_row_free(message);
        break;
    case MESSAGE_TAKEN:
        put_back(message_link(tables, message));
        break;
    case MESSAGE_CHANGED:
        change_back(tables, message, &change->was.record);
        break;
    case CONTENT_TAKEN:
        message->content = change->was.content;
        message_mark(tables, message);
        break;
    case STEP_PUT:
        take_newest_step(message);
        break;
    case FACT_PUT:
        fact_unlink(tables, change->row.fact);
        mem_free(change->row.fact);
        break;
    case FACT_TAKEN:
        put_back(fact_link(tables, change->row.fact));
        break;
    case TWIN_PUT:
        twin_unlink(change->row.twin);
        mem_free(change->row.twin);
        break;
    case TWIN_TAKEN:
        put_back(twin_link(tables, change->row.twin));
        break;
    case META_PUT:
        meta_unlink(tables, change->row.meta);
        meta_row_free(change->row.meta);
        break;
    case META_CHANGED:
        text_free(change->row.meta->value);
        change->row.meta->value = change->was.value;
        break;
    case BUCKET_PUT:
    case BUCKET_CHANGED:
    case BUCKET_TAKEN:
    case UNPAIRED_PUT:
    case UNPAIRED_TAKEN:
        undo_parity(tables, change);
        break;
    }
}

void tables_rollback(struct tables *tables) {
    while (tables->change_count > 0)
        undo(tables, &tables->journal[--tables->change_count]);
}
