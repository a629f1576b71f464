/* What one event costs whose keys many stored alerts have stated: processor time of its admission and of its commit.
 *
 *     bench_keys URL ALERTS ELEMENTS equal|different */
#include "common/clock.h"
#include "proxy/store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GROUP = 500, ROUNDS = 5 };

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
    fprintf(stderr, "%s\n", err_name(err));
    exit(1);
}

static double cpu_ms(void) {
    struct timespec at;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

/* A message that states a key, or as many as it has elements. */
static struct message message_make(struct arena *arena, enum generation generation, size_t items, size_t key,
                                   size_t keys) {
    struct item *made = ARENA_ARRAY(arena, items, struct item);
    for (size_t i = 0; i < items; i++) {
        made[i].facts = ARENA_NEW(arena, struct fact);
        made[i].facts[0] = (struct fact){arena_printf(arena,
                                                      "read/5b6f2b5c-6988-11ed-a1eb-000000000001/"
                                                      "5b6f2b5c-6988-11ed-a1eb-000000000002/type%zu/completed",
                                                      (key + i) % keys),
                                         MATCH_WINDOW};
        made[i].fact_count = 1;
    }
    return (struct message){.generation = generation,
                            .endpoint = generation == GENERATION_RULE ? ENDPOINT_LEGACY : ENDPOINT_NEW,
                            .type = generation == GENERATION_RULE ? STR("DataSyncCompleted") : STR("read.completed"),
                            .type_known = true,
                            .counterpart = STR("read.completed"),
                            .company = STR("5b6f2b5c-6988-11ed-a1eb-000000000001"),
                            .rule_id = STR("r"),
                            .items = made,
                            .item_count = items,
                            .received_ms = clock_wall_ms(),
                            .time_ms = clock_wall_ms(),
                            .target = STR("/")};
}

static void admit(struct ledger *ledger, struct arena *arena, const struct message *message) {
    static char body[300];
    struct admit_request request = {.message = message,
                                    .content = {str_slice(body, sizeof body), str_slice(body, sizeof body)},
                                    .now_ms = message->received_ms,
                                    .promise = true};
    struct admission admission;
    check(ledger_admit(ledger, arena, &request, &admission));
}

static void fill(struct ledger *ledger, size_t alerts, size_t keys) {
    struct arena *arena = arena_new(0);
    for (size_t i = 0; i < alerts; i += GROUP) {
        check(ledger_begin(ledger));
        for (size_t k = i; k < alerts && k < i + GROUP; k++) {
            struct message alert = message_make(arena, GENERATION_RULE, 1, k, keys);
            admit(ledger, arena, &alert);
            arena_reset(arena);
        }
        check(ledger_commit(ledger));
    }
    arena_free(arena);
}

static void measure(struct ledger *ledger, size_t elements, size_t keys) {
    struct arena *arena = arena_new(0);
    struct message event = message_make(arena, GENERATION_EVENT, elements, 0, keys);
    check(ledger_begin(ledger));
    double began = cpu_ms();
    admit(ledger, arena, &event);
    double admitted = cpu_ms();
    check(ledger_commit(ledger));
    printf("admitted in %.1f ms, committed in %.1f ms\n", admitted - began, cpu_ms() - admitted);
    arena_free(arena);
}

int main(int argc, char **argv) {
    if (argc != 5)
        return 2;
    struct err_detail detail;
    struct backend *backend = backend_memory_new();
    if (strncmp(argv[1], "sqlite:", 7) == 0)
        check(backend_sqlite_open(argv[1] + 7, STORE_SYNC_NORMAL, &backend, &detail));
    const struct ledger_policy policy = {.window_ms = 600000,
                                         .park_for_ms = 86400000,
                                         .retention_ms = 15 * (int64_t)86400000,
                                         .body_retention_ms = 3 * (int64_t)86400000,
                                         .trim = true,
                                         .backlog_max = 10000000,
                                         .prefer = prefer_first,
                                         .jitter = no_jitter};
    struct ledger *ledger;
    size_t elements = strtoul(argv[3], NULL, 10), keys = strcmp(argv[4], "equal") == 0 ? 1 : elements;
    check(ledger_open(backend, &policy, flag_on, NULL, &ledger, &detail));
    fill(ledger, strtoul(argv[2], NULL, 10), keys);
    for (int i = 0; i < ROUNDS; i++)
        measure(ledger, elements, keys);
    ledger_close(ledger);
    return 0;
}
