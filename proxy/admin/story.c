/* The words come from four places: the record (what it is), its admission (a JSON object that the store wrote when it
 * decided; only people read it, so what is missing in it is left out), the twins, and the steps since. */
#include "proxy/admin/story.h"

#include "common/json.h"
#include "proxy/admin/words.h"

struct teller {
    struct arena *arena;
    const struct story *story;
    struct story_lines *lines;
    size_t capacity;
    enum state state; /* so far in the story */
};

static void say(struct teller *teller, int64_t at_ms, struct str text) {
    struct story_lines *lines = teller->lines;
    if (lines->count == teller->capacity) {
        teller->capacity = teller->capacity == 0 ? 16 : teller->capacity * 2;
        struct story_line *larger = ARENA_ARRAY(teller->arena, teller->capacity, struct story_line);
        if (lines->count > 0)
            memcpy(larger, lines->items, lines->count * sizeof *larger);
        lines->items = larger;
    }
    lines->items[lines->count++] = (struct story_line){at_ms, text};
}

/* Copies what was put together and empties the buffer for the next sentence. */
static struct str take(struct arena *arena, struct strbuf *text) {
    struct str copy = arena_str(arena, strbuf_str(text));
    text->len = 0;
    return copy;
}

static void tell_arrival(struct teller *teller) {
    const struct record *record = &teller->story->record;
    struct strbuf text = {0};
    if (record->generation == GENERATION_UNKNOWN)
        strbuf_printf(&text, "A message of no known shape arrived. It belongs to %s.", endpoint_name(record->endpoint));
    else
        strbuf_printf(&text, "%s of type " STR_FMT " arrived%s" STR_FMT ". It belongs to %s.",
                      record->generation == GENERATION_RULE ? "A rule" : "An event", STR_ARG(record->type),
                      record->company.len > 0 ? " for company " : "", STR_ARG(record->company),
                      endpoint_name(record->endpoint));
    if (str_starts_with(record->identity, STR("h:")))
        strbuf_printf(&text, " Its identity is its webhook-id " STR_FMT ".",
                      STR_ARG(str_from(identity_header(record->identity), 2)));
    else if (str_starts_with(record->identity, STR("b:")))
        strbuf_printf(&text, " Its identity is the id in its body, " STR_FMT ".",
                      STR_ARG(str_from(record->identity, 2)));
    else
        strbuf_printf(&text, " It has no identity, so a repetition cannot be told from a new message.");
    if (record->time_ms != record->received_ms)
        strbuf_printf(&text, " It says that it happened " STR_FMT " %s.",
                      STR_ARG(words_span(teller->arena, record->received_ms - record->time_ms)),
                      record->time_ms < record->received_ms ? "earlier" : "later");
    say(teller, record->received_ms, take(teller->arena, &text));
    strbuf_clear(&text);
}

static void tell_item(struct teller *teller, const struct item *item, size_t index, size_t count) {
    struct strbuf text = {0};
    if (count > 1)
        strbuf_printf(&text, "Item %zu of %zu", index + 1, count);
    else
        strbuf_printf(&text, "It");
    strbuf_printf(&text, " states");
    for (size_t f = 0; f < item->fact_count; f++)
        strbuf_printf(&text, "%s " STR_FMT "%s",
                      f == 0                      ? ""
                      : f + 1 == item->fact_count ? " and"
                                                  : ",",
                      STR_ARG(item->facts[f].key),
                      item->facts[f].match == MATCH_EXACT ? " (one occurrence for ever)"
                      : fact_recurs(item->facts[f].match) ? " (recurs)"
                                                          : " (a hint)");
    strbuf_printf(&text, item->fact_count == 0 ? " no fact, so nothing can be its twin." : ".");
    say(teller, teller->story->record.received_ms, take(teller->arena, &text));
    strbuf_clear(&text);
}

static void tell_facts(struct teller *teller) {
    enum { ITEMS_TOLD = 50 };
    const struct record *record = &teller->story->record;
    struct item *items;
    size_t count;
    if (record->counterpart.len == 0) {
        say(teller, record->received_ms,
            STR("Nothing of the other generation tells the same, so it has no facts and never a twin."));
    } else if (!ledger_facts_decode(teller->arena, record->facts, &items, &count)) {
        say(teller, record->received_ms, STR("What it states cannot be read from the store."));
    } else {
        for (size_t i = 0; i < count && i < ITEMS_TOLD; i++)
            tell_item(teller, &items[i], i, count);
        if (count > ITEMS_TOLD)
            say(teller, record->received_ms, arena_printf(teller->arena, "And %zu items more.", count - ITEMS_TOLD));
    }
}

/* The couples of such a key may be mixed up: that is for the reader to know. */
static void tell_recurrences(struct teller *teller) {
    const struct story *story = teller->story;
    for (size_t i = 0; i < story->recurrence_count; i++) {
        const struct recurrence *recurrence = &story->recurrences[i];
        struct str who = story->record.item_count > 1
                             ? arena_printf(teller->arena, "Item %u is", (unsigned)recurrence->item + 1)
                             : STR("It is");
        say(teller, story->record.received_ms,
            arena_printf(teller->arena,
                         STR_FMT " one of %zu occurrences of this key within pairing.window: " STR_FMT
                                 ". Twins may be of different ones; the key is told as often as it occurred.",
                         STR_ARG(who), recurrence->count, STR_ARG(recurrence->key)));
    }
}

static int64_t number_of(const struct json *object, struct str key) {
    const struct json *value = json_get(object, key);
    int64_t number = 0;
    if (value == NULL || value->type != JSON_NUMBER || !str_to_i64(value->text, &number))
        return 0;
    return number;
}

static struct str text_of(const struct json *object, struct str key) {
    return json_string(json_get(object, key));
}

static void tell_candidate(struct teller *teller, const struct json *candidate) {
    const struct record *record = &teller->story->record;
    struct str verdict = text_of(candidate, STR("verdict"));
    int64_t apart_ms = number_of(candidate, STR("apart_ms"));
    struct strbuf text = {0};
    strbuf_printf(&text, "Message " STR_FMT, STR_ARG(text_of(candidate, STR("message"))));
    if (record->generation == GENERATION_RULE)
        strbuf_printf(&text, ", item %lld,", (long long)number_of(candidate, STR("item")) + 1);
    strbuf_printf(&text, " states the same");
    if (record->item_count > 1)
        strbuf_printf(&text, " as item %lld", (long long)number_of(candidate, STR("own_item")) + 1);
    if (apart_ms == 0)
        strbuf_printf(&text, ", at the same time.");
    else
        strbuf_printf(&text, ", " STR_FMT " %s.", STR_ARG(words_span(teller->arena, apart_ms)),
                      apart_ms < 0 ? "before" : "after");
    strbuf_printf(&text, " It was " STR_FMT " then, and ", STR_ARG(text_of(candidate, STR("state"))));
    if (str_eq(verdict, STR("twin")))
        strbuf_printf(&text, "became its twin%s.",
                      str_eq(text_of(candidate, STR("clock")), STR("arrival")) &&
                              str_eq(text_of(candidate, STR("match")), STR("window"))
                          ? ": the two arrived near in time, though they tell of other times"
                          : "");
    else if (text_of(candidate, STR("told")).len > 0)
        strbuf_printf(&text, "did not become its twin, a near miss: " STR_FMT ".",
                      STR_ARG(text_of(candidate, STR("told"))));
    else
        strbuf_printf(&text, "did not become its twin: " STR_FMT ".", STR_ARG(verdict));
    say(teller, record->received_ms, take(teller->arena, &text));
    strbuf_clear(&text);
}

static void tell_candidates(struct teller *teller, const struct json *admission) {
    const struct json *candidates = json_get(admission, STR("candidates"));
    if (candidates == NULL || candidates->first == NULL) {
        if (teller->story->record.counterpart.len > 0)
            say(teller, teller->story->record.received_ms,
                STR("No message of the other generation had stated the same."));
        return;
    }
    for (const struct json *each = candidates->first; each != NULL; each = each->next)
        tell_candidate(teller, each);
}

static void tell_flags(struct teller *teller, const struct json *admission) {
    struct str own = text_of(admission, STR("own_flag")), other = text_of(admission, STR("other_flag"));
    if (own.len > 0 && other.len > 0)
        say(teller, teller->story->record.received_ms,
            arena_printf(teller->arena, "For this message, " STR_FMT " and " STR_FMT ".", STR_ARG(own),
                         STR_ARG(other)));
}

static struct str decision(struct arena *arena, enum state state, int64_t items, int64_t covered, const char *own) {
    switch (state) {
    case STATE_SUPPRESSED:
        return arena_printf(arena, "%s handled by a twin already: suppressed, that is, not delivered.",
                            items == 1 ? "It was" : "Each of its items was");
    case STATE_PARKED:
        return arena_printf(arena,
                            "The %s consumer was off: parked, until a twin has been handled, the consumer is switched "
                            "on, or somebody replays it.",
                            own);
    case STATE_EXPIRED:
        return arena_printf(arena,
                            "The %s consumer was off, and nothing is parked (pairing.park_for is 0): expired at once, "
                            "though it can be replayed.",
                            own);
    case STATE_HELD:
        return STR("The other side is preferred: held for a while, in case its twin comes.");
    case STATE_PENDING:
    case STATE_DELIVERED:
    case STATE_DEAD:
    case STATE_COUNT:
        break;
    }
    if (covered > 0)
        return arena_printf(
            arena, "%lld of %lld items had been handled by twins already: accepted, to deliver the rest to %s.",
            (long long)covered, (long long)items, own);
    return arena_printf(arena, "No twin had handled it, and the %s consumer was on: accepted for delivery.", own);
}

static void tell_admission(struct teller *teller) {
    const struct record *record = &teller->story->record;
    const struct json_limits limits = {.depth = 8, .values = 100000};
    struct json *admission;
    if (json_parse(teller->arena, record->admission, &limits, &admission, NULL) != ERR_NONE) {
        say(teller, record->received_ms, STR("How it was decided on arrival cannot be read from the store."));
        return;
    }
    if (text_of(admission, STR("notes")).len > 0)
        say(teller, record->received_ms, text_of(admission, STR("notes")));
    tell_candidates(teller, admission);
    tell_flags(teller, admission);
    enum state state;
    if (state_parse(text_of(admission, STR("state")), &state)) {
        teller->state = state;
        say(teller, record->received_ms,
            decision(teller->arena, state, number_of(admission, STR("items")), number_of(admission, STR("covered")),
                     endpoint_name(record->endpoint)));
    }
}

static void tell_step(struct teller *teller, const struct step *step) {
    const char *state = state_name(step->state);
    struct str text;
    if (step->attempt > 0)
        text = arena_printf(teller->arena, "Attempt %u to deliver it to %s: " STR_FMT " after " STR_FMT ". %s%s.",
                            (unsigned)step->attempt, endpoint_name(teller->story->record.endpoint), STR_ARG(step->why),
                            STR_ARG(words_span(teller->arena, step->duration_us / 1000)),
                            step->state == STATE_PENDING ? "To be tried again; it is " : "It is ", state);
    else if (step->state == teller->state && step->why.len > 0)
        text = arena_printf(teller->arena, "Still %s: " STR_FMT ".", state, STR_ARG(step->why));
    else
        text = arena_printf(teller->arena, "It became %s%s" STR_FMT ".", state, step->why.len > 0 ? ": " : "",
                            STR_ARG(step->why));
    teller->state = step->state;
    say(teller, step->at_ms, text);
}

void story_tell(struct arena *arena, const struct story *story, struct story_lines *lines) {
    struct story_lines told = {0};
    struct teller teller = {.arena = arena, .story = story, .lines = &told, .state = STATE_COUNT};
    tell_arrival(&teller);
    tell_facts(&teller);
    tell_recurrences(&teller);
    tell_admission(&teller);
    for (size_t i = 0; i < story->step_count; i++)
        tell_step(&teller, &story->steps[i]);
    *lines = told;
}
