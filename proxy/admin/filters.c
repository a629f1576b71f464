#include "proxy/admin/filters.h"

static const char *const filter_names[] = {"state", "generation", "type", "company", "before", "limit", NULL};
static const char *const list_names[] = {"id", "state", "generation", "type", "company", "before", "limit", NULL};

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

static enum err read_limit(struct str text, struct filter *filter, struct err_detail *detail) {
    uint64_t limit;
    if (!str_to_u64(text, &limit) || limit == 0 || limit > FILTER_LIMIT_MAX)
        return err_set(detail, ERR_INVALID, "limit is \"" STR_FMT "\", but must be a number from 1 to %d",
                       STR_ARG(text), FILTER_LIMIT_MAX);
    filter->limit = (size_t)limit;
    return ERR_NONE;
}

/* A member without a value, as forms send them, asks for nothing. */
static struct str member(const struct query *query, struct str name) {
    struct str text = query_get(query, name);
    return text.len > 0 ? text : STR_NONE;
}

static enum err read_filter(const struct query *query, struct filter *filter, struct err_detail *detail) {
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
        err = read_limit(text, &read, detail);
    text = member(query, STR("before"));
    if (err == ERR_NONE && text.at != NULL && !message_id_parse(text, &read.before))
        err = err_set(detail, ERR_INVALID, "before is \"" STR_FMT "\", but must be the id of a message", STR_ARG(text));
    read.type = member(query, STR("type"));
    read.company = member(query, STR("company"));
    if (err == ERR_NONE)
        *filter = read;
    return err;
}

enum err filter_from_query(const struct query *query, struct filter *filter, struct err_detail *detail) {
    enum err err = query_check(query, filter_names, detail);
    return err == ERR_NONE ? read_filter(query, filter, detail) : err;
}

enum err filter_for_list(const struct query *query, struct filter *filter, uint64_t *id, struct err_detail *detail) {
    struct filter read;
    uint64_t wanted = 0;
    enum err err = query_check(query, list_names, detail);
    if (err == ERR_NONE)
        err = read_filter(query, &read, detail);
    if (err != ERR_NONE)
        return err;
    struct str text = query_get(query, STR("id"));
    if (text.at != NULL) {
        if (!message_id_parse(text, &wanted) || wanted == 0 || wanted >= INT64_MAX)
            wanted = INT64_MAX - 1; /* beyond all that are given */
        read.before = wanted + 1;
        read.limit = 1;
    }
    *filter = read;
    *id = wanted;
    return ERR_NONE;
}

void filter_settle_type(struct filter *filter, const struct catalog *catalog) {
    static const enum generation generations[] = {GENERATION_RULE, GENERATION_EVENT};
    for (size_t i = 0; i < ARRAY_LEN(generations) && filter->type.at != NULL; i++) {
        const struct catalog_type *type = catalog_find(catalog, generations[i], filter->type);
        if (type != NULL && type->captured == VARIABLE_NONE)
            filter->type = type->name;
    }
}

bool filter_is_narrow(const struct filter *filter) {
    return filter->state >= 0 || filter->generation >= 0 || filter->type.at != NULL || filter->company.at != NULL;
}
