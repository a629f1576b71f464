/* JsonLogic rules in tests: rows of a rule, the data and the result, all three as JSON. */
#ifndef TESTS_UNIT_LOGIC_FIXTURE_H
#define TESTS_UNIT_LOGIC_FIXTURE_H

#include "proxy/decide/jsonlogic.h"
#include "proxy/decide/logic_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static inline struct json *parse(struct arena *arena, struct str text) {
    static const struct json_limits limits = {.depth = 1000, .values = 2000000};
    struct json *root = NULL;
    struct json_error error;
    if (json_parse(arena, text, &limits, &root, &error) != ERR_NONE)
        fail_msg("%u:%u: %s in " STR_FMT, error.line, error.column, error.what, STR_ARG(text));
    return root;
}

struct row {
    const char *rule, *data, *expected; /* expected "throws": the reference throws */
};

static inline void check_row(const struct row *row) {
    struct arena *arena = arena_new(0);
    struct err_detail detail = {.text = ""};
    bool throws = strcmp(row->expected, "throws") == 0, holds = false;
    const struct json *expected = parse(arena, throws ? STR("null") : str_of(row->expected));
    enum err err =
        logic_case_run(parse(arena, str_of(row->rule)), parse(arena, str_of(row->data)), expected, &holds, &detail);
    if (throws ? err != ERR_INVALID : err != ERR_NONE)
        fail_msg("%s of %s: %s: %s", row->rule, row->data, err_name(err), detail.text);
    if (!throws && !holds)
        fail_msg("%s of %s is not %s", row->rule, row->data, row->expected);
    arena_free(arena);
}

#define CHECK_ROWS(rows)                                                                                               \
    do {                                                                                                               \
        for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                                \
            check_row(&(rows)[i_]);                                                                                    \
    } while (0)

#endif
