/* What the verdict promises: if it says that legacy may be switched off, and legacy then is, and the vendor goes on as
 * in the period that was looked at, no occurrence is left unhandled.
 *
 *     verdict_run [--seed N] [--backend memory|sqlite] [--histories N]
 *
 * A history is some dozen occurrences, each told by an alert, an event or both, at once or late, or by alerts that no
 * event replaces, under flags with targeting by company or by share that change on the way, with consumers that fail
 * for some companies. Then the verdict is asked for. If it is ready, legacy is switched off for everybody, all
 * occurrences of the period happen again in the same way, and each must be handled in the end. */
#include "tests/model/verdict/stage.h"

#include "tests/model/must.h"
#include "tests/model/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HAPPENINGS_MAX = 40, TELLINGS = 2 };

enum kind { KIND_PUSH, KIND_READ, KIND_PUSH_PENDING, KIND_STARTED, KIND_UNKNOWN, KINDS };

/* Something happens at the vendor, who tells of it by an alert, by an event, or by both. */
struct happening {
    enum kind kind;
    unsigned company;
    bool is_told[TELLINGS]; /* by the alert, by the event */
    int64_t at_ms[TELLINGS];
    uint64_t ids[TELLINGS]; /* 0: not told yet */
};

struct history {
    struct random random;
    struct stage stage;
    struct settings settings;
    struct str ignored[3];
    struct happening happenings[HAPPENINGS_MAX];
    size_t count;
    int64_t since_ms;
    unsigned pass;
};

static bool has_event(enum kind kind) {
    return kind == KIND_PUSH || kind == KIND_READ;
}

static struct str key_of(struct history *history, size_t index) {
    return arena_printf(history->stage.arena, "%s/%u-%zu",
                        history->happenings[index].kind == KIND_READ ? "read" : "write", history->pass, index);
}

static struct message *message_of(struct history *history, size_t index, bool is_event) {
    static const struct str replaced_push[] = {{"PushOperationStatusChanged", 26}};
    static const struct str replaced_read[] = {{"DataSyncCompleted", 17}, {"DatasetDataChanged", 18}};
    const struct happening *happening = &history->happenings[index];
    struct arena *arena = history->stage.arena;
    struct message *message = ARENA_NEW(arena, struct message);
    bool is_read = happening->kind == KIND_READ;
    *message = (struct message){
        .generation = is_event ? GENERATION_EVENT : GENERATION_RULE,
        .endpoint = is_event ? ENDPOINT_NEW : ENDPOINT_LEGACY,
        .company = stage_company(happening->company),
        .webhook_id = arena_printf(arena, "%u-%zu-%d", history->pass, index, is_event),
        .items = ARENA_NEW(arena, struct item),
        .item_count = 1,
        .generated_ms = -1,
        .target = STR("/"),
    };
    if (is_event) {
        message->type = is_read ? STR("read.completed") : STR("bills.write.successful");
        message->replaces = is_read ? replaced_read : replaced_push;
        message->replaces_count = is_read ? 2 : 1;
    } else {
        message->type = is_read                           ? STR("DataSyncCompleted")
                        : happening->kind == KIND_STARTED ? STR("SyncStarted")
                                                          : STR("PushOperationStatusChanged");
    }
    if (happening->kind == KIND_UNKNOWN) {
        message->generation = GENERATION_UNKNOWN;
        message->type = STR_NONE;
    }
    if (!has_event(happening->kind))
        return message;
    message->counterpart = is_read ? STR("read.completed") : STR("bills.write.successful");
    message->items->facts = ARENA_NEW(arena, struct fact);
    message->items->facts[0] = (struct fact){key_of(history, index), is_read ? MATCH_WINDOW : MATCH_EXACT};
    message->items->fact_count = 1;
    return message;
}

/* --- the vendor */

/* Mostly at once; sometimes within the window, rarely past it. */
static int64_t delay(struct random *random, unsigned late) {
    if (random_chance(random, late))
        return WINDOW_MS + (int64_t)random_below(random, 20) * MINUTE_MS;
    return random_chance(random, 70) ? (int64_t)random_below(random, 3000)
                                     : (int64_t)random_below(random, 9) * MINUTE_MS;
}

/* Half of all vendors make no mistake, so that ready is a frequent answer. */
static void plan(struct history *history) {
    struct random *random = &history->random;
    bool is_good = random_chance(random, 50);
    unsigned losses = is_good ? 0 : random_below(random, 12), late = is_good ? 0 : random_below(random, 8);
    unsigned oddities = random_chance(random, 60) ? 0 : 10, companies = 1 + random_below(random, COMPANIES + 1);
    int64_t at_ms = START_MS;
    history->count = 1 + random_below(random, HAPPENINGS_MAX);
    for (size_t i = 0; i < history->count; i++) {
        struct happening *happening = &history->happenings[i];
        enum kind kind = random_chance(random, oddities) ? (enum kind)(KIND_PUSH_PENDING + random_below(random, 3))
                                                         : (enum kind)random_below(random, 2);
        at_ms += (int64_t)random_below(random, 4) * MINUTE_MS + random_below(random, 500);
        *happening = (struct happening){.kind = kind, .company = random_below(random, companies)};
        happening->is_told[0] = !has_event(kind) || !random_chance(random, losses);
        happening->is_told[1] = has_event(kind) && (!happening->is_told[0] || !random_chance(random, losses));
        for (int t = 0; t < TELLINGS; t++)
            happening->at_ms[t] = at_ms + delay(random, late);
    }
    for (unsigned c = 0; c <= COMPANIES; c++)
        for (int e = 0; e < ENDPOINT_COUNT; e++)
            history->stage.fails[e][c] = random_chance(random, is_good ? 0 : 4);
}

/* --- flags */

static void switch_some(struct history *history, enum consumer_flag flag, bool on) {
    struct random *random = &history->random;
    struct str companies[COMPANIES];
    struct flags_switch wanted = {.flag = flag, .on = on, .force = true, .percent = -1, .companies = companies};
    if (random_chance(random, 30))
        wanted.percent = (int)(random_chance(random, 50) ? 100 : random_below(random, 101));
    for (unsigned c = 0; c < COMPANIES && random_chance(random, 60); c++)
        if (random_chance(random, 50))
            companies[wanted.company_count++] = stage_company(c);
    stage_switch(&history->stage, wanted);
}

static void switch_at_random(struct history *history) {
    struct random *random = &history->random;
    const struct flags_switch new_on = {.flag = FLAG_NEW_CONSUMER, .on = true, .force = true, .percent = -1};
    const struct flags_switch legacy_on = {.flag = FLAG_LEGACY_CONSUMER, .on = true, .force = true, .percent = -1};
    if (random_chance(random, 60))
        stage_switch(&history->stage, new_on);
    else
        switch_some(history, FLAG_NEW_CONSUMER, random_chance(random, 80));
    if (random_chance(random, 60))
        stage_switch(&history->stage, legacy_on);
    else
        switch_some(history, FLAG_LEGACY_CONSUMER, random_chance(random, 20));
}

/* --- one pass: everything that is told at its time */

static bool is_in_period(const struct history *history, const struct happening *happening) {
    for (int t = 0; t < TELLINGS; t++)
        if (happening->is_told[t] && happening->at_ms[t] < history->since_ms)
            return false;
    return happening->is_told[0] || happening->is_told[1];
}

/* The next message that is to be told, by time; false: none is left. */
static bool next_telling(const struct history *history, size_t *index, int *telling) {
    bool found = false;
    for (size_t i = 0; i < history->count; i++)
        for (int t = 0; t < TELLINGS; t++) {
            const struct happening *happening = &history->happenings[i];
            if (!happening->is_told[t] || happening->ids[t] != 0)
                continue;
            if (found && happening->at_ms[t] >= history->happenings[*index].at_ms[*telling])
                continue;
            *index = i;
            *telling = t;
            found = true;
        }
    return found;
}

static void run_pass(struct history *history, int64_t offset_ms, unsigned switches) {
    struct stage *stage = &history->stage;
    size_t index = 0;
    int telling = 0;
    while (next_telling(history, &index, &telling)) {
        struct happening *happening = &history->happenings[index];
        if (random_chance(&history->random, switches))
            switch_at_random(history);
        stage_advance(stage, happening->at_ms[telling] + offset_ms);
        happening->ids[telling] = stage_admit(stage, message_of(history, index, telling == 1));
    }
}

/* --- the promise */

static bool is_handled(struct history *history, const struct happening *happening) {
    for (int t = 0; t < TELLINGS; t++)
        if (happening->ids[t] != 0 && state_is_handled(stage_state(&history->stage, happening->ids[t])))
            return true;
    return false;
}

/* Nobody needs it, as parity.ignore says. */
static bool is_ignored(const struct history *history, const struct happening *happening) {
    return !has_event(happening->kind) && history->settings.parity_ignore.count > 0;
}

/* In the first pass: all that an alert told. What only an event told, while its consumer was off, was lost before. */
static bool all_handled(struct history *history, const char *when) {
    static const char *const kinds[KINDS] = {"push", "read", "pending push", "sync started", "unknown"};
    bool good = true;
    for (size_t i = 0; i < history->count; i++) {
        const struct happening *happening = &history->happenings[i];
        bool is_promised = is_in_period(history, happening) && (history->pass > 1 || happening->is_told[0]);
        if (!is_promised || is_ignored(history, happening) || is_handled(history, happening))
            continue;
        printf("  %s: occurrence %zu (%s, company %u) was handled by nobody\n", when, i, kinds[happening->kind],
               happening->company);
        good = false;
    }
    return good;
}

static bool keeps_its_promise(struct history *history) {
    struct stage *stage = &history->stage;
    const struct flags_switch legacy_off = {.flag = FLAG_LEGACY_CONSUMER, .force = true, .percent = -1};
    stage_switch(stage, legacy_off);
    bool good = all_handled(history, "before");
    for (unsigned c = 0; c <= COMPANIES; c++) /* what nobody has tried in the period, nobody can know */
        if (stage->died_ms[c] < history->since_ms)
            stage->fails[ENDPOINT_NEW][c] = false;
    for (size_t i = 0; i < history->count; i++) {
        struct happening *happening = &history->happenings[i];
        bool again = is_in_period(history, happening);
        for (int t = 0; t < TELLINGS; t++) {
            happening->is_told[t] = happening->is_told[t] && again;
            happening->ids[t] = 0;
        }
    }
    history->pass = 2;
    run_pass(history, stage->now_ms - START_MS, 0);
    stage_advance(stage, stage->now_ms + 4 * WINDOW_MS);
    return all_handled(history, "after") && good;
}

/* --- histories */

static void choose_settings(struct history *history) {
    static const struct str all[] = {
        {"SyncStarted", 11}, {"PushOperationStatusChanged:other", 32}, {PARITY_UNRECOGNISED, 12}};
    history->settings.parity_evidence = 1 + random_below(&history->random, 4);
    memcpy(history->ignored, all, sizeof all);
    if (random_chance(&history->random, 50))
        history->settings.parity_ignore = (struct opt_list){.items = history->ignored, .count = ARRAY_LEN(all)};
}

struct tally {
    unsigned verdicts[3];
};

static bool run_history(uint64_t seed, const char *path, const struct catalog *catalog, struct tally *tally) {
    struct history *history = calloc(1, sizeof *history);
    struct verdict_report report;
    MUST(history != NULL);
    history->random.state = seed;
    history->pass = 1;
    stage_open(&history->stage, path);
    plan(history);
    choose_settings(history);
    switch_at_random(history);
    run_pass(history, 0, 5);
    if (random_chance(&history->random, 60)) {
        const struct flags_switch new_on = {.flag = FLAG_NEW_CONSUMER, .on = true, .force = true, .percent = -1};
        stage_switch(&history->stage, new_on);
    }
    int64_t length_ms = history->stage.now_ms - START_MS;
    history->since_ms = START_MS;
    if (random_chance(&history->random, 30))
        history->since_ms += length_ms / 2 / MINUTE_MS * MINUTE_MS;
    if (random_chance(&history->random, 60))
        stage_advance(&history->stage, history->stage.now_ms + (int64_t)random_below(&history->random, 30) * MINUTE_MS);
    stage_ask(&history->stage, catalog, &history->settings, history->since_ms, &report);
    tally->verdicts[report.verdict]++;
    bool good = report.verdict != VERDICT_READY || keeps_its_promise(history);
    if (!good)
        printf("the verdict was ready: --seed %llu --histories 1\n", (unsigned long long)seed);
    stage_close(&history->stage);
    free(history);
    return good;
}

static void remove_store(const char *path) {
    char name[256];
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

int main(int argc, char **argv) {
    uint64_t seed = ((uint64_t)getpid() << 32) ^ (uint64_t)time(NULL), histories = 300;
    bool sqlite = false, good = true;
    char folder[] = "/tmp/hookshift-verdict.XXXXXX", path[64];
    struct tally tally = {{0}};
    struct catalog *catalog = catalog_builtin();
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--histories") == 0)
            histories = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--backend") == 0)
            sqlite = strcmp(argv[i + 1], "sqlite") == 0;
        else
            return 2;
    }
    MUST(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/store.db", folder);
    printf("seed %llu\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < histories && good; i++) {
        good = run_history(seed + i, sqlite ? path : NULL, catalog, &tally);
        remove_store(path);
    }
    rmdir(folder);
    catalog_free(catalog);
    printf("no-data %u, not-ready %u, ready %u\n", tally.verdicts[VERDICT_NO_DATA], tally.verdicts[VERDICT_NOT_READY],
           tally.verdicts[VERDICT_READY]);
    if (good && histories >= 300 && tally.verdicts[VERDICT_READY] * 10 < histories) {
        printf("ready is too rare an answer for this test to say much\n");
        return 1;
    }
    return good ? 0 : 1;
}
