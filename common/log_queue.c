/* Two buffers: threads fill one, the writer empties the other; then it swaps them.
 *
 *     log_queue_put() ──► filling ──swap──► leaving ──write(2)──► standard error
 *                         full: the line is dropped, and every line after it until the swap
 *
 * So all that was dropped was dropped in one place: after the last line of `leaving`, where the notice goes. Lines keep
 * their order.
 *
 * The descriptor stays blocking: other processes may share it, and O_NONBLOCK would change it for them too. */
#include "common/log_queue.h"

#include "common/clock.h"
#include "common/mem.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CAPACITY = 4 * 1024 * 1024, STALLED_MS = 500, FLUSH_MS = 5000, STEP_MS = 20, TICK_MS = 1000 };

struct buffer {
    char *at;
    size_t len;
};

enum stage { WRITES_AT_ONCE, RUNS, STOPS, IS_OVER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards from here ... */
static pthread_cond_t wake;
static struct buffer filling, leaving; /* the writer alone looks into `leaving` */
static uint64_t dropped_now;           /* since the last swap; while it is not 0, nothing is queued */
static bool writer_waits;              /* ... to here */

static _Atomic int stage = WRITES_AT_ONCE;
static _Atomic uint64_t dropped, put_bytes, gone_bytes; /* gone: written, or given up */
static struct log_queue_hooks hooks;
static pthread_t writer;

static uint64_t count_lines(const char *at, size_t len) {
    uint64_t count = 0;
    for (const char *end = at + len; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        count++;
    return count;
}

/* Bytes written; fewer than `len` only where standard error takes no more: a closed pipe, a full disk. */
static size_t write_all(const char *at, size_t len, _Atomic uint64_t *progress) {
    size_t done = 0;
    while (done < len) {
        ssize_t written = write(STDERR_FILENO, at + done, len - done);
        if (written < 0 && errno == EAGAIN)
            (void)poll(&(struct pollfd){.fd = STDERR_FILENO, .events = POLLOUT}, 1, TICK_MS);
        else if (written < 0 && errno != EINTR)
            break;
        if (written > 0)
            done += (size_t)written;
        if (written > 0 && progress != NULL)
            atomic_fetch_add(progress, (uint64_t)written);
    }
    return done;
}

void log_queue_write(const char *line, size_t len) {
    (void)write_all(line, len, NULL);
}

static struct timespec mono_after(int64_t ms) {
    int64_t at_us = clock_mono_us() + ms * 1000;
    return (struct timespec){.tv_sec = (time_t)(at_us / 1000000), .tv_nsec = (long)(at_us % 1000000) * 1000};
}

/* Waits for lines. False: there are none and will be none. `missed` are the lines dropped after the last one. */
static bool take_lines(uint64_t *missed) {
    struct timespec until = mono_after(TICK_MS);
    int waited = 0;
    pthread_mutex_lock(&lock);
    writer_waits = true;
    while (filling.len == 0 && waited == 0 && atomic_load(&stage) == RUNS)
        waited = pthread_cond_timedwait(&wake, &lock, &until);
    writer_waits = false;
    struct buffer full = filling;
    filling = (struct buffer){leaving.at, 0};
    leaving = full;
    *missed = dropped_now;
    dropped_now = 0;
    pthread_mutex_unlock(&lock);
    return leaving.len > 0 || atomic_load(&stage) == RUNS;
}

static void *writer_main(void *arg) {
    uint64_t missed, untold = 0;
    (void)arg;
    pthread_setname_np(pthread_self(), "log");
    while (take_lines(&missed)) {
        size_t written = write_all(leaving.at, leaving.len, &gone_bytes);
        if (written < leaving.len) {
            uint64_t lost = count_lines(leaving.at + written, leaving.len - written);
            atomic_fetch_add(&dropped, lost);
            atomic_fetch_add(&gone_bytes, leaving.len - written);
            untold += lost + missed; /* told after the next line that standard error takes */
            continue;
        }
        untold += missed;
        if (untold > 0 && leaving.len > 0) {
            hooks.dropped(untold);
            untold = 0;
        }
        hooks.tick();
    }
    return NULL;
}

/* A crash waits for the lines before it: they say what led there. Only what signal-safety(7) allows, and no lock. */
static void on_crash(int number) {
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    (void)number; /* SA_RESETHAND: on return the signal strikes again, and ends the process */
    if (pthread_equal(pthread_self(), writer))
        return;
    for (int waited_ms = 0; waited_ms < STALLED_MS; waited_ms += STEP_MS) {
        if (atomic_load(&gone_bytes) == atomic_load(&put_bytes))
            break;
        nanosleep(&step, NULL);
    }
}

static void catch_crashes(void) {
    static const int numbers[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct sigaction now, ours = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};
        if (sigaction(numbers[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL) /* sanitizers have their own */
            (void)sigaction(numbers[i], &ours, NULL);
    }
}

static bool start_writer(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&writer, NULL, writer_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

bool log_queue_start(const struct log_queue_hooks *with) {
    pthread_condattr_t monotonic;
    if (atomic_load(&stage) != WRITES_AT_ONCE)
        return true;
    hooks = *with;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    filling.at = mem_alloc(CAPACITY);
    leaving.at = mem_alloc(CAPACITY);
    atomic_store(&stage, RUNS);
    if (!start_writer()) {
        atomic_store(&stage, WRITES_AT_ONCE);
        mem_free(filling.at);
        mem_free(leaving.at);
        return false;
    }
    catch_crashes();
    return true;
}

static void queue_line(const char *line, size_t len) {
    pthread_mutex_lock(&lock);
    bool fits = dropped_now == 0 && len <= CAPACITY - filling.len;
    if (fits) {
        memcpy(filling.at + filling.len, line, len);
        filling.len += len;
        atomic_fetch_add(&put_bytes, len);
    } else {
        dropped_now++;
        atomic_fetch_add(&dropped, 1);
    }
    if (writer_waits)
        pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
}

void log_queue_put(const char *line, size_t len) {
    int now = atomic_load(&stage);
    if (now == WRITES_AT_ONCE)
        log_queue_write(line, len);
    else if (now == IS_OVER)
        atomic_fetch_add(&dropped, 1);
    else
        queue_line(line, len);
}

bool log_queue_flush(void) {
    const struct timespec step = {.tv_nsec = STEP_MS * 100000L};
    int64_t now_us = clock_mono_us(), end_us = now_us + FLUSH_MS * 1000, moved_us = now_us;
    uint64_t target = atomic_load(&put_bytes), seen = atomic_load(&gone_bytes);
    while (seen < target && now_us < end_us && now_us - moved_us < STALLED_MS * 1000) {
        nanosleep(&step, NULL);
        now_us = clock_mono_us();
        uint64_t gone = atomic_load(&gone_bytes);
        if (gone != seen)
            moved_us = now_us;
        seen = gone;
    }
    return seen >= target;
}

void log_queue_stop(void) {
    if (atomic_load(&stage) != RUNS)
        return;
    if (!log_queue_flush()) {
        atomic_store(&stage, IS_OVER); /* the thread hangs in write(2); the end of the process ends it */
        return;
    }
    pthread_mutex_lock(&lock);
    atomic_store(&stage, STOPS);
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
    pthread_join(writer, NULL);
    mem_free(filling.at);
    mem_free(leaving.at);
    filling = leaving = (struct buffer){0};
    atomic_store(&stage, WRITES_AT_ONCE);
}

uint64_t log_queue_dropped(void) {
    return atomic_load(&dropped);
}
