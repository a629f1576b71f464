/* Asks the flags in force about messages that were decided under other ones: would they be delivered today? */
#include "proxy/store/ledger_internal.h"

uint64_t ledger_survey_begin(int64_t since_ms) {
    uint64_t first = ledger_id_at(since_ms);
    return first == 0 ? 0 : first - 1;
}

static void keep_example(struct ledger_example *example, const struct record *record) {
    if (example->id != 0)
        return;
    example->id = record->id;
    example->company_len =
        record->company.len < sizeof example->company ? record->company.len : sizeof example->company;
    if (example->company_len > 0)
        memcpy(example->company, record->company.at, example->company_len);
}

static bool is_on(struct ledger *ledger, enum endpoint endpoint, const struct record *record, int64_t now_ms) {
    return ledger->flag(ledger->flags, endpoint, record, now_ms, ledger->scratch, NULL);
}

static void look_at(struct ledger *ledger, const struct record *record, int64_t now_ms, struct ledger_survey *survey) {
    bool new_on = is_on(ledger, ENDPOINT_NEW, record, now_ms);
    survey->looked_at++;
    if (record->endpoint == ENDPOINT_NEW)
        survey->new_asked++;
    if (new_on)
        return;
    if (record->endpoint == ENDPOINT_NEW) {
        survey->new_off++;
        keep_example(&survey->new_off_example, record);
    }
    if (is_on(ledger, ENDPOINT_LEGACY, record, now_ms))
        return;
    survey->both_off++;
    keep_example(&survey->both_off_example, record);
}

enum err ledger_survey(struct ledger *ledger, int64_t now_ms, size_t budget, struct ledger_survey *survey, bool *more) {
    struct arena *arena = arena_new(budget * sizeof(uint64_t) + 64);
    uint64_t *ids = ARENA_ARRAY(arena, budget, uint64_t);
    size_t count = 0;
    enum err err = ledger->ops->scan(ledger->backend, (1U << STATE_COUNT) - 1, survey->after, ids, budget, &count);
    for (size_t i = 0; i < count && err == ERR_NONE; i++) {
        struct record record;
        arena_reset(ledger->scratch);
        err = ledger_load_other(ledger, ids[i], &record);
        if (err == ERR_NONE)
            look_at(ledger, &record, now_ms, survey);
        else if (err == ERR_NOT_FOUND)
            err = ERR_NONE;
        survey->after = ids[i];
    }
    *more = count == budget;
    arena_free(arena);
    return err;
}
