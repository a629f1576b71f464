/* What a group has changed in the tables of the memory store, and how to undo it. Used by the tables alone. */
#ifndef PROXY_STORE_MEMORY_JOURNAL_H
#define PROXY_STORE_MEMORY_JOURNAL_H

#include "proxy/store/memory_tables.h"

enum change_kind {
    MESSAGE_PUT,
    MESSAGE_TAKEN,
    MESSAGE_CHANGED,
    CONTENT_TAKEN,
    STEP_PUT,
    FACT_PUT,
    FACT_TAKEN,
    TWIN_PUT,
    TWIN_TAKEN,
    META_PUT,
    META_CHANGED,
    BUCKET_PUT,
    BUCKET_CHANGED,
    BUCKET_TAKEN,
    UNPAIRED_PUT,
    UNPAIRED_TAKEN,
};

/* The part of a record that an update changes. */
struct changeable {
    enum state state;
    uint32_t attempts, tries, marks;
    int64_t due_ms, changed_ms;
    struct str trimmed;
    bool trimmed_changed; /* then this is the older one's owner */
};

struct change {
    enum change_kind kind;
    union {
        struct message_row *message;
        struct fact_entry *fact;
        struct twin_row *twin;
        struct meta_row *meta;
        struct bucket_row *bucket;
        struct unpaired_row *unpaired;
    } row;
    union {
        struct changeable record;
        struct content_row *content;
        struct str value;
        struct parity_counts *counts; /* owned */
    } was;
};

struct changeable changeable_of(const struct record *record);
/* Its text becomes the row's as it is. */
void message_change(struct tables *tables, struct message_row *row, const struct changeable *to);

/* A new entry; the caller fills it in at once. */
struct change *journal_note(struct tables *tables, enum change_kind kind);

#endif
