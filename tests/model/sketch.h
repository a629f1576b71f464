/* A message as the model sees it: small numbers in place of texts, and nothing that pairing has no use for.
 *
 * Plain data, copied by value. */
#ifndef TESTS_MODEL_SKETCH_H
#define TESTS_MODEL_SKETCH_H

#include "proxy/model/message.h"

enum { SKETCH_ITEMS = 6, SKETCH_FACTS = 8, COMPANIES = 4 };

enum fact_kind {
    FACT_WRITE_SUCCESSFUL,
    FACT_WRITE_UNSUCCESSFUL,
    FACT_SYNC_SUCCESSFUL,
    FACT_SYNC_UNSUCCESSFUL,
    FACT_SAME_ID,
    FACT_CONNECTION_CREATED,
    FACT_CONNECTION_CONNECTED,
    FACT_CONNECTION_DISCONNECTED,
    FACT_CONNECTION_RECONNECTED,
    FACT_CONNECTION_DELETED,
    FACT_COMPANY_CONNECTION_DELETED,
    FACT_READ_COMPLETED,
    FACT_READ_CHANGED,
    FACT_READ_ERROR,
    FACT_INITIAL,
    FACT_RATE_REACHED,
    FACT_RATE_RESET,
    FACT_KIND_COUNT
};

enum rule_type {
    RULE_CONNECTION,
    RULE_READ_COMPLETED,
    RULE_READ_CHANGED,
    RULE_READ_ERROR,
    RULE_INITIAL,
    RULE_PUSH,
    RULE_PUSH_TIMED_OUT,
    RULE_SYNC_COMPLETED,
    RULE_SYNC_FAILED,
    RULE_SYNC_CONNECTION_DELETED,
    RULE_RATE_REACHED,
    RULE_RATE_RESET,
    RULE_UNREPLACED,
    RULE_TYPE_COUNT
};

enum event_type {
    EVENT_NONE, /* of a counterpart: there is none */
    EVENT_WRITE_SUCCESSFUL,
    EVENT_WRITE_UNSUCCESSFUL,
    EVENT_SYNC_SUCCESSFUL,
    EVENT_SYNC_UNSUCCESSFUL,
    EVENT_CONNECTION_CREATED,
    EVENT_CONNECTION_CONNECTED,
    EVENT_CONNECTION_DISCONNECTED,
    EVENT_CONNECTION_RECONNECTED,
    EVENT_CONNECTION_DELETED,
    EVENT_READ,
    EVENT_INITIAL,
    EVENT_RATE_REACHED,
    EVENT_RATE_RESET,
    EVENT_UNREPLACED,
    EVENT_TYPE_COUNT
};

/* An id that stands for nothing. */
enum { ID_PLACEHOLDER = UINT16_MAX };

struct sketch_fact {
    uint8_t kind, company, connection;
    uint16_t number;
};

struct sketch_item {
    struct sketch_fact facts[SKETCH_FACTS];
    uint8_t fact_count;
};

struct sketch {
    enum generation generation;
    enum endpoint endpoint;
    uint8_t type;        /* enum rule_type or event_type, by generation; 0 for unknown shapes */
    uint8_t counterpart; /* enum event_type */
    uint8_t company;     /* 0: none */
    uint8_t rule_id;
    uint16_t webhook_id, body_id; /* 0: none */
    int64_t age_ms;               /* how long before its arrival it happened; negative: clocks differ */
    /* Hidden from the ledger and from the model: of which occurrence it tells, and when that was. 0: nobody asks */
    uint32_t occurrence;
    int64_t happened_ms;
    uint8_t item_count;
    struct sketch_item items[SKETCH_ITEMS];
};

bool sketch_fact_is_exact(enum fact_kind kind);
bool sketch_kinds_are_one(enum fact_kind a, enum fact_kind b); /* as far as hints go */
bool sketch_facts_equal(const struct sketch_fact *a, const struct sketch_fact *b);
const char *sketch_type_name(enum generation generation, unsigned type);
bool sketch_type_parse(enum generation generation, const char *name, uint8_t *type);
const char *sketch_fact_name(enum fact_kind kind);
bool sketch_fact_parse(const char *name, uint8_t *kind);

/* The real message, in the arena, arriving at `now_ms`. `salt` changes the letter case of ids, which must not matter.
 */
struct message *sketch_message(struct arena *arena, const struct sketch *sketch, int64_t now_ms, unsigned salt);

#endif
