/* An operator wants a message delivered again. What is handled already would be handled twice, so a replay leaves it
 * out, and is refused where nothing is left; by force it goes whole. */
#include "proxy/store/ledger_internal.h"

static enum err refuse_handled(struct ledger *ledger, const struct record *record) {
    bool own = record->state == STATE_DELIVERED;
    return err_set(&ledger->backend->detail, ERR_EXISTS,
                   "%s; a replay would deliver it twice: replay it with --force (force=true) if you want that",
                   own ? "it is delivered already" : "its twins have handled all of it");
}

/* ERR_NONE: it can be replayed. */
static enum err examine(struct ledger *ledger, uint64_t id, bool force, struct record *record) {
    bool handled;
    TRY(ledger->ops->load(ledger->backend, ledger->scratch, id, record));
    if (idset_has(&ledger->leases, id))
        return err_set(&ledger->backend->detail, ERR_BUSY, "an attempt is under way; replay it when that has ended");
    if ((record->marks & RECORD_CONTENT_GONE) != 0)
        return err_set(&ledger->backend->detail, ERR_INVALID,
                       "its body is past store.body_retention and was removed, so it cannot be delivered again");
    if (force || record->state == STATE_PENDING) /* pending: it goes now and not later, which doubles nothing */
        return ERR_NONE;
    TRY(ledger_is_handled(ledger, record, &handled));
    return handled ? refuse_handled(ledger, record) : ERR_NONE;
}

/* Of a message that was delivered before, what it left out then counts as delivered only when the replay has arrived.
 */
static enum err choose_items(struct ledger *ledger, struct record *record, bool force, int64_t now_ms) {
    struct str spare;
    size_t count;
    bool once = (record->marks & RECORD_DELIVERED_ONCE) != 0;
    if (force) {
        record->marks |= RECORD_FORCED;
        if (!once)
            record->trimmed = STR_NONE;
        return ERR_NONE;
    }
    if (record->state == STATE_PENDING)
        return ERR_NONE;
    TRY(ledger_spare(ledger, record, now_ms, &spare, &count));
    if (!once) {
        record->trimmed = count > 0 && ledger->policy.trim ? spare : STR_NONE;
        return ERR_NONE;
    }
    char *again = arena_alloc(ledger->scratch, record_bitmap_len(record));
    for (uint32_t i = 0; i < record->item_count; i++)
        if (bitmap_has(record->trimmed, i) && !bitmap_has(spare, i))
            bitmap_set(again, i);
    ledger_set_again(ledger, record, str_slice(again, record_bitmap_len(record)));
    return ERR_NONE;
}

enum err ledger_replay(struct ledger *ledger, uint64_t id, bool force, int64_t now_ms) {
    struct record record;
    arena_reset(ledger->scratch);
    TRY(examine(ledger, id, force, &record));
    TRY(choose_items(ledger, &record, force, now_ms));
    record.marks |= RECORD_REPLAYED | RECORD_PROMISED;
    record.tries = 0;
    TRY(ledger_move(ledger, &record, STATE_PENDING, now_ms, now_ms,
                    (struct step){.why = force ? STR("replayed by force") : STR("replayed")}));
    ledger->now.stats.replays++;
    return ledger_ripple(ledger, id, now_ms, "its twin was replayed");
}

enum err ledger_try_replay(struct ledger *ledger, uint64_t id, bool force) {
    struct record record;
    arena_reset(ledger->scratch);
    return examine(ledger, id, force, &record);
}
