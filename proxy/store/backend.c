#include "proxy/store/backend.h"

#include "proxy/decide/pairing.h"

#include <string.h>

static bool text_passes(struct str filter, struct str text) {
    return filter.at == NULL || (text.at != NULL && str_eq(text, filter));
}

/* Ids are compared without regard to letter case. */
static bool id_passes(struct str filter, struct str id) {
    return filter.at == NULL || (id.at != NULL && str_eq_nocase(id, filter));
}

static bool type_passes(const struct filter *filter, struct str type) {
    if (!filter->type_is_prefix)
        return text_passes(filter->type, type);
    return type.at != NULL && type.len >= filter->type.len &&
           str_eq_nocase(str_slice(type.at, filter->type.len), filter->type);
}

static bool time_passes(const struct filter *filter, int64_t received_ms) {
    return (filter->since_ms == 0 || received_ms >= filter->since_ms) &&
           (filter->until_ms == 0 || received_ms < filter->until_ms);
}

/* The trace of the arrival tells of each candidate why it was none. */
static bool record_has_near_miss(const struct record *record) {
    return str_find(record->admission, str_of(match_verdict_text(MATCH_NEAR_MISS))) >= 0;
}

bool filter_passes(const struct filter *filter, const struct record *record) {
    return (filter->state < 0 || (int)record->state == filter->state) &&
           (filter->generation < 0 || (int)record->generation == filter->generation) &&
           (filter->endpoints == 0 || (filter->endpoints >> record->endpoint & 1U) != 0) &&
           time_passes(filter, record->received_ms) && type_passes(filter, record->type) &&
           id_passes(filter->company, record->company) && (!filter->unpaired || record_can_pair(record)) &&
           (!filter->near_miss || record_has_near_miss(record));
}

/* What an event states begins each fact with a letter; a rule that states nothing is still one that an event should
 * have replaced. */
bool record_can_pair(const struct record *record) {
    if (record->generation == GENERATION_EVENT)
        return str_find(record->facts, STR(":")) >= 0;
    return record->generation == GENERATION_RULE && record->counterpart.len > 0;
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
