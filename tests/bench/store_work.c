/* Half of the messages are rules, each with the event that says the same some hundred messages later: the rule is
 * delivered, the event finds its twin. */
#include "tests/bench/store_work.h"

#include "common/clock.h"
#include "common/mem.h"
#include "proxy/store/store.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAG = 200, BODY_LEN = 1500, RING = 1024, LEASED = 64, PENDING_GROUP = 1000 };

static struct ledger *ledger;
static uint64_t rules[RING]; /* ids by number, to settle later */
static uint64_t first_number, next_number;
static int64_t age_ms;

static int64_t now_ms(void) {
    return clock_wall_ms() - age_ms;
}

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
        .received_ms = now_ms(),
        .time_ms = now_ms(),
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

static void settle(uint64_t id) {
    struct attempt attempt = {.id = id,
                              .result = ATTEMPT_DELIVERED,
                              .status = 200,
                              .retry_after_ms = -1,
                              .duration_us = 12000,
                              .what = STR("HTTP 200")};
    struct settlement settlement;
    check(ledger_settle(ledger, &attempt, now_ms(), &settlement));
}

/* One more message: every other one a rule, every other one the event of an earlier rule; and what was admitted
 * LAG messages ago is settled. */
static void work_once(struct arena *arena) {
    uint64_t number = next_number++, occurrence = number / 2, first = first_number / 2;
    if (number % 2 == 1) {
        if (occurrence >= first + LAG)
            admit(arena, occurrence - LAG, GENERATION_EVENT, true);
        return;
    }
    if (occurrence >= first + LAG / 2)
        settle(rules[(occurrence - LAG / 2) % RING]);
    rules[occurrence % RING] = admit(arena, occurrence, GENERATION_RULE, true);
}

uint64_t store_work(size_t count, size_t group) {
    struct arena *arena = arena_new(64 * 1024);
    int64_t worst_us = 0;
    for (size_t done = 0; done < count; done += group) {
        check(ledger_begin(ledger));
        for (size_t i = 0; i < group; i++)
            work_once(arena);
        int64_t began_us = clock_mono_us();
        check(ledger_commit(ledger));
        int64_t took_us = clock_mono_us() - began_us;
        worst_us = took_us > worst_us ? took_us : worst_us;
        arena_reset(arena);
    }
    arena_free(arena);
    return (uint64_t)worst_us;
}

uint64_t store_work_stored(void) {
    return next_number;
}

void store_work_begin_at(uint64_t number, int64_t older_by_ms) {
    first_number = next_number = number;
    age_ms = older_by_ms;
}

void store_work_pend(size_t count) {
    struct arena *arena = arena_new(64 * 1024);
    for (size_t done = 0; done < count; done += PENDING_GROUP) {
        check(ledger_begin(ledger));
        for (size_t i = 0; i < PENDING_GROUP; i++)
            admit(arena, next_number++, GENERATION_RULE, false);
        check(ledger_commit(ledger));
        arena_reset(arena);
    }
    arena_free(arena);
}

void store_work_open(const char *url, enum store_sync sync) {
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

void store_work_close(void) {
    ledger_close(ledger);
}

size_t store_work_drain(size_t most) {
    struct lease leases[LEASED];
    struct arena *arena = arena_new(256 * 1024);
    size_t drained = 0, count = LEASED;
    while (count > 0 && drained < most) {
        check(ledger_begin(ledger));
        check(ledger_lease(ledger, arena, ENDPOINT_LEGACY, LEASED, now_ms(), leases, &count));
        check(ledger_commit(ledger));
        check(ledger_begin(ledger));
        for (size_t i = 0; i < count; i++)
            settle(leases[i].record.id);
        check(ledger_commit(ledger));
        arena_reset(arena);
        drained += count;
    }
    arena_free(arena);
    return drained;
}
