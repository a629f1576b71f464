#include "proxy/decide/catalog_reader.h"

#include "common/nearest.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROBLEM_MAX = 100 /* more would not help anybody */ };

void reader_problem(struct reader *reader, const struct json *at, const char *format, ...) {
    char what[512];
    uint32_t line, column;
    va_list args;
    if (++reader->problem_count > PROBLEM_MAX)
        return;
    va_start(args, format);
    // Clang 14 loses va_start() where one run checks several files.
    vsnprintf(what, sizeof what, format, args); // NOLINT(clang-analyzer-valist.Uninitialized)
    va_end(args);
    json_place(reader->text, at->key.at != NULL ? at->key_start : at->start, &line, &column);
    strbuf_printf(reader->problems, "%s:%u:%u: %s\n", reader->file, line, column, what);
}

static const char *type_text(enum json_type type) {
    static const char *const texts[] = {"null", "true or false", "a number", "a string", "a list", "an object"};
    return texts[type];
}

bool reader_expect(struct reader *reader, const struct json *value, enum json_type type) {
    if (value->type != type) {
        if (value->key.at != NULL)
            reader_problem(reader, value, "\"" STR_FMT "\" must be %s", STR_ARG(value->key), type_text(type));
        else
            reader_problem(reader, value, "this must be %s", type_text(type));
        return false;
    }
    if (type == JSON_STRING && value->text.len == 0) {
        reader_problem(reader, value, "this must not be empty");
        return false;
    }
    return true;
}

const struct json *reader_member(struct reader *reader, const struct json *object, const char *key, enum json_type type,
                                 enum reader_need need) {
    const struct json *member = json_get(object, str_of(key));
    if (member == NULL && need == READER_REQUIRED)
        reader_problem(reader, object, "\"%s\" is missing; it must be %s", key, type_text(type));
    return member != NULL && reader_expect(reader, member, type) ? member : NULL;
}

struct str reader_text(struct reader *reader, const struct json *object, const char *key, enum reader_need need) {
    return json_string(reader_member(reader, object, key, JSON_STRING, need));
}

/* Appends the section's names to `known`, where that is not NULL, and offers them to `nearest`. Is `name` one? */
static bool is_member(enum catalog_section section, struct str name, struct nearest *nearest, struct strbuf *known) {
    nearest_begin(nearest, name);
    for (size_t i = 0; i < catalog_member_count(); i++) {
        const struct catalog_member *member = catalog_member_at(i);
        if (member->section != section)
            continue;
        if (str_eq(str_of(member->name), name))
            return true;
        nearest_offer(nearest, str_of(member->name));
        if (known != NULL)
            strbuf_printf(known, "%s%s", known->len > 0 ? ", " : "", member->name);
    }
    return false;
}

void reader_expect_members(struct reader *reader, const struct json *object, enum catalog_section section) {
    struct nearest nearest;
    for (const struct json *member = object->first; member != NULL; member = member->next) {
        struct strbuf known = {0};
        if (is_member(section, member->key, &nearest, &known)) {
            strbuf_clear(&known);
            continue;
        }
        if (nearest.best.at != NULL)
            reader_problem(reader, member, "\"" STR_FMT "\" has no meaning here; did you mean \"" STR_FMT "\"?",
                           STR_ARG(member->key), STR_ARG(nearest.best));
        else
            reader_problem(reader, member, "\"" STR_FMT "\" has no meaning here; possible are %s", STR_ARG(member->key),
                           known.at);
        strbuf_clear(&known);
    }
}

size_t reader_texts(struct reader *reader, const struct json *value, const struct str **texts) {
    const bool is_list = value->type == JSON_ARRAY;
    struct str *made = ARENA_ARRAY(reader->arena, is_list ? value->count : 1, struct str);
    size_t count = 0;
    for (const struct json *at = is_list ? value->first : value; at != NULL; at = is_list ? at->next : NULL)
        if (reader_expect(reader, at, JSON_STRING))
            made[count++] = at->text;
    *texts = made;
    return count;
}
