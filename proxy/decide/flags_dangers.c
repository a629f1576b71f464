/* What a flag file says that is valid and yet endangers a migration: a consumer flag that is not boolean takes the
 * unmigrated value for whatever targeting names, and with both consumers off for everybody every message is parked.
 *
 * Whether a flag can be on for anybody is read from its rule without a context: the results that the branches of `if`
 * and the buckets of `fractional` can give are known; any other rule may give anything. */
#include "proxy/decide/flag_set.h"

/* Rules looked at for one flag: evaluators that refer to others twice and more are as many rules as are written out. */
enum { SURVEY_MAX = 10000 };

/* What a flag may turn out to be, as a set. */
enum { MAY_BE_OFF = 1, MAY_BE_ON = 2, MAY_BE_EITHER = 3 };

struct survey {
    const struct flags *flags;
    const struct flag *flag;
    unsigned unmigrated, by_default;
    unsigned left; /* rules that may still be looked at */
};

static unsigned by_value(const struct survey *survey, const struct json *value) {
    if (value == NULL || value->type != JSON_BOOL)
        return survey->unmigrated;
    return value->boolean ? MAY_BE_ON : MAY_BE_OFF;
}

static unsigned survey_rule(struct survey *survey, const struct json *rule);

/* Every second argument is a result, and the last one where their number is odd; without that, null is one. */
static unsigned survey_if(struct survey *survey, const struct json *body) {
    unsigned found = body->count % 2 == 0 ? survey->by_default : 0;
    uint32_t index = 0;
    for (const struct json *item = body->first; item != NULL && found != MAY_BE_EITHER; item = item->next, index++)
        if (index % 2 == 1 || item->next == NULL)
            found |= survey_rule(survey, item);
    return found;
}

/* Buckets that weigh nothing are never picked; without a key to hash the result is null. */
static unsigned survey_fractional(struct survey *survey, const struct json *body) {
    unsigned found = survey->by_default;
    for (const struct json *bucket = body->first; bucket != NULL && found != MAY_BE_EITHER; bucket = bucket->next) {
        const struct json *weight = bucket->type == JSON_ARRAY && bucket->count > 0 ? bucket->first->next : NULL;
        bool is_empty = weight != NULL && weight->type == JSON_NUMBER && str_eq(weight->text, STR("0"));
        if (bucket->type == JSON_ARRAY && bucket->count > 0 && !is_empty)
            found |= survey_rule(survey, bucket->first);
    }
    return found;
}

static unsigned survey_rule(struct survey *survey, const struct json *rule) {
    if (survey->left == 0)
        return MAY_BE_EITHER;
    survey->left--;
    if (rule->type == JSON_NULL)
        return survey->by_default;
    if (rule->type == JSON_STRING)
        return by_value(survey, json_get(survey->flag->variants, rule->text));
    if (rule->type == JSON_BOOL)
        return by_value(survey, json_get(survey->flag->variants, rule->boolean ? STR("true") : STR("false")));
    if (rule->type != JSON_OBJECT || rule->count != 1)
        return MAY_BE_EITHER;
    const struct json *body = rule->first;
    if (str_eq(body->key, STR("$ref"))) /* it is there, and does not lead to itself: the rule was compiled */
        return survey_rule(survey, flag_evaluator_find(survey->flags, body->text)->json);
    if (body->type == JSON_ARRAY && (str_eq(body->key, STR("if")) || str_eq(body->key, STR("?:"))))
        return survey_if(survey, body);
    if (body->type == JSON_ARRAY && str_eq(body->key, STR("fractional")))
        return survey_fractional(survey, body);
    return MAY_BE_EITHER;
}

static unsigned survey_consumer(const struct flags *flags, enum consumer_flag which) {
    const struct flag *flag = flags->consumers[which].flag;
    if (flag == NULL || !flags->consumers[which].is_targeted)
        return flags->consumers[which].fixed.on ? MAY_BE_ON : MAY_BE_OFF;
    struct survey survey = {
        .flags = flags,
        .flag = flag,
        .unmigrated = consumer_flag_unmigrated(which) ? MAY_BE_ON : MAY_BE_OFF,
        .left = SURVEY_MAX,
    };
    survey.by_default = survey.unmigrated;
    if (flag->default_variant.at != NULL)
        survey.by_default = by_value(&survey, json_get(flag->variants, flag->default_variant));
    return survey_rule(&survey, flag->targeting);
}

bool flags_consumer_may_be(const struct flags *flags, enum consumer_flag flag, bool on) {
    return (survey_consumer(flags, flag) & (on ? MAY_BE_ON : MAY_BE_OFF)) != 0;
}

static void check_boolean(struct flag_report *report, const struct flag *flag) {
    for (const struct json *v = flag->variants == NULL ? NULL : flag->variants->first; v != NULL; v = v->next) {
        if (v->type == JSON_BOOL)
            continue;
        flag_report_at(report, FLAG_WARNING, flag->key, v->start,
                       "a consumer flag must be boolean: with this variant it takes the value of an unmigrated system");
        return;
    }
}

void flag_check_dangers(struct flag_report *report, const struct flags *flags) {
    bool any = false;
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        const struct flag *flag = flags->consumers[i].flag;
        any = any || flag != NULL;
        if (flag != NULL)
            check_boolean(report, flag);
    }
    if (!any)
        flag_report_at(
            report, FLAG_WARNING, STR_NONE, UINT32_MAX,
            "none of legacy-consumer, new-consumer and new-consumer-shadow is there: legacy gets everything");
    const struct flag *legacy = flags->consumers[FLAG_LEGACY_CONSUMER].flag; /* off only where it is there */
    bool any_on = flags_consumer_may_be(flags, FLAG_LEGACY_CONSUMER, true) ||
                  flags_consumer_may_be(flags, FLAG_NEW_CONSUMER, true);
    if (legacy != NULL && !any_on)
        flag_report_at(report, FLAG_WARNING, STR_NONE, legacy->json->start,
                       "both consumers are off for everybody: every message will be parked");
}
