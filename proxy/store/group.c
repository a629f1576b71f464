/* A group that fails is cut in halves until what fails is a single job: of a thousand jobs with a bad one among them,
 * the others cost ten more commits and not a thousand. */
#include "proxy/store/group.h"

#include "common/clock.h"

/* Errors that say something about what was asked for, not about the store. */
static bool is_answer(enum err err) {
    return err == ERR_NONE || err == ERR_NOT_FOUND || err == ERR_INVALID || err == ERR_BUSY;
}

enum err group_commit(struct ledger *ledger, const struct store_hooks *hooks, size_t jobs) {
    int64_t began_us = clock_mono_us();
    enum err err = ledger_commit(ledger);
    if (hooks->committed != NULL)
        hooks->committed(hooks->arg, clock_mono_us() - began_us, jobs, err);
    return err;
}

static void fail_all(const struct ledger *ledger, struct store_job *job, size_t count, enum err err) {
    for (; count > 0; count--, job = job->next) {
        job->err = err;
        err_set(&job->detail, err, "%s", ledger_error(ledger));
    }
}

/* False where a job failed: then nothing has happened. */
static bool run_all(struct ledger *ledger, struct store_job *job, size_t count, enum err *failure) {
    for (; count > 0; count--, job = job->next) {
        job->detail.text[0] = '\0';
        job->err = job->run(ledger, job);
        if (job->err != ERR_NONE && job->detail.text[0] == '\0')
            err_set(&job->detail, job->err, "%s", ledger_error(ledger));
        if (!is_answer(job->err)) {
            *failure = job->err;
            ledger_rollback(ledger);
            return false;
        }
    }
    return true;
}

static enum err run_halves(struct ledger *ledger, const struct store_hooks *hooks, struct store_job *first,
                           size_t count, struct err_detail *detail) {
    size_t half = count / 2;
    struct store_job *second = first;
    for (size_t i = 0; i < half; i++)
        second = second->next;
    enum err err = group_run(ledger, hooks, first, half, detail);
    enum err later = group_run(ledger, hooks, second, count - half, detail);
    return later != ERR_NONE ? later : err;
}

enum err group_run(struct ledger *ledger, const struct store_hooks *hooks, struct store_job *first, size_t count,
                   struct err_detail *detail) {
    enum err err = ledger_begin(ledger);
    if (err == ERR_NONE) {
        if (!run_all(ledger, first, count, &err) && count > 1)
            return run_halves(ledger, hooks, first, count, detail);
        if (err == ERR_DAMAGED)
            return ERR_NONE; /* one message cannot be read: the store can be used */
        if (err != ERR_NONE)
            return err_set(detail, err, "%s", first->detail.text);
        err = group_commit(ledger, hooks, count);
    }
    if (err == ERR_NONE)
        return ERR_NONE;
    fail_all(ledger, first, count, err);
    return err_set(detail, err, "%s", ledger_error(ledger));
}
