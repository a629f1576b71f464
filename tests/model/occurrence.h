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
    unsigned placeholders; /* messages whose body id stands for nothing */
    unsigned borrowed;     /* rules whose body id is the id of an unrelated event */
    unsigned services;     /* repeats with the webhook-id where the first had none, or the other way round */
    bool steady;           /* every rule that is configured tells of every occurrence; repeats are known by some id */
    uint8_t configured;    /* bits: which of the rules of one dataset, or of a deleted connection */
    unsigned burst;        /* occurrences at most that overlap; 0: one after the other */
    int64_t burst_ms, outage_ms;
    uint16_t last_webhook_id, last_body_id;
    uint32_t last_occurrence;
    struct sketch_fact event_fact[EVENT_TYPE_COUNT]; /* of the last event with one fact, by type, */
    uint16_t event_id[EVENT_TYPE_COUNT];             /* and its id; 0: there was none */
};

struct tellings {
    struct telling on_the_way[TELLINGS_MAX], told[TELLINGS_MAX]; /* told: the last ones */
    size_t count, told_count;
};

/* Several things happen from `now_ms` on, some of them the same thing again, before all of their messages have arrived;
 * in an outage everything is held back until its end. */
void occurrence_burst(struct vendor *vendor, struct random *random, int64_t now_ms, struct tellings *tellings);

/* Something happens now: its messages are put on their way. */
void occurrence_happen(struct vendor *vendor, struct random *random, int64_t now_ms, struct tellings *tellings);

#endif
