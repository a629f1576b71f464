/* What Prometheus clients tell of their own process, under the names they have agreed on: processor time, memory,
 * descriptors, start. Read when somebody looks, on the thread that looks. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include "common/metrics.h"

struct process;

/* Adds process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes, process_open_fds,
 * process_max_fds and process_start_time_seconds. What the system does not tell (no /proc) stays 0. */
struct process *process_new(struct metrics *metrics) MUST_USE;
void process_free(struct process *process); /* when nobody writes `metrics` any more; NULL is fine */

/* Takes as many descriptors as the system grants: the soft limit becomes the hard one. The limit in force. */
uint64_t process_raise_descriptors(void);

/* From now on a crash leaves no core file: it would hold whatever is in memory. Neither in a file nor by way of a
 * program that takes cores (core(5)); who may raise the limit of this process, with prlimit(1), gets one. */
void process_forbid_cores(void);

#endif
