/* Names in a flag file that nothing answers to: a flag that is almost one of ours, a variable that the context of a
 * message lacks, a variant that the flag lacks. Each would work without a word, and do something else than is meant.
 *
 * Variables and variants are looked at in the three flags of the proxy alone: what other programs put into the context
 * of their flags is theirs to know. */
#include "proxy/decide/flag_set.h"

#include "common/nearest.h"

#include <stdio.h>

enum { NAMES_MAX = 10000, NAME_SHOWN = 60 /* as for the survey: evaluators may refer to others many times */ };

static const struct str variables[] = {STR("targetingKey"),    STR("generation"),   STR("type"),
                                       STR("companyId"),       STR("connectionId"), STR("$flagd.flagKey"),
                                       STR("$flagd.timestamp")};

struct walk {
    struct flag_report *report;
    const struct flags *flags;
    const struct flag *flag;
    unsigned left; /* rules that may still be looked at */
};

static int shown(struct str name) {
    return (int)(name.len < NAME_SHOWN ? name.len : NAME_SHOWN);
}

static bool is_one_of(struct str name, const struct str *known, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (str_eq(name, known[i]))
            return true;
    return false;
}

static void check_flag_key(struct flag_report *report, const struct flags *flags, const struct flag *flag) {
    struct nearest nearest;
    nearest_begin(&nearest, flag->key);
    for (int i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        struct str known = consumer_flag_key((enum consumer_flag)i);
        if (str_eq(known, flag->key))
            return;
        nearest_offer(&nearest, known);
    }
    if (nearest.best.at == NULL)
        return;
    bool is_there = flag_find(flags, nearest.best) != NULL;
    bool is_by_key = flag->json->key.at != NULL; /* not in an array */
    flag_report_at(report, FLAG_WARNING, flag->key, is_by_key ? flag->json->key_start : flag->json->start,
                   "hookshift reads no flag of this name; is it \"" STR_FMT "\"?%s", STR_ARG(nearest.best),
                   is_there ? "" : " That one is not there, and takes the value of an unmigrated system");
}

/* "a.b" of a name that is in the context leads into it. */
static bool is_variable(struct str name) {
    if (name.len == 0 || is_one_of(name, variables, ARRAY_LEN(variables)) || str_eq(name, STR("$flagd")))
        return true;
    return str_starts_with(name, STR("$flagd.")); /* flags_check.c tells what is wrong with these */
}

/* An event may hold several data types, an alert has one: what reads it would decide the two differently, and a part of
 * the event not at all. */
static bool refuse_data_type(const struct walk *walk, const struct json *at, struct str name) {
    if (!str_eq(name, STR("dataType")) && !str_starts_with(name, STR("dataType.")))
        return false;
    flag_report_at(walk->report, FLAG_REFUSED, walk->flag->key, at->start,
                   "targeting must not read dataType: an event can hold several data types and is decided once for all "
                   "of them; use companyId, connectionId or type");
    return true;
}

static void check_variable(const struct walk *walk, const struct json *at) {
    struct nearest nearest;
    struct str name = json_string(at);
    if (refuse_data_type(walk, at, name))
        return;
    if (at == NULL || at->type != JSON_STRING || is_variable(name))
        return;
    nearest_begin(&nearest, name);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        nearest_offer(&nearest, variables[i]);
    if (nearest.best.at == NULL && name.len >= 3) /* "company" for "companyId", "connection" for "connectionId" */
        for (size_t i = 0; i < ARRAY_LEN(variables) && nearest.best.at == NULL; i++)
            if (name.len < variables[i].len && str_eq_nocase(name, str_slice(variables[i].at, name.len)))
                nearest.best = variables[i];
    if (nearest.best.at != NULL)
        flag_report_at(walk->report, FLAG_WARNING, walk->flag->key, at->start,
                       "a message has no \"%.*s\", which is always null; is it \"" STR_FMT "\"?", shown(name),
                       str_chars(name), STR_ARG(nearest.best));
    else
        flag_report_at(walk->report, FLAG_WARNING, walk->flag->key, at->start,
                       "a message has no \"%.*s\", which is always null; there are targetingKey, generation, type, "
                       "companyId, connectionId, $flagd.flagKey and $flagd.timestamp",
                       shown(name), str_chars(name));
}

static void check_variant(const struct walk *walk, const struct json *at) {
    struct nearest nearest;
    struct str name = at->type == JSON_BOOL ? (at->boolean ? STR("true") : STR("false")) : at->text;
    if (json_get(walk->flag->variants, name) != NULL)
        return;
    nearest_begin(&nearest, name);
    for (const struct json *v = walk->flag->variants == NULL ? NULL : walk->flag->variants->first; v != NULL;
         v = v->next)
        nearest_offer(&nearest, v->key);
    if (nearest.best.at != NULL)
        flag_report_at(walk->report, FLAG_WARNING, walk->flag->key, at->start,
                       "the flag has no variant \"%.*s\", so that it fails here; is it \"" STR_FMT "\"?", shown(name),
                       str_chars(name), STR_ARG(nearest.best));
    else
        flag_report_at(walk->report, FLAG_WARNING, walk->flag->key, at->start,
                       "the flag has no variant \"%.*s\", so that it fails here", shown(name), str_chars(name));
}

static const struct json *evaluator_of(const struct walk *walk, const struct json *body) {
    if (!str_eq(body->key, STR("$ref")))
        return NULL;
    const struct flag_evaluator *evaluator = flag_evaluator_find(walk->flags, json_string(body));
    return evaluator == NULL ? NULL : evaluator->json;
}

static bool is_operator(const struct json *body, const char *name) {
    return str_eq(body->key, str_of(name));
}

static void walk_variables(struct walk *walk, const struct json *rule);

static void walk_items(struct walk *walk, const struct json *list, size_t most) {
    for (const struct json *item = list->first; item != NULL && most > 0; item = item->next, most--)
        walk_variables(walk, item);
}

/* Inside of a loop over a list, names are those of its items. */
static bool is_loop(const struct json *body) {
    static const struct str loops[] = {STR("map"), STR("filter"), STR("all"), STR("none"), STR("some"), STR("reduce")};
    return is_one_of(body->key, loops, ARRAY_LEN(loops));
}

static void walk_operator(struct walk *walk, const struct json *body) {
    const struct json *evaluator = evaluator_of(walk, body);
    bool is_list = body->type == JSON_ARRAY;
    if (evaluator != NULL)
        walk_variables(walk, evaluator);
    else if (is_operator(body, "var"))
        check_variable(walk, is_list ? body->first : body);
    if (is_operator(body, "missing") || is_operator(body, "missing_some")) {
        const struct json *names =
            is_list && is_operator(body, "missing_some") && body->first != NULL ? body->first->next : body;
        for (const struct json *item = names != NULL && names->type == JSON_ARRAY ? names->first : NULL; item != NULL;
             item = item->next)
            check_variable(walk, item);
    }
    if (is_list)
        walk_items(walk, body, is_loop(body) ? 1 : SIZE_MAX);
    else if (body->type == JSON_OBJECT)
        walk_variables(walk, body);
}

static void walk_variables(struct walk *walk, const struct json *rule) {
    if (walk->left == 0)
        return;
    walk->left--;
    if (rule->type == JSON_ARRAY)
        walk_items(walk, rule, SIZE_MAX);
    else if (rule->type == JSON_OBJECT && rule->count == 1)
        walk_operator(walk, rule->first);
}

/* What the rule may come to, wherever that is written out: the branches of `if`, the buckets of `fractional`, what
 * `and` and `or` may end with. */
static void walk_results(struct walk *walk, const struct json *rule) {
    if (walk->left == 0)
        return;
    walk->left--;
    if (rule->type == JSON_STRING || rule->type == JSON_BOOL)
        check_variant(walk, rule);
    if (rule->type != JSON_OBJECT || rule->count != 1)
        return;
    const struct json *body = rule->first, *evaluator = evaluator_of(walk, body);
    bool is_if = is_operator(body, "if") || is_operator(body, "?:");
    bool is_choice = is_operator(body, "and") || is_operator(body, "or"), is_split = is_operator(body, "fractional");
    uint32_t index = 0;
    if (evaluator != NULL)
        walk_results(walk, evaluator);
    for (const struct json *item = body->type == JSON_ARRAY ? body->first : NULL; item != NULL;
         item = item->next, index++) {
        if ((is_if && (index % 2 == 1 || item->next == NULL)) || (is_choice && item->type != JSON_BOOL))
            walk_results(walk, item);
        else if (is_split && item->type == JSON_ARRAY && item->first != NULL)
            walk_results(walk, item->first);
    }
}

void flag_check_names(struct flag_report *report, const struct flags *flags) {
    for (size_t i = 0; i < flags->count; i++)
        check_flag_key(report, flags, &flags->flags[i]);
    for (int i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        const struct flag *flag = flag_find(flags, consumer_flag_key((enum consumer_flag)i));
        if (flag == NULL || flag->is_broken || flag->targeting == NULL)
            continue;
        struct walk walk = {report, flags, flag, NAMES_MAX};
        walk_variables(&walk, flag->targeting);
        walk.left = NAMES_MAX;
        walk_results(&walk, flag->targeting);
    }
}
