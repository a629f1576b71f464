/* A stored record has all that a decision rests on: identity, facts, type, times. So no body is read back, and a
 * message whose body is past its retention can still be rehearsed.
 *
 *   record ─► message ─► what is due until it came ─► ledger_admit ─► delivered at once, where it is to be
 *
 * Every step is a group of its own in a store that forgets, so nothing can fail for lack of a disk. */
#include "proxy/flow/rehearsal.h"

#include "common/mem.h"

enum { SWEEP_BUDGET = 1000, LEASE_MAX = 32, WAITS_MAX = 64 };

struct scratch_id {
    uint64_t scratch, real; /* both in ascending order */
};

struct rehearsal {
    struct ledger *ledger;
    struct ledger_policy policy;
    struct arena *arena; /* of one step */
    struct scratch_id *ids;
    size_t count, capacity, messages_max;
    int64_t now_ms;
};

struct rehearsal *rehearsal_new(const struct rehearsal_options *options) {
    struct rehearsal *rehearsal = MEM_NEW(struct rehearsal);
    struct err_detail detail;
    rehearsal->policy = *options->policy;
    rehearsal->policy.backlog_max = SIZE_MAX;
    rehearsal->messages_max = options->messages_max;
    rehearsal->arena = arena_new(16 * 1024);
    if (ledger_open(backend_memory_new(), &rehearsal->policy, options->flag, options->flags, &rehearsal->ledger,
                    &detail) != ERR_NONE) {
        rehearsal_free(rehearsal);
        return NULL;
    }
    return rehearsal;
}

void rehearsal_free(struct rehearsal *rehearsal) {
    if (rehearsal == NULL)
        return;
    if (rehearsal->ledger != NULL)
        ledger_close(rehearsal->ledger);
    arena_free(rehearsal->arena);
    mem_free(rehearsal->ids);
    mem_free(rehearsal);
}

/* ---- consumers that take everything ---- */

static enum err deliver(struct rehearsal *rehearsal, uint64_t id) {
    const struct attempt attempt = {
        .id = id, .result = ATTEMPT_DELIVERED, .status = 200, .retry_after_ms = -1, .what = STR("HTTP 200")};
    struct settlement settlement;
    enum err err = ledger_settle(rehearsal->ledger, &attempt, rehearsal->now_ms, &settlement);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err deliver_due(struct rehearsal *rehearsal, bool *any) {
    struct lease leases[LEASE_MAX];
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (size_t count = LEASE_MAX; count == LEASE_MAX;) {
            enum err err = ledger_lease(rehearsal->ledger, rehearsal->arena, (enum endpoint)e, LEASE_MAX,
                                        rehearsal->now_ms, leases, &count);
            for (size_t i = 0; i < count && err == ERR_NONE; i++)
                err = deliver(rehearsal, leases[i].record.id);
            if (err != ERR_NONE)
                return err;
            *any = *any || count > 0;
        }
    return ERR_NONE;
}

/* What flags, holds and parkings ask for by now, until nothing changes any more. */
static enum err settle(struct rehearsal *rehearsal) {
    bool more = true, any = true;
    while (more || any) {
        any = false;
        enum err err = ledger_sweep(rehearsal->ledger, rehearsal->now_ms, SWEEP_BUDGET, &more);
        if (err == ERR_NONE)
            err = deliver_due(rehearsal, &any);
        if (err != ERR_NONE)
            return err;
        arena_reset(rehearsal->arena);
    }
    return ERR_NONE;
}

/* ---- messages ---- */

static struct str after_prefix(struct str identity, struct str prefix) {
    return str_starts_with(identity, prefix) ? str_from(identity, prefix.len) : STR_NONE;
}

static bool message_of(struct arena *arena, const struct record *record, struct message *message) {
    *message = (struct message){.generation = record->generation,
                                .endpoint = record->endpoint,
                                .type = record->type,
                                .type_known = true,
                                .label = record->type,
                                .counterpart = record->counterpart,
                                .company = record->company,
                                .connection = record->connection,
                                .data_type = record->data_type,
                                .rule_id = record->rule_id,
                                .body_id = after_prefix(identity_body(record->identity), STR("b:")),
                                .webhook_id = after_prefix(identity_header(record->identity), STR("h:")),
                                .generated_ms = -1,
                                .is_verified = (record->marks & RECORD_VERIFIED) != 0,
                                .received_ms = record->received_ms,
                                .time_ms = record->time_ms,
                                .target = record->target};
    if (!ledger_facts_decode(arena, record->facts, &message->items, &message->item_count))
        return false;
    if (message->item_count == 0) {
        message->items = ARENA_NEW(arena, struct item);
        message->item_count = 1;
    }
    return true;
}

static void remember(struct rehearsal *rehearsal, uint64_t scratch, uint64_t real) {
    if (rehearsal->count == rehearsal->capacity) {
        rehearsal->capacity = rehearsal->capacity == 0 ? 1024 : rehearsal->capacity * 2;
        rehearsal->ids = mem_resize(rehearsal->ids, rehearsal->capacity * sizeof *rehearsal->ids);
    }
    rehearsal->ids[rehearsal->count++] = (struct scratch_id){scratch, real};
}

static enum err admit(struct rehearsal *rehearsal, const struct record *record) {
    struct message message;
    struct admission admission;
    if (!message_of(rehearsal->arena, record, &message))
        return ERR_NONE; /* its facts cannot be read: told of elsewhere */
    const struct admit_request request = {.message = &message,
                                          .content = {STR(""), STR("")},
                                          .now_ms = rehearsal->now_ms,
                                          .lease = true,
                                          .promise = true};
    enum err err = ledger_admit(rehearsal->ledger, rehearsal->arena, &request, &admission);
    if (err != ERR_NONE || admission.outcome == ADMIT_DUPLICATE || admission.outcome == ADMIT_REFUSED)
        return err;
    remember(rehearsal, admission.id, record->id);
    return admission.leased ? deliver(rehearsal, admission.id) : ERR_NONE;
}

static enum err in_group(struct rehearsal *rehearsal, const struct record *record, struct err_detail *detail) {
    enum err err = ledger_begin(rehearsal->ledger);
    if (err == ERR_NONE)
        err = settle(rehearsal);
    if (err == ERR_NONE && record != NULL)
        err = admit(rehearsal, record);
    if (err == ERR_NONE)
        err = ledger_commit(rehearsal->ledger);
    else
        ledger_rollback(rehearsal->ledger);
    return err == ERR_NONE ? ERR_NONE : err_set(detail, err, "%s", ledger_error(rehearsal->ledger));
}

enum err rehearsal_admit(struct rehearsal *rehearsal, const struct record *record, struct err_detail *detail) {
    if (rehearsal->count == rehearsal->messages_max)
        return err_set(detail, ERR_LIMIT, "the period has more than %zu messages; take a shorter one",
                       rehearsal->messages_max);
    if (record->received_ms > rehearsal->now_ms)
        rehearsal->now_ms = record->received_ms;
    arena_reset(rehearsal->arena);
    return in_group(rehearsal, record, detail);
}

enum err rehearsal_finish(struct rehearsal *rehearsal, struct err_detail *detail) {
    struct ledger_counts counts;
    for (size_t waits = 0; waits < WAITS_MAX; waits++) {
        uint64_t open = 0;
        enum err err = in_group(rehearsal, NULL, detail);
        if (err != ERR_NONE)
            return err;
        ledger_count(rehearsal->ledger, &counts);
        for (int e = 0; e < ENDPOINT_COUNT; e++)
            open +=
                counts.in_state[e][STATE_PENDING] + counts.in_state[e][STATE_HELD] + counts.in_state[e][STATE_PARKED];
        if (open == 0)
            return ERR_NONE;
        rehearsal->now_ms += counts.in_state[0][STATE_HELD] + counts.in_state[1][STATE_HELD] > 0
                                 ? rehearsal->policy.hold_ms + 1
                                 : rehearsal->policy.park_for_ms + 1;
    }
    return ERR_NONE;
}

struct ledger *rehearsal_ledger(struct rehearsal *rehearsal) {
    return rehearsal->ledger;
}

size_t rehearsal_message_count(const struct rehearsal *rehearsal) {
    return rehearsal->count;
}

uint64_t rehearsal_real_id(const struct rehearsal *rehearsal, uint64_t scratch_id) {
    size_t low = 0, high = rehearsal->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rehearsal->ids[middle].scratch < scratch_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rehearsal->count && rehearsal->ids[low].scratch == scratch_id ? rehearsal->ids[low].real : 0;
}
