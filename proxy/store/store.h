/* The ledger on a thread of its own, with group commit: the busier, the larger the groups.
 *
 *     any thread:    store_submit() ──► queue (mutex)
 *     store thread:  takes all that waits ─► begin, run each, commit once ─► one loop_post() per loop
 *                    between groups: one step of ledger_sweep(), when there is something to do
 *     job's loop:    done(job), in the order of submission
 *
 * A loop that has much to ask goes by a lane of its own (store_lane.h).
 *
 * Every function may be called from any thread, store_open() and store_close() from one. */
#ifndef PROXY_STORE_STORE_H
#define PROXY_STORE_STORE_H

#include "common/loop.h"
#include "proxy/store/ledger.h"

/* Work for the ledger, a member of the caller's object: it belongs to the store from store_submit() until done(). */
struct store_job {
    /* On the store's thread, or a lane's, between ledger_begin() and ledger_commit(). It may be called again after a
     * rollback, so what it writes into its object it writes anew. ERR_NOT_FOUND, ERR_INVALID and ERR_BUSY are answers,
     * and what was written before them stays; any other error undoes this job, and no other one. */
    enum err (*run)(struct ledger *ledger, struct store_job *job);
    /* On the loop's thread, when what it did is durable, or failed; it may free the object. */
    void (*done)(struct store_job *job);
    struct loop *loop;        /* NULL: done() is called on the store's thread, and must not block */
    enum err err;             /* for done(): what run() returned, or why it was undone */
    struct err_detail detail; /* where err: what run() wrote there, else the ledger's */
    struct store_job *next;   /* the queue's that it is in */
};

/* What the store tells, on the thread that happens to have run the group, while no other runs one; each may be NULL. */
struct store_hooks {
    /* Pending messages of the endpoint are due: somebody may lease them. Again when that changes, and once a second
     * while they stay. */
    void (*ready)(void *arg, enum endpoint endpoint);
    /* A group of that many jobs (0: a step of the sweep) was committed, or could not be. */
    void (*committed)(void *arg, int64_t duration_us, size_t jobs, enum err err);
    void *arg;
};

typedef void store_release_fn(void *flags);

struct store_options {
    const char *url; /* "sqlite:PATH", "memory:" */
    enum store_sync sync;
    const struct ledger_policy *policy; /* copied; retry_ms and arg must outlive the store */
    ledger_flag_fn *flag;               /* never called by two threads at a time */
    void *flags;
    store_release_fn *release; /* NULL: `flags` outlives the store */
    struct store_hooks hooks;
    struct backend *backend; /* in place of url where not NULL: taken over, also on an error */
};

struct store;

/* ERR_INVALID: the url, or a damaged, foreign or newer file; ERR_BUSY: another process has it; ERR_DENIED;
 * ERR_LIMIT: disk full; ERR_IO. */
enum err store_open(const struct store_options *options, struct store **store, struct err_detail *detail) MUST_USE;
/* Runs what is queued and joins the thread. Nobody may submit any more; the loops of jobs must be there still. */
void store_close(struct store *store);

void store_submit(struct store *store, struct store_job *job);
/* Hands other flags over: in force from the next group on. `release` is called for them when they are no longer
 * used, by who runs the next group, or here where the next ones came first. */
void store_set_flags(struct store *store, void *flags, store_release_fn *release);

/* As of the last group; the numbers of one call need not be of one moment. */
int64_t store_next_due(const struct store *store, enum endpoint endpoint); /* wall time in ms, or DUE_NEVER */
/* Arrival of the oldest pending, or parked, message, wall time in ms, or DUE_NEVER; as of about a second ago. */
int64_t store_oldest_pending(const struct store *store, enum endpoint endpoint);
int64_t store_oldest_parked(const struct store *store, enum endpoint endpoint);
void store_count(const struct store *store, struct ledger_counts *counts);
void store_stats(const struct store *store, struct ledger_stats *stats);

struct store_clock {
    int64_t ahead_ms; /* the wall clock jumped ahead by that, and is not believed yet; 0: it runs as it should */
    uint64_t jumps_ahead, jumps_back;
};
void store_clock(const struct store *store, struct store_clock *clock);

/* How long the store's thread has not turned, which it does once a second at least: who waits for the ledger all that
 * time gets no answer. */
int64_t store_silent_ms(const struct store *store);

/* Does the store fail at present? It keeps trying, and says no after it could write again. */
bool store_is_failing(struct store *store, struct err_detail *detail);

#endif
