/* Opening, grouping, leases and counts. What decisions need is in the backend; in memory are only numbers that can
 * be read again, and the leases, which end with the process: what was under way at a crash is simply due again. */
#include "proxy/store/ledger_internal.h"

#include "common/log.h"
#include "common/mem.h"

#define COUNTS_NAME    STR("counts")
#define CATALOGUE_NAME STR("catalogue")

/* For a store that has no counts yet: it was never committed to, or an older version wrote it. */
static enum err count_again(struct ledger *ledger) {
    enum { BATCH = 512 };
    uint64_t ids[BATCH], after = 0;
    size_t count;
    do {
        TRY(ledger->ops->scan(ledger->backend, (1U << STATE_COUNT) - 1, after, ids, BATCH, &count));
        for (size_t i = 0; i < count; i++) {
            struct record record;
            arena_reset(ledger->scratch);
            after = ids[i];
            enum err err = ledger_load_other(ledger, ids[i], &record);
            if (err == ERR_NONE)
                ledger->now.counts.in_state[record.endpoint][record.state]++;
            else if (err != ERR_NOT_FOUND)
                return err;
        }
    } while (count == BATCH);
    return ERR_NONE;
}

static enum err read_memory(struct ledger *ledger) {
    struct str value;
    TRY(ledger->ops->last_id(ledger->backend, &ledger->now.last_id));
    enum err err = ledger->ops->get_meta(ledger->backend, ledger->scratch, COUNTS_NAME, &value);
    if (err == ERR_NONE && value.len == sizeof ledger->now.counts)
        memcpy(&ledger->now.counts, value.at, value.len);
    else if (err == ERR_NONE || err == ERR_NOT_FOUND)
        TRY(count_again(ledger));
    else
        return err;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        ledger->now.next_due_ms[e] = ledger->now.counts.in_state[e][STATE_PENDING] > 0 ? 0 : DUE_NEVER;
    return ERR_NONE;
}

/* In one group, though nothing is written: thousands of small reads, each of which would begin one of its own. */
static enum err read_store(struct ledger *ledger) {
    TRY(ledger->ops->begin(ledger->backend));
    enum err err = read_memory(ledger);
    if (err == ERR_NONE)
        err = ledger_refused_read(ledger);
    if (err == ERR_NONE)
        err = parity_open(ledger->parity, ledger->backend);
    ledger->ops->rollback(ledger->backend);
    return err;
}

/* Facts are stored as the catalogue of the day stated them: under another one, a twin may state others. */
static enum err note_catalogue(struct ledger *ledger) {
    struct str value;
    uint64_t before = 0, open = 0;
    enum err err = ledger->ops->get_meta(ledger->backend, ledger->scratch, CATALOGUE_NAME, &value);
    if (err != ERR_NONE && err != ERR_NOT_FOUND)
        return err;
    if (err == ERR_NONE && value.len == sizeof before)
        memcpy(&before, value.at, sizeof before);
    if (ledger->policy.catalogue == 0 || before == ledger->policy.catalogue)
        return ERR_NONE;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int s = 0; s < STATE_COUNT; s++)
            open += state_is_final((enum state)s) ? 0 : ledger->now.counts.in_state[e][s];
    if (before != 0 && open > 0)
        LOG(LOG_WARN,
            "the catalogue is another one than before, and messages that it did not read are open: a twin that states "
            "other facts is not found, and both sides may handle what they tell",
            LOG_INT("open", open));
    struct str name = str_slice((const char *)&ledger->policy.catalogue, sizeof ledger->policy.catalogue);
    err = ledger_begin(ledger);
    if (err != ERR_NONE)
        return ERR_NONE; /* a full disk: the next start asks again */
    err = ledger->ops->put_meta(ledger->backend, CATALOGUE_NAME, name);
    if (err == ERR_NONE)
        err = ledger_commit(ledger);
    else
        ledger_rollback(ledger);
    if (err != ERR_NONE)
        LOG(LOG_WARN, "the catalogue in use could not be noted; the next start asks again",
            LOG_TEXTZ("error", ledger_error(ledger)));
    return ERR_NONE;
}

enum err ledger_open(struct backend *backend, const struct ledger_policy *policy, ledger_flag_fn *flag, void *flags,
                     struct ledger **ledger, struct err_detail *detail) {
    struct ledger *made = MEM_NEW(struct ledger);
    made->backend = backend;
    made->ops = backend->ops;
    made->policy = *policy;
    made->flag = flag;
    made->flags = flags;
    made->scratch = arena_new(16 * 1024);
    made->now.reviewing = true; /* flags may have changed while nobody watched */
    made->parity = parity_new(policy->window_ms);
    enum err err = read_store(made);
    if (err == ERR_NONE)
        err = note_catalogue(made);
    if (err != ERR_NONE) {
        err_set(detail, err, "%s", backend->detail.text);
        ledger_close(made);
        return err;
    }
    *ledger = made;
    return ERR_NONE;
}

void ledger_close(struct ledger *ledger) {
    ledger->ops->close(ledger->backend);
    idset_clear(&ledger->leases);
    idset_clear(&ledger->set_aside);
    ledger_refused_free(ledger);
    parity_free(ledger->parity);
    mem_free(ledger->changes);
    ledger_lanes_clear(ledger);
    arena_free(ledger->scratch);
    mem_free(ledger);
}

enum err ledger_begin(struct ledger *ledger) {
    TRY(ledger->ops->begin(ledger->backend));
    ledger->before = ledger->now;
    ledger->change_count = 0;
    ledger_refused_begin(ledger);
    return ERR_NONE;
}

static enum err write_counts(struct ledger *ledger) {
    if (ledger->backend->forgets || memcmp(&ledger->now.counts, &ledger->before.counts, sizeof ledger->now.counts) == 0)
        return ERR_NONE;
    struct str value = str_slice((const char *)&ledger->now.counts, sizeof ledger->now.counts);
    return ledger->ops->put_meta(ledger->backend, COUNTS_NAME, value);
}

enum err ledger_commit(struct ledger *ledger) {
    enum err err = write_counts(ledger);
    if (err == ERR_NONE)
        err = parity_write(ledger->parity, ledger->backend);
    if (err == ERR_NONE)
        err = ledger->ops->commit(ledger->backend);
    if (err != ERR_NONE)
        ledger_rollback(ledger);
    return err;
}

void ledger_rollback(struct ledger *ledger) {
    ledger->ops->rollback(ledger->backend);
    parity_drop(ledger->parity);
    ledger->now = ledger->before;
    ledger_refused_undo(ledger);
    ledger_lanes_reset(ledger);
    while (ledger->change_count > 0) {
        struct lease_change change = ledger->changes[--ledger->change_count];
        if (change.added)
            idset_remove(&ledger->leases, change.id);
        else
            idset_add(&ledger->leases, change.id);
    }
}

const char *ledger_error(const struct ledger *ledger) {
    return ledger->backend->detail.text;
}

static void note_change(struct ledger *ledger, uint64_t id, bool added) {
    if (ledger->change_count == ledger->change_capacity) {
        ledger->change_capacity = ledger->change_capacity == 0 ? 64 : ledger->change_capacity * 2;
        ledger->changes = mem_resize(ledger->changes, ledger->change_capacity * sizeof *ledger->changes);
    }
    ledger->changes[ledger->change_count++] = (struct lease_change){id, added};
}

void ledger_lease_add(struct ledger *ledger, uint64_t id) {
    if (idset_add(&ledger->leases, id))
        note_change(ledger, id, true);
}

void ledger_lease_drop(struct ledger *ledger, uint64_t id) {
    if (idset_remove(&ledger->leases, id))
        note_change(ledger, id, false);
}

void ledger_note_due(struct ledger *ledger, enum endpoint endpoint, int64_t due_ms) {
    ledger_lanes_lower(ledger, endpoint, due_ms);
    if (due_ms < ledger->now.next_due_ms[endpoint])
        ledger->now.next_due_ms[endpoint] = due_ms;
}

int64_t ledger_next_due(const struct ledger *ledger, enum endpoint endpoint) {
    return ledger->now.next_due_ms[endpoint];
}

bool ledger_own_on(struct ledger *ledger, const struct record *record, int64_t now_ms) {
    return ledger->flag(ledger->flags, record->endpoint, record, now_ms, ledger->scratch, NULL);
}

void ledger_count(const struct ledger *ledger, struct ledger_counts *counts) {
    *counts = ledger->now.counts;
}

enum err ledger_parity(struct ledger *ledger, struct arena *arena, int64_t since_ms, int64_t now_ms,
                       struct parity_report *report) {
    return parity_report(ledger->parity, ledger->backend, arena, since_ms, now_ms, report);
}

void ledger_stats(const struct ledger *ledger, struct ledger_stats *stats) {
    *stats = ledger->now.stats;
}

void bitmap_set(char *bitmap, size_t index) {
    bitmap[index / 8] = (char)(bitmap[index / 8] | (1 << (index % 8)));
}

void bitmap_unset(char *bitmap, size_t index) {
    bitmap[index / 8] = (char)(bitmap[index / 8] & ~(1 << (index % 8)));
}

size_t bitmap_count(struct str bitmap, size_t bits) {
    size_t count = 0;
    for (size_t i = 0; i < bits; i++)
        count += bitmap_has(bitmap, i) ? 1 : 0;
    return count;
}
