#include "common/log.h"

#include "common/clock.h"
#include "common/log_bound.h"
#include "common/log_queue.h"

_Atomic int log_threshold = LOG_INFO;
static _Atomic int log_format = LOG_TEXT;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set(enum log_level level, enum log_format format) {
    atomic_store(&log_threshold, (int)level);
    atomic_store(&log_format, (int)format);
}

/* A JSON string. What is not UTF-8 is written as \u00XX of the byte, and a control character (str_control_len()) as
 * \uXXXX, so that a line stays a line, and reads as it was written, whatever a sender puts into its headers. */
static void append_quoted(struct strbuf *line, struct str text) {
    bool utf8 = str_is_utf8(text);
    strbuf_append_char(line, '"');
    while (text.len > 0) {
        unsigned char c = (unsigned char)text.at[0];
        size_t control = c >= 0x80 && !utf8 ? 1 : str_control_len(text);
        if (c == '"' || c == '\\')
            strbuf_printf(line, "\\%c", c);
        else if (control > 0)
            strbuf_printf(line, "\\u%04x", utf8 ? str_code_point(text) : c);
        else
            strbuf_append_char(line, (char)c);
        text = str_from(text, control > 0 ? control : 1);
    }
    strbuf_append_char(line, '"');
}

static bool is_plain(struct str text) {
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] >= 0x7F || text.at[i] == '"' || text.at[i] == '=')
            return false;
    return true;
}

static void append_field(struct strbuf *line, const struct log_field *field, bool json) {
    if (json) {
        strbuf_append_char(line, ',');
        append_quoted(line, str_of(field->key));
        strbuf_append_char(line, ':');
    } else {
        strbuf_printf(line, " %s=", field->key);
    }
    if (field->is_number)
        strbuf_printf(line, "%lld", (long long)field->number);
    else if (!json && is_plain(field->text))
        strbuf_append(line, field->text);
    else
        append_quoted(line, field->text);
}

static void format_line(struct strbuf *line, enum log_level level, const char *fact, const struct log_field *fields,
                        size_t field_count) {
    bool json = atomic_load_explicit(&log_format, memory_order_relaxed) == LOG_JSON;
    struct arena *arena = arena_new(512);
    struct str now = clock_format_rfc3339(arena, clock_wall_ms());
    if (json) {
        strbuf_printf(line, "{\"time\":\"" STR_FMT "\",\"level\":\"%s\",\"msg\":", STR_ARG(now), level_names[level]);
        append_quoted(line, str_of(fact));
    } else {
        strbuf_printf(line, STR_FMT " %-5s %s", STR_ARG(now), level_names[level], fact);
    }
    for (size_t i = 0; i < field_count; i++)
        if (fields[i].key != NULL)
            append_field(line, &fields[i], json);
    strbuf_append(line, json ? STR("}\n") : STR("\n"));
    arena_free(arena);
}

void log_write(enum log_level level, const char *fact, const struct log_field *fields, size_t field_count) {
    struct strbuf line = {0};
    format_line(&line, level, fact, fields, field_count);
    log_queue_put(line.at, line.len);
    strbuf_clear(&line);
}

/* On the writer's thread, past the queue: the line belongs where the lost ones would have stood. */
static void write_dropped(uint64_t count) {
    const struct log_field fields[] = {LOG_INT("count", count)};
    struct strbuf line = {0};
    format_line(&line, LOG_WARN, "log lines were dropped: standard error was read too slowly", fields, 1);
    log_queue_write(line.at, line.len);
    strbuf_clear(&line);
}

static void tick(void) {
    log_bound_tick(clock_mono_us());
}

bool log_start(void) {
    static const struct log_queue_hooks hooks = {.dropped = write_dropped, .tick = tick};
    return log_queue_start(&hooks);
}

void log_stop(void) {
    log_queue_stop();
}
