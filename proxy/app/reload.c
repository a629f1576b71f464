/* Last good kept: a file that is missing, empty or refused changes nothing but the log and a metric. A change is
 * noticed by content, so that a file that is written again as it was is no change.
 *
 * Time changes outcomes too, where a rule reads it: a timer looks whether it may have since it last looked. */
#include "proxy/app/reload.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "proxy/app/flag_reader.h"

enum { TICK_MS = 200, SILENT_MS = 10000 };

struct reload {
    struct service *service;
    struct flag_reader *reader;
    struct loop_timer *timer;
    reload_done *done;
    flag_reader_extra *extra;
    void *arg;
    struct str refused; /* the text that was refused last, so that it is complained about once */
    int64_t seen_s;     /* unix seconds: up to here the outcomes are published */
    bool is_orphaned, is_silent;
};

static void log_lines(enum log_level level, const char *fact, struct str lines) {
    struct str line;
    while (str_next(&lines, '\n', &line))
        if (line.len > 0)
            LOG(level, fact, LOG_STR("what", line));
}

/* What each consumer flag answers where no targeting applies, for the log and the metrics. */
static void publish_outcomes(struct service *service, const struct flags *flags, int64_t now_s, const char *why) {
    struct arena *arena = arena_new(0);
    const struct flag_context nobody = {.targeting_key = STR("")};
    for (int f = 0; f < CONSUMER_FLAG_COUNT; f++) {
        struct str key = consumer_flag_key((enum consumer_flag)f);
        bool is_on = flags_consumer(flags, (enum consumer_flag)f, &nobody, now_s, arena).on;
        bool was_on = service->flag_was_on[f];
        counters_set_flag(service->counters, key.at, is_on);
        service->flag_was_on[f] = is_on;
        if (why != NULL && is_on != was_on)
            LOG(LOG_INFO, "flag switched", LOG_STR("flag", key), LOG_TEXTZ("from", was_on ? "on" : "off"),
                LOG_TEXTZ("to", is_on ? "on" : "off"), LOG_TEXTZ("by", why));
    }
    atomic_store(&service->shadow_possible,
                 flags_consumer_is_targeted(flags, FLAG_NEW_CONSUMER_SHADOW) ||
                     flags_consumer(flags, FLAG_NEW_CONSUMER_SHADOW, &nobody, now_s, arena).on);
    arena_free(arena);
}

static void log_changes(const struct flags *before, const struct flags *after) {
    struct arena *arena = arena_new(0);
    const struct flag_change *changes;
    size_t count = flags_changes(before, after, arena, &changes);
    for (size_t i = 0; i < count; i++)
        LOG(LOG_INFO, "flag rules changed", LOG_STR("flag", changes[i].key), LOG_STR("before", changes[i].before),
            LOG_STR("after", changes[i].after));
    arena_free(arena);
}

enum err reload_first(struct service *service, struct strbuf *problems) {
    struct flag_reading *reading = flag_reading_new(service->settings->flags_path.at);
    enum err err = reading->err;
    strbuf_append(problems, strbuf_str(&reading->problems));
    if (err == ERR_NONE) {
        int64_t now_ms = clock_wall_ms();
        publish_outcomes(service, reading->flags, now_ms / 1000, NULL);
        struct snapshot *first = snapshot_new(reading->flags, reading->text, now_ms, 1, &service->flag_failures);
        service->snapshots = snapshot_slot_new(first);
        reading->flags = NULL;
    }
    flag_reading_free(reading);
    return err;
}

static void release(void *flags) {
    snapshot_release(flags);
}

static void swap_in(struct reload *reload, struct snapshot *old, struct flag_reading *reading) {
    struct service *service = reload->service;
    int64_t now_ms = clock_wall_ms();
    reload->seen_s = now_ms / 1000;
    publish_outcomes(service, reading->flags, reload->seen_s, "the flag file");
    log_changes(old->flags, reading->flags);
    struct snapshot *next =
        snapshot_new(reading->flags, reading->text, now_ms, old->number + 1, &service->flag_failures);
    reading->flags = NULL;
    store_set_flags(service->store, snapshot_hold(next), release);
    snapshot_slot_set(service->snapshots, next);
    LOG(LOG_INFO, "flag file loaded", LOG_STR("file", service->settings->flags_path), LOG_INT("number", next->number));
}

static void forget_refused(struct reload *reload) {
    mem_free((char *)(uintptr_t)reload->refused.at); /* made by refuse() */
    reload->refused = STR_NONE;
}

static void tell_trouble(struct reload *reload, const char *what, bool is_asked) {
    struct err_detail detail;
    counters_reload(reload->service->counters, false);
    (void)err_set(&detail, ERR_INVALID, "%s", what);
    reload->done(reload->arg, &detail, is_asked);
}

static void refuse(struct reload *reload, struct flag_reading *reading) {
    struct str problems = strbuf_str(&reading->problems);
    struct str first = str_trim(problems);
    tell_trouble(reload, arena_str(reading->arena, first).at, reading->is_asked);
    if (!reading->is_asked && reload->refused.at != NULL && str_eq(reload->refused, reading->text))
        return;
    forget_refused(reload);
    reload->refused = str_slice(mem_copy(reading->text.at, reading->text.len), reading->text.len);
    log_lines(LOG_ERROR, "flag file refused, the last good one stays in force", problems);
}

static const char orphaned[] = "the flag file was replaced outside of this container, and changes are not seen: it is "
                               "mounted alone; mount its folder";

static void note_good(struct reload *reload, const struct flag_reading *reading) {
    bool is_new = reading->is_orphaned && (!reload->is_orphaned || reading->is_asked);
    forget_refused(reload);
    reload->is_orphaned = reading->is_orphaned;
    if (is_new)
        LOG(LOG_WARN, orphaned, LOG_STR("file", reload->service->settings->flags_path));
    if (reading->is_orphaned) {
        tell_trouble(reload, orphaned, reading->is_asked);
        return;
    }
    counters_reload(reload->service->counters, true);
    reload->done(reload->arg, NULL, reading->is_asked);
}

static void on_reading(void *arg, struct flag_reading *reading) {
    struct reload *reload = arg;
    struct service *service = reload->service;
    struct snapshot *old = snapshot_slot_get(service->snapshots);
    if (reading->err != ERR_NONE) {
        refuse(reload, reading);
    } else if (!str_eq(old->text, reading->text)) {
        log_lines(LOG_WARN, "flag file has problems", strbuf_str(&reading->problems));
        swap_in(reload, old, reading);
        note_good(reload, reading);
    } else {
        if (reading->is_asked)
            LOG(LOG_INFO, "flag file read, nothing changed", LOG_STR("file", service->settings->flags_path),
                LOG_INT("number", old->number));
        note_good(reload, reading);
    }
    snapshot_release(old);
    flag_reading_free(reading);
}

void reload_now(struct reload *reload) {
    flag_reader_ask(reload->reader);
}

/* The store is handed the same flags once more, which makes it decide again what waits. */
static void follow_time(struct reload *reload) {
    struct service *service = reload->service;
    int64_t now_s = clock_wall_ms() / 1000;
    if (now_s == reload->seen_s)
        return;
    struct snapshot *current = snapshot_slot_get(service->snapshots);
    if (flags_may_change_between(current->flags, reload->seen_s, now_s)) {
        publish_outcomes(service, current->flags, now_s, "$flagd.timestamp");
        store_set_flags(service->store, snapshot_hold(current), release);
    }
    reload->seen_s = now_s;
    snapshot_release(current);
}

static void watch_reader(struct reload *reload) {
    static const char hangs[] = "the flag file is neither read nor watched: its file system does not answer";
    bool is_silent = flag_reader_silent_ms(reload->reader) >= SILENT_MS;
    if (is_silent && !reload->is_silent) {
        LOG(LOG_ERROR, hangs, LOG_STR("file", reload->service->settings->flags_path));
        tell_trouble(reload, hangs, true);
    } else if (!is_silent && reload->is_silent) {
        LOG(LOG_INFO, "the file system of the flag file answers again",
            LOG_STR("file", reload->service->settings->flags_path));
        flag_reader_ask(reload->reader);
    }
    reload->is_silent = is_silent;
}

static void on_tick(void *arg) {
    struct reload *reload = arg;
    follow_time(reload);
    watch_reader(reload);
    loop_timer_set(reload->timer, TICK_MS);
}

static void on_asked(void *arg) {
    struct reload *reload = arg;
    if (reload->extra != NULL)
        reload->extra(reload->arg);
}

enum err reload_new(struct service *service, struct loop *loop, reload_done *done, reload_extra *extra, void *arg,
                    struct reload **reload, struct err_detail *detail) {
    struct reload *made = MEM_NEW(struct reload);
    *made = (struct reload){.service = service, .done = done, .extra = extra, .arg = arg};
    made->seen_s = clock_wall_ms() / 1000;
    enum err err =
        flag_reader_new(loop, service->settings->flags_path.at, on_reading, on_asked, made, &made->reader, detail);
    if (err != ERR_NONE) {
        mem_free(made);
        return err;
    }
    made->timer = loop_timer_new(loop, on_tick, made);
    loop_timer_set(made->timer, TICK_MS);
    *reload = made;
    return ERR_NONE;
}

void reload_free(struct reload *reload) {
    if (reload == NULL)
        return;
    loop_timer_free(reload->timer);
    flag_reader_free(reload->reader);
    forget_refused(reload);
    mem_free(reload);
}
