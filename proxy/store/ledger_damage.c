/* A file can be damaged in one row and sound in all others. The transaction that meets such a row would fail, and be
 * tried again, and fail: one row would hold up retries, takeovers and retention of all messages. What cannot be read
 * is therefore left where it is, told of once, and passed over from then on.
 *
 * As a twin it counts as gone: what leaned on it is decided without it, and rather delivered twice than not at all. */
#include "proxy/store/ledger_internal.h"

#include "common/log.h"

bool ledger_is_set_aside(const struct ledger *ledger, uint64_t id) {
    return idset_has(&ledger->set_aside, id);
}

void ledger_set_aside(struct ledger *ledger, uint64_t id) {
    if (!idset_add(&ledger->set_aside, id))
        return;
    struct str text = message_id_format(ledger->scratch, id);
    LOG(LOG_ERROR, "stored message set aside: it is damaged", LOG_STR("message", text),
        LOG_TEXTZ("error", ledger->backend->detail.text));
}

enum err ledger_load_own(struct ledger *ledger, struct arena *arena, uint64_t id, struct record *record) {
    enum err err = ledger->ops->load(ledger->backend, arena, id, record);
    if (err == ERR_DAMAGED)
        ledger_set_aside(ledger, id);
    return err;
}

enum err ledger_load_other(struct ledger *ledger, uint64_t id, struct record *record) {
    enum err err = ledger_load_own(ledger, ledger->scratch, id, record);
    return err == ERR_DAMAGED ? ERR_NOT_FOUND : err;
}
