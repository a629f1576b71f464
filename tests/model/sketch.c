/* Texts for the numbers. The keys of facts need not be those of the catalogue, only as equal and as different. */
#include "tests/model/sketch.h"

#include <string.h>

static const char *const rule_names[RULE_TYPE_COUNT] = {
    [RULE_CONNECTION] = "DataConnectionStatusChanged",
    [RULE_READ_COMPLETED] = "DataSyncCompleted",
    [RULE_READ_CHANGED] = "DatasetDataChanged",
    [RULE_READ_ERROR] = "DataSyncStatusChangedToError",
    [RULE_INITIAL] = "NewCompanySynchronized",
    [RULE_PUSH] = "PushOperationStatusChanged",
    [RULE_PUSH_TIMED_OUT] = "PushOperationTimedOut",
    [RULE_SYNC_COMPLETED] = "SyncCompleted",
    [RULE_SYNC_FAILED] = "SyncFailed",
    [RULE_SYNC_CONNECTION_DELETED] = "SyncConnectionDeleted",
    [RULE_RATE_REACHED] = "ClientRateLimitReached",
    [RULE_RATE_RESET] = "ClientRateLimitReset",
    [RULE_UNREPLACED] = "SyncStarted",
};

static const char *const event_names[EVENT_TYPE_COUNT] = {
    [EVENT_NONE] = "-",
    [EVENT_WRITE_SUCCESSFUL] = "invoices.write.successful",
    [EVENT_WRITE_UNSUCCESSFUL] = "invoices.write.unsuccessful",
    [EVENT_SYNC_SUCCESSFUL] = "expenses.sync.successful",
    [EVENT_SYNC_UNSUCCESSFUL] = "expenses.sync.unsuccessful",
    [EVENT_CONNECTION_CREATED] = "connection.created",
    [EVENT_CONNECTION_CONNECTED] = "connection.connected",
    [EVENT_CONNECTION_DISCONNECTED] = "connection.disconnected",
    [EVENT_CONNECTION_RECONNECTED] = "connection.reconnected",
    [EVENT_CONNECTION_DELETED] = "connection.deleted",
    [EVENT_READ] = "read.completed",
    [EVENT_INITIAL] = "read.completed.initial",
    [EVENT_RATE_REACHED] = "client.rateLimit.reached",
    [EVENT_RATE_RESET] = "client.rateLimit.reset",
    [EVENT_UNREPLACED] = "company.created",
};

static const char *const fact_names[FACT_KIND_COUNT] = {
    [FACT_WRITE_SUCCESSFUL] = "write-successful",
    [FACT_WRITE_UNSUCCESSFUL] = "write-unsuccessful",
    [FACT_SYNC_SUCCESSFUL] = "sync-successful",
    [FACT_SYNC_UNSUCCESSFUL] = "sync-unsuccessful",
    [FACT_SAME_ID] = "same-id",
    [FACT_CONNECTION_CREATED] = "created",
    [FACT_CONNECTION_CONNECTED] = "connected",
    [FACT_CONNECTION_DISCONNECTED] = "disconnected",
    [FACT_CONNECTION_RECONNECTED] = "reconnected",
    [FACT_CONNECTION_DELETED] = "deleted",
    [FACT_COMPANY_CONNECTION_DELETED] = "connection-deleted",
    [FACT_READ_COMPLETED] = "completed",
    [FACT_READ_CHANGED] = "changed",
    [FACT_READ_ERROR] = "error",
    [FACT_INITIAL] = "initial",
    [FACT_RATE_REACHED] = "rate-reached",
    [FACT_RATE_RESET] = "rate-reset",
};

/* What stands first in a key: facts of one kind. */
static const char *const fact_families[FACT_KIND_COUNT] = {
    [FACT_WRITE_SUCCESSFUL] = "write",
    [FACT_WRITE_UNSUCCESSFUL] = "write",
    [FACT_SYNC_SUCCESSFUL] = "sync",
    [FACT_SYNC_UNSUCCESSFUL] = "sync",
    [FACT_SAME_ID] = "same-id",
    [FACT_CONNECTION_CREATED] = "connection",
    [FACT_CONNECTION_CONNECTED] = "connection",
    [FACT_CONNECTION_DISCONNECTED] = "connection",
    [FACT_CONNECTION_RECONNECTED] = "connection",
    [FACT_CONNECTION_DELETED] = "connection",
    [FACT_COMPANY_CONNECTION_DELETED] = "connection-deleted",
    [FACT_READ_COMPLETED] = "read",
    [FACT_READ_CHANGED] = "read",
    [FACT_READ_ERROR] = "read",
    [FACT_INITIAL] = "initial",
    [FACT_RATE_REACHED] = "rate",
    [FACT_RATE_RESET] = "rate",
};

bool sketch_kinds_are_one(enum fact_kind a, enum fact_kind b) {
    return strcmp(fact_families[a], fact_families[b]) == 0;
}

bool sketch_fact_is_exact(enum fact_kind kind) {
    return kind <= FACT_SAME_ID;
}

bool sketch_facts_equal(const struct sketch_fact *a, const struct sketch_fact *b) {
    return a->kind == b->kind && a->company == b->company && a->connection == b->connection && a->number == b->number;
}

const char *sketch_type_name(enum generation generation, unsigned type) {
    if (generation == GENERATION_RULE)
        return rule_names[type];
    return generation == GENERATION_EVENT ? event_names[type] : "-";
}

static bool name_find(const char *name, const char *const *names, size_t count, uint8_t *index) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *index = (uint8_t)i;
            return true;
        }
    return false;
}

bool sketch_type_parse(enum generation generation, const char *name, uint8_t *type) {
    *type = 0;
    if (generation == GENERATION_RULE)
        return name_find(name, rule_names, RULE_TYPE_COUNT, type);
    return generation == GENERATION_UNKNOWN || name_find(name, event_names, EVENT_TYPE_COUNT, type);
}

const char *sketch_fact_name(enum fact_kind kind) {
    return fact_names[kind];
}

bool sketch_fact_parse(const char *name, uint8_t *kind) {
    return name_find(name, fact_names, FACT_KIND_COUNT, kind);
}

/* Some letters in capitals, by the bits of the salt. */
static struct str shuffle_case(struct arena *arena, struct str text, unsigned salt) {
    char *copy = arena_copy(arena, text.at, text.len);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] >= 'a' && copy[i] <= 'z' && (salt >> i % 16 & 1U) != 0)
            copy[i] = (char)(copy[i] - 'a' + 'A');
    return str_slice(copy, text.len);
}

static struct fact real_fact(struct arena *arena, const struct sketch_fact *fact, unsigned salt) {
    struct str key = arena_printf(arena, "%s/%s/c%u/k%u/n%u", fact_families[fact->kind], fact_names[fact->kind],
                                  fact->company, fact->connection, fact->number);
    return (struct fact){.key = shuffle_case(arena, key, salt),
                         .match = fact->kind == FACT_SAME_ID         ? MATCH_HINT
                                  : sketch_fact_is_exact(fact->kind) ? MATCH_EXACT
                                                                     : MATCH_WINDOW};
}

static void real_items(struct arena *arena, const struct sketch *sketch, unsigned salt, struct message *message) {
    message->item_count = sketch->item_count;
    message->items = ARENA_ARRAY(arena, sketch->item_count, struct item);
    for (unsigned i = 0; i < sketch->item_count; i++) {
        const struct sketch_item *from = &sketch->items[i];
        struct item *item = &message->items[i];
        item->fact_count = from->fact_count;
        item->facts = ARENA_ARRAY(arena, from->fact_count, struct fact);
        for (unsigned f = 0; f < from->fact_count; f++)
            item->facts[f] = real_fact(arena, &from->facts[f], salt >> f);
    }
}

static const char *const placeholders[] = {"-", "00000000-0000-0000-0000-000000000000", " ",
                                           "{00000000-0000-0000-0000-000000000000}"};

struct message *sketch_message(struct arena *arena, const struct sketch *sketch, int64_t now_ms, unsigned salt) {
    struct message *message = ARENA_NEW(arena, struct message);
    *message = (struct message){
        .generation = sketch->generation,
        .endpoint = sketch->endpoint,
        .type_known = sketch->generation != GENERATION_UNKNOWN,
        .generated_ms = -1,
        .received_ms = now_ms,
        .time_ms = now_ms - sketch->age_ms,
        .target = STR("/hooks"),
    };
    if (sketch->generation != GENERATION_UNKNOWN)
        message->type = str_of(sketch_type_name(sketch->generation, sketch->type));
    if (sketch->counterpart != EVENT_NONE)
        message->counterpart = str_of(event_names[sketch->counterpart]);
    if (sketch->company > 0)
        message->company = arena_printf(arena, "company-%u", sketch->company);
    if (sketch->rule_id > 0)
        message->rule_id = shuffle_case(arena, arena_printf(arena, "rule-%u", sketch->rule_id), salt);
    if (sketch->webhook_id > 0)
        message->webhook_id = arena_printf(arena, "x%u", sketch->webhook_id);
    if (sketch->body_id == ID_PLACEHOLDER)
        message->body_id = str_of(placeholders[salt % ARRAY_LEN(placeholders)]);
    else if (sketch->body_id > 0)
        message->body_id = shuffle_case(arena, arena_printf(arena, "x%u", sketch->body_id), salt);
    real_items(arena, sketch, salt, message);
    return message;
}
