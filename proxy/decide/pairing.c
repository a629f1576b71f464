/* One-to-one pairing, greedy in the order of arrival.
 *
 *   rule  ───exact fact───►  every event item with it, and the other way round, without a limit
 *   rule  ──window fact───►  at most one event item
 *   item  ──window fact───►  at most one rule per (rule type, RuleId)
 *
 * A twin by an exact fact takes the place of a windowed one: a rule whose event is known by its id is not free to
 * swallow a second occurrence that happens to be near. */
#include "proxy/decide/pairing.h"

#include <stdlib.h>

static int64_t distance(const struct candidate *candidate, int64_t time_ms) {
    int64_t apart = candidate->time_ms - time_ms;
    return apart < 0 ? -apart : apart;
}

static int compare_numbers(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

/* exact first, then the nearest, then the oldest message, then the lowest items: a total order, so that the answer
 * does not depend on the order in which a store finds them. */
static int compare(const void *left, const void *right, void *arg) {
    const struct candidate *a = left, *b = right;
    const int64_t *time_ms = arg;
    if (a->match != b->match)
        return a->match == MATCH_EXACT ? -1 : 1;
    int64_t da = distance(a, *time_ms), db = distance(b, *time_ms);
    if (da != db)
        return da < db ? -1 : 1;
    if (a->message != b->message)
        return compare_numbers(a->message, b->message);
    return a->item != b->item ? compare_numbers(a->item, b->item) : compare_numbers(a->own_item, b->own_item);
}

/* Would `candidate` give a rule or an item, which has a twin among those chosen before it, another one? */
static bool is_used(const struct candidate *chosen, const struct candidate *candidate, enum generation arriving) {
    for (const struct candidate *other = chosen; other < candidate; other++) {
        if (other->verdict != MATCH_TWIN)
            continue;
        if (arriving == GENERATION_RULE)
            return true; /* this rule has its item */
        if (other->message == candidate->message)
            return true; /* that rule has its item */
        if (other->own_item == candidate->own_item && other->group == candidate->group)
            return true; /* this item has its rule of the group */
    }
    return false;
}

void pairing_choose(struct candidate *candidates, size_t count, enum generation arriving, int64_t time_ms,
                    int64_t window_ms) {
    if (count > 0)
        qsort_r(candidates, count, sizeof *candidates, compare, &time_ms);
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &candidates[i];
        if (candidate->match == MATCH_EXACT)
            candidate->verdict = MATCH_TWIN;
        else if (distance(candidate, time_ms) > window_ms)
            candidate->verdict = MATCH_TOO_FAR;
        else if (candidate->taken)
            candidate->verdict = MATCH_TAKEN;
        else if (is_used(candidates, candidate, arriving))
            candidate->verdict = MATCH_FARTHER;
        else
            candidate->verdict = MATCH_TWIN;
    }
}

const char *match_verdict_text(enum match_verdict verdict) {
    static const char *const texts[] = {
        [MATCH_TWIN] = "twin",
        [MATCH_TOO_FAR] = "too far apart in time",
        [MATCH_TAKEN] = "has its twin already",
        [MATCH_FARTHER] = "another one is nearer",
    };
    return texts[verdict];
}

enum fate pairing_decide(const struct standing *standing) {
    if (standing->covered_count == standing->item_count)
        return FATE_SUPPRESS;
    if (!standing->own_on)
        return standing->may_expire_at_once ? FATE_EXPIRE : FATE_PARK;
    if (standing->covered_count > 0)
        return FATE_DELIVER_REST;
    return standing->may_hold && standing->other_on ? FATE_HOLD : FATE_DELIVER;
}

bool pairing_may_hold(enum prefer prefer, const struct message *message) {
    if (message->counterpart.len == 0)
        return false;
    return (prefer == PREFER_NEW && message->generation == GENERATION_RULE) ||
           (prefer == PREFER_LEGACY && message->generation == GENERATION_EVENT);
}
