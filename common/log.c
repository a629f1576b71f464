#include "common/log.h"

#include "common/clock.h"

#include <stdio.h>
#include <unistd.h>

_Atomic int log_threshold = LOG_INFO;
static _Atomic int log_format = LOG_TEXT;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_set(enum log_level level, enum log_format format) {
    atomic_store(&log_threshold, (int)level);
    atomic_store(&log_format, (int)format);
}

/* A JSON string; what is not UTF-8 or a control character is written as \u00XX of the byte, so that a line stays a
 * line whatever a sender puts into its headers. */
static void append_quoted(struct strbuf *line, struct str text) {
    bool utf8 = str_is_utf8(text);
    strbuf_append_char(line, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\')
            strbuf_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7F || (c >= 0x80 && !utf8))
            strbuf_printf(line, "\\u%04x", c);
        else
            strbuf_append_char(line, (char)c);
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

void log_write(enum log_level level, const char *fact, const struct log_field *fields, size_t field_count) {
    bool json = atomic_load_explicit(&log_format, memory_order_relaxed) == LOG_JSON;
    struct arena *arena = arena_new(512);
    struct str now = clock_format_rfc3339(arena, clock_wall_ms());
    struct strbuf line = {0};
    if (json) {
        strbuf_printf(&line, "{\"time\":\"" STR_FMT "\",\"level\":\"%s\",\"msg\":", STR_ARG(now), level_names[level]);
        append_quoted(&line, str_of(fact));
    } else {
        strbuf_printf(&line, STR_FMT " %-5s %s", STR_ARG(now), level_names[level], fact);
    }
    for (size_t i = 0; i < field_count; i++)
        if (fields[i].key != NULL)
            append_field(&line, &fields[i], json);
    strbuf_append(&line, json ? STR("}\n") : STR("\n"));
    /* One call a line keeps lines of several threads apart; there is nobody to tell when standard error is gone. */
    ssize_t written = write(STDERR_FILENO, line.at, line.len);
    (void)written;
    strbuf_clear(&line);
    arena_free(arena);
}
