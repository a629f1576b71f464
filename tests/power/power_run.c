/* The power goes: a store works for a while, and all that it does to its disk is written down. Then the disk is put
 * together as it may be found after a cut at any moment, the store is opened, and must be as it was when it last said
 * that something is durable, or one commit further.
 *
 *     power_run [--messages N] [--seed N] [--sync full|normal] [--failing-syncs PERCENT]
 *               [--cuts N] [--variants N] [--only N] [--demand full|normal]
 *
 * Cuts are made after every sync, dropping all that was not synced, and `variants` times between two commits, where of
 * that any part may be there. --cuts tries so many of them, chosen at random; 0, or HOOKSHIFT_POWER=all: each.
 * Under --sync normal the last commits may be gone, but neither some of them nor parts of any; --demand full does not
 * let that pass, and so shows that this test finds what is lost. A sync that fails leaves the disk without what it was
 * to bring there, for good, as kernels do: the store must not call that durable, nor count on it later. */
#include "common/mem.h"
#include "tests/model/must.h"
#include "tests/power/image.h"
#include "tests/power/work.h"

#include <getopt.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INTEGRITY_EVERY = 4 };

struct cut {
    size_t at;
    enum kept kept;
    uint64_t seed;
};

struct options {
    uint64_t seed;
    size_t messages, cuts, variants;
    size_t only; /* the one cut to make, counted from 1; 0: all that are chosen */
    enum store_sync sync, demand;
    size_t failing_syncs; /* percent */
};

struct power {
    struct options options;
    char folder[64], path[96], image[96];
    struct disk_log log;
    struct book book;
    struct cut *cuts;
    size_t cut_count, cut_capacity, syncs;
    size_t beyond, behind, behind_most, lost, doubled, bad; /* what came of it */
};

/* ---- the cuts ---- */

static void add_cut(struct power *power, size_t at, enum kept kept, uint64_t seed) {
    if (power->cut_count == power->cut_capacity) {
        power->cut_capacity = power->cut_capacity == 0 ? 1024 : power->cut_capacity * 2;
        power->cuts = mem_resize(power->cuts, power->cut_capacity * sizeof *power->cuts);
    }
    power->cuts[power->cut_count++] = (struct cut){at, kept, seed};
}

/* After a sync: when all that was said because of it is said. */
static size_t after_marks(const struct disk_log *log, size_t at) {
    while (at < log->count && (log->ops[at].act == DISK_MARK || log->ops[at].act == DISK_SYNC_FOLDER))
        at++;
    return at;
}

/* A group is under way that will fail: had the power gone here, it might be found all the same, and be neither wrong
 * nor in the book. */
static bool is_in_failing_group(const struct disk_log *log, size_t at) {
    while (at < log->count && log->ops[at].act != DISK_SYNC && log->ops[at].act != DISK_SYNC_FAILED)
        at++;
    return at < log->count && log->ops[at].act == DISK_SYNC_FAILED;
}

static int by_position(const void *a, const void *b) {
    const struct cut *one = a, *other = b;
    return one->at < other->at ? -1 : one->at > other->at ? 1 : one->seed < other->seed ? -1 : 1;
}

static void make_cuts(struct power *power) {
    struct random random = {power->options.seed + 1};
    const struct disk_log *log = &power->log;
    size_t previous = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (log->ops[i].act == DISK_SYNC) {
            power->syncs++;
            add_cut(power, after_marks(log, i + 1), KEPT_NONE, random_bits(&random));
        }
        if (log->ops[i].act != DISK_MARK && i + 1 != log->count)
            continue;
        for (size_t v = 0; v < power->options.variants; v++) {
            size_t at = previous + 1 + random_below(&random, (unsigned)(i - previous + 1));
            enum kept kept = (enum kept)(1 + random_below(&random, KEPT_COUNT - 1));
            add_cut(power, at, is_in_failing_group(log, at) ? KEPT_NONE : kept, random_bits(&random));
        }
        previous = i;
    }
    qsort(power->cuts, power->cut_count, sizeof *power->cuts, by_position);
}

/* As many as are wanted; those of the first moments of a store in any case. */
static void choose_cuts(struct power *power) {
    enum { FIRST_MOMENTS = 60 };
    struct random random = {power->options.seed + 2};
    size_t wanted = power->options.cuts, kept = 0;
    for (size_t i = 0; wanted > 0 && i < power->cut_count; i++) {
        bool early = power->cuts[i].at < FIRST_MOMENTS;
        if (early || random_below(&random, (unsigned)(power->cut_count)) < wanted)
            power->cuts[kept++] = power->cuts[i];
    }
    if (wanted > 0)
        power->cut_count = kept;
}

/* ---- one cut ---- */

static bool is_sound(const char *path, char *what, size_t len) {
    sqlite3 *handle;
    sqlite3_stmt *statement;
    MUST(sqlite3_open(path, &handle) == SQLITE_OK);
    MUST(sqlite3_exec(handle, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK); /* no shared memory */
    MUST(sqlite3_prepare_v2(handle, "PRAGMA integrity_check(1)", -1, &statement, NULL) == SQLITE_OK);
    MUST(sqlite3_step(statement) == SQLITE_ROW);
    snprintf(what, len, "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return strcmp(what, "ok") == 0;
}

static bool bad(struct power *power, size_t number, const struct image *image, const char *what) {
    const struct cut *cut = &power->cuts[number];
    fprintf(stderr, "  cut %zu (operation %zu of %zu, commit %lld acknowledged, unsynced writes kept: %s): %s\n",
            number + 1, cut->at, power->log.count, (long long)image_marked(image), kept_name(cut->kept), what);
    power->bad++;
    return false;
}

/* The ledger's own counts, which it does not look up again. */
static bool counts_are_right(const struct ledger *ledger, const struct entry *entries, size_t count) {
    struct ledger_counts counts;
    uint64_t by_state[STATE_COUNT] = {0}, found[STATE_COUNT] = {0};
    ledger_count(ledger, &counts);
    for (size_t i = 0; i < count; i++)
        found[entries[i].state]++;
    for (int e = 0; e < ENDPOINT_COUNT; e++)
        for (int s = 0; s < STATE_COUNT; s++)
            by_state[s] += counts.in_state[e][s];
    return memcmp(by_state, found, sizeof found) == 0;
}

static bool contents_are_right(struct power *power, size_t number, const struct image *image, uint64_t digest,
                               const struct entry *entries, size_t count) {
    int64_t marked = image_marked(image);
    int64_t first = power->options.demand == STORE_SYNC_FULL ? marked : image_log_synced(image);
    int64_t commit = book_find(&power->book, first, marked + 1, digest);
    if (commit > marked)
        power->beyond++;
    if (commit >= 0 && commit < marked) {
        power->behind++;
        if ((size_t)(marked - commit) > power->behind_most)
            power->behind_most = (size_t)(marked - commit);
    }
    if (commit >= 0)
        return true;
    (void)bad(power, number, image, "what is there is of no commit");
    struct difference difference = book_compare(&power->book, marked, entries, count);
    power->lost += difference.lost;
    power->doubled += difference.doubled;
    return false;
}

static uint64_t last_promised(const struct entry *entries, size_t count) {
    return count == 0 ? 0 : entries[count - 1].id;
}

static bool look_at(struct power *power, size_t number, const struct image *image, struct ledger *ledger) {
    struct arena *arena = arena_new(0);
    struct entry *entries;
    uint64_t digest;
    size_t count;
    bool good = book_read(ledger, arena, &entries, &count, &digest) == ERR_NONE;
    if (!good)
        (void)bad(power, number, image, ledger_error(ledger));
    good = good && contents_are_right(power, number, image, digest, entries, count);
    if (good && !counts_are_right(ledger, entries, count))
        good = bad(power, number, image, "the counts are not those of the messages");
    enum err err = good ? work_go_on(ledger, last_promised(entries, count)) : ERR_NONE;
    if (err != ERR_NONE)
        good = bad(power, number, image,
                   err == ERR_EXISTS ? "what is there was admitted once more" : ledger_error(ledger));
    arena_free(arena);
    return good;
}

static bool try_cut(struct power *power, size_t number, struct image *image) {
    const struct cut *cut = &power->cuts[number];
    struct random random = {cut->seed};
    struct ledger *ledger;
    struct err_detail detail = {""};
    char what[256];
    image_advance(image, cut->at);
    if (power->options.only != 0 && power->options.only != number + 1)
        return true;
    image_write(image, cut->kept, &random, power->image);
    if (work_open(power->image, power->options.sync, &ledger, &detail) != ERR_NONE) {
        power->lost += image_marked(image) > 0 ? 1 : 0;
        return bad(power, number, image, detail.text);
    }
    bool good = look_at(power, number, image, ledger);
    ledger_close(ledger);
    if (good && number % INTEGRITY_EVERY == 0 && !is_sound(power->image, what, sizeof what))
        good = bad(power, number, image, what);
    return good;
}

/* ---- all of it ---- */

static bool may_use(const char *folder) {
    return folder != NULL && access(folder, W_OK) == 0;
}

static void make_folder(struct power *power) {
    const char *in = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): one thread
    in = may_use(in) ? in : may_use("/dev/shm") ? "/dev/shm" : "/tmp";
    snprintf(power->folder, sizeof power->folder, "%.30s/hookshift-power-XXXXXX", in);
    MUST(mkdtemp(power->folder) != NULL);
    snprintf(power->path, sizeof power->path, "%s/store.db", power->folder);
    snprintf(power->image, sizeof power->image, "%s/image.db", power->folder);
}

static void remove_folder(struct power *power) {
    const char *paths[] = {power->path, power->image};
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        for (int f = 0; f < DISK_FILES; f++) {
            char name[128];
            snprintf(name, sizeof name, "%s%s", paths[i], disk_ending((enum disk_file)f));
            unlink(name);
        }
    rmdir(power->folder);
}

static void try_cuts(struct power *power) {
    struct image *image = image_new(&power->log);
    for (size_t i = 0; i < power->cut_count && power->bad < 20; i++)
        (void)try_cut(power, i, image);
    image_free(image);
}

static struct {
    struct random random;
    unsigned percent;
} sync_luck;

static int sync_fails(const char *what) {
    return strcmp(what, "sync") == 0 && random_chance(&sync_luck.random, sync_luck.percent) ? SQLITE_IOERR_FSYNC
                                                                                            : SQLITE_OK;
}

static bool run(const struct options *options) {
    struct power power = {.options = *options};
    const char *sync = options->sync == STORE_SYNC_FULL ? "full" : "normal";
    sync_luck.random.state = options->seed + 3;
    sync_luck.percent = (unsigned)options->failing_syncs;
    make_folder(&power);
    book_init(&power.book);
    printf("store.sync=%s, --seed %llu\n", sync, (unsigned long long)options->seed);
    struct work_result did =
        work_run(power.path, options->sync, options->seed, options->messages, &power.book, &power.log, sync_fails);
    make_cuts(&power);
    printf("  %zu messages in %zu commits: %zu delivered, %zu suppressed, %zu dead, %zu removed, %zu restarts,\n"
           "  %zu groups that failed;\n"
           "  %zu operations on the disk, %zu of them syncs; %zu cuts are possible\n",
           did.messages, did.groups, did.delivered, did.suppressed, did.dead, did.removed, did.restarts, did.failed,
           power.log.count, power.syncs, power.cut_count);
    choose_cuts(&power);
    fflush(stdout);
    try_cuts(&power);
    printf("  %zu cuts: lost %zu, doubled %zu, otherwise wrong %zu; %zu had the commit under way", power.cut_count,
           power.lost, power.doubled, power.bad, power.beyond);
    if (options->demand != STORE_SYNC_FULL)
        printf(", %zu had lost commits, up to %zu", power.behind, power.behind_most);
    printf("\n");
    if (options->only == 0)
        remove_folder(&power);
    disk_log_clear(&power.log);
    book_clear(&power.book);
    mem_free(power.cuts);
    return power.bad == 0;
}

static uint64_t number_of(const char *text) {
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0') {
        fprintf(stderr, "\"%s\" is no number\n", text);
        exit(2);
    }
    return number;
}

static uint64_t chosen_seed(void) {
    const char *given = getenv("HOOKSHIFT_SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    return given != NULL ? number_of(given) : (uint64_t)time(NULL);
}

static bool all_cuts_are_asked_for(void) {
    const char *asked = getenv("HOOKSHIFT_POWER"); // NOLINT(concurrency-mt-unsafe): one thread
    return asked != NULL && strcmp(asked, "all") == 0;
}

int main(int argc, char **argv) {
    static const struct option names[] = {
        {"messages", 1, NULL, 'm'}, {"cuts", 1, NULL, 'c'},          {"variants", 1, NULL, 'v'},
        {"seed", 1, NULL, 's'},     {"sync", 1, NULL, 'y'},          {"demand", 1, NULL, 'd'},
        {"only", 1, NULL, 'o'},     {"failing-syncs", 1, NULL, 'f'}, {NULL, 0, NULL, 0}};
    struct options options = {.seed = chosen_seed(), .messages = 2000, .variants = 3, .sync = STORE_SYNC_FULL};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) { // NOLINT(concurrency-mt-unsafe): one thread
        if (c == '?')
            return 2;
        if (c == 'y' || c == 'd')
            options.demand = strcmp(optarg, "normal") == 0 ? STORE_SYNC_NORMAL : STORE_SYNC_FULL;
        if (c == 'y')
            options.sync = options.demand;
        if (c == 's')
            options.seed = number_of(optarg);
        if (strchr("mcvfo", c) != NULL)
            *(c == 'm'   ? &options.messages
              : c == 'c' ? &options.cuts
              : c == 'v' ? &options.variants
              : c == 'f' ? &options.failing_syncs
                         : &options.only) = (size_t)number_of(optarg);
    }
    if (all_cuts_are_asked_for())
        options.cuts = 0;
    disk_install();
    return run(&options) ? 0 : 1;
}
