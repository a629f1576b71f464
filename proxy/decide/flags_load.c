/* Loading is strict only where safety asks for it. flagd itself takes a file without flags as "no flags" and an
 * unknown `state` as enabled; here the first is refused, and so is the second, because a typing error must not switch
 * a consumer. A rule that cannot be compiled breaks its flag and no other. */
#include "proxy/decide/flag_set.h"

#include "common/mem.h"

#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>

enum { PROBLEMS_MAX = 200, TEXT_DEPTH_MAX = 240, TEXT_VALUES_MAX = 2000000 };

static struct flag_problem *append(struct flag_problems *problems, struct arena *arena, enum flag_severity severity) {
    struct flag_problem *problem = ARENA_NEW(arena, struct flag_problem);
    problem->severity = severity;
    if (problems->last == NULL)
        problems->first = problem;
    else
        problems->last->next = problem;
    problems->last = problem;
    problems->count++;
    return problem;
}

static void note_severity(struct flag_problems *problems, enum flag_severity severity) {
    if (problems->count + problems->left_off == 0 || severity > problems->worst)
        problems->worst = severity;
}

void flag_problems_add(struct flag_problems *problems, struct arena *arena, enum flag_severity severity,
                       struct str flag, struct str what) {
    note_severity(problems, severity);
    struct flag_problem *problem = append(problems, arena, severity);
    problem->flag = flag;
    problem->what = what;
}

void flag_report_at(struct flag_report *report, enum flag_severity severity, struct str flag, uint32_t offset,
                    const char *format, ...) {
    char what[300];
    struct flag_problems *problems = report->problems;
    note_severity(problems, severity);
    if (problems->count >= PROBLEMS_MAX && severity != FLAG_REFUSED) {
        problems->left_off++;
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    struct flag_problem *problem = append(problems, report->arena, severity);
    problem->flag = arena_str(report->arena, flag);
    problem->what = arena_str(report->arena, str_of(what));
    if (offset != UINT32_MAX)
        json_place(report->text, offset, &problem->line, &problem->column);
}

struct loader {
    struct flags *flags;
    struct flag_report report;
    struct logic_compiler compiler;
};

static int compare_evaluator(const void *key, const void *element) {
    return str_compare(*(const struct str *)key, ((const struct flag_evaluator *)element)->key);
}

struct flag_evaluator *flag_evaluator_find(const struct flags *flags, struct str key) {
    if (flags->evaluator_count == 0)
        return NULL;
    return bsearch(&key, flags->evaluators, flags->evaluator_count, sizeof *flags->evaluators, compare_evaluator);
}

/* Compiles an evaluator when the first rule refers to it; finding it under way means that it leads to itself. */
static enum err resolve(void *arg, struct str name, uint32_t depth, const struct logic_rule **rule,
                        struct logic_fault *fault) {
    struct loader *loader = arg;
    struct flag_evaluator *evaluator = flag_evaluator_find(loader->flags, name);
    if (evaluator == NULL)
        return ERR_NOT_FOUND;
    if (evaluator->stage == EVALUATOR_UNDER_WAY) {
        fault->at = evaluator->json;
        snprintf(fault->what, sizeof fault->what, "evaluator \"" STR_FMT "\" refers to itself", STR_ARG(name));
        return ERR_INVALID;
    }
    if (evaluator->stage == EVALUATOR_WAITING) {
        evaluator->stage = EVALUATOR_UNDER_WAY;
        evaluator->err = logic_compile(&loader->compiler, evaluator->json, depth + 1, &evaluator->rule, fault);
        evaluator->stage = EVALUATOR_DONE;
    } else if (evaluator->err != ERR_NONE) {
        fault->at = evaluator->json;
        snprintf(fault->what, sizeof fault->what, "evaluator \"" STR_FMT "\" is broken", STR_ARG(name));
    }
    *rule = evaluator->rule;
    return evaluator->err;
}

static void refuse(struct loader *loader, struct str flag, const struct json *at, const char *what) {
    flag_report_at(&loader->report, FLAG_REFUSED, flag, at->start, "%s", what);
}

static void break_flag(struct loader *loader, struct flag *flag, uint32_t offset, const char *what) {
    flag->is_broken = true;
    flag_report_at(&loader->report, FLAG_BROKEN, flag->key, offset, "%s", what);
}

static void load_state(struct loader *loader, struct flag *flag) {
    const struct json *state = json_get(flag->json, STR("state"));
    if (state == NULL)
        flag_report_at(&loader->report, FLAG_WARNING, flag->key, flag->json->start, "no state: taken as ENABLED");
    else if (str_eq(json_string(state), STR("DISABLED")))
        flag->is_disabled = true;
    else if (!str_eq(json_string(state), STR("ENABLED")))
        refuse(loader, flag->key, state, "state must be \"ENABLED\" or \"DISABLED\"");
}

static void load_variants(struct loader *loader, struct flag *flag) {
    const struct json *variants = json_get(flag->json, STR("variants"));
    const struct json *chosen = json_get(flag->json, STR("defaultVariant"));
    if (variants != NULL && variants->type != JSON_OBJECT)
        break_flag(loader, flag, variants->start, "variants must be an object");
    else
        flag->variants = variants;
    if (chosen == NULL || chosen->type == JSON_NULL)
        return;
    flag->default_variant = json_string(chosen);
    if (chosen->type != JSON_STRING || json_get(flag->variants, chosen->text) == NULL)
        refuse(loader, flag->key, chosen, "defaultVariant is not one of the variants");
}

static void load_targeting(struct loader *loader, struct flag *flag) {
    const struct json *targeting = json_get(flag->json, STR("targeting"));
    struct logic_fault fault = {.at = targeting};
    if (targeting == NULL || targeting->type == JSON_NULL)
        return;
    if (targeting->type == JSON_OBJECT && targeting->count == 0)
        return;
    flag->targeting = targeting;
    if (logic_compile(&loader->compiler, targeting, 0, &flag->rule, &fault) != ERR_NONE)
        break_flag(loader, flag, fault.at->start, fault.what);
}

static void load_flag(struct loader *loader, struct flag *flag) {
    if (flag->json->type != JSON_OBJECT) {
        break_flag(loader, flag, flag->json->start, "a flag must be an object");
        return;
    }
    load_state(loader, flag);
    load_variants(loader, flag);
    load_targeting(loader, flag);
    const struct json *metadata = json_get(flag->json, STR("metadata"));
    flag->metadata = metadata != NULL && metadata->type == JSON_OBJECT ? metadata : NULL;
}

static int order_flags(const void *a, const void *b) {
    const struct flag *x = a, *y = b;
    int order = str_compare(x->key, y->key);
    return order != 0 ? order : (x->json->start > y->json->start) - (x->json->start < y->json->start);
}

static int order_evaluators(const void *a, const void *b) {
    const struct flag_evaluator *x = a, *y = b;
    int order = str_compare(x->key, y->key);
    return order != 0 ? order : (x->json->start > y->json->start) - (x->json->start < y->json->start);
}

/* Key of a flag in an array; false where it has none, which is told. */
static bool array_key(struct loader *loader, const struct json *item, struct str *key) {
    *key = json_string(json_get(item, STR("key")));
    if (key->len > 0)
        return true;
    flag_report_at(&loader->report, FLAG_BROKEN, STR_NONE, item->start, "a flag in an array needs a \"key\"");
    return false;
}

/* All flags, sorted by key; of several with one key the last counts. */
static void collect_flags(struct loader *loader, const struct json *list) {
    struct flags *flags = loader->flags;
    struct flag *found = ARENA_ARRAY(flags->arena, list->count + 1, struct flag);
    size_t count = 0, kept = 0;
    for (const struct json *item = list->first; item != NULL; item = item->next) {
        struct flag *flag = &found[count];
        flag->json = item;
        flag->key = item->key;
        if (list->type == JSON_OBJECT || array_key(loader, item, &flag->key))
            count++;
    }
    qsort(found, count, sizeof *found, order_flags);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && str_eq(found[i].key, found[i + 1].key))
            flag_report_at(&loader->report, FLAG_WARNING, found[i].key, found[i].json->start,
                           "there is another flag with this key further down, and it counts");
        else
            found[kept++] = found[i];
    }
    flags->flags = found;
    flags->count = kept;
}

static void collect_evaluators(struct loader *loader, const struct json *map) {
    struct flags *flags = loader->flags;
    if (map == NULL || map->type != JSON_OBJECT)
        return;
    struct flag_evaluator *found = ARENA_ARRAY(flags->arena, map->count + 1, struct flag_evaluator);
    size_t count = 0, kept = 0;
    for (const struct json *member = map->first; member != NULL; member = member->next)
        found[count++] = (struct flag_evaluator){.key = member->key, .json = member};
    qsort(found, count, sizeof *found, order_evaluators);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || !str_eq(found[i].key, found[i + 1].key))
            found[kept++] = found[i];
    flags->evaluators = found;
    flags->evaluator_count = kept;
}

static void fix_consumers(struct flags *flags) {
    for (enum consumer_flag i = 0; i < CONSUMER_FLAG_COUNT; i++) {
        struct flag_decision fixed = {.reason = FLAG_REASON_ERROR, .error = FLAG_ERROR_NOT_FOUND};
        const struct flag *flag = flag_find(flags, consumer_flag_key(i));
        flags->consumers[i].flag = flag;
        flags->consumers[i].is_targeted = flag != NULL && flag->rule != NULL && !flag->is_disabled && !flag->is_broken;
        if (flag != NULL && !flags->consumers[i].is_targeted)
            fixed = flag_decide(flag, NULL, flags->arena);
        flags->consumers[i].fixed = flag_consumer_decision(i, flag, fixed);
    }
}

static bool is_refused(const struct flag_problems *problems) {
    return problems->count > 0 && problems->worst == FLAG_REFUSED;
}

static void load_root(struct loader *loader) {
    struct flags *flags = loader->flags;
    const struct json *list = json_get(flags->root, STR("flags"));
    const struct json *metadata = json_get(flags->root, STR("metadata"));
    if (flags->root->type != JSON_OBJECT) {
        refuse(loader, STR_NONE, flags->root, "a flag file must be an object");
        return;
    }
    if (list == NULL || (list->type != JSON_OBJECT && list->type != JSON_ARRAY)) {
        refuse(loader, STR_NONE, list == NULL ? flags->root : list, "\"flags\" must be there, an object or an array");
        return;
    }
    flags->metadata = metadata != NULL && metadata->type == JSON_OBJECT ? metadata : NULL;
    collect_evaluators(loader, json_get(flags->root, STR("$evaluators")));
    collect_flags(loader, list);
    for (size_t i = 0; i < flags->count; i++)
        load_flag(loader, &flags->flags[i]);
    flag_check_set(&loader->report, flags);
    if (is_refused(loader->report.problems)) /* defaults may be no variants: nothing can be decided */
        return;
    fix_consumers(flags);
    flag_check_dangers(&loader->report, flags);
}

static void report_syntax(struct flag_report *report, const struct json_error *error) {
    flag_report_at(report, FLAG_REFUSED, STR_NONE, error->offset, "%s", error->what);
}

enum err flags_load(struct str text, struct arena *arena, struct flags **flags, struct flag_problems *problems) {
    static const struct json_limits limits = {TEXT_DEPTH_MAX, TEXT_VALUES_MAX, true, false, false};
    struct flags *set = MEM_NEW(struct flags);
    struct json_error error;
    struct json *root;
    *problems = (struct flag_problems){0};
    struct loader loader = {
        .flags = set,
        .report = {arena, text, problems},
    };
    set->arena = arena_new(0);
    loader.compiler = (struct logic_compiler){set->arena, resolve, &loader};
    enum err err = json_parse(set->arena, text, &limits, &root, &error);
    if (err == ERR_NONE) {
        set->root = root;
        load_root(&loader);
        err = is_refused(problems) ? ERR_INVALID : ERR_NONE;
    } else {
        report_syntax(&loader.report, &error);
    }
    if (err != ERR_NONE)
        flags_free(set);
    else
        *flags = set;
    return err;
}

void flags_free(struct flags *flags) {
    if (flags == NULL)
        return;
    arena_free(flags->arena);
    mem_free(flags);
}
