/* inotify watches inodes, people mean paths. So the path is walked as the kernel walks it, name by name and through
 * every symbolic link, and in each directory on the way the one name that was looked up there is watched:
 *
 *     /etc/conf/flags.json -> ..data/flags.json, ..data -> ..2024_09    watches: /       "etc"
 *                                                                                /etc    "conf"
 *                                                                                /etc/conf          "flags.json",
 * "..data" /etc/conf/..2024_09 "flags.json" the file itself
 *
 * Whatever changes the outcome of the walk changes one of these names. Once it has, all watches are thrown away and the
 * walk is made again, before the caller is told: what happens after the caller's reading is seen by the new ones.
 *
 * Some file systems (network, FUSE, other layers) say nothing: a stat() every so often covers them. */
#include "common/filewatch.h"

#include "common/fault.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUIET_MS = 50, BURST_MS = 250, LINKS_MOST = 40 };

static const uint32_t NAME_EVENTS =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD;
static const uint32_t CONTENT_EVENTS = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MASK_ADD;

/* What tells two states of a file apart without reading it; all zero where there is none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
};

struct watched_name {
    int descriptor; /* inotify's, of the directory */
    char *name;
};

struct filewatch {
    struct loop *loop;
    char *path; /* absolute */
    filewatch_changed *changed;
    void *arg;
    int64_t poll_ms;
    int inotify_fd; /* -1: none to be had */
    struct event *event;
    struct loop_timer *quiet_timer, *burst_timer, *poll_timer;
    bool has_news, has_warned;
    struct stamp stamp;
    struct watched_name *names;
    size_t name_count;
};

static struct stamp take_stamp(const char *path) {
    struct stat st;
    struct stamp stamp = {0};
    if (stat(path, &st) == 0)
        stamp = (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
    return stamp;
}

static bool same_time(struct timespec a, struct timespec b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static void drop_watches(struct filewatch *watch) {
    if (watch->event != NULL)
        event_free(watch->event);
    watch->event = NULL;
    if (watch->inotify_fd >= 0)
        close(watch->inotify_fd);
    watch->inotify_fd = -1;
    for (size_t i = 0; i < watch->name_count; i++)
        mem_free(watch->names[i].name);
    mem_free(watch->names);
    watch->names = NULL;
    watch->name_count = 0;
}

/* A directory that may not be read cannot be watched either; polling makes up for it. */
static void watch_name(struct filewatch *watch, const char *directory, struct str name) {
    int descriptor = FAULT("watch.add", ENOSPC) ? -1 : inotify_add_watch(watch->inotify_fd, directory, NAME_EVENTS);
    if (descriptor < 0)
        return;
    struct strbuf copy = {0};
    strbuf_append(&copy, name);
    watch->names = mem_resize(watch->names, (watch->name_count + 1) * sizeof *watch->names);
    watch->names[watch->name_count++] = (struct watched_name){descriptor, copy.at};
}

/* A walk: `at` is a directory without symbolic links in it ("" is the root), `rest` what is still to be looked up. */
struct walk {
    struct strbuf at, rest;
    int links;
};

static void replace(struct strbuf *buf, struct str with) {
    struct strbuf fresh = {0};
    strbuf_append(&fresh, with);
    strbuf_clear(buf);
    *buf = fresh;
}

static bool next_name(struct walk *walk, struct strbuf *name) {
    struct str rest = strbuf_str(&walk->rest), piece;
    if (rest.len == 0)
        return false;
    str_next(&rest, '/', &piece);
    replace(name, piece);
    replace(&walk->rest, rest);
    return true;
}

static void go_up(struct walk *walk) {
    while (walk->at.len > 0 && walk->at.at[walk->at.len - 1] != '/')
        walk->at.len--;
    if (walk->at.len > 0)
        walk->at.len--;
    strbuf_append(&walk->at, STR(""));
}

/* `full` is a symbolic link: what it says comes before the rest. False: unreadable, or one too many. */
static bool follow_link(struct walk *walk, const char *full) {
    char target[PATH_MAX];
    ssize_t len = readlink(full, target, sizeof target);
    if (len <= 0 || ++walk->links > LINKS_MOST)
        return false;
    struct strbuf rest = {0};
    strbuf_append(&rest, str_slice(target, (size_t)len));
    strbuf_append_char(&rest, '/');
    strbuf_append(&rest, strbuf_str(&walk->rest));
    strbuf_clear(&walk->rest);
    walk->rest = rest;
    if (target[0] == '/')
        replace(&walk->at, STR(""));
    return true;
}

/* One name further; false at the end of the way. */
static bool take_step(struct filewatch *watch, struct walk *walk, struct strbuf *name, struct strbuf *full) {
    struct stat st;
    if (!next_name(walk, name))
        return false;
    if (name->len == 0 || strcmp(name->at, ".") == 0)
        return true;
    if (strcmp(name->at, "..") == 0) {
        go_up(walk);
        return true;
    }
    watch_name(watch, walk->at.len == 0 ? "/" : walk->at.at, strbuf_str(name));
    replace(full, strbuf_str(&walk->at));
    strbuf_append_char(full, '/');
    strbuf_append(full, strbuf_str(name));
    if (lstat(full->at, &st) != 0)
        return false;
    if (S_ISLNK(st.st_mode))
        return follow_link(walk, full->at);
    replace(&walk->at, strbuf_str(full));
    return true;
}

static void watch_way(struct filewatch *watch) {
    struct walk walk = {0};
    struct strbuf name = {0}, full = {0};
    strbuf_append(&walk.at, STR(""));
    strbuf_append(&walk.rest, str_of(watch->path));
    while (take_step(watch, &walk, &name, &full))
        continue;
    inotify_add_watch(watch->inotify_fd, watch->path, CONTENT_EVENTS); /* fails where there is no file yet */
    strbuf_clear(&walk.at);
    strbuf_clear(&walk.rest);
    strbuf_clear(&name);
    strbuf_clear(&full);
}

static void note_news(struct filewatch *watch) {
    if (!watch->has_news)
        loop_timer_set(watch->burst_timer, BURST_MS);
    watch->has_news = true;
    loop_timer_set(watch->quiet_timer, QUIET_MS);
}

/* Events without a name are about the file itself, about a directory on the way that is gone, or an overflow. */
static bool concerns(const struct filewatch *watch, const struct inotify_event *event) {
    if (event->len == 0)
        return true;
    for (size_t i = 0; i < watch->name_count; i++)
        if (watch->names[i].descriptor == event->wd && strcmp(watch->names[i].name, event->name) == 0)
            return true;
    return false;
}

static void on_inotify(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    struct filewatch *watch = arg;
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t len = read(fd, bytes, sizeof bytes);
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);
        if (concerns(watch, event))
            note_news(watch);
        at += (ssize_t)(sizeof *event + event->len);
    }
}

static void renew_watches(struct filewatch *watch) {
    drop_watches(watch);
    watch->inotify_fd = FAULT("watch.open", EMFILE) ? -1 : inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->inotify_fd < 0) {
        if (!watch->has_warned)
            LOG(LOG_WARN, "inotify is not to be had: a file is only looked at now and then",
                LOG_TEXTZ("path", watch->path), LOG_TEXTZ("reason", strerror(errno)));
        watch->has_warned = true;
        return;
    }
    watch_way(watch);
    watch->event = event_new(loop_base(watch->loop), watch->inotify_fd, EV_READ | EV_PERSIST, on_inotify, watch);
    if (watch->event == NULL || event_add(watch->event, NULL) != 0)
        drop_watches(watch); /* polling is left */
}

/* Watches first, then the stamp, then the caller: whatever happens from here on is news again. */
static void tell(struct filewatch *watch) {
    watch->has_news = false;
    loop_timer_cancel(watch->quiet_timer);
    loop_timer_cancel(watch->burst_timer);
    renew_watches(watch);
    watch->stamp = take_stamp(watch->path);
    watch->changed(watch->arg);
}

static void on_settled(void *arg) {
    tell(arg);
}

static void on_poll(void *arg) {
    struct filewatch *watch = arg;
    struct stamp now = take_stamp(watch->path);
    loop_timer_set(watch->poll_timer, watch->poll_ms);
    if (!watch->has_news && !same_stamp(&now, &watch->stamp))
        tell(watch);
}

static char *absolute(const char *path) {
    struct strbuf full = {0};
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    if (here != NULL)
        strbuf_printf(&full, "%s/", here);
    free(here);
    strbuf_append(&full, str_of(path));
    return full.at;
}

struct filewatch *filewatch_new(struct loop *loop, const char *path, int64_t poll_ms, filewatch_changed *changed,
                                void *arg) {
    struct filewatch *watch = MEM_NEW(struct filewatch);
    watch->loop = loop;
    watch->path = absolute(path);
    watch->changed = changed;
    watch->arg = arg;
    watch->poll_ms = poll_ms;
    watch->inotify_fd = -1;
    watch->quiet_timer = loop_timer_new(loop, on_settled, watch);
    watch->burst_timer = loop_timer_new(loop, on_settled, watch);
    watch->poll_timer = loop_timer_new(loop, on_poll, watch);
    renew_watches(watch);
    watch->stamp = take_stamp(watch->path);
    loop_timer_set(watch->poll_timer, poll_ms);
    return watch;
}

void filewatch_free(struct filewatch *watch) {
    if (watch == NULL)
        return;
    drop_watches(watch);
    loop_timer_free(watch->quiet_timer);
    loop_timer_free(watch->burst_timer);
    loop_timer_free(watch->poll_timer);
    mem_free(watch->path);
    mem_free(watch);
}
