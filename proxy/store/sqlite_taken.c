/* After a crash they are found by walking through the messages from a floor on, below which none is. It is raised every
 * some thousand messages; those that are still there from before the last time are entered into the indexes then, so
 * that one slow consumer does not hold it down. */
#include "proxy/store/sqlite_taken.h"

#include "common/mem.h"
#include "proxy/store/sqlite_query.h"

enum { INSERTED_MAX = 4096 };

size_t taken_place_after(const struct taken *taken, uint64_t id) {
    size_t low = 0, high = taken->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (taken->ids[middle] <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool put(struct taken *taken, uint64_t id) {
    size_t place = taken_place_after(taken, id);
    if (place > 0 && taken->ids[place - 1] == id)
        return false;
    if (taken->count == taken->capacity) {
        taken->capacity = taken->capacity == 0 ? 64 : taken->capacity * 2;
        taken->ids = mem_resize(taken->ids, taken->capacity * sizeof *taken->ids);
    }
    memmove(taken->ids + place + 1, taken->ids + place, (taken->count - place) * sizeof *taken->ids);
    taken->ids[place] = id;
    taken->count++;
    return true;
}

static bool cut(struct taken *taken, uint64_t id) {
    size_t place = taken_place_after(taken, id);
    if (place == 0 || taken->ids[place - 1] != id)
        return false;
    memmove(taken->ids + place - 1, taken->ids + place, (taken->count - place) * sizeof *taken->ids);
    taken->count--;
    return true;
}

static void note(struct taken *taken, uint64_t id, bool added) {
    if (taken->change_count == taken->change_capacity) {
        taken->change_capacity = taken->change_capacity == 0 ? 64 : taken->change_capacity * 2;
        taken->changes = mem_resize(taken->changes, taken->change_capacity * sizeof *taken->changes);
    }
    taken->changes[taken->change_count++] = (struct taken_change){id, added};
}

void taken_add(struct taken *taken, uint64_t id) {
    if (put(taken, id))
        note(taken, id, true);
    taken_pass(taken, id);
}

void taken_pass(struct taken *taken, uint64_t id) {
    taken->last = id > taken->last ? id : taken->last;
    taken->inserted++;
}

void taken_remove(struct taken *taken, uint64_t id) {
    if (taken->count > 0 && cut(taken, id))
        note(taken, id, false);
}

void taken_kept(struct taken *taken) {
    taken->change_count = 0;
}

void taken_undo(struct taken *taken) {
    while (taken->change_count > 0) {
        struct taken_change change = taken->changes[--taken->change_count];
        (void)(change.added ? cut(taken, change.id) : put(taken, change.id));
    }
}

void taken_clear(struct taken *taken) {
    mem_free(taken->ids);
    mem_free(taken->changes);
    *taken = (struct taken){0};
}

enum err sqlite_taken_recover(struct sqlite_db *db) {
    struct query query = query_begin(db, SQL_RECOVER_TAKEN);
    return query_run(&query);
}

enum err sqlite_taken_write(struct sqlite_db *db) {
    struct taken *taken = db->taken;
    enum err err = ERR_NONE;
    if (taken->inserted < INSERTED_MAX)
        return ERR_NONE;
    while (err == ERR_NONE && taken->count > 0 && taken->ids[0] <= taken->last_then) {
        err = query_run_id(db, SQL_INDEX_TAKEN, taken->ids[0]);
        taken_remove(taken, taken->ids[0]);
    }
    if (err == ERR_NONE)
        err = query_run_id(db, SQL_PUT_FLOOR, taken->count > 0 ? taken->ids[0] : taken->last);
    taken->last_then = taken->last;
    taken->inserted = 0;
    return err;
}
