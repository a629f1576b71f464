#include "common/crew.h"

#include "common/fault.h"
#include "common/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct member {
    struct loop *loop;
    pthread_t thread;
    char name[16];
};

struct crew {
    struct member *members;
    size_t count;
    bool running;
};

struct crew *crew_new(const char *name, size_t count) {
    struct crew *crew = MEM_NEW(struct crew);
    crew->members = MEM_ARRAY(count, struct member);
    crew->count = count;
    for (size_t i = 0; i < count; i++) {
        crew->members[i].loop = loop_new();
        snprintf(crew->members[i].name, sizeof crew->members[i].name, "%.11s-%u", name, (unsigned)(i % 1000));
    }
    return crew;
}

size_t crew_size(const struct crew *crew) {
    return crew->count;
}

struct loop *crew_loop(struct crew *crew, size_t index) {
    return crew->members[index].loop;
}

static void *turn(void *arg) {
    struct member *member = arg;
    pthread_setname_np(pthread_self(), member->name);
    loop_run(member->loop);
    return NULL;
}

static void stop_first(struct crew *crew, size_t count) {
    for (size_t i = 0; i < count; i++)
        loop_stop(crew->members[i].loop);
    for (size_t i = 0; i < count; i++)
        pthread_join(crew->members[i].thread, NULL);
}

/* Signals are the main thread's: members are born with all of them blocked. */
enum err crew_start(struct crew *crew, struct err_detail *detail) {
    sigset_t all, before;
    size_t started = 0;
    int failed = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; started < crew->count && failed == 0; started += failed == 0 ? 1 : 0) {
        struct member *member = &crew->members[started];
        failed = FAULT("thread.start", EAGAIN) ? EAGAIN : pthread_create(&member->thread, NULL, turn, member);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        stop_first(crew, started);
        return err_set(detail, ERR_IO, "cannot start a thread: %s", strerror(failed));
    }
    crew->running = true;
    return ERR_NONE;
}

void crew_stop(struct crew *crew) {
    if (crew->running)
        stop_first(crew, crew->count);
    crew->running = false;
}

void crew_free(struct crew *crew) {
    if (crew == NULL)
        return;
    for (size_t i = 0; i < crew->count; i++)
        loop_free(crew->members[i].loop);
    mem_free(crew->members);
    mem_free(crew);
}
