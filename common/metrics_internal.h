/* The inside of metrics: what counting and writing share. */
#ifndef COMMON_METRICS_INTERNAL_H
#define COMMON_METRICS_INTERNAL_H

#include "common/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    struct metric *next;
    struct metric_family *family;
    char *values[METRIC_LABEL_MAX];
    _Atomic uint64_t count;    /* counter: what metric_add() counted */
    _Atomic double value;      /* what metric_set() said; histogram: the sum */
    _Atomic uint64_t *buckets; /* histogram: one for each bound and one for what is above; not cumulative */
};

struct metric_family {
    struct metric_family *next;
    struct metrics *metrics;
    const char *name, *help;
    const char *labels[METRIC_LABEL_MAX];
    size_t label_count;
    enum metric_kind kind;
    const double *bounds;
    size_t bound_count;
    struct metric *first, **last;
};

struct metrics_refresher {
    struct metrics_refresher *next;
    metrics_refresh *refresh;
    void *arg;
};

struct metrics {
    pthread_mutex_t lock; /* of the lists of series */
    struct metric_family *first, **last;
    struct metrics_refresher *refreshers, **last_refresher;
};

#endif
