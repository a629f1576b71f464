/* Under which hashes and times a message stands in the index of facts. Both ways go by what the record says, so that
 * what was entered is found again when the message goes.
 *
 * The index is asked for a span of time around what an arriving message tells, and around its arrival. Most messages
 * arrive soon after what they tell of: one row does for both. */
#include "proxy/store/ledger_internal.h"

typedef enum err row_fn(struct backend *backend, const struct fact_row *row);

static enum err visit_fact(struct ledger *ledger, const struct record *record, const struct fact *fact, uint32_t item,
                           row_fn *visit) {
    int64_t late_ms = record->received_ms - record->time_ms;
    struct fact_row row = {.hash = fact_hash(record->generation, fact->key),
                           .time_ms = record->time_ms,
                           .message = record->id,
                           .item = item};
    TRY(visit(ledger->backend, &row));
    if (!fact_recurs(fact->match) || (late_ms <= NEARLY_SAME_MS && late_ms >= -NEARLY_SAME_MS))
        return ERR_NONE;
    row.time_ms = record->received_ms;
    return visit(ledger->backend, &row);
}

static enum err visit_rows(struct ledger *ledger, const struct record *record, row_fn *visit) {
    struct item *items;
    size_t count;
    struct fact_row row;
    if (!ledger_facts_decode(ledger->scratch, record->facts, &items, &count))
        return err_set(&ledger->backend->detail, ERR_DAMAGED, "the facts of message %llu are damaged",
                       (unsigned long long)record->id);
    for (uint32_t i = 0; i < count; i++)
        for (size_t f = 0; f < items[i].fact_count; f++)
            TRY(visit_fact(ledger, record, &items[i].facts[f], i, visit));
    if (ledger_body_row(record, &row))
        TRY(visit(ledger->backend, &row));
    return ledger_body_id_row(record, &row) ? visit(ledger->backend, &row) : ERR_NONE;
}

enum err ledger_add_rows(struct ledger *ledger, const struct record *record) {
    return visit_rows(ledger, record, ledger->ops->add_fact);
}

enum err ledger_remove_rows(struct ledger *ledger, const struct record *record) {
    return visit_rows(ledger, record, ledger->ops->remove_fact);
}
