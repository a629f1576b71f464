/* Last good kept: a file that is missing, empty or refused changes nothing but the log and a metric. A change is
 * noticed by content, so that a file that is written again as it was is no change. */
#include "proxy/app/reload.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/filewatch.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/app/flag_report.h"

enum { FLAGS_MAX = 16 * 1024 * 1024 };

struct reload {
    struct service *service;
    struct filewatch *watch;
    reload_done *done;
    void *arg;
    struct str refused; /* the text that was refused last, so that it is complained about once */
};

/* Reads and compiles the file. On an error `problems` has all of them; else they are in `warnings`. */
static enum err read_flags(const char *path, struct arena *arena, struct str *text, struct flags **flags,
                           struct strbuf *problems) {
    struct err_detail detail;
    struct flag_problems found = {0};
    enum err err = file_read(arena, path, FLAGS_MAX, text, &detail);
    if (err != ERR_NONE) {
        strbuf_printf(problems, "%s: cannot be read: %s\n", path, detail.text);
        return err;
    }
    err = flags_load(*text, arena, flags, &found);
    flag_problems_write(problems, path, &found, FLAG_WARNING);
    return err;
}

static void log_lines(enum log_level level, const char *fact, struct str lines) {
    struct str line;
    while (str_next(&lines, '\n', &line))
        if (line.len > 0)
            LOG(level, fact, LOG_STR("what", line));
}

/* What each consumer flag answers where no targeting applies, for the log and the metrics. */
static void publish(struct service *service, const struct flags *before, const struct flags *after) {
    struct arena *arena = arena_new(0);
    const struct flag_context nobody = {.targeting_key = STR("")};
    int64_t now_s = clock_wall_ms() / 1000;
    for (int f = 0; f < CONSUMER_FLAG_COUNT; f++) {
        struct str key = consumer_flag_key((enum consumer_flag)f);
        bool is_on = flags_consumer(after, (enum consumer_flag)f, &nobody, now_s, arena).on;
        bool was_on = before != NULL && flags_consumer(before, (enum consumer_flag)f, &nobody, now_s, arena).on;
        counters_set_flag(service->counters, key.at, is_on);
        if (before != NULL && is_on != was_on)
            LOG(LOG_INFO, "flag switched", LOG_STR("flag", key), LOG_TEXTZ("from", was_on ? "on" : "off"),
                LOG_TEXTZ("to", is_on ? "on" : "off"));
    }
    atomic_store(&service->shadow_possible,
                 flags_consumer_is_targeted(after, FLAG_NEW_CONSUMER_SHADOW) ||
                     flags_consumer(after, FLAG_NEW_CONSUMER_SHADOW, &nobody, now_s, arena).on);
    const struct flag_change *changes;
    size_t count = before == NULL ? 0 : flags_changes(before, after, arena, &changes);
    for (size_t i = 0; i < count; i++)
        LOG(LOG_INFO, "flag rules changed", LOG_STR("flag", changes[i].key), LOG_STR("before", changes[i].before),
            LOG_STR("after", changes[i].after));
    arena_free(arena);
}

enum err reload_first(struct service *service, struct strbuf *problems) {
    const char *path = service->settings->flags_path.at;
    struct arena *arena = arena_new(0);
    struct flags *flags;
    struct str text;
    enum err err = read_flags(path, arena, &text, &flags, problems);
    if (err == ERR_NONE) {
        service->snapshots = snapshot_slot_new(snapshot_new(flags, text, clock_wall_ms(), 1));
        publish(service, NULL, flags);
    }
    arena_free(arena);
    return err;
}

static void release(void *flags) {
    snapshot_release(flags);
}

static void swap_in(struct service *service, struct snapshot *old, struct flags *flags, struct str text) {
    publish(service, old->flags, flags);
    struct snapshot *next = snapshot_new(flags, text, clock_wall_ms(), old->number + 1);
    store_set_flags(service->store, snapshot_hold(next), release);
    snapshot_slot_set(service->snapshots, next);
}

static void forget_refused(struct reload *reload) {
    mem_free((char *)(uintptr_t)reload->refused.at); /* made by refuse() */
    reload->refused = STR_NONE;
}

static void refuse(struct reload *reload, struct str text, struct str problems) {
    struct err_detail detail;
    counters_reload(reload->service->counters, false);
    err_set(&detail, ERR_INVALID, STR_FMT, STR_ARG(str_trim(problems)));
    reload->done(reload->arg, &detail);
    if (reload->refused.at != NULL && str_eq(reload->refused, text))
        return;
    forget_refused(reload);
    reload->refused = str_slice(mem_copy(text.at, text.len), text.len);
    log_lines(LOG_ERROR, "flag file refused, the last good one stays in force", problems);
}

void reload_now(struct reload *reload) {
    struct service *service = reload->service;
    struct snapshot *old = snapshot_slot_get(service->snapshots);
    struct arena *arena = arena_new(0);
    struct strbuf problems = {0};
    struct str text = STR("");
    struct flags *flags;
    if (read_flags(service->settings->flags_path.at, arena, &text, &flags, &problems) != ERR_NONE) {
        refuse(reload, text, strbuf_str(&problems));
    } else {
        forget_refused(reload);
        counters_reload(service->counters, true);
        reload->done(reload->arg, NULL);
        if (str_eq(old->text, text)) {
            flags_free(flags);
        } else {
            log_lines(LOG_WARN, "flag file has problems", strbuf_str(&problems));
            swap_in(service, old, flags, text);
            LOG(LOG_INFO, "flag file loaded", LOG_STR("file", service->settings->flags_path),
                LOG_INT("number", old->number + 1));
        }
    }
    strbuf_clear(&problems);
    arena_free(arena);
    snapshot_release(old);
}

static void on_maybe_changed(void *arg) {
    reload_now(arg);
}

struct reload *reload_new(struct service *service, struct loop *loop, reload_done *done, void *arg) {
    struct reload *reload = MEM_NEW(struct reload);
    reload->service = service;
    reload->done = done;
    reload->arg = arg;
    reload->watch = filewatch_new(loop, service->settings->flags_path.at, FILEWATCH_POLL_MS, on_maybe_changed, reload);
    return reload;
}

void reload_free(struct reload *reload) {
    if (reload == NULL)
        return;
    filewatch_free(reload->watch);
    forget_refused(reload);
    mem_free(reload);
}
