/* What a message costs in the store: admitted, and settled or suppressed.
 *
 *     bench_store URL [PREFILL [COUNT [full|normal]]]     time and bytes a message at groups of 1, 10, 100, 1000
 *     bench_store URL pending COUNT                       memory with so many messages that wait
 *     bench_store URL growth COUNT...                     a message in groups of 100, and opening, when so many are
 *     bench_store URL backlog COUNT                       delivering what waits, beside delivering at once
 *
 * Half of the messages are rules, each with the event that says the same some hundred messages later: the rule is
 * delivered, the event finds its twin. PREFILL messages are in the store before. */
#include "common/clock.h"
#include "common/mem.h"
#include "proxy/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { LAG = 200, BODY_LEN = 1500 };

static struct ledger *ledger;
static uint64_t *rules; /* ids by number, to settle later */
static uint64_t next_number;

static bool flag_on(void *flags, enum endpoint endpoint, const struct record *record, int64_t now_ms,
                    struct arena *arena, struct str *why) {
    (void)flags, (void)endpoint, (void)record, (void)now_ms, (void)arena;
    if (why != NULL)
        *why = STR("STATIC on");
    return true;
}

static enum prefer prefer_first(void *arg, struct str counterpart) {
    (void)arg, (void)counterpart;
    return PREFER_FIRST;
}

static double no_jitter(void *arg) {
    (void)arg;
    return 0;
}

static void check(enum err err) {
    if (err == ERR_NONE)
        return;
    fprintf(stderr, "%s: %s\n", err_name(err), ledger == NULL ? "" : ledger_error(ledger));
    exit(1);
}

static char *write_hex(char *to, uint64_t number, int digits) {
    for (int i = digits - 1; i >= 0; i--, number >>= 4)
        to[i] = "0123456789abcdef"[number & 15];
    return to + digits;
}

/* Not by a format: making a message must cost little beside storing it. */
static struct str guid(struct arena *arena, uint64_t number) {
    uint64_t mixed = number * 0x9E3779B97F4A7C15U;
    char text[36];
    write_hex(text, mixed >> 32, 8);
    memcpy(text + 8, "-6988-11ed-a1eb-", 16);
    write_hex(text + 24, mixed, 12);
    return arena_str(arena, str_slice(text, sizeof text));
}

static struct message message_make(struct arena *arena, uint64_t occurrence, enum generation generation) {
    bool is_rule = generation == GENERATION_RULE;
    struct item *item = ARENA_NEW(arena, struct item);
    item->facts = ARENA_ARRAY(arena, 2, struct fact);
    item->fact_count = 2;
    struct str digit = is_rule ? STR("1") : STR("2");
    item->facts[0].key = ARENA_JOIN(arena, STR("write/"), guid(arena, occurrence), STR("/successful"));
    item->facts[1].key = ARENA_JOIN(arena, STR("same-id/PushOperationStatusChanged/"), guid(arena, occurrence), digit);
    return (struct message){
        .generation = generation,
        .endpoint = is_rule ? ENDPOINT_LEGACY : ENDPOINT_NEW,
        .type = is_rule ? STR("PushOperationStatusChanged") : STR("invoices.write.successful"),
        .type_known = true,
        .counterpart = STR("invoices.write.successful"),
        .company = guid(arena, occurrence % 5000 + ((uint64_t)1 << 40)),
        .connection = guid(arena, occurrence % 5000 + ((uint64_t)1 << 41)),
        .data_type = STR("invoices"),
        .rule_id = is_rule ? guid(arena, 7) : STR_NONE,
        .webhook_id = ARENA_JOIN(arena, STR("msg_"), digit, STR("_"), guid(arena, occurrence)),
        .items = item,
        .item_count = 1,
        .generated_ms = -1,
        .received_ms = clock_wall_ms(),
        .time_ms = clock_wall_ms(),
        .target = STR("/webhooks/codat"),
        .trace_parent = STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    };
}

static uint64_t admit(struct arena *arena, uint64_t occurrence, enum generation generation, bool lease) {
    static char headers[500], body[BODY_LEN]; /* as they are: nobody looks into them */
    struct message message = message_make(arena, occurrence, generation);
    struct admit_request request = {
        .message = &message,
        .content = {str_slice(headers, sizeof headers), str_slice(body, sizeof body)},
        .now_ms = message.received_ms,
        .lease = lease,
        .promise = true,
    };
    struct admission admission;
    check(ledger_admit(ledger, arena, &request, &admission));
    return admission.id;
}

/* One more message: every other one a rule, every other one the event of an earlier rule; and what was admitted
 * LAG messages ago is settled. */
static void work(struct arena *arena, size_t mask) {
    uint64_t number = next_number++;
    if (number % 2 == 1) {
        if (number / 2 >= LAG)
            admit(arena, number / 2 - LAG, GENERATION_EVENT, true);
        return;
    }
    uint64_t occurrence = number / 2;
    if (occurrence >= LAG / 2) {
        struct attempt attempt = {.id = rules[(occurrence - LAG / 2) & mask],
                                  .result = ATTEMPT_DELIVERED,
                                  .status = 200,
                                  .retry_after_ms = -1,
                                  .duration_us = 12000,
                                  .what = STR("HTTP 200")};
        struct settlement settlement;
        check(ledger_settle(ledger, &attempt, clock_wall_ms(), &settlement));
    }
    rules[occurrence & mask] = admit(arena, occurrence, GENERATION_RULE, true);
}

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

static void run(const char *what, size_t count, size_t group) {
    struct arena *arena = arena_new(64 * 1024);
    int64_t began_us = clock_mono_us(), began_cpu_us = cpu_us(), worst_commit_us = 0;
    double began_written = written();
    for (size_t done = 0; done < count; done += group) {
        check(ledger_begin(ledger));
        for (size_t i = 0; i < group; i++)
            work(arena, 1023);
        int64_t commit_us = clock_mono_us();
        check(ledger_commit(ledger));
        commit_us = clock_mono_us() - commit_us;
        if (commit_us > worst_commit_us)
            worst_commit_us = commit_us;
        arena_reset(arena);
    }
    arena_free(arena);
    double messages = (double)count;
    printf("%-8s %4zu %9.1f %9.1f %9.1f %12.1f\n", what, group, (double)(clock_mono_us() - began_us) / messages,
           (double)(cpu_us() - began_cpu_us) / messages, (written() - began_written) / 1024 / messages,
           (double)worst_commit_us / 1000);
}

static void fill_pending(size_t count) {
    struct arena *arena = arena_new(64 * 1024);
    for (size_t done = 0; done < count; done += 1000) {
        check(ledger_begin(ledger));
        for (size_t i = 0; i < 1000; i++)
            admit(arena, done + i, GENERATION_RULE, false);
        check(ledger_commit(ledger));
        arena_reset(arena);
    }
    arena_free(arena);
}

static void open_ledger(const char *url, enum store_sync sync) {
    static const int64_t retry_ms[] = {5000};
    static const struct ledger_policy policy = {
        .window_ms = 600000,
        .hold_ms = 30000,
        .park_for_ms = 86400000,
        .retention_ms = 15 * 86400000LL,
        .body_retention_ms = 3 * 86400000LL,
        .retry_ms = retry_ms,
        .retry_count = 1,
        .backlog_max = 10000000,
        .prefer = prefer_first,
        .jitter = no_jitter,
    };
    struct backend *backend;
    struct err_detail detail = {0};
    enum err err = ERR_NONE;
    if (strcmp(url, "memory:") == 0)
        backend = backend_memory_new();
    else
        err = backend_sqlite_open(url + strlen("sqlite:"), sync, &backend, &detail);
    if (err == ERR_NONE)
        err = ledger_open(backend, &policy, flag_on, NULL, &ledger, &detail);
    if (err != ERR_NONE) {
        fprintf(stderr, "%s\n", detail.text);
        exit(1);
    }
}

enum { MEASURED = 20000, BATCHES = 5, GROUP = 100, LEASED = 64 };

/* Closes the store and opens it anew; milliseconds. The memory store would be empty. */
static double reopen(const char *url) {
    ledger_close(ledger);
    int64_t began_us = clock_mono_us();
    open_ledger(url, STORE_SYNC_NORMAL);
    return (double)(clock_mono_us() - began_us) / 1000;
}

static void work_groups(size_t count) {
    struct arena *arena = arena_new(64 * 1024);
    for (size_t done = 0; done < count; done += GROUP) {
        check(ledger_begin(ledger));
        for (size_t i = 0; i < GROUP; i++)
            work(arena, 1023);
        check(ledger_commit(ledger));
        arena_reset(arena);
    }
    arena_free(arena);
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
        work_groups(MEASURED / BATCHES);
        each[i] = (double)(cpu_us() - began_us) / (MEASURED / BATCHES);
    }
    qsort(each, BATCHES, sizeof *each, by_value);
    return each[BATCHES / 2];
}

static void print_growth(const char *url, char **sizes, size_t count) {
    bool is_file = strcmp(url, "memory:") != 0;
    printf("%10s %14s %9s\n", "stored", "cpu us each", "open ms");
    for (size_t i = 0; i < count; i++) {
        uint64_t size = strtoull(sizes[i], NULL, 10);
        if (next_number < size)
            work_groups(size - next_number);
        printf("%10llu", (unsigned long long)next_number);
        printf(" %14.1f", measured_us());
        if (is_file)
            printf(" %9.1f", reopen(url));
        printf("\n");
        fflush(stdout);
    }
}

/* As the outbox does: some are leased, and settled in the group after that. */
static size_t drain(size_t most) {
    struct lease leases[LEASED];
    struct arena *arena = arena_new(256 * 1024);
    size_t drained = 0, count = LEASED;
    while (count > 0 && drained < most) {
        check(ledger_begin(ledger));
        check(ledger_lease(ledger, arena, ENDPOINT_LEGACY, LEASED, clock_wall_ms(), leases, &count));
        check(ledger_commit(ledger));
        check(ledger_begin(ledger));
        for (size_t i = 0; i < count; i++) {
            struct attempt attempt = {.id = leases[i].record.id,
                                      .result = ATTEMPT_DELIVERED,
                                      .status = 200,
                                      .retry_after_ms = -1,
                                      .what = STR("HTTP 200")};
            struct settlement settlement;
            check(ledger_settle(ledger, &attempt, clock_wall_ms(), &settlement));
        }
        check(ledger_commit(ledger));
        arena_reset(arena);
        drained += count;
    }
    arena_free(arena);
    return drained;
}

static void print_backlog(const char *url, size_t count) {
    printf("admitted and delivered at once: %.1f cpu us each\n", measured_us());
    int64_t began_us = cpu_us();
    fill_pending(count);
    printf("%zu admitted to wait: %.1f cpu us each\n", count, (double)(cpu_us() - began_us) / (double)count);
    if (strcmp(url, "memory:") != 0)
        printf("opened in %.1f ms\n", reopen(url));
    for (size_t left = count, drained; left > 0; left -= drained) {
        began_us = cpu_us();
        drained = drain(left > count / 4 ? count / 4 : left);
        if (drained == 0)
            break;
        printf("%zu waiting, the next %zu delivered: %.1f cpu us each\n", left, drained,
               (double)(cpu_us() - began_us) / (double)drained);
        fflush(stdout);
        drained = drained < left ? drained : left;
    }
}

static void print_memory(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("memory at most: %ld MiB\n", usage.ru_maxrss / 1024);
}

int main(int argc, char **argv) {
    static const size_t groups[] = {1, 10, 100, 1000};
    if (argc < 2) {
        fprintf(stderr, "usage: bench_store URL [PREFILL [COUNT [full|normal]]] | URL pending COUNT\n"
                        "       bench_store URL growth COUNT... | URL backlog COUNT\n");
        return 2;
    }
    rules = MEM_ARRAY(1024, uint64_t);
    open_ledger(argv[1], argc > 4 && strcmp(argv[4], "full") == 0 ? STORE_SYNC_FULL : STORE_SYNC_NORMAL);
    if (argc > 3 && strcmp(argv[2], "growth") == 0) {
        print_growth(argv[1], argv + 3, (size_t)argc - 3);
    } else if (argc > 3 && strcmp(argv[2], "backlog") == 0) {
        print_backlog(argv[1], (size_t)strtoull(argv[3], NULL, 10));
    } else if (argc > 3 && strcmp(argv[2], "pending") == 0) {
        int64_t began_us = clock_mono_us();
        size_t count = (size_t)strtoull(argv[3], NULL, 10);
        fill_pending(count);
        printf("%zu pending: %.1f us each\n", count, (double)(clock_mono_us() - began_us) / (double)count);
    } else {
        size_t prefill = argc > 2 ? (size_t)strtoull(argv[2], NULL, 10) : 0;
        size_t count = argc > 3 ? (size_t)strtoull(argv[3], NULL, 10) : 20000;
        printf("%-8s %4s %9s %9s %9s %12s\n", "", "each", "us", "cpu us", "KiB", "worst ms");
        if (prefill > 0)
            run("prefill", prefill, 1000);
        for (size_t i = 0; i < ARRAY_LEN(groups); i++)
            run("group of", groups[i] == 1 ? count / 10 : count, groups[i]);
    }
    print_memory();
    ledger_close(ledger);
    mem_free(rules);
    return 0;
}
