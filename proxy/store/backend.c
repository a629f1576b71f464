#include "proxy/store/backend.h"

static bool text_passes(struct str filter, struct str text) {
    return filter.at == NULL || (text.at != NULL && str_eq(text, filter));
}

/* Ids are compared without regard to letter case. */
static bool id_passes(struct str filter, struct str id) {
    return filter.at == NULL || (id.at != NULL && str_eq_nocase(id, filter));
}

bool filter_passes(const struct filter *filter, const struct record *record) {
    return (filter->state < 0 || (int)record->state == filter->state) &&
           (filter->generation < 0 || (int)record->generation == filter->generation) &&
           text_passes(filter->type, record->type) && id_passes(filter->company, record->company);
}
