/* A full disk. The store goes on with what makes it emptier:
 *
 *     a write fails for want of room ──► full: the reserve is given up, nothing is admitted, the sweep removes what is
 *            ▲                           past its retention, attempts are settled
 *            └── admitted again ◄── room again: on the disk, or inside the file where messages were removed */
#include "proxy/store/store_internal.h"

#include "common/clock.h"
#include "common/log.h"

enum { LOOK_MS = 10000, LOOK_FULL_MS = 500, FIRST_BUDGET = 64 };

void store_become_full(struct store *store) {
    if (store->backend->ops->make_room == NULL)
        return;
    if (!store->is_full)
        LOG(LOG_WARN, "the disk is full: nothing new is taken, what is past its retention is removed");
    store->full_budget = !store->is_full ? FIRST_BUDGET : store->full_budget > 1 ? store->full_budget / 2 : 1;
    store->is_full = true;
    store->room_us = clock_mono_us() + LOOK_FULL_MS * 1000;
    ledger_set_full(store->ledger, true);
    store->backend->ops->make_room(store->backend);
}

/* Also takes the reserve, at the start and whenever there is room for it again. */
void store_watch_room(struct store *store) {
    int64_t now_us = clock_mono_us();
    if (store->backend->ops->has_room == NULL || now_us < store->room_us)
        return;
    bool has_room = store->backend->ops->has_room(store->backend);
    store->room_us = now_us + (store->is_full ? LOOK_FULL_MS : LOOK_MS) * 1000;
    if (!store->is_full)
        return;
    if (!has_room) {
        ledger_set_full(store->ledger, true);
        store->backend->ops->make_room(store->backend);
        return;
    }
    LOG(LOG_INFO, "there is room for messages again");
    store->is_full = false;
    store->probe_us = 0; /* which says whether the store can write */
    ledger_set_full(store->ledger, false);
}
