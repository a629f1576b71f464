/* Each line answers one question, in the order people ask them: is it well, where does the migration stand, may it go
 * on, what happens now, what waits, who takes it, and is there room. */
#include "proxy/app/status_view.h"

#include "common/units.h"
#include "proxy/admin/words.h"

enum { LABEL_WIDTH = 10, REASONS_SHOWN = 3, STATES = 5, CONSUMER_COLUMNS = 8 };

static const struct json *member(const struct json *object, const char *key) {
    return object == NULL ? NULL : json_get(object, str_of(key));
}

static struct str text_of(const struct json *object, const char *key) {
    const struct json *value = member(object, key);
    return value == NULL ? STR("") : value->text;
}

static int64_t number_of(const struct json *object, const char *key) {
    int64_t number = 0;
    (void)str_to_i64(text_of(object, key), &number);
    return number;
}

static bool is_true(const struct json *object, const char *key) {
    return json_is_true(member(object, key));
}

static void label(struct strbuf *out, const char *name) {
    strbuf_printf(out, "%-*s", LABEL_WIDTH, name);
}

static void write_head(const struct status_answers *answers, struct strbuf *out) {
    const struct json *status = answers->status;
    strbuf_printf(out, "hookshift " STR_FMT " at " STR_FMT ", ", STR_ARG(text_of(status, "version")),
                  STR_ARG(answers->url));
    if (is_true(status, "ready"))
        strbuf_printf(out, "ready, since " STR_FMT "\n\n", STR_ARG(text_of(status, "started")));
    else
        strbuf_printf(out, "NOT READY: " STR_FMT "\n\n", STR_ARG(text_of(status, "not_ready_because")));
}

/* "legacy-consumer" without what all of them share; where a rule decides, single messages may fare otherwise. */
static void write_flags(const struct json *flags, struct strbuf *out) {
    const struct json *list = member(flags, "flags");
    label(out, "Flags");
    for (const struct json *flag = list == NULL ? NULL : list->first; flag != NULL; flag = flag->next)
        strbuf_printf(out, "%s" STR_FMT " %s%s", flag == list->first ? "" : ", ", STR_ARG(text_of(flag, "name")),
                      is_true(flag, "on") ? "on" : "off", is_true(flag, "targeted") ? " (by rules)" : "");
    const struct json *reload = member(flags, "last_reload");
    if (reload != NULL && !is_true(reload, "ok"))
        strbuf_printf(out, "; the file is BROKEN since " STR_FMT, STR_ARG(text_of(reload, "at")));
    strbuf_append_char(out, '\n');
}

/* A text that is broken at spaces, each line after the label's column. */
static void append_wrapped(struct strbuf *out, struct str text, size_t columns) {
    size_t room = columns > 2 * LABEL_WIDTH ? columns - LABEL_WIDTH : SIZE_MAX, used = 0;
    struct str word;
    while (str_next(&text, ' ', &word)) {
        size_t width = table_text_width(word);
        if (used > 0 && used + 1 + width > room) {
            strbuf_printf(out, "\n%-*s", LABEL_WIDTH, "");
            used = 0;
        }
        strbuf_append(out, used > 0 ? STR(" ") : STR(""));
        strbuf_append(out, word);
        used += width + (used > 0 ? 1 : 0);
    }
    strbuf_append_char(out, '\n');
}

static void write_verdict(struct arena *arena, const struct json *parity, size_t columns, struct strbuf *out) {
    const struct json *reasons = member(parity, "reasons");
    size_t shown = 0;
    label(out, "Verdict");
    append_wrapped(out, text_of(parity, "verdict"), columns);
    for (const struct json *reason = reasons == NULL ? NULL : reasons->first; reason != NULL; reason = reason->next) {
        if (shown++ == REASONS_SHOWN) {
            label(out, "");
            strbuf_printf(out, "and %zu more: hookshift parity\n", (size_t)reasons->count - REASONS_SHOWN);
            break;
        }
        label(out, "");
        append_wrapped(out, ARENA_JOIN(arena, STR("- "), reason->text), columns);
    }
}

static void write_flow(struct arena *arena, const struct json *status, size_t columns, struct strbuf *out) {
    const struct json *flow = member(status, "flow");
    label(out, "Flow");
    append_wrapped(
        out,
        arena_printf(arena,
                     "in the last minute: " STR_FMT " rules, " STR_FMT " events in; " STR_FMT
                     " delivered to legacy, " STR_FMT " to new; " STR_FMT " suppressed, " STR_FMT " attempts failed",
                     STR_ARG(text_of(flow, "rules")), STR_ARG(text_of(flow, "events")),
                     STR_ARG(text_of(flow, "legacy_delivered")), STR_ARG(text_of(flow, "new_delivered")),
                     STR_ARG(text_of(flow, "suppressed")),
                     STR_ARG(arena_i64(arena, number_of(flow, "legacy_failed") + number_of(flow, "new_failed")))),
        columns);
}

static int64_t in_state(const struct json *status, const char *state) {
    const struct json *endpoints = member(status, "endpoints");
    return number_of(member(member(endpoints, "legacy"), "messages"), state) +
           number_of(member(member(endpoints, "new"), "messages"), state);
}

/* The longest that anything has waited, in seconds; -1: nothing waits. */
static int64_t oldest_s(const struct json *status, const char *key) {
    static const char *const names[] = {"legacy", "new"};
    int64_t oldest = -1;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct json *endpoint = member(member(status, "endpoints"), names[i]);
        if (member(endpoint, key) != NULL && number_of(endpoint, key) > oldest)
            oldest = number_of(endpoint, key);
    }
    return oldest;
}

static void write_backlog(struct arena *arena, const struct json *status, size_t columns, struct strbuf *out) {
    static const char *const states[STATES] = {"pending", "held", "parked", "dead", "expired"};
    struct strbuf text = {0};
    for (size_t i = 0; i < STATES; i++) {
        strbuf_printf(&text, "%s%s %lld", i == 0 ? "" : ", ", states[i], (long long)in_state(status, states[i]));
        int64_t oldest = i == 0   ? oldest_s(status, "oldest_pending_seconds")
                         : i == 2 ? oldest_s(status, "oldest_parked_seconds")
                                  : -1;
        if (oldest >= 0)
            strbuf_printf(&text, " (oldest " STR_FMT ")", STR_ARG(words_span(arena, oldest * 1000)));
    }
    label(out, "Backlog");
    append_wrapped(out, strbuf_str(&text), columns);
    strbuf_clear(&text);
}

static void add_consumer(struct table *table, struct arena *arena, const struct json *status, const char *name) {
    const struct json *endpoint = member(member(status, "endpoints"), name);
    const struct json *messages = member(endpoint, "messages");
    const struct str cells[CONSUMER_COLUMNS] = {
        str_of(name),
        is_true(endpoint, "up") ? STR("up") : STR("DOWN"),
        text_of(endpoint, "site"),
        arena_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(text_of(endpoint, "in_flight")),
                     STR_ARG(text_of(endpoint, "concurrency"))),
        text_of(messages, "pending"),
        text_of(messages, "parked"),
        text_of(messages, "delivered"),
        text_of(messages, "dead"),
    };
    table_add(table, cells);
}

/* Where types go to several hosts, each of them has its own health. */
static void add_origins(struct table *table, struct arena *arena, const struct json *status, const char *name) {
    const struct json *origins = member(member(member(status, "endpoints"), name), "origins");
    for (const struct json *each = origins == NULL ? NULL : origins->first; each != NULL; each = each->next) {
        const struct str cells[CONSUMER_COLUMNS] = {STR("  of it"), is_true(each, "up") ? STR("up") : STR("DOWN"),
                                                    text_of(each, "site"),
                                                    arena_str(arena, text_of(each, "in_flight"))};
        table_add(table, cells);
    }
}

static void write_consumers(struct arena *arena, const struct json *status, size_t columns, struct strbuf *out) {
    static const char *const headings[] = {"CONSUMER", "STATE",       "SITE",   ">IN FLIGHT", ">PENDING",
                                           ">PARKED",  "?>DELIVERED", "?>DEAD", NULL};
    struct table *table = table_new(arena, headings);
    add_consumer(table, arena, status, "legacy");
    add_origins(table, arena, status, "legacy");
    add_consumer(table, arena, status, "new");
    add_origins(table, arena, status, "new");
    strbuf_append_char(out, '\n');
    table_print_within(table, columns, out);
}

static void append_bytes(struct strbuf *out, int64_t bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
        amount /= 1024;
    strbuf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
}

static void write_store(const struct json *status, size_t columns, struct strbuf *out) {
    const struct json *store = member(status, "store");
    struct strbuf text = {0};
    if (is_true(store, "failing"))
        strbuf_printf(&text, "FAILING: " STR_FMT "; ", STR_ARG(text_of(store, "error")));
    if (member(store, "file_bytes") != NULL) {
        strbuf_append(&text, text_of(store, "path"));
        strbuf_append(&text, STR(", "));
        append_bytes(&text, number_of(store, "file_bytes") + number_of(store, "log_bytes"));
        strbuf_append(&text, STR("; the disk has "));
        append_bytes(&text, number_of(store, "disk_free_bytes"));
        strbuf_append(&text, STR(" free of "));
        append_bytes(&text, number_of(store, "disk_bytes"));
    } else {
        strbuf_append(&text, STR("in memory: ends with the process"));
    }
    label(out, "Store");
    append_wrapped(out, strbuf_str(&text), columns);
    strbuf_clear(&text);
}

void status_write_text(struct arena *arena, const struct status_answers *answers, size_t columns, struct strbuf *out) {
    write_head(answers, out);
    label(out, "Stage");
    append_wrapped(out, text_of(answers->status, "stage_text"), columns);
    write_flags(answers->flags, out);
    write_verdict(arena, answers->parity, columns, out);
    write_flow(arena, answers->status, columns, out);
    write_backlog(arena, answers->status, columns, out);
    write_store(answers->status, columns, out);
    write_consumers(arena, answers->status, columns, out);
}

void status_write_json(const struct status_answers *answers, struct strbuf *out) {
    struct json_writer json;
    json_begin(&json, out);
    json_object_begin(&json);
    for (const struct json *each = answers->status->first; each != NULL; each = each->next) {
        json_key_str(&json, each->key);
        json_value(&json, each);
    }
    const struct json *flags = member(answers->flags, "flags"), *reasons = member(answers->parity, "reasons");
    if (flags != NULL) {
        json_key(&json, "flags");
        json_value(&json, flags);
    }
    json_key(&json, "verdict");
    json_str(&json, text_of(answers->parity, "verdict"));
    if (reasons != NULL) {
        json_key(&json, "reasons");
        json_value(&json, reasons);
    }
    json_object_end(&json);
    strbuf_append_char(out, '\n');
}
