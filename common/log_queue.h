/* The way of a log line to standard error: a bounded queue, and one thread that writes.
 *
 * A reader of standard error that stops reading blocks this thread alone. Any thread may put lines; start and stop
 * belong to the main thread. */
#ifndef COMMON_LOG_QUEUE_H
#define COMMON_LOG_QUEUE_H

#include "common/base.h"

/* Called by the writer thread: `dropped` says that `count` lines were lost at this point, and shall write the line
 * that says so with log_queue_write(); `tick` is called about once a second. */
struct log_queue_hooks {
    void (*dropped)(uint64_t count);
    void (*tick)(void);
};

/* From now on lines wait in the queue. False: no thread could be started, and lines are written at once, as before. */
bool log_queue_start(const struct log_queue_hooks *hooks) MUST_USE;
/* Whole lines, copied. Writes them at once where the queue does not run. Never blocks while it runs: a line that finds
 * the queue full is dropped and counted. */
void log_queue_put(const char *line, size_t len);
/* Past the queue, by the calling thread. */
void log_queue_write(const char *line, size_t len);
/* Waits until all lines are written, or nobody has read any for 500 ms, or 5 s are over. False: lines are left. */
bool log_queue_flush(void);
/* Flushes, and ends the thread. Lines of a reader that does not read are lost, and so are those put later. */
void log_queue_stop(void);
uint64_t log_queue_dropped(void); /* lines, since the start of the process */

#endif
