/* Outcomes that change as time goes by, because a rule reads $flagd.timestamp.
 *
 * Where the time is compared with a number that is written out, the outcome can change at that second alone:
 *
 *     {">=": [{"var": "$flagd.timestamp"}, 1764547200]}     at 1764547200 (and 1764547201, for <= and ==)
 *
 * A rule that does anything else with the time may change at any second. */
#include "proxy/decide/flag_set.h"

#include <math.h>

enum { RULES_MAX = 10000 }; /* as for the survey; a rule with more may change at any second */

/* A span of time: after `from_s`, up to `to_s`. */
struct span {
    const struct flags *flags;
    int64_t from_s, to_s;
    unsigned left; /* rules that may still be looked at */
};

static bool is_clock(const struct json *rule) {
    if (rule->type != JSON_OBJECT || rule->count != 1 || !str_eq(rule->first->key, STR("var")))
        return false;
    const struct json *body = rule->first, *name = body->type == JSON_ARRAY ? body->first : body;
    return str_eq(json_string(name), STR("$flagd.timestamp"));
}

/* Any other way to the time: all of $flagd, all of the context, or a name that is computed. */
static bool may_lead_to_clock(const struct json *body) {
    const struct json *name = body->type == JSON_ARRAY ? body->first : body;
    if (name == NULL || name->type != JSON_STRING)
        return true;
    return name->text.len == 0 || str_starts_with(name->text, STR("$flagd.timestamp")) ||
           str_eq(name->text, STR("$flagd"));
}

static bool is_comparison(struct str name) {
    static const struct str names[] = {STR("<"),  STR("<="),  STR(">"),  STR(">="),
                                       STR("=="), STR("==="), STR("!="), STR("!==")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/* Does the span hold the second of that number, or the one behind it? */
static bool holds_second(const struct span *span, const struct json *number) {
    double at;
    if (!str_to_double(number->text, &at) || !isfinite(at))
        return true;
    double first = floor(at), last = floor(at) + 1;
    return (first > (double)span->from_s && first <= (double)span->to_s) ||
           (last > (double)span->from_s && last <= (double)span->to_s);
}

static bool may_change(struct span *span, const struct json *rule);

/* The time against numbers; with three arguments, {"<": [a, time, b]}, against both. */
static bool comparison_may_change(struct span *span, const struct json *body) {
    bool has_clock = false, has_other = false;
    for (const struct json *item = body->first; item != NULL; item = item->next) {
        has_clock = has_clock || is_clock(item);
        has_other = has_other || (!is_clock(item) && item->type != JSON_NUMBER);
    }
    if (has_clock && has_other)
        return true;
    for (const struct json *item = body->first; item != NULL; item = item->next)
        if (has_clock ? item->type == JSON_NUMBER && holds_second(span, item) : may_change(span, item))
            return true;
    return false;
}

static bool any_may_change(struct span *span, const struct json *list) {
    for (const struct json *item = list->first; item != NULL; item = item->next)
        if (may_change(span, item))
            return true;
    return false;
}

static bool may_change(struct span *span, const struct json *rule) {
    if (rule->type == JSON_ARRAY)
        return any_may_change(span, rule);
    if (rule->type != JSON_OBJECT || rule->count != 1)
        return false;
    if (span->left == 0)
        return true;
    span->left--;
    const struct json *body = rule->first;
    if (str_eq(body->key, STR("$ref"))) {
        const struct flag_evaluator *evaluator = flag_evaluator_find(span->flags, json_string(body));
        return evaluator != NULL && may_change(span, evaluator->json);
    }
    if (str_eq(body->key, STR("var")) && may_lead_to_clock(body))
        return true;
    if (body->type == JSON_ARRAY && is_comparison(body->key))
        return comparison_may_change(span, body);
    return body->type == JSON_ARRAY ? any_may_change(span, body) : may_change(span, body);
}

bool flags_may_change_between(const struct flags *flags, int64_t from_s, int64_t to_s) {
    bool forward = from_s <= to_s;
    for (int i = 0; i < CONSUMER_FLAG_COUNT && from_s != to_s; i++) {
        struct span span = {flags, forward ? from_s : to_s, forward ? to_s : from_s, RULES_MAX};
        if (flags->consumers[i].is_targeted && may_change(&span, flags->consumers[i].flag->targeting))
            return true;
    }
    return false;
}
