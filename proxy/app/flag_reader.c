/* Any call about a file can hang where a network does: open(2), stat(2), inotify_add_watch(2). So the watch turns on
 * the reader's loop as well, and what it finds is posted to the loop of the caller:
 *
 *     flag_reader_ask() ──post──► read_asked() ─┐
 *     filewatch ─────────────────► read_now() ──┴─► struct flag_reading ──post──► done()
 *
 * A thread in such a call cannot be ended. When the process stops it is left behind, and must not post any more:
 * `is_left` says so, under the lock that a post takes too. */
#include "proxy/app/flag_reader.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/filewatch.h"
#include "common/mem.h"
#include "proxy/app/flag_report.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { JOIN_MS = 500, ASK_MS = 1000 };

struct flag_reader {
    struct loop *loop; /* the caller's */
    char *path;
    flag_reader_done *done;
    flag_reader_extra *extra;
    void *arg;
    int64_t asked_us; /* the caller's */
    _Atomic bool answered;
    pthread_t thread;
    pthread_mutex_t lock; /* guards is_left */
    bool is_left;
    struct loop *own; /* the reader's, from here on */
    struct filewatch *watch;
};

struct flag_reading *flag_reading_new(const char *path) {
    struct arena *arena = arena_new(0);
    struct flag_reading *reading = MEM_NEW(struct flag_reading);
    struct err_detail detail;
    struct flag_problems found = {0};
    reading->arena = arena;
    reading->text = STR("");
    reading->is_orphaned = file_is_orphaned(path);
    reading->err = file_read(arena, path, FLAGS_MAX, &reading->text, &detail);
    if (reading->err != ERR_NONE) {
        strbuf_printf(&reading->problems, "%s: cannot be read: %s\n", path, detail.text);
        return reading;
    }
    reading->err = flags_load(reading->text, arena, &reading->flags, &found);
    flag_problems_write(&reading->problems, path, &found, FLAG_WARNING);
    return reading;
}

void flag_reading_free(struct flag_reading *reading) {
    flags_free(reading->flags);
    strbuf_clear(&reading->problems);
    arena_free(reading->arena);
    mem_free(reading);
}

struct handover {
    struct flag_reader *reader;
    struct flag_reading *reading;
};

/* On the caller's loop. */
static void hand_over(void *arg) {
    struct handover *handover = arg;
    handover->reader->done(handover->reader->arg, handover->reading);
    mem_free(handover);
}

static void read_file(struct flag_reader *reader, bool is_asked) {
    struct handover *handover = MEM_NEW(struct handover);
    *handover = (struct handover){reader, flag_reading_new(reader->path)};
    handover->reading->is_asked = is_asked;
    pthread_mutex_lock(&reader->lock);
    bool is_left = reader->is_left;
    if (!is_left)
        loop_post(reader->loop, hand_over, handover);
    pthread_mutex_unlock(&reader->lock);
    if (is_left) {
        flag_reading_free(handover->reading);
        mem_free(handover);
    }
}

static void read_now(void *arg) {
    read_file(arg, false);
}

static void read_asked(void *arg) {
    struct flag_reader *reader = arg;
    if (reader->extra != NULL)
        reader->extra(reader->arg);
    read_file(reader, true);
}

static void answer(void *arg) {
    struct flag_reader *reader = arg;
    atomic_store(&reader->answered, true);
}

/* The file is read once the watch is there: a change since the first reading is seen now, a later one by the watch. */
static void *reader_main(void *arg) {
    struct flag_reader *reader = arg;
    pthread_setname_np(pthread_self(), "flags");
    reader->watch = filewatch_new(reader->own, reader->path, FILEWATCH_POLL_MS, read_now, reader);
    read_file(reader, false);
    loop_run(reader->own);
    filewatch_free(reader->watch);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct flag_reader *reader) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&reader->thread, NULL, reader_main, reader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void clear(struct flag_reader *reader) {
    loop_free(reader->own);
    pthread_mutex_destroy(&reader->lock);
    mem_free(reader->path);
    mem_free(reader);
}

enum err flag_reader_new(struct loop *loop, const char *path, flag_reader_done *done, flag_reader_extra *extra,
                         void *arg, struct flag_reader **reader, struct err_detail *detail) {
    struct flag_reader *made = MEM_NEW(struct flag_reader);
    made->loop = loop;
    made->path = mem_strdup(path);
    made->done = done;
    made->extra = extra;
    made->arg = arg;
    atomic_init(&made->answered, true);
    pthread_mutex_init(&made->lock, NULL);
    made->own = loop_new();
    int failed = start_thread(made);
    if (failed != 0) {
        clear(made);
        return err_set(detail, ERR_IO, "cannot start a thread: %s", strerror(failed));
    }
    *reader = made;
    return ERR_NONE;
}

void flag_reader_ask(struct flag_reader *reader) {
    loop_post(reader->own, read_asked, reader);
}

int64_t flag_reader_silent_ms(struct flag_reader *reader) {
    int64_t now_us = clock_mono_us();
    if (!atomic_load(&reader->answered))
        return (now_us - reader->asked_us) / 1000;
    if (now_us - reader->asked_us >= ASK_MS * 1000) {
        reader->asked_us = now_us;
        atomic_store(&reader->answered, false);
        loop_post(reader->own, answer, reader);
    }
    return 0;
}

void flag_reader_free(struct flag_reader *reader) {
    struct timespec until;
    if (reader == NULL)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->is_left = true;
    pthread_mutex_unlock(&reader->lock);
    loop_stop(reader->own);
    loop_flush(reader->loop); /* what it has posted */
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t nanoseconds = until.tv_nsec + JOIN_MS * INT64_C(1000000);
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    if (pthread_timedjoin_np(reader->thread, NULL, &until) == 0)
        clear(reader);
}
