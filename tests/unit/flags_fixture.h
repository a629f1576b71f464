/* Flag files in tests: rows of a file and an outcome as JSON, and rows of a file and what is told about it. */
#ifndef TESTS_UNIT_FLAGS_FIXTURE_H
#define TESTS_UNIT_FLAGS_FIXTURE_H

#include "proxy/decide/flags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW_S = 1725192000 };

#define ON_OFF "\"variants\":{\"on\":true,\"off\":false}"

/* A set of one flag, "f". */
#define ONE(body)     "{\"flags\":{\"f\":{" body "}}}"
#define ENABLED(body) ONE("\"state\":\"ENABLED\"," body)
#define TARGETED(rule)                                                                                                 \
    ENABLED("\"variants\":{\"a\":\"A\",\"b\":\"B\",\"true\":\"T\",\"1\":\"one\"},\"defaultVariant\":\"b\","            \
            "\"targeting\":" rule)

static inline struct json *parse(struct arena *arena, const char *text) {
    static const struct json_limits limits = {.depth = 200, .values = 100000};
    struct json *root = NULL;
    struct json_error error;
    if (text == NULL)
        return NULL;
    if (json_parse(arena, str_of(text), &limits, &root, &error) != ERR_NONE)
        fail_msg("%u:%u: %s in %s", error.line, error.column, error.what, text);
    return root;
}

static inline struct flags *load(struct arena *arena, const char *text) {
    struct flags *flags = NULL;
    struct flag_problems problems;
    if (flags_load(str_of(text), arena, &flags, &problems) != ERR_NONE)
        fail_msg("%s is refused: " STR_FMT, text, STR_ARG(problems.first->what));
    return flags;
}

struct row {
    const char *file, *flag, *type, *context, *fallback, *outcome;
};

static inline void check_row(const struct row *row) {
    struct arena *arena = arena_new(0);
    struct flags *flags = load(arena, row->file);
    struct flag_outcome outcome;
    struct strbuf out = {0};
    struct json_writer writer;
    enum flag_type type = FLAG_TYPE_ANY;
    if (row->type != NULL)
        assert_true(flag_type_parse(str_of(row->type), &type));
    flags_eval(flags, str_of(row->flag), parse(arena, row->context), parse(arena, row->fallback), type, NOW_S, arena,
               &outcome);
    json_begin(&writer, &out);
    flags_outcome_write(&outcome, &writer);
    if (!str_eq(strbuf_str(&out), str_of(row->outcome)))
        fail_msg("%s in %s\n    is %s\n   not %s", row->flag, row->file, out.at, row->outcome);
    strbuf_clear(&out);
    flags_free(flags);
    arena_free(arena);
}

#define CHECK_ROWS(rows)                                                                                               \
    do {                                                                                                               \
        for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                                \
            check_row(&(rows)[i_]);                                                                                    \
    } while (0)

#define WITH_EVALUATORS(evaluators, rule)                                                                              \
    "{\"$evaluators\":{" evaluators                                                                                    \
    "},\"flags\":{\"f\":{\"state\":\"ENABLED\",\"variants\":{\"a\":1,\"b\":2,\"true\":3},"                             \
    "\"defaultVariant\":\"b\",\"targeting\":" rule "}}}"

#define CONSUMERS(legacy, new)                                                                                         \
    "{\"flags\":{\"legacy-consumer\":{\"state\":\"ENABLED\"," ON_OFF "," legacy "},\n"                                 \
    "\"new-consumer\":{\"state\":\"ENABLED\"," ON_OFF "," new "}}}"

/* --- what is told about a file */

struct problem_row {
    const char *file;
    enum flag_severity worst;
    const char *at;   /* how the text goes on from its place; NULL: it is about no place */
    const char *what; /* a part of what is said */
};

static inline struct str text_at(const char *file, uint32_t line, uint32_t column) {
    assert_true(line > 0 && column > 0);
    for (; line > 1; line--)
        file = strchr(file, '\n') + 1;
    assert_true(column <= strlen(file) + 1);
    return str_of(file + column - 1);
}

static inline void check_problem(const struct problem_row *row) {
    struct arena *arena = arena_new(0);
    struct flags *flags = NULL;
    struct flag_problems problems;
    enum err err = flags_load(str_of(row->file), arena, &flags, &problems);
    assert_int_equal(err == ERR_NONE, row->worst != FLAG_REFUSED);
    assert_int_equal(flags == NULL, err != ERR_NONE);
    assert_true(problems.count > 0);
    const struct flag_problem *problem = problems.first;
    while (problem != NULL && str_find(problem->what, str_of(row->what)) < 0)
        problem = problem->next;
    if (problem == NULL)
        fail_msg("nothing says \"%s\" of %s; the first says " STR_FMT, row->what, row->file,
                 STR_ARG(problems.first->what));
    if (row->at == NULL)
        assert_int_equal(problem->line, 0);
    else if (!str_starts_with(text_at(row->file, problem->line, problem->column), str_of(row->at)))
        fail_msg("%s: %u:%u in %s", row->what, problem->line, problem->column, row->file);
    if (problems.worst != row->worst)
        fail_msg("%s: the worst is %d: %s", row->what, problems.worst, row->file);
    flags_free(flags);
    arena_free(arena);
}

#define CHECK_PROBLEMS(rows)                                                                                           \
    do {                                                                                                               \
        for (size_t i_ = 0; i_ < ARRAY_LEN(rows); i_++)                                                                \
            check_problem(&(rows)[i_]);                                                                                \
    } while (0)

#endif
