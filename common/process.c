#include "common/process.h"

#include "common/clock.h"
#include "common/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

struct process {
    struct metric *cpu, *resident, *total, *open_fds, *max_fds;
};

static double seconds_of(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void read_memory(struct process *process) {
    unsigned long long total, resident;
    FILE *file = fopen("/proc/self/statm", "re"); /* proc(5): in pages */
    if (file == NULL)
        return;
    if (fscanf(file, "%llu %llu", &total, &resident) == 2) { // NOLINT(cert-err34-c): the kernel's own numbers
        double page_len = (double)sysconf(_SC_PAGESIZE);
        metric_set(process->total, (double)total * page_len);
        metric_set(process->resident, (double)resident * page_len);
    }
    fclose(file);
}

static void read_descriptors(struct process *process) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_set(process->max_fds, (double)limit.rlim_cur);
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return;
    int count = -3; /* ".", "..", and the folder itself */
    while (readdir(folder) != NULL)
        count++;
    metric_set(process->open_fds, count);
    closedir(folder);
}

static void refresh(void *arg) {
    struct process *process = arg;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metric_set(process->cpu, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    read_memory(process);
    read_descriptors(process);
}

static struct metric *gauge(struct metrics *metrics, const char *name, const char *help) {
    return metric_series(metrics_gauge(metrics, name, help, NULL), NULL);
}

struct process *process_new(struct metrics *metrics) {
    struct process *process = MEM_NEW(struct process);
    process->cpu = metric_series(metrics_counter(metrics, "process_cpu_seconds_total",
                                                 "Processor time used, of user and system, in seconds.", NULL),
                                 NULL);
    process->resident = gauge(metrics, "process_resident_memory_bytes", "Memory that is resident.");
    process->total = gauge(metrics, "process_virtual_memory_bytes", "Size of the address space.");
    process->open_fds = gauge(metrics, "process_open_fds", "Descriptors that are open.");
    process->max_fds = gauge(metrics, "process_max_fds", "Descriptors that may be open.");
    metric_set(gauge(metrics, "process_start_time_seconds", "When the process started, in seconds since 1970."),
               (double)clock_wall_ms() / 1e3);
    metrics_on_write(metrics, refresh, process);
    return process;
}

void process_free(struct process *process) {
    mem_free(process);
}

/* A limit of 0 is not looked at where a program takes cores; one of 1 is, and no core is that small (core(5)). */
void process_forbid_cores(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max == 0)
        return;
    limit.rlim_cur = 1;
    (void)setrlimit(RLIMIT_CORE, &limit); /* lowering it is always permitted */
}

uint64_t process_raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}
