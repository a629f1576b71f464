/* A bound for lines that one cause can repeat without end: at most 20 of one place in the code in 10 seconds. What was
 * left out is counted and told by a line of its own.
 *
 *     LOG_BOUNDED(LOG_WARN, "message refused", LOG_INT("status", status));
 *
 * Any thread. */
#ifndef COMMON_LOG_BOUND_H
#define COMMON_LOG_BOUND_H

#include "common/clock.h"
#include "common/log.h"

enum { LOG_BOUND_LINES = 20, LOG_BOUND_US = 10 * 1000 * 1000 };

struct log_site {
    const char *fact;
    _Atomic int level;        /* of the line that was left out last */
    _Atomic int64_t began_us; /* monotonic */
    _Atomic uint32_t lines;   /* since then */
    _Atomic uint64_t left_out;
    _Atomic bool is_listed;
    struct log_site *next;
};

/* May this place write a line at that time (monotonic)? Else the line is counted. */
bool log_site_passes(struct log_site *site, enum log_level level, int64_t now_us);
/* Tells what was left out by places whose 10 seconds are over. */
void log_bound_tick(int64_t now_us);

#define LOG_BOUNDED(line_level, line_fact, ...)                                                                        \
    do {                                                                                                               \
        static struct log_site log_site_ = {.fact = (line_fact)};                                                      \
        if (log_enabled(line_level) && log_site_passes(&log_site_, (line_level), clock_mono_us()))                     \
            LOG(line_level, line_fact, __VA_ARGS__);                                                                   \
    } while (0)

#endif
