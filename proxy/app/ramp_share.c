/* The flag file is all that a ramp remembers: whoever reads it knows how far it is, also after a restart, and whoever
 * changes it by hand has the last word. */
#include "proxy/app/ramp_share.h"

#include "common/file.h"
#include "proxy/app/flag_file.h"
#include "proxy/decide/flags_edit.h"

enum { PERCENT_ALL = 100 };

static bool variant_is_on(const struct flag_view *flag, struct str name) {
    const struct json *value = json_get(flag->variants, name);
    return value != NULL && value->type == JSON_BOOL && value->boolean;
}

static const struct json *member_list(const struct json *rule, const char *name, size_t count) {
    const struct json *list = rule == NULL || rule->type != JSON_OBJECT ? NULL : json_get(rule, str_of(name));
    return list != NULL && list->type == JSON_ARRAY && list->count == count ? list->first : NULL;
}

/* {"fractional": [{"var": "targetingKey"}, ["on", 10], ["off", 90]]} */
static bool take_share(const struct flag_view *flag, const struct json *rule, struct ramp_share *share) {
    const struct json *first = member_list(rule, "fractional", 3);
    int64_t on = 0, sum = 0;
    for (const struct json *bucket = first == NULL ? NULL : first->next; bucket != NULL; bucket = bucket->next) {
        int64_t weight;
        if (bucket->type != JSON_ARRAY || bucket->count != 2 || !str_to_i64(bucket->first->next->text, &weight) ||
            weight < 0 || weight > PERCENT_ALL)
            return false;
        sum += weight;
        on += variant_is_on(flag, bucket->first->text) ? weight : 0;
    }
    share->percent = (int)on;
    return sum == PERCENT_ALL;
}

/* {"if": [{"in": [{"var": "companyId"}, [...]]}, "on", {"fractional": ...} or "off"]} */
static bool take_companies(const struct flag_view *flag, const struct json *rule, struct arena *arena,
                           struct ramp_share *share) {
    const struct json *test = member_list(rule, "if", 3), *in = member_list(test, "in", 2);
    if (in == NULL || in->next->type != JSON_ARRAY || !variant_is_on(flag, json_string(test->next)))
        return false;
    struct str *companies = ARENA_ARRAY(arena, in->next->count, struct str);
    for (const struct json *company = in->next->first; company != NULL; company = company->next)
        companies[share->company_count++] = arena_str(arena, company->text);
    share->companies = companies;
    const struct json *others = test->next->next;
    if (others->type != JSON_STRING)
        return take_share(flag, others, share);
    share->percent = variant_is_on(flag, others->text) ? PERCENT_ALL : 0;
    return true;
}

static enum err take_flag(const struct flag_view *flag, struct arena *arena, struct ramp_share *share,
                          struct err_detail *detail) {
    bool has_rule = flag->targeting != NULL && flag->targeting->count > 0;
    if (flag->is_disabled || flag->is_broken)
        return err_set(detail, ERR_INVALID, "new-consumer is %s", flag->is_broken ? "broken" : "DISABLED");
    share->percent = variant_is_on(flag, flag->default_variant) ? PERCENT_ALL : 0;
    if (!has_rule || take_share(flag, flag->targeting, share) || take_companies(flag, flag->targeting, arena, share))
        return ERR_NONE;
    return err_set(detail, ERR_INVALID,
                   "new-consumer has a rule of its own, which a ramp would overwrite: take it out first");
}

enum err ramp_share_read(const char *path, struct arena *arena, struct ramp_share *share, struct err_detail *detail) {
    struct str text;
    struct flags *flags = NULL;
    struct flag_problems problems;
    *share = (struct ramp_share){.percent = 0};
    enum err err = file_read(arena, path, FLAG_FILE_MAX, &text, detail);
    if (err != ERR_NONE)
        return err;
    if (flags_load(text, arena, &flags, &problems) != ERR_NONE)
        return err_set(detail, ERR_INVALID, "the file is refused: `hookshift flags show --file %s` says why", path);
    for (size_t i = 0; i < flags_count(flags) && err == ERR_NONE; i++) {
        struct flag_view flag = flags_at(flags, i);
        if (str_eq(flag.key, consumer_flag_key(FLAG_NEW_CONSUMER)))
            err = take_flag(&flag, arena, share, detail);
    }
    flags_free(flags);
    return err;
}

static enum err edit(void *arg, struct str text, struct strbuf *out, struct err_detail *detail) {
    return flags_edit_switch(text, arg, out, detail);
}

enum err ramp_share_write(const char *path, const struct ramp_share *share, struct err_detail *detail) {
    bool is_for_all = share->percent == PERCENT_ALL || (share->percent == 0 && share->company_count == 0);
    struct flags_switch wanted = {.flag = FLAG_NEW_CONSUMER,
                                  .on = !is_for_all || share->percent == PERCENT_ALL,
                                  .percent = is_for_all ? -1 : share->percent,
                                  .companies = is_for_all ? NULL : share->companies,
                                  .company_count = is_for_all ? 0 : share->company_count};
    bool unreadable;
    return flag_file_edit(path, edit, &wanted, &unreadable, detail);
}
