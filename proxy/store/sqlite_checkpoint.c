/* A log of 16 MiB takes a disk 50 to 250 ms to bring home, and the messages that come meanwhile would wait for it.
 *
 * While there are commits a pass never brings home all: the log could not begin anew, and would grow for ever. When
 * little is left, or after some passes however much it is, the next group waits for one more. */
#include "proxy/store/sqlite_checkpoint.h"

#include "common/fault.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/store/sqlite_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum {
    FRAMES_MAX = 4096,
    FRAMES_LEFT = 32,
    PASSES_MAX = 4,
    TOO_MANY = 4, /* times FRAMES_MAX: then groups wait for the passes as well */
    PAUSE_AFTER_FAILURE_S = 1,
    BUSY_MS = 5000 /* more than a pass holds any lock for */
};

static int frames_max = FRAMES_MAX;

void checkpointer_limit(int frames) {
    frames_max = frames;
}

struct checkpointer {
    sqlite3 *handle; /* the thread's */
    pthread_t thread;

    pthread_mutex_t lock; /* guards from here on */
    pthread_cond_t changed;
    int frames; /* in the log, as of the last commit; 0: it begins anew */
    bool is_wanted, is_failing, is_closing;
    bool in_group, takes_turn; /* who has the log for itself: a group, or the thread */
};

static bool must_wait(const struct checkpointer *own) {
    bool has_too_many = own->frames >= TOO_MANY * frames_max && own->is_wanted && !own->is_failing;
    return own->takes_turn || has_too_many;
}

void checkpointer_begin_group(struct sqlite_db *db) {
    struct checkpointer *own = db->checkpointer;
    pthread_mutex_lock(&own->lock);
    while (must_wait(own))
        pthread_cond_wait(&own->changed, &own->lock);
    own->in_group = true;
    pthread_mutex_unlock(&own->lock);
}

void checkpointer_end_group(struct sqlite_db *db) {
    struct checkpointer *own = db->checkpointer;
    pthread_mutex_lock(&own->lock);
    if (own->in_group && own->takes_turn)
        pthread_cond_signal(&own->changed);
    own->in_group = false;
    pthread_mutex_unlock(&own->lock);
}

/* After each commit, on the store's thread. */
static int on_commit(void *arg, sqlite3 *handle, const char *schema, int frames) {
    struct checkpointer *own = arg;
    (void)handle, (void)schema;
    pthread_mutex_lock(&own->lock);
    own->frames = frames;
    if (frames >= frames_max && !own->is_wanted) {
        own->is_wanted = true;
        pthread_cond_signal(&own->changed);
    }
    pthread_mutex_unlock(&own->lock);
    return SQLITE_OK;
}

/* `*left`: frames that are in the log alone, as of now. A commit that is just being noted in the index of the log lets
 * the pass find it busy: that brought nothing home, and the next one may. */
static int pass(struct checkpointer *own, int *left) {
    int frames = 0, home = 0;
    int result = FAULT("store.checkpoint", EIO)
                     ? SQLITE_IOERR
                     : sqlite3_wal_checkpoint_v2(own->handle, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &home);
    pthread_mutex_lock(&own->lock);
    bool is_busy = (result & 0xFF) == SQLITE_BUSY;
    *left = is_busy ? INT32_MAX : own->frames - home;
    pthread_mutex_unlock(&own->lock);
    return is_busy ? SQLITE_OK : result;
}

static int bring_rest_home(struct checkpointer *own) {
    int left;
    pthread_mutex_lock(&own->lock);
    own->takes_turn = true;
    while (own->in_group)
        pthread_cond_wait(&own->changed, &own->lock);
    pthread_mutex_unlock(&own->lock);
    int result = pass(own, &left);
    pthread_mutex_lock(&own->lock);
    own->takes_turn = false;
    if (result == SQLITE_OK && left == 0)
        own->frames = 0;
    pthread_cond_broadcast(&own->changed);
    pthread_mutex_unlock(&own->lock);
    return result;
}

static int bring_home(struct checkpointer *own) {
    int left = INT32_MAX, result = SQLITE_OK;
    for (int passes = 0; passes < PASSES_MAX && left > FRAMES_LEFT && result == SQLITE_OK; passes++)
        result = pass(own, &left);
    return result == SQLITE_OK ? bring_rest_home(own) : result;
}

/* The log stays, and grows: tried again until it works. Where the disk is full groups fail there as well. */
static void note_result(struct checkpointer *own, int result) {
    bool failed = result != SQLITE_OK;
    if (failed && !own->is_failing)
        LOG(LOG_ERROR, "the store's log cannot be brought home", LOG_TEXTZ("error", sqlite3_errstr(result)));
    if (!failed && own->is_failing)
        LOG(LOG_INFO, "the store's log was brought home", LOG_TEXTZ("by", "trying again"));
    own->is_failing = failed;
    pthread_cond_broadcast(&own->changed);
}

/* By a clock that is not set back, or it would last until the old time has come again. */
static void pause_after_failure(struct checkpointer *own) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PAUSE_AFTER_FAILURE_S;
    int waited = 0;
    while (!own->is_closing && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&own->changed, &own->lock, &until);
}

static void *thread_main(void *arg) {
    struct checkpointer *own = arg;
    pthread_mutex_lock(&own->lock);
    while (!own->is_closing) {
        if (!own->is_wanted) {
            pthread_cond_wait(&own->changed, &own->lock);
            continue;
        }
        pthread_mutex_unlock(&own->lock);
        int result = bring_home(own);
        pthread_mutex_lock(&own->lock);
        note_result(own, result);
        if (result != SQLITE_OK)
            pause_after_failure(own);
        own->is_wanted = false;
        pthread_cond_broadcast(&own->changed);
    }
    pthread_mutex_unlock(&own->lock);
    return NULL;
}

/* With full sync a commit is in the index of the log when it is on disk, and a pass need not sync it once more: it
 * would have commits wait, and bring to disk what a commit that fails has written. Once it must: what an earlier
 * process has written last, and was recovered, may not be on disk. */
static int trust_commits(struct checkpointer *own) {
    sqlite3_file *log = NULL;
    int result = sqlite3_file_control(own->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (result == SQLITE_OK)
        result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    if (result == SQLITE_OK)
        sqlite_vfs_log_is_synced(log);
    return result;
}

/* Its first statement opens the log. */
static int open_connection(struct checkpointer *own, const char *path, enum store_sync sync) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result = FAULT("store.open", EMFILE) ? SQLITE_CANTOPEN
                                             : sqlite3_open_v2(path, &own->handle, flags, sqlite_vfs_further_name());
    if (result == SQLITE_OK)
        result = sqlite3_exec(own->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (result == SQLITE_OK && sync == STORE_SYNC_FULL)
        result = trust_commits(own);
    return result;
}

/* Signals are for the main thread. */
static int start_thread(struct checkpointer *own) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = FAULT("store.thread", EAGAIN) ? EAGAIN : pthread_create(&own->thread, NULL, thread_main, own);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed == 0)
        pthread_setname_np(own->thread, "checkpoint");
    return failed;
}

static void free_checkpointer(struct sqlite_db *db) {
    struct checkpointer *own = db->checkpointer;
    sqlite3_close(own->handle);
    pthread_cond_destroy(&own->changed);
    pthread_mutex_destroy(&own->lock);
    mem_free(own);
    db->checkpointer = NULL;
}

static void init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum err checkpointer_start(struct sqlite_db *db, enum store_sync sync) {
    struct checkpointer *own = MEM_NEW(struct checkpointer);
    enum err err = ERR_NONE;
    pthread_mutex_init(&own->lock, NULL);
    init_condition(&own->changed);
    db->checkpointer = own;
    int result = open_connection(own, db->path, sync), failed = result == SQLITE_OK ? start_thread(own) : 0;
    if (result != SQLITE_OK)
        err =
            err_set(&db->backend.detail, ERR_IO, "store %s: a second connection: %s", db->path, sqlite3_errstr(result));
    else if (failed != 0)
        err = err_set(&db->backend.detail, ERR_IO, "cannot start the store's second thread: %s", strerror(failed));
    if (err != ERR_NONE) {
        free_checkpointer(db);
        return err;
    }
    sqlite3_busy_timeout(db->handle, BUSY_MS); /* nobody else is left to be busy */
    sqlite3_wal_hook(db->handle, on_commit, own);
    return ERR_NONE;
}

void checkpointer_stop(struct sqlite_db *db) {
    struct checkpointer *own = db->checkpointer;
    if (own == NULL)
        return;
    pthread_mutex_lock(&own->lock);
    own->is_closing = true;
    pthread_cond_broadcast(&own->changed);
    pthread_mutex_unlock(&own->lock);
    pthread_join(own->thread, NULL);
    sqlite3_wal_hook(db->handle, NULL, NULL);
    free_checkpointer(db);
}
