/* Is a message the repeat of one that was seen before?
 *
 *   both have a webhook-id      the same webhook-id, and they state the same
 *   one of the two has none     the same id in the body, and they state the same: one alert can come by the old service
 *                               of the vendor, without a webhook-id, and by the new one, with it
 *
 * Messages of one identity that state something else are others: senders use constant ids. Any number of them may
 * come, so only the first stands in the index under its identity; the others stand there under their identity and
 * what they state, and a repeat of any is found at once. */
#include "proxy/store/ledger_candidates.h"

/* So that what is there for people to look up is never found by an arrival. */
#define BODY_ID_MARK UINT64_C(0x5bd1e995a5a5c3c3)

/* Of an identity and what is stated under it. Stores keep it. */
static uint64_t digest(const struct record *record, struct str key) {
    return ledger_facts_digest(record->facts, identity_hash(record->generation, key) ^ rule_group(record->type, key));
}

static bool may_be_equal(struct str a, struct str b) {
    return a.len == 0 || b.len == 0 || str_eq_nocase(a, b);
}

/* Two messages of one identity: do they state the same? What one of them does not tell is no difference. */
static bool state_the_same(const struct record *a, const struct record *b) {
    return str_eq_nocase(a->type, b->type) && a->item_count == b->item_count && may_be_equal(a->company, b->company) &&
           may_be_equal(a->connection, b->connection) && may_be_equal(a->data_type, b->data_type) &&
           may_be_equal(a->rule_id, b->rule_id) && ledger_facts_equal(a->facts, b->facts);
}

/* Same webhook-id; or same id in the body, where either has no webhook-id. */
static bool have_one_identity(const struct record *a, const struct record *b) {
    struct str header = identity_header(a->identity), other = identity_header(b->identity);
    if (a->generation != b->generation)
        return false;
    if (header.len > 0 && other.len > 0)
        return str_eq(header, other);
    struct str body = identity_body(a->identity);
    return body.len > 0 && str_eq(body, identity_body(b->identity));
}

/* Nobody handled it, and its body is gone: its repeat is the message now. */
static bool is_beyond_repair(const struct record *first) {
    return first->state == STATE_DEAD && (first->marks & RECORD_CONTENT_GONE) != 0;
}

/* Is `id` what the arriving message repeats? Of several the newest is. */
static enum err compare(struct ledger *ledger, const struct record *record, uint64_t id, int64_t now_ms,
                        struct repeat *repeat) {
    struct record other;
    if (repeat->found && id <= repeat->first.id)
        return ERR_NONE;
    enum err err = ledger_load_other(ledger, id, &other);
    if (err != ERR_NONE)
        return err == ERR_NOT_FOUND ? ERR_NONE : err;
    if (!have_one_identity(record, &other) || !ledger_is_remembered(ledger, &other, now_ms - ledger->ahead_ms) ||
        is_beyond_repair(&other))
        return ERR_NONE;
    if (state_the_same(record, &other)) {
        repeat->found = true;
        repeat->first = other;
    } else if (str_eq(identity_key(record->identity), identity_key(other.identity))) {
        repeat->namesake = id;
    }
    return ERR_NONE;
}

static enum err find_by_identity(struct ledger *ledger, const struct record *record, uint64_t hash, int64_t now_ms,
                                 struct repeat *repeat) {
    uint64_t ids[IDENTITY_MAX];
    size_t count;
    TRY(ledger->ops->find_identity(ledger->backend, hash, ids, IDENTITY_MAX, &count));
    for (size_t i = 0; i < count; i++)
        TRY(compare(ledger, record, ids[i], now_ms, repeat));
    return ERR_NONE;
}

static enum err find_under(struct ledger *ledger, const struct record *record, struct str key, int64_t now_ms,
                           struct repeat *repeat) {
    TRY(find_by_identity(ledger, record, identity_hash(record->generation, key), now_ms, repeat));
    return find_by_identity(ledger, record, digest(record, key), now_ms, repeat);
}

/* The hash under which a message with both ids is found by the one in its body: that of a fact which holds it, so that
 * most messages need no row of their own. */
static uint64_t body_hash(const struct record *record, bool *has_own_row) {
    struct str hint = ledger_facts_hint(record->facts);
    *has_own_row = hint.len == 0;
    return hint.len > 0 ? fact_hash(record->generation, hint) : digest(record, identity_body(record->identity));
}

bool ledger_body_row(const struct record *record, struct fact_row *row) {
    bool has_own_row;
    if (identity_header(record->identity).len == 0 || identity_body(record->identity).len == 0)
        return false;
    *row = (struct fact_row){
        .hash = body_hash(record, &has_own_row), .time_ms = record->received_ms, .message = record->id};
    return has_own_row;
}

uint64_t ledger_body_id_hash(enum generation generation, struct str body) {
    return identity_hash(generation, body) ^ BODY_ID_MARK;
}

bool ledger_body_id_row(const struct record *record, struct fact_row *row) {
    if (!ledger_body_row(record, row))
        return false;
    row->hash = ledger_body_id_hash(record->generation, identity_body(record->identity));
    return true;
}

static enum err find_with_header(struct ledger *ledger, const struct record *record, int64_t now_ms,
                                 struct repeat *repeat) {
    struct fact_row *rows;
    size_t count;
    bool has_own_row;
    TRY(ledger_find_rows(ledger, body_hash(record, &has_own_row), INT64_MIN, INT64_MAX, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].item == 0)
            TRY(compare(ledger, record, rows[i].message, now_ms, repeat));
    return ERR_NONE;
}

enum err ledger_find_repeated(struct ledger *ledger, struct record *record, int64_t now_ms, struct repeat *repeat) {
    struct str key = identity_key(record->identity), body = identity_body(record->identity);
    bool has_header = identity_header(record->identity).len > 0;
    *repeat = (struct repeat){0};
    if (key.len == 0)
        return ERR_NONE;
    TRY(find_under(ledger, record, key, now_ms, repeat));
    if (has_header && body.len > 0)
        TRY(find_under(ledger, record, body, now_ms, repeat));
    if (!has_header)
        TRY(find_with_header(ledger, record, now_ms, repeat));
    record->identity_hash = repeat->namesake == 0 ? identity_hash(record->generation, key) : digest(record, key);
    return ERR_NONE;
}
