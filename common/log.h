/* Levelled log lines on standard error: a past-tense fact plus key=value, as text or as one JSON object a line.
 *
 *     LOG(LOG_INFO, "message admitted", LOG_STR("message", id), LOG_INT("items", count));
 *
 * Safe from any thread. Until log_start() a line is written at once, by one call; after it lines wait in a queue
 * (log_queue.h), and no caller ever waits for the reader. Bodies, secrets and signatures never go here. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/base.h"
#include "common/str.h"

#include <stdatomic.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
    const char *key; /* NULL: left out */
    struct str text; /* where `is_number` is false */
    int64_t number;
    bool is_number;
};

#define LOG_STR(name, value)   ((struct log_field){.key = (name), .text = (value)})
#define LOG_TEXTZ(name, value) ((struct log_field){.key = (name), .text = str_of(value)})
#define LOG_INT(name, value)   ((struct log_field){.key = (name), .number = (int64_t)(value), .is_number = true})

extern _Atomic int log_threshold; /* an enum log_level; use log_set() */

void log_set(enum log_level level, enum log_format format);
/* From here to log_stop() a thread writes the lines. False: it could not be started; lines are written at once. */
bool log_start(void) MUST_USE;
/* Waits for the lines that are left, but at most 500 ms for a reader that does not read. */
void log_stop(void);

void log_write(enum log_level level, const char *fact, const struct log_field *fields, size_t field_count);

static inline bool log_enabled(enum log_level level) {
    return (int)level <= atomic_load_explicit(&log_threshold, memory_order_relaxed);
}

#define LOG(level, fact, ...)                                                                                          \
    do {                                                                                                               \
        if (log_enabled(level)) {                                                                                      \
            const struct log_field log_fields_[] = {__VA_ARGS__};                                                      \
            log_write((level), (fact), log_fields_, ARRAY_LEN(log_fields_));                                           \
        }                                                                                                              \
    } while (0)

#endif
