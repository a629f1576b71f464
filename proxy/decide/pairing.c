/* One-to-one pairing, greedy in the order of arrival.
 *
 *   rule  ───exact fact───►  every event item with it, and the other way round, without a limit
 *   rule  ──window fact───►  at most one event item
 *   item  ──window fact───►  at most one rule per (rule type, RuleId)
 *   item  ──within fact───►  every rule that is near in time; a rule at most one item
 *
 * A hint that stands beside a window fact says which of several candidates it is, no more: were it without a limit, a
 * message could take one twin by its id and keep another one from its own by the window.
 *
 * A twin by an exact fact takes the place of a windowed one: a rule whose event is known by its id is not free to
 * swallow a second occurrence that happens to be near.
 *
 * Told times come before arrivals: after an outage everything arrives at once, and only what is told can say which
 * of two occurrences it was. Arrivals decide where one generation tells no time and both were held up. */
#include "proxy/decide/pairing.h"

#include "common/units.h"

#include <stdlib.h>

static int64_t distance(int64_t a_ms, int64_t b_ms) {
    return a_ms < b_ms ? b_ms - a_ms : a_ms - b_ms;
}

static void measure(struct candidate *candidate, struct moment now, int64_t window_ms) {
    int64_t told_ms = distance(candidate->moment.time_ms, now.time_ms);
    int64_t arrival_ms = distance(candidate->moment.received_ms, now.received_ms);
    bool by_arrival = told_ms > window_ms && arrival_ms < told_ms;
    candidate->clock = told_ms <= window_ms ? CLOCK_TOLD : arrival_ms <= window_ms ? CLOCK_ARRIVAL : CLOCK_NEITHER;
    candidate->apart_ms =
        by_arrival ? candidate->moment.received_ms - now.received_ms : candidate->moment.time_ms - now.time_ms;
}

static int compare_numbers(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int strength(const struct candidate *candidate) {
    if (candidate->match == MATCH_HINT)
        return candidate->recurs ? 2 : 1;
    return candidate->match == MATCH_EXACT ? 0 : 3;
}

/* exact first, then the nearest, then the oldest message, then the lowest items: a total order, so that the answer
 * does not depend on the order in which a store finds them. */
static int compare(const void *left, const void *right) {
    const struct candidate *a = left, *b = right;
    if (strength(a) != strength(b))
        return strength(a) - strength(b);
    if (a->clock != b->clock)
        return a->clock < b->clock ? -1 : 1;
    int64_t da = distance(a->apart_ms, 0), db = distance(b->apart_ms, 0);
    if (da != db)
        return da < db ? -1 : 1;
    if (a->message != b->message)
        return compare_numbers(a->message, b->message);
    return a->item != b->item ? compare_numbers(a->item, b->item) : compare_numbers(a->own_item, b->own_item);
}

/* Numbers by two keys, each kind of its own: who has a twin, and how far a list has been used. */
enum entry_kind { ENTRY_FREE, ENTRY_RULE, ENTRY_ITEM, ENTRY_PAIR, ENTRY_CURSOR };

struct entry {
    enum entry_kind kind;
    uint64_t a, b;
    size_t value;
};

struct choosing {
    struct arena *arena;
    enum generation arriving;
    bool rule_has_twin; /* the arriving rule */
    struct entry *entries;
    size_t entry_count, capacity; /* a power of 2, or 0 */
};

static size_t mix(enum entry_kind kind, uint64_t a, uint64_t b) {
    uint64_t sum = (a ^ (uint64_t)kind << 60) * 0x9E3779B97F4A7C15U + b;
    sum = (sum ^ sum >> 30) * 0xBF58476D1CE4E5B9U;
    return (size_t)(sum ^ sum >> 31);
}

/* Where the entry is, or would be. */
static struct entry *entry_place(const struct choosing *choosing, enum entry_kind kind, uint64_t a, uint64_t b) {
    size_t place = mix(kind, a, b) & (choosing->capacity - 1);
    for (;; place = (place + 1) & (choosing->capacity - 1)) {
        struct entry *entry = &choosing->entries[place];
        if (entry->kind == ENTRY_FREE || (entry->kind == kind && entry->a == a && entry->b == b))
            return entry;
    }
}

static void entries_grow(struct choosing *choosing) {
    struct entry *old = choosing->entries;
    size_t old_capacity = choosing->capacity;
    choosing->capacity = old_capacity == 0 ? 16 : old_capacity * 4;
    choosing->entries = ARENA_ARRAY(choosing->arena, choosing->capacity, struct entry);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].kind != ENTRY_FREE)
            *entry_place(choosing, old[i].kind, old[i].a, old[i].b) = old[i];
}

/* NULL where there is none. */
static struct entry *entry_find(const struct choosing *choosing, enum entry_kind kind, uint64_t a, uint64_t b) {
    if (choosing->capacity == 0)
        return NULL;
    struct entry *entry = entry_place(choosing, kind, a, b);
    return entry->kind == ENTRY_FREE ? NULL : entry;
}

static struct entry *entry_add(struct choosing *choosing, enum entry_kind kind, uint64_t a, uint64_t b) {
    if (choosing->entry_count * 2 >= choosing->capacity)
        entries_grow(choosing);
    struct entry *entry = entry_place(choosing, kind, a, b);
    choosing->entry_count += entry->kind == ENTRY_FREE ? 1 : 0;
    if (entry->kind == ENTRY_FREE)
        *entry = (struct entry){kind, a, b, 0};
    return entry;
}

static uint32_t pair_item(const struct choosing *choosing, const struct candidate *candidate) {
    return choosing->arriving == GENERATION_RULE ? candidate->item : candidate->own_item;
}

static bool is_pair(const struct choosing *choosing, const struct candidate *candidate) {
    return entry_find(choosing, ENTRY_PAIR, candidate->message, pair_item(choosing, candidate)) != NULL;
}

/* The two belong together: by twinship, or by a near miss, of which nobody makes two. */
static void note_pair(struct choosing *choosing, const struct candidate *candidate) {
    if (choosing->arriving == GENERATION_RULE) {
        choosing->rule_has_twin = true;
    } else {
        (void)entry_add(choosing, ENTRY_RULE, candidate->message, 0);
        (void)entry_add(choosing, ENTRY_ITEM, candidate->own_item, candidate->group);
    }
    (void)entry_add(choosing, ENTRY_PAIR, candidate->message, pair_item(choosing, candidate));
}

/* The lowest of the items that state the fact and have no rule of this group; false where there is none. */
static bool find_free_item(struct choosing *choosing, struct candidate *candidate) {
    size_t count = candidate->own_items == NULL ? 1 : candidate->own_item_count;
    struct entry *cursor =
        candidate->own_items == NULL
            ? NULL
            : entry_add(choosing, ENTRY_CURSOR, (uint64_t)(uintptr_t)candidate->own_items, candidate->group);
    for (size_t i = cursor == NULL ? 0 : cursor->value; i < count; i++) {
        uint32_t item = candidate->own_items == NULL ? candidate->own_item : candidate->own_items[i];
        if (cursor != NULL)
            cursor->value = i;
        if (entry_find(choosing, ENTRY_ITEM, item, candidate->group) != NULL)
            continue;
        candidate->own_item = item;
        return true;
    }
    if (cursor != NULL)
        cursor->value = count;
    return false;
}

/* Are the arriving message and the candidate free for each other? */
static bool may_pair(struct choosing *choosing, struct candidate *candidate) {
    if (choosing->arriving == GENERATION_RULE)
        return !choosing->rule_has_twin;
    return entry_find(choosing, ENTRY_RULE, candidate->message, 0) == NULL && find_free_item(choosing, candidate);
}

/* What several rules told, one event tells: only the rule's side is used up. */
static enum err judge_within(const struct pairing *pairing, struct choosing *choosing, struct candidate *candidate) {
    bool is_rule = choosing->arriving == GENERATION_RULE, is_far = candidate->clock == CLOCK_NEITHER;
    bool is_used = is_rule ? choosing->rule_has_twin : entry_find(choosing, ENTRY_RULE, candidate->message, 0) != NULL;
    candidate->verdict = is_far ? MATCH_TOO_FAR : MATCH_FARTHER;
    if (is_far || is_used)
        return ERR_NONE;
    enum err err = is_rule || pairing->find_taken == NULL ? ERR_NONE : pairing->find_taken(pairing->arg, candidate);
    if (err == ERR_NONE)
        candidate->verdict = candidate->taken && !is_rule ? MATCH_TAKEN : MATCH_TWIN;
    return err;
}

/* Whether it has its twin already is asked last: of most candidates of a crowd it does not matter. */
static enum err judge_windowed(const struct pairing *pairing, struct choosing *choosing, struct candidate *candidate) {
    bool near = candidate->clock != CLOCK_NEITHER || candidate->match == MATCH_HINT;
    bool missed = !near && distance(candidate->apart_ms, 0) <= NEAR_MISS_WINDOWS * pairing->window_ms;
    candidate->verdict = near ? MATCH_FARTHER : MATCH_TOO_FAR;
    if ((!near && !missed) || !may_pair(choosing, candidate))
        return ERR_NONE;
    enum err err = pairing->find_taken == NULL ? ERR_NONE : pairing->find_taken(pairing->arg, candidate);
    if (err == ERR_NONE && candidate->taken && near)
        candidate->verdict = MATCH_TAKEN;
    else if (err == ERR_NONE && !candidate->taken)
        candidate->verdict = near ? MATCH_TWIN : MATCH_NEAR_MISS;
    return err;
}

static enum err judge(const struct pairing *pairing, struct choosing *choosing, struct candidate *candidate) {
    if (is_pair(choosing, candidate))
        candidate->verdict = MATCH_SAME;
    else if (candidate->match == MATCH_HINT && candidate->differs)
        candidate->verdict = MATCH_DIFFERS;
    else if (candidate->match == MATCH_WITHIN)
        return judge_within(pairing, choosing, candidate);
    else if (candidate->match != MATCH_WINDOW && !candidate->recurs)
        candidate->verdict = MATCH_TWIN;
    else
        return judge_windowed(pairing, choosing, candidate);
    return ERR_NONE;
}

/* An exact fact that several own items state is one candidate for each of them. */
static void spread(struct arena *arena, struct candidates *list) {
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += fact_recurs(list->at[i].match) || list->at[i].own_items == NULL ? 1 : list->at[i].own_item_count;
    if (count == list->count)
        return;
    struct candidate *longer = ARENA_ARRAY(arena, count, struct candidate);
    size_t made = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct candidate *from = &list->at[i];
        bool is_one = fact_recurs(from->match) || from->own_items == NULL;
        for (size_t k = 0; k < (is_one ? 1 : from->own_item_count); k++) {
            longer[made] = *from;
            if (!is_one)
                longer[made].own_item = from->own_items[k];
            made++;
        }
    }
    *list = (struct candidates){longer, made};
}

enum err pairing_choose(const struct pairing *pairing, struct candidates *list) {
    struct choosing choosing = {.arena = pairing->arena, .arriving = pairing->arriving};
    spread(pairing->arena, list);
    for (size_t i = 0; i < list->count; i++)
        measure(&list->at[i], pairing->now, pairing->window_ms);
    if (list->count > 1)
        qsort(list->at, list->count, sizeof *list->at, compare);
    for (size_t i = 0; i < list->count; i++) {
        struct candidate *candidate = &list->at[i];
        enum err err = judge(pairing, &choosing, candidate);
        if (err != ERR_NONE)
            return err;
        if (candidate->verdict == MATCH_TWIN || candidate->verdict == MATCH_NEAR_MISS)
            note_pair(&choosing, candidate);
    }
    return ERR_NONE;
}

struct str pairing_near_miss(struct arena *arena, int64_t apart_ms, int64_t window_ms) {
    enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
    int64_t span_ms = distance(apart_ms, 0);
    int64_t unit_ms = span_ms < 10 * SECOND ? 1 : span_ms < 2 * MINUTE ? SECOND : span_ms < 3 * HOUR ? MINUTE : HOUR;
    const char *unit = unit_ms == 1 ? "ms" : unit_ms == SECOND ? "s" : unit_ms == MINUTE ? "min" : "h";
    struct strbuf window = {0};
    duration_print(&window, window_ms);
    struct str text = arena_printf(arena, "stated the same %lld %s apart; pairing.window is " STR_FMT,
                                   (long long)((span_ms + unit_ms / 2) / unit_ms), unit, STR_ARG(strbuf_str(&window)));
    strbuf_clear(&window);
    return text;
}

const char *match_verdict_text(enum match_verdict verdict) {
    static const char *const texts[] = {
        [MATCH_TWIN] = "twin",
        [MATCH_TOO_FAR] = "too far apart in time",
        [MATCH_TAKEN] = "has its twin already",
        [MATCH_FARTHER] = "another one is nearer",
        [MATCH_NEAR_MISS] = "near miss",
        [MATCH_DIFFERS] = "only the ids are the same, what they state differs",
        [MATCH_SAME] = "is its twin by another fact",
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
