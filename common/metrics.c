#include "common/metrics.h"

#include "common/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };
enum { REFRESH_MAX = 8 };

struct metric {
    struct metric *next;
    struct metric_family *family;
    char *values[METRIC_LABEL_MAX];
    _Atomic uint64_t count; /* counter; histogram: observations */
    _Atomic double value;   /* gauge; histogram: sum; counter: what metric_set() said */
    _Atomic uint64_t *buckets;
};

struct metric_family {
    struct metric_family *next;
    struct metrics *metrics;
    const char *name, *help;
    const char *labels[METRIC_LABEL_MAX];
    size_t label_count;
    enum kind kind;
    const double *bounds;
    size_t bound_count;
    struct metric *first, **last;
};

struct metrics {
    pthread_mutex_t lock; /* of the lists of series */
    struct metric_family *first, **last;
    struct {
        metrics_refresh *refresh;
        void *arg;
    } refreshes[REFRESH_MAX];
    size_t refresh_count;
};

struct metrics *metrics_new(void) {
    struct metrics *metrics = MEM_NEW(struct metrics);
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->last = &metrics->first;
    return metrics;
}

static void free_series(struct metric *metric) {
    for (size_t i = 0; i < METRIC_LABEL_MAX; i++)
        mem_free(metric->values[i]);
    mem_free(metric->buckets);
    mem_free(metric);
}

void metrics_free(struct metrics *metrics) {
    if (metrics == NULL)
        return;
    while (metrics->first != NULL) {
        struct metric_family *family = metrics->first;
        metrics->first = family->next;
        while (family->first != NULL) {
            struct metric *metric = family->first;
            family->first = metric->next;
            free_series(metric);
        }
        mem_free(family);
    }
    pthread_mutex_destroy(&metrics->lock);
    mem_free(metrics);
}

static struct metric_family *define(struct metrics *metrics, const char *name, const char *help,
                                    const char *const *labels, enum kind kind) {
    struct metric_family *family = MEM_NEW(struct metric_family);
    family->metrics = metrics;
    family->name = name;
    family->help = help;
    family->kind = kind;
    family->last = &family->first;
    while (labels != NULL && labels[family->label_count] != NULL && family->label_count < METRIC_LABEL_MAX) {
        family->labels[family->label_count] = labels[family->label_count];
        family->label_count++;
    }
    *metrics->last = family;
    metrics->last = &family->next;
    return family;
}

struct metric_family *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                      const char *const *labels) {
    return define(metrics, name, help, labels, COUNTER);
}

struct metric_family *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                    const char *const *labels) {
    return define(metrics, name, help, labels, GAUGE);
}

struct metric_family *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                        const char *const *labels, const double *bounds, size_t bound_count) {
    struct metric_family *family = define(metrics, name, help, labels, HISTOGRAM);
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
    if (family->kind == HISTOGRAM)
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
    if (metrics->refresh_count == REFRESH_MAX)
        return;
    metrics->refreshes[metrics->refresh_count].refresh = refresh;
    metrics->refreshes[metrics->refresh_count++].arg = arg;
}

/* https://prometheus.io/docs/instrumenting/exposition_formats/: backslash, quotation mark and line feed in values. */
static void write_value_text(struct strbuf *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            strbuf_append_char(out, '\\');
        if (*text == '\n')
            strbuf_append(out, STR("\\n"));
        else
            strbuf_append_char(out, *text);
    }
}

static void write_number(struct strbuf *out, double value) {
    if (isnan(value))
        strbuf_append(out, STR("NaN"));
    else if (isinf(value))
        strbuf_append(out, value > 0 ? STR("+Inf") : STR("-Inf"));
    else
        strbuf_printf(out, "%.17g", value);
}

static void write_series_name(struct strbuf *out, const struct metric *metric, const char *suffix,
                              const double *bound) {
    const struct metric_family *family = metric->family;
    const char *separator = "{";
    strbuf_printf(out, "%s%s", family->name, suffix);
    for (size_t i = 0; i < family->label_count; i++, separator = ",") {
        strbuf_printf(out, "%s%s=\"", separator, family->labels[i]);
        write_value_text(out, metric->values[i]);
        strbuf_append_char(out, '"');
    }
    if (bound != NULL) {
        strbuf_printf(out, "%sle=\"", separator);
        if (isinf(*bound))
            strbuf_append(out, STR("+Inf"));
        else
            strbuf_printf(out, "%g", *bound);
        strbuf_append_char(out, '"');
        separator = ",";
    }
    strbuf_append(out, *separator == ',' ? STR("} ") : STR(" "));
}

static void write_histogram(struct strbuf *out, struct metric *metric) {
    const struct metric_family *family = metric->family;
    const double infinite = HUGE_VAL;
    uint64_t sum = 0;
    for (size_t i = 0; i <= family->bound_count; i++) {
        sum += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        write_series_name(out, metric, "_bucket", i < family->bound_count ? &family->bounds[i] : &infinite);
        strbuf_printf(out, "%llu\n", (unsigned long long)sum);
    }
    write_series_name(out, metric, "_sum", NULL);
    write_number(out, atomic_load_explicit(&metric->value, memory_order_relaxed));
    strbuf_append_char(out, '\n');
    write_series_name(out, metric, "_count", NULL);
    strbuf_printf(out, "%llu\n", (unsigned long long)sum);
}

static void write_series(struct strbuf *out, struct metric *metric) {
    if (metric->family->kind == HISTOGRAM) {
        write_histogram(out, metric);
        return;
    }
    write_series_name(out, metric, "", NULL);
    double value = atomic_load_explicit(&metric->value, memory_order_relaxed);
    write_number(out, value + (double)atomic_load_explicit(&metric->count, memory_order_relaxed));
    strbuf_append_char(out, '\n');
}

void metrics_write(struct metrics *metrics, struct strbuf *out) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (size_t i = 0; i < metrics->refresh_count; i++)
        metrics->refreshes[i].refresh(metrics->refreshes[i].arg);
    pthread_mutex_lock(&metrics->lock);
    for (struct metric_family *family = metrics->first; family != NULL; family = family->next) {
        strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                      kinds[family->kind]);
        for (struct metric *metric = family->first; metric != NULL; metric = metric->next)
            write_series(out, metric);
    }
    pthread_mutex_unlock(&metrics->lock);
}
