/* Which items of a message go with it. Most messages have one; an event about several data types leaves out those that
 * its alerts have told, and gets them back when such an alert is not delivered after all:
 *
 *   pending, not under way     the item goes with it again                  ledger_take_items_back()
 *   delivered without it       the event is sent once more, with just it    ledger_give_back()
 *
 * An item can have several rules, and they need not tell the same of it ("completed", "changed"). A rule that waits
 * because its side is off, and tells what no handled rule has told, needs the event: ledger_unspare(). */
#include "proxy/store/ledger_internal.h"

/* Does `other` tell a fact that the rule and the item of the event share? */
static bool tells_the_same(const struct record *event, uint32_t item, const struct fact *facts, size_t count,
                           const struct record *other) {
    for (size_t i = 0; i < count; i++)
        if (ledger_facts_state(event->facts, item, facts[i].key) && ledger_facts_state(other->facts, 0, facts[i].key))
            return true;
    return false;
}

static bool is_waiting(const struct record *rule) {
    return (rule->state == STATE_PARKED || rule->state == STATE_EXPIRED) && !record_is_handled(rule);
}

static bool has_told_all(struct ledger *ledger, const struct record *event, uint32_t item, const struct record *rule,
                         const struct record **handled, size_t handled_count) {
    struct item *items;
    size_t count;
    if (!ledger_facts_decode(ledger->scratch, rule->facts, &items, &count) || count == 0)
        return true;
    for (size_t i = 0; i < handled_count; i++)
        if (tells_the_same(event, item, items[0].facts, items[0].fact_count, handled[i]))
            return true;
    return false;
}

/* The twins of one item. */
static bool is_needed(struct ledger *ledger, const struct record *event, const struct rule_twin *twins, size_t count) {
    const struct record **handled = ARENA_ARRAY(ledger->scratch, count, const struct record *);
    size_t handled_count = 0;
    for (size_t i = 0; i < count; i++)
        if (record_is_handled(twins[i].rule))
            handled[handled_count++] = twins[i].rule;
    for (size_t i = 0; i < count; i++)
        if (is_waiting(twins[i].rule) &&
            !has_told_all(ledger, event, twins[i].item, twins[i].rule, handled, handled_count))
            return true;
    return false;
}

size_t ledger_unspare(struct ledger *ledger, const struct record *event, const struct rule_twin *twins, size_t count,
                      char *spare) {
    size_t taken = 0, end;
    for (size_t i = 0; i < count; i = end) {
        uint32_t item = twins[i].item;
        bool waits = false;
        for (end = i; end < count && twins[end].item == item; end++)
            waits = waits || is_waiting(twins[end].rule);
        if (!waits || !bitmap_has(str_slice(spare, record_bitmap_len(event)), item) ||
            !is_needed(ledger, event, &twins[i], end - i))
            continue;
        bitmap_unset(spare, item);
        taken++;
    }
    return taken;
}

static enum err load_rules(struct ledger *ledger, const struct record *event, struct rule_twin **rules, size_t *count) {
    struct twin *twins;
    size_t twin_count, loaded = 0;
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, event->id, &twins, &twin_count));
    struct rule_twin *made = ARENA_ARRAY(ledger->scratch, twin_count, struct rule_twin);
    for (size_t i = 0; i < twin_count; i++) {
        struct record *rule = ARENA_NEW(ledger->scratch, struct record);
        enum err err = ledger_load_other(ledger, twins[i].rule, rule);
        if (err == ERR_NOT_FOUND || twins[i].item >= event->item_count)
            continue;
        if (err != ERR_NONE)
            return err;
        made[loaded++] = (struct rule_twin){twins[i].item, rule};
    }
    *rules = made;
    *count = loaded;
    return ERR_NONE;
}

enum err ledger_spare(struct ledger *ledger, const struct record *record, int64_t now_ms, struct str *spare,
                      size_t *count) {
    struct rule_twin *rules;
    size_t rule_count;
    TRY(ledger_coverage(ledger, record, spare, count));
    if (record->generation != GENERATION_EVENT || *count == 0 || (record->marks & RECORD_CONTENT_GONE) != 0 ||
        !ledger_own_on(ledger, record, now_ms))
        return ERR_NONE;
    TRY(load_rules(ledger, record, &rules, &rule_count));
    char *bits = arena_copy(ledger->scratch, spare->at, spare->len);
    *count -= ledger_unspare(ledger, record, rules, rule_count, bits);
    *spare = str_slice(bits, spare->len);
    return ERR_NONE;
}

enum err ledger_is_handled(struct ledger *ledger, const struct record *record, bool *handled) {
    struct str covered;
    size_t count;
    TRY(ledger_coverage(ledger, record, &covered, &count));
    *handled = true;
    for (uint32_t i = 0; i < record->item_count && *handled; i++)
        *handled = record_handles(record, i) || bitmap_has(covered, i);
    return ERR_NONE;
}

enum err ledger_is_delivered(struct ledger *ledger, const struct record *record, bool *delivered) {
    struct twin *twins;
    size_t count;
    char *bits = arena_alloc(ledger->scratch, record_bitmap_len(record));
    TRY(ledger->ops->find_twins(ledger->backend, ledger->scratch, record->id, &twins, &count));
    for (size_t i = 0; i < count; i++) {
        bool is_rule = twins[i].rule == record->id;
        uint32_t own_item = is_rule ? 0 : twins[i].item;
        struct record other;
        enum err err = ledger_load_other(ledger, is_rule ? twins[i].event : twins[i].rule, &other);
        if (err == ERR_NOT_FOUND || own_item >= record->item_count)
            continue;
        if (err != ERR_NONE)
            return err;
        if (record_has_delivered(&other, is_rule ? twins[i].item : 0) && ledger_may_cover(ledger, &other, record))
            bitmap_set(bits, own_item);
    }
    *delivered = true;
    for (uint32_t i = 0; i < record->item_count && *delivered; i++)
        *delivered = record_has_delivered(record, i) || bitmap_has(str_slice(bits, record_bitmap_len(record)), i);
    return ERR_NONE;
}

/* The items that it leaves to twins although it should not; `*bits` of the length of one bitmap. */
static enum err find_left(struct ledger *ledger, const struct record *record, int64_t now_ms, char **bits,
                          size_t *count) {
    struct str spare;
    size_t spare_count;
    TRY(ledger_spare(ledger, record, now_ms, &spare, &spare_count));
    *bits = arena_alloc(ledger->scratch, record_bitmap_len(record));
    *count = 0;
    for (uint32_t i = 0; i < record->item_count; i++)
        if (bitmap_has(record->trimmed, i) && !bitmap_has(spare, i) && !bitmap_has(record_again(record), i)) {
            bitmap_set(*bits, i);
            ++*count;
        }
    return ERR_NONE;
}

void ledger_set_again(struct ledger *ledger, struct record *record, struct str items) {
    size_t len = record_bitmap_len(record);
    char *both = arena_alloc(ledger->scratch, 2 * len);
    memcpy(both, record->trimmed.at, record->trimmed.len < len ? record->trimmed.len : len);
    memcpy(both + len, items.at, len);
    record->trimmed = str_slice(both, 2 * len);
}

/* Of a message that was not delivered yet: the items go with it. */
static void untrim(struct ledger *ledger, struct record *record, struct str items) {
    size_t count = 0;
    char *still = arena_copy(ledger->scratch, record->trimmed.at, record->trimmed.len);
    for (uint32_t i = 0; i < record->item_count; i++)
        if (bitmap_has(items, i))
            bitmap_unset(still, i);
        else
            count += bitmap_has(record->trimmed, i) ? 1 : 0;
    record->trimmed = count > 0 ? str_slice(still, record->trimmed.len) : STR_NONE;
}

enum err ledger_take_items_back(struct ledger *ledger, struct record *record, int64_t now_ms, bool *changed) {
    char *left;
    size_t count, len = record_bitmap_len(record);
    *changed = false;
    if (record->trimmed.len == 0 || (record->marks & RECORD_FORCED) != 0)
        return ERR_NONE;
    TRY(find_left(ledger, record, now_ms, &left, &count));
    if (count == 0)
        return ERR_NONE;
    *changed = true;
    struct str again = record_again(record);
    for (size_t i = 0; i < again.len && i < len; i++)
        left[i] = (char)(left[i] | again.at[i]);
    if ((record->marks & RECORD_DELIVERED_ONCE) != 0)
        ledger_set_again(ledger, record, str_slice(left, len));
    else
        untrim(ledger, record, str_slice(left, len));
    return ledger->ops->update(ledger->backend, record);
}

enum err ledger_give_back(struct ledger *ledger, struct record *record, int64_t now_ms, const char *why, bool *moved) {
    char *left;
    size_t count;
    *moved = false;
    if (record->trimmed.len == 0 || (record->marks & RECORD_CONTENT_GONE) != 0 ||
        !ledger_own_on(ledger, record, now_ms))
        return ERR_NONE;
    TRY(find_left(ledger, record, now_ms, &left, &count));
    if (count == 0)
        return ERR_NONE;
    *moved = true;
    ledger->now.stats.takeovers++;
    ledger_set_again(ledger, record, str_slice(left, record_bitmap_len(record)));
    return ledger_move(ledger, record, STATE_PENDING, now_ms, now_ms, (struct step){.why = str_of(why)});
}

struct str ledger_left_out(struct ledger *ledger, const struct record *record) {
    struct str again = record_again(record);
    if ((record->marks & RECORD_FORCED) != 0 || record->trimmed.len == 0)
        return STR_NONE;
    if (again.len == 0)
        return record->trimmed;
    if (!ledger->policy.trim)
        return STR_NONE;
    char *bits = arena_alloc(ledger->scratch, record_bitmap_len(record));
    for (uint32_t i = 0; i < record->item_count; i++)
        if (!bitmap_has(again, i))
            bitmap_set(bits, i);
    return str_slice(bits, record_bitmap_len(record));
}
