#include "tests/model/generate.h"

#include "proxy/decide/pairing.h"

#include <string.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t DAY = (int64_t)24 * HOUR;

static void draw_rules(struct random *random, struct rules *rules) {
    static const int64_t windows[] = {0, SECOND, MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR};
    static const int64_t holds[] = {SECOND, 30 * SECOND, 30 * SECOND, 10 * MINUTE};
    const int64_t park[] = {0, MINUTE, HOUR, DAY, DAY, DAY, DAY};
    const int64_t retentions[] = {HOUR, DAY, 15 * DAY, 15 * DAY};
    static const int64_t waits[] = {5 * SECOND, 30 * SECOND, 2 * MINUTE, HOUR};
    static const unsigned backlogs[] = {4, 12, 1000, 1000, 1000, 1000};
    *rules = (struct rules){
        .window_ms = RANDOM_OF(random, windows),
        .hold_ms = RANDOM_OF(random, holds),
        .park_for_ms = RANDOM_OF(random, park),
        .retention_ms = RANDOM_OF(random, retentions),
        .retry_count = random_below(random, 5),
        .trim = random_chance(random, 70),
        .backlog_max = RANDOM_OF(random, backlogs),
    };
    rules->body_retention_ms = random_chance(random, 50) ? rules->retention_ms : rules->retention_ms / 5;
    for (unsigned i = 0; i < rules->retry_count; i++)
        rules->retry_ms[i] = RANDOM_OF(random, waits);
    unsigned common = random_below(random, 4); /* first, first, new, legacy */
    for (unsigned i = 1; i < EVENT_TYPE_COUNT; i++)
        rules->prefer[i] =
            (uint8_t)(random_chance(random, 80) ? (common < 2 ? PREFER_FIRST : common - 1) : random_below(random, 3));
    struct random aside = *random; /* what a seed leads to stays the same */
    if (random_chance(&aside, 15))
        rules->verified = random_chance(&aside, 50) ? GENERATION_RULE : GENERATION_EVENT;
}

static void draw_vendor(struct random *random, struct vendor *vendor) {
    static const unsigned losses[] = {0, 0, 10, 40}, repeats[] = {0, 10, 30}, headers[] = {0, 50, 100};
    const int64_t delays[] = {20, 5 * SECOND, 10 * MINUTE, HOUR, 3 * DAY};
    static const unsigned same[] = {0, 0, 50, 100}, constant[] = {0, 0, 0, 10, 60}, odd[] = {0, 0, 0, 15, 80};
    *vendor = (struct vendor){
        .companies = 1 + random_below(random, COMPANIES - 1),
        .connections = 1 + random_below(random, 2),
        .data_types = 1 + random_below(random, SKETCH_ITEMS),
        .rules_of_a_type = 1 + random_below(random, 2),
        .rule_loss = RANDOM_OF(random, losses),
        .event_loss = RANDOM_OF(random, losses),
        .repeats = RANDOM_OF(random, repeats),
        .same_ids = RANDOM_OF(random, same),
        .constant_ids = RANDOM_OF(random, constant),
        .headers = RANDOM_OF(random, headers),
        .dated = random_chance(random, 80) ? 90 : 0,
        .oddities = RANDOM_OF(random, odd),
        .resends = RANDOM_OF(random, repeats) / 3,
        .delay_ms = RANDOM_OF(random, delays),
        .last_body_id = 10,
    };
}

static void draw_mood(struct random *random, struct mood *mood) {
    static const unsigned fails[] = {0, 0, 0, 10, 40, 100}, some[] = {0, 3, 12}, rare[] = {0, 0, 3, 8};
    static const unsigned costly[] = {0, 0, 0, 1, 3}; /* most of the time goes into opening stores */
    static const unsigned promises[] = {100, 100, 50, 0}, shares[] = {0, 50, 100};
    *mood = (struct mood){
        .fails = {RANDOM_OF(random, fails), RANDOM_OF(random, fails)},
        .gone = RANDOM_OF(random, some),
        .interrupted = RANDOM_OF(random, some),
        .flips = RANDOM_OF(random, some),
        .replays = RANDOM_OF(random, rare),
        .restarts = RANDOM_OF(random, costly),
        .crashes = RANDOM_OF(random, costly),
        .faults = RANDOM_OF(random, rare),
        .groups = RANDOM_OF(random, some),
        .sweeps = 3 + random_below(random, 15),
        .leases = 3 + random_below(random, 15),
        .waits = 2 + random_below(random, 10),
        .promises = RANDOM_OF(random, promises),
        .leased_at_once = RANDOM_OF(random, shares),
        .flags_by_company = random_chance(random, 40),
    };
}

/* Times in which pairing by the nearest can tell occurrences apart as far as anybody could: all messages of the
 * occurrences that overlap are within one window of each other, by what they tell or, after an outage, by their
 * arrivals. Nothing is lost, consumers are on and healthy. */
static void calm_down(struct generator *generator, struct rules *rules) {
    static const int64_t windows[] = {MINUTE, 10 * MINUTE, HOUR};
    static const unsigned some[] = {0, 0, 50};
    struct random *random = &generator->random;
    struct vendor *vendor = &generator->vendor;
    struct mood *mood = &generator->mood;
    rules->calm = rules->trim = true;
    rules->verified = GENERATION_UNKNOWN;
    rules->window_ms = RANDOM_OF(random, windows);
    rules->retention_ms = rules->body_retention_ms = 15 * DAY;
    rules->park_for_ms = DAY;
    rules->backlog_max = 1000;
    vendor->steady = true;
    vendor->configured = (uint8_t)random_below(random, 32);
    vendor->rule_loss = vendor->event_loss = vendor->constant_ids = vendor->oddities = vendor->resends = 0;
    vendor->companies = vendor->connections = 1 + random_below(random, 2);
    vendor->data_types = 1 + random_below(random, 2);
    vendor->burst = 1 + random_below(random, 6);
    vendor->burst_ms = rules->window_ms / 3;
    vendor->delay_ms = random_chance(random, 20) ? 0 : rules->window_ms / 4;
    vendor->outage_ms = rules->window_ms * (1 + random_below(random, 5));
    vendor->placeholders = RANDOM_OF(random, some);
    vendor->services = RANDOM_OF(random, some);
    vendor->borrowed = vendor->same_ids == 0 ? RANDOM_OF(random, some) : 0;
    *mood = (struct mood){.restarts = mood->restarts,
                          .groups = mood->groups,
                          .sweeps = mood->sweeps,
                          .leases = mood->leases,
                          .promises = mood->promises,
                          .leased_at_once = mood->leased_at_once};
}

void generator_begin(struct generator *generator, uint64_t seed, struct rules *rules) {
    generator->random.state = seed;
    generator->tellings.count = generator->tellings.told_count = 0;
    generator->last_label = 0;
    generator->begun = false;
    draw_rules(&generator->random, rules);
    draw_vendor(&generator->random, &generator->vendor);
    draw_mood(&generator->random, &generator->mood);
    if (random_chance(&generator->random, 25))
        calm_down(generator, rules);
}

/* ---- arrivals ---- */

static size_t earliest(const struct tellings *tellings) {
    size_t first = 0;
    for (size_t i = 1; i < tellings->count; i++)
        if (tellings->on_the_way[i].at_ms < tellings->on_the_way[first].at_ms)
            first = i;
    return first;
}

static struct history_step arrival(struct generator *generator, const struct telling *telling, int64_t now_ms) {
    struct random *random = &generator->random;
    struct history_step step = {.kind = STEP_ARRIVE, .label = ++generator->last_label, .sketch = telling->sketch};
    bool dated = telling->sketch.generation == GENERATION_EVENT && telling->sketch.age_ms >= 0;
    step.sketch.age_ms = dated ? now_ms - telling->happened_ms : 0;
    if (dated && random_chance(random, 20))
        step.sketch.age_ms -= (int64_t)random_below(random, 3 * SECOND); /* clocks differ */
    step.promise = random_chance(random, generator->mood.promises);
    /* the sender of an unpromised one waits for an attempt, so that must begin at once */
    step.lease = !step.promise || random_chance(random, generator->mood.leased_at_once);
    if (random_chance(random, 2))
        step.lease = !step.lease;
    return step;
}

static void remember_told(struct generator *generator, const struct telling *telling) {
    struct tellings *tellings = &generator->tellings;
    size_t place =
        tellings->told_count < TELLINGS_MAX ? tellings->told_count++ : random_below(&generator->random, TELLINGS_MAX);
    tellings->told[place] = *telling;
}

/* The next message on its way arrives, or the time passes until it does. */
static struct history_step next_arrival(struct generator *generator, int64_t now_ms) {
    struct tellings *tellings = &generator->tellings;
    if (tellings->told_count > 0 && random_chance(&generator->random, generator->vendor.resends))
        return arrival(generator, &tellings->told[random_below(&generator->random, (unsigned)tellings->told_count)],
                       now_ms);
    while (tellings->count == 0 && generator->vendor.burst > 0)
        occurrence_burst(&generator->vendor, &generator->random, now_ms, tellings);
    while (tellings->count == 0)
        occurrence_happen(&generator->vendor, &generator->random, now_ms, tellings);
    size_t next = earliest(tellings);
    if (generator->vendor.burst == 0 && random_chance(&generator->random, 5))
        next = random_below(&generator->random, (unsigned)tellings->count);
    struct telling telling = tellings->on_the_way[next];
    if (telling.at_ms > now_ms)
        return (struct history_step){.kind = STEP_WAIT, .number = telling.at_ms - now_ms};
    tellings->on_the_way[next] = tellings->on_the_way[--tellings->count];
    remember_told(generator, &telling);
    return arrival(generator, &telling, now_ms);
}

/* ---- the rest ---- */

static int any_message(struct generator *generator, const struct model *model) {
    return model->message_count == 0 ? NOWHERE : (int)random_below(&generator->random, (unsigned)model->message_count);
}

static int any_under_way(struct generator *generator, const struct model *model) {
    int start = any_message(generator, model);
    for (int i = 0; i < model->message_count; i++) {
        int place = (start + i) % model->message_count;
        if (model->messages[place].there && model->messages[place].under_way)
            return place;
    }
    return NOWHERE;
}

static enum model_result any_result(struct generator *generator, enum endpoint endpoint) {
    const struct mood *mood = &generator->mood;
    if (!random_chance(&generator->random, mood->fails[endpoint]))
        return RESULT_DELIVERED;
    if (random_chance(&generator->random, mood->gone))
        return RESULT_GONE;
    return random_chance(&generator->random, mood->interrupted) ? RESULT_INTERRUPTED : RESULT_FAILED;
}

static struct history_step settlement(struct generator *generator, const struct model_message *message) {
    static const int64_t asks[] = {-1, -1, -1, 0, 7 * SECOND, HOUR};
    return (struct history_step){
        .kind = STEP_SETTLE,
        .label = message->label,
        .attempt = {.result = any_result(generator, message->sketch.endpoint),
                    .retry_after_ms = RANDOM_OF(&generator->random, asks),
                    .jitter = (double)((int)random_below(&generator->random, 3) - 1) * 0.5},
    };
}

static struct history_step flip(struct generator *generator, const struct model *model) {
    struct history_step step = {.kind = STEP_FLAGS, .flags = model->flags};
    unsigned endpoint = random_below(&generator->random, ENDPOINT_COUNT);
    if (generator->mood.flags_by_company)
        step.flags.on[endpoint] ^= (uint8_t)(1U << random_below(&generator->random, COMPANIES + 1));
    else
        step.flags.on[endpoint] = step.flags.on[endpoint] != 0 ? 0 : UINT8_MAX;
    return step;
}

/* Until just before, at, or just after the moment when something is due for some message; or anywhere. */
static struct history_step pass_time(struct generator *generator, const struct model *model) {
    struct random *random = &generator->random;
    struct history_step step = {.kind = STEP_WAIT};
    const int64_t spans[] = {1, SECOND, SECOND, MINUTE, 11 * MINUTE, HOUR, DAY};
    int place = any_message(generator, model);
    step.number = (int64_t)(random_bits(random) % (uint64_t)RANDOM_OF(random, spans));
    if (place == NOWHERE || random_chance(random, 50))
        return step;
    const struct model_message *message = &model->messages[place];
    int64_t due_ms = message->due_ms;
    if (due_ms == INT64_MAX)
        due_ms = message->received_ms +
                 (random_chance(random, 50) ? model->rules.retention_ms : model->rules.body_retention_ms);
    int64_t wait_ms = due_ms - model->now_ms + (int64_t)random_below(random, 3) - 1;
    if (wait_ms >= 0 && wait_ms < 20 * DAY)
        step.number = wait_ms;
    return step;
}

static struct history_step grouping(struct generator *generator) {
    static const enum step_kind kinds[] = {STEP_BEGIN, STEP_BEGIN, STEP_COMMIT, STEP_COMMIT, STEP_ABORT};
    enum step_kind kind = RANDOM_OF(&generator->random, kinds);
    return (struct history_step){.kind = kind == STEP_ABORT && generator->vendor.steady ? STEP_COMMIT : kind};
}

static struct history_step trouble(struct generator *generator, enum step_kind kind) {
    return (struct history_step){.kind = kind, .number = 1 + random_below(&generator->random, 24)};
}

static struct history_step sweeping(struct generator *generator) {
    static const int budgets[] = {0, 0, 1, 2, 5};
    return (struct history_step){.kind = STEP_SWEEP, .number = RANDOM_OF(&generator->random, budgets)};
}

static struct history_step leasing(struct generator *generator) {
    return (struct history_step){.kind = STEP_LEASE,
                                 .endpoint = (enum endpoint)random_below(&generator->random, ENDPOINT_COUNT),
                                 .number = 1 + random_below(&generator->random, 6)};
}

static bool falls(struct generator *generator, unsigned percent) {
    return random_chance(&generator->random, percent);
}

/* Which consumers are on at first. */
static struct history_step first_flags(struct generator *generator) {
    static const struct flags choices[] = {{{UINT8_MAX, UINT8_MAX}},
                                           {{UINT8_MAX, UINT8_MAX}},
                                           {{UINT8_MAX, UINT8_MAX}},
                                           {{UINT8_MAX, 0}},
                                           {{0, UINT8_MAX}},
                                           {{0x15, 0x1a}},
                                           {{0, 0}}};
    generator->begun = true;
    if (generator->vendor.steady)
        return (struct history_step){.kind = STEP_FLAGS, .flags = choices[0]};
    return (struct history_step){.kind = STEP_FLAGS, .flags = RANDOM_OF(&generator->random, choices)};
}

bool generator_rest(struct generator *generator, const struct model *model, struct history_step *step) {
    if (generator->vendor.burst == 0 || generator->tellings.count == 0)
        return false;
    *step = next_arrival(generator, model->now_ms);
    return true;
}

struct history_step generator_next(struct generator *generator, const struct model *model) {
    const struct mood *mood = &generator->mood;
    int place;
    if (!generator->begun)
        return first_flags(generator);
    if (falls(generator, mood->flips))
        return flip(generator, model);
    if (falls(generator, mood->restarts))
        return (struct history_step){.kind = STEP_RESTART};
    if (falls(generator, mood->crashes))
        return trouble(generator, STEP_CRASH);
    if (falls(generator, mood->faults))
        return trouble(generator, STEP_FAIL);
    if (falls(generator, mood->groups))
        return grouping(generator);
    if (falls(generator, mood->sweeps))
        return sweeping(generator);
    if (falls(generator, mood->leases))
        return leasing(generator);
    if (falls(generator, mood->waits))
        return pass_time(generator, model);
    if (falls(generator, mood->replays) && (place = any_message(generator, model)) != NOWHERE)
        return (struct history_step){
            .kind = STEP_REPLAY, .label = model->messages[place].label, .force = random_chance(&generator->random, 50)};
    if (falls(generator, 4) && (place = any_under_way(generator, model)) != NOWHERE)
        return (struct history_step){.kind = STEP_RESUME, .label = model->messages[place].label};
    if (falls(generator, 35) && (place = any_under_way(generator, model)) != NOWHERE)
        return settlement(generator, &model->messages[place]);
    return next_arrival(generator, model->now_ms);
}
