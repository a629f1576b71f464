/* What flagd's schema forbids around the rules (json/flags.json of flagd-schemas), and slips that no schema sees:
 * members that stand twice, and names that are one letter off. */
#include "proxy/decide/flag_set.h"

#include "common/nearest.h"

#include <math.h>

/* A set with more members in one object than this is not searched for repeated ones: flags and evaluators, which are
 * the many, are sorted elsewhere. */
enum { REPEATS_SEARCHED_MAX = 64 };

static void warn(struct flag_report *report, struct str flag, const struct json *at, const char *what) {
    flag_report_at(report, FLAG_WARNING, flag, at->start, "%s", what);
}

static void check_metadata(struct flag_report *report, struct str flag, const struct json *metadata) {
    if (metadata == NULL)
        return;
    if (metadata->type != JSON_OBJECT) {
        warn(report, flag, metadata, "metadata must be an object");
        return;
    }
    for (const struct json *member = metadata->first; member != NULL; member = member->next)
        if (member->type != JSON_STRING && member->type != JSON_NUMBER && member->type != JSON_BOOL)
            warn(report, flag, member, "metadata holds texts, numbers and booleans");
}

static bool is_safe_number(const struct json *json) {
    double number;
    return str_to_double(json->text, &number) && fabs(number) <= 9007199254740991.0;
}

static void check_variants(struct flag_report *report, const struct flag *flag) {
    if (flag->variants == NULL || flag->variants->count == 0) {
        warn(report, flag->key, flag->variants == NULL ? flag->json : flag->variants, "the flag has no variants");
        return;
    }
    const struct json *first = flag->variants->first;
    for (const struct json *variant = first; variant != NULL; variant = variant->next) {
        if (variant->key.len == 0)
            warn(report, flag->key, variant, "a variant needs a name");
        if (variant->type == JSON_NULL || variant->type == JSON_ARRAY)
            warn(report, flag->key, variant, "a variant is a boolean, a text, a number or an object");
        else if (variant->type != first->type)
            warn(report, flag->key, variant, "variants of one flag must be of one type");
        if (variant->type == JSON_NUMBER && !is_safe_number(variant))
            warn(report, flag->key, variant, "numbers beyond 2^53 - 1 are not read the same everywhere");
    }
}

static void check_spelling(struct flag_report *report, struct str flag, const struct json *object,
                           const struct str *known, size_t known_count) {
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        struct nearest nearest;
        bool is_known = false;
        nearest_begin(&nearest, member->key);
        for (size_t i = 0; i < known_count; i++) {
            is_known = is_known || str_eq(member->key, known[i]);
            nearest_offer(&nearest, known[i]);
        }
        if (!is_known && nearest.best.at != NULL)
            flag_report_at(report, FLAG_WARNING, flag, member->key_start,
                           "\"" STR_FMT "\" means nothing here; is it \"" STR_FMT "\"?", STR_ARG(member->key),
                           STR_ARG(nearest.best));
    }
}

static void check_flag(struct flag_report *report, const struct flag *flag) {
    static const struct str members[] = {STR("state"), STR("variants"), STR("defaultVariant"), STR("targeting"),
                                         STR("metadata")};
    if (flag->key.len == 0)
        warn(report, flag->key, flag->json, "a flag needs a key");
    if (flag->json->type != JSON_OBJECT)
        return;
    check_variants(report, flag);
    check_metadata(report, flag->key, json_get(flag->json, STR("metadata")));
    check_spelling(report, flag->key, flag->json, members, ARRAY_LEN(members));
    const struct json *targeting = json_get(flag->json, STR("targeting"));
    if (targeting != NULL)
        flag_check_rule(report, flag->key, targeting);
}

static void check_repeats(struct flag_report *report, const struct json *json) {
    bool is_searched = json->type == JSON_OBJECT && json->count <= REPEATS_SEARCHED_MAX;
    if (json->type != JSON_OBJECT && json->type != JSON_ARRAY)
        return;
    for (const struct json *child = json->first; child != NULL; child = child->next) {
        if (is_searched && json_get(json, child->key) != child)
            flag_report_at(report, FLAG_WARNING, STR_NONE, child->key_start,
                           "\"" STR_FMT "\" stands here again further down, and counts there", STR_ARG(child->key));
        check_repeats(report, child);
    }
}

static void check_evaluators(struct flag_report *report, const struct json *evaluators) {
    if (evaluators == NULL)
        return;
    if (evaluators->type != JSON_OBJECT) {
        warn(report, STR_NONE, evaluators, "$evaluators must be an object");
        return;
    }
    for (const struct json *member = evaluators->first; member != NULL; member = member->next) {
        if (member->key.len == 0)
            warn(report, STR_NONE, member, "an evaluator needs a name");
        flag_check_rule(report, STR_NONE, member);
    }
}

void flag_check_set(struct flag_report *report, const struct flags *flags) {
    static const struct str members[] = {STR("flags"), STR("metadata"), STR("$evaluators"), STR("$schema")};
    const struct json *schema = json_get(flags->root, STR("$schema"));
    if (schema != NULL && schema->type != JSON_STRING)
        warn(report, STR_NONE, schema, "$schema must be a text");
    check_spelling(report, STR_NONE, flags->root, members, ARRAY_LEN(members));
    check_metadata(report, STR_NONE, json_get(flags->root, STR("metadata")));
    check_evaluators(report, json_get(flags->root, STR("$evaluators")));
    for (size_t i = 0; i < flags->count; i++)
        check_flag(report, &flags->flags[i]);
    check_repeats(report, flags->root);
    flag_check_names(report, flags);
}
