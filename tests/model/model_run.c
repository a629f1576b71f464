/* Runs random histories, or one script, against the model. See history.h for scripts.
 *
 *   model_run --seed 7 --histories 2000 --backend sqlite
 *   model_run --script tests/model/scripts/NAME.script                                                             */
#include "common/clock.h"
#include "common/mem.h"
#include "tests/model/run.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    uint64_t seed;
    uint64_t skip, histories, steps, seconds;
    bool stores[STORE_KIND_COUNT];
    const char *script;
    bool keep_long, without_model;
};

static const char *const store_names[STORE_KIND_COUNT] = {"memory", "sqlite"};

static int usage(void) {
    fprintf(stderr, "usage: model_run [--seed N] [--skip N] [--histories N] [--steps N] [--seconds N]\n"
                    "                 [--backend memory|sqlite|both] [--script FILE] [--keep-long] [--without-model]\n"
                    "--steps: at most, of one history; --keep-long: a history that fails is not shrunk\n"
                    "--without-model: only the invariants are checked\n");
    return 2;
}

static bool choose_stores(struct options *options, const char *name) {
    bool found = false;
    for (size_t i = 0; i < STORE_KIND_COUNT; i++) {
        options->stores[i] = strcmp(name, "both") == 0 || strcmp(name, store_names[i]) == 0;
        found = found || options->stores[i];
    }
    return found;
}

static bool take_number(struct options *options, int option) {
    uint64_t number;
    if (!str_to_u64(str_of(optarg), &number))
        return false;
    switch (option) {
    case 's':
        options->seed = number;
        return true;
    case 'n':
        options->histories = number;
        return true;
    case 'j':
        options->skip = number;
        return true;
    case 't':
        options->seconds = number;
        return true;
    default:
        options->steps = number;
        return number > 0 && number <= MODEL_MESSAGES - 8;
    }
}

static bool take(struct options *options, int option) {
    switch (option) {
    case 'b':
        return choose_stores(options, optarg);
    case 'f':
        options->script = optarg;
        return true;
    case 'w':
        options->without_model = true;
        return true;
    case 'k':
        options->keep_long = true;
        return true;
    case '?':
        return false;
    default:
        return take_number(options, option);
    }
}

static bool parse(int argc, char **argv, struct options *options) {
    static const struct option names[] = {
        {"seed", required_argument, NULL, 's'},    {"skip", required_argument, NULL, 'j'},
        {"steps", required_argument, NULL, 'l'},   {"histories", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 't'}, {"backend", required_argument, NULL, 'b'},
        {"script", required_argument, NULL, 'f'},  {"keep-long", no_argument, NULL, 'k'},
        {"without-model", no_argument, NULL, 'w'}, {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;)
        if (!take(options, option))
            return false;
    return optind == argc;
}

static void tell_failure(const struct runner *runner, const struct history *history) {
    printf("# on %s, seed %" PRIu64 "\n# %s\n", store_names[runner->store], history->seed, runner->world->failure);
    history_write(history, stdout);
}

/* (pairing 7.8) */
static bool run_random(const struct options *options, struct runner *runner) {
    struct history history = {.seed = 0};
    int64_t began_us = clock_mono_us();
    uint64_t done = 0;
    bool good = true;
    while (good && done < options->histories &&
           (options->seconds == 0 || clock_mono_us() - began_us < (int64_t)options->seconds * 1000000)) {
        good = runner_random(runner, options->seed + done, (unsigned)options->steps, &history);
        done++;
    }
    double seconds = (double)(clock_mono_us() - began_us) / 1e6;
    printf("# %s: %" PRIu64 " histories from seed %" PRIu64 ", %" PRIu64 " steps, %" PRIu64 " messages, %" PRIu64
           " twins in %.1f s; ended",
           store_names[runner->store], done, options->seed, runner->steps, runner->arrivals, runner->twins, seconds);
    for (int s = 0; s < STATE_COUNT; s++)
        printf(" %s %" PRIu64, state_name((enum state)s), runner->in_state[s]);
    printf("\n");
    if (!good) {
        printf("# fails: %s\n", runner->world->failure);
        fflush(stdout);
        if (!options->keep_long)
            runner_shrink(runner, &history);
        (void)!runner_script(runner, &history); /* once more, for its failure */
        tell_failure(runner, &history);
    }
    history_clear(&history);
    return good;
}

static bool run_script(const struct options *options, struct runner *runner) {
    struct history history = {.seed = 0};
    struct err_detail detail = {""};
    FILE *file = fopen(options->script, "r");
    if (file == NULL) {
        perror(options->script);
        return false;
    }
    bool good = history_read(&history, file, &detail) == ERR_NONE;
    fclose(file);
    if (!good)
        fprintf(stderr, "%s: %s\n", options->script, detail.text);
    good = good && runner_script(runner, &history);
    if (runner->world->failure[0] != '\0')
        printf("# %s on %s: %s\n", options->script, store_names[runner->store], runner->world->failure);
    history_clear(&history);
    return good;
}

/* In memory where that can be had: the store is written a lot, and thrown away. */
static bool make_dir(char *path, size_t size) {
    snprintf(path, size, "%s/hookshift-model-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(path) != NULL;
}

static void remove_dir(const char *path) {
    static const char *const names[] = {"empty", "run", "crash"}, *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    for (size_t n = 0; n < ARRAY_LEN(names); n++)
        for (size_t s = 0; s < ARRAY_LEN(suffixes); s++) {
            char file[512];
            snprintf(file, sizeof file, "%s/%s.db%s", path, names[n], suffixes[s]);
            unlink(file);
        }
    rmdir(path);
}

/* Another one every time, unless HOOKSHIFT_SEED says which. */
static uint64_t any_seed(void) {
    const char *wanted = getenv("HOOKSHIFT_SEED");
    return wanted != NULL ? strtoull(wanted, NULL, 10) : (uint64_t)clock_wall_ms() * 1000;
}

int main(int argc, char **argv) {
    struct options options = {.seed = any_seed(), .histories = 1000, .steps = 200, .stores = {true, true}};
    char dir[64];
    bool good = true;
    if (!parse(argc, argv, &options))
        return usage();
    options.seed += options.skip;
    if (!make_dir(dir, sizeof dir)) {
        perror("mkdtemp");
        return 1;
    }
    for (size_t i = 0; i < STORE_KIND_COUNT; i++) {
        struct runner runner;
        if (!options.stores[i])
            continue;
        runner_begin(&runner, (enum store_kind)i, dir);
        runner.without_model = options.without_model;
        good = (options.script != NULL ? run_script(&options, &runner) : run_random(&options, &runner)) && good;
        runner_end(&runner);
    }
    remove_dir(dir);
    return good ? 0 : 1;
}
