/* One reader for every query that means messages: the list, replays, the audit. A wrong value is an error that says
 * what would be right; nothing is guessed, because a filter that is not understood would replay too much. */
#include "proxy/admin/filters.h"

#include "common/clock.h"
#include "common/moment.h"

#define FILTER_NAMES                                                                                                   \
    "state", "generation", "type", "company", "endpoint", "since", "until", "unpaired", "near_miss", "before",         \
        "after", "limit"

static const char *const filter_names[] = {FILTER_NAMES, NULL};
static const char *const audit_names[] = {"company", "type", "since", "until", "before", "limit", NULL};
static const char *const list_names[] = {"id", FILTER_NAMES, NULL};

static enum err read_state(struct str text, struct filter *filter, struct err_detail *detail) {
    enum state state;
    if (!state_parse(text, &state))
        return err_set(detail, ERR_INVALID,
                       "state is \"" STR_FMT "\", but must be pending, held, parked, delivered, suppressed, dead or "
                       "expired",
                       STR_ARG(text));
    filter->state = (int)state;
    return ERR_NONE;
}

static enum err read_generation(struct str text, struct filter *filter, struct err_detail *detail) {
    enum generation generation;
    if (!generation_parse(text, &generation))
        return err_set(detail, ERR_INVALID, "generation is \"" STR_FMT "\", but must be rule, event or unknown",
                       STR_ARG(text));
    filter->generation = (int)generation;
    return ERR_NONE;
}

static enum err read_limit(struct str text, uint64_t most, struct filter *filter, struct err_detail *detail) {
    uint64_t limit;
    if (!str_to_u64(text, &limit) || limit == 0 || limit > most)
        return err_set(detail, ERR_INVALID, "limit is \"" STR_FMT "\", but must be a number from 1 to %llu",
                       STR_ARG(text), (unsigned long long)most);
    filter->limit = (size_t)limit;
    return ERR_NONE;
}

/* A member without a value, as forms send them, asks for nothing. */
static struct str member(const struct query *query, struct str name) {
    struct str text = query_get(query, name);
    return text.len > 0 ? text : STR_NONE;
}

static enum err read_endpoint(struct str text, struct filter *filter, struct err_detail *detail) {
    enum endpoint endpoint;
    if (!endpoint_parse(text, &endpoint))
        return err_set(detail, ERR_INVALID, "endpoint is \"" STR_FMT "\", but must be legacy or new", STR_ARG(text));
    filter->endpoints = 1U << endpoint;
    return ERR_NONE;
}

static enum err read_moment(struct str name, struct str text, int64_t *ms, struct err_detail *detail) {
    if (moment_parse(text, clock_wall_ms(), ms) && *ms > 0)
        return ERR_NONE;
    return err_set(detail, ERR_INVALID, STR_FMT " is \"" STR_FMT "\", but must be " MOMENT_FORMS, STR_ARG(name),
                   STR_ARG(text));
}

static enum err read_period(const struct query *query, struct filter *filter, struct err_detail *detail) {
    struct str since = member(query, STR("since")), until = member(query, STR("until"));
    enum err err = since.at == NULL ? ERR_NONE : read_moment(STR("since"), since, &filter->since_ms, detail);
    if (err == ERR_NONE && until.at != NULL)
        err = read_moment(STR("until"), until, &filter->until_ms, detail);
    if (err == ERR_NONE && since.at != NULL && until.at != NULL && filter->since_ms >= filter->until_ms)
        err = err_set(detail, ERR_INVALID, "since (" STR_FMT ") must be before until (" STR_FMT ")", STR_ARG(since),
                      STR_ARG(until));
    return err;
}

/* "read.*" means all types that begin so. */
static enum err read_type(struct str text, struct filter *filter, struct err_detail *detail) {
    filter->type = text;
    ptrdiff_t star = str_find(text, STR("*"));
    if (text.at == NULL || star < 0)
        return ERR_NONE;
    if ((size_t)star + 1 != text.len)
        return err_set(detail, ERR_INVALID, "type is \"" STR_FMT "\", but may have a * at its end only", STR_ARG(text));
    filter->type = str_slice(text.at, (size_t)star);
    filter->type_is_prefix = true;
    return ERR_NONE;
}

enum err filter_read_bool(const struct query *query, struct str name, bool *value, struct err_detail *detail) {
    struct str text = query_get(query, name);
    *value = false;
    if (text.at == NULL || str_eq(text, STR("false")) || str_eq(text, STR("0")))
        return ERR_NONE;
    *value = true;
    if (text.len == 0 || str_eq(text, STR("true")) || str_eq(text, STR("1")))
        return ERR_NONE;
    return err_set(detail, ERR_INVALID, STR_FMT " is \"" STR_FMT "\", but must be true or false", STR_ARG(name),
                   STR_ARG(text));
}

static enum err read_id(const struct query *query, struct str name, uint64_t *id, struct err_detail *detail) {
    struct str text = member(query, name);
    if (text.at == NULL || (message_id_parse(text, id) && *id <= INT64_MAX))
        return ERR_NONE;
    return err_set(detail, ERR_INVALID, STR_FMT " is \"" STR_FMT "\", but must be the id of a message", STR_ARG(name),
                   STR_ARG(text));
}

static enum err read_filter(const struct query *query, uint64_t limit_max, struct filter *filter,
                            struct err_detail *detail) {
    struct filter read = {.state = -1, .generation = -1, .limit = FILTER_LIMIT_DEFAULT};
    enum err err = ERR_NONE;
    struct str text = member(query, STR("state"));
    if (text.at != NULL)
        err = read_state(text, &read, detail);
    text = member(query, STR("generation"));
    if (err == ERR_NONE && text.at != NULL)
        err = read_generation(text, &read, detail);
    text = member(query, STR("limit"));
    if (err == ERR_NONE && text.at != NULL)
        err = read_limit(text, limit_max, &read, detail);
    text = member(query, STR("endpoint"));
    if (err == ERR_NONE && text.at != NULL)
        err = read_endpoint(text, &read, detail);
    if (err == ERR_NONE)
        err = read_type(member(query, STR("type")), &read, detail);
    if (err == ERR_NONE)
        err = read_period(query, &read, detail);
    if (err == ERR_NONE)
        err = filter_read_bool(query, STR("unpaired"), &read.unpaired, detail);
    if (err == ERR_NONE)
        err = filter_read_bool(query, STR("near_miss"), &read.near_miss, detail);
    if (err == ERR_NONE)
        err = read_id(query, STR("before"), &read.before, detail);
    if (err == ERR_NONE)
        err = read_id(query, STR("after"), &read.after, detail);
    read.company = member(query, STR("company"));
    if (err == ERR_NONE)
        *filter = read;
    return err;
}

enum err filter_from_query(const struct query *query, struct filter *filter, struct err_detail *detail) {
    enum err err = query_check(query, filter_names, detail);
    return err == ERR_NONE ? read_filter(query, FILTER_LIMIT_MAX, filter, detail) : err;
}

enum err filter_for_list(const struct query *query, struct filter *filter, struct str *id, struct err_detail *detail) {
    enum err err = query_check(query, list_names, detail);
    if (err == ERR_NONE)
        err = read_filter(query, FILTER_LIMIT_MAX, filter, detail);
    if (err == ERR_NONE)
        *id = query_get(query, STR("id"));
    return err;
}

enum err filter_for_audit(const struct query *query, struct filter *filter, struct err_detail *detail) {
    enum err err = query_check(query, audit_names, detail);
    return err == ERR_NONE ? read_filter(query, FILTER_AUDIT_MAX, filter, detail) : err;
}

void filter_settle_type(struct filter *filter, const struct catalog *catalog) {
    static const enum generation generations[] = {GENERATION_RULE, GENERATION_EVENT};
    for (size_t i = 0; i < ARRAY_LEN(generations) && filter->type.at != NULL && !filter->type_is_prefix; i++) {
        const struct catalog_type *type = catalog_find(catalog, generations[i], filter->type);
        if (type != NULL && type->captured == VARIABLE_NONE)
            filter->type = type->name;
    }
}

bool filter_is_narrow(const struct filter *filter) {
    return filter->state >= 0 || filter->generation >= 0 || filter->type.at != NULL || filter->company.at != NULL ||
           filter->since_ms > 0 || filter->until_ms > 0 || filter->endpoints != 0 || filter->unpaired ||
           filter->near_miss;
}
