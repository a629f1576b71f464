/* The text form, version 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include "common/metrics_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A line feed and a backslash are escaped everywhere, the quotation mark in label values only. */
static void write_escaped(struct strbuf *out, const char *text, bool is_value) {
    for (; *text != '\0'; text++) {
        if (*text == '\\' || (*text == '"' && is_value))
            strbuf_append_char(out, '\\');
        if (*text == '\n')
            strbuf_append(out, STR("\\n"));
        else
            strbuf_append_char(out, *text);
    }
}

/* With as few digits as read back the same. */
static void write_number(struct strbuf *out, double value) {
    char text[40];
    if (isnan(value) || isinf(value)) {
        strbuf_append(out, isnan(value) ? STR("NaN") : value > 0 ? STR("+Inf") : STR("-Inf"));
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    strbuf_append(out, str_of(text));
}

static void write_series_name(struct strbuf *out, const struct metric *metric, const char *suffix,
                              const double *bound) {
    const struct metric_family *family = metric->family;
    const char *separator = "{";
    strbuf_printf(out, "%s%s", family->name, suffix);
    for (size_t i = 0; i < family->label_count; i++, separator = ",") {
        strbuf_printf(out, "%s%s=\"", separator, family->labels[i]);
        write_escaped(out, metric->values[i], true);
        strbuf_append_char(out, '"');
    }
    if (bound != NULL) {
        strbuf_printf(out, "%sle=\"", separator);
        write_number(out, *bound);
        strbuf_append(out, STR("\"} "));
    } else {
        strbuf_append(out, family->label_count > 0 ? STR("} ") : STR(" "));
    }
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
    if (metric->family->kind == METRIC_HISTOGRAM) {
        write_histogram(out, metric);
        return;
    }
    write_series_name(out, metric, "", NULL);
    double value = atomic_load_explicit(&metric->value, memory_order_relaxed);
    uint64_t count = atomic_load_explicit(&metric->count, memory_order_relaxed);
    if (metric->family->kind == METRIC_COUNTER && value == 0)
        strbuf_printf(out, "%llu", (unsigned long long)count); /* exact, also past 2^53 */
    else
        write_number(out, value + (double)count);
    strbuf_append_char(out, '\n');
}

static void write_family(struct strbuf *out, const struct metric_family *family) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    strbuf_printf(out, "# HELP %s ", family->name);
    write_escaped(out, family->help, false);
    strbuf_printf(out, "\n# TYPE %s %s\n", family->name, kinds[family->kind]);
    for (struct metric *metric = family->first; metric != NULL; metric = metric->next)
        write_series(out, metric);
}

/* Refreshers look series up themselves: the lock is not theirs to wait for. */
void metrics_write(struct metrics *metrics, struct strbuf *out) {
    for (const struct metrics_refresher *each = metrics->refreshers; each != NULL; each = each->next)
        each->refresh(each->arg);
    pthread_mutex_lock(&metrics->lock);
    for (const struct metric_family *family = metrics->first; family != NULL; family = family->next)
        write_family(out, family);
    pthread_mutex_unlock(&metrics->lock);
}
