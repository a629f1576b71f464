#include "tests/model/occurrence.h"

#include <string.h>

/* Which rules an event replaces, one column each. */
static const int replaced[EVENT_TYPE_COUNT][4] = {
    [EVENT_NONE] = {-1, -1, -1, -1},
    [EVENT_WRITE_SUCCESSFUL] = {RULE_PUSH, -1, -1, -1},
    [EVENT_WRITE_UNSUCCESSFUL] = {RULE_PUSH, RULE_PUSH_TIMED_OUT, -1, -1},
    [EVENT_SYNC_SUCCESSFUL] = {RULE_SYNC_COMPLETED, -1, -1, -1},
    [EVENT_SYNC_UNSUCCESSFUL] = {RULE_SYNC_FAILED, -1, -1, -1},
    [EVENT_CONNECTION_CREATED] = {RULE_CONNECTION, -1, -1, -1},
    [EVENT_CONNECTION_CONNECTED] = {RULE_CONNECTION, -1, -1, -1},
    [EVENT_CONNECTION_DISCONNECTED] = {RULE_CONNECTION, -1, -1, -1},
    [EVENT_CONNECTION_RECONNECTED] = {RULE_CONNECTION, -1, -1, -1},
    [EVENT_CONNECTION_DELETED] = {RULE_CONNECTION, RULE_SYNC_CONNECTION_DELETED, -1, -1},
    [EVENT_READ] = {RULE_READ_COMPLETED, RULE_READ_CHANGED, RULE_READ_ERROR, -1},
    [EVENT_INITIAL] = {RULE_INITIAL, -1, -1, -1},
    [EVENT_RATE_REACHED] = {RULE_RATE_REACHED, -1, -1, -1},
    [EVENT_RATE_RESET] = {RULE_RATE_RESET, -1, -1, -1},
    [EVENT_UNREPLACED] = {-1, -1, -1, -1},
};

/* One that happens: the event, and the rules that it concerns. */
struct happening {
    struct vendor *vendor;
    struct random *random;
    int64_t now_ms;
    struct tellings *tellings;
    uint16_t body_id;      /* that all its messages have, or 0 */
    int64_t held_until_ms; /* an outage: nothing arrives before */
};

static int64_t delay(struct happening *happening) {
    unsigned shift = random_below(happening->random, 24);
    return (int64_t)(random_bits(happening->random) % (uint64_t)(happening->vendor->delay_ms + 1)) >> shift;
}

static uint16_t body_id(struct happening *happening) {
    struct vendor *vendor = happening->vendor;
    if (random_chance(happening->random, vendor->placeholders))
        return ID_PLACEHOLDER;
    if (random_chance(happening->random, vendor->constant_ids))
        return (uint16_t)(1 + random_below(happening->random, 2));
    if (happening->body_id != 0)
        return happening->body_id;
    return ++vendor->last_body_id;
}

static void send(struct happening *happening, struct sketch *sketch, int64_t at_ms) {
    struct tellings *tellings = happening->tellings;
    if (tellings->count < TELLINGS_MAX)
        tellings->on_the_way[tellings->count++] =
            (struct telling){.sketch = *sketch, .at_ms = at_ms, .happened_ms = happening->now_ms};
}

static bool is_id(uint16_t body_id) {
    return body_id != 0 && body_id != ID_PLACEHOLDER;
}

/* The same message by the other service of the vendor: with a webhook-id, or without it. */
static struct sketch by_other_service(struct happening *happening, const struct sketch *sketch, uint16_t webhook_id) {
    struct sketch other = *sketch;
    if (is_id(sketch->body_id) && random_chance(happening->random, happening->vendor->services))
        other.webhook_id = sketch->webhook_id != 0 && random_chance(happening->random, 50) ? 0 : webhook_id;
    return other;
}

static bool can_be_known_again(const struct sketch *sketch) {
    return sketch->webhook_id != 0 || (sketch->generation != GENERATION_UNKNOWN && is_id(sketch->body_id));
}

/* Puts it on its way, perhaps several times, or not at all. Repeats of one message look alike, but for the webhook-id
 * that only one of two services sends. */
static void tell(struct happening *happening, struct sketch *sketch, unsigned loss) {
    struct vendor *vendor = happening->vendor;
    if (random_chance(happening->random, vendor->headers))
        sketch->webhook_id = ++vendor->last_webhook_id;
    if (sketch->generation == GENERATION_EVENT && !random_chance(happening->random, vendor->dated))
        sketch->age_ms = -1; /* as if it happened on arrival: see generate.c */
    if (random_chance(happening->random, loss))
        return;
    sketch->occurrence = vendor->last_occurrence;
    sketch->happened_ms = happening->now_ms;
    int64_t at_ms = happening->now_ms > happening->held_until_ms ? happening->now_ms : happening->held_until_ms;
    send(happening, sketch, at_ms += delay(happening));
    uint16_t webhook_id = sketch->webhook_id != 0 ? sketch->webhook_id : (uint16_t)(vendor->last_webhook_id + 1);
    while ((!vendor->steady || can_be_known_again(sketch)) && random_chance(happening->random, vendor->repeats)) {
        struct sketch again = by_other_service(happening, sketch, webhook_id);
        if (again.webhook_id > vendor->last_webhook_id)
            vendor->last_webhook_id = again.webhook_id;
        send(happening, &again, at_ms += delay(happening));
    }
}

static void add_fact(struct sketch_item *item, struct sketch_fact fact) {
    if (item->fact_count < SKETCH_FACTS)
        item->facts[item->fact_count++] = fact;
}

/* "AlertId equal to the id of an unrelated event": one that states another fact of the same kind. */
static uint16_t rule_id_of(struct happening *happening, enum event_type counterpart, const struct sketch_fact *fact) {
    struct vendor *vendor = happening->vendor;
    if (fact == NULL || vendor->event_id[counterpart] == 0 ||
        sketch_facts_equal(&vendor->event_fact[counterpart], fact) ||
        !random_chance(happening->random, vendor->borrowed))
        return body_id(happening);
    uint16_t id = vendor->event_id[counterpart];
    vendor->event_id[counterpart] = 0; /* once: twice it would be one alert told twice */
    return id;
}

static void tell_rule(struct happening *happening, enum rule_type type, enum event_type counterpart, unsigned company,
                      const struct sketch_fact *fact) {
    unsigned rules = 1 + random_below(happening->random, happening->vendor->rules_of_a_type);
    for (unsigned rule = 1; rule <= rules; rule++) {
        struct sketch sketch = {.generation = GENERATION_RULE,
                                .endpoint = ENDPOINT_LEGACY,
                                .type = (uint8_t)type,
                                .counterpart = (uint8_t)counterpart,
                                .company = (uint8_t)company,
                                .rule_id = (uint8_t)rule,
                                .body_id = rule_id_of(happening, counterpart, fact),
                                .item_count = 1};
        if (fact != NULL) {
            add_fact(&sketch.items[0], *fact);
            if (is_id(sketch.body_id))
                add_fact(&sketch.items[0], (struct sketch_fact){FACT_SAME_ID, (uint8_t)type, 0, sketch.body_id});
        }
        tell(happening, &sketch, happening->vendor->rule_loss);
    }
}

static void tell_event(struct happening *happening, enum event_type type, unsigned company,
                       const struct sketch_item *items, unsigned item_count) {
    struct sketch sketch = {.generation = GENERATION_EVENT,
                            .endpoint = ENDPOINT_NEW,
                            .type = (uint8_t)type,
                            .counterpart = (uint8_t)(type == EVENT_UNREPLACED ? EVENT_NONE : type),
                            .company = (uint8_t)company,
                            .body_id = body_id(happening),
                            .item_count = (uint8_t)item_count};
    memcpy(sketch.items, items, item_count * sizeof *items);
    if (item_count == 1 && items[0].fact_count == 1 && is_id(sketch.body_id)) {
        happening->vendor->event_fact[type] = items[0].facts[0];
        happening->vendor->event_id[type] = sketch.body_id;
    }
    for (size_t i = 0; item_count == 1 && is_id(sketch.body_id) && replaced[type][i] >= 0; i++)
        add_fact(&sketch.items[0], (struct sketch_fact){FACT_SAME_ID, (uint8_t)replaced[type][i], 0, sketch.body_id});
    tell(happening, &sketch, happening->vendor->event_loss);
}

/* One fact, told by the rules that the event replaces and by the event. */
static void happen_simply(struct happening *happening, enum event_type type, struct sketch_fact fact,
                          unsigned company) {
    struct sketch_item item = {.fact_count = 0};
    add_fact(&item, fact);
    for (size_t i = 0; replaced[type][i] >= 0; i++)
        tell_rule(happening, (enum rule_type)replaced[type][i], type, company, &fact);
    tell_event(happening, type, company, &item, 1);
}

static unsigned any_company(struct happening *happening) {
    return 1 + random_below(happening->random, happening->vendor->companies);
}

static unsigned any_connection(struct happening *happening) {
    return 1 + random_below(happening->random, happening->vendor->connections);
}

static void happen_exactly(struct happening *happening) {
    static const struct {
        enum event_type type;
        enum fact_kind kind;
    } kinds[] = {{EVENT_WRITE_SUCCESSFUL, FACT_WRITE_SUCCESSFUL},
                 {EVENT_WRITE_UNSUCCESSFUL, FACT_WRITE_UNSUCCESSFUL},
                 {EVENT_SYNC_SUCCESSFUL, FACT_SYNC_SUCCESSFUL},
                 {EVENT_SYNC_UNSUCCESSFUL, FACT_SYNC_UNSUCCESSFUL}};
    size_t kind = random_below(happening->random, ARRAY_LEN(kinds));
    uint16_t key = (uint16_t)(random_chance(happening->random, 10) ? 1 : ++happening->vendor->last_body_id);
    happen_simply(happening, kinds[kind].type, (struct sketch_fact){(uint8_t)kinds[kind].kind, 0, 0, key},
                  any_company(happening));
}

static void happen_to_connection(struct happening *happening) {
    unsigned change = random_below(happening->random, 4), company = any_company(happening);
    happen_simply(
        happening, (enum event_type)(EVENT_CONNECTION_CREATED + change),
        (struct sketch_fact){(uint8_t)(FACT_CONNECTION_CREATED + change), 0, (uint8_t)any_connection(happening), 0},
        company);
}

/* Two rules, each with a fact of its own; the event has both. */
/* Is a rule told, of those that may be? Either every time or, as it happens, now and then. */
static bool is_told(struct happening *happening, unsigned which, unsigned percent) {
    if (happening->vendor->steady)
        return (happening->vendor->configured >> which & 1) != 0;
    return random_chance(happening->random, percent);
}

static void happen_to_be_deleted(struct happening *happening) {
    unsigned company = any_company(happening);
    struct sketch_fact by_connection = {FACT_CONNECTION_DELETED, 0, (uint8_t)any_connection(happening), 0};
    struct sketch_fact by_company = {FACT_COMPANY_CONNECTION_DELETED, (uint8_t)company, 0, 0};
    struct sketch_item item = {.fact_count = 0};
    add_fact(&item, by_connection);
    add_fact(&item, by_company);
    if (is_told(happening, 3, 70))
        tell_rule(happening, RULE_CONNECTION, EVENT_CONNECTION_DELETED, company, &by_connection);
    if (is_told(happening, 4, 70))
        tell_rule(happening, RULE_SYNC_CONNECTION_DELETED, EVENT_CONNECTION_DELETED, company, &by_company);
    tell_event(happening, EVENT_CONNECTION_DELETED, company, &item, 1);
}

static void happen_to_one(struct happening *happening) {
    unsigned company = any_company(happening);
    switch (random_below(happening->random, 3)) {
    case 0:
        happen_simply(happening, EVENT_INITIAL, (struct sketch_fact){FACT_INITIAL, (uint8_t)company, 0, 0}, company);
        break;
    case 1:
        happen_simply(happening, EVENT_RATE_REACHED, (struct sketch_fact){FACT_RATE_REACHED, 0, 0, 0}, 0);
        break;
    default:
        happen_simply(happening, EVENT_RATE_RESET, (struct sketch_fact){FACT_RATE_RESET, 0, 0, 0}, 0);
    }
}

/* A dataset: its element in the event, and up to three alerts. */
static void read_dataset(struct happening *happening, unsigned company, unsigned connection, unsigned data_type,
                         struct sketch_item *item) {
    static const unsigned chances[] = {100, 50, 20}; /* completed, changed, error */
    *item = (struct sketch_item){.fact_count = 0};
    for (unsigned i = 0; i < ARRAY_LEN(chances); i++) {
        struct sketch_fact fact = {(uint8_t)(FACT_READ_COMPLETED + i), (uint8_t)company, (uint8_t)connection,
                                   (uint16_t)data_type};
        if (!random_chance(happening->random, chances[i]))
            continue;
        add_fact(item, fact);
        if (is_told(happening, i, 60))
            tell_rule(happening, (enum rule_type)(RULE_READ_COMPLETED + i), EVENT_READ, company, &fact);
    }
}

/* Data types in a row, beginning anywhere; now and then one of them twice, or on another connection. */
static void happen_to_be_read(struct happening *happening) {
    struct sketch_item items[SKETCH_ITEMS];
    unsigned most = happening->vendor->data_types < SKETCH_ITEMS ? happening->vendor->data_types : SKETCH_ITEMS;
    unsigned count = 1 + random_below(happening->random, most), first = random_below(happening->random, 6);
    unsigned company = any_company(happening), connection = any_connection(happening);
    for (unsigned i = 0; i < count; i++) {
        bool odd = !happening->vendor->steady && random_chance(happening->random, 5);
        read_dataset(happening, company, odd ? any_connection(happening) : connection,
                     1 + (first + (odd ? 0 : i)) % happening->vendor->data_types, &items[i]);
    }
    tell_event(happening, EVENT_READ, company, items, count);
}

/* Types that nothing replaces, given to either side, and shapes that nobody knows. */
static void happen_alone(struct happening *happening) {
    struct sketch sketch = {.item_count = 1, .body_id = body_id(happening)};
    sketch.generation = (enum generation)random_below(happening->random, 3);
    sketch.endpoint = (enum endpoint)random_below(happening->random, ENDPOINT_COUNT);
    if (sketch.generation == GENERATION_RULE)
        sketch.type = RULE_UNREPLACED;
    if (sketch.generation == GENERATION_EVENT)
        sketch.type = EVENT_UNREPLACED;
    sketch.company = (uint8_t)(sketch.generation == GENERATION_UNKNOWN ? 0 : any_company(happening));
    tell(happening, &sketch, 0);
}

/* Few facts of both kinds, anywhere: no vendor says such things, and the rules say what becomes of them. */
static struct sketch_fact any_fact(struct happening *happening) {
    static const enum fact_kind kinds[] = {FACT_WRITE_SUCCESSFUL, FACT_READ_COMPLETED, FACT_READ_CHANGED,
                                           FACT_SYNC_SUCCESSFUL};
    return (struct sketch_fact){(uint8_t)RANDOM_OF(happening->random, kinds), 9, 9,
                                (uint16_t)random_below(happening->random, 2)};
}

static void any_facts(struct happening *happening, struct sketch_item *item) {
    unsigned count = random_below(happening->random, 4);
    item->fact_count = 0;
    for (unsigned f = 0; f < count; f++)
        add_fact(item, any_fact(happening));
}

static void happen_oddly(struct happening *happening) {
    struct sketch_item items[SKETCH_ITEMS];
    unsigned count = 1 + random_below(happening->random, SKETCH_ITEMS), company = any_company(happening);
    unsigned rules = random_below(happening->random, 3);
    for (unsigned i = 0; i < count; i++)
        any_facts(happening, &items[i]);
    for (unsigned i = 0; i < rules; i++) {
        struct sketch_fact fact = any_fact(happening);
        tell_rule(happening, RANDOM_OF(happening->random, ((enum rule_type[]){RULE_PUSH, RULE_READ_COMPLETED})),
                  EVENT_READ, company, &fact);
    }
    tell_event(happening, EVENT_READ, company, items, count);
}

static void happen(struct happening *happening, unsigned dice) {
    struct vendor *vendor = happening->vendor;
    struct random *random = happening->random;
    vendor->last_occurrence++;
    happening->body_id = random_chance(random, vendor->same_ids) ? ++vendor->last_body_id : 0;
    if (random_chance(random, vendor->oddities))
        happen_oddly(happening);
    else if (dice < 45)
        happen_to_be_read(happening);
    else if (dice < 65)
        happen_exactly(happening);
    else if (dice < 78)
        happen_to_connection(happening);
    else if (dice < 86)
        happen_to_be_deleted(happening);
    else if (dice < 95)
        happen_to_one(happening);
    else
        happen_alone(happening);
}

void occurrence_happen(struct vendor *vendor, struct random *random, int64_t now_ms, struct tellings *tellings) {
    struct happening happening = {.vendor = vendor, .random = random, .now_ms = now_ms, .tellings = tellings};
    happen(&happening, random_below(random, 100));
}

void occurrence_burst(struct vendor *vendor, struct random *random, int64_t now_ms, struct tellings *tellings) {
    enum { ROOM = 30 }; /* for the messages of one occurrence, repeats included */
    struct happening happening = {.vendor = vendor, .random = random, .tellings = tellings};
    unsigned count = 1 + random_below(random, vendor->burst), dice = random_below(random, 95);
    bool is_outage = random_chance(random, 30);
    int64_t span_ms = vendor->burst_ms + (is_outage ? vendor->outage_ms : 0);
    happening.held_until_ms = is_outage ? now_ms + vendor->outage_ms : 0;
    for (unsigned i = 0; i < count && tellings->count + ROOM < TELLINGS_MAX; i++) {
        happening.now_ms = now_ms + (int64_t)(random_bits(random) % (uint64_t)(span_ms + 1));
        happen(&happening, dice);
    }
}
