/* What a message costs in the store: admitted, and settled or suppressed.
 *
 *     bench_store URL [PREFILL [COUNT [full|normal]]]   time and bytes a message at groups of 1, 10, 100, 1000
 *     bench_store URL growth COUNT...                   a message, and opening, when so many are stored
 *     bench_store URL backlog COUNT                     letting messages wait and delivering them, by quarters
 *     bench_store URL fill FROM TO [DAYS]               only stores, behind FROM that are there, so many days ago
 *     bench_store URL pending COUNT                     only stores messages that wait */
#include "common/clock.h"
#include "tests/bench/store_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { BATCH = 4000, BATCHES = 5, GROUP = 100, QUARTERS = 4 };

static int64_t cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Bytes given to write() so far. */
static double written(void) {
    char line[128];
    double bytes = 0;
    FILE *io = fopen("/proc/self/io", "re");
    while (io != NULL && fgets(line, sizeof line, io) != NULL)
        if (strncmp(line, "wchar: ", 7) == 0)
            bytes = strtod(line + 7, NULL);
    if (io != NULL)
        fclose(io);
    return bytes;
}

static void print_group(const char *what, size_t count, size_t group) {
    int64_t began_us = clock_mono_us(), began_cpu_us = cpu_us();
    double began_written = written(), messages = (double)count;
    uint64_t worst_us = store_work(count, group);
    printf("%-8s %4zu %9.1f %9.1f %9.1f %12.1f\n", what, group, (double)(clock_mono_us() - began_us) / messages,
           (double)(cpu_us() - began_cpu_us) / messages, (written() - began_written) / 1024 / messages,
           (double)worst_us / 1000);
}

static void print_groups(size_t prefill, size_t count) {
    static const size_t groups[] = {1, 10, 100, 1000};
    printf("%-8s %4s %9s %9s %9s %12s\n", "", "each", "us", "cpu us", "KiB", "worst ms");
    if (prefill > 0)
        print_group("prefill", prefill, 1000);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        print_group("group of", groups[i] == 1 ? count / 10 : count, groups[i]);
}

/* Closes the store and opens it anew; milliseconds. The memory store would be empty. */
static double reopen(const char *url) {
    store_work_close();
    int64_t began_us = clock_mono_us();
    store_work_open(url, STORE_SYNC_NORMAL);
    return (double)(clock_mono_us() - began_us) / 1000;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* CPU time of a message, the median of some batches: others are on the machine as well. */
static double measured_us(void) {
    double each[BATCHES];
    for (size_t i = 0; i < BATCHES; i++) {
        int64_t began_us = cpu_us();
        store_work(BATCH, GROUP);
        each[i] = (double)(cpu_us() - began_us) / BATCH;
    }
    qsort(each, BATCHES, sizeof *each, by_value);
    return each[BATCHES / 2];
}

static void print_growth(const char *url, char **sizes, size_t count) {
    bool is_file = strcmp(url, "memory:") != 0;
    printf("%10s %14s %9s\n", "stored", "cpu us each", "open ms");
    for (size_t i = 0; i < count; i++) {
        uint64_t size = strtoull(sizes[i], NULL, 10);
        if (store_work_stored() < size)
            store_work(size - store_work_stored(), GROUP);
        printf("%10llu", (unsigned long long)store_work_stored());
        printf(" %14.1f", measured_us());
        if (is_file)
            printf(" %9.1f", reopen(url));
        printf("\n");
        fflush(stdout);
    }
}

static void print_backlog(const char *url, size_t count) {
    size_t quarter = count / QUARTERS;
    printf("%10s %14s %14s\n", "waiting", "taken in: us", "delivered: us");
    double taken_us[QUARTERS];
    for (size_t i = 0; i < QUARTERS; i++) {
        int64_t began_us = cpu_us();
        store_work_pend(quarter);
        taken_us[i] = (double)(cpu_us() - began_us) / (double)quarter;
    }
    if (strcmp(url, "memory:") != 0)
        reopen(url);
    for (size_t i = QUARTERS; i-- > 0;) {
        int64_t began_us = cpu_us();
        size_t drained = store_work_drain(quarter);
        printf("%10zu %14.1f %14.1f\n", (i + 1) * quarter, taken_us[i],
               (double)(cpu_us() - began_us) / (double)(drained > 0 ? drained : 1));
        fflush(stdout);
    }
}

static void fill(char **words, size_t count) {
    uint64_t from = strtoull(words[0], NULL, 10), to = strtoull(words[1], NULL, 10);
    int64_t days = count > 2 ? strtoll(words[2], NULL, 10) : 0;
    store_work_begin_at(from, days * 86400000);
    if (to > from)
        store_work(to - from, GROUP);
}

static void print_memory(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("memory at most: %ld MiB\n", usage.ru_maxrss / 1024);
}

static void misused(void) {
    fputs("usage: bench_store URL [PREFILL [COUNT [full|normal]]]\n"
          "       bench_store URL growth COUNT... | backlog COUNT | fill FROM TO [DAYS] | pending COUNT\n",
          stderr);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        misused();
        return 2;
    }
    size_t words = (size_t)argc - 2;
    const char *command = words > 0 ? argv[2] : "";
    store_work_open(argv[1], words > 2 && strcmp(argv[4], "full") == 0 ? STORE_SYNC_FULL : STORE_SYNC_NORMAL);
    if (strcmp(command, "growth") == 0 && words > 1) {
        print_growth(argv[1], argv + 3, words - 1);
    } else if (strcmp(command, "backlog") == 0 && words == 2) {
        print_backlog(argv[1], (size_t)strtoull(argv[3], NULL, 10));
    } else if (strcmp(command, "fill") == 0 && words > 2) {
        fill(argv + 3, words - 1);
    } else if (strcmp(command, "pending") == 0 && words == 2) {
        store_work_pend((size_t)strtoull(argv[3], NULL, 10));
    } else {
        print_groups((size_t)strtoull(command, NULL, 10), words > 1 ? (size_t)strtoull(argv[3], NULL, 10) : 20000);
    }
    print_memory();
    store_work_close();
    return 0;
}
