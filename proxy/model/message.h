/* The words of the domain as plain data: what one received webhook is.
 *
 * Everything here lives in the arena of the message. */
#ifndef PROXY_MODEL_MESSAGE_H
#define PROXY_MODEL_MESSAGE_H

#include "common/arena.h"
#include "common/base.h"
#include "common/str.h"

enum generation { GENERATION_UNKNOWN, GENERATION_RULE, GENERATION_EVENT };
enum endpoint { ENDPOINT_LEGACY, ENDPOINT_NEW, ENDPOINT_COUNT };
enum state {
    STATE_PENDING,
    STATE_HELD,
    STATE_PARKED,
    STATE_DELIVERED,
    STATE_SUPPRESSED,
    STATE_DEAD,
    STATE_EXPIRED,
    STATE_COUNT
};

/* exact: the key names one occurrence for ever. window: the key recurs, twins must be near in time. hint: like exact,
 * but only between messages that state no differing facts of one kind. within: like window, and one event tells what
 * several rules told. */
enum fact_match { MATCH_EXACT, MATCH_WINDOW, MATCH_HINT, MATCH_WITHIN };

static inline bool fact_recurs(enum fact_match match) {
    return match == MATCH_WINDOW || match == MATCH_WITHIN;
}

enum { FACT_KEY_MAX = 512, ITEM_MAX = 1024, ITEM_FACT_MAX = 16 };

struct fact {
    struct str key; /* as shown; compared without regard to letter case */
    enum fact_match match;
};

struct item {
    struct fact *facts;
    size_t fact_count;
    uint32_t start, end;  /* byte range of its element in the body, for trimming; 0, 0 where the body is the item */
    struct str data_type; /* of a read element, else absent */
};

struct message {
    enum generation generation;
    enum endpoint endpoint;
    struct str type;            /* name in the catalogue where known, else as received; absent for unknown shapes */
    bool type_known;            /* in the catalogue */
    struct str label;           /* of metrics: as the catalogue labels the type, or "other"; one of a fixed set */
    struct str counterpart;     /* the event type that is or replaces this; absent: nothing replaces it, no twin ever */
    const struct str *replaces; /* of an event: the rule types whose alerts it replaces, by what it states */
    size_t replaces_count;
    struct str company, connection, data_type; /* for flags, ids as received; absent or empty where there is none */
    struct str rule_id;                        /* of a rule; absent or empty where there is none */
    struct str body_id;                        /* AlertId or id; absent where there is none */
    struct str webhook_id;                     /* header of either family; absent where there is none */
    struct item *items;                        /* at least one */
    size_t item_count;
    int64_t generated_ms;    /* the time that it tells, as generatedDate; -1 where missing or unreadable */
    bool time_unreadable;    /* it tells a time that nobody can read */
    struct str notes;        /* sentences for its story: what it does not state, and why; absent: nothing to say */
    bool is_verified;        /* its signature or authorization was checked, and right */
    int64_t received_ms;     /* arrival */
    int64_t time_ms;         /* when it counts as having happened, for the window */
    struct str target;       /* path and query of the request */
    struct str trace_parent; /* W3C trace context, kept or begun */
};

struct str fact_match_name(enum fact_match match);       /* "exact", "window", "hint", "within" */
const char *generation_name(enum generation generation); /* "rule", "event", "unknown" */
const char *endpoint_name(enum endpoint endpoint);       /* "legacy", "new" */
const char *state_name(enum state state);                /* "pending", ... */
bool generation_parse(struct str name, enum generation *generation);
bool endpoint_parse(struct str name, enum endpoint *endpoint);
bool state_parse(struct str name, enum state *state);
enum endpoint endpoint_other(enum endpoint endpoint);

/* delivered, or durably accepted for delivery */
bool state_is_handled(enum state state);
/* Every state but pending, held and parked. */
bool state_is_final(enum state state);

/* Does the text stand where an id should be, and name nothing? Blank, dashes, zeros (a UUID of zeros in any spelling),
 * a UUID of ones, "null" and its like. */
bool id_is_placeholder(struct str id);

/* What makes two arrivals of one generation the same message: "h:" and the webhook-id, else "b:" and the body's id in
 * lower case; absent where there is neither, or for a message of no known shape without a webhook-id. A message that
 * has both has two lines, "h:" first. Placeholders are no ids. */
struct str message_identity(struct arena *arena, const struct message *message);
/* The parts of an identity, with "h:" or "b:"; absent where it has none. */
struct str identity_header(struct str identity);
struct str identity_body(struct str identity);
/* What it is looked up by: the header's part, else the body's. */
struct str identity_key(struct str identity);

/* 64 bits to look a fact or an identity up by, and never to decide by: the text is compared afterwards. Stable for
 * ever, because stores keep it. Without regard to the letter case of facts. */
uint64_t fact_hash(enum generation generation, struct str key);
uint64_t identity_hash(enum generation generation, struct str identity);
/* Rule type and RuleId as one number: the group within which pairing is one-to-one. */
uint64_t rule_group(struct str rule_type, struct str rule_id);

/* Ids of messages as people see them: 13 characters of Crockford's base 32, sorting as the numbers do. */
struct str message_id_format(struct arena *arena, uint64_t id);
bool message_id_parse(struct str text, uint64_t *id);

#endif
