/* What a received body is: its generation and type, whom it is about, its items and the facts they state.
 *
 * Bodies are read leniently: what is missing, of the wrong type or not known makes the message say less, it never
 * makes an error. Pure and thread-safe; everything that is written lives in the arena. */
#ifndef PROXY_DECIDE_CLASSIFY_H
#define PROXY_DECIDE_CLASSIFY_H

#include "common/json.h"
#include "proxy/decide/catalog.h"
#include "proxy/model/message.h"

enum { BODY_DEPTH_MAX = 64, BODY_VALUES_MAX = 65536, CLOCK_SKEW_MAX_MS = 5 * 60 * 1000 };

/* A body that names its type by two keys (eventType and RuleType, in any spelling), or that holds another key of its
 * outermost object which something is read from twice in any letter case, is refused: programs differ in which one
 * they read. Within the members the exact spelling counts, and of repeated keys the last one.
 *
 * Fills what the body tells: generation, endpoint (legacy for a body of no known shape), type, type_known, label,
 * counterpart, company, connection, data_type, rule_id, body_id, items, generated_ms, time_unreadable, notes. The rest
 * of the message stays as it is, and all of it on an error. ERR_INVALID: not JSON, not an object, or as above;
 * ERR_LIMIT: too deep or too many values; with the place in `error` (which may be NULL). */
enum err classify(const struct catalog *catalog, struct str body, struct arena *arena, struct message *message,
                  struct json_error *error) MUST_USE;

/* Likewise, where the catalogue may look at the request that the body came with too. */
struct classify_input {
    struct str body;
    const struct http_header *headers;
    size_t header_count;
    struct str target; /* path and query */
};
enum err classify_request(const struct catalog *catalog, const struct classify_input *input, struct arena *arena,
                          struct message *message, struct json_error *error) MUST_USE;

/* One message of a body that holds many: what it says, and the body that it is delivered as. */
struct message_part {
    struct message message;
    struct str body;
};

struct message_parts {
    struct message_part *at; /* none where the body is one message */
    size_t count;
};

/* Likewise; where the catalogue says that the body is a list of messages and it has more than one, `parts` gets all
 * of them, and `message` is the first. What is no JSON object is no error where the catalogue lets it pass. */
enum err classify_messages(const struct catalog *catalog, const struct classify_input *input, struct arena *arena,
                           struct message *message, struct message_parts *parts, struct json_error *error) MUST_USE;

/* When a message counts as having happened: generated_ms where it is plausible (not further back than retention, at
 * most CLOCK_SKEW_MAX_MS ahead of its arrival), else its arrival. */
int64_t classify_time_ms(const struct message *message, int64_t retention_ms);

#endif
