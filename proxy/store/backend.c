#include "proxy/store/backend.h"

#include <string.h>

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

void record_texts(struct record *record, struct str *texts[RECORD_TEXTS]) {
    struct str *all[RECORD_TEXTS] = {&record->identity,     &record->type,      &record->counterpart, &record->company,
                                     &record->connection,   &record->data_type, &record->rule_id,     &record->target,
                                     &record->trace_parent, &record->facts,     &record->admission};
    memcpy((void *)texts, (void *)all, sizeof all);
}

void record_keep(struct arena *arena, struct record *record) {
    struct str *texts[RECORD_TEXTS];
    record_texts(record, texts);
    for (size_t i = 0; i < RECORD_TEXTS; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    record->trimmed = arena_str(arena, record->trimmed);
}
