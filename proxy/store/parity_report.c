#include "proxy/store/parity_internal.h"

static void add_cell(struct parity_cell *sum, const struct parity_cell *cell) {
    sum->rules += cell->rules;
    sum->events += cell->events;
    sum->rules_paired += cell->rules_paired;
    sum->events_paired += cell->events_paired;
    sum->rule_first += cell->rule_first;
    sum->event_first += cell->event_first;
    sum->unreplaced += cell->unreplaced;
    if (cell->skew_max_ms > sum->skew_max_ms)
        sum->skew_max_ms = cell->skew_max_ms;
    for (size_t i = 0; i < PARITY_SKEW_BINS; i++)
        sum->skew[i] += cell->skew[i];
}

/* Minutes where they reach far enough back, else hours; the cell in which the period begins counts whole. */
static void sum_up(const struct series *series, int64_t since_ms, int64_t now_ms, struct parity_cell *sum) {
    bool by_minutes = since_ms > now_ms - (int64_t)(MINUTES - 1) * MINUTE_MS;
    const struct parity_cell *cells = by_minutes ? series->minutes : series->hours;
    size_t count = by_minutes ? MINUTES : HOURS;
    int64_t step_ms = by_minutes ? MINUTE_MS : HOUR_MS;
    *sum = (struct parity_cell){.start_ms = since_ms};
    for (size_t i = 0; i < count; i++)
        if (cells[i].start_ms > since_ms - step_ms && cells[i].start_ms <= now_ms)
            add_cell(sum, &cells[i]);
}

void parity_report(struct parity *parity, struct arena *arena, int64_t since_ms, int64_t now_ms,
                   struct parity_row **rows, size_t *count) {
    parity_let_age(parity, now_ms);
    *rows = ARENA_ARRAY(arena, parity->series_count, struct parity_row);
    *count = parity->series_count;
    for (size_t i = 0; i < parity->series_count; i++) {
        const struct series *series = parity->series[i];
        struct parity_row *row = &(*rows)[i];
        size_t kept = 0;
        row->type = arena_str(arena, series->name);
        sum_up(series, since_ms, now_ms, &row->sum);
        row->young_rules = series->young_rules;
        row->young_events = series->young_events;
        row->last_unreplaced_ms = series->last_unreplaced_ms;
        for (size_t k = 0; k < PARITY_UNPAIRED_IDS; k++)
            if (series->unpaired[k] != 0 && series->unpaired_ms[k] >= since_ms) {
                row->unpaired[kept++] = series->unpaired[k];
                row->unpaired_since_ms = series->unpaired_ms[k];
            }
    }
}

int64_t parity_skew_ms(const struct parity_cell *cell, double share) {
    uint64_t all = 0, below = 0;
    for (size_t i = 0; i < PARITY_SKEW_BINS; i++)
        all += cell->skew[i];
    if (all == 0)
        return -1;
    uint64_t wanted = (uint64_t)((double)all * share);
    if ((double)wanted < (double)all * share || wanted == 0)
        wanted++;
    size_t bin = 0;
    while (bin + 1 < PARITY_SKEW_BINS && (below += cell->skew[bin]) < wanted)
        bin++;
    int64_t bound = (int64_t)1 << bin;
    bool is_last = bin + 1 == PARITY_SKEW_BINS; /* which has no upper bound */
    return !is_last && bound < cell->skew_max_ms ? bound : cell->skew_max_ms;
}
