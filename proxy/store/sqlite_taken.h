/* Messages whose attempt is under way from the moment they are stored, which is nearly every message that is delivered:
 * they wait for nothing, so they are in no index of what waits, where they would be for some milliseconds. They are
 * known here, until they change, and are found again when the file is opened after a crash. */
#ifndef PROXY_STORE_SQLITE_TAKEN_H
#define PROXY_STORE_SQLITE_TAKEN_H

#include "proxy/store/sqlite_db.h"

enum { STATE_TAKEN = 7 }; /* in files, for STATE_PENDING of a message that is in no index */

struct taken_change {
    uint64_t id;
    bool added;
};

struct taken {
    uint64_t *ids; /* upwards */
    size_t count, capacity;
    struct taken_change *changes; /* of the transaction under way */
    size_t change_count, change_capacity;
    size_t inserted; /* since the floor was written */
    uint64_t last, last_then;
};

void taken_add(struct taken *taken, uint64_t id);    /* higher than any before */
void taken_pass(struct taken *taken, uint64_t id);   /* likewise: a message that is none of them */
void taken_remove(struct taken *taken, uint64_t id); /* where it is there */
void taken_kept(struct taken *taken);                /* the transaction is committed, or ... */
void taken_undo(struct taken *taken);
void taken_clear(struct taken *taken); /* frees */
/* How many ids are at most `id`: the place of the next one. */
size_t taken_place_after(const struct taken *taken, uint64_t id);

/* Before the file is used: those of a process that has ended wait like others. */
enum err sqlite_taken_recover(struct sqlite_db *db) MUST_USE;
/* Before a commit: keeps what there is to look through then small. */
enum err sqlite_taken_write(struct sqlite_db *db) MUST_USE;

#endif
