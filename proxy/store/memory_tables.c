/* What changes the tables: each function links, unlinks or changes a row, and writes down what it did. */
#include "proxy/store/memory_tables.h"

#include "common/mem.h"
#include "proxy/store/memory_journal.h"
#include "proxy/store/memory_links.h"

static void note_message(struct tables *tables, enum change_kind kind, struct message_row *row) {
    journal_note(tables, kind)->row.message = row;
}

bool tables_put_message(struct tables *tables, struct message_row *row) {
    if (!message_link(tables, row))
        return false;
    note_message(tables, MESSAGE_PUT, row);
    return true;
}

bool tables_put_fact(struct tables *tables, struct fact_entry *entry) {
    if (!fact_link(tables, entry))
        return false;
    journal_note(tables, FACT_PUT)->row.fact = entry;
    return true;
}

bool tables_put_twin(struct tables *tables, struct twin_row *row) {
    if (!twin_link(tables, row))
        return false;
    journal_note(tables, TWIN_PUT)->row.twin = row;
    return true;
}

bool tables_put_meta(struct tables *tables, struct meta_row *row) {
    if (!meta_link(tables, row))
        return false;
    journal_note(tables, META_PUT)->row.meta = row;
    return true;
}

bool tables_put_bucket(struct tables *tables, struct bucket_row *row) {
    if (!bucket_link(tables, row))
        return false;
    journal_note(tables, BUCKET_PUT)->row.bucket = row;
    return true;
}

bool tables_put_unpaired(struct tables *tables, struct unpaired_row *row) {
    if (!unpaired_link(tables, row))
        return false;
    journal_note(tables, UNPAIRED_PUT)->row.unpaired = row;
    return true;
}

void tables_put_step(struct tables *tables, struct message_row *row, struct step_row *step) {
    step->older = row->steps;
    row->steps = step;
    note_message(tables, STEP_PUT, row);
}

static bool is_same_text(struct str a, struct str b) {
    return a.at == NULL || b.at == NULL ? a.at == b.at : str_eq(a, b);
}

void tables_change_message(struct tables *tables, struct message_row *row, const struct record *record) {
    struct changeable to = changeable_of(record), *was;
    struct change *change = journal_note(tables, MESSAGE_CHANGED);
    change->row.message = row;
    was = &change->was.record;
    *was = changeable_of(&row->record);
    was->trimmed_changed = !is_same_text(was->trimmed, to.trimmed);
    to.trimmed = was->trimmed_changed ? text_new(to.trimmed) : was->trimmed;
    message_change(tables, row, &to);
}

void tables_change_meta(struct tables *tables, struct meta_row *row, struct str value) {
    struct change *change = journal_note(tables, META_CHANGED);
    change->row.meta = row;
    change->was.value = row->value;
    row->value = text_new(value);
}

void tables_add_counts(struct tables *tables, struct bucket_row *row, const struct parity_counts *counts) {
    struct change *change = journal_note(tables, BUCKET_CHANGED);
    change->row.bucket = row;
    change->was.counts = mem_copy(&row->bucket.counts, sizeof row->bucket.counts);
    parity_counts_add(&row->bucket.counts, counts);
}

void tables_take_content(struct tables *tables, struct message_row *row) {
    struct change *change = journal_note(tables, CONTENT_TAKEN);
    change->row.message = row;
    change->was.content = row->content;
    row->content = NULL;
    message_mark(tables, row);
}

void tables_take_fact(struct tables *tables, struct fact_entry *entry) {
    fact_unlink(tables, entry);
    journal_note(tables, FACT_TAKEN)->row.fact = entry;
}

void tables_take_bucket(struct tables *tables, struct bucket_row *row) {
    bucket_unlink(tables, row);
    journal_note(tables, BUCKET_TAKEN)->row.bucket = row;
}

void tables_take_unpaired(struct tables *tables, struct unpaired_row *row) {
    unpaired_unlink(tables, row);
    journal_note(tables, UNPAIRED_TAKEN)->row.unpaired = row;
}

static void take_twin(struct tables *tables, struct twin_row *row) {
    twin_unlink(row);
    journal_note(tables, TWIN_TAKEN)->row.twin = row;
}

void tables_take_message(struct tables *tables, struct message_row *row) {
    while (row->as_event != NULL)
        take_twin(tables, CONTAINER_OF(row->as_event, struct twin_row, by_event));
    while (row->as_rule != NULL)
        take_twin(tables, CONTAINER_OF(row->as_rule, struct twin_row, by_rule));
    message_unlink(tables, row);
    note_message(tables, MESSAGE_TAKEN, row);
}

void tables_init(struct tables *tables) {
    links_init(tables);
}

static void free_twins(struct message_row *row) {
    while (row->as_event != NULL) {
        struct twin_row *twin = CONTAINER_OF(row->as_event, struct twin_row, by_event);
        twin_unlink(twin);
        mem_free(twin);
    }
}

static void free_messages(struct tables *tables) {
    struct message_row *row;
    /* all twins first: each is in the trees of two messages */
    for (uint64_t id = 0; (row = shelf_above(&tables->messages, &id, MARK_ANY)) != NULL;)
        free_twins(row);
    for (uint64_t id = 0; (row = shelf_above(&tables->messages, &id, MARK_ANY)) != NULL;)
        message_row_free(row);
    shelf_clear(&tables->messages);
}

static void free_facts(struct tables *tables) {
    size_t place = 0;
    for (const struct map_slot *slot; (slot = map_next(&tables->facts, &place)) != NULL;) {
        struct tree tree = tables_facts(tables, slot->key);
        for (struct tree_node *node; (node = tree.root) != NULL;) {
            tree_remove(&tree, node);
            mem_free(CONTAINER_OF(node, struct fact_entry, by_hash));
        }
    }
    map_clear(&tables->facts);
}

void tables_clear(struct tables *tables) {
    tables_commit(tables);
    free_messages(tables);
    free_facts(tables);
    map_clear(&tables->identities);
    for (struct tree_node *node; (node = tree_first(&tables->meta)) != NULL;) {
        tree_remove(&tables->meta, node);
        meta_row_free(CONTAINER_OF(node, struct meta_row, by_name));
    }
    for (struct tree_node *node; (node = tree_first(&tables->buckets)) != NULL;) {
        tree_remove(&tables->buckets, node);
        mem_free(CONTAINER_OF(node, struct bucket_row, by_start));
    }
    for (struct tree_node *node; (node = tree_first(&tables->unpaired)) != NULL;) {
        tree_remove(&tables->unpaired, node);
        mem_free(CONTAINER_OF(node, struct unpaired_row, by_arrival));
    }
    mem_free(tables->journal);
}
