#include "proxy/flow/snapshot.h"

#include "common/log_bound.h"
#include "common/mem.h"

#include <pthread.h>

struct snapshot *snapshot_new(struct flags *flags, struct str text, int64_t loaded_ms, uint64_t number,
                              struct flag_failures *failures) {
    struct snapshot *snapshot = MEM_NEW(struct snapshot);
    snapshot->flags = flags;
    snapshot->text = str_slice(mem_copy(text.at, text.len), text.len);
    snapshot->loaded_ms = loaded_ms;
    snapshot->number = number;
    snapshot->failures = failures;
    atomic_store(&snapshot->users, 1);
    return snapshot;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot) {
    atomic_fetch_add(&snapshot->users, 1);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot) {
    if (atomic_fetch_sub(&snapshot->users, 1) > 1)
        return;
    flags_free(snapshot->flags);
    mem_free((char *)(uintptr_t)snapshot->text.at); /* made by snapshot_new() */
    mem_free(snapshot);
}

static struct flag_context context_of(const struct record *record) {
    return (struct flag_context){.targeting_key = record->company,
                                 .generation = str_of(generation_name(record->generation)),
                                 .type = record->type,
                                 .company = record->company,
                                 .connection = record->connection};
}

static void note_failure(const struct snapshot *snapshot, enum consumer_flag flag, const struct record *record,
                         enum flag_error error, int64_t now_ms) {
    if (snapshot->failures != NULL) {
        atomic_fetch_add(&snapshot->failures->of[flag].count, 1);
        atomic_store(&snapshot->failures->of[flag].last_ms, now_ms);
        atomic_store(&snapshot->failures->of[flag].last, (int)error);
    }
    LOG_BOUNDED(LOG_ERROR, "flag could not be evaluated, the value of an unmigrated system counts",
                LOG_STR("flag", consumer_flag_key(flag)), LOG_TEXTZ("error", flag_error_name(error)),
                LOG_TEXTZ("value", consumer_flag_unmigrated(flag) ? "on" : "off"),
                LOG_STR(record->type.len > 0 ? "type" : NULL, record->type),
                LOG_STR(record->company.len > 0 ? "company" : NULL, record->company));
}

/* A flag that is not in the file has no rule to fail. */
static struct flag_decision decide(const struct snapshot *snapshot, enum consumer_flag flag,
                                   const struct record *record, int64_t now_ms, struct arena *arena) {
    struct flag_context context = context_of(record);
    struct flag_decision decision = flags_consumer(snapshot->flags, flag, &context, now_ms / 1000, arena);
    if (decision.error != FLAG_ERROR_NONE && decision.error != FLAG_ERROR_NOT_FOUND)
        note_failure(snapshot, flag, record, decision.error, now_ms);
    return decision;
}

bool snapshot_consumer_on(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                          struct arena *arena, struct str *why) {
    const struct snapshot *snapshot = flags;
    enum consumer_flag flag = endpoint == ENDPOINT_LEGACY ? FLAG_LEGACY_CONSUMER : FLAG_NEW_CONSUMER;
    struct flag_decision decision = decide(snapshot, flag, record, now_ms, arena);
    if (why != NULL)
        *why = ARENA_JOIN(arena, str_of(endpoint_name(endpoint)), STR("-consumer is "),
                          decision.on ? STR("on (") : STR("off ("), decision.variant,
                          decision.variant.len > 0 ? STR(", ") : STR(""), str_of(flag_reason_name(decision.reason)),
                          STR(")"));
    return decision.on;
}

bool snapshot_shadow_on(const struct snapshot *snapshot, const struct record *record, int64_t now_ms,
                        struct arena *arena) {
    return decide(snapshot, FLAG_NEW_CONSUMER_SHADOW, record, now_ms, arena).on &&
           !decide(snapshot, FLAG_NEW_CONSUMER, record, now_ms, arena).on;
}

/* A lock and not an atomic pointer: between reading a pointer and counting oneself in, the last user could go. It is
 * taken for a few instructions, by admin requests and shadow traffic only. */
struct snapshot_slot {
    pthread_mutex_t lock;
    struct snapshot *current;
};

struct snapshot_slot *snapshot_slot_new(struct snapshot *first) {
    struct snapshot_slot *slot = MEM_NEW(struct snapshot_slot);
    pthread_mutex_init(&slot->lock, NULL);
    slot->current = first;
    return slot;
}

struct snapshot *snapshot_slot_get(struct snapshot_slot *slot) {
    pthread_mutex_lock(&slot->lock);
    struct snapshot *snapshot = snapshot_hold(slot->current);
    pthread_mutex_unlock(&slot->lock);
    return snapshot;
}

void snapshot_slot_set(struct snapshot_slot *slot, struct snapshot *next) {
    pthread_mutex_lock(&slot->lock);
    struct snapshot *old = slot->current;
    slot->current = next;
    pthread_mutex_unlock(&slot->lock);
    snapshot_release(old);
}

void snapshot_slot_free(struct snapshot_slot *slot) {
    if (slot == NULL)
        return;
    snapshot_release(slot->current);
    pthread_mutex_destroy(&slot->lock);
    mem_free(slot);
}
