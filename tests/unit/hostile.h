/* Reads tests/hostile.txt, which says what it is written in. */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include "common/arena.h"
#include "common/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>

struct hostile {
    struct str name, status, request;
};

enum { HOSTILE_MOST = 1000 };

static inline void hostile_expand(struct strbuf *out, struct str text);

static inline size_t hostile_escape(struct strbuf *out, struct str text) {
    static const char letters[] = "rntvf0\\", bytes[] = "\r\n\t\v\f\0\\";
    assert_true(text.len > 1);
    const char *letter = memchr(letters, text.at[1], sizeof letters - 1);
    if (letter != NULL) {
        strbuf_append_char(out, bytes[letter - letters]);
        return 2;
    }
    assert_true(text.at[1] == 'x' && text.len > 3);
    const char digits[] = {text.at[2], text.at[3], '\0'};
    strbuf_append_char(out, (char)strtoul(digits, NULL, 16));
    return 4;
}

static inline void hostile_brace(struct strbuf *out, struct str inside) {
    if (str_eq(inside, STR("host"))) {
        strbuf_append(out, STR("Host: a\r\n"));
    } else if (str_eq(inside, STR("post"))) {
        strbuf_append(out, STR("POST /p HTTP/1.1\r\nHost: a\r\n"));
    } else if (str_eq(inside, STR("chunked"))) {
        strbuf_append(out, STR("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
    } else {
        uint64_t times = 0;
        ptrdiff_t star = str_find(inside, STR("*"));
        assert_true(star > 0 && str_to_u64(str_from(inside, (size_t)star + 1), &times));
        while (times-- > 0)
            hostile_expand(out, str_slice(inside.at, (size_t)star));
    }
}

static inline void hostile_expand(struct strbuf *out, struct str text) {
    for (size_t at = 0; at < text.len;) {
        struct str rest = str_from(text, at);
        if (rest.at[0] == '\\') {
            at += hostile_escape(out, rest);
        } else if (rest.at[0] == '{') {
            ptrdiff_t end = str_find(rest, STR("}"));
            assert_true(end > 0);
            hostile_brace(out, str_slice(rest.at + 1, (size_t)end - 1));
            at += (size_t)end + 1;
        } else {
            strbuf_append_char(out, rest.at[0]);
            at++;
        }
    }
}

static inline struct str hostile_cut(struct str *line) {
    struct str mark = STR(" | ");
    ptrdiff_t at = str_find(*line, mark);
    assert_true(at > 0);
    struct str piece = str_slice(line->at, (size_t)at);
    *line = str_from(*line, (size_t)at + mark.len);
    return piece;
}

/* All of them, in the arena. */
static inline size_t hostile_read(struct arena *arena, struct hostile rows[HOSTILE_MOST]) {
    struct str text, line;
    size_t count = 0;
    assert_int_equal(file_read(arena, TEST_SOURCE_DIR "/tests/hostile.txt", 1 << 20, &text, NULL), ERR_NONE);
    while (str_next(&text, '\n', &line)) {
        struct strbuf request = {0};
        if (line.len == 0 || line.at[0] == '#')
            continue;
        assert_true(count < HOSTILE_MOST);
        rows[count].name = hostile_cut(&line);
        rows[count].status = hostile_cut(&line);
        hostile_expand(&request, line);
        rows[count++].request = arena_str(arena, strbuf_str(&request));
        strbuf_clear(&request);
    }
    assert_true(count >= 150);
    return count;
}

#endif
