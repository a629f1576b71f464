#include "tests/torture/trial.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { SETTLED_MS = 15000, PATIENCE_MS = 400, IN_FLIGHT = 8 };

static void tell_trial(FILE *out, const struct trial *trial) {
    fprintf(out, "--scenario %s", trial->scenario->name);
    for (size_t i = 0; i < FAULT_ORDERS_MAX && trial->faults[i].name != NULL; i++)
        fprintf(out, " --fault %s:%u%s", trial->faults[i].name, trial->faults[i].at,
                trial->faults[i].is_lasting ? "+" : "");
    fprintf(out, "%s", trial->kills ? " --kill" : "");
}

static bool has_order(const struct trial *trial, const char *name) {
    for (size_t i = 0; i < FAULT_ORDERS_MAX; i++)
        if (trial->faults[i].name != NULL && strcmp(trial->faults[i].name, name) == 0)
            return true;
    return false;
}

static bool has_report(struct str log) {
    static const char *const signs[] = {"Sanitizer", "runtime error:", "Assertion"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (str_find(log, str_of(signs[i])) >= 0)
            return true;
    return false;
}

/* Something besides the log: what the program says to people when it ends. */
static bool has_words(struct str log) {
    struct str line;
    while (str_next(&log, '\n', &line))
        if (line.len > 0 && (line.at[0] < '0' || line.at[0] > '9'))
            return true;
    return false;
}

/* NULL: a life has ended as it may. `ordered`: we asked it to. */
static const char *bad_end(const struct stage *stage, bool ordered) {
    struct str log = str_from(strbuf_str(&stage->log), stage->log_from);
    int status = stage->exit_status;
    bool explained = has_words(log) || str_find(log, STR("no event loop could be made")) >= 0;
    if (has_report(strbuf_str(&stage->log)))
        return "a sanitizer has found something";
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return ordered ? NULL : "it ended by itself, and calls it a success";
    if (WIFEXITED(status) && WEXITSTATUS(status) > 2)
        return "an exit status that there is not";
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT)
        return WTERMSIG(status) == SIGKILL ? NULL : "it crashed";
    return explained ? NULL : "it ended without a word about why";
}

static bool is_done(struct stage *stage) {
    return stage_all_acked(stage) && stage_all_handled(stage);
}

/* The faulty lives. NULL: as they may be. */
static const char *play(struct stage *stage, const struct trial *trial, struct tally *tally) {
    memcpy(stage->plan->orders, trial->faults, sizeof trial->faults);
    stage->answer = trial->scenario->answer;
    stage->is_sending = true;
    stage->patience_ms = trial->faults[0].name == NULL ? SETTLED_MS : PATIENCE_MS;
    trial->scenario->play(stage);
    if (stage->pid == 0) {
        tally->ended++;
        return bad_end(stage, false);
    }
    if (trial->kills)
        stage_kill(stage);
    else if (!stage_stop(stage))
        return "it does not end when it is asked to";
    return bad_end(stage, true);
}

/* One life more, in which all is well. */
static const char *recover(struct stage *stage, const struct scenario *scenario) {
    memset(stage->plan->orders, 0, sizeof stage->plan->orders);
    stage->answer = answer_well;
    stage->is_sending = true;
    stage->clock_shift_ms = scenario->clock_shift_ms;
    stage_write_flags(stage, true, true);
    if (!stage_start(stage))
        return "it does not start again";
    if (!stage_until(stage, is_done, SETTLED_MS))
        return stage_all_acked(stage) ? "LOST: what was answered 2xx is not delivered"
                                      : "a message is not taken though all is well";
    if (!stage_stop(stage))
        return "it does not end when it is asked to";
    return bad_end(stage, true);
}

static int delivered(const struct letter *letter) {
    return letter->delivered[ENDPOINT_LEGACY] + letter->delivered[ENDPOINT_NEW];
}

static bool is_doubled(const struct stage *stage, int occurrence) {
    bool by[ENDPOINT_COUNT] = {false};
    for (int i = 0; i < stage->letter_count; i++)
        for (int e = 0; e < ENDPOINT_COUNT; e++)
            by[e] = by[e] || (stage->letters[i].occurrence == occurrence && stage->letters[i].delivered[e] > 0);
    return by[ENDPOINT_LEGACY] && by[ENDPOINT_NEW];
}

/* The consumer may have taken it, and nobody here can know. */
static bool may_lose_answers(const struct trial *trial) {
    return has_order(trial, "deliver.answer") || has_order(trial, "consumer.read") ||
           has_order(trial, "consumer.write");
}

/* An event that was trimmed is delivered beside its rule. */
static bool may_be_doubled(const struct trial *trial) {
    return trial->scenario->rests_on_time || (trial->scenario->flips && may_lose_answers(trial));
}

static const char *judge(const struct stage *stage, const struct trial *trial, struct tally *tally) {
    int repeated = 0, repeated_in_life = 0;
    for (int i = 0; i < stage->letter_count; i++) {
        const struct letter *letter = &stage->letters[i];
        tally->acked += letter->is_acked ? 1 : 0;
        repeated += delivered(letter) > 1 ? delivered(letter) - 1 : 0;
        repeated_in_life += letter->repeated_in_life;
        if (letter->turned_away > 0 && !has_order(trial, "clock.back")) /* with which timestamps are wrong indeed */
            return "LOST: trouble of ours was told the sender as a fault of its own";
        if (is_doubled(stage, letter->occurrence) && !may_be_doubled(trial)) {
            tally->doubled++;
            return "DOUBLED: both consumers have taken it";
        }
    }
    tally->repeated += (size_t)(repeated > trial->scenario->replayed ? repeated - trial->scenario->replayed : 0);
    if (trial->faults[0].name == NULL && repeated > trial->scenario->replayed)
        return "DOUBLED: delivered again, and nothing had failed";
    bool forgets = trial->scenario->clock_shift_ms != 0; /* a sender that comes again comes after the retention */
    if (!may_lose_answers(trial) && !forgets && repeated_in_life > trial->scenario->replayed)
        return "DOUBLED: delivered again by the process that had delivered it";
    if (repeated > trial->scenario->replayed + IN_FLIGHT)
        return "DOUBLED: more were delivered again than can have been under way";
    return NULL;
}

static void tell_letters(const struct stage *stage) {
    for (int i = 0; i < stage->letter_count; i++) {
        const struct letter *letter = &stage->letters[i];
        fprintf(stderr, "    %s, %s of occurrence %d: %s (%d, refused %d), attempts %d and %d, delivered %d and %d\n",
                letter->key, letter->generation == GENERATION_RULE ? "rule" : "event", letter->occurrence,
                letter->is_acked ? "acknowledged" : "not acknowledged", letter->status, letter->refused,
                letter->attempts[ENDPOINT_LEGACY], letter->attempts[ENDPOINT_NEW], letter->delivered[ENDPOINT_LEGACY],
                letter->delivered[ENDPOINT_NEW]);
    }
}

static void complain(const struct stage *stage, const struct trial *trial, const char *what) {
    fprintf(stderr, "  ");
    tell_trial(stderr, trial);
    fprintf(stderr, ": %s\n", what);
    tell_letters(stage);
    fprintf(stderr, STR_FMT, STR_ARG(strbuf_str(&stage->log)));
}

bool trial_run(const struct trial *trial, struct tally *tally, struct measured *measured) {
    static struct stage stage;
    stage_open(&stage);
    trial->scenario->prepare(&stage);
    const char *what = play(&stage, trial, tally);
    if (measured != NULL) {
        measured->count = atomic_load(&stage.plan->point_count);
        memcpy(measured->points, stage.plan->points, sizeof measured->points);
        memcpy(measured->at_start, stage.passed_at_start, sizeof measured->at_start);
    }
    tally->faults += atomic_load(&stage.plan->struck);
    if (what == NULL)
        what = recover(&stage, trial->scenario);
    if (what == NULL)
        what = judge(&stage, trial, tally);
    tally->runs++;
    if (what != NULL) {
        tally->bad++;
        tally->lost += strncmp(what, "LOST", 4) == 0 ? 1 : 0;
        complain(&stage, trial, what);
    }
    stage_close(&stage);
    return what == NULL;
}
