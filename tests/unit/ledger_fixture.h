/* A ledger to play scenarios on, over either store. Clock, flags and preference are the test's; every write is a group
 * of its own. After each test the book is checked: counts match a recount, and nothing is suppressed without a reason.
 *
 * Messages are told in short: alert(world, "accounts") is a rule, reads(world, "accounts bills") an event with two
 * items, both about "read/accounts". */
#ifndef TESTS_LEDGER_FIXTURE_H
#define TESTS_LEDGER_FIXTURE_H

#include "common/mem.h"
#include "proxy/store/ledger.h"
#include "tests/unit/store_fixture.h"

enum { ITEMS = 24, SECOND_MS = 1000, MINUTE_MS_ = 60 * SECOND_MS, HOUR_MS_ = 60 * MINUTE_MS_ };
#define START_MS ((int64_t)1725192854015)
#define DAY_MS   ((int64_t)24 * HOUR_MS_)

struct world {
    struct place place;     /* path is empty where the store is memory */
    struct backend_ops ops; /* a copy, which the ledger uses: a test may change it */
    struct backend *backend;
    struct ledger *ledger;
    struct arena *arena;
    int64_t retry_ms[2];
    struct ledger_policy policy;
    int64_t now_ms;
    bool on[ENDPOINT_COUNT];
    enum prefer prefer;
    double jitter;
    unsigned told;             /* messages so far: makes webhook ids */
    bool twins_may_be_missing; /* the test lets twins get past their retention */
    struct admission admission;
    struct settlement settlement;
};

/* One message. What is left out: a rule of the type DataSyncCompleted with a webhook-id of its own, promised. */
struct telling {
    enum generation generation; /* 0: rule; GENERATION_UNKNOWN is told by `unknown` */
    bool unknown;
    const char *type, *webhook_id, *body_id, *rule_id;
    const char *items[ITEMS]; /* facts of each, apart by spaces; "x:" in front of an exact one */
    const char *data_types[ITEMS];
    size_t item_count; /* 0: as many as there are items, at least one */
    bool no_id, no_counterpart, lease, waits;
    int64_t happened_ms;    /* 0: now */
    enum endpoint endpoint; /* of a message without a counterpart */
};

#define OK(call) assert_int_equal((call), ERR_NONE)

static inline bool world_flag(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                              struct arena *arena, struct str *why) {
    const struct world *world = flags;
    (void)record;
    (void)now_ms;
    if (why != NULL)
        *why = arena_printf(arena, "%s is %s", endpoint_name(endpoint), world->on[endpoint] ? "on" : "off");
    return world->on[endpoint];
}

static inline enum prefer world_prefer(void *arg, struct str counterpart) {
    (void)counterpart;
    return ((const struct world *)arg)->prefer;
}

static inline double world_jitter(void *arg) {
    return ((const struct world *)arg)->jitter;
}

static inline void world_start(struct world *world, struct backend *backend) {
    struct err_detail detail;
    world->ops = *backend->ops;
    backend->ops = &world->ops;
    world->backend = backend;
    OK(ledger_open(backend, &world->policy, world_flag, world, &world->ledger, &detail));
}

static inline struct backend *world_backend(struct world *world) {
    struct backend *backend = NULL;
    struct err_detail detail;
    if (world->place.path[0] == '\0')
        return backend_memory_new();
    OK(backend_sqlite_open(world->place.path, STORE_SYNC_NORMAL, &backend, &detail));
    return backend;
}

static inline struct world *world_new(bool sqlite) {
    struct world *world = MEM_NEW(struct world);
    world->arena = arena_new(0);
    world->now_ms = START_MS;
    world->on[ENDPOINT_LEGACY] = world->on[ENDPOINT_NEW] = true;
    world->retry_ms[0] = 5 * SECOND_MS;
    world->retry_ms[1] = 30 * SECOND_MS;
    world->policy = (struct ledger_policy){.window_ms = 10 * MINUTE_MS_,
                                           .hold_ms = 30 * SECOND_MS,
                                           .park_for_ms = DAY_MS,
                                           .retention_ms = 15 * DAY_MS,
                                           .body_retention_ms = 3 * DAY_MS,
                                           .retry_ms = world->retry_ms,
                                           .retry_count = 2,
                                           .trim = true,
                                           .backlog_max = 1000,
                                           .prefer = world_prefer,
                                           .jitter = world_jitter,
                                           .arg = world};
    if (sqlite)
        place_make(&world->place);
    world_start(world, world_backend(world));
    return world;
}

/* As after the end of the process: only what was committed to the file is there. */
static inline void world_reopen(struct world *world) {
    ledger_close(world->ledger);
    world_start(world, world_backend(world));
}

static inline void advance(struct world *world, int64_t ms) {
    world->now_ms += ms;
}

/* Runs `call` as a group. */
#define GROUP(world, call)                                                                                             \
    do {                                                                                                               \
        OK(ledger_begin((world)->ledger));                                                                             \
        OK(call);                                                                                                      \
        OK(ledger_commit((world)->ledger));                                                                            \
    } while (0)

static inline struct item telling_item(struct world *world, const char *facts, const char *data_type) {
    struct item item = {.facts = ARENA_ARRAY(world->arena, ITEM_FACT_MAX, struct fact), .data_type = str_of(data_type)};
    struct str piece, rest = str_of(facts);
    while (str_next(&rest, ' ', &piece)) {
        bool exact = str_starts_with(piece, STR("x:"));
        item.facts[item.fact_count++] =
            (struct fact){exact ? str_from(piece, 2) : piece, exact ? MATCH_EXACT : MATCH_WINDOW};
    }
    return item;
}

static inline struct message *telling_message(struct world *world, const struct telling *telling) {
    static const struct str replaces[] = {{"DataSyncCompleted", 17}};
    struct message *message = ARENA_NEW(world->arena, struct message);
    bool event = telling->generation == GENERATION_EVENT;
    message->generation = telling->unknown ? GENERATION_UNKNOWN : event ? GENERATION_EVENT : GENERATION_RULE;
    message->endpoint = telling->no_counterpart ? telling->endpoint : event ? ENDPOINT_NEW : ENDPOINT_LEGACY;
    if (!telling->unknown)
        message->type = telling->type != NULL ? str_of(telling->type)
                        : event               ? STR("read.completed")
                                              : STR("DataSyncCompleted");
    message->type_known = !telling->unknown;
    if (!telling->no_counterpart && !telling->unknown)
        message->counterpart = STR("read.completed");
    if (event && !telling->no_counterpart) {
        message->replaces = replaces;
        message->replaces_count = 1;
    }
    message->company = STR("c1");
    message->rule_id = str_of(telling->rule_id);
    message->body_id = str_of(telling->body_id);
    message->webhook_id = telling->webhook_id != NULL ? str_of(telling->webhook_id)
                          : telling->no_id            ? STR_NONE
                                                      : arena_printf(world->arena, "msg_%u", ++world->told);
    message->items = ARENA_ARRAY(world->arena, ITEMS, struct item);
    while (message->item_count < ITEMS &&
           (telling->items[message->item_count] != NULL || message->item_count < telling->item_count)) {
        size_t i = message->item_count++;
        message->items[i] = telling_item(world, telling->items[i], telling->data_types[i]);
    }
    if (message->item_count == 0)
        message->item_count = 1;
    message->received_ms = world->now_ms;
    message->time_ms = telling->happened_ms != 0 ? telling->happened_ms : world->now_ms;
    message->generated_ms = -1;
    message->target = STR("/hooks");
    return message;
}

static inline struct admit_request telling_request(struct world *world, const struct telling *telling) {
    return (struct admit_request){.message = telling_message(world, telling),
                                  .content = {STR("X-A:1\n"), STR("{\"a\":1}")},
                                  .now_ms = world->now_ms,
                                  .lease = telling->lease,
                                  .promise = !telling->waits};
}

/* Admits it; the answer is in world->admission. */
static inline uint64_t tell(struct world *world, struct telling telling) {
    struct admit_request request = telling_request(world, &telling);
    GROUP(world, ledger_admit(world->ledger, world->arena, &request, &world->admission));
    return world->admission.id;
}
#define TELL(world, ...) tell((world), (struct telling){__VA_ARGS__})

/* "read/NAME", for as long as the test lasts. */
static inline const char *read_fact(struct world *world, struct str name) {
    return arena_printf(world->arena, "read/" STR_FMT, STR_ARG(name)).at;
}

static inline uint64_t alert(struct world *world, const char *data_type) {
    return TELL(world, .items = {read_fact(world, str_of(data_type))});
}

static inline struct telling reads_telling(struct world *world, const char *data_types) {
    struct telling telling = {.generation = GENERATION_EVENT};
    struct str name, rest = str_of(data_types);
    for (size_t i = 0; str_next(&rest, ' ', &name); i++) {
        telling.items[i] = read_fact(world, name);
        telling.data_types[i] = arena_str(world->arena, name).at;
    }
    return telling;
}

static inline uint64_t reads(struct world *world, const char *data_types) {
    return tell(world, reads_telling(world, data_types));
}

static inline struct story story_of(struct world *world, uint64_t id) {
    struct story story;
    OK(ledger_story(world->ledger, world->arena, id, &story));
    return story;
}

static inline bool is_gone(struct world *world, uint64_t id) {
    struct story story;
    return ledger_story(world->ledger, world->arena, id, &story) == ERR_NOT_FOUND;
}

#define assert_state(world, id, wanted)                                                                                \
    assert_string_equal(state_name(story_of((world), (id)).record.state), state_name(wanted))

/* Why it is in its state: of the last thing that happened to it. */
static inline const char *why(struct world *world, uint64_t id) {
    struct story story = story_of(world, id);
    return story.step_count == 0 ? "" : story.steps[story.step_count - 1].why.at;
}

static inline size_t lease(struct world *world, enum endpoint endpoint, size_t max, struct lease *leases) {
    size_t count = 0;
    GROUP(world, ledger_lease(world->ledger, world->arena, endpoint, max, world->now_ms, leases, &count));
    return count;
}

static inline void settle_as(struct world *world, struct attempt attempt) {
    GROUP(world, ledger_settle(world->ledger, &attempt, world->now_ms, &world->settlement));
}

/* An attempt that ends so; it is leased first where it is not yet, with all else that is due at its endpoint. */
static inline void attempt(struct world *world, uint64_t id, enum attempt_result result) {
    struct story story = story_of(world, id);
    if (!story.leased) {
        struct lease leases[16];
        lease(world, story.record.endpoint, ARRAY_LEN(leases), leases);
        assert_true(story_of(world, id).leased);
    }
    settle_as(world, (struct attempt){.id = id, .result = result, .retry_after_ms = -1, .what = STR("tried")});
}

/* Tries until it is dead. */
static inline void kill_message(struct world *world, uint64_t id) {
    do {
        int64_t due_ms = story_of(world, id).record.due_ms;
        world->now_ms = due_ms > world->now_ms ? due_ms : world->now_ms;
        attempt(world, id, ATTEMPT_FAILED);
    } while (world->settlement.state == STATE_PENDING);
    assert_int_equal(world->settlement.state, STATE_DEAD);
}

/* Sweeps in steps of three until there is no more to do. */
static inline void sweep(struct world *world) {
    bool more = true;
    for (int steps = 0; more; steps++) {
        assert_true(steps < 1000);
        GROUP(world, ledger_sweep(world->ledger, world->now_ms, 3, &more));
    }
}

static inline void switch_flags(struct world *world, bool legacy, bool new) {
    world->on[ENDPOINT_LEGACY] = legacy;
    world->on[ENDPOINT_NEW] = new;
    ledger_set_flags(world->ledger, world);
    sweep(world);
}

static inline enum err replay_as(struct world *world, uint64_t id, bool force) {
    OK(ledger_begin(world->ledger));
    enum err err = ledger_replay(world->ledger, id, force, world->now_ms);
    OK(ledger_commit(world->ledger));
    return err;
}

static inline enum err replay(struct world *world, uint64_t id) {
    return replay_as(world, id, false);
}

static inline bool twin_handles_item(const struct twin *twin, const struct record *other, bool is_rule, uint32_t item) {
    if ((is_rule ? 0 : twin->item) != item)
        return false;
    if (!state_is_handled(other->state) && (other->marks & RECORD_DELIVERED_ONCE) == 0)
        return false;
    size_t len = (other->item_count + 7) / 8;
    bool goes_after = other->state == STATE_PENDING && other->trimmed.len > len &&
                      bitmap_has(str_from(other->trimmed, len), twin->item);
    return !is_rule || !bitmap_has(other->trimmed, twin->item) || goes_after;
}

/* Every item of a suppressed message has a twin that handles it. */
static inline void check_suppressed(struct world *world, const struct record *record) {
    struct story story = story_of(world, record->id);
    for (uint32_t item = 0; item < record->item_count; item++) {
        bool handled = false;
        for (size_t i = 0; i < story.twin_count; i++)
            handled = handled || twin_handles_item(&story.twins[i], &story.twin_records[i],
                                                   story.twins[i].rule == record->id, item);
        if (!handled)
            fail_msg("message %llu is suppressed, and nobody handles its item %u", (unsigned long long)record->id,
                     item);
    }
}

static inline void check_book(struct world *world) {
    struct ledger_counts counts, found = {0};
    struct record *records;
    size_t count;
    struct filter all = {.state = -1, .generation = -1, .limit = 2000};
    OK(ledger_list(world->ledger, world->arena, &all, &records, &count));
    for (size_t i = 0; i < count; i++) {
        found.in_state[records[i].endpoint][records[i].state]++;
        if (records[i].state == STATE_SUPPRESSED && !world->twins_may_be_missing)
            check_suppressed(world, &records[i]);
    }
    ledger_count(world->ledger, &counts);
    assert_memory_equal(&counts, &found, sizeof counts);
}

static inline int on_memory(void **state) {
    *state = world_new(false);
    return 0;
}

static inline int on_sqlite(void **state) {
    *state = world_new(true);
    return 0;
}

static inline int close_world(void **state) {
    struct world *world = *state;
    check_book(world);
    ledger_close(world->ledger);
    if (world->place.path[0] != '\0')
        place_remove(&world->place);
    arena_free(world->arena);
    mem_free(world);
    return 0;
}

#define ON_SQLITE(test)                                                                                                \
    { #test " (sqlite)", test, on_sqlite, close_world, NULL }
/* A scenario on each of the stores. */
#define ON_BOTH(test) {#test " (memory)", test, on_memory, close_world, NULL}, ON_SQLITE(test)

#endif
