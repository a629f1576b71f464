/* Metrics for Prometheus: counters, gauges and histograms with labels, and their text form (exposition 0.0.4).
 *
 * Families are defined before threads run. A series (one family with certain label values) is looked up or made under
 * a lock; who counts often keeps the pointer. Counting is relaxed atomics, from any thread. That labels are few is
 * the caller's care. */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include "common/base.h"
#include "common/str.h"

enum { METRIC_LABEL_MAX = 4 };

struct metrics;
struct metric_family;
struct metric; /* a series */

struct metrics *metrics_new(void) MUST_USE;
void metrics_free(struct metrics *metrics);

/* Name, help and label names have static lifetime. `labels` ends in NULL; NULL: none. A name that Prometheus would not
 * take, one that is defined twice, or too many labels: abort(). */
struct metric_family *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                      const char *const *labels);
struct metric_family *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                                    const char *const *labels);
/* `bounds`: upper bounds upwards, without +Inf; static lifetime. */
struct metric_family *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                        const char *const *labels, const double *bounds, size_t bound_count);

/* The series with those label values (copied), as many as the family has labels; NULL for none. Valid as long as
 * `metrics`. */
struct metric *metric_series(struct metric_family *family, const struct str *values);

void metric_add(struct metric *metric, uint64_t count);   /* counter */
void metric_set(struct metric *metric, double value);     /* gauge; also a counter that is counted elsewhere */
void metric_observe(struct metric *metric, double value); /* histogram */
uint64_t metric_count(const struct metric *metric);       /* what metric_add() has added up */

/* Called before the text is written, to set gauges; from the thread that writes. */
typedef void metrics_refresh(void *arg);
void metrics_on_write(struct metrics *metrics, metrics_refresh *refresh, void *arg);

void metrics_write(struct metrics *metrics, struct strbuf *out);

#endif
