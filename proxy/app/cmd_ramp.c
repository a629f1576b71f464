/* Moves the new consumer from share to share, and watches what comes of it:
 *
 *     the share of the file ──┬─ 0: the first step ──► watch ──► the next step ──► watch ──► ... the last one: done
 *                             └─ more: watch it first ──┘          │
 *                                                                 └─ a guard breaks: one step back, exit status 1
 *
 * The flag file is the only memory. So it can be ended at any time, and goes on where it was. */
#include "common/clock.h"
#include "common/units.h"
#include "proxy/app/cli.h"
#include "proxy/app/ramp_guard.h"
#include "proxy/app/ramp_share.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { STEPS_MAX = 100, LOOK_MOST_MS = 5000, LOOK_LEAST_MS = 100, LOOKS_PER_STEP = 20 };

struct ramp {
    const char *command, *file, *steps_text, *every_text, *errors_text, *url, *token;
    bool dry_run;
    int steps[STEPS_MAX];
    size_t step_count;
    int64_t every_ms;
    struct arena *arena;
    struct admin_client client;
    struct ramp_guard guard;
};

static int parse_steps(struct ramp *ramp) {
    struct str rest = str_of(ramp->steps_text), text;
    while (str_next(&rest, ',', &text)) {
        uint64_t percent;
        int before = ramp->step_count == 0 ? 0 : ramp->steps[ramp->step_count - 1];
        text = str_trim(text);
        if (str_ends_with(text, STR("%")))
            text.len--;
        if (!str_to_u64(text, &percent) || percent > 100 || (int)percent <= before || ramp->step_count == STEPS_MAX)
            return cli_misused(
                ramp->command,
                "--steps is \"%s\", but must be rising whole numbers from 1 to 100, such as 1,5,25,50,100",
                ramp->steps_text);
        ramp->steps[ramp->step_count++] = (int)percent;
    }
    return CLI_GO_ON;
}

static int parse_errors(struct ramp *ramp) {
    struct str text = str_of(ramp->errors_text);
    double percent;
    if (str_ends_with(text, STR("%")))
        text.len--;
    if (!str_to_double(text, &percent) || percent < 0 || percent > 100)
        return cli_misused(ramp->command, "--max-errors is \"%s\", but must be a share from 0 to 100, such as 1%%",
                           ramp->errors_text);
    ramp->guard.max_errors = percent / 100;
    return CLI_GO_ON;
}

/* CLI_GO_ON, or the exit status. */
static int settle(struct ramp *ramp) {
    struct err_detail detail;
    if (ramp->file == NULL)
        return cli_misused(ramp->command, "--file is missing");
    int status = parse_steps(ramp);
    if (status == CLI_GO_ON)
        status = parse_errors(ramp);
    if (status == CLI_GO_ON && (!duration_parse(str_of(ramp->every_text), &ramp->every_ms) || ramp->every_ms <= 0))
        status = cli_misused(ramp->command, "--every is \"%s\", but must be a length of time, such as 30m",
                             ramp->every_text);
    if (status == CLI_GO_ON &&
        admin_client_init(&ramp->client, ramp->arena, ramp->url, ramp->token, &detail) != ERR_NONE)
        status = cli_misused(ramp->command, "%s", detail.text);
    ramp->guard.client = &ramp->client;
    return status;
}

static void say(const char *format, ...) PRINTF_LIKE(1, 2);

static void say(const char *format, ...) {
    va_list arguments;
    struct arena *arena = arena_new(0);
    printf(STR_FMT "  ", STR_ARG(clock_format_rfc3339(arena, clock_wall_ms())));
    va_start(arguments, format);
    vprintf(format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized)
    va_end(arguments);
    putchar('\n');
    fflush(stdout); /* whoever reads along sees each step when it happens */
    arena_free(arena);
}

/* The one below, or 0; and the one above, or 0 where there is none. */
static int step_below(const struct ramp *ramp, int percent) {
    int below = 0;
    for (size_t i = 0; i < ramp->step_count; i++)
        if (ramp->steps[i] < percent)
            below = ramp->steps[i];
    return below;
}

static int step_above(const struct ramp *ramp, int percent) {
    for (size_t i = 0; i < ramp->step_count; i++)
        if (ramp->steps[i] > percent)
            return ramp->steps[i];
    return 0;
}

static int file_failed(const struct ramp *ramp, enum err err, const struct err_detail *detail) {
    (void)cli_failed(ramp->command, "%s: %s", ramp->file, detail->text);
    return err == ERR_DENIED ? CLI_FAILED : CLI_USAGE;
}

static int move_to(struct ramp *ramp, struct ramp_share *share, int percent) {
    struct err_detail detail;
    share->percent = percent;
    enum err err = ramp_share_write(ramp->file, share, &detail);
    return err == ERR_NONE ? CLI_GO_ON : file_failed(ramp, err, &detail);
}

static int step_back(struct ramp *ramp, struct ramp_share *share, const char *why) {
    int from = share->percent, to = step_below(ramp, from), status = move_to(ramp, share, to);
    if (status != CLI_GO_ON)
        return status;
    say("back from %d %% to %d %%: %s", from, to, why);
    return cli_failed(ramp->command, "stopped at %d %%: %s", to, why);
}

/* Somebody else may have changed the file meanwhile, and has the last word. */
static int check_share(struct ramp *ramp, const struct ramp_share *share) {
    struct arena *arena = arena_new(0);
    struct ramp_share now;
    struct err_detail detail;
    enum err err = ramp_share_read(ramp->file, arena, &now, &detail);
    int status = CLI_GO_ON;
    if (err != ERR_NONE)
        status = file_failed(ramp, err, &detail);
    else if (now.percent != share->percent)
        status = cli_failed(ramp->command, "somebody set new-consumer to %d %% meanwhile: it stays so", now.percent);
    arena_free(arena);
    return status;
}

static void pause_for(int64_t ms) {
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* For the length of a step. CLI_GO_ON where all stayed well. */
static int watch(struct ramp *ramp, struct ramp_share *share) {
    struct err_detail detail;
    int64_t until_us = clock_mono_us() + ramp->every_ms * 1000, look_ms = ramp->every_ms / LOOKS_PER_STEP;
    look_ms = look_ms > LOOK_MOST_MS ? LOOK_MOST_MS : look_ms < LOOK_LEAST_MS ? LOOK_LEAST_MS : look_ms;
    if (ramp_guard_begin(&ramp->guard, &detail) != ERR_NONE)
        return step_back(ramp, share, detail.text);
    for (;;) {
        int64_t left_ms = (until_us - clock_mono_us()) / 1000;
        pause_for(left_ms < look_ms ? (left_ms > 0 ? left_ms : 0) : look_ms);
        int status = check_share(ramp, share);
        if (status != CLI_GO_ON)
            return status;
        if (ramp_guard_look(&ramp->guard, &detail) != ERR_NONE)
            return step_back(ramp, share, detail.text);
        if (clock_mono_us() >= until_us)
            return CLI_GO_ON;
    }
}

static int climb(struct ramp *ramp, struct ramp_share *share) {
    int status = CLI_GO_ON, next;
    if (share->percent > 0) {
        say("new-consumer is at %d %%: watching it for %s", share->percent, ramp->every_text);
        status = watch(ramp, share);
    }
    while (status == CLI_GO_ON && (next = step_above(ramp, share->percent)) > 0) {
        status = move_to(ramp, share, next);
        if (status != CLI_GO_ON)
            return status;
        say("new-consumer is at %d %% now: watching it for %s", next, ramp->every_text);
        status = watch(ramp, share);
    }
    if (status != CLI_GO_ON)
        return status;
    say("done: new-consumer is at %d %%", share->percent);
    return cli_finish(ramp->command, CLI_OK);
}

static int print_plan(struct ramp *ramp, const struct ramp_share *share) {
    int percent = share->percent;
    printf("new-consumer is at %d %% in %s\n", percent, ramp->file);
    if (percent > 0)
        printf("watch it for %s\n", ramp->every_text);
    while ((percent = step_above(ramp, percent)) > 0)
        printf("set it to %d %%, watch it for %s\n", percent, ramp->every_text);
    printf("a step is taken back where more than %.4g %% of the attempts at new fail, a message for new dies, the "
           "consumer is down, or more than %.4g %% of the alerts have no event\n",
           ramp->guard.max_errors * 100, ramp->guard.max_errors * 100);
    return cli_finish(ramp->command, CLI_OK);
}

static int run(struct ramp *ramp) {
    struct ramp_share share;
    struct err_detail detail;
    enum err err = ramp_share_read(ramp->file, ramp->arena, &share, &detail);
    if (err != ERR_NONE)
        return file_failed(ramp, err == ERR_DENIED ? ERR_IO : err, &detail);
    err = ramp_guard_begin(&ramp->guard, &detail);
    if (err == ERR_NONE)
        err = ramp_guard_look(&ramp->guard, &detail);
    if (err != ERR_NONE)
        return cli_failed(ramp->command, "nothing was changed: %s", detail.text);
    if (ramp->dry_run)
        return print_plan(ramp, &share);
    if (step_above(ramp, share.percent) == 0 && share.percent == 100) {
        say("new-consumer is at 100 %% already");
        return cli_finish(ramp->command, CLI_OK);
    }
    return climb(ramp, &share);
}

int cmd_ramp(int argc, char **argv) {
    struct ramp ramp = {.command = argv[0], .steps_text = "1,5,25,50,100", .every_text = "30m", .errors_text = "1%"};
    const struct cli_option options[] = {
        {"file", CLI_TEXT, &ramp.file},        {"steps", CLI_TEXT, &ramp.steps_text},
        {"every", CLI_TEXT, &ramp.every_text}, {"max-errors", CLI_TEXT, &ramp.errors_text},
        {"admin", CLI_TEXT, &ramp.url},        {"token", CLI_TEXT, &ramp.token},
        {"dry-run", CLI_FLAG, &ramp.dry_run},
    };
    int first, status = cli_parse(argc, argv, options, ARRAY_LEN(options), &first);
    if (status == CLI_GO_ON && first < argc)
        status = cli_misused(argv[0], "takes options only, not \"%s\"", argv[first]);
    if (status != CLI_GO_ON)
        return status;
    ramp.arena = arena_new_for_secrets();
    status = settle(&ramp);
    if (status == CLI_GO_ON)
        status = run(&ramp);
    arena_free(ramp.arena);
    return status;
}
