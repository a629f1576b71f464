/* How a message was decided, for whoever asks later: written with every message, read by people, rarely. So it is put
 * together of a few pieces rather than written member by member. */
#include "proxy/store/ledger_internal.h"

#include "common/json.h"

enum { CANDIDATES_MAX = 40 };

static struct str escaped(struct arena *arena, struct str text) {
    struct strbuf buf = {0};
    struct json_writer json;
    json_begin(&json, &buf);
    json_str(&json, text);
    struct str copy = arena_str(arena, strbuf_str(&buf));
    strbuf_clear(&buf);
    return copy;
}

static struct str quoted(struct arena *arena, struct str text) {
    if (text.at == NULL || !str_is_plain(text))
        return escaped(arena, text);
    return ARENA_JOIN(arena, STR("\""), text, STR("\""));
}

static struct str near_miss_text(struct arena *arena, const struct trace *trace, const struct candidate *candidate) {
    if (candidate->verdict != MATCH_NEAR_MISS)
        return STR("");
    return ARENA_JOIN(arena, STR("\",\"told\":\""), pairing_near_miss(arena, candidate->apart_ms, trace->window_ms));
}

static struct str candidate_text(struct arena *arena, const struct trace *trace, const struct trace_candidate *traced) {
    const struct candidate *candidate = traced->candidate;
    char item[I64_TEXT_LEN], own_item[I64_TEXT_LEN], apart_ms[I64_TEXT_LEN];
    return ARENA_JOIN(
        arena, STR("{\"message\":\""), message_id_format(arena, candidate->message), STR("\",\"item\":"),
        str_of_i64(candidate->item, item), STR(",\"own_item\":"), str_of_i64(candidate->own_item, own_item),
        STR(",\"match\":\""), fact_match_name(candidate->match), STR("\",\"apart_ms\":"),
        str_of_i64(candidate->apart_ms, apart_ms),
        candidate->clock == CLOCK_ARRIVAL ? STR(",\"clock\":\"arrival\"") : STR(""), STR(",\"state\":\""),
        str_of(state_name(traced->state)), STR("\",\"verdict\":\""), str_of(match_verdict_text(candidate->verdict)),
        near_miss_text(arena, trace, candidate), STR("\"}"));
}

static struct str candidates_text(struct arena *arena, const struct trace *trace) {
    struct str parts[2 * CANDIDATES_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < trace->candidate_count && count < CANDIDATES_MAX; i++) {
        if (trace->candidates[i].candidate->verdict == MATCH_SAME)
            continue;
        parts[2 * count] = count == 0 ? STR(",\"candidates\":[") : STR(",");
        parts[2 * count + 1] = candidate_text(arena, trace, &trace->candidates[i]);
        count++;
    }
    if (count == 0)
        return STR("");
    parts[2 * count] = STR("]");
    return arena_join_parts(arena, parts, 2 * count + 1);
}

static struct str notes_text(struct arena *arena, const struct trace *trace) {
    if (trace->notes.len == 0)
        return STR("");
    return ARENA_JOIN(arena, STR(",\"notes\":"), quoted(arena, trace->notes));
}

struct str ledger_trace(struct arena *arena, const struct trace *trace) {
    char items[I64_TEXT_LEN], covered[I64_TEXT_LEN];
    return ARENA_JOIN(arena, STR("{\"state\":\""), str_of(state_name(trace->state)), STR("\",\"own_flag\":"),
                      quoted(arena, trace->own_why), STR(",\"other_flag\":"), quoted(arena, trace->other_why),
                      STR(",\"items\":"), str_of_i64((int64_t)trace->standing.item_count, items), STR(",\"covered\":"),
                      str_of_i64((int64_t)trace->standing.covered_count, covered), notes_text(arena, trace),
                      candidates_text(arena, trace), STR("}"));
}
