/* Things that happen at the vendor, and the messages that tell of them: one or several rules and an event, each at its
 * own time, some lost, some told again. */
#ifndef TESTS_MODEL_OCCURRENCE_H
#define TESTS_MODEL_OCCURRENCE_H

#include "tests/model/random.h"
#include "tests/model/sketch.h"

enum { TELLINGS_MAX = 96 };

/* A message that is on its way. */
struct telling {
    struct sketch sketch;
    int64_t at_ms, happened_ms;
};

/* How a vendor behaves in one history; in percent where nothing else is said. */
struct vendor {
    unsigned companies, connections, data_types, rules_of_a_type; /* numbers */
    unsigned rule_loss, event_loss, repeats;
    unsigned same_ids;     /* rule and event have one id */
    unsigned constant_ids; /* "send example": few body ids */
    unsigned headers;      /* messages with a webhook-id */
    unsigned dated;        /* events with a time of their own */
    unsigned oddities;     /* facts that are no vendor's */
    unsigned resends;      /* of anything ever told */
    int64_t delay_ms;      /* at most, mostly much less */
    uint16_t last_webhook_id, last_body_id;
};

struct tellings {
    struct telling on_the_way[TELLINGS_MAX], told[TELLINGS_MAX]; /* told: the last ones */
    size_t count, told_count;
};

/* Something happens now: its messages are put on their way. */
void occurrence_happen(struct vendor *vendor, struct random *random, int64_t now_ms, struct tellings *tellings);

#endif
