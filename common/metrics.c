#include "common/metrics_internal.h"

#include "common/mem.h"

#include <stdlib.h>

struct metrics *metrics_new(void) {
    struct metrics *metrics = MEM_NEW(struct metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->last = &metrics->first;
    metrics->last_refresher = &metrics->refreshers;
    return metrics;
}

static void free_series(struct metric *metric) {
    for (size_t i = 0; i < METRIC_LABEL_MAX; i++)
        mem_free(metric->values[i]);
    mem_free(metric->buckets);
    mem_free(metric);
}

static void free_family(struct metric_family *family) {
    while (family->first != NULL) {
        struct metric *metric = family->first;
        family->first = metric->next;
        free_series(metric);
    }
    mem_free(family);
}

void metrics_free(struct metrics *metrics) {
    if (metrics == NULL)
        return;
    while (metrics->first != NULL) {
        struct metric_family *family = metrics->first;
        metrics->first = family->next;
        free_family(family);
    }
    while (metrics->refreshers != NULL) {
        struct metrics_refresher *refresher = metrics->refreshers;
        metrics->refreshers = refresher->next;
        mem_free(refresher);
    }
    pthread_mutex_destroy(&metrics->lock);
    mem_free(metrics);
}

/* [a-zA-Z_:][a-zA-Z0-9_:]*, and no colon in the name of a label. */
static bool is_name(const char *name, bool is_label) {
    for (const char *at = name; *at != '\0'; at++) {
        bool is_letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || *at == '_';
        bool is_digit = *at >= '0' && *at <= '9' && at != name;
        if (!is_letter && !is_digit && (is_label || *at != ':'))
            return false;
    }
    return name[0] != '\0';
}

static bool is_defined(const struct metrics *metrics, const char *name) {
    for (const struct metric_family *family = metrics->first; family != NULL; family = family->next)
        if (strcmp(family->name, name) == 0)
            return true;
    return false;
}

static struct metric_family *define(struct metrics *metrics, const char *name, const char *help,
                                    const char *const *labels, enum metric_kind kind) {
    if (!is_name(name, false) || is_defined(metrics, name))
        abort(); /* nobody could read the text */
    struct metric_family *family = MEM_NEW(struct metric_family);
    family->metrics = metrics;
    family->name = name;
    family->help = help;
    family->kind = kind;
    family->last = &family->first;
    for (; labels != NULL && labels[family->label_count] != NULL; family->label_count++) {
        if (family->label_count == METRIC_LABEL_MAX || !is_name(labels[family->label_count], true))
            abort();
        family->labels[family->label_count] = labels[family->label_count];
    }
    *metrics->last = family;
    metrics->last = &family->next;
    return family;
}

struct metric_family *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                      const char *const *labels) {
    return define(metrics, name, help, labels, METRIC_COUNTER);
}

struct metric_family *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                    const char *const *labels) {
    return define(metrics, name, help, labels, METRIC_GAUGE);
}

struct metric_family *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                        const char *const *labels, const double *bounds, size_t bound_count) {
    struct metric_family *family = define(metrics, name, help, labels, METRIC_HISTOGRAM);
    family->bounds = bounds;
    family->bound_count = bound_count;
    return family;
}

static bool has_values(const struct metric *metric, const struct str *values) {
    for (size_t i = 0; i < metric->family->label_count; i++)
        if (!str_eq(str_of(metric->values[i]), values[i]))
            return false;
    return true;
}

static struct metric *new_series(struct metric_family *family, const struct str *values) {
    struct metric *metric = MEM_NEW(struct metric);
    metric->family = family;
    for (size_t i = 0; i < family->label_count; i++) {
        struct strbuf text = {0};
        strbuf_append(&text, values[i]);
        metric->values[i] = text.at;
    }
    if (family->kind == METRIC_HISTOGRAM)
        metric->buckets = mem_array(family->bound_count + 1, sizeof *metric->buckets);
    return metric;
}

struct metric *metric_series(struct metric_family *family, const struct str *values) {
    pthread_mutex_lock(&family->metrics->lock);
    struct metric *metric = family->first;
    while (metric != NULL && !has_values(metric, values))
        metric = metric->next;
    if (metric == NULL) {
        metric = new_series(family, values);
        *family->last = metric;
        family->last = &metric->next;
    }
    pthread_mutex_unlock(&family->metrics->lock);
    return metric;
}

void metric_add(struct metric *metric, uint64_t count) {
    atomic_fetch_add_explicit(&metric->count, count, memory_order_relaxed);
}

uint64_t metric_count(const struct metric *metric) {
    return atomic_load_explicit(&metric->count, memory_order_relaxed);
}

void metric_set(struct metric *metric, double value) {
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_observe(struct metric *metric, double value) {
    const struct metric_family *family = metric->family;
    size_t bucket = 0;
    while (bucket < family->bound_count && value > family->bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&metric->buckets[bucket], 1, memory_order_relaxed);
    double sum = atomic_load_explicit(&metric->value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&metric->value, &sum, sum + value, memory_order_relaxed,
                                                  memory_order_relaxed))
        continue;
}

void metrics_on_write(struct metrics *metrics, metrics_refresh *refresh, void *arg) {
    struct metrics_refresher *refresher = MEM_NEW(struct metrics_refresher);
    refresher->refresh = refresh;
    refresher->arg = arg;
    *metrics->last_refresher = refresher;
    metrics->last_refresher = &refresher->next;
}
