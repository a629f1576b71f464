#include "proxy/admin/story.h"

#include "common/clock.h"
#include "proxy/admin/words.h"

static const struct step *last_attempt(const struct story *story) {
    for (size_t i = story->step_count; i > 0; i--)
        if (story->steps[i - 1].attempt > 0)
            return &story->steps[i - 1];
    return NULL;
}

static void why_suppressed(struct arena *arena, const struct story *story, struct strbuf *text) {
    strbuf_printf(text, "Not delivered, because %s handled by %s:",
                  story->record.item_count == 1 ? "it is" : "each of its items is",
                  words_plural(story->twin_count, "its twin", "its twins"));
    uint64_t last = 0;
    for (size_t i = 0; i < story->twin_count; i++) {
        const struct record *twin = &story->twin_records[i];
        if (twin->id == 0 || twin->id == last)
            continue;
        strbuf_printf(text, "%s " STR_FMT " (" STR_FMT ", %s, %s)", last == 0 ? "" : ",",
                      STR_ARG(message_id_format(arena, twin->id)), STR_ARG(twin->type), endpoint_name(twin->endpoint),
                      state_name(twin->state));
        last = twin->id;
    }
    strbuf_append_char(text, '.');
}

static void why_pending(struct arena *arena, const struct story *story, struct strbuf *text) {
    const struct record *record = &story->record;
    const struct step *attempt = last_attempt(story);
    const char *endpoint = endpoint_name(record->endpoint);
    if (story->leased)
        strbuf_printf(text, "It is being delivered to %s at this moment.", endpoint);
    else if (attempt == NULL || record->tries == 0)
        strbuf_printf(text, "Waits for its delivery to %s, due at " STR_FMT ".", endpoint,
                      STR_ARG(clock_format_rfc3339(arena, record->due_ms)));
    else
        strbuf_printf(text, "Attempt %u failed (" STR_FMT "); the next is due at " STR_FMT ".",
                      (unsigned)attempt->attempt, STR_ARG(attempt->why),
                      STR_ARG(clock_format_rfc3339(arena, record->due_ms)));
}

/* A type that the other generation lacks waits for its own consumer alone. */
static void why_alone(const struct record *record, struct strbuf *text) {
    if (record->generation != GENERATION_UNKNOWN && record->counterpart.len == 0)
        strbuf_printf(
            text,
            " No type of the other generation tells the same, so only the %s consumer can handle it: switch it "
            "on, replay it, or let it expire.",
            endpoint_name(record->endpoint));
}

static void why_final(struct arena *arena, const struct story *story, struct strbuf *text) {
    const struct record *record = &story->record;
    const struct step *attempt = last_attempt(story);
    const char *endpoint = endpoint_name(record->endpoint);
    if (record->state == STATE_DELIVERED) {
        strbuf_printf(text, "Delivered to %s at " STR_FMT ", by attempt %u.", endpoint,
                      STR_ARG(clock_format_rfc3339(arena, record->changed_ms)), (unsigned)record->attempts);
        if (record->trimmed.len > 0)
            strbuf_printf(text, " What its twins handle was left out.");
    } else if (record->state == STATE_DEAD) {
        strbuf_printf(text, "Given up at " STR_FMT ", after %u %s",
                      STR_ARG(clock_format_rfc3339(arena, record->changed_ms)), (unsigned)record->attempts,
                      words_plural(record->attempts, "attempt", "attempts"));
        if (attempt != NULL)
            strbuf_printf(text, "; the last one: " STR_FMT, STR_ARG(attempt->why));
        strbuf_printf(text, ". It can be replayed.");
    } else {
        strbuf_printf(text, "The %s consumer stayed off and no twin was handled until " STR_FMT ". It can be replayed.",
                      endpoint, STR_ARG(clock_format_rfc3339(arena, record->changed_ms)));
        why_alone(record, text);
    }
}

struct str story_why(struct arena *arena, const struct story *story) {
    const struct record *record = &story->record;
    struct strbuf text = {0};
    switch (record->state) {
    case STATE_PENDING:
        why_pending(arena, story, &text);
        break;
    case STATE_HELD:
        strbuf_printf(
            &text, "The other side is preferred: it waits for its twin until " STR_FMT ", then it is delivered to %s.",
            STR_ARG(clock_format_rfc3339(arena, record->due_ms)), endpoint_name(record->endpoint));
        break;
    case STATE_PARKED:
        strbuf_printf(&text,
                      "The %s consumer is off for it, and no twin has handled %s. It waits until " STR_FMT
                      " for either to change.",
                      endpoint_name(record->endpoint), record->item_count == 1 ? "it" : "all of it",
                      STR_ARG(clock_format_rfc3339(arena, record->due_ms)));
        why_alone(record, &text);
        break;
    case STATE_SUPPRESSED:
        why_suppressed(arena, story, &text);
        break;
    case STATE_DELIVERED:
    case STATE_DEAD:
    case STATE_EXPIRED:
    case STATE_COUNT:
        why_final(arena, story, &text);
        break;
    }
    if ((record->marks & RECORD_REPLAYED) != 0)
        strbuf_printf(&text, " Somebody asked for it to be delivered again, whatever its flag says.");
    struct str why = arena_str(arena, strbuf_str(&text));
    strbuf_clear(&text);
    return why;
}
