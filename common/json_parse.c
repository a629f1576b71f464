/* yajl finds the tokens and says whether they may stand where they stand; this file builds the tree from its
 * callbacks and knows where everything is.
 *
 * Inside a callback yajl_get_bytes_consumed() is the offset just past the current token. Commas and colons have no
 * callback, so a token begins at the first byte after the token before it that is no white space, no separator and no
 * comment:
 *
 *     { "a" : 1 ,  "b" : [ ] }
 *             ^ end of the token before
 *                  ^ start     ^ yajl_get_bytes_consumed()
 *
 * yajl itself does not recurse. Depth is bounded here because whoever walks the tree does.
 *
 * Where yajl is more lenient than RFC 8259 it is not relied on: it takes overlong UTF-8 and encoded surrogates, so the
 * text is checked beforehand; it takes \v and \f as white space, and a block comment that never ends behind the last
 * value, so what lies between tokens is looked at here. */
#include "common/json_parse.h"

#include "common/json.h"
#include "common/json_memory.h"
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>

/* An open array or object. */
struct level {
    struct json *container, *last;
    struct level *outer; /* or the next one to use again */
};

struct reader {
    struct arena *arena;
    struct str text;
    const struct json_limits *limits;
    yajl_handle yajl;
    size_t base; /* offset in `text` of what yajl was given last */
    size_t end;  /* of the last token */
    struct level *level, *spare;
    struct json *root;
    struct json *nodes; /* not used yet */
    size_t node_count;
    uint32_t depth, values;
    struct str key;
    uint32_t key_start;
    enum err err; /* what stopped it, if not yajl */
    size_t err_at;
    char what[200];
};

struct token {
    uint32_t start, end;
};

enum { NODES_AT_ONCE = 8 };

/* What a callback returns to yajl. */
enum { STOP, GO_ON };

static void PRINTF_LIKE(4, 5) reader_fail(struct reader *reader, enum err err, size_t at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(reader->what, sizeof reader->what, format, args);
    va_end(args);
    reader->err = err;
    reader->err_at = at;
}

/* The offset behind a comment that begins at `at`; past the end of the text where it does not end. */
static size_t comment_end(struct str text, size_t at) {
    struct str rest = str_from(text, at);
    bool is_block = str_starts_with(rest, STR("/*"));
    ptrdiff_t close = is_block ? str_find(str_from(rest, 2), STR("*/")) : str_find(rest, STR("\n"));
    if (close < 0)
        return is_block ? text.len + 1 : text.len;
    return at + (size_t)close + (is_block ? 4 : 1);
}

static bool is_comment(struct str text, size_t at) {
    return text.at[at] == '/' && at + 1 < text.len && (text.at[at + 1] == '/' || text.at[at + 1] == '*');
}

static size_t find_token(const struct reader *reader, size_t at) {
    static const bool is_between[256] = {
        [' '] = true, [','] = true, [':'] = true, ['\n'] = true, ['\r'] = true, ['\t'] = true};
    struct str text = reader->text;
    for (;;) {
        while (at < text.len && is_between[(unsigned char)text.at[at]])
            at++;
        if (!reader->limits->comments || at >= text.len || !is_comment(text, at))
            return at;
        at = comment_end(text, at);
    }
}

static bool read_token(struct reader *reader, struct token *token) {
    size_t start = find_token(reader, reader->end);
    size_t end = reader->base + yajl_get_bytes_consumed(reader->yajl);
    if (start >= end || reader->text.at[start] == '\v' || reader->text.at[start] == '\f') {
        reader_fail(reader, ERR_INVALID, start, "a character that may not stand between values");
        return false;
    }
    *token = (struct token){(uint32_t)start, (uint32_t)end};
    reader->end = end;
    return true;
}

static void reader_link(struct reader *reader, struct json *value) {
    struct level *level = reader->level;
    if (level == NULL) {
        reader->root = value;
        return;
    }
    if (level->container->type == JSON_OBJECT) {
        value->key = reader->key;
        value->key_start = reader->key_start;
    }
    if (level->last == NULL)
        level->container->first = value;
    else
        level->last->next = value;
    level->last = value;
    level->container->count++;
}

static struct json *take_node(struct reader *reader) {
    if (reader->node_count == 0) {
        reader->nodes = ARENA_ARRAY(reader->arena, NODES_AT_ONCE, struct json);
        reader->node_count = NODES_AT_ONCE;
    }
    reader->node_count--;
    return reader->nodes++;
}

static struct json *add_value(struct reader *reader, enum json_type type) {
    struct token token;
    if (!read_token(reader, &token))
        return NULL;
    if (reader->values >= reader->limits->values) {
        reader_fail(reader, ERR_LIMIT, token.start, "more than %u values", reader->limits->values);
        return NULL;
    }
    reader->values++;
    struct json *value = take_node(reader);
    value->type = type;
    value->start = token.start;
    value->end = token.end;
    reader_link(reader, value);
    return value;
}

/* A surrogate escaped alone (legal in JSON, of no meaning) comes out of yajl as bytes that are not UTF-8. */
static struct str copy_decoded(struct arena *arena, struct str text) {
    if (str_is_utf8(text))
        return arena_str(arena, text);
    struct strbuf mended = {0};
    while (text.len > 0) {
        size_t good = str_utf8_len(text);
        strbuf_append(&mended, str_slice(text.at, good));
        text = str_from(text, good);
        if (text.len > 0)
            strbuf_append(&mended, STR("\xEF\xBF\xBD"));
        text = str_from(text, text.len >= 3 ? 3 : text.len); /* an encoded surrogate has three bytes */
    }
    struct str copy = arena_str(arena, strbuf_str(&mended));
    strbuf_clear(&mended);
    return copy;
}

/* What had nothing to decode yajl shows where it stands in the text, which was checked as a whole. */
static struct str keep_text(struct reader *reader, const char *at, size_t len) {
    if (len == 0)
        return STR("");
    if ((uintptr_t)at - (uintptr_t)reader->text.at >= reader->text.len)
        return copy_decoded(reader->arena, str_slice(at, len));
    return reader->limits->in_place ? str_slice(at, len) : arena_str(reader->arena, str_slice(at, len));
}

static int on_null(void *arg) {
    return add_value(arg, JSON_NULL) != NULL;
}

static int on_boolean(void *arg, int is_true) {
    struct json *value = add_value(arg, JSON_BOOL);
    if (value == NULL)
        return STOP;
    value->boolean = is_true != 0;
    return GO_ON;
}

static int on_number(void *arg, const char *at, size_t len) {
    struct reader *reader = arg;
    struct json *value = add_value(reader, JSON_NUMBER);
    if (value == NULL)
        return STOP;
    value->text = keep_text(reader, at, len);
    return GO_ON;
}

static int on_string(void *arg, const unsigned char *at, size_t len) {
    struct reader *reader = arg;
    struct json *value = add_value(reader, JSON_STRING);
    if (value == NULL)
        return STOP;
    value->text = keep_text(reader, (const char *)at, len);
    return GO_ON;
}

static int on_key(void *arg, const unsigned char *at, size_t len) {
    struct reader *reader = arg;
    struct token token;
    if (!read_token(reader, &token))
        return STOP;
    reader->key = keep_text(reader, (const char *)at, len);
    reader->key_start = token.start;
    return GO_ON;
}

static int level_open(struct reader *reader, enum json_type type) {
    struct json *value = add_value(reader, type);
    if (value == NULL)
        return STOP;
    if (reader->depth >= reader->limits->depth) {
        reader_fail(reader, ERR_LIMIT, value->start, "nested deeper than %u levels", reader->limits->depth);
        return STOP;
    }
    reader->depth++;
    struct level *level = reader->spare;
    if (level == NULL)
        level = ARENA_NEW(reader->arena, struct level);
    else
        reader->spare = level->outer;
    *level = (struct level){.container = value, .outer = reader->level};
    reader->level = level;
    return GO_ON;
}

static int on_array(void *arg) {
    return level_open(arg, JSON_ARRAY);
}

static int on_object(void *arg) {
    return level_open(arg, JSON_OBJECT);
}

static int level_close(void *arg) {
    struct reader *reader = arg;
    struct level *level = reader->level;
    struct token token;
    if (!read_token(reader, &token))
        return STOP;
    level->container->end = token.end;
    reader->level = level->outer;
    reader->depth--;
    level->outer = reader->spare;
    reader->spare = level;
    return GO_ON;
}

static int compare_members(const void *a, const void *b) {
    const struct json *left = *(const struct json *const *)a, *right = *(const struct json *const *)b;
    int order = str_compare(left->key, right->key);
    return order != 0 ? order : (left->key_start > right->key_start) - (left->key_start < right->key_start);
}

/* The member that repeats an earlier key and comes first in the text; NULL where there is none. */
static const struct json *find_repeated(const struct json *object) {
    if (object->count < 2)
        return NULL;
    const struct json **members = mem_array(object->count, sizeof *members), *found = NULL;
    size_t count = 0;
    for (const struct json *member = object->first; member != NULL; member = member->next)
        members[count++] = member;
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 1; i < count; i++)
        if (str_eq(members[i - 1]->key, members[i]->key) && (found == NULL || members[i]->key_start < found->key_start))
            found = members[i];
    mem_free(members);
    return found;
}

static int on_object_end(void *arg) {
    struct reader *reader = arg;
    const struct json *object = reader->level->container;
    const struct json *repeated = reader->limits->unique_keys ? find_repeated(object) : NULL;
    if (repeated == NULL)
        return level_close(arg);
    int shown = repeated->key.len < 100 ? (int)repeated->key.len : 100;
    reader_fail(reader, ERR_INVALID, repeated->key_start, "the key \"%.*s\" stands here a second time", shown,
                repeated->key.at);
    return STOP;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_key,
    .yajl_end_map = on_object_end,
    .yajl_start_array = on_array,
    .yajl_end_array = level_close,
};

/* What yajl says, and the same for a person who looks at the place. */
static const struct {
    const char *yajl, *what;
    bool at_token; /* yajl stands behind the token that is wrong, else at the wrong byte */
} sayings[] = {
    {"premature EOF", "the text ends in the middle", false},
    {"unallowed token", "a value was expected here", true},
    {"trailing garbage", "something follows the end of the value", true},
    {"invalid object key", "a key in quotation marks was expected here", true},
    {"separated by a colon", "a colon was expected here, between key and value", true},
    {"inside map", "\",\" or \"}\" was expected here", true},
    {"after array element", "\",\" or \"]\" was expected here", true},
    {"occurs before a character", "a backslash before a character that cannot be escaped", false},
    {"invalid character inside string", "a control character inside a string, where it must be escaped", false},
    {"non-hex", "\\u without four hexadecimal digits", false},
    {"invalid char in json", "a character that cannot begin a value", true},
    {"invalid string in json", "a word that is not true, false or null", true},
    {"after the exponent", "a number without a digit after its exponent", true},
    {"after the decimal point", "a number without a digit after its decimal point", true},
    {"after the minus sign", "a minus sign without a digit", true},
    {"comments are not enabled", "a comment, or a slash, where none may stand", true},
};

static void fail_as_yajl(struct reader *reader) {
    size_t at = reader->base + yajl_get_bytes_consumed(reader->yajl);
    if (at > reader->text.len) /* yajl ends a text with a space of its own */
        at = reader->text.len;
    size_t token = find_token(reader, reader->end);
    unsigned char *message = yajl_get_error(reader->yajl, 0, NULL, 0);
    const char *said = message == NULL ? "" : (const char *)message;
    reader_fail(reader, ERR_INVALID, at, "%.*s", (int)strcspn(said, "\n"), said);
    for (size_t i = 0; i < ARRAY_LEN(sayings); i++) {
        if (strstr(said, sayings[i].yajl) == NULL)
            continue;
        /* Of two commas in a row the second is wrong, and find_token() passes over both. */
        bool is_separator = at > 0 && at <= token && memchr(",:", reader->text.at[at - 1], 2) != NULL;
        size_t place = is_separator && str_starts_with(str_of(said), STR("parse error")) ? at - 1 : token;
        reader_fail(reader, ERR_INVALID, sayings[i].at_token ? place : at, "%s", sayings[i].what);
        break;
    }
    yajl_free_error(reader->yajl, message);
}

static void run_yajl(struct reader *reader) {
    struct json_memory memory;
    yajl_alloc_funcs functions;
    json_memory_begin(&memory, &functions);
    reader->yajl = yajl_alloc(&callbacks, &functions, reader);
    yajl_config(reader->yajl, yajl_allow_comments, reader->limits->comments ? 1 : 0);
    yajl_config(reader->yajl, yajl_dont_validate_strings, 1); /* done, and more strictly */
    struct str rest = str_from(reader->text, reader->base);
    yajl_status status = yajl_parse(reader->yajl, (const unsigned char *)rest.at, rest.len);
    if (status == yajl_status_ok) {
        reader->base = reader->text.len; /* a number that ends the text comes only now */
        status = yajl_complete_parse(reader->yajl);
    }
    if (status == yajl_status_error)
        fail_as_yajl(reader);
    yajl_free(reader->yajl);
    json_memory_end(&memory);
}

/* Behind the value there may be white space and comments, and yajl looks at neither closely. */
static void check_tail(struct reader *reader) {
    size_t end = find_token(reader, reader->end);
    if (end > reader->text.len)
        reader_fail(reader, ERR_INVALID, reader->text.len, "the text ends in the middle of a comment");
    else if (end < reader->text.len)
        reader_fail(reader, ERR_INVALID, end, "something follows the end of the value");
}

static void read_text(struct reader *reader) {
    if (reader->text.len >= UINT32_MAX) {
        reader_fail(reader, ERR_LIMIT, 0, "longer than 4 GiB");
        return;
    }
    size_t good = str_utf8_len(reader->text);
    if (good < reader->text.len) {
        reader_fail(reader, ERR_INVALID, good, "a byte that is not UTF-8 (0x%02x)",
                    (unsigned)(unsigned char)reader->text.at[good]);
        return;
    }
    reader->base = reader->end = str_starts_with(reader->text, STR("\xEF\xBB\xBF")) ? 3 : 0;
    if (str_trim(str_from(reader->text, reader->base)).len == 0) {
        reader_fail(reader, ERR_INVALID, reader->base, "the text is empty");
        return;
    }
    run_yajl(reader);
    if (reader->err == ERR_NONE)
        check_tail(reader);
}

enum err json_parse(struct arena *arena, struct str text, const struct json_limits *limits, struct json **root,
                    struct json_error *error) {
    struct reader reader = {.arena = arena, .text = text, .limits = limits};
    read_text(&reader);
    if (reader.err == ERR_NONE) {
        *root = reader.root;
    } else if (error != NULL) {
        error->offset = (uint32_t)reader.err_at;
        json_place(text, error->offset, &error->line, &error->column);
        memcpy(error->what, reader.what, sizeof error->what);
    }
    return reader.err;
}

void json_place(struct str text, uint32_t offset, uint32_t *line, uint32_t *column) {
    size_t line_start = 0;
    *line = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.at[i] == '\n') {
            ++*line;
            line_start = i + 1;
        }
    }
    *column = (uint32_t)(offset - line_start + 1);
}
