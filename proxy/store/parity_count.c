/* Notes become numbers in cells. What is taken back (a message that was forgotten) is taken back where it was counted,
 * but for the longest skew, which stays. */
#include "proxy/store/parity_internal.h"

/* What a note changes in cells, and what the log keeps of it: told so that it can be counted once more by itself,
 * without the queue of young messages. In the log as it is in memory, like the cells. */
struct counted {
    uint16_t series; /* its place by name, which is the same as long as there is an entry to read it from */
    uint8_t kind;    /* a message's note_kind, or NOTE_PAIR */
    int8_t sign;     /* 1, or -1 for what is taken back */
    uint8_t is_first_of_rule, is_first_of_event, is_rule_first; /* no bool: a damaged file may say anything */
    int64_t at_ms, event_ms; /* arrivals: of the message, or of the rule and the event of a pair */
};

static struct parity_cell *cell_at(struct parity *parity, struct parity_cell *ring, unsigned char *marks, size_t count,
                                   int64_t step_ms, int64_t at_ms) {
    int64_t start = at_ms - at_ms % step_ms;
    size_t place = (size_t)(start / step_ms) % count;
    struct parity_cell *cell = &ring[place];
    if (cell->start_ms > start)
        return NULL; /* of a time that the ring no longer reaches */
    if (marks[place] != CELL_TOUCHED)
        parity_undo_cell(parity, cell, &marks[place]);
    if (cell->start_ms < start)
        *cell = (struct parity_cell){.start_ms = start};
    marks[place] = CELL_TOUCHED;
    return cell;
}

/* The cells of a moment, emptied where they still hold an older one, and marked to be written. */
struct cells {
    struct parity_cell *at[2]; /* NULL: too old */
};

static struct cells cells_at(struct parity *parity, struct series *series, int64_t at_ms) {
    return (struct cells){{cell_at(parity, series->minutes, series->minute_marks, MINUTES, MINUTE_MS, at_ms),
                           cell_at(parity, series->hours, series->hour_marks, HOURS, HOUR_MS, at_ms)}};
}

/* `sign` is 1 or -1; what is taken back was counted before, or its cell is another one by now. */
static void add(uint32_t *number, int sign) {
    if (sign > 0)
        ++*number;
    else if (*number > 0)
        --*number;
}

static uint32_t *number_of(struct parity_cell *cell, enum note_kind kind) {
    return kind == NOTE_RULE ? &cell->rules : kind == NOTE_EVENT ? &cell->events : &cell->unreplaced;
}

static void count_message(struct parity *parity, struct series *series, enum note_kind kind, int64_t at_ms, int sign) {
    struct cells cells = cells_at(parity, series, at_ms);
    for (size_t i = 0; i < ARRAY_LEN(cells.at); i++)
        if (cells.at[i] != NULL)
            add(number_of(cells.at[i], kind), sign);
}

static void count_paired(struct parity *parity, struct series *series, bool is_rule, int64_t at_ms, int sign) {
    struct cells cells = cells_at(parity, series, at_ms);
    for (size_t i = 0; i < ARRAY_LEN(cells.at); i++)
        if (cells.at[i] != NULL)
            add(is_rule ? &cells.at[i]->rules_paired : &cells.at[i]->events_paired, sign);
}

static size_t skew_bin(int64_t skew_ms) {
    size_t bin = 0;
    while (bin + 1 < PARITY_SKEW_BINS && skew_ms >= (int64_t)1 << bin)
        bin++;
    return bin;
}

static void count_first(struct parity *parity, struct series *series, const struct counted *pair) {
    int64_t later_ms = pair->at_ms > pair->event_ms ? pair->at_ms : pair->event_ms;
    int64_t skew_ms = pair->at_ms < pair->event_ms ? pair->event_ms - pair->at_ms : pair->at_ms - pair->event_ms;
    uint32_t most = skew_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)skew_ms;
    struct cells cells = cells_at(parity, series, later_ms);
    for (size_t i = 0; i < ARRAY_LEN(cells.at); i++) {
        struct parity_cell *cell = cells.at[i];
        if (cell == NULL)
            continue;
        add(pair->is_rule_first ? &cell->rule_first : &cell->event_first, pair->sign);
        add(&cell->skew[skew_bin(skew_ms)], pair->sign);
        if (most > cell->skew_max_ms)
            cell->skew_max_ms = most;
    }
}

static void count(struct parity *parity, struct series *series, const struct counted *counted) {
    if (counted->kind != NOTE_PAIR) {
        count_message(parity, series, (enum note_kind)counted->kind, counted->at_ms, counted->sign);
        return;
    }
    if (counted->is_first_of_rule)
        count_paired(parity, series, true, counted->at_ms, counted->sign);
    if (counted->is_first_of_event)
        count_paired(parity, series, false, counted->event_ms, counted->sign);
    count_first(parity, series, counted);
}

static void count_and_tell(struct parity *parity, struct series *series, struct counted counted) {
    count(parity, series, &counted);
    counted.series = (uint16_t)series->place;
    strbuf_append(&parity->entry, str_slice((const char *)&counted, sizeof counted));
}

static void count_one(struct parity *parity, struct series *series, enum note_kind kind, int64_t at_ms, int sign) {
    count_and_tell(parity, series, (struct counted){.kind = (uint8_t)kind, .sign = (int8_t)sign, .at_ms = at_ms});
}

static void count_pair(struct parity *parity, struct series *series, const struct parity_pair *pair, int sign) {
    count_and_tell(parity, series,
                   (struct counted){.kind = NOTE_PAIR,
                                    .sign = (int8_t)sign,
                                    .is_first_of_rule = pair->is_first_of_rule,
                                    .is_first_of_event = pair->is_first_of_event,
                                    .is_rule_first = pair->rule < pair->event,
                                    .at_ms = pair->rule_ms,
                                    .event_ms = pair->event_ms});
    if (pair->is_first_of_rule)
        parity_mark_paired(parity, series, pair->rule, sign > 0);
    if (pair->is_first_of_event)
        parity_mark_paired(parity, series, pair->event, sign > 0);
}

static void count_forgotten(struct parity *parity, uint64_t id) {
    size_t place;
    for (struct young *young; (young = parity_find_young(parity, id, NULL, &place)) != NULL;) {
        count_one(parity, young->series, young->is_rule ? NOTE_RULE : NOTE_EVENT, young->at_ms, -1);
        parity_remove_young(parity, place);
    }
}

static void count_note(struct parity *parity, const struct note *note) {
    switch (note->kind) {
    case NOTE_UNREPLACED:
        parity_undo_unreplaced(parity, note->series);
        note->series->last_unreplaced_ms = note->at_ms;
        count_one(parity, note->series, note->kind, note->at_ms, 1);
        break;
    case NOTE_RULE:
    case NOTE_EVENT:
        count_one(parity, note->series, note->kind, note->at_ms, 1);
        parity_push_young(parity, note);
        break;
    case NOTE_PAIR:
        count_pair(parity, note->series, &note->pair, 1);
        break;
    case NOTE_PARTING:
        count_pair(parity, note->series, &note->pair, -1);
        break;
    case NOTE_FORGOTTEN:
        count_forgotten(parity, note->id);
        break;
    }
}

void parity_count_notes(struct parity *parity) {
    parity->entry.len = 0;
    for (size_t i = 0; i < parity->note_count; i++)
        count_note(parity, &parity->notes[i]);
    parity->note_count = 0;
}

bool parity_count_entry(struct parity *parity, struct str entry) {
    for (; entry.len >= sizeof(struct counted); entry = str_from(entry, sizeof(struct counted))) {
        struct counted counted;
        memcpy(&counted, entry.at, sizeof counted);
        if (counted.series >= parity->series_count || counted.kind > NOTE_PAIR || counted.at_ms < 0 ||
            counted.event_ms < 0)
            return false;
        struct series *series = parity->series[counted.series];
        if (counted.kind == NOTE_UNREPLACED && counted.at_ms > series->last_unreplaced_ms)
            series->last_unreplaced_ms = counted.at_ms;
        count(parity, series, &counted);
    }
    return entry.len == 0;
}
