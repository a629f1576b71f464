/* A message without a twin is waiting while it is younger than the window, and alone afterwards:
 *
 *     period begins        edge   cutoff = now - window          now
 *     ├── whole buckets ────┼──────┼────────── waiting ───────────┤
 *        alone = all - paired │ one by one, of one bucket
 *
 * So the report reads the buckets of the period, and of the messages without a twin those of one bucket. */
#include "proxy/store/parity_internal.h"

#include "common/mem.h"

#include <stdlib.h>

enum { LOOKED_AT = 20000, BATCH = 256, LOADED_MAX = 2000 };

struct row_search {            /* of the first and last alert without a twin */
    int64_t first_ms, last_ms; /* starts of buckets; -1: none */
};

struct survey {
    struct arena *arena;
    int64_t from_ms, edge_ms, cutoff_ms, window_ms;
    struct parity_row *rows;
    struct row_search *searches;
    size_t count, capacity;
    int64_t old_events, old_events_paired, young_events, young_events_paired; /* each message once */
};

static size_t row_index(struct survey *survey, struct str type) {
    for (size_t i = 0; i < survey->count; i++)
        if (str_eq(survey->rows[i].type, type))
            return i;
    if (survey->count == survey->capacity) {
        survey->capacity = survey->capacity == 0 ? 32 : survey->capacity * 2;
        struct parity_row *rows = ARENA_ARRAY(survey->arena, survey->capacity, struct parity_row);
        struct row_search *searches = ARENA_ARRAY(survey->arena, survey->capacity, struct row_search);
        if (survey->count > 0) {
            memcpy(rows, survey->rows, survey->count * sizeof *rows);
            memcpy(searches, survey->searches, survey->count * sizeof *searches);
        }
        survey->rows = rows;
        survey->searches = searches;
    }
    survey->rows[survey->count] = (struct parity_row){.type = arena_str(survey->arena, type)};
    survey->searches[survey->count] = (struct row_search){-1, -1};
    return survey->count++;
}

static int64_t bucket_end(const struct parity_bucket *bucket) {
    return bucket->start_ms + PARITY_MINUTE_MS;
}

static void see_old(struct survey *survey, size_t index, const struct parity_bucket *bucket) {
    const int64_t *n = bucket->counts.n;
    struct parity_row *row = &survey->rows[index];
    struct row_search *search = &survey->searches[index];
    row->rule_only += n[PARITY_RULES] - n[PARITY_RULES_PAIRED];
    row->event_only += n[PARITY_EVENTS] - n[PARITY_EVENTS_PAIRED];
    row->unhandled_only += n[PARITY_UNHANDLED] - n[PARITY_UNHANDLED_PAIRED];
    survey->old_events += n[PARITY_EVENTS] - n[PARITY_EVENTS_AGAIN];
    survey->old_events_paired += n[PARITY_EVENTS_PAIRED] - n[PARITY_EVENTS_PAIRED_AGAIN];
    if (n[PARITY_RULES] <= n[PARITY_RULES_PAIRED])
        return;
    if (search->first_ms < 0 || bucket->start_ms < search->first_ms)
        search->first_ms = bucket->start_ms;
    if (bucket->start_ms > search->last_ms)
        search->last_ms = bucket->start_ms;
}

static void see_young(struct survey *survey, size_t index, const struct parity_bucket *bucket) {
    const int64_t *n = bucket->counts.n;
    struct parity_row *row = &survey->rows[index];
    row->rules_waiting += n[PARITY_RULES] - n[PARITY_RULES_PAIRED];
    row->events_waiting += n[PARITY_EVENTS] - n[PARITY_EVENTS_PAIRED];
    survey->young_events += n[PARITY_EVENTS] - n[PARITY_EVENTS_AGAIN];
    survey->young_events_paired += n[PARITY_EVENTS_PAIRED] - n[PARITY_EVENTS_PAIRED_AGAIN];
    int64_t until_ms = bucket_end(bucket) + survey->window_ms;
    if (n[PARITY_RULES] > n[PARITY_RULES_PAIRED] && until_ms > row->waiting_until_ms)
        row->waiting_until_ms = until_ms;
}

static void see_bucket(void *arg, const struct parity_bucket *bucket) {
    struct survey *survey = arg;
    const int64_t *n = bucket->counts.n;
    size_t index = row_index(survey, bucket->type);
    struct parity_row *row = &survey->rows[index];
    row->seen += n[PARITY_RULES];
    row->proven += n[PARITY_RULES_PAIRED] - n[PARITY_UNHANDLED_PAIRED];
    if (bucket->start_ms < survey->from_ms)
        return;
    parity_counts_add(&row->sum, &bucket->counts);
    if (bucket->start_ms < survey->edge_ms)
        see_old(survey, index, bucket);
    else
        see_young(survey, index, bucket);
}

/* Calls `see` for each message without a twin in [from_ms, below_ms), until `most` were seen or it returns false. */
typedef enum err see_unpaired_fn(void *arg, const struct unpaired *row, bool *go_on);

static enum err each_unpaired(struct backend *backend, int64_t from_ms, int64_t below_ms, size_t most,
                              see_unpaired_fn *see, void *arg) {
    struct arena *arena = arena_new(BATCH * 128);
    struct unpaired rows[BATCH], after = {.received_ms = from_ms - 1, .message = INT64_MAX, .type = STR("")};
    enum err err = ERR_NONE;
    size_t seen = 0, count = BATCH;
    for (bool go_on = true; go_on && err == ERR_NONE && count == BATCH && seen < most;) {
        struct arena *next = arena_new(BATCH * 128); /* `after` lives in the one before */
        err = backend->ops->scan_unpaired(backend, next, &after, below_ms, rows, BATCH, &count);
        for (size_t i = 0; i < count && go_on && err == ERR_NONE; i++, seen++)
            err = see(arg, &rows[i], &go_on);
        if (err == ERR_NONE && count > 0)
            after = rows[count - 1];
        arena_free(arena);
        arena = next;
    }
    arena_free(arena);
    return err;
}

struct edge {
    struct survey *survey;
    struct backend *backend;
    struct arena *arena;
    uint64_t last_event;
    int64_t events; /* without any twin, and older than the window */
    size_t loaded;
};

/* Of very many the later ones are told a minute late, with their bucket. */
static enum err see_unhandled(struct edge *edge, uint64_t id, struct parity_row *row) {
    struct record record;
    if (edge->loaded++ >= LOADED_MAX)
        return ERR_NONE;
    arena_reset(edge->arena);
    enum err err = edge->backend->ops->load(edge->backend, edge->arena, id, &record);
    if (err == ERR_NOT_FOUND || err == ERR_DAMAGED)
        return ERR_NONE;
    if (err == ERR_NONE && record_is_unhandled(&record))
        row->unhandled_only++;
    return err;
}

static enum err see_at_edge(void *arg, const struct unpaired *unpaired, bool *go_on) {
    struct edge *edge = arg;
    struct survey *survey = edge->survey;
    size_t index = row_index(survey, unpaired->type);
    struct parity_row *row = &survey->rows[index];
    struct twin *twins;
    size_t count;
    *go_on = true;
    if (unpaired->is_rule) {
        row->rule_only++;
        row->rules_waiting--;
        if (row->unpaired_since_ms == 0)
            row->unpaired_since_ms = unpaired->received_ms;
        row->last_unpaired = unpaired->message;
        return see_unhandled(edge, unpaired->message, row);
    }
    row->event_only++;
    row->events_waiting--;
    if (unpaired->message == edge->last_event)
        return ERR_NONE; /* by another of the rule types that it replaces */
    edge->last_event = unpaired->message;
    arena_reset(edge->arena);
    enum err err = edge->backend->ops->find_twins(edge->backend, edge->arena, unpaired->message, &twins, &count);
    edge->events += err == ERR_NONE && count == 0 ? 1 : 0;
    return err;
}

struct search {
    struct str type;
    bool first; /* the first one is enough */
    int64_t found_ms;
    uint64_t found;
};

static enum err see_in_bucket(void *arg, const struct unpaired *row, bool *go_on) {
    struct search *search = arg;
    if (!row->is_rule || !str_eq(row->type, search->type))
        return ERR_NONE;
    search->found_ms = row->received_ms;
    search->found = row->message;
    *go_on = !search->first;
    return ERR_NONE;
}

static enum err search_bucket(struct backend *backend, int64_t start_ms, int64_t below_ms, struct search *search) {
    int64_t end_ms = start_ms + (start_ms % PARITY_HOUR_MS == 0 ? PARITY_HOUR_MS : PARITY_MINUTE_MS);
    return each_unpaired(backend, start_ms, end_ms < below_ms ? end_ms : below_ms, LOOKED_AT, see_in_bucket, search);
}

/* The first and the last alert that is alone, of what lies in whole buckets; what the edge told counts as later. */
static enum err find_examples(struct survey *survey, struct backend *backend, size_t index) {
    struct parity_row *row = &survey->rows[index];
    const struct row_search *place = &survey->searches[index];
    struct search first = {.type = row->type, .first = true}, last = {.type = row->type};
    if (place->first_ms < 0)
        return ERR_NONE;
    enum err err = search_bucket(backend, place->first_ms, survey->cutoff_ms, &first);
    if (err == ERR_NONE && row->last_unpaired == 0)
        err = search_bucket(backend, place->last_ms, survey->cutoff_ms, &last);
    row->unpaired_since_ms = first.found != 0 ? first.found_ms : place->first_ms;
    if (row->last_unpaired == 0)
        row->last_unpaired = last.found;
    return err;
}

static int by_type(const void *a, const void *b) {
    return str_compare(((const struct parity_row *)a)->type, ((const struct parity_row *)b)->type);
}

static int64_t step_at(int64_t at_ms, int64_t now_ms) {
    return at_ms > now_ms - PARITY_FINE_MS ? PARITY_MINUTE_MS : PARITY_HOUR_MS;
}

enum err parity_report(const struct parity *parity, struct backend *backend, struct arena *arena, int64_t since_ms,
                       int64_t now_ms, struct parity_report *report) {
    struct survey survey = {.arena = arena, .window_ms = parity->window_ms, .cutoff_ms = now_ms - parity->window_ms};
    survey.from_ms = parity_floor(since_ms, step_at(since_ms, now_ms));
    survey.edge_ms = parity_floor(survey.cutoff_ms, step_at(survey.cutoff_ms, now_ms));
    if (survey.edge_ms < survey.from_ms)
        survey.edge_ms = survey.from_ms;
    struct edge edge = {.survey = &survey, .backend = backend, .arena = arena_new(0)};
    enum err err = backend->ops->each_parity(backend, INT64_MIN, survey.from_ms, false, see_bucket, &survey);
    if (err == ERR_NONE)
        err = backend->ops->each_parity(backend, survey.from_ms, INT64_MAX, true, see_bucket, &survey);
    if (err == ERR_NONE)
        err = each_unpaired(backend, survey.edge_ms, survey.cutoff_ms, SIZE_MAX, see_at_edge, &edge);
    for (size_t i = 0; i < survey.count && err == ERR_NONE; i++)
        err = find_examples(&survey, backend, i);
    arena_free(edge.arena);
    if (err != ERR_NONE)
        return err;
    if (survey.count > 0)
        qsort(survey.rows, survey.count, sizeof *survey.rows, by_type);
    *report = (struct parity_report){
        .since_ms = since_ms,
        .until_ms = now_ms,
        .window_ms = parity->window_ms,
        .rows = survey.rows,
        .row_count = survey.count,
        .events_only = survey.old_events - survey.old_events_paired + edge.events,
        .events_waiting = survey.young_events - survey.young_events_paired - edge.events,
    };
    return ERR_NONE;
}

/* --- old buckets */

struct merge {
    int64_t start_ms;
    struct arena *arena;
    struct parity_bucket *sums;
    size_t count, capacity;
    bool is_split; /* there is more than one bucket of the hour */
};

static void add_to_hour(void *arg, const struct parity_bucket *bucket) {
    struct merge *merge = arg;
    size_t i = 0;
    merge->is_split = merge->is_split || bucket->start_ms != merge->start_ms;
    while (i < merge->count && !str_eq(merge->sums[i].type, bucket->type))
        i++;
    if (i == merge->count) {
        if (merge->count == merge->capacity) {
            merge->capacity = merge->capacity == 0 ? 32 : merge->capacity * 2;
            struct parity_bucket *sums = ARENA_ARRAY(merge->arena, merge->capacity, struct parity_bucket);
            if (merge->count > 0)
                memcpy(sums, merge->sums, merge->count * sizeof *sums);
            merge->sums = sums;
        }
        merge->sums[merge->count++] =
            (struct parity_bucket){.start_ms = merge->start_ms, .type = arena_str(merge->arena, bucket->type)};
    }
    parity_counts_add(&merge->sums[i].counts, &bucket->counts);
}

static enum err merge_hour(struct backend *backend, struct arena *arena, int64_t start_ms) {
    struct merge merge = {.start_ms = start_ms, .arena = arena};
    int64_t end_ms = start_ms + PARITY_HOUR_MS;
    enum err err = backend->ops->each_parity(backend, start_ms, end_ms, true, add_to_hour, &merge);
    if (err != ERR_NONE || !merge.is_split)
        return err;
    err = backend->ops->remove_parity(backend, start_ms, end_ms);
    for (size_t i = 0; i < merge.count && err == ERR_NONE; i++)
        err = backend->ops->add_parity(backend, &merge.sums[i]);
    return err;
}

enum err parity_tidy(struct backend *backend, struct arena *arena, int64_t now_ms, int64_t oldest_ms,
                     int64_t *merged_ms) {
    enum { HOURS_A_STEP = 24 };
    int64_t oldest_hour_ms = parity_floor(oldest_ms, PARITY_HOUR_MS);
    int64_t fine_ms = parity_floor(now_ms - PARITY_FINE_MS, PARITY_HOUR_MS);
    enum err err = backend->ops->remove_parity(backend, INT64_MIN, oldest_hour_ms);
    if (*merged_ms < oldest_hour_ms)
        *merged_ms = oldest_hour_ms;
    for (int i = 0; i < HOURS_A_STEP && err == ERR_NONE && *merged_ms < fine_ms; i++) {
        err = merge_hour(backend, arena, *merged_ms);
        if (err == ERR_NONE)
            *merged_ms += PARITY_HOUR_MS;
    }
    return err;
}
