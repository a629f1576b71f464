/* Whatever can fail, fails once: a scenario is played and the fault points that it passes are counted; then it is
 * played again for each of them, which fails. Then pairs of them, at random.
 *
 *     torture_run [--hits N]         every point of every scenario fails when it is first passed (1), also when it is
 *                                    last passed and half way (3), or each time that it is passed (0)
 *     torture_run --pairs N [--seed N]
 *     torture_run --fault POINT:N[+]... [--kill]      one run of one scenario; + lasts
 *     [--scenario NAME] [--jobs N]                    only that one; so many trials at a time
 *
 * After each run the proxy is started again without faults, and what was not answered 2xx is sent again. Then every
 * message that ever was answered 2xx must have been handled, by one side only, and none again without a reason; the
 * process must have gone on, or ended with a word about why; and no sanitizer may have found anything. */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/model/must.h"
#include "tests/model/random.h"
#include "tests/power/disk.h"
#include "tests/torture/trial.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HITS_MAX = 3, BAD_MAX = 20, JOBS_MAX = 32 };

struct asked {
    const struct scenario *only;
    struct trial one; /* where it has faults */
    size_t order_count, pairs, hits, jobs;
    uint64_t seed;
};

struct list {
    struct trial *trials;
    size_t count, capacity;
};

/* ---- which trials ---- */

static void add_trial(struct list *list, const struct trial *trial) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        list->trials = mem_resize(list->trials, list->capacity * sizeof *list->trials);
    }
    list->trials[list->count++] = *trial;
}

/* Does it fail for good now and then? Disks do. */
static bool may_last(const char *name) {
    return strncmp(name, "disk.", 5) == 0;
}

static void add_singles(struct list *list, const struct scenario *scenario, const struct fault_point *point,
                        size_t hits) {
    uint32_t passed = atomic_load(&point->passed), last = 0;
    const uint32_t chosen[HITS_MAX] = {1, passed, (passed + 1) / 2};
    for (size_t i = 0; i < (hits == 0 ? passed : hits); i++) {
        uint32_t at = hits == 0 ? (uint32_t)i + 1 : chosen[i];
        struct trial trial = {.scenario = scenario, .faults = {{point->name, at, false}}};
        if (at == last)
            continue;
        last = at;
        add_trial(list, &trial);
        trial.faults[0].is_lasting = true;
        if (may_last(point->name))
            add_trial(list, &trial);
    }
}

/* What fails at the start mostly ends the process, and the other fault is never made: hence mostly later ones. */
static struct fault_order draw(const struct measured *measured, struct random *random) {
    bool later = random_chance(random, 75);
    unsigned place;
    uint32_t passed, before;
    do {
        place = random_below(random, (unsigned)measured->count);
        passed = atomic_load(&measured->points[place].passed);
        before = later ? measured->at_start[place] : 0;
    } while (before >= passed);
    const char *name = measured->points[place].name;
    return (struct fault_order){name, before + 1 + random_below(random, passed - before),
                                may_last(name) && random_chance(random, 30)};
}

static void add_pairs(struct list *list, const struct asked *asked, const struct measured *measured) {
    struct random random = {asked->seed};
    while (list->count < asked->pairs) {
        size_t i =
            asked->only != NULL ? (size_t)(asked->only - scenarios) : random_below(&random, (unsigned)scenario_count);
        struct trial trial = {
            &scenarios[i], {draw(&measured[i], &random), draw(&measured[i], &random)}, random_chance(&random, 30)};
        add_trial(list, &trial);
    }
}

static void choose_trials(struct list *list, const struct asked *asked, struct tally *tally) {
    struct measured *measured = MEM_ARRAY(scenario_count, struct measured);
    for (size_t i = 0; i < scenario_count; i++) {
        const struct trial nothing_fails = {.scenario = &scenarios[i]};
        if (asked->only != NULL && asked->only != &scenarios[i])
            continue;
        if (!trial_run(&nothing_fails, tally, &measured[i])) {
            fprintf(stderr, "%s does not even go well where nothing fails\n", scenarios[i].name);
            exit(1);
        }
        for (size_t p = 0; p < measured[i].count && asked->pairs == 0; p++)
            add_singles(list, &scenarios[i], &measured[i].points[p], asked->hits);
    }
    if (asked->pairs > 0)
        add_pairs(list, asked, measured);
    mem_free(measured);
}

/* ---- some at a time ---- */

static void add_tally(struct tally *sum, const struct tally *tally) {
    sum->runs += tally->runs;
    sum->faults += tally->faults;
    sum->ended += tally->ended;
    sum->bad += tally->bad;
    sum->acked += tally->acked;
    sum->repeated += tally->repeated;
    sum->lost += tally->lost;
    sum->doubled += tally->doubled;
}

static NO_RETURN void work_off(const struct list *list, size_t job, size_t jobs, struct tally *tally) {
    for (size_t i = job; i < list->count && tally->bad < BAD_MAX; i += jobs)
        (void)trial_run(&list->trials[i], tally, NULL);
    _exit(0);
}

/* They mostly wait: so each of `jobs` processes takes its share. */
static void run_trials(const struct list *list, size_t jobs, struct tally *sum) {
    struct tally *tallies =
        mmap(NULL, jobs * sizeof *tallies, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(tallies != MAP_FAILED);
    for (size_t job = 0; job < jobs; job++) {
        pid_t pid = fork();
        MUST(pid >= 0);
        if (pid == 0)
            work_off(list, job, jobs, &tallies[job]);
    }
    for (int status; wait(&status) > 0;)
        sum->bad += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
    for (size_t job = 0; job < jobs; job++)
        add_tally(sum, &tallies[job]);
    MUST(munmap(tallies, jobs * sizeof *tallies) == 0);
}

/* ---- what is asked for ---- */

static NO_RETURN void misused(const char *what) {
    fprintf(stderr, "torture_run: %s\n", what);
    exit(2);
}

static const struct scenario *scenario_named(const char *name) {
    for (size_t i = 0; i < scenario_count; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    misused("there is no such scenario");
}

/* POINT:N[+] */
static struct fault_order order_of(char *text) {
    char *colon = strchr(text, ':'), *end;
    if (colon == NULL)
        misused("--fault takes POINT:N, and + after it where it lasts");
    *colon = '\0';
    struct fault_order order = {.name = text, .at = (uint32_t)strtoul(colon + 1, &end, 10)};
    order.is_lasting = *end == '+';
    return order;
}

static uint64_t chosen_seed(void) {
    const char *given = getenv("HOOKSHIFT_SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    return given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

static struct asked read_arguments(int argc, char **argv) {
    static const struct option names[] = {{"scenario", 1, NULL, 'n'}, {"hits", 1, NULL, 'h'},  {"pairs", 1, NULL, 'p'},
                                          {"seed", 1, NULL, 's'},     {"fault", 1, NULL, 'f'}, {"kill", 0, NULL, 'k'},
                                          {"jobs", 1, NULL, 'j'},     {NULL, 0, NULL, 0}};
    struct asked asked = {.seed = chosen_seed(), .hits = 1, .jobs = 4};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) // NOLINT(concurrency-mt-unsafe): one thread
        switch (c) {
        case 'n':
            asked.only = scenario_named(optarg);
            break;
        case 'h':
            asked.hits = strtoul(optarg, NULL, 10);
            break;
        case 'j':
            asked.jobs = strtoul(optarg, NULL, 10);
            break;
        case 'p':
            asked.pairs = strtoul(optarg, NULL, 10);
            break;
        case 's':
            asked.seed = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            if (asked.order_count == FAULT_ORDERS_MAX)
                misused("no more than two faults at once");
            asked.one.faults[asked.order_count++] = order_of(optarg);
            break;
        case 'k':
            asked.one.kills = true;
            break;
        default:
            exit(2);
        }
    if (asked.hits > HITS_MAX || asked.jobs == 0 || asked.jobs > JOBS_MAX)
        misused("--hits is 0 to 3, --jobs 1 to 32");
    asked.one.scenario = asked.only == NULL ? &scenarios[0] : asked.only;
    return asked;
}

int main(int argc, char **argv) {
    struct asked asked = read_arguments(argc, argv);
    struct tally tally = {0};
    struct list list = {0};
    int64_t began_us = clock_mono_us();
    signal(SIGPIPE, SIG_IGN);
    disk_install();
    if (asked.pairs > 0)
        printf("pairs, --seed %llu\n", (unsigned long long)asked.seed);
    fflush(stdout); /* or every process that is forked says it again */
    if (asked.order_count > 0)
        add_trial(&list, &asked.one);
    else
        choose_trials(&list, &asked, &tally);
    run_trials(&list, asked.jobs, &tally);
    printf("%zu runs, %zu faults, which ended the process %zu times; acknowledged %zu, lost %zu, doubled %zu, "
           "delivered again %zu; violations %zu; %.0f s\n",
           tally.runs, tally.faults, tally.ended, tally.acked, tally.lost, tally.doubled, tally.repeated, tally.bad,
           (double)(clock_mono_us() - began_us) / 1e6);
    mem_free(list.trials);
    return tally.bad == 0 ? 0 : 1;
}
